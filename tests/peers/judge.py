#!/usr/bin/env python3
"""Prism stands before the simulated org and judges every answer, and every request, by Okta's own OpenAPI document.

The document marks nothing nullable, so that even recorded events break it, in the places of BASE_LINE, and always with a
null. Nothing else may break it in a plain org. In the usual one, one consent in twelve is odd on purpose, each time the
way some recorded or published event is: ODDITIES.
"""

import json
import re

from front import Front
from harness import Failed, Prism, Sim, TOKEN, consentwatch, document, expect, get, main, query, scratch
import okta_node
import okta_python
import tools

# The full path of a place in an answer to GET /api/v1/logs, with [] for any index.
BASE_LINE = {
    "[].actor.detailEntry",
    "[].authenticationContext.authenticationProvider",
    "[].authenticationContext.credentialProvider",
    "[].authenticationContext.credentialType",
    "[].authenticationContext.interface",
    "[].authenticationContext.issuer",
    "[].client.id",
    "[].outcome.reason",
    "[].request.ipChain.[].source",
    "[].target.[].alternateId",
}

# A place, and the value there that differs from the document.
ODDITIES = {
    ("[].client.device", None),
    ("[].client.geographicalContext", None),
    ("[].client.geographicalContext.postalCode", int),
    ("[].client.ipAddress", None),
    ("[].client.userAgent", None),
    ("[].client.zone", None),
    ("[].debugContext.debugData", ""),
    ("[].legacyEventType", None),
    ("[].outcome", None),
    ("[].request.ipChain.[].geographicalContext", None),
    ("[].request.ipChain.[].geographicalContext.postalCode", int),
    ("[].severity", "HIGH"),
    ("[].target", None),
    ("[].version", int),
}

LOGS = "/api/v1/logs"
VIOLATION = re.compile(r"Violation: (\S+) (.*)")


