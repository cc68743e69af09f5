#!/usr/bin/env python3
"""Measures how long a key takes to change the screen while a journal's rows are listed and events arrive.

    JOURNAL_EVENTS=1000000 JOURNAL_KEEP=/tmp/million cargo bench --bench journal     makes the journal, once
    tests/measure/keys.py [BINARY [JOURNAL_FOLDER [EVENTS_A_SECOND [ROUNDS]]]]

Goal: 20 ms for 99 of 100 at 1,000 events a second, and no key that waits for more than 100 ms. Keys go one at a time at
uneven moments, each with its own sign on the screen that it was answered; the time runs from the write until the bytes
that hold the sign were read and understood, so it is too large by a millisecond or two, never too small. Esc is counted
apart: for 50 ms it may still be the first byte of another key.
"""

import os
import random
import shutil
import sys
import tempfile
import time

from common import Sim, Terminal, binary, config, environment, load

# The keys, their purpose, and what the screen must show then.
KEYS = (
    ("k", "hold the list", lambda t: "HELD" in t.title),
    ("k", "one row up", lambda t: sign(t) != t.sign),
    ("G", "follow again", lambda t: "LIVE" in t.title),
    ("2", "page of clients", lambda t: "clients" in t.title),
    ("1", "page of consents", lambda t: "rows" in t.title),
    ("?", "help", lambda t: any("columns: wider" in line for line in t.screen)),
    ("\x1b", "no help", lambda t: not any("columns: wider" in line for line in t.screen)),
    ("f", "filter prompt", lambda t: "filter:" in t.screen[-1]),
    ("o", "its first letter", lambda t: "filter: o" in t.screen[-1]),
    ("r", "its second letter", lambda t: "filter: or" in t.screen[-1]),
    ("\x1b", "no filter", lambda t: "filter:" not in t.screen[-1]),
    ("/", "search prompt", lambda t: "search:" in t.screen[-1]),
    ("f", "its letter", lambda t: "search: f" in t.screen[-1]),
    ("\x1b", "no search", lambda t: "search:" not in t.screen[-1]),
)


def sign(terminal):
    """Returns the line of the selected row."""
    return next((at for at, line in enumerate(terminal.screen) if line.startswith("▌")), None)


def main():
    program = binary()
    journal = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else "/tmp/million")
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 1000
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 30
    chance = random.Random(7)
    with Sim(program, rate=rate * 60) as sim, tempfile.TemporaryDirectory() as data:
        shutil.copytree(journal, os.path.join(data, sim.folder))
        args = [program, "watch", "--data-dir", data, "--config", config(data, interval="1s", rate_share=1.0)]
        with Terminal(args, environment(sim), 120, 40) as terminal:
            terminal.until(lambda t: "rows" in t.title and "loading" not in t.title, 300)
            terminal.listen(5)
            before, begun, took = terminal.listed(), time.monotonic(), []
            for _ in range(rounds):
                for key, what, is_answered in KEYS:
                    terminal.listen(chance.uniform(0.05, 0.4))
                    terminal.sign = sign(terminal)
                    pressed = time.monotonic()
                    terminal.press(key)
                    while not is_answered(terminal):
                        if time.monotonic() - pressed > 20:
                            sys.exit(f"{what} did not come:\n" + "\n".join(terminal.screen))
                        terminal.pump(0.005)
                    took.append(((time.monotonic() - pressed) * 1000, what, key))
            came = (terminal.listed() - before) / (time.monotonic() - begun)
    took.sort()
    print(f"over {before:,} rows, {came:.0f} events a second, {load()}:")
    for name, is_esc in (("keys", False), ("Esc", True)):
        own = [ms for ms, _, key in took if (key == "\x1b") == is_esc]
        at = lambda share: own[min(int(len(own) * share), len(own) - 1)]
        print(f"  {len(own)} {name}: median {at(0.5):.1f} ms, p90 {at(0.9):.1f}, p99 {at(0.99):.1f}, most {own[-1]:.1f} "
              "(goals: p99 20, most 100)")
    for key, what, _ in KEYS:
        own = [ms for ms, name, _ in took if name == what]
        print(f"  {what:20} median {own[len(own) // 2]:6.1f} ms, most {own[-1]:6.1f}")


main()
