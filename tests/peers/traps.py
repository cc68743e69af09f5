#!/usr/bin/env python3
"""Four known mistakes of simulated orgs and their clients."""

import datetime
import pathlib
import subprocess
import urllib.parse

from front import Front
from harness import Sim, TOKEN, consentwatch, expect, get, main, query, scratch, walk, watch

GRANTS = 'eventType eq "app.oauth2.as.consent.grant"'
# The time limit in seconds for a few polls, one per second.
POLLS, LIMIT = 4, 40


def idle_next_is_self(sim):
    """1: the next link of an idle poll is its own URL, and a bounded query ends."""
    for some in ({}, {"filter": GRANTS}, {"filter": 'eventType eq "no.such.type"'}):
        url = f"{sim.url}/api/v1/logs?" + query(limit=1000, **some)
        answer = get(url)
        if answer.uuids():
            expect(answer.links["next"] != answer.links["self"], f"{url}: a full page leads to itself")
            url, answer = answer.links["next"], get(answer.links["next"])
        expect(answer.uuids() == [], f"{url} is not idle")
        expect(answer.links["next"] == answer.links["self"] == url, f"{url}, idle, leads to {answer.links}")
    now = datetime.datetime.now(datetime.UTC).isoformat()
    last = get(f"{sim.url}/api/v1/logs?" + query(until=now, limit=1000))
    expect(last.uuids() and "next" not in last.links, f"the last page of a bounded query leads on: {last.links}")
    return "an idle next link is the request's own URL"


def scheme_without_blank(sim):
    """2: Okta's SDK for Python sends no space between scheme and token."""
    url = f"{sim.url}/api/v1/authorizationServers"
    for word, status in ((f"SSWS{TOKEN}", 200), (f"SSWS {TOKEN}", 200), (TOKEN, 401), ("SSWS other", 401)):
        answer = get(url, word)
        expect(answer.status == status, f"{word.replace(TOKEN, 'TOKEN')!r} was answered with {answer.status}")
    return "SSWS and a token without a space between are accepted"


def nothing_is_cached(sim):
    """3: each poll of an idle org is a request to the same URL."""
    with Front(sim.url) as front, scratch() as folder:
        consentwatch(front.url, folder, "tail", "--once")
        for number in range(3):
            before = len(front.exchanges)
            consentwatch(front.url, folder, "tail", "--once")
            expect(len(front.exchanges) > before, f"run {number + 2} of tail --once asked nothing")
            asked = [exchange.target for exchange in front.exchanges[before:] if exchange.path == "/api/v1/logs"]
            # The other requests look up who gave consents that name nobody, each in a bounded time span of the log.
            same = {target for target in asked if "until=" not in target}
            expect(same == {front.exchanges[before].target}, f"an idle org was asked for {same}")
        config = pathlib.Path(folder, "config.toml")
        # Names would be requested in addition to the log.
        config.write_text('[poll]\ninterval = "1s"\nnames = false\n')
        command, told = watch(front.url, folder, "tail", "--config", str(config))
        before = len(front.exchanges)
        running = subprocess.Popen(command, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            polled = front.until(lambda exchanges: len(exchanges) >= before + POLLS, LIMIT)
        finally:
            running.kill()
            running.wait()
        expect(polled, f"{len(front.exchanges) - before} of {POLLS} polls came within {LIMIT} s")
        expect(len({exchange.target for exchange in front.exchanges[before:]}) == 1, "idle polls asked different things")
        conditional = {name for exchange in front.exchanges for name, _ in exchange.asked
                       if name.startswith("if-") or name == "range"}
        expect(not conditional, f"conditional requests: {conditional}")
        return f"{len(front.exchanges)} polls, {POLLS} of them of one run, were as many requests"


def forms_of_since(sim):
    """4: clients write a time in many ways, order parameters as they like, and encode spaces as + or %20."""
    # A whole second, since JavaScript prints no smaller one.
    at = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=9)
    plain, script = at.strftime("%Y-%m-%dT%H:%M:%S"), at.strftime("%a %b %d %Y %H:%M:%S GMT")
    ahead = at.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30))).isoformat()
    zone = "(Coordinated Universal Time)"
    colons = urllib.parse.quote(plain, safe="")
    forms = [f"{plain}Z", f"{colons}Z", f"{plain}.000Z", f"{colons}.000Z", f"{plain}%2B00:00", f"{plain}.000000Z",
             urllib.parse.quote(ahead), urllib.parse.quote(f"{script}+0000 {zone}"),
             urllib.parse.quote_plus(f"{script}+0000 {zone}"), f"{script}+0000 {zone}".replace(" ", "%20")]
    filters = [f"filter={urllib.parse.quote_plus(GRANTS)}", f"filter={urllib.parse.quote(GRANTS)}"]
    url = f"{sim.url}/api/v1/logs?"
    expected = walk(f"{url}since={forms[0]}&{filters[0]}&limit=1000")
    everything = walk(f"{url}{filters[0]}&limit=1000")
    expect(0 < len(expected) < len(everything), f"{len(expected)} of {len(everything)} events are no test")
    for form in forms:
        for some in filters:
            for order in ([f"since={form}", some, "sortOrder=ASCENDING", "limit=1000"],
                          ["limit=1000", "sortOrder=ASCENDING", some, f"since={form}"]):
                found = walk(url + "&".join(order))
                expect(found == expected, f"{'&'.join(order)}: {len(found)} events, not {len(expected)}")
    return f"{len(forms)} forms of since, 2 of a filter and 2 orders ask the same"


def check():
    with Sim() as sim:
        for number, trap in enumerate((idle_next_is_self, scheme_without_blank, nothing_is_cached, forms_of_since), 1):
            print(f"{number}: {trap(sim)}")


if __name__ == "__main__":
    main(check)
