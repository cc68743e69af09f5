"""A proxy on loopback that records complete requests with their answers, one at a time."""

import dataclasses
import http.client
import http.server
import json
import threading
import urllib.parse

# Hop-by-hop headers (RFC 9110), and headers that the proxy sets itself.
OWN = {"connection", "keep-alive", "transfer-encoding", "host", "content-length", "accept-encoding", "expect"}

# The time limit of an answer in seconds.
LIMIT = 60


@dataclasses.dataclass
class Exchange:
    """A request and its answer. Header names are in lower case; a header that came twice stands there twice."""

    method: str
    target: str
    asked: list
    status: int
    headers: list
    body: bytes

    @property
    def path(self):
        return urllib.parse.urlsplit(self.target).path

    def header(self, name):
        return next((value for key, value in self.asked if key == name), None)

    def json(self):
        return json.loads(self.body)


class Front:
    """Listens on a port of its own at `url`, and passes on to `upstream`. Links in answers that lead to one of `origins`
    lead here instead, so that a client which follows them, and only at the host that it was given, keeps coming here.
    `add` is what every request gets on its way. `exchanges` grows; wait for more of them with `until`."""

    def __init__(self, upstream, origins=(), add=()):
        self.exchanges = []
        self._moved = threading.Condition()
        self._turn = threading.Lock()
        self._host = urllib.parse.urlsplit(upstream).netloc
        self._origins = {upstream, *origins}
        self._add = dict(add)
        handler = type("Handler", (_Handler,), {"front": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def until(self, found, limit):
        """Waits until `found(exchanges)` returns a value, and returns it, or None after the limit."""
        with self._moved:
            return self._moved.wait_for(lambda: found(self.exchanges), limit)

    def _pass(self, method, target, asked, body):
        headers = {key: value for key, value in asked if key not in OWN} | self._add
        with self._turn:
            connection = http.client.HTTPConnection(self._host, timeout=LIMIT)
            try:
                connection.request(method, target, body, headers)
                reply = connection.getresponse()
                came = [(key.lower(), self._here(key, value)) for key, value in reply.getheaders()]
                exchange = Exchange(method, target, asked, reply.status, came, reply.read())
            finally:
                connection.close()
            with self._moved:
                self.exchanges.append(exchange)
                self._moved.notify_all()
        return exchange

    def _here(self, key, value):
        if key.lower() == "link":
            for origin in self._origins:
                value = value.replace(f"<{origin}/", f"<{self.url}/")
        return value


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Ignores errors of connections, since a killed client leaves its connection open."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front = None

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = [(key.lower(), value) for key, value in self.headers.items()]
        try:
            exchange = self.front._pass(self.command, self.path, asked, body or None)
        except (OSError, http.client.HTTPException) as error:
            self.send_error(502, str(error))
            return
        self.send_response_only(exchange.status)
        for key, value in exchange.headers:
            if key not in OWN:
                self.send_header(key, value)
        self.send_header("content-length", str(len(exchange.body)))
        self.end_headers()
        self.wfile.write(exchange.body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_):
        pass
