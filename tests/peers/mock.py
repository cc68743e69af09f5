#!/usr/bin/env python3
"""The program reads Prism's mock of Okta: the document's own examples, refusals, and answers made up from the schema.

Made-up answers are as the document allows and no more: types of events that do not exist, dates of 1894, numbers and
booleans where texts are usual, nulls in lists. Each of `PEERS_SEEDS` seeds (default 50) is another mock.
"""

import concurrent.futures
import json
import os

from front import Front
from harness import Failed, Prism, consentwatch, document, expect, main, scratch

# How `tail --once` may end on a mock. Prism sends no Link headers. Behind a page with events and without a `next` link
# there may be more, so that ends with 1 after what came is shown and stored. An empty page ends with 0.
TAIL = {0: "", 1: "answers without a next link"}

# What is run against each mock, one after the other on the same journal, and how it may end. A made-up org may be ready,
# blocked or neither, and refuse the token; that nothing of it answers cannot be.
COMMANDS = [
    (["tail", "--once", "--after", "0", "--format", "json"], TAIL),
    (["tail", "--once", "--after", "0", "--format", "card"], TAIL),
    (["tail", "--once", "--after", "0", "--format", "text"], TAIL),
    (["tail", "--once", "--after", "0", "--format", "raw"], TAIL),
    (["export"], {0: ""}),
    (["doctor", "--format", "json"], dict.fromkeys((0, 3, 4, 5), "")),
    (["doctor"], dict.fromkeys((0, 3, 4, 5), "")),
]

# Mocks at the same time. One needs most of a core while it starts; afterwards most of its time is waits of `tail`.
AT_ONCE = 4


def commands(url, folder):
    """Runs all commands on a mock. Returns the first one's consents."""
    first = None
    for args, exits in COMMANDS:
        lines = consentwatch(url, folder, *args, exits=exits)
        first = lines if first is None else first
    objects = [json.loads(line) for line in first]
    return [each for each in objects if each["schema"] == "consentwatch.consent/1"]


def examples():
    """The document's examples: an event, a bare object in place of a list, and refusals."""
    with Prism("mock", document()) as prism:
        with scratch() as folder:
            consents = commands(prism.url, folder)
            expect(len(consents) == 1, f"{len(consents)} of 1 event is shown")
            expect(consents[0]["event_type"] == consents[0]["raw"]["eventType"], "the event is shown as another")
        for prefer, exits in (("example=ListLogsWithAdditionalSecurityContext", {0: "", 1: ""}),
                              ("code=400", {1: ""}), ("code=403", {3: ""}), ("code=404", {1: "", 3: ""})):
            with Front(prism.url, add={"prefer": prefer}) as front, scratch() as folder:
                consentwatch(front.url, folder, "tail", "--once", exits=exits)
                expect(front.exchanges, f"{prefer}: nothing was asked")
        print("static: the example is shown; an object for a list and refusals are survived")


def seed(number):
    """Runs all commands on the mock of a seed. Returns how many of its events are shown, and how many it made up."""
    with Prism("mock", "-d", "--seed", str(number), document()) as prism, Front(prism.url) as front, scratch() as folder:
        try:
            shown = commands(front.url, folder)
        except Failed as words:
            raise Failed(f"seed {number}: {words}") from words
        logs = [exchange for exchange in front.exchanges if exchange.path == "/api/v1/logs"]
        return len(shown), sum(len(exchange.json()) for exchange in logs if exchange.status == 200)


def check():
    document()
    seeds = int(os.environ.get("PEERS_SEEDS") or 50)
    examples()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(seed, range(1, seeds + 1)))
    shown, made_up = (sum(column) for column in zip(*results))
    print(f"dynamic: {seeds} seeds, {shown} consents shown of {made_up} made-up events, no panic")
    expect(shown, "no made-up event was shown at all")


if __name__ == "__main__":
    main(check)
