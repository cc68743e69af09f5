#!/usr/bin/env python3
"""Attacks the hook's listener while good deliveries are sent, and prints the results of these.

    tests/measure/attack.py [BINARY [SECONDS [ATTACK ...]]]

Each attack runs for SECONDS (default 15) against `watch` on a simulated org. Meanwhile a sender delivers ten events a
second, by turns on a connection of its own and on one that it keeps open. As a client of HTTP does, it connects anew
where a kept connection was closed; it does nothing else to help. Goal: 99 of 100 deliveries are answered 204 within a
second under each attack, and within five seconds after it the program still says what happened.

The last attack, `forge`, knows the secret: it delivers events that the log never shows, as fast as it can, until the
journal has been pruned once. Goal: no row that the log had shown is lost.
"""

import multiprocessing
import os
import re
import resource
import select
import socket
import sqlite3
import sys
import tempfile
import time

from common import Sim, Terminal, binary, environment, load
from deliveries import PATH, connect, delivery, event, free_port, settings

GOOD_A_SECOND = 10
# More connections than the listener accepts.
CONNECTIONS = 400


# What each attacker sends on one connection: first, and then repeatedly at an interval.

def post(secret, length):
    return (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {secret}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
FRAMES = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
# name: (first bytes, bytes sent again and again, seconds between them)
HELD = {
    # With a health check every 25 s, connections never count as idle.
    "idle": (HEALTH, HEALTH, 25),
    "silent": (b"", b"", 1),
    "heads": (b"POST /okta/hook HTTP/1.1\r\n", b"X-A: b\r\n", 0.5),
    "bodies": (post("wrong-secret-of-nobody", 1_000_000), b"x" * 100, 0.2),
    "frames": (FRAMES, b"", 1),
    "challenges": (f"GET {PATH} HTTP/1.1\r\nHost: x\r\nx-okta-verification-challenge: abc\r\n\r\n".encode(),
                   HEALTH, 25),
}
# name: bytes that are sent on one connection after another, as fast as possible
FLOODS = {
    "connect": b"",
    "wrong": post("wrong-secret-of-nobody", 2) + b"{}",
    "health": HEALTH,
    "large": post("wrong-secret-of-nobody", 4_000_000) + b"x" * 4_000_000,
}


def hold(port, first, then, every, stop):
    """Keeps as many connections open as it can, and reopens closed ones."""
    held, due, number = {}, {}, 0
    while not stop.is_set():
        while len(held) < CONNECTIONS:
            one = socket.socket()
            one.setblocking(False)
            try:
                one.connect(("127.0.0.1", port))
            except BlockingIOError:
                pass
            except OSError:
                one.close()
                break
            held[one.fileno()] = one
            number += 1
            # The connections do not start all at the same time.
            due[one.fileno()] = (time.monotonic(), first)
        now = time.monotonic()
        for name, (at, data) in list(due.items()):
            if at > now:
                continue
            try:
                if data:
                    held[name].send(data)
                due[name] = (now + every, then)
            except BlockingIOError:
                due[name] = (now + 0.01, data)
            except OSError:
                held.pop(name).close()
                del due[name]
        ready = select.poll()
        for name in held:
            ready.register(name, select.POLLIN)
        for name, _ in ready.poll(20):
            try:
                if not held[name].recv(4096):
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except OSError:
                held.pop(name).close()
                del due[name]


def flood(port, data, stop):
    while not stop.is_set():
        try:
            with connect(port, 2) as one:
                one.sendall(data)
                if data:
                    one.recv(4096)
        except OSError:
            pass


def forge(port, stop, taken, refused):
    """Delivers events that the log will never show, with the right secret."""
    number = 0
    while not stop.is_set():
        try:
            with connect(port, 5) as one:
                while not stop.is_set():
                    number += 1
                    one.sendall(delivery([event(number * 100 + part) for part in range(20)]))
                    answer = one.recv(4096)[9:12]
                    if answer == b"204":
                        with taken.get_lock():
                            taken.value += 20
                    elif answer:
                        with refused.get_lock():
                            refused[int(answer)] += 1
                    else:
                        break
        except OSError:
            pass


class Good:
    """The sender of good deliveries."""

    def __init__(self, port):
        self.port, self.kept, self.count = port, None, 0
        self.took = {"own": [], "kept": []}
        self.bad, self.again = {}, 0

    def one(self):
        self.count += 1
        which = "own" if self.count % 2 else "kept"
        data, begun = delivery([event(10_000_000 + self.count)]), time.monotonic()
        try:
            if which == "own":
                with connect(self.port) as one:
                    one.sendall(data)
                    answer = one.recv(4096)
            else:
                answer = self.on_kept(data)
        except OSError as error:
            answer = type(error).__name__.encode()
        if answer[9:12] == b"204":
            self.took[which].append(time.monotonic() - begun)
        else:
            name = answer[9:12].decode() if answer.startswith(b"HTTP") else answer.decode() or "closed"
            self.bad[name] = self.bad.get(name, 0) + 1

    def on_kept(self, data):
        if self.kept:
            try:
                self.kept.sendall(data)
                if answer := self.kept.recv(4096):
                    return answer
            except OSError:
                pass
            self.kept.close()
            self.again += 1
        self.kept = connect(self.port)
        self.kept.sendall(data)
        return self.kept.recv(4096)

    def during(self, seconds, terminal):
        end = time.monotonic() + seconds
        due = time.monotonic()
        while due < end:
            self.one()
            due = max(due + 1 / GOOD_A_SECOND, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                terminal.pump(left)

    def said(self):
        parts = []
        for name, took in self.took.items():
            rank = lambda part: sorted(took)[min(len(took) - 1, int(len(took) * part))] * 1000 if took else float("nan")
            parts.append(f"{name} connection {len(took)} answered 204, half within {rank(.5):.0f} ms, "
                         f"p99 {rank(.99):.0f}, most {rank(1):.0f}")
        bad = ", ".join(f"{count} {name}" for name, count in self.bad.items()) or "none"
        return f"{self.count} deliveries: " + "; ".join(parts) + f"; connected anew {self.again}; others: {bad}"


def bar(terminal):
    """Returns the status line of the sources."""
    return next((line.strip() for line in terminal.screen[::-1] if "hook " in line and "poll " in line), "?")


def sources(terminal):
    """Returns the text about the hook on the page of sources."""
    terminal.press("6")
    terminal.listen(1)
    lines, here = [], False
    for line in terminal.screen:
        here = here and not re.match(r"\s?(journal|readiness)\b", line) or bool(re.match(r"\s?hook\b", line))
        if here:
            lines.append(line.rstrip())
    terminal.press("\x1b")
    terminal.listen(0.5)
    return lines


def ready(port):
    try:
        with connect(port, 5) as one:
            one.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = one.recv(4096).decode().partition("\r\n\r\n")
            return head[9:12] + " " + body.strip()
    except OSError as error:
        return type(error).__name__


def attack(program, name, seconds):
    port = free_port()
    with Sim(program, backlog=300) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", settings(data, port)]
        with Terminal(args, environment(sim), 160) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= 300)
            terminal.listen(1)
            stop = multiprocessing.Event()
            if name in HELD:
                attackers = [multiprocessing.Process(target=hold, args=(port, *HELD[name], stop), daemon=True)]
            elif name in FLOODS:
                attackers = [multiprocessing.Process(target=flood, args=(port, FLOODS[name], stop), daemon=True)
                             for _ in range(16)]
            else:
                attackers = []
            for one in attackers:
                one.start()
            terminal.listen(2)
            good = Good(port)
            good.during(seconds, terminal)
            said, is_ready = bar(terminal), ready(port)
            stop.set()
            for one in attackers:
                one.join(3)
                one.kill()
            print(f"{name}: {good.said()}\n    bar: {said}\n    /readyz: {is_ready}", flush=True)
            for line in sources(terminal):
                print("    page:", line, flush=True)


def confirmed(folder):
    """Returns the uuids of rows that the log has shown."""
    journal = sqlite3.connect(f"file:{folder}/journal.sqlite3?mode=ro", uri=True)
    with journal:
        return {row[0] for row in journal.execute("SELECT uuid FROM event WHERE via & 1")}, \
            journal.execute("SELECT COUNT(*) FROM event").fetchone()[0]


def forgery(program, seconds):
    """Floods with the right secret until the journal is pruned, a minute after the start for the first time."""
    port = free_port()
    with Sim(program, backlog=3000) as sim, tempfile.TemporaryDirectory() as data:
        place = settings(data, port, f"[journal]\nkeep_rows = {sim.total}\n")
        args = [program, "watch", "--data-dir", data, "--config", place]
        with Terminal(args, environment(sim), 160) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= sim.total, 120)
            folder = os.path.join(data, sim.folder)
            before, _ = confirmed(folder)
            stop, taken = multiprocessing.Event(), multiprocessing.Value("q", 0)
            refused = multiprocessing.Array("q", 600)
            attackers = [multiprocessing.Process(target=forge, args=(port, stop, taken, refused), daemon=True)
                         for _ in range(8)]
            for one in attackers:
                one.start()
            good = Good(port)
            good.during(seconds, terminal)
            said = bar(terminal)
            stop.set()
            for one in attackers:
                one.join(5)
                one.kill()
            page = sources(terminal)
            _, most = confirmed(folder)
            end = time.monotonic() + 180
            while confirmed(folder)[1] > sim.total and time.monotonic() < end:
                terminal.listen(2)
            after, rows = confirmed(folder)
            answers = ", ".join(f"{count} x {status}" for status, count in enumerate(refused) if count) or "none"
            print(f"forge: {taken.value} forged rows taken in {seconds:.0f} s, other answers: {answers}; {most} rows at "
                  f"most, {rows} after pruning (keep_rows {sim.total}); {len(before - after)} of {len(before)} confirmed "
                  f"rows lost (goal 0)\n    good: {good.said()}\n    bar: {said}", flush=True)
            for line in page:
                print("    page:", line, flush=True)


def main():
    program = binary()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15
    wanted = sys.argv[3:] or ["none", *HELD, *FLOODS, "forge"]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, CONNECTIONS * 2 + 200), hard))
    print(load(), flush=True)
    for name in wanted:
        forgery(program, max(seconds, 20)) if name == "forge" else attack(program, name, seconds)


main()
