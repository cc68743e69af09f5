#!/usr/bin/env python3
"""Opens a large journal on a pseudo-terminal: how soon the first rows stand there, how soon all are listed, and how
much memory they take.

    JOURNAL_EVENTS=1000000 JOURNAL_KEEP=/tmp/million cargo bench --bench journal     makes the journal, once
    tests/measure/start.py [BINARY [JOURNAL_FOLDER [RUNS]]]

Goals: 300 ms to the first rows, 100 MB with a million rows listed. The time runs from before fork and exec until the
bytes were read from the terminal and understood, so it is too large by some milliseconds, never too small. The runs with
a cold cache drop the journal's pages from the page cache first.
"""

import os
import sys
import tempfile
import time

from common import Sim, Terminal, binary, cpu_seconds, environment, load, memory_mb, spread

FILE = "journal.sqlite3"


def run(program, sim, data):
    with Terminal([program, "watch", "--data-dir", data], environment(sim)) as terminal:
        first = terminal.until(lambda t: (t.listed() or 0) > 0 and any(t.screen[4:20]))
        listed = terminal.until(lambda t: "rows" in t.title and "loading" not in t.title, 300)
        rows = terminal.listed()
        cpu = cpu_seconds(terminal.process.pid)
        terminal.listen(2)
        pid = terminal.process.pid
        return first * 1000, listed, memory_mb(pid), memory_mb(pid, "RssAnon"), memory_mb(pid, "VmHWM"), rows, cpu


def main():
    program = binary()
    journal = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else "/tmp/million")
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with Sim(program) as sim, tempfile.TemporaryDirectory() as data:
        os.symlink(journal, os.path.join(data, sim.folder))
        for cold in (False, True):
            results = []
            for _ in range(runs):
                if cold:
                    handle = os.open(os.path.join(journal, FILE), os.O_RDONLY)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(handle)
                results.append(run(program, sim, data))
                time.sleep(0.5)
            first, listed, rss, anonymous, peak, rows, cpu = zip(*results)
            print(f"{rows[0]} rows, {'cold' if cold else 'warm'} cache, {runs} runs, {load()}:")
            print("  first rows after {:.0f} / {:.0f} / {:.0f} ms (least, middle, most; goal 300)".format(*spread(first)))
            print("  all listed after {:.2f} / {:.2f} / {:.2f} s, with {:.2f} / {:.2f} / {:.2f} s of CPU".format(
                *spread(listed), *spread(cpu)))
            print("  resident {:.0f} / {:.0f} / {:.0f} MB (goal 100), of it anonymous {:.0f}, at its peak {:.0f}".format(
                *spread(rss), max(anonymous), max(peak)))


main()
