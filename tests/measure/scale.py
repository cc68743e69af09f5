#!/usr/bin/env python3
"""Simulates a team: one collector, three JetStream nodes, many watchers. docs/scale.md explains it.

    tests/measure/scale.py [--seed N] [NAME=VALUE ...]

`NAME=VALUE` changes a parameter below, such as `watchers=2000`. The script needs no binary and no server, and prints the same
for the same seed. It simulates a day in seconds: each org is polled every ten seconds and its page published at once; watchers
come in the morning, read what they missed, follow, and leave. Then all watchers reconnect after an outage. In parentheses is the
figure by hand. Goal: both agree within a factor of 1.5; the script fails if they do not.
"""

import heapq
import math
import random
import sys
import time
from collections import deque
from itertools import accumulate
from types import SimpleNamespace

DAY = 86_400
NODES = 3
AGREE = 1.5

# Each with its default and the reason for it. M: measured once, with nats-server 2.15.1 or the simulated org, as docs/scale.md
# says. A: assumed.
PARAMETERS = {
    "watchers": (1_000, "the question"),
    "orgs": (50, "the question"),
    "events": (10e6, "the question; a day, all orgs together"),
    "days": (30, "how long the streams keep events; the program's default is 400"),
    "batch": (23, "rows that one poll brings and one message carries; the question, and 22 measured"),
    "body": (373, "M: bytes of a row, where 23 are compressed together"),
    "changed": (108, "M: bytes of the same row published again, for example with a person found later"),
    "more": (1.4, "M: messages with changed rows, for each message with new ones"),
    "publish": (205, "headers 67, subject 77, reply subject and protocol line; counted by hand"),
    "route": (220, "M: what a message takes on the way to a replica, beyond its body"),
    "deliver": (245, "as publish, with a longer reply subject; counted by hand"),
    "store": (178, "M: what a stored message takes beyond its body"),
    "look": (14_100, "M: what a watcher gets for each poll with rows and org, beyond the rows: states, names, empty answers"),
    "asks": (14, "M: direct gets of a watcher for each poll with rows and org"),
    "gets": (80_000, "M: direct gets a second and node"),
    "lag": (30, "M: seconds from one message of a watcher on how far it has read to the next, for each org; kept in memory"),
    "told": (0.56, "M: messages a second and org of the collector's state and lease"),
    "names": (20_000, "A: people, clients and servers of an org; the last name of each has a subject of its own"),
    "index": (420, "M: memory for each subject"),
    "connection": (46_000, "M: memory for each connection with two subscriptions, without TLS"),
    "base": (120e6, "M: memory of a server under load, without the above"),
    "api": (16_000, "M: requests for the state of a stream a second, on one server"),
    "queue": (10_000, "NATS documentation: requests that wait before the server drops them"),
    "streams": (1, "requests of a returning watcher for each org that wait in that queue"),
    "tls": (500, "A: TLS handshakes a second and node"),
    "nic": (125e6, "A: bytes a second each way; 1 Gbit/s, the least that a rented server has"),
    "disk": (1e12, "A: bytes for the store; a common size"),
    "write": (200e6, "A: bytes a second; a network volume"),
    "fsync": (1_000, "A: a second; a network volume takes about 1 ms. M: 436 on the machine of the measurements"),
    "memory": (32e9, "A: bytes; a common size with eight cores"),
    "line": (12.5e6, "A: bytes a second to a watcher; 100 Mbit/s, an office or a VPN"),
    "journal": (19_600, "M: rows a second into a watcher's own journal, with all of a team on two cores; the goal is 30,000"),
    "requests": (25, "requests for the log a minute and org: half of 50, which is the limit of many orgs"),
    "hook": (400_000, "Okta: deliveries of event hooks a day and org"),
    "skew": (0.8, "A: the org of rank i has a share that falls with i to this power"),
    "swing": (0.8, "A: how far the hours of a day are from their mean"),
    "burst": (10, "A: a burst adds so many times the org's mean, for five minutes, once a day on average"),
    "outage": (600, "A: seconds that all watchers were cut off"),
    "jitter": (16, "seconds: the longest wait between two attempts. A watcher's own is half of it, and up to as much again"),
}
WHOLE = ("watchers", "orgs", "api", "tls", "queue", "streams")
INTERVAL, PAGE, BURST = 10, 1_000, 300
ZONES = (-8, -5, 0, 1, 8)
STAY, ALWAYS = 9 * 3_600, 0.15


