#!/usr/bin/env python3
"""Okta's SDK for Python lists consents by a filter, page by page, and the authorization servers of the simulated org.

The org is a plain one: the SDK checks every field, and refuses a whole page for one odd event, such as Okta's own
example of one.
"""

from front import Front
from harness import Failed, Sim, client, expect, main, query, walk
import harness
import tools

SIZE = 20


def read(url):
    """Lets the SDK read an org."""
    return client([str(tools.okta_python()), str(harness.ROOT / "tests/peers/clients/okta_sdk.py"), url, harness.TOKEN,
                   str(SIZE)], OKTA_TESTING_TESTINGDISABLEHTTPSCHECK="true")


def check():
    with Sim("--plain") as sim, Front(sim.url) as front:
        found = read(front.url)
        grants = walk(f"{sim.url}/api/v1/logs?" + query(filter='eventType eq "app.oauth2.as.consent.grant"', limit=1000))
        expect(found["uuids"] == grants and len(grants) == sim.held["grant"],
               f"{len(found['uuids'])} events, not the {len(grants)} grants in their order")
        expect(found["pages"] == -(-len(grants) // SIZE), f"{found['pages']} pages")
        expect(len(found["servers"]) == 3, f"servers: {found['servers']}")
        logs = [exchange for exchange in front.exchanges if exchange.path == "/api/v1/logs"]
        expect(len(logs) == found["pages"] + 1, f"{len(logs)} requests for {found['pages']} pages and an empty one")
        expect(all(exchange.status == 200 for exchange in front.exchanges), "not every answer was a 200")
        how = {exchange.header("authorization").replace(harness.TOKEN, "TOKEN") for exchange in front.exchanges}
        print(f"{len(grants)} events in {found['pages']} pages, {len(found['servers'])} servers; it sends {sorted(how)}")


if __name__ == "__main__":
    main(check)
