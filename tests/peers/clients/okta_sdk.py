"""Reads consents and authorization servers with Okta's SDK for Python, as its users do. Arguments: org, token, page size.

Okta sends `next` and `self` on two Link lines. The SDK's own response keeps one value a header, so whoever pages takes
the links from the answer that the SDK got.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

from okta.client import Client

FILTER = 'eventType eq "app.oauth2.as.consent.grant"'


async def main(org, token, size):
    client = Client({"orgUrl": org, "token": token})
    executor = client.get_request_executor()
    send, answers = executor.execute, []

    async def execute(*request):
        result = await send(*request)
        answers.append(result[0])
        return result

    executor.execute = execute
    uuids, pages, after = [], 0, None
    while True:
        events, _, error = await client.list_log_events(filter=FILTER, limit=size, after=after)
        if error:
            raise SystemExit(f"list_log_events: {error}")
        if not events:
            break
        pages += 1
        uuids += [event.uuid for event in events]
        further = answers[-1].links["next"]["url"]
        after = parse_qs(urlsplit(str(further)).query)["after"][0]
    servers, _, error = await client.list_authorization_servers()
    if error:
        raise SystemExit(f"list_authorization_servers: {error}")
    print(json.dumps({"uuids": uuids, "pages": pages, "servers": [server.name for server in servers]}))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
