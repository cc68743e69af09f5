"""Shared by the scripts that deliver to the hook's listener: a configuration with a listener, and deliveries."""

import json
import os
import socket
import time
import uuid

SECRET = "invented-secret-of-the-hook"
PATH = "/okta/hook"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(folder, port, more=""):
    """Writes a configuration with a listener and returns its path."""
    with open(os.path.join(folder, "secret"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(SECRET + "\n")
    path = os.path.join(folder, "config.toml")
    with open(path, "w") as file:
        file.write('[poll]\ninterval = "1h"\nnames = false\n[hook]\nenabled = true\nsecret_file = "secret"\n'
                   f'listen = "127.0.0.1:{port}"\npath = "{PATH}"\n{more}')
    return path


def event(number):
    """Returns a new event of the usual size."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".{:03d}Z".format(int(time.time() * 1000) % 1000)
    target = {"id": f"oag{number:013}1d7", "type": "ConsentGrant", "displayName": "orders.read", "detailEntry": {
        "publicclientapp": "0oaDDDDDDDDDDDDDD1d7", "authorizationserver": "ausBBBBBBBBBBBBBB1d7",
        "user": f"00u{number % 5000:013}1d7"}}
    return {"uuid": str(uuid.uuid4()), "published": now, "eventType": "app.oauth2.as.consent.grant", "version": "0",
            "severity": "INFO", "displayMessage": "Consent granted", "outcome": {"result": "SUCCESS"},
            "client": {"ipAddress": f"192.0.2.{number % 250}", "ipChain": [{"ip": "192.0.2.10", "version": "V4"}]},
            "debugContext": {"debugData": {"note": "x" * 1200}}, "target": [target]}


def delivery(events):
    body = json.dumps({"eventType": "com.okta.event_hook", "eventId": str(uuid.uuid4()),
                       "eventTime": "2026-03-04T09:15:38.902Z",
                       "source": "https://org.example.test/api/v1/eventHooks/whoFFFFFFFFFFFFFF1d7",
                       "data": {"events": events}}).encode()
    return (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def connect(port, timeout=10):
    one = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one
