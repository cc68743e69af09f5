#!/usr/bin/env python3
"""Runs the program under wrong clocks, and checks that no stored rows are removed and no false claims are made.

    tests/measure/clock.py [PROGRAM]

Needs libfaketime (Debian: `apt-get install faketime`), which changes what time a process sees. The program itself has
no way to be told another time. The simulated org keeps the right time, and says so in the `Date` of its answers.

For each wrong clock:

    first start  `tail --once` on nothing: the rows that it printed of those that the org has, and since when it claims
                 to be complete
    stored rows  `tail` for 75 s on a journal that holds 300 rows: the rows that are left. The first look for what is
                 too old comes after a minute
    a jump       the same, and the clock is right until it jumps after 20 s
    a follower   `tail --once --since 6h` beside a `tail` that polls, both under the wrong clock: the rows that it printed
                 of those that the org published in the last six hours

Ends with 1 if a row is missing, or if more is claimed than Okta keeps (90 days) or than has been.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

from common import Sim, binary, environment

LIBRARY = next((path for path in (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1") if os.path.exists(path)), None)
OFFSETS = ["+10y", "+450d", "+2d", "+6m", "-1d", "-40y"]
ROWS = 300


def faked(env, offset=None, file=None):
    """An environment in which the wall clock is off by `offset`, or by what stands in `file`; timers are right."""
    env = env | {"LD_PRELOAD": LIBRARY, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    if file:
        return env | {"FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1"}
    return env | {"FAKETIME": offset}


def rows(data, sim):
    with sqlite3.connect(os.path.join(data, sim.folder, "journal.sqlite3")) as conn:
        return conn.execute("SELECT COUNT(*) FROM event").fetchone()[0]


def claim(stderr):
    """The last `complete_since` that was told on standard error."""
    since = None
    for line in stderr.decode(errors="replace").splitlines():
        if line.startswith('{"schema":"consentwatch.coverage/1"'):
            since = json.loads(line)["complete_since"] or since
    return since and datetime.fromisoformat(since.replace("Z", "+00:00"))


def first_start(program, sim, folder, offset):
    data = os.path.join(folder, "first" + offset)
    result = subprocess.run([program, "tail", "--once", "--format", "json", "--data-dir", data],
                            env=faked(environment(sim), offset), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed = len([line for line in result.stdout.split(b"\n") if line])
    since, now = claim(result.stderr), datetime.now(timezone.utc)
    is_true = since is not None and now - timedelta(days=90, minutes=10) <= since <= now
    good = result.returncode == 0 and printed == sim.total and rows(data, sim) == sim.total and is_true
    print(f"{offset:>6}  first start: exit {result.returncode}, {printed} of {sim.total} rows printed, "
          f"complete since {since}{'' if good else '   <-- WRONG'}")
    if not good:
        print(result.stderr.decode(errors="replace"))
    return good


def follower(program, sim, filled, folder, offset):
    data = os.path.join(folder, "followed" + offset)
    shutil.copytree(filled, data)
    env = faked(environment(sim), offset)
    command = [program, "tail", "--format", "json", "--data-dir", data]
    writer = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with sqlite3.connect(os.path.join(data, sim.folder, "journal.sqlite3"), isolation_level=None) as conn:
        # With its first good poll the writer stores by how much its clock is off.
        while conn.execute("SELECT ahead_ms FROM org").fetchone()[0] == 0:
            time.sleep(0.1)

        def wanted():
            since = (time.time() - 6 * 3600) * 1000
            return conn.execute("SELECT COUNT(*) FROM event WHERE ts >= ?", [since]).fetchone()[0]

        most = wanted()
        result = subprocess.run(command + ["--once", "--since", "6h"], env=env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        least = wanted()
    writer.send_signal(signal.SIGTERM)
    writer.wait(20)
    printed = len([line for line in result.stdout.split(b"\n") if line])
    good = result.returncode == 0 and b"followed" in result.stderr and 0 < least <= printed <= most < ROWS
    print(f"{offset:>6}  a follower: exit {result.returncode}, {printed} of {most} rows of six hours printed"
          f"{'' if good else '   <-- WRONG'}")
    if not good:
        print(result.stderr.decode(errors="replace"))
    return good


def main():
    if not LIBRARY:
        sys.exit("libfaketime is missing: apt-get install faketime")
    program = binary()
    good = True
    with tempfile.TemporaryDirectory() as folder, Sim(program, backlog=ROWS) as sim:
        for offset in OFFSETS:
            good &= first_start(program, sim, folder, offset)
        filled = os.path.join(folder, "filled")
        subprocess.run([program, "tail", "--once", "--data-dir", filled], env=environment(sim), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = rows(filled, sim)
        for offset in OFFSETS:
            good &= follower(program, sim, filled, folder, offset)
        runs = []
        for offset, jumps in [(offset, False) for offset in OFFSETS] + [("+10y", True), ("-40y", True)]:
            data = os.path.join(folder, ("jump" if jumps else "stored") + offset)
            shutil.copytree(filled, data)
            file = os.path.join(folder, "time" + offset)
            with open(file, "w") as stamp:
                stamp.write("+0")
            env = faked(environment(sim), file=file) if jumps else faked(environment(sim), offset)
            errors = open(data + ".stderr", "wb")
            process = subprocess.Popen([program, "tail", "--data-dir", data], env=env, stdout=subprocess.DEVNULL,
                                       stderr=errors)
            runs.append((offset, jumps, data, file, process, errors))
        time.sleep(20)
        for offset, jumps, _, file, _, _ in runs:
            if jumps:
                with open(file, "w") as stamp:
                    stamp.write(offset)
        time.sleep(55)
        for offset, jumps, data, _, process, errors in runs:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            errors.close()
            left = rows(data, sim)
            with open(data + ".stderr", "rb") as file:
                said = b"clock" in file.read()
            is_good = left == before and (said or jumps)
            good &= is_good
            what = "a jump" if jumps else "stored rows"
            print(f"{offset:>6}  {what}: {left} of {before} are left, "
                  f"{'said' if said else 'not said'} on standard error{'' if is_good else '   <-- WRONG'}")
    if not good:
        sys.exit(1)


main()