def parameters(words):
    seed, values = 1, {name: default for name, (default, _) in PARAMETERS.items()}
    while words:
        word = words.pop(0)
        name, sign, value = word.partition("=")
        try:
            if word == "--seed":
                seed = int(words.pop(0))
            elif sign and name in values:
                values[name] = int(float(value)) if float(value).is_integer() else float(value)
                if name in WHOLE and not isinstance(values[name], int):
                    raise ValueError
            else:
                raise ValueError
        except (ValueError, OverflowError, IndexError):
            sys.exit(f"{word} is not --seed NUMBER or one of: "
                     + " ".join(f"{name}={value:g}" for name, value in values.items()))
    if min(values.values()) <= 0:
        sys.exit("a parameter must be above 0")
    p = SimpleNamespace(**values)
    p.largest = shares(p)[0] * p.events
    return seed, p


def sizes(p):
    """The bytes of a row in a page: published, to a replica, delivered, stored. `look` is of a poll."""
    body, messages = p.body + p.changed, (1 + p.more) / p.batch
    return SimpleNamespace(publish=body + messages * p.publish, route=body + messages * p.route,
                           deliver=body + messages * p.deliver, store=body + messages * p.store)


def writes(p, events):
    """The messages a second that the collector stores, if `events` come in a second."""
    return events * (1 + p.more) / p.batch + p.orgs * p.told


def speed(p):
    """The bytes a second that a watcher can take: what its line carries, or its own journal stores."""
    return min(p.line, p.journal * sizes(p).deliver)


def shares(p):
    weights = [rank ** -p.skew for rank in range(1, p.orgs + 1)]
    return [weight / sum(weights) for weight in weights]


def pages(rng, p):
    """Simulates the orgs and the polls. Returns the pages of each second, each org's events, and the longest lag of a poll."""
    expected = 1 + p.burst * BURST / DAY
    allowed = max(1, round(p.requests * INTERVAL / 60)) * PAGE
    seconds, totals, lag, busiest = [[] for _ in range(DAY)], [], 0.0, 0
    for org, share in enumerate(shares(p)):
        mean = share * p.events / DAY / expected
        zone = rng.choice(ZONES) * 3_600
        bursts = [at for at in (rng.randrange(DAY - BURST) for _ in range(3)) if rng.random() < 1 / 3]
        waiting = total = 0
        for second in range(rng.randrange(INTERVAL), DAY, INTERVAL):
            rate = 1 + p.swing * math.cos(2 * math.pi * (second - 14 * 3_600 + zone) / DAY)
            for at in bursts:
                if at <= second < at + BURST:
                    rate += p.burst
            due = mean * rate * INTERVAL
            # A few are one or none; many are spread as by chance.
            waiting += int(rng.random() < due) if due < 1 else max(0, round(rng.gauss(due, math.sqrt(due))))
            if waiting > busiest:
                busiest = waiting
            page = waiting if waiting < allowed else allowed
            waiting -= page
            total += page
            if waiting:
                lag = max(lag, waiting / allowed * INTERVAL)
            if page:
                seconds[second].append((org, page))
        totals.append(total)
    return seconds, totals, lag, busiest


def people(rng, p, each):
    """Returns the watchers: node, orgs, which node answers for each, and when they come and go."""
    found = []
    for _ in range(p.watchers):
        orgs = rng.sample(range(p.orgs), each)
        comes = (rng.gauss(9, 1) - rng.choice(ZONES)) * 3_600 % DAY
        found.append(SimpleNamespace(node=rng.randrange(NODES), orgs=orgs, places=[rng.randrange(NODES) for _ in orgs],
                                     always=rng.random() < ALWAYS, comes=int(comes), goes=int((comes + STAY) % DAY)))
    return found


