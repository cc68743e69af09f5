#!/usr/bin/env python3
"""Measures how long a committed event takes to the terminal while the list follows the newest.

    tests/measure/latency.py [BINARY [SECONDS [ROWS_A_MINUTE]]]

Goal: 50 ms for 99 of 100. One loop does both: it reads the terminal, and between two reads asks SQLite on a connection of
its own whether the journal was committed to (PRAGMA data_version) and up to which row (max(seq)). A row counts as shown
when the title has its number of rows. A commit is seen at most one turn of the loop after it was made and a frame at most
one turn after it was written, so each figure is off by at most one turn either way; the longest turn is printed.
"""

import os
import sqlite3
import sys
import tempfile
import time

from common import Sim, Terminal, binary, config, environment, load


def main():
    program = binary()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 300
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 120
    with Sim(program, backlog=300, rate=rate) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", config(data, interval="1s", rate_share=1.0)]
        with Terminal(args, environment(sim)) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= 300)
            terminal.listen(2)
            path = os.path.join(data, sim.folder, "journal.sqlite3")
            journal = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
            version = journal.execute("PRAGMA data_version").fetchone()[0]
            shown = stored = journal.execute("SELECT max(seq) FROM event").fetchone()[0]
            waiting, times, turns, frames = [], [], [], []
            end = time.monotonic() + seconds
            last = time.monotonic()
            while last < end:
                size = terminal.pump(0.0005)
                if size:
                    frames.append(size)
                    now_shown = terminal.listed() or shown
                    now = time.monotonic()
                    if now_shown > shown:
                        # A frame that is seen before its commit took less than one turn of the loop.
                        shown = now_shown
                        times += [(now - at, row) for row, at in waiting if row <= shown]
                        waiting = [(row, at) for row, at in waiting if row > shown]
                now_version = journal.execute("PRAGMA data_version").fetchone()[0]
                if now_version != version:
                    version = now_version
                    newest = journal.execute("SELECT max(seq) FROM event").fetchone()[0]
                    now = time.monotonic()
                    for row in range(stored + 1, newest + 1):
                        if row <= shown:
                            times.append((0.0, row))
                        else:
                            waiting.append((row, now))
                    stored = newest
                now = time.monotonic()
                turns.append(now - last)
                last = now
            journal.close()
            ms = sorted(time * 1000 for time, _ in times)
            turns.sort()
            if not ms:
                sys.exit("nothing came")
            at = lambda share: ms[min(int(len(ms) * share), len(ms) - 1)]
            print(f"{len(ms)} rows from commit to terminal in {seconds:.0f} s, {load()}: median {at(0.5):.1f} ms, "
                  f"p90 {at(0.9):.1f}, p99 {at(0.99):.1f} (goal 50), most {ms[-1]:.1f}; {len(waiting)} not shown yet")
            print(f"  error: a turn of the loop took {turns[len(turns) // 2] * 1000:.2f} ms in the middle, p99 "
                  f"{turns[int(len(turns) * 0.99)] * 1000:.2f}, at most {turns[-1] * 1000:.1f}; "
                  f"frames of {sum(frames) / max(len(frames), 1):.0f} bytes on average, {len(frames)} of them")


main()
