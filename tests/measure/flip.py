#!/usr/bin/env python3
"""Flips one byte of a journal, 200 times, and checks that no false data is exported without an error.

    tests/measure/flip.py [PROGRAM [FLIPS [SEED]]]

A journal is filled from a simulated org. Each time one byte of a copy of it changes, at a place and to a value by
chance. Then `export` writes it. What is right is what `export` wrote before. Counted are:

    untouched  exit code 0, and every line as before
    told       another exit code; what lines there are, are as before
    silent     exit code 0, and lines are missing
    false      a line that was not there before, whatever the exit code

`doctor --check` looks at each copy too. What `export` tells must not pass there as sound. Ends with 1 if anything is
silent or false.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

from common import Sim, binary, environment

FLIPS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
ROWS = 400


def lines(output):
    return [line for line in output.split(b"\n") if line]


def main():
    program = binary()
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        sound = os.path.join(folder, "sound")
        with Sim(program, backlog=ROWS) as sim:
            env, name = environment(sim), sim.folder
            subprocess.run([program, "tail", "--once", "--data-dir", sound], env=env, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = os.path.join(sound, name, "journal.sqlite3")
        with open(journal, "rb") as file:
            whole = file.read()

        def export(data):
            return subprocess.run([program, "export", "--format", "jsonl", "--data-dir", data], env=env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def check(data):
            return subprocess.run([program, "doctor", "--check", "--data-dir", data], env=env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        before = export(sound)
        if before.returncode != 0 or check(sound).returncode != 0:
            sys.exit("the journal is not sound to begin with: " + before.stderr.decode())
        right = lines(before.stdout)
        known = set(right)
        counts = {"untouched": 0, "told": 0, "silent": 0, "false": 0}
        checked = {"sound": 0, "damaged": 0}
        missed = lost = 0
        for flip in range(FLIPS):
            copy = os.path.join(folder, "flipped")
            shutil.rmtree(copy, ignore_errors=True)
            os.makedirs(os.path.join(copy, name), mode=0o700)
            place, mask = chance.randrange(len(whole)), chance.randrange(1, 256)
            bytes_ = bytearray(whole)
            bytes_[place] ^= mask
            with open(os.path.join(copy, name, "journal.sqlite3"), "wb") as file:
                file.write(bytes_)
            result = export(copy)
            got = lines(result.stdout)
            if any(line not in known for line in got) or len(got) != len(set(got)):
                kind = "false"
            elif result.returncode != 0:
                kind = "told"
                lost += len(right) - len(got)
            elif got == right:
                kind = "untouched"
            else:
                kind = "silent"
            counts[kind] += 1
            whole_check = check(copy)
            checked["damaged" if whole_check.returncode else "sound"] += 1
            if kind == "told" and whole_check.returncode == 0:
                missed += 1
            if kind in ("silent", "false") or result.returncode not in (0, 1) or whole_check.returncode not in (0, 1):
                print(f"flip {flip}: byte {place} by {mask:#04x}: {kind}, exit code {result.returncode}, "
                      f"check {whole_check.returncode}: {result.stderr.decode(errors='replace').strip()}")
        print(f"{FLIPS} flips of one byte of {len(whole)} in a journal of {len(right)} rows:",
              ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        if counts["told"]:
            print(f"of {counts['told']} that were told, {lost / counts['told']:.1f} rows were left out on average")
        print(f"doctor --check: {checked['damaged']} damaged, {checked['sound']} sound;",
              f"{missed} that export told and it did not")
        if counts["silent"] or counts["false"] or missed:
            sys.exit(1)


main()
