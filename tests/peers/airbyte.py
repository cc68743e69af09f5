#!/usr/bin/env python3
"""Airbyte's Okta source reads the log of the simulated org to its end, and stops there.

It stops where a page's next link is its self link; an org that gave an idle client a new cursor would never let it go.
"""

import datetime
import json
import pathlib

from front import Front
from harness import Sim, environment, expect, finish, main, query, scratch, walk
import harness
import tools


def check():
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    start = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    with Sim(backlog=450) as sim, Front(sim.url) as front, scratch() as folder:
        config, catalog = pathlib.Path(folder, "config.json"), pathlib.Path(folder, "catalog.json")
        config.write_text(json.dumps({
            "domain": front.url.removeprefix("http://"), "start_date": start,
            "credentials": {"auth_type": "api_token", "api_token": harness.TOKEN}}))
        catalog.write_text(json.dumps({"streams": [{
            "stream": {"name": "logs", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
            "sync_mode": "incremental", "destination_sync_mode": "append", "cursor_field": ["published"]}]}))
        done = finish([str(tools.airbyte()), "-c", "from source_okta.run import run; run()", "read",
                       "--config", str(config), "--catalog", str(catalog)], environment(HOME=folder))
        kinds, uuids = {}, []
        for line in filter(lambda line: line.startswith("{"), done.stdout.splitlines()):
            message = json.loads(line)
            kinds[message["type"]] = kinds.get(message["type"], 0) + 1
            if message["type"] == "RECORD":
                uuids.append(message["record"]["data"]["uuid"])
        expect(done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        held = walk(f"{sim.url}/api/v1/logs?" + query(since=start, limit=1000))
        expect(uuids == held, f"{len(uuids)} records, the org holds {len(held)}; messages: {kinds}")
        expect(kinds.get("STATE"), f"no state at the end: {kinds}")
        asked = len(front.exchanges)
        expect(asked <= -(-len(held) // 200) + 1, f"{asked} requests for {len(held)} events in pages of 200")
        print(f"{len(held)} records, {kinds['STATE']} states, {asked} requests")


if __name__ == "__main__":
    main(check)
