#!/usr/bin/env python3
"""Measures the speed and memory of exports.

    JOURNAL_EVENTS=1000000 JOURNAL_KEEP=/tmp/million cargo bench --bench journal     makes the journal, once
    tests/measure/export.py [BINARY [JOURNAL_FOLDER]]

Goal: JSON lines at 150 MB a second, in memory that does not grow with them. The output goes through a pipe and is counted.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

from common import binary, load

HOST = "example.okta.com"


def main():
    program = binary()
    journal = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else "/tmp/million")
    with tempfile.TemporaryDirectory() as data:
        os.symlink(journal, os.path.join(data, HOST))
        env = {"PATH": os.environ["PATH"], "HOME": data, "OKTA_CLIENT_ORGURL": f"https://{HOST}",
               "OKTA_CLIENT_TOKEN": "none"}
        print(load())
        for form in ("jsonl", "raw", "csv", "json", "ecs", "ocsf"):
            begun, count = time.monotonic(), 0
            args = [program, "export", "--data-dir", data, "--format", form]
            process = subprocess.Popen(args, stdout=subprocess.PIPE, env=env)
            while piece := process.stdout.read(1 << 20):
                count += len(piece)
            if process.wait():
                sys.exit(f"{form} failed")
            took = time.monotonic() - begun
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
            print(f"  {form:5} {count / 1e6:6.0f} MB in {took:5.1f} s, {count / 1e6 / took:4.0f} MB a second; "
                  f"no export so far took more than {peak:.0f} MB")


main()
