"""Two collectors for one org: who polls, how long nobody does, and what is said if they ask for different events."""

import signal
import time

from process import expect, until
from rig import Team, now, printed

# No take-over may take longer.
GOAL = 20
# One after SIGTERM waits for nothing that was forgotten.
GOAL_IN_ORDER = 8
ROUNDS = 3
# A lease is renewed this often, in seconds; so it is seen for longer that nobody else takes it.
RENEWAL = 5


def holder_of(team, *collectors):
    """Returns the one of the collectors that has the lease."""
    def found():
        pid = team.pid_of_holder()
        return next((each for each in collectors if each.pid == pid), None)
    return until(found, 60, "one of the collectors has the lease")


def taken_over(team, watcher, end, other):
    """Ends the collector that has the lease with `end`. Returns the seconds until the other has it, and until a consent
    that happened after the end reached a watcher."""
    more = printed(watcher)
    more()
    at, began = now(), time.monotonic()
    end()
    times = {}

    def both():
        if "event" not in times and any(row.published > at for row in more()):
            times["event"] = time.monotonic() - began
        if "status" not in times and team.pid_of_holder() == other.pid:
            times["status"] = time.monotonic() - began
        return len(times) == 2

    until(both, 120, lambda: f"{other.name} polls; seen: {times}; it said:\n{other.tail()}", every=0.05)
    return times["status"], times["event"]


def stands_by(team, process, other):
    """Checks that a collector that was started leaves the lease where it is."""
    until(lambda: "poll elsewhere" in process.complaints().lower() or "Another collector" in process.complaints(), 30,
          lambda: f"{process.name} says that another polls; it said:\n{process.tail()}")
    end = time.monotonic() + 2 * RENEWAL
    while time.monotonic() < end:
        pid = team.pid_of_holder()
        expect(pid == other.pid, f"{process.name} was started, and process {pid} has the lease in place of {other.pid}")


def takeover():
    killed, ended, stalled = [], [], []
    with Team(rate=1200) as team:
        team.server.start()
        one, two = team.collector("c1").start(), team.collector("c2").start()
        watcher = team.watcher("w1").start()
        until(lambda: watcher.out.stat().st_size > 0, 60, lambda: f"the watcher prints; it said {watcher.tail()}")
        for number in range(2 * ROUNDS):
            first = holder_of(team, one, two)
            other = two if first is one else one
            if number < ROUNDS:
                killed.append(taken_over(team, watcher, first.kill, other))
            else:
                ended.append(taken_over(team, watcher, first.terminate, other))
            first.start()
            stands_by(team, first, other)
        # A collector that stood still for longer than its lease must not go on as if it had it.
        first = holder_of(team, one, two)
        other = two if first is one else one
        stalled.append(taken_over(team, watcher, lambda: first.signal(signal.SIGSTOP), other))
        first.signal(signal.SIGCONT)
        stands_by(team, first, other)
        # A watcher that begins now has as many messages behind it as there were take-overs, and more.
        team.watcher("w2").start()
        consents = team.complete(collectors=("c1", "c2"))
        for words, times, goal in (("SIGKILL", killed, GOAL), ("SIGTERM", ended, GOAL_IN_ORDER), ("SIGSTOP", stalled, GOAL)):
            worst = max(max(pair) for pair in times)
            expect(worst <= goal, f"a take-over after {words} took {worst:.1f} s, and {goal} s is the goal; "
                   f"SIGKILL {shown(killed)}, SIGTERM {shown(ended)}, SIGSTOP {shown(stalled)}")
        return (f"seconds until the other had the lease, and until a new consent reached a watcher: SIGKILL {shown(killed)}, "
                f"SIGTERM {shown(ended)}, SIGSTOP {shown(stalled)}\n{consents} consents in 5 journals, each once")


def shown(times):
    return ", ".join(f"{status:.1f}/{event:.1f}" for status, event in times)


def two_queries():
    """Two collectors with different poll.events."""
    with Team(rate=600) as team:
        team.server.start()
        one = team.collector("c1").start()
        until(lambda: team.pid_of_holder() == one.pid, 60, "the first collector has the lease")
        other = team.write_config("other.toml", 'events = ["grant"]\n')
        two = team.collector("c2", config=other).start()
        until(lambda: "asks for other events" in team.log("c2"), 60,
              lambda: f"the second collector notes that it asks for other events; its log:\n{team.log('c2')[-1500:]}")
        stands_by(team, two, one)
        watchers = [team.watcher(name).start() for name in ("w1", "w2")]
        consents = team.complete(collectors=("c1", "c2"))
        expect(all(watcher.runs() for watcher in watchers), "a watcher ended")
        return f"the second collector notes the difference and stands by; {consents} consents in 5 journals, each once"
