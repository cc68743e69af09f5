#!/usr/bin/env python3
"""Prints the table of docs/guide.md: what the program sends to its terminal, and how keys fare on a slow line.

    tests/measure/wire.py [BINARY [SECONDS]]

Each figure is counted at the terminal's end of a pseudo-terminal. Events come one every two seconds, so that a frame
holds one; SECONDS (default 60) is how long each case is listened to. Goals: 0 bytes idle; 60 bytes an event while the
list is held; following 350 bytes with the list alone and 9,000 with the detail beside it, at 200x50.
"""

import os
import select
import sys
import tempfile
import time

from common import Sim, Terminal, binary, config, environment, load

SIZES = ((80, 24), (200, 50))
# The bytes per second of a bad line. Data buffered by the system adds to the wait, as on a real line.
LINE = 400
# How often the list is held and released on that line.
KEYS = 4
# After this many seconds without a byte, no look-ups are left, since two requests are closer together.
SETTLED = 40


def ready(terminal):
    terminal.until(lambda t: (t.listed() or 0) >= 300)
    terminal.listen(3)


def events(program, seconds, size, keys, word):
    """Returns the bytes per event, and the number of events, after `keys` have led to a title with `word`."""
    with Sim(program, backlog=300, rate=30) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", names_off(data)]
        with Terminal(args, environment(sim), *size) as terminal:
            ready(terminal)
            for key in keys:
                terminal.press(key)
                terminal.listen(1)
            if word not in terminal.title:
                sys.exit(f"the title does not say {word}: {terminal.title}")
            before, bytes_before = terminal.listed(), terminal.bytes
            terminal.listen(seconds)
            came = terminal.listed() - before
            if not came:
                sys.exit("no event came")
            return (terminal.bytes - bytes_before) / came, came


def names_off(folder):
    """Disables look-ups, since names change other rows and are not part of an event."""
    path = config(folder, interval="1s", rate_share=1.0)
    with open(path, "a") as file:
        file.write("names = false\n")
    return path


def idle(program, seconds, size):
    with Sim(program, backlog=300) as sim, tempfile.TemporaryDirectory() as data:
        # The default settings.
        with Terminal([program, "watch", "--data-dir", data], environment(sim), *size) as terminal:
            ready(terminal)
            while terminal.listen(SETTLED):
                pass
            return sum(terminal.listen(seconds))


def trickle(terminal, seconds, found):
    """Reads LINE bytes a second until `found` or a time limit. Returns the seconds that it took, or None."""
    begun = time.monotonic()
    taken = 0
    while (now := time.monotonic() - begun) < seconds:
        room = int(now * LINE) - taken
        if room > 0 and select.select([terminal.master], [], [], 0)[0]:
            data = os.read(terminal.master, room)
            taken += len(data)
            terminal.draw(terminal.text.decode(data))
            if found(terminal):
                return time.monotonic() - begun
        select.select([], [], [], 0.01)
    return None


def slow(program, size, told):
    """Measures how long a key takes on a slow line while ten events a second arrive and the list is followed."""
    with Sim(program, backlog=300, rate=600) as sim, tempfile.TemporaryDirectory() as data:
        path = names_off(data)
        with open(path, "a") as file:
            file.write(f"[ui]\nbytes_per_second = {told}\n")
        args = [program, "watch", "--data-dir", data, "--config", path]
        with Terminal(args, environment(sim), *size) as terminal:
            ready(terminal)
            trickle(terminal, 20, lambda t: False)
            waits = []
            for key, word in (("k", "HELD"), ("G", "LIVE")) * KEYS:
                terminal.press(key)
                waits.append(trickle(terminal, 120, lambda t: word in t.title))
                if waits[-1] is None:
                    return None
                trickle(terminal, 3.7, lambda t: False)
            return sorted(waits)


def main():
    program = binary()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    cases = (
        ("an event, list held", ["k"], "HELD"),
        ("an event, following, list alone", [], "LIVE"),
        ("an event, following, detail open", ["\r"], "LIVE"),
    )
    print("| bytes to the terminal | " + " | ".join(f"{columns}x{rows}" for columns, rows in SIZES) + " |")
    print("|---|" + "--:|" * len(SIZES))
    for name, keys, word in cases:
        found = [events(program, seconds, size, keys, word) for size in SIZES]
        print(f"| {name} | " + " | ".join(f"{each:.0f}" for each, _ in found) + " |", flush=True)
    found = [idle(program, seconds, size) for size in SIZES]
    print(f"| {seconds} s idle | " + " | ".join(f"{each}" for each in found) + " |", flush=True)
    for size, told in ((size, told) for size in SIZES for told in (0, LINE)):
        held = slow(program, size, told)
        words = "not within 120 s" if held is None else f"after {held[len(held) // 2]:.1f} s, at most {held[-1]:.1f}"
        print(f"{LINE} bytes a second, {size[0]}x{size[1]}, bytes_per_second = {told}, following ten events a second: a key is seen "
              f"{words}; {load()}",
              flush=True)


main()
