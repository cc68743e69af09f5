#!/usr/bin/env python3
"""Opens a large file of LogEvents: how soon rows stand on the screen, how soon all are listed, what a filter and memory
cost; and the same with lnav, if it is installed, which is given a format so that it reads the events too, and none, so
that it shows their text.

    tests/measure/open.py [BINARY [EVENTS [RUNS]]]

Goals with 200,000 events of 2.4 KB: first rows within 0.3 s, all rows in half of lnav's time, a filter in a twentieth of
lnav's, and less memory. Each time runs from before fork and exec until the bytes were read from the terminal and
understood; the file is in the page cache.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from common import Terminal, binary, cpu_seconds_ever, load, memory_mb, spread


def write_events(path, count):
    """Consents of 48,000 people and 300 clients, some 2.4 KB each."""
    chance = random.Random(1)
    pad = "x" * 1100
    with open(path, "w") as file:
        for n in range(count):
            person, client, place = chance.randrange(48000), chance.randrange(300), chance.randrange(60000)
            ip = f"198.51.{place // 250 % 250}.{place % 250}"
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1785542400 + n * 37)) + f".{n % 1000:03}Z"
            where = {"city": "Utrecht", "country": "Netherlands", "geolocation": {"lat": 52.09, "lon": 5.12}}
            file.write(json.dumps({
                "actor": {"id": f"00u{person:017}", "type": "User", "alternateId": f"person.{person}@example.test",
                          "displayName": f"Person Number {person}", "detailEntry": None},
                "client": {"userAgent": {"rawUserAgent": "Mozilla/5.0 " + pad[:330], "os": "Linux"},
                           "ipAddress": ip, "geographicalContext": where},
                "authenticationContext": {"externalSessionId": f"102{n // 3:020}", "authenticationStep": 0},
                "displayMessage": "OAuth2 app consent granted",
                "eventType": "app.oauth2.as.consent." + ("grant" if n % 5 else "revoke"),
                "outcome": {"result": "SUCCESS", "reason": None}, "published": at, "severity": "INFO",
                "securityContext": {"asNumber": 64500, "asOrg": "example net", "isProxy": False},
                "debugContext": {"debugData": {"requestId": f"req{n:016}", "dtHash": pad[:64],
                                               "url": "/oauth2/aus00000000000000001/v1/authorize?" + pad[:300]}},
                "transaction": {"type": "WEB", "id": f"Ztx{n:020}", "detail": {}},
                "uuid": f"{n:08x}-1111-11ef-9a5c-{n:012x}", "version": "0",
                "request": {"ipChain": [{"ip": ip, "geographicalContext": where, "version": "V4"}]},
                "target": [{"id": f"oag{n:017}", "type": "ConsentGrant", "displayName": f"orders.{client}.read",
                            "detailEntry": {"user": f"00u{person:017}", "publicclientapp": f"0oa{client:017}",
                                            "authorizationserver": "aus00000000000000001"}}],
            }, separators=(",", ":")) + "\n")


def environment(home):
    return {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": home}


def ours(program, path, count, home):
    with Terminal([program, "open", path], environment(home)) as terminal:
        first = terminal.until(lambda t: (t.listed() or 0) > 0 and any(t.screen[4:20]))
        listed = terminal.until(lambda t: (t.listed() or 0) >= count and "loading" not in t.title, 300)
        cpu = cpu_seconds_ever(terminal.process.pid)
        terminal.listen(2)
        memory = memory_mb(terminal.process.pid)
        begun = time.monotonic()
        terminal.press("fperson.4711\r")
        terminal.until(lambda t: re.search(r"\d of 2", t.title) and "filter: person.4711" in t.title)
        return first, listed, time.monotonic() - begun, memory, cpu


def lnavs(path, count, home, has_format):
    """lnav on a terminal of tmux, whose screen is asked for every few milliseconds. It names the line that it stands on,
    at first the last one, and how many lines a filter hides."""
    if has_format:
        formats = os.path.join(home, ".config/lnav/formats/installed")
        os.makedirs(formats)
        shutil.copy(os.path.join(os.path.dirname(__file__), "lnav-okta.json"), formats)
    # A new tmux server for each run, since one that is ending accepts no client.
    tmux = ["tmux", "-L", f"consentwatch-{time.monotonic_ns()}"]
    run = lambda *words: subprocess.run(tmux + list(words), capture_output=True, text=True, env=environment(home)).stdout

    def until(words, least):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            numbers = [int(found) for found in re.findall(words, run("capture-pane", "-p"))]
            if any(number >= least for number in numbers):
                return time.monotonic()
        sys.exit("lnav did not come so far:\n" + run("capture-pane", "-p"))

    begun = time.monotonic()
    run("new-session", "-d", "-x", "120", "-y", "40", f"exec lnav {path}")
    first = until(r"L(\d+) +\d", 1) - begun
    listed = until(r"L(\d+) +100%", count - 60) - begun
    time.sleep(2)
    pid = int(run("list-panes", "-F", "#{pane_pid}"))
    memory, cpu = memory_mb(pid), cpu_seconds_ever(pid)
    begun = time.monotonic()
    run("send-keys", ":filter-in person\\.4711", "Enter")
    filtered = until(r"(\d+) +Lines not shown", count - 60) - begun
    run("kill-server")
    return first, listed, filtered, memory, cpu


def main():
    program = binary()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "events.jsonl")
        write_events(path, count)
        size = os.path.getsize(path) / 1e6
        print(f"{count:,} events, {size:.0f} MB, {runs} runs, {load()}; least, middle, most:")
        programs = [("consentwatch open", lambda: ours(program, path, count, folder))]
        if shutil.which("lnav") and shutil.which("tmux"):
            home = lambda: tempfile.mkdtemp(dir=folder)
            programs.append(("lnav with a format", lambda: lnavs(path, count, home(), True)))
            programs.append(("lnav without", lambda: lnavs(path, count, home(), False)))
        else:
            print("lnav or tmux is not installed; lnav is left out")
        for name, run in programs:
            first, listed, filtered, memory, cpu = zip(*[run() for _ in range(runs)])
            print(f"  {name}")
            print("    first rows {:.2f} / {:.2f} / {:.2f} s".format(*spread(first)))
            print("    all rows {:.2f} / {:.2f} / {:.2f} s, with {:.2f} s of CPU".format(*spread(listed), spread(cpu)[1]))
            print("    a filter {:.3f} / {:.3f} / {:.3f} s".format(*spread(filtered)))
            print("    resident {:.0f} / {:.0f} / {:.0f} MB".format(*spread(memory)))


main()
