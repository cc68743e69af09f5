"""Servers and logins that cannot be used, for a while: what people are told, and that nothing is lost."""

import os
import re
import signal
import subprocess
import time

from process import expect, until
from rig import OLD_SERVER, SERVER, Team, now

# What a process tries again every 30 seconds is back within this time.
BACK = 90


def says(process, words, limit=45):
    """Waits until a process says something, on standard error or in its log."""
    until(lambda: re.search(words, process.said(), re.I), limit,
          lambda: f"{process.name} says “{words}”; it said:\n{process.tail()}")


def told(team, process, words, limit=45):
    """Waits until the log of a process has a sentence, and returns the sentence."""
    def found():
        lines = [line for line in (team.log(process.name) + process.said()).splitlines() if re.search(words, line, re.I)]
        return lines[-1] if lines else None
    return until(found, limit, lambda: f"{process.name} says “{words}”; it said:\n{process.tail()}\nits log:\n"
                 + "\n".join(team.log(process.name).splitlines()[-8:]))


def status_says(team, words):
    """Checks what `team status` says."""
    out, err = team.run("--config", team.nothing, "--data-dir", team.folder / "status", "team", "status", "--from",
                        f"@{team.of}", exits=(1,))
    expect(re.search(words, out + err, re.I), f"team status does not say “{words}”, but:\n{out}{err}")


def polls_alone(team, collector):
    until(lambda: team.rows_of_collector(), BACK, lambda: f"the collector polls alone; it said:\n{collector.tail()}", every=1)


def live_again(team, collector):
    until(lambda: team.is_live(collector), BACK, lambda: f"the collector is live again; it said:\n{collector.tail()}")


def refused(make_server, words):
    """Starts everything on a server that cannot be used. Then a good one takes its place, and nothing is missing."""
    with Team(rate=600) as team:
        bad = make_server(team).start()
        until(lambda: "Server is ready" in bad.said(), 30, lambda: f"the server is ready; it said:\n{bad.tail()}")
        collector, watcher = team.collector().start(), team.watcher("w1").start()
        for process in (collector, watcher):
            told(team, process, words)
            says(process, words)
        status_says(team, words)
        # The collector polls for itself meanwhile.
        polls_alone(team, collector)
        for process in (collector, watcher):
            # The true reason stays until it has gone.
            expect("cannot be reached" not in process.said(), f"{process.name} gives another reason too:\n{process.tail()}")
        bad.kill()
        team.server.start()
        live_again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        return f"said by collector, watcher and status: {words}; then {consents} consents in 4 journals, each once"


def no_jetstream():
    def without(team):
        text = (team.dir / "server.conf").read_text()
        cut = re.sub(r"\njetstream \{.*?\n\}\n", "\n", text, flags=re.S)
        expect(cut != text, "server.conf has no part for JetStream")
        path = team.dir / "without.conf"
        path.write_text(cut)
        return team.make_server("without", SERVER, path)

    return refused(without, "no JetStream")


def too_old():
    return refused(lambda team: team.make_server("old", OLD_SERVER, team.dir / "server.conf"),
                   r"version 2\.10\.26, and 2\.11 is the oldest")


def wrong_password():
    """Files with another password; then the collector and the watcher are started with the right ones."""
    with Team(rate=600) as team:
        team.server.start()
        wrong = {}
        for path in (team.to, team.of):
            wrong[path] = path.with_name(f"wrong-{path.name}")
            wrong[path].write_text(re.sub(r":[^:@/]+@", ":not-the-password@", path.read_text()))
            wrong[path].chmod(0o600)
        collector = team.collector(to=wrong[team.to]).start()
        watcher = team.watcher("w1", of=wrong[team.of]).start()
        for process in (collector, watcher):
            told(team, process, "refused the user or the password")
        says(watcher, "refused")
        _, err = team.run("--config", team.nothing, "--data-dir", team.folder / "status", "team", "status", "--from",
                          f"@{wrong[team.of]}", exits=(1,))
        expect("refused the user or the password" in err, f"team status says {err}")
        polls_alone(team, collector)
        collector.terminate()
        watcher.terminate()
        team.collector().start()
        for name in ("w1", "w2"):
            team.watcher(name).start()
        consents = team.complete()
        for process in (collector, watcher):
            expect("not-the-password" not in process.said() + team.log(process.name), "the password is in what was said")
        return f"said by collector, watcher and status; then {consents} consents in 4 journals, each once"


