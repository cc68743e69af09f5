#!/usr/bin/env python3
"""Prints how many WHO and CLIENT cells of the demo's first screen can be read whole.

    tests/measure/widths.py [BINARY]

The demo runs on a pseudo-terminal with seeds 1 to 10 at three sizes, until the names of people and clients are looked
up. Where a column begins is taken from the line of headings; a cell is cut if it ends in the mark for that. Goals: 95 %
of the cells of each column whole at 140x40, 90 % at 100x30, 75 % at 80x24. Ends with 1 if one is missed.
"""

import os
import re
import sys
import tempfile

from common import Terminal, binary

SIZES = ((140, 40, 95), (100, 30, 90), (80, 24, 75))
SEEDS = range(1, 11)
# After this many seconds without a byte, no look-ups are left.
SETTLED = 4


def cells(lines, name):
    """The cells of a column below its heading, as they stand on the screen."""
    at = next(index for index, line in enumerate(lines) if re.match(r" TIME\b", line))
    head = lines[at]
    # A heading begins after a space. A domain after WHO belongs to it.
    starts = [found.start() for found in re.finditer(r"(?<= )[A-Z]", head)] + [len(head) + 200]
    start = head.index(f" {name}") + 1
    end = min(place for place in starts if place > start)
    rows = [line for line in lines[at + 1:] if re.match(r".{1,5}(\d\d:\d\d:\d\d|\d\d \w{3} \d\d:\d\d|\d\d \d\d:\d\d)", line)]
    return [line[start:end].rstrip() for line in rows]


def first_screen(program, seed, columns, rows):
    env = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": tempfile.gettempdir(), "PATH": os.environ["PATH"]}
    args = [program, "demo", "--seed", str(seed), "--rate", "0"]
    with Terminal(args, env, columns, rows) as terminal:
        terminal.until(lambda t: (t.listed() or 0) > 0)
        while terminal.listen(SETTLED):
            pass
        return terminal.screen


def main():
    program = binary()
    failed = False
    print("| size | WHO whole | CLIENT whole | worst seed, WHO | worst seed, CLIENT | goal |\n|---|--:|--:|--:|--:|--:|")
    for columns, rows, goal in SIZES:
        shares = {"WHO": [], "CLIENT": []}
        totals = {"WHO": [0, 0], "CLIENT": [0, 0]}
        for seed in SEEDS:
            screen = first_screen(program, seed, columns, rows)
            for name, found in shares.items():
                column = cells(screen, name)
                whole = sum(not cell.endswith("…") for cell in column)
                found.append(100 * whole / len(column))
                totals[name][0] += whole
                totals[name][1] += len(column)
        all_of = {name: 100 * whole / every for name, (whole, every) in totals.items()}
        print(f"| {columns}x{rows} | {all_of['WHO']:.1f} % | {all_of['CLIENT']:.1f} % | {min(shares['WHO']):.0f} % "
              f"| {min(shares['CLIENT']):.0f} % | {goal} % |", flush=True)
        failed |= min(all_of.values()) < goal
    sys.exit(failed)


main()
