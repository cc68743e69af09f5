#!/usr/bin/env python3
"""Counts the bytes sent to the terminal for one new row while the list is held, and bytes and CPU of an idle minute.

    tests/measure/quiet.py [BINARY [SECONDS]]

Goals: 60 bytes a new row, 0 bytes and 0.1 s of CPU in an idle minute. A frame is one write; the counts are those of the
terminal's end.
"""

import sys
import tempfile

from common import Sim, Terminal, binary, config, cpu_seconds, environment, load, spread

# After this many seconds without a byte, no look-ups are left, since two requests are closer together.
SETTLED = 40


def held(program, seconds, columns, rows, order):
    with Sim(program, backlog=300, rate=30) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", config(data, interval="1s")]
        with Terminal(args, environment(sim), columns, rows) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= 300)
            terminal.listen(3)
            if order == "newest first":
                terminal.press("oj")
            else:
                terminal.press("k")
            terminal.until(lambda t: "HELD" in t.title)
            terminal.listen(1)
            before, bytes_before = terminal.listed(), terminal.bytes
            frames = terminal.listen(seconds)
            came, sent = terminal.listed() - before, terminal.bytes - bytes_before
            print(f"held, {order}, {columns}x{rows}: {came} rows in {len(frames)} frames, {sent} bytes: "
                  f"{sent / max(came, 1):.0f} a row (goal 60), frames of "
                  "{} / {} / {} bytes (least, middle, most)".format(*spread(frames or [0])))


def idle(program, seconds, interval):
    with Sim(program, backlog=300) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", config(data, interval=interval)]
        with Terminal(args, environment(sim)) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= 300)
            # After a start, names and persons are looked up slowly within the rate share, and each answer changes the
            # screen.
            while terminal.listen(SETTLED):
                pass
            before = cpu_seconds(terminal.process.pid)
            frames = terminal.listen(seconds)
            spent = cpu_seconds(terminal.process.pid) - before
            print(f"idle for {seconds} s, polled every {interval}: {sum(frames)} bytes in {len(frames)} frames (goal 0), "
                  f"{spent:.3f} s of CPU (goal 0.1), {load()}")


def main():
    program = binary()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    for columns, rows in ((120, 40), (80, 24)):
        held(program, seconds, columns, rows, "newest last")
    held(program, seconds, 120, 40, "newest first")
    for interval in ("10s", "1s"):
        idle(program, seconds, interval)


main()
