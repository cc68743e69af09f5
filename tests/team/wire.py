"""Records what crosses the wire between everybody and the server, and searches it for secrets, packed and unpacked."""

import base64
import http.server
import json
import socket
import threading
import time
import urllib.parse

import zstandard

from process import expect, until
from rig import TOKEN, Team, now

# What every planted secret contains.
CORE = "PlantedSecret7zQ"
# Where Okta's events have secrets; `@` stands for one.
DEBUG = [
    '"client_secret":"@"', '"ClientSecret":"@"', '"auth_code":"@"', '"interaction_handle":"@"', '"state":"@"',
    '"code_verifier":{"a":{"b":"@"}}', '"url":"/login/token/redirect?stateToken=@"',
    '"redirectUri":"https://app.example.test/cb?code=@#access_token=@"', '"origin":"https://user:@@app.example.test"',
    '"nested":"{\\"a\\":\\"{\\\\\\"otp\\\\\\":\\\\\\"@\\\\\\"}\\"}"', '"Authorization":"Bearer @"',
    '"form":"grant_type=password&username=ada&password=@"', '"list":"{risk=LOW, client_secret=@, z=1}"',
]
SIDES = ["event_hook.delivery", "oauth2.as.updated"]


def events():
    """Consents and side events with secrets."""
    found = []
    for number, piece in enumerate(DEBUG):
        secret = f"Cy{number:02}{CORE}{number:02}kw"
        piece = piece.replace("@@", secret + "\0").replace("@", secret).replace("\0", "@")
        kind = "app.oauth2.as.consent.grant" if number % 4 else SIDES[number // 4 % 2]
        detail = {"user": "00uAAAAAAAAAAAAAA1d7", "publicclientapp": "0oaDDDDDDDDDDDDDD1d7",
                  "authorizationserver": "ausBBBBBBBBBBBBBB1d7"}
        target = {"id": f"oag{number}", "type": "ConsentGrant", "displayName": "orders.read", "detailEntry": detail}
        change = {"id": "x", "type": "OAuth2Client", "changeDetails": {"from": {"client_secret": secret}, "to": {}}}
        event = {"uuid": f"7c0e9a52-1111-41ef-9a5c-{number:012}", "published": now(), "eventType": kind, "version": "0",
                 "severity": "INFO", "displayMessage": "Consent granted", "outcome": {"result": "SUCCESS", "reason": None},
                 "actor": {"id": "00uAAAAAAAAAAAAAA1d7", "type": "User", "alternateId": "ada@example.test",
                           "displayName": "Ada"},
                 "transaction": {"id": f"t{number}", "type": "WEB", "detail": {"refresh_token": secret}},
                 "target": [target, change],
                 "debugContext": {"debugData": json.loads(f"{{{piece}}}") | {"requestId": f"r{number}"}}}
        found.append(event)
    return found


class Org:
    """An org whose log has secrets. It answers nothing else than its log."""

    def __init__(self):
        self.all = events()
        org = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = urllib.parse.urlsplit(self.path)
                known = self.headers.get("authorization") == f"SSWS {TOKEN}"
                is_log = path.path == "/api/v1/logs"
                query = urllib.parse.parse_qs(path.query)
                body = json.dumps(([] if "after" in query else org.all) if known and is_log else
                                  {"errorCode": "E0000007", "errorSummary": "Not found"}).encode()
                self.send_response(200 if known and is_log else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.send_header("x-rate-limit-limit", "600")
                self.send_header("x-rate-limit-remaining", "590")
                self.send_header("x-rate-limit-reset", str(int(time.time()) + 30))
                if is_log:
                    query |= {"after": ["1"]}
                    further = urllib.parse.urlencode(query, doseq=True)
                    self.send_header("link", f'<{org.url}/api/v1/logs?{further}>; rel="next"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Tap:
    """A proxy that records every byte, each way of each connection by itself."""

    def __init__(self, to):
        self.to, self.ways = to, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                client.close()
                continue
            for source, target in ((client, server), (server, client)):
                kept = bytearray()
                self.ways.append(kept)
                threading.Thread(target=self._carry, args=(source, target, kept), daemon=True).start()

    @staticmethod
    def _carry(source, target, kept):
        try:
            while data := source.recv(65536):
                kept += data
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


# The first word of a line of the protocol that a payload follows, and where in the line its sizes are, from its end
# (docs.nats.io, Client Protocol).
COUNTED = {b"PUB": 1, b"MSG": 1, b"HPUB": 2, b"HMSG": 2}
MAGIC = b"\x28\xb5\x2f\xfd"


def payloads(way):
    """Returns the operation and the body of every message that went this way."""
    at, found = 0, []
    while (end := way.find(b"\r\n", at)) >= 0:
        words = bytes(way[at:end]).split()
        at = end + 2
        kind = words[0].upper() if words else b""
        if kind not in COUNTED:
            continue
        size = int(words[-1])
        headers = int(words[-2]) if COUNTED[kind] == 2 else 0
        if at + size > len(way):
            break
        found.append((kind, bytes(way[at + headers:at + size])))
        at += size
        expect(way[at:at + 2] == b"\r\n" or at >= len(way), f"the protocol is not read right after {words}")
        at += 2
    return found


def spellings(word):
    """A word as it is, and in the ways in which it could be hidden by accident."""
    raw = word.encode()
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode(),
                "".join(f"\\u{byte:04x}" for byte in raw).encode(), "".join(f"%{byte:02X}" for byte in raw).encode())
    for shift in range(3):
        # The middle of it, which does not depend on what stands around it.
        yield base64.b64encode(b"x" * shift + raw)[4:-4]


def wire():
    org = Org()
    try:
        with Team(org=org) as team:
            tap = Tap(team.port)
            for path in (team.to, team.of):
                path.write_text(path.read_text().replace(f":{team.port}/", f":{tap.port}/"))
            password = team.to.read_text().split(":")[2].split("@")[0]
            team.server.start()
            collector = team.collector().start()
            until(lambda: team.is_live(collector), 60, lambda: f"the collector is live; it said:\n{collector.tail()}")
            team.watcher("w1").start()
            consents = [event["uuid"] for event in org.all if event["eventType"].endswith("consent.grant")]
            until(lambda: {row.uuid for row in team.rows_of_watcher()} >= set(consents), 60, "the watcher has every consent",
                  every=0.5)
            team.printed_once("w2")
            team.status()
            collector.terminate()
            raw = [bytes(way) for way in tap.ways]
            tap.close()
    finally:
        org.close()
    bodies = [body for way in raw for body in payloads(way)]
    packed = [body for _, body in bodies if body.startswith(MAGIC)]
    unpacked = [zstandard.ZstdDecompressor().decompress(body, max_output_size=1 << 26) for body in packed]
    kinds = {kind.decode() for kind, _ in bodies}
    expect({"HPUB", "HMSG"} <= kinds and unpacked, f"there are no messages in the trace: {kinds}, {len(unpacked)} packed")
    places = [("raw", data) for data in raw] + [("unpacked", data) for data in unpacked]
    # So that the search can fail: what must be there is found in both directions.
    for uuid in consents:
        seen = sum(uuid.encode() in data for place, data in places if place == "unpacked")
        expect(seen >= 2, f"the consent {uuid} was seen {seen} times in the trace, and it was sent and received")
    expect(any(password.encode() in data for data in raw), "the trace has no login, so it does not hold everything")
    for secret in (TOKEN, CORE):
        for spelling in spellings(secret):
            for place, data in places:
                expect(spelling not in data, f"the trace ({place}) has {spelling!r}: "
                       + repr(data[max(0, data.find(spelling) - 100):data.find(spelling) + 60]))
    return (f"{len(raw) // 2} connections, {sum(map(len, raw))} bytes, {len(bodies)} messages, {len(packed)} packed ones; "
            f"{len(consents)} consents were seen, and neither the token nor one of {len(DEBUG)} planted secrets")