def follow(p, seconds, totals, watchers):
    """Simulates a day. Returns the bytes in and out of each node and second, and the longest wait for a network card."""
    size = sizes(p)
    # For each org, what one event and one page add to the three nodes: in, in, in, out, out, out.
    costs, looks = [], [[0.0] * 6 for _ in range(p.orgs)]
    for org in range(p.orgs):
        cost, leader = [0.0] * 6, org % NODES
        cost[0] += size.publish
        if leader:
            cost[3] += size.route
            cost[leader] += size.route
        cost[3 + leader] += 2 * size.route
        for node in range(NODES):
            cost[node] += size.route * (node != leader)
        costs.append(cost)

    def turn(watcher, sign):
        for org, place in zip(watcher.orgs, watcher.places):
            for cost, amount in ((costs[org], size.deliver), (looks[org], p.look)):
                cost[3 + watcher.node] += sign * amount
                if place != watcher.node:
                    cost[3 + place] += sign * amount
                    cost[watcher.node] += sign * amount

    moves = []
    for number, watcher in enumerate(watchers):
        if watcher.always or watcher.comes > watcher.goes:
            turn(watcher, 1)
        if not watcher.always:
            moves += [(watcher.comes, 1, number), (watcher.goes, -1, number)]
    moves.sort(reverse=True)
    # `reading` is what the nodes send to watchers that read what they missed, and `ends` is when each has read it.
    reading, ends, into, out, late, wait = [0.0] * 6, [], [], [], [0.0] * NODES, 0.0

    def read(node, rate):
        for other in range(NODES):
            reading[3 + other] += rate if other == node else rate / NODES
        reading[node] += rate * (NODES - 1) / NODES

    for second, published in enumerate(seconds):
        while moves and moves[-1][0] <= second:
            _, sign, number = moves.pop()
            watcher = watchers[number]
            turn(watcher, sign)
            if sign > 0:
                missed = sum(totals[org] for org in watcher.orgs) * (DAY - STAY) / DAY
                took = math.ceil(missed * size.deliver / speed(p)) or 1
                read(watcher.node, missed * size.deliver / took)
                heapq.heappush(ends, (second + took, watcher.node, missed * size.deliver / took))
        while ends and ends[0][0] <= second:
            _, node, rate = heapq.heappop(ends)
            read(node, -rate)
        flow = reading.copy()
        for org, count in published:
            a, b, c, d, e, f = costs[org]
            g, h, i, j, k, l = looks[org]
            flow[0] += count * a + g
            flow[1] += count * b + h
            flow[2] += count * c + i
            flow[3] += count * d + j
            flow[4] += count * e + k
            flow[5] += count * f + l
        for node in range(NODES):
            queued = late[node] + flow[3 + node] - p.nic
            late[node] = queued if queued > 0 else 0.0
            if queued > wait:
                wait = queued
        into += flow[:3]
        out += flow[3:]
    return sorted(into), sorted(out), wait / p.nic


def drain(p, amounts, step):
    """Lets watchers read their amounts, `(node, bytes)`, at once. Returns the seconds until the last has read all."""
    # A byte leaves its client's node once, and with two chances in three another node before that.
    room = p.nic / (1 + (NODES - 1) / NODES)
    left = [sorted(amount for at, amount in amounts if at == node) for node in range(NODES)]
    # All that read from a node get the same share, so the smallest amounts end first.
    last = 0.0
    for of_node in left:
        now, had = 0.0, 0.0
        for number, amount in enumerate(of_node):
            rate = min(speed(p), room / (len(of_node) - number))
            now += (amount - had) / rate
            had = amount
        last = max(last, math.ceil(now / step) * step)
    return last


def reconnect(rng, p, watchers, totals, jitter):
    """All return after an outage. Returns the seconds until all follow again, and how many requests were dropped."""
    size = sizes(p)
    wanted = [len(watcher.orgs) * p.streams for watcher in watchers]
    # Each has a wait of its own between two attempts, and is somewhere within it.
    arrivals = sorted((rng.uniform(0, rng.uniform(jitter / 2, jitter)), number) for number in range(len(watchers)))
    doors, retries, queue, queued, dropped, amounts = [deque() for _ in range(NODES)], [], deque(), 0, 0, []
    todo, second, ready = len(watchers), 0, []
    while todo:
        while arrivals and arrivals[0][0] <= second:
            number = arrivals.pop(0)[1]
            doors[watchers[number].node].append(number)
        asking = []
        for door in doors:
            for _ in range(min(p.tls, len(door))):
                number = door.popleft()
                asking.append((number, wanted[number]))
        while retries and retries[0][0] <= second:
            asking.append(heapq.heappop(retries)[1:])
        for number, count in asking:
            # An org's request waits for no other.
            taken = max(0, min(count, p.queue - queued))
            if taken:
                queue.append([number, taken])
                queued += taken
            if taken < count:
                dropped += count - taken
                heapq.heappush(retries, (second + 5, number, count - taken))
        left = p.api
        while left and queue:
            number, count = queue[0]
            part = min(left, count)
            left -= part
            wanted[number] -= part
            queue.popleft()
            if part < count:
                queue.appendleft([number, count - part])
            queued -= part
            if not wanted[number]:
                todo -= 1
                missed = sum(totals[org] for org in watchers[number].orgs) * p.outage / DAY
                amounts.append((watchers[number].node, missed * size.deliver))
                ready.append(second)
        second += 1
    return max(second, ready[0] + drain(p, amounts, 1)), dropped


