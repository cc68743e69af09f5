#!/usr/bin/env python3
"""Okta's SDK for Node lists consents by a filter, page by page, and the authorization servers of the simulated org.

It begins at a Date, which it sends as JavaScript prints one.
"""

import datetime
import urllib.parse

from front import Front
from harness import Sim, client, expect, main, query, walk
import harness
import tools

SIZE = 20


def read(url, since):
    """Lets the SDK read an org from a time on."""
    script = harness.ROOT / "tests/peers/clients/okta_sdk.js"
    return client(["node", str(script), url, harness.TOKEN, str(SIZE), str(int(since.timestamp() * 1000))],
                  NODE_PATH=str(tools.node_modules()))


def hours_ago(hours):
    """A whole second, since JavaScript prints no smaller one."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=hours)


def check():
    since = hours_ago(12)
    # The second org is the usual one, with events that are odd at times.
    for more in (["--plain"], []):
        with Sim(*more) as sim, Front(sim.url) as front:
            found = read(front.url, since)
            some = query(filter='eventType eq "app.oauth2.as.consent.grant"', since=since.isoformat(), limit=1000)
            grants = walk(f"{sim.url}/api/v1/logs?{some}")
            expect(found["uuids"] == grants and grants, f"{len(found['uuids'])} events, not the {len(grants)} grants")
            expect(len(found["servers"]) == 3, f"servers: {found['servers']}")
            logs = [exchange for exchange in front.exchanges if exchange.path == "/api/v1/logs"]
            expect(len(logs) == -(-len(grants) // SIZE) + 1, f"{len(logs)} requests for {len(grants)} events")
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(logs[0].target).query)["since"][0]
            print(f"{len(grants)} events in {len(logs) - 1} pages and an empty one, since={asked!r}")


if __name__ == "__main__":
    main(check)
