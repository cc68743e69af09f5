#!/usr/bin/env python3
"""Measures how long no process polls after the one that polled is killed and another follows the same journal.

    tests/measure/takeover.py [BINARY [RUNS]]

Goal: 5 s. A `tail` polls a simulated org in which ten consents a second happen; a second `tail` follows; the first is
killed with SIGKILL. Two times run from that kill: until the follower says that it polls now, and until it prints the
first consent that was published after the kill, which only a poll of its own can bring. Every tenth run ends the first
process in order, with SIGTERM, in place of killing it.
"""

import datetime
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time

from common import Sim, binary, config, environment, load, spread

GOAL = 5.0


class Tail:
    """A `tail` whose lines of standard output and standard error are read as they come."""

    def __init__(self, args, env, wants_lines):
        out = subprocess.PIPE if wants_lines else subprocess.DEVNULL
        self.process = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.rest = {}
        for pipe in filter(None, (self.process.stdout, self.process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            self.selector.register(pipe, selectors.EVENT_READ)
            self.rest[pipe] = b""

    def lines(self, wait):
        """The whole lines that came within `wait` seconds: whether each is of standard error, and its text."""
        found = []
        for key, _ in self.selector.select(wait):
            pipe = key.fileobj
            data = pipe.read() or b""
            if not data:
                self.selector.unregister(pipe)
            *whole, self.rest[pipe] = (self.rest[pipe] + data).split(b"\n")
            found += [(pipe is self.process.stderr, line.decode()) for line in whole]
        return found

    def until(self, found, limit=30):
        """Reads until `found(is_error, line)` is true for a line, and returns the time."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            for is_error, line in self.lines(0.05):
                if found(is_error, line):
                    return time.monotonic()
        sys.exit(f"it did not come within {limit} s")

    def end(self):
        self.process.kill()
        self.process.communicate()


def one(program, sim, args, env, number):
    # Its lines are no longer read, and a full pipe would prevent a regular end.
    first = Tail(args, env, wants_lines=False)
    try:
        first.until(lambda _, line: "consentwatch.coverage" in line)
        second = Tail(args, env, wants_lines=True)
    except BaseException:
        first.end()
        raise
    try:
        second.until(lambda is_error, line: is_error and "followed read-only" in line)
        second.until(lambda is_error, _: not is_error)
        killed_at = datetime.datetime.now(datetime.timezone.utc)
        began = time.monotonic()
        first.process.send_signal(signal.SIGTERM if number % 10 == 9 else signal.SIGKILL)
        times = {}

        def seen(is_error, line):
            if is_error and "this process polls" in line:
                times["said"] = time.monotonic() - began
            if not is_error and "polled" not in times:
                published = json.loads(line)["raw"]["published"]
                if datetime.datetime.fromisoformat(published.replace("Z", "+00:00")) > killed_at:
                    times["polled"] = time.monotonic() - began
            return len(times) == 2

        second.until(seen)
        return times["said"], times["polled"]
    finally:
        first.end()
        second.end()


def main():
    program = binary()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    said, polled = [], []
    with Sim(program, backlog=100, rate=600) as sim:
        for number in range(runs):
            with tempfile.TemporaryDirectory() as data:
                args = [program, "tail", "--format", "json", "--since", "90d", "--data-dir", data, "--config",
                        config(data, interval="1s", rate_share=1.0)]
                one_said, one_polled = one(program, sim, args, environment(sim), number)
                said.append(one_said)
                polled.append(one_polled)
    print(f"{runs} take-overs, {load()}, least, middle, most:")
    print("  until the follower said that it polls  {:.2f} / {:.2f} / {:.2f} s".format(*spread(said)))
    print("  until it printed what happened since   {:.2f} / {:.2f} / {:.2f} s (goal {:.0f})".format(
        *spread(polled), GOAL))
    if max(polled) > GOAL:
        sys.exit("missed")


main()