def hand(p, each):
    """The same by hand: means, without hours, bursts and chance."""
    size, rate = sizes(p), p.events / DAY
    online = ALWAYS + (1 - ALWAYS) * STAY / DAY
    reached = p.watchers * each / p.orgs * online
    # What is read in the morning, for each byte that is followed.
    again = (1 - ALWAYS) * (1 - STAY / DAY) / online
    # Every poll of the ten seconds is taken to bring rows.
    looked = p.watchers * each * online / INTERVAL * p.look
    delivered, other = rate * reached * (1 + again) * size.deliver + looked, (NODES - 1) / NODES
    return SimpleNamespace(
        into=(rate * (size.publish + size.route * (other + NODES - 1)) + delivered * other) / NODES,
        out=(rate * size.route * (other + NODES - 1) + delivered * (1 + other)) / NODES,
        disk=p.events * size.store,
        memory=p.base + (p.orgs * p.names + p.watchers * each * online) * p.index + p.watchers / NODES * p.connection,
        gets=p.watchers * each * online / INTERVAL * p.asks / NODES,
        lags=p.watchers * each * online / p.lag,
        room=NODES * p.nic / (1 + other),
        one=speed(p),
    )


def limits(p, each, peaks):
    """How much of each limit is used, as a part of it. `peaks` are the ratios of p99 or peak to mean that were simulated."""
    size, by, largest = sizes(p), hand(p, each), p.largest
    org = p.events / p.orgs
    return {
        "memory": by.memory / p.memory,
        "disk": by.disk * p.days / p.disk,
        "network": by.out * peaks.out / p.nic,
        "disk writes": 2 * by.disk / DAY * peaks.page / p.write,
        # How far watchers are is kept in memory, and costs no sync.
        "fsync": writes(p, p.events / DAY * peaks.minute) / p.fsync,
        "direct gets": by.gets * peaks.out / p.gets,
        "request queue": p.watchers * each * p.streams / p.queue,
        "watcher's line": each * (org / DAY * (1 + p.swing) * size.deliver + p.look / INTERVAL) / p.line,
        "Okta's log": largest / DAY * 60 * peaks.org / (p.requests * PAGE),
        "hook": largest / p.hook,
    }


def scaled(p, name, factor):
    other = SimpleNamespace(**vars(p))
    setattr(other, name, getattr(p, name) * factor)
    if name == "orgs":
        # More orgs of the same sizes.
        other.orgs = round(other.orgs)
        other.events = p.events / p.orgs * other.orgs
    if name == "events":
        other.largest = p.largest * factor
    return other


def first(p, name, each, peaks):
    """Returns the first three limits that a growing parameter meets, each with the factor, without those met before."""
    found, before, factor = [], {limit for limit, part in limits(p, each, peaks).items() if part >= 1}, 1.0
    while factor < 1_000 and len(found) < 3:
        factor *= 1.05
        other = scaled(p, name, factor)
        for limit, part in limits(other, other.orgs if each == p.orgs else each, peaks).items():
            if part >= 1 and limit not in before:
                before.add(limit)
                found.append(f"{limit} x{factor:.{1 if factor < 10 else 0}f}")
    return found[:3] or ["none up to x1000"]


def short(value, unit=""):
    """A number with three digits and a letter."""
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            return f"{value / limit:.3g} {letter}{unit}"
    return f"{value:.3g} {unit}".strip()


def span(seconds):
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7_200 else f"{seconds / 3_600:.3g} h"


