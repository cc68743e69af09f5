"""Shared by the checks: child processes with their output, the simulated org, Prism, and the program.

Waiting is for a line or an end, with a limit; nothing sleeps. A check is a script that ends with 0, with 77 if it
cannot be made here, and with anything else if something does not hold.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import urllib.error
import urllib.parse
import urllib.request

import tools
from tools import Skipped

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "00PeerToken"
SKIP = 77

# The default expectation for `consentwatch`: it ends with 0, with any text on standard error.
SUCCESS = {0: ""}

# The time limit in seconds for a server to print its address, and for a client to end.
START_LIMIT = 40
RUN_LIMIT = 90


class Failed(Exception):
    """A failed check."""


def expect(holds, words):
    if not holds:
        raise Failed(words)


def main(check):
    """Runs a check and ends the process with its exit code."""
    try:
        check()
    except Skipped as reason:
        print(reason)
        sys.exit(SKIP)
    except Failed as words:
        print(words)
        sys.exit(1)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)


def program():
    path = os.environ.get("CONSENTWATCH") or ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/consentwatch"
    expect(os.access(path, os.X_OK), f"{path} is not there: cargo build, or name the program in CONSENTWATCH")
    return str(path)


def document():
    """Okta's OpenAPI document."""
    named = os.environ.get("OKTA_OPENAPI")
    path = pathlib.Path(named) if named else ROOT / "../shared/data/okta-management-cut.yaml"
    if not path.is_file():
        raise Skipped("Okta's OpenAPI document is not there; name it in OKTA_OPENAPI")
    return str(path.resolve())


def environment(**more):
    """Returns an environment in which programs can reach only loopback."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "TERM": "xterm-256color"} | more


class Process:
    """A server that says on standard output where it listens; `lines` is all that it said so far."""

    def __init__(self, command, listening):
        self.command, self.lines = command, []
        self._moved, self._ended = threading.Condition(), False
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, errors="replace", env=environment())
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.url = self.until(lambda line: re.search(listening, line), START_LIMIT)[1]
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def _listen(self):
        for line in self._process.stdout:
            with self._moved:
                self.lines.append(line.rstrip("\n"))
                self._moved.notify_all()
        with self._moved:
            self._ended = True
            self._moved.notify_all()

    def until(self, found, limit):
        """Waits for a line for which `found` returns a value, and returns the value."""
        seen, result = 0, None
        with self._moved:
            def look():
                nonlocal seen, result
                while seen < len(self.lines) and not result:
                    result = found(self.lines[seen])
                    seen += 1
                return result or self._ended
            self._moved.wait_for(look, limit)
            expect(result, f"{self.command[0]} did not say what was waited for; it said:\n"
                   + "\n".join(self.lines[-20:]))
        return result


class Sim(Process):
    """A simulated org without live events. `held` is the number of consents of each kind."""

    def __init__(self, *more, backlog=200):
        super().__init__([program(), "sim", "--listen", "127.0.0.1:0", "--rate", "0", "--token", TOKEN,
                          "--backlog", str(backlog), *more], r"^listening on (http://\S+)$")
        self.until(lambda line: line.startswith("total "), START_LIMIT)
        self.held = {kind: int(count) for kind, count in (line.split() for line in self.lines[1:])}


class Prism(Process):
    """Prism over Okta's document: `mock`, or `proxy` before an org."""

    def __init__(self, mode, *more):
        mode = [mode, "-h", "127.0.0.1", "-p", "0"]
        super().__init__([str(tools.prism()), *mode, *more], r"Prism is listening on (http://\S+)")


def watch(url, data, *args):
    """The command and the environment of the program on an org, with a folder for what it keeps."""
    told = environment(OKTA_CLIENT_ORGURL=url, OKTA_CLIENT_TOKEN=TOKEN, CONSENTWATCH_DATA_DIR=str(data), HOME=str(data))
    return [program(), *args], told


def consentwatch(url, data, *args, exits=SUCCESS):
    """Runs the program to its end, which must be no panic. `exits` maps each exit code that it may end with to what it
    must then say on standard error. Returns its lines."""
    command, told = watch(url, data, *args)
    done = finish(command, told)
    said = f"consentwatch {' '.join(args)}: exit {done.returncode}\n{done.stdout[:2000]}\n{done.stderr[:2000]}"
    expect("panicked" not in done.stderr and done.returncode in exits, said)
    expect(exits[done.returncode] in done.stderr, f"{said}\nit does not say: {exits[done.returncode]}")
    for log in pathlib.Path(data).rglob("consentwatch.log"):
        expect("panick" not in log.read_text(errors="replace"), f"{said}\n{log.name} tells of a panic")
    return done.stdout.splitlines()


def client(command, **told):
    """Runs a client until it ends. Returns its last line, parsed as JSON."""
    done = finish(command, environment(**told))
    expect(done.returncode == 0, f"{command[1]}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def finish(command, told):
    try:
        return subprocess.run(command, env=told, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=RUN_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)} did not end within {RUN_LIMIT} s") from error


class Answer:
    """An answer to a plain GET. `links` maps a relation to its URL."""

    def __init__(self, reply):
        self.status, self.body = reply.status, reply.read()
        lines = reply.headers.get_all("link") or []
        self.links = dict(re.findall(r'<([^>]*)>; rel="(\w+)"', line)[0][::-1] for line in lines)

    def uuids(self):
        return [event["uuid"] for event in json.loads(self.body)]


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url, authorization=f"SSWS {TOKEN}"):
    request = urllib.request.Request(url, headers={"authorization": authorization, "accept": "application/json"})
    try:
        with _direct.open(request, timeout=RUN_LIMIT) as reply:
            return Answer(reply)
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused)


def walk(url):
    """Reads a log from a URL on until there is nothing new. Returns the uuids."""
    found = []
    while url:
        answer = get(url)
        expect(answer.status == 200, f"{url}: {answer.status} {answer.body[:300]}")
        found += answer.uuids()
        further = answer.links.get("next")
        url = further if further != url and answer.uuids() else None
    return found


def query(**parameters):
    return urllib.parse.urlencode(parameters)


def scratch():
    return tempfile.TemporaryDirectory(prefix="consentwatch-peers-")
