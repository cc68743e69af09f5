"""Measures a team on a real NATS server: how late a row is on a watcher's screen, with many other watchers; how fast a new
watcher loads what there is; and how soon it shows rows over a slow line.

    team.py BINARY NATS_SERVER [watchers=100,1000] [rows=1000000] [line=1000000] [seconds=60]

BINARY is consentwatch, built with --release. NATS_SERVER is nats-server 2.11 or later. It needs the Python package nats-py.
The other watchers are connections of this script that ask as watchers do: for new messages when they are told of one, and for
state and lease every ten seconds. They share the machine with everything else, so their cost is part of the figures.

A row's delay is the time from the moment at which the collector received it from the org (before it stores it) until the first
byte that the watcher's screen writes afterwards.
"""

import asyncio
import json
import os
import pathlib
import pty
import re
import select
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from datetime import datetime
from fcntl import ioctl

import nats

TOKEN = "demo-token"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Rig:
    """A simulated org, a server and a collector in a folder of their own."""

    def __init__(self, binary, server, rate, backlog):
        self.binary, self.processes = binary, []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="team-"))
        self.org = free_port()
        self.start([binary, "sim", "--listen", f"127.0.0.1:{self.org}", "--rate", str(rate), "--backlog", str(backlog)])
        self.wait_for_port(self.org)
        (self.dir / "c.toml").write_text(
            f'[org]\nname = "prod"\nurl = "http://127.0.0.1:{self.org}"\ntoken_env = "TOK"\n[poll]\ninterval = "2s"\n'
            "lookback = \"30d\"\n"
        )
        (self.dir / "w.toml").write_text("")
        self.port = free_port()
        self.run("team", "config", "--dir", "team", "--listen", f"127.0.0.1:{self.port}")
        self.start([server, "-c", "team/server.conf"])
        self.wait_for_port(self.port)
        self.health = free_port()
        self.command("collect", "--to", "@team/collector.url", "--listen", f"127.0.0.1:{self.health}", "--since", "30d")
        self.wait_for_port(self.health)

    def arguments(self, *words, config="c.toml", data="collector"):
        return [self.binary, "--config", config, "--data-dir", data, *words]

    def environment(self):
        return dict(os.environ, TOK=TOKEN, TERM="xterm-256color", LANG="C.UTF-8")

    def start(self, words):
        process = subprocess.Popen(
            words, cwd=self.dir, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.processes.append(process)
        return process

    def command(self, *words):
        return self.start(self.arguments(*words))

    def run(self, *words, **places):
        done = subprocess.run(
            self.arguments(*words, **places), cwd=self.dir, env=self.environment(), capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    def wait_for_port(self, port):
        deadline = time.time() + 20
        while time.time() < deadline:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit(f"nobody listens on port {port}")

    def status(self):
        code, out, _ = self.run("team", "status", "--from", "@team/collector.url", "--json")
        return json.loads(out)["orgs"][0] if out else {"messages": 0, "last": 0}

    def rows(self):
        with socket.create_connection(("127.0.0.1", self.health)) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        found = re.search(r"consentwatch_journal_rows ([0-9.]+)", text)
        return int(float(found[1])) if found else 0

    def end(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        subprocess.run(["rm", "-rf", str(self.dir)], check=False)


class Screen:
    """A watcher on a pseudo-terminal. Remembers when it wrote."""

    def __init__(self, rig, data, url="@team/watcher-prod.url"):
        self.writes, self.text, self.begun = [], b"", time.time()
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(rig.dir)
            words = rig.arguments("watch", "--fresh", "--from", url, config="w.toml", data=data)
            os.execve(words[0], words, rig.environment())
        self.pid = pid
        ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                found = os.read(self.terminal, 65536)
            except OSError:
                return
            if not found:
                return
            self.writes.append(time.time())
            self.text += found

    def rows_after(self):
        """Returns how long it took until a row was on the screen."""
        while time.time() < self.begun + 60:
            if re.search(rb"grant|revoke", self.text):
                return self.writes[-1] - self.begun
            time.sleep(0.01)
        return None

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


async def crowd(rig, count, until):
    """Follows the org over many connections, as watchers do."""
    address = (rig.dir / "team/watcher-prod.url").read_text().strip()
    address, _, _ = address.rpartition("/")
    key = "".join(c if c.isalnum() or c == "-" else f"_{ord(c):02X}" for c in f"127.0.0.1_{rig.org}")
    got = 0

    async def one(number):
        nonlocal got
        client = await nats.connect(address, inbox_prefix=b"_INBOX_watcher-prod", name=f"crowd {number}")
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        pokes = await client.subscribe(f"cw.now.{key}")
        high = rig.last
        asked = 0
        while time.time() < until:
            try:
                await pokes.next_msg(timeout=10)
            except Exception:
                pass
            request = json.dumps({"seq": high + 1, "batch": 16, "max_bytes": 1000000}).encode()
            await client.publish(f"$JS.API.DIRECT.GET.CW_EV_{key}", request, reply=inbox)
            while True:
                answer = await answers.next_msg(timeout=10)
                headers = answer.headers or {}
                if "Nats-Sequence" not in headers:
                    break
                high = int(headers["Nats-Sequence"])
                got += 1
            if time.time() > asked + 10:
                asked = time.time()
                for stream in (f"CW_LEASE.cw.lease.{key}", f"CW_STATE_{key}.cw.state.{key}"):
                    await client.publish(f"$JS.API.DIRECT.GET.{stream}", b"", reply=inbox)
                    await answers.next_msg(timeout=10)
        await client.close()

    tasks = []
    for number in range(count):
        tasks.append(asyncio.ensure_future(one(number)))
        if number % 50 == 49:
            await asyncio.sleep(0.2)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [str(result) for result in done if isinstance(result, Exception)]
    return got, failed


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def delays(rig, count, seconds):
    screen = Screen(rig, f"screen-{count}")
    screen.rows_after()
    rig.last = rig.status()["last"]
    until = time.time() + seconds + 5 + count / 100
    result = {}
    others = threading.Thread(target=lambda: result.update(got=asyncio.run(crowd(rig, count - 1, until))))
    others.start()
    time.sleep(5 + count / 100)
    begin = time.time()
    others.join()
    time.sleep(1)
    code, out, _ = rig.run("export", "--format", "jsonl")
    received = sorted(
        datetime.fromisoformat(json.loads(line)["received"].replace("Z", "+00:00")).timestamp()
        for line in out.splitlines()
    )
    # Rows of one poll have one time.
    received = sorted({at for at in received if begin <= at <= until - 2})
    found = []
    for at in received:
        later = [write for write in screen.writes if write >= at]
        if later:
            found.append(later[0] - at)
    screen.end()
    got, failed = result["got"]
    print(
        f"{count} watchers: {len(found)} polls with rows, delay until the screen writes: median "
        f"{percentile(found, 0.5) * 1000:.0f} ms, p99 {percentile(found, 0.99) * 1000:.0f} ms, most "
        f"{max(found, default=float('nan')) * 1000:.0f} ms; the other watchers got {got} messages, {len(failed)} failed"
        + (f" ({failed[0]})" if failed else ""),
        flush=True,
    )


class SlowLine:
    """Passes bytes on to a port, so many in a second in each direction."""

    def __init__(self, target, rate):
        self.target, self.rate = target, rate
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            one, _ = self.listener.accept()
            other = socket.create_connection(("127.0.0.1", self.target))
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, target):
        piece = max(1, self.rate // 100)
        try:
            while found := source.recv(piece):
                target.sendall(found)
                time.sleep(len(found) / self.rate)
        except OSError:
            pass
        target.close()


def stored(journal):
    """Returns how many rows a journal has."""
    try:
        with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT rows FROM meta").fetchone()[0]
    except sqlite3.Error:
        return 0


def replay(rig, rows):
    begun = time.time()
    screen = Screen(rig, "fresh")
    journal = rig.dir / "fresh/_team" / f"127.0.0.1_{rig.org}" / "journal.sqlite3"
    while stored(journal) < rows and time.time() < begun + 600:
        time.sleep(0.1)
    took = time.time() - begun
    status = rig.status()
    screen.end()
    print(
        f"a new watcher stores {stored(journal):,} rows in {took:.1f} s, and lists them on its screen meanwhile: "
        f"{rows / took:,.0f} rows a second; {status['messages']:,} messages, {status['bytes']:,} bytes",
        flush=True,
    )


def slow(rig, line):
    proxy = SlowLine(rig.port, line)
    url = (rig.dir / "team/watcher-prod.url").read_text().replace(f":{rig.port}/", f":{proxy.port}/")
    (rig.dir / "slow.url").write_text(url)
    os.chmod(rig.dir / "slow.url", 0o600)
    for run in range(3):
        screen = Screen(rig, f"slow-{run}", "@slow.url")
        took = screen.rows_after()
        print(f"over {line:,} bytes a second, a new watcher shows rows after {took:.2f} s", flush=True)
        screen.end()


def main():
    binary, server = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:3])
    given = dict(word.split("=") for word in sys.argv[3:])
    seconds = int(given.get("seconds", 60))
    rig = Rig(binary, server, 60, 300)
    try:
        for count in given.get("watchers", "100,1000").split(","):
            delays(rig, int(count), seconds)
    finally:
        rig.end()
    rows = int(given.get("rows", 1_000_000))
    rig = Rig(binary, server, 0, rows)
    try:
        begun, stored = time.time(), None
        while True:
            count = rig.rows()
            stored = stored or (time.time() if count >= rows else None)
            before = rig.status()["last"] if stored else -1
            time.sleep(0.5)
            if stored and rig.status()["last"] == before:
                break
        print(f"the collector stored {rows:,} rows after {stored - begun:.1f} s and published them after {time.time() - begun:.1f} s", flush=True)
        replay(rig, rows)
        slow(rig, int(given.get("line", 1_000_000)))
    finally:
        rig.end()


main()
