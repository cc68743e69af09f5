"""A team for a scenario: a simulated org, a server, collectors and watchers, and the comparison with what the org has."""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from process import Process, expect, free_port, until

TOKEN = "demo-token"
# The events that are consents.
CONSENT = re.compile(r"app\.oauth2\.(as\.consent\.(grant|revoke.*)|consent\.grant|admin\.consent\.(grant|revoke))$")
# How long a single command may take.
COMMAND = 120
# How long everything that the org has may take until it is everywhere.
SETTLES = 180

PROGRAM = os.environ["CONSENTWATCH"]
SERVER = os.environ["NATS_SERVER"]
OLD_SERVER = os.environ["NATS_SERVER_OLD"]

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def now():
    """The time as Okta writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# What is kept of an event of the org, and of a row of a journal; tens of thousands fit into the memory. `part` tells the rows
# of one event apart.
Event = collections.namedtuple("Event", "published event")
Row = collections.namedtuple("Row", "uuid published part event")


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


def row(line):
    """Reads a line of an export or of `tail --format json`."""
    read = json.loads(line)
    names = [read[name] and read[name]["id"] for name in ("client", "authorization_server")]
    return Row(read["uuid"], read["published"], digest([names, read["scopes"]]), digest(read["raw"]))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Sim(Process):
    """The simulated org."""

    def __init__(self, folder, env, rate, backlog):
        command = [PROGRAM, "sim", "--listen", "127.0.0.1:0", "--rate", str(rate), "--backlog", str(backlog),
                   "--token", TOKEN]
        super().__init__("sim", command, folder, env)
        self.start()
        address = re.compile(r"^listening on (http://\S+)$", re.M)
        self.url = until(lambda: address.search(self.said()), 30, "the org's address")[1]

    def consents(self):
        """Every consent that the org has now, by uuid, read without the program."""
        since = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=80)).strftime("%Y-%m-%dT%H:%M:%SZ")
        found, after = {}, f"{self.url}/api/v1/logs?since={since}&limit=1000"
        while True:
            answer = _direct.open(urllib.request.Request(after, headers={"Authorization": f"SSWS {TOKEN}"}), timeout=60)
            page = json.load(answer)
            found |= {event["uuid"]: Event(event["published"], digest(event)) for event in page
                      if CONSENT.match(event["eventType"])}
            links = answer.headers.get_all("link") or []
            after = next((re.search("<(.*)>", link)[1] for link in links if 'rel="next"' in link), None)
            if len(page) < 1000 or not after:
                return found


class Team:
    """Everything that a scenario starts. Its end ends every process and removes the folder."""

    def __init__(self, rate=3000, backlog=500, org=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="consentwatch-team-"))
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "TOK": TOKEN,
                    "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self.processes, self.mounts = [], []
        try:
            self.org = org or self.keep(Sim(self.folder, self.env, rate, backlog))
            self.config = self.write_config("c.toml")
            # Watchers have no org in their configuration.
            self.nothing = self.folder / "w.toml"
            self.nothing.write_text("")
            self.port = free_port()
            self.dir = self.folder / "team"
            self.run("--config", self.config, "--data-dir", self.folder / "setup", "team", "config", "--dir", self.dir,
                     "--listen", f"127.0.0.1:{self.port}")
            self.to, self.of = self.dir / "collector.url", self.dir / "watcher-prod.url"
            self.key = self.of.read_text().split("=", 1)[1].strip().replace(":", "_")
            self.server = self.make_server("server", SERVER, self.dir / "server.conf")
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.clear()
        for mount in self.mounts:
            subprocess.run(["umount", "--lazy", mount], check=False)
        if os.environ.get("TEAM_KEEP"):
            print(f"    the folder of this run: {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, process):
        self.processes.append(process)
        return process

    def make_server(self, name, binary, conf):
        """A server, which is not started yet."""
        return self.keep(Process(name, [binary, "-c", str(conf)], self.folder, self.env))

    def write_config(self, name, poll=""):
        path = self.folder / name
        path.write_text(f'[org]\nname = "prod"\nurl = "{self.org.url}"\ntoken_env = "TOK"\n'
                        f'[poll]\ninterval = "1s"\nrate_share = 1.0\n{poll}')
        return path

    def run(self, *args, exits=(0,)):
        """Runs the program to its end and returns what it said on both channels."""
        command = [PROGRAM, *map(str, args)]
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=COMMAND)
        expect(done.returncode in exits and "panicked" not in done.stderr,
               f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout, done.stderr

    def collector(self, name="c1", to=None, config=None):
        """A collector, which is not started yet. The name is that of its data folder too."""
        command = [PROGRAM, "--config", str(config or self.config), "--data-dir", str(self.folder / name), "collect",
                   "--to", f"@{to or self.to}", "--listen", f"127.0.0.1:{free_port()}"]
        return self.keep(Process(name, command, self.folder, self.env))

    def watcher(self, name="w1", of=None):
        """A watcher that prints to its file of standard output, which is not started yet."""
        command = [PROGRAM, "--config", str(self.nothing), "--data-dir", str(self.folder / name), "tail",
                   "--from", f"@{of or self.of}", "--format", "json"]
        return self.keep(Process(name, command, self.folder, self.env))

    def log(self, name):
        """The log of a collector or a watcher."""
        path = self.folder / name / "consentwatch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def status(self, exits=(0, 1)):
        """What `team status` says of the org, or `{}` if it says nothing."""
        out, _ = self.run("--config", self.nothing, "--data-dir", self.folder / "status", "team", "status", "--json",
                          "--from", f"@{self.to}", exits=exits)
        return json.loads(out)["orgs"][0] if out else {}

    def pid_of_holder(self):
        """The process that has the lease, or `None`."""
        collector = self.status().get("collector")
        return int(collector.rsplit(":", 1)[1]) if collector else None

    def rows_of_collector(self, name="c1"):
        return self._rows(self.config, name)

    def rows_of_watcher(self, name="w1", of=None):
        return self._rows(self.nothing, name, "--from", f"@{of or self.of}")

    def _rows(self, config, name, *more):
        """The rows of a journal; none if there is no journal yet, or one that is just being made."""
        path = self.folder / f"export-{name}.jsonl"
        path.unlink(missing_ok=True)
        _, err = self.run("--config", config, "--data-dir", self.folder / name, "export", "--format", "jsonl", "-o", path,
                          *more, exits=(0, 1))
        if not path.exists():
            expect("There is no journal" in err or "updating the journal" in err, f"the export of {name} failed:\n{err}")
            return []
        with path.open() as file:
            return [row(line) for line in file]

    def printed_once(self, name):
        """Runs `tail --once` with a data folder of its own. Returns the events that it printed, and its standard error."""
        out, err = self.run("--config", self.nothing, "--data-dir", self.folder / name, "tail", "--once", "--from",
                            f"@{self.of}", "--format", "json")
        return {row(line).uuid for line in out.splitlines()}, err

    def coverage(self, name):
        """What the journal of a watcher says of its completeness."""
        path = self.folder / f"snapshot-{name}.json"
        path.unlink(missing_ok=True)
        self.run("--config", self.nothing, "--data-dir", self.folder / name, "export", "--format", "json", "--since", "1s",
                 "--from", f"@{self.of}", "-o", path)
        return json.loads(path.read_text())["orgs"][0]["coverage"]

    def hears(self, name, since, limit=75):
        """Waits until a watcher knows of a poll of the collector after a time. It stores one a minute, if nothing happens."""
        last = None

        def later():
            nonlocal last
            last = self.coverage(name)["last_good_poll"]
            return last and last > since

        until(later, limit, lambda: f"{name} knows of a poll after {since}, and not only of {last}", every=1)

    def is_live(self, process):
        """Returns whether a collector says that it polls and publishes."""
        lines = [line for line in process.complaints().splitlines() if "poll " in line and "team " in line]
        return bool(lines) and "poll live" in lines[-1] and "team live" in lines[-1]

    def complete(self, collectors=("c1",), watchers=("w1", "w2"), late=True, limit=SETTLES, with_gaps=False):
        """Waits until every journal holds what the org has now, and checks that each has every row once and nothing else.
        With `late`, a watcher without a journal reads the server too. Returns the number of consents. No
        watcher may tell of a gap, unless `with_gaps`."""
        wanted = self.org.consents()
        readers = {name: lambda name=name: self.rows_of_collector(name) for name in collectors}
        readers |= {name: lambda name=name: self.rows_of_watcher(name) for name in watchers}
        rows = {}
        began = time.monotonic()
        for name, read in readers.items():
            def whole(name=name, read=read):
                rows[name] = read()
                return wanted.keys() <= {row.uuid for row in rows[name]}

            def lacks(name=name):
                missing = sorted(wanted[uuid].published for uuid in wanted.keys() - {row.uuid for row in rows[name]})
                process = next(each for each in self.processes if each.name == name)
                return (f"{name} lacks {len(missing)} of {len(wanted)} consents, of {missing[0]} to {missing[-1]}; "
                        f"it said:\n{process.tail(5)}\nits log:\n" + "\n".join(self.log(name).splitlines()[-8:]))

            until(whole, max(limit - (time.monotonic() - began), 5), lacks, every=1)
        if late:
            name = f"late{len(list(self.folder.glob('late*')))}"
            self.printed_once(name)
            rows[name] = self.rows_of_watcher(name)
            lacking = wanted.keys() - {row.uuid for row in rows[name]}
            expect(not lacking, f"a watcher that came last lacks {len(lacking)} of {len(wanted)} consents")
        there = self.org.consents()
        for name, found in rows.items():
            compare(name, found, there)
        same_rows(rows, wanted)
        for name in watchers:
            prints_once(name, self.folder / f"{name}.out")
        since = moment(self.status()["complete_since"])
        for name in rows.keys() - set(collectors):
            told = self.coverage(name)
            # A message that was removed by hand may have had rows, for all that a watcher knows.
            expect(with_gaps or told["gaps"] == [], f"{name} tells of gaps, and there is none: {told['gaps']}")
            expect(told["complete_since"] and moment(told["complete_since"]) == since,
                   f"{name} says that it is complete since {told['complete_since']}, and the collector is since {since}")
        for process in self.processes:
            said = process.err.read_text(errors="replace") + self.log(process.name)
            expect("panick" not in said, f"{process.name} panicked:\n{said[max(0, said.find('panick') - 500):][:1500]}")
        return len(wanted)


def compare(name, rows, there):
    """Checks that no row is there twice, and that none is there that the org does not have, or has otherwise."""
    foreign = {row.uuid for row in rows} - there.keys()
    expect(not foreign, f"{name} has {len(foreign)} events that the org does not have, such as {sorted(foreign)[:1]}")
    once(name, rows)
    changed = [row.uuid for row in rows if row.event != there[row.uuid].event]
    expect(not changed, f"{name} has {len(changed)} events that are not as the org has them, such as {changed[:1]}")


def once(name, rows):
    """Checks that no row is there twice."""
    counted = collections.Counter((row.uuid, row.part) for row in rows)
    doubles = [uuid for (uuid, _), count in counted.items() if count > 1]
    expect(not doubles, f"{name} has {len(doubles)} of {len(counted)} rows twice, such as {doubles[:1]}")


def same_rows(rows, wanted):
    """Checks that all journals have the same rows of each event."""
    by_name = {name: {(row.uuid, row.part) for row in found if row.uuid in wanted} for name, found in rows.items()}
    first, *others = by_name
    for name in others:
        differs = {uuid for uuid, _ in by_name[first] ^ by_name[name]}
        expect(not differs, f"{first} and {name} differ in the rows of {len(differs)} events, such as {sorted(differs)[:1]}")


def prints_once(name, path):
    """Checks that a watcher printed no row twice."""
    with path.open(errors="replace") as file:
        # The last line may be half written.
        once(f"the output of {name}", [row(line) for line in file if line.endswith("\n")])


def printed(process):
    """Returns a function that returns the rows that a watcher has printed since its last call."""
    at, rest = 0, b""

    def more():
        nonlocal at, rest
        with process.out.open("rb") as file:
            file.seek(at)
            data = file.read()
        at += len(data)
        *whole, rest = (rest + data).split(b"\n")
        return [row(line) for line in whole]

    return more
