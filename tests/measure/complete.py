#!/usr/bin/env python3
"""Compares an export with what a simulated org answers, and has SQLite check the journal.

    tests/measure/complete.py ORG_URL TOTAL EXPORT_FILE JOURNAL_FILE

Ends with 1 and says why, unless every consent is there once and its raw event is the org's.
"""

import datetime
import json
import re
import sqlite3
import sys
import urllib.request

from common import TOKEN

CONSENT = re.compile(r"app\.oauth2\.(as\.consent\.(grant|revoke.*)|consent\.grant|admin\.consent\.(grant|revoke))$")


def asked(url):
    """Every consent of the org, by uuid, read page by page without the program."""
    since = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=80)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found, after = {}, f"{url}/api/v1/logs?since={since}&limit=1000"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        answer = opener.open(urllib.request.Request(after, headers={"Authorization": f"SSWS {TOKEN}"}))
        page = json.load(answer)
        for event in page:
            if CONSENT.match(event["eventType"]):
                found[event["uuid"]] = event
        links = answer.headers.get_all("link")
        after = next((re.search("<(.*)>", link)[1] for link in links if 'rel="next"' in link), None)
        if not page or not after:
            return found


def main():
    url, total, export, journal = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    wanted = asked(url)
    with open(export) as file:
        lines = [json.loads(line) for line in file]
    faults = []
    if len(wanted) != total:
        faults.append(f"the org says {total} and answers {len(wanted)}")
    got = {line["uuid"] for line in lines}
    if missing := wanted.keys() - got:
        faults.append(f"{len(missing)} missing")
    if foreign := got - wanted.keys():
        faults.append(f"{len(foreign)} that the org does not have")
    seqs = [line["seq"] for line in lines]
    if len(set(seqs)) != len(seqs) or seqs != sorted(seqs):
        faults.append("the numbers of the rows are not rising")
    # One event may be several rows, each with its own grants. The same row twice is a duplicate.
    rows = [(line["uuid"], json.dumps([line["who"], line["client"], line["authorization_server"], line["scopes"]]))
            for line in lines]
    if len(set(rows)) != len(rows):
        faults.append(f"{len(rows) - len(set(rows))} doubles")
    changed = [line["uuid"] for line in lines if line["uuid"] in wanted and line["raw"] != wanted[line["uuid"]]]
    if changed:
        faults.append(f"{len(changed)} events are not as the org has them, such as {changed[0]}")
    file = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    if (checked := file.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
        faults.append(f"the file is not sound: {checked[0][0]}")
    doubles = file.execute("SELECT count(*) - count(DISTINCT uuid || '/' || part) FROM (SELECT hex(uuid) uuid, part"
                           " FROM event)").fetchone()[0]
    if doubles:
        faults.append(f"{doubles} rows of the file are there twice")
    if faults:
        sys.exit(f"NOT COMPLETE ({len(lines)} rows): " + "; ".join(faults))


main()
