#!/usr/bin/env python3
"""Delivers events to the hook's listener while the screen follows the newest row, and tries to slow it down.

    tests/measure/hook.py [BINARY [SECONDS [DELIVERIES_A_SECOND [SLOW_CONNECTIONS]]]]

First: how long an event takes from its being sent to its row on the terminal. A row counts as shown when the title has
its number of rows. Goal: 100 ms for 99 of 100. Then: SLOW_CONNECTIONS connections that send a byte of a request now and
then and never end it, while good deliveries go on. Goal: memory stays bounded, and the deliveries are answered.
"""

import os
import resource
import select
import socket
import sys
import tempfile
import time

from common import Sim, Terminal, binary, environment, load, memory_mb
from deliveries import delivery, event, free_port, settings

def rank(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1000


def follow(terminal, port, seconds, rate):
    """Sends at a rate, and records when the title counts each row."""
    sender = socket.create_connection(("127.0.0.1", port))
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sender.setblocking(False)
    sent, answered, shown = {}, [], []
    first = terminal.listed()
    begun = time.monotonic()
    count, due, open_since = 0, begun, []
    while time.monotonic() < begun + seconds or len(shown) < count:
        now = time.monotonic()
        if now > begun + seconds + 5:
            break
        if now >= due and now < begun + seconds:
            data = delivery([event(count)])
            count += 1
            sent[first + count] = time.monotonic()
            open_since.append(sent[first + count])
            sender.send(data)
            # An uneven interval, so that it is not in step with a timer.
            due += (0.5 + (count * 0.6180339) % 1) / rate
        ready, _, _ = select.select([sender, terminal.master], [], [], max(0, min(due - time.monotonic(), 0.02)))
        if sender in ready:
            for _ in range(sender.recv(1 << 16).count(b"HTTP/1.1 204")):
                answered.append(time.monotonic() - open_since.pop(0))
        if terminal.master in ready:
            terminal.pump(0)
            now, listed = time.monotonic(), terminal.listed() or 0
            shown += [now - sent.pop(row) for row in sorted(sent) if row <= listed]
    sender.close()
    print(f"{count} deliveries in {seconds:.0f} s, {load()}: answered within {rank(answered, .5):.1f} ms (p99 "
          f"{rank(answered, .99):.1f}), on the terminal within {rank(shown, .5):.1f} ms (p99 {rank(shown, .99):.1f}, most "
          f"{rank(shown, 1):.1f}; goal p99 100); {len(sent)} not shown, {len(open_since)} not answered")


def hold_up(terminal, port, connections):
    """Opens connections that never finish a request, and delivers meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, connections + 200), hard))
    pid = terminal.process.pid
    before, most, tried, refused = memory_mb(pid), 0, 0, 0
    slow, answers = [], []
    begun = time.monotonic()
    while tried < connections:
        one = socket.socket()
        one.setblocking(False)
        try:
            one.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        except OSError:
            refused += 1
        slow.append(one)
        tried += 1
        if tried % 100 == 0:
            for other in slow[-200:]:
                try:
                    other.send(b"POST /okta/hook HTTP/1.1\r\nX-A: b\r\n"[:1 + tried % 30])
                except OSError:
                    pass
            terminal.pump(0.05)
            most = max(most, memory_mb(pid))
    answers = []
    for number in range(5):
        start = time.monotonic()
        good = socket.create_connection(("127.0.0.1", port), timeout=60)
        good.sendall(delivery([event(10_000_000 + number)]))
        answers.append((good.recv(1024)[9:12].decode(), time.monotonic() - start))
        good.close()
        most = max(most, memory_mb(pid))
    files = len(os.listdir(f"/proc/{pid}/fd"))
    for one in slow:
        one.close()
    terminal.listen(7)
    print(f"{tried} slow connections in {time.monotonic() - begun:.0f} s: {before:.0f} MB before, {most:.0f} MB at most, "
          f"{memory_mb(pid):.0f} MB after; {files} open files meanwhile; good deliveries then: "
          + ", ".join(f"{status} after {took:.1f} s" for status, took in answers))


def main():
    program = binary()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 5
    slow = int(sys.argv[4]) if len(sys.argv) > 4 else 10_000
    port = free_port()
    with Sim(program, backlog=300) as sim, tempfile.TemporaryDirectory() as data:
        args = [program, "watch", "--data-dir", data, "--config", settings(data, port)]
        with Terminal(args, environment(sim)) as terminal:
            terminal.until(lambda t: (t.listed() or 0) >= 300)
            terminal.listen(2)
            follow(terminal, port, seconds, rate)
            hold_up(terminal, port, slow)


main()