def main():
    seed, p = parameters(sys.argv[1:])
    began, rng = time.monotonic(), random.Random(seed)
    seconds, totals, lag, busiest = pages(rng, p)
    total, size, rows, apart = sum(totals), sizes(p), [], []
    cases = sorted({1, min(5, p.orgs), p.orgs})
    counts = [sum(count for _, count in published) for published in seconds]
    mean = total / DAY
    minutes = sorted((b - a) / 60 for a, b in zip([0, *accumulate(counts)], list(accumulate(counts))[59:]))

    def row(label, cells):
        rows.append((label, cells))

    def both(label, found, by, show):
        """A simulated figure with the one by hand."""
        for simulated, hand_made in zip(found, by):
            ratio = max(simulated, hand_made) / max(min(simulated, hand_made), 1e-9)
            apart.append((ratio, label))
        row(label, [f"{show(a)} ({show(b)})" for a, b in zip(found, by)])

    days, byhand, crowds, peaks = [], [], [], []
    for each in cases:
        watchers = people(rng, p, each)
        days.append(follow(p, seconds, totals, watchers))
        byhand.append(hand(p, each))
        crowds.append(watchers)
    rate = lambda value: short(value, "B/s")
    amount = lambda value: short(value, "B")
    for side, name in ((0, "in"), (1, "out")):
        values = [day[side] for day in days]
        at = lambda part: [rate(found[min(len(found) - 1, int(len(found) * part))]) for found in values]
        by = [one.into if name == "in" else one.out for one in byhand]
        both(f"a node's bytes {name}: mean", [sum(found) / len(found) for found in values], by, rate)
        row(f"a node's bytes {name}: median", at(0.5))
        row(f"a node's bytes {name}: p99", at(0.99))
        row(f"a node's bytes {name}: peak second", at(1))
    row("longest wait for the network card", [span(day[2]) for day in days])
    both("disk a node: a day", [total * size.store] * len(cases), [one.disk for one in byhand], amount)
    row(f"disk a node: {p.days:g} days", [amount(total * size.store * p.days)] * len(cases))
    row("disk a node: 400 days", [amount(total * size.store * 400)] * len(cases))
    row("memory a node", [amount(one.memory) for one in byhand])
    row("direct gets a second and node: mean", [short(one.gets) for one in byhand])
    found = [f"{writes(p, count):.0f}" for count in (mean, minutes[-1], max(counts))]
    row("pages, states and leases a second: mean, busiest minute, peak", [", ".join(found)] * len(cases))
    row("messages a second on how far watchers are", [short(one.lags) for one in byhand])
    row("events in a page: mean", [f"{total / sum(map(len, seconds)):.1f}"] * len(cases))
    row("orgs with more events than the hook delivers", [str(sum(count > p.hook for count in totals))] * len(cases))
    row("longest lag behind the largest org's log", [span(lag)] * len(cases))
    for label, count in (("a day", None), ("1,000,000 events", 1e6)):
        per = [[(watcher.node, (count or sum(totals[org] for org in watcher.orgs)) * size.deliver) for watcher in crowd]
               for crowd in crowds]
        wanted = [(count or p.events * each / p.orgs) * size.deliver for each in cases]
        ones = [sum(part for _, part in found) / len(found) / one.one for found, one in zip(per, byhand)]
        both(f"one watcher reads {label}", ones, [need / one.one for need, one in zip(wanted, byhand)], span)
        # The last one ends when the network is through, or when its own line is.
        most = [max(part for _, part in found) / one.one for found, one in zip(per, byhand)]
        by = [max(p.watchers * need / one.room, slow) for need, one, slow in zip(wanted, byhand, most)]
        both(f"all watchers read {label} at once", [drain(p, found, 1) for found in per], by, span)
    for label, jitter in (("at once", 0), (f"within {p.jitter:g} s", p.jitter)):
        cells = []
        for crowd in crowds:
            took, dropped = reconnect(rng, p, crowd, totals, jitter)
            cells.append(f"{span(took)}, {dropped:,} dropped")
        row(f"all return {label}", cells)
    for found in days:
        out = found[1]
        peaks.append(SimpleNamespace(
            out=out[int(len(out) * 0.99)] / (sum(out) / len(out)), page=max(counts) / mean, minute=minutes[-1] / mean,
            org=max(1, busiest / INTERVAL / (p.largest / DAY))))
    used = [limits(p, each, peak) for each, peak in zip(cases, peaks)]
    for limit in used[0]:
        row(f"used of the limit: {limit}", [f"{100 * one[limit]:.3g} %" for one in used])
    for name in ("watchers", "orgs", "events", "days"):
        found = [first(p, name, each, peak) for each, peak in zip(cases, peaks)]
        for place in range(3):
            row(f"more {name}: limit {place + 1}", [one[place] if place < len(one) else "-" for one in found])

    changed = " ".join(f"{name}={getattr(p, name):g}" for name, (default, _) in PARAMETERS.items()
                       if getattr(p, name) != default)
    print(f"seed {seed}, {total:,} events, {p.watchers:,} watchers, {p.orgs} orgs, {NODES} nodes {changed}".rstrip())
    heads = ["simulated (by hand)"] + [f"{each} org{'s' * (each > 1)} each" for each in cases]
    table = [heads] + [[label, *cells] for label, cells in rows]
    widths = [max(len(line[at]) for line in table) for at in range(len(heads))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    ratio, label = max(apart)
    print(f"furthest apart: {label}, a factor of {ratio:.2f} (goal {AGREE})")
    print(f"it took {time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(ratio > AGREE)


main()