def swapped_roles():
    """A collector with the file of a watcher, and a watcher with the file of the collector, which works."""
    with Team(rate=600) as team:
        team.server.start()
        collector = team.collector(to=team.of).start()
        sentence = told(team, collector, "refused a right")
        polls_alone(team, collector)
        collector.terminate()
        team.collector().start()
        team.watcher("w1", of=team.to).start()
        team.watcher("w2").start()
        consents = team.complete()
        right = re.search(r'refused a right: (.*?"[^"]*")', sentence)
        expect(right, f"the collector does not say which right it lacks: {sentence}")
        return (f"the collector with a watcher's file said which right it lacks ({right[1]}); a watcher with the "
                f"collector's file works; {consents} consents in 4 journals, each once")


def unreachable():
    """No server when the collector starts: it polls alone after 15 s, and publishes later."""
    with Team(rate=600) as team:
        began = time.monotonic()
        collector, watcher = team.collector().start(), team.watcher("w1").start()
        for process in (collector, watcher):
            told(team, process, "cannot be reached")
        status_says(team, "cannot be reached|does not answer")
        until(lambda: "poll live" in collector.complaints(), 60,
              lambda: f"the collector polls alone; it said:\n{collector.tail()}")
        alone = time.monotonic() - began
        expect(12 <= alone <= 25, f"the collector polled alone after {alone:.1f} s, not after about 15")
        expect(team.rows_of_collector(), "the collector has stored nothing")
        team.server.start()
        live_again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        return f"the collector polled alone after {alone:.1f} s; then {consents} consents in 4 journals, each once"


def nobody_collects():
    """A server that starts while no collector runs: watchers say so, and show what is there."""
    with Team(rate=600) as team:
        team.server.start()
        collector = team.collector().start()
        until(lambda: team.is_live(collector), 60, "the collector is live")
        until(lambda: team.status().get("messages"), 30, "something is published")
        collector.terminate()
        team.server.kill()
        team.server.start()
        watcher = team.watcher("w1").start()
        until(lambda: team.rows_of_watcher(), 30, lambda: f"the watcher has rows; it said:\n{watcher.tail()}", every=0.5)
        says(watcher, "No collector polls")
        status_says(team, "nobody polls this org")
        expect("has no stream" not in watcher.said(),
               f"the watcher names a stream that only a collector knows:\n{watcher.tail()}")
        collector.start()
        team.watcher("w2").start()
        consents = team.complete()
        return f"watcher and status say that nobody polls; then {consents} consents in 4 journals, each once"


def stalled():
    """A server that stands still for 40 s and goes on."""
    with Team(rate=600) as team:
        team.server.start()
        collector = team.collector().start()
        until(lambda: team.is_live(collector), 60, "the collector is live")
        watcher = team.watcher("w1").start()
        until(lambda: watcher.out.stat().st_size > 0, 60, "the watcher prints")
        at, began = now(), time.monotonic()
        team.server.signal(signal.SIGSTOP)
        for process in (collector, watcher):
            says(process, "does not answer|cannot be reached|is broken", limit=38)
        said_after = time.monotonic() - began
        time.sleep(max(0, 40 - (time.monotonic() - began)))
        rows = team.rows_of_collector()
        newest = max(row.published for row in rows)
        expect(sum(row.published > at for row in rows) > 200,
               f"the collector did not go on polling while the server stood still: its newest consent is of {newest}, and the "
               f"server has stood still since {at}")
        team.server.signal(signal.SIGCONT)
        live_again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        return f"both said so after {said_after:.1f} s, and polling went on; {consents} consents in 4 journals, each once"


def full_disk():
    """The disk of the server is full for a while."""
    with Team(rate=6000, backlog=200) as team:
        # The server must believe that it has more room than there is.
        conf = team.dir / "server.conf"
        conf.write_text(conf.read_text().replace("jetstream {\n", "jetstream {\n    max_file_store: 1GB\n"))
        store = team.dir / "jetstream"
        store.mkdir(exist_ok=True)
        is_mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(store)], capture_output=True).returncode == 0
        if is_mounted:
            team.mounts.append(str(store))
        team.server.start()
        if not is_mounted:
            team.server.limit_files(300_000)
        collector, watcher = team.collector().start(), team.watcher("w1").start()
        sentence = told(team, collector, "could not store|has no JetStream|does not answer", limit=120)
        says(collector, "team: ")
        until(lambda: watcher.out.stat().st_size > 0, 60, "the watcher prints")
        rows = len(team.rows_of_collector())
        until(lambda: len(team.rows_of_collector()) > rows, 30, "the collector goes on polling while the disk is full", every=1)
        if is_mounted:
            subprocess.run(["mount", "-o", "remount,size=256m", str(store)], check=True)
        else:
            team.server.limit_files(None)
        # A server that had no room leaves JetStream off until it is started again.
        team.server.kill()
        team.server.start()
        live_again(team, collector)
        team.watcher("w2").start()
        consents = team.complete()
        kind = "a file system of 1 MB" if is_mounted else "a limit of the size of files"
        return f"{kind}; the collector said: {sentence[:200]}\n{consents} consents in 4 journals, each once"
