"""Streams that are lost, and messages that no collector wrote."""

import random
import shutil
import time

import zstandard

from admin import Admin, add_admin
from bad_server import BACK, says, told
from process import expect, until
from rig import Team

SCHEMA, JOURNAL = "Consentwatch-Schema", "Consentwatch-Journal"


def running(team):
    """Starts everything on a server with an administrator. Returns the collector, a watcher, and the administrator."""
    add_admin(team)
    team.server.start()
    collector = team.collector().start()
    until(lambda: team.is_live(collector), 60, lambda: f"the collector is live; it said:\n{collector.tail()}")
    watcher = team.watcher("w1").start()
    until(lambda: watcher.out.stat().st_size > 0, 60, lambda: f"the watcher prints; it said:\n{watcher.tail()}")
    return collector, watcher, Admin(team)


# The streams that the collector writes. It notices when one is gone.
WRITTEN = ("CW_EV_", "CW_STATE_", "CW_LABEL_", "CW_LEASE")


def again(team, collector):
    """Waits until the collector has the lease and publishes."""
    until(lambda: team.pid_of_holder() == collector.pid and team.status().get("messages"), BACK,
          lambda: f"the collector publishes again; it said:\n{collector.tail()}", every=0.5)


def stream_made_anew():
    """Each stream that the collector writes is deleted while everything runs."""
    with Team(rate=1200) as team:
        collector, watcher, admin = running(team)
        names = [admin.stream(prefix) for prefix in WRITTEN]
        for name in names:
            admin.delete(name)
            until(lambda: name in admin.streams(), BACK,
                  lambda: f"the stream {name} is made anew; the collector said:\n{collector.tail()}\nits log:\n"
                  + "\n".join(team.log("c1").splitlines()[-5:]), every=0.5)
            again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        return f"{len(names)} streams deleted one after the other; {consents} consents in 4 journals, each once"


def store_lost():
    """The server loses its whole store, twice: with everybody connected, and with the collector away."""
    with Team(rate=1200) as team:
        collector, watcher, _ = running(team)
        for is_away in (False, True):
            if is_away:
                collector.kill()
            team.server.kill()
            shutil.rmtree(team.dir / "jetstream")
            team.server.start()
            if is_away:
                told(team, watcher, "has no stream")
                collector.start()
            again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        return f"the store was lost twice; {consents} consents in 4 journals, each once"


def foreign():
    """Messages of another program, garbage, a message of 8 MB, and one that unpacks to more than the memory should hold."""
    with Team(rate=1200) as team:
        collector, watcher, admin = running(team)
        stream = admin.stream("CW_EV_")
        subject = stream.replace("CW_EV_", "cw.ev.")
        right = {SCHEMA: "1", JOURNAL: "another"}
        pack = zstandard.ZstdCompressor().compress
        bad = [
            ("no headers", f"{subject}.x", b"hello", None),
            ("no version", f"{subject}.x", b"hello", {JOURNAL: "another"}),
            ("a version that is no number", f"{subject}.x", b"hello", {SCHEMA: "one"}),
            ("no body", f"{subject}.x", b"", right),
            ("garbage", f"{subject}.x", random.randbytes(10_000), right),
            ("8 MB of garbage", f"{subject}.x", random.randbytes(8 * 1024 * 1024 - 1000), right),
            ("packed garbage", f"{subject}.x", pack(random.randbytes(5000)), right),
            ("packed JSON of another kind", f"{subject}.x", pack(b'{"rows":7}'), right),
            ("rows that are no events", f"{subject}.x", pack(
                b'{"through":{"row":1,"change":1,"side":1},"rows":[{"raw":"{}","via":1,"received":"2026-01-01T00:00:00Z"},'
                b'{"raw":"[","via":200,"part":255,"received":"2026-01-01T00:00:00Z","digest":"zz"}]}'), right),
            ("a body that unpacks to 100 MB", f"{subject}.x", pack(bytes(100_000_000)), right),
            ("garbage in the state", f"{subject.replace('cw.ev.', 'cw.state.')}", random.randbytes(500), right),
            ("garbage in the labels", f"{subject.replace('cw.ev.', 'cw.label.')}.c.x", random.randbytes(500), right),
            ("garbage in the lags", f"{subject.replace('cw.ev.', 'cw.lag.')}.x", random.randbytes(500), right),
            ("garbage in the notes", f"{subject.replace('cw.ev.', 'cw.notes.')}.x", random.randbytes(500), right),
        ]
        for words, to, body, headers in bad:
            admin.publish(to, body, headers)
            admin_seen = team.status()
            expect(admin_seen.get("messages"), f"after “{words}”, team status says {admin_seen}")
        # A message on the collector's own subject, so that its next one meets another number than it expects.
        own, _, _ = last_own(admin, stream, team)
        admin.publish(own, b"not by the collector", None)
        sentence = told(team, watcher, "messages or rows of the team's server could not be read|could not be read")
        says(watcher, "could not be read")
        team.watcher("w2").start()
        consents = team.complete()
        until(lambda: team.pid_of_holder() == collector.pid, 30, "the collector still has the lease")
        return (f"{len(bad) + 1} bad messages; the watcher said: {sentence[:200]}\n"
                f"{consents} consents in 4 journals, each once")


def last_own(admin, stream, team):
    """The last message that the collector wrote."""
    subject = stream.replace("CW_EV_", "cw.ev.")

    async def work(client):
        state = await client.jetstream().stream_info(stream, subjects_filter=f"{subject}.>")
        own = [name for name in state.state.subjects if not name.endswith(".x")]
        expect(len(own) == 1, f"the collector does not have one subject: {own}")
        found = await client.jetstream().get_last_msg(stream, own[0])
        return own[0], found.seq, found.data

    return admin._with(work)


def newer():
    """A message of a later version stands in the way of watchers until it is removed."""
    with Team(rate=1200) as team:
        collector, watcher, admin = running(team)
        stream = admin.stream("CW_EV_")
        subject = stream.replace("CW_EV_", "cw.ev.")
        number = admin.publish(f"{subject}.x", b"of the future", {SCHEMA: "99", JOURNAL: "another"})
        sentence = told(team, watcher, "version 99")
        says(watcher, "version 99")
        # What comes after it waits: rows are on the server, and the watcher has none of them.
        until(lambda: team.status()["last"] > number + 3, 60, "the collector goes on publishing")
        before = {row.uuid for row in team.rows_of_watcher("w1")}
        began, used = time.monotonic(), watcher.cpu_seconds()
        until(lambda: team.status()["last"] > number + 8 and time.monotonic() > began + 4, 60,
              "the collector goes on publishing")
        share = (watcher.cpu_seconds() - used) / (time.monotonic() - began)
        expect(share < 0.15, f"a watcher that waits takes {share:.0%} of a core")
        after = {row.uuid for row in team.rows_of_watcher("w1")}
        expect(before == after, f"the watcher read {len(after - before)} events beyond the message of a later version")
        collected = {row.uuid for row in team.rows_of_collector()}
        expect(len(collected - after) > 20, "the collector did not go on")
        # The same for a watcher that begins now, with the message among those that it reads first.
        second = team.watcher("w2").start()
        told(team, second, "version 99")
        admin.delete_message(stream, number)
        consents = team.complete(with_gaps=True)
        return f"the watchers said: {sentence[:200]}\nand stopped there; {consents} consents in 4 journals, each once"