class Judged:
    """An org behind Prism behind a front. The front's turn-taking keeps Prism's log in the order of the exchanges."""

    def __init__(self, *more):
        self._open = [Sim(*more)]
        self.sim = self._open[0]
        try:
            self._open.append(Prism("proxy", document(), self.sim.url))
            self._open.append(Front(self._open[1].url, origins=[self.sim.url]))
        except BaseException:
            self.__exit__()
            raise
        self.prism, self.front = self._open[1:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in reversed(self._open):
            one.__exit__()

    def violations(self):
        """Returns the violations that Prism found: exchange, place, message."""
        # Once Prism has reported on one more request, it has reported everything on those before.
        mark = "/the-end-of-the-list"
        get(f"{self.front.url}{mark}")
        self.prism.until(lambda line: mark in line and "Request received" in line, 30)
        blocks = []
        for line in list(self.prism.lines):
            if "Request received" in line:
                blocks.append([])
            elif blocks and (found := VIOLATION.search(line)):
                blocks[-1].append((found[1], found[2]))
        exchanges = self.front.exchanges[:-1]
        expect(len(blocks) == len(exchanges) + 1, f"{len(blocks)} requests in Prism's log, {len(exchanges)} were sent")
        return [(exchange, place, words) for exchange, block in zip(exchanges, blocks) for place, words in block]


def value_at(value, place):
    """Returns the value at a place of a body, in Prism's dot notation."""
    for part in place:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def allowed(exchange, place, is_plain):
    """Returns whether a violation is in the base line or odd on purpose, and its description."""
    parts = place.split(".")
    general = ".".join("[]" if part.isdigit() else part for part in parts)
    told = f"{exchange.method} {exchange.path} {exchange.status}: {general}"
    if parts[:2] != ["response", "body"] or exchange.path != LOGS or exchange.status != 200:
        return False, told
    found = value_at(exchange.json(), parts[2:])
    general = general.removeprefix("response.body.")
    told += f" = {json.dumps(found)[:60]}"
    if general in BASE_LINE and found is None:
        return True, general
    kinds = {kind for place, kind in ODDITIES if place == general}
    odd = any(found is kind or (found == kind and isinstance(kind, str)) or (kind is int and type(found) is int)
              for kind in kinds)
    return (odd and not is_plain), (general if odd else told)


def read_everything(judged):
    """Requests every resource of the org that is in the document, and missing ones."""
    url, seen = judged.front.url, set()

    def read(path, status=200):
        answer = get(url + path)
        expect(answer.status == status, f"GET {path}: {answer.status}, not {status}: {answer.body[:200]}")
        seen.add(path)
        return json.loads(answer.body)

    servers = "/api/v1/authorizationServers"
    read("/.well-known/okta-organization")
    for server in ["default"] + [server["id"] for server in read(servers)]:
        read(f"{servers}/{server}")
        read(f"{servers}/{server}/scopes")
        for policy in read(f"{servers}/{server}/policies"):
            read(f"{servers}/{server}/policies/{policy['id']}/rules")
    for path in ("/api/v1/features", "/api/v1/eventHooks"):
        read(path)
    read(f"{servers}/ausNOSUCHSERVER001d7", 404)
    read(LOGS)
    for some in (
        {"limit": 1000},
        {"limit": 7, "sortOrder": "DESCENDING"},
        {"limit": 0},
        {"q": "consent", "limit": 5},
        {"filter": 'eventType eq "app.oauth2.as.consent.grant" and outcome.result eq "SUCCESS"', "limit": 3},
    ):
        read(f"{LOGS}?{query(**some)}")
    for some in ({"filter": "eventType eqq"}, {"since": "1999-01-01T00:00:00Z"}, {"after": "nothing"}):
        read(f"{LOGS}?{query(**some)}", 400)
    return seen


def tell(judged, is_plain):
    places, wrong = {}, {}
    for exchange, place, words in judged.violations():
        good, general = allowed(exchange, place, is_plain)
        if good:
            places[general] = places.get(general, 0) + 1
        else:
            wrong.setdefault(general, words)
    lines = "\n".join(f"{place}\n    {words}" for place, words in sorted(wrong.items()))
    expect(not wrong, f"beyond the base line:\n{lines}")
    return set(places)


def judge(*more):
    """Reads an org with all clients and judges it. Returns the places that the base line or the oddities allow."""
    is_plain = "--plain" in more
    with Judged(*more) as judged, scratch() as folder:
        url = judged.front.url
        seen = read_everything(judged)
        lines = consentwatch(url, folder, "tail", "--once", "--after", "0", "--format", "json")
        consents = [line for line in lines if '"schema":"consentwatch.consent/1"' in line]
        expect(len(consents) >= judged.sim.held["total"], f"{len(consents)} consents of {judged.sim.held['total']}")
        readers = ["plain GETs", "tail --once"]
        if tools.okta_python().exists() and is_plain:
            okta_python.read(url)
            readers.append("the SDK for Python")
        okta_node.read(url, okta_node.hours_ago(12))
        readers.append("the SDK for Node")
        places = tell(judged, is_plain)
        print(f"{'plain' if is_plain else 'usual'} org: {len(judged.front.exchanges)} answers to {', '.join(readers)}, "
              f"{len(seen)} direct; violations in {len(places & BASE_LINE)} places of the base line and "
              f"{len(places - BASE_LINE)} that are odd on purpose")
        return places


def refusals():
    """Judges the refusals of the org as well."""
    for fault, status in (("forbidden", 403), ("rate_429", 429)):
        with Judged("--plain", "--fault", fault) as judged:
            answer = get(f"{judged.front.url}{LOGS}")
            expect(answer.status == status, f"{fault}: {answer.status}")
            tell(judged, is_plain=True)
            print(f"{status} is as documented")


def check():
    document()
    places = judge("--plain")
    # An unused line of the list could hide a future fault at that place.
    expect(places == BASE_LINE, f"no more in the base line: {sorted(BASE_LINE - places)}")
    places = judge()
    known = {place for place, _ in ODDITIES}
    expect(known <= places, f"no more odd: {sorted(known - places)}")
    refusals()


if __name__ == "__main__":
    main(check)
