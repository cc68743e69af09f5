"""Kills the collector, the server, or both at random instants, and checks that nothing is lost and nothing comes twice."""

import os
import random
import time

from process import until
from rig import Team, now


def count(name, default):
    return int(os.environ.get(name, default))


def pause(most):
    """Waits until a random instant within `most` seconds."""
    time.sleep(random.uniform(0.02, most))


def started(team):
    """Starts everything. Returns the collector, and the seconds until it polled and published, from its start."""
    team.server.start()
    collector = team.collector().start()
    began = time.monotonic()
    until(lambda: team.is_live(collector), 60, lambda: f"the collector is live; it says {collector.tail()}", every=0.02)
    took = time.monotonic() - began
    team.watcher("w1").start()
    return collector, took


def at_half(team, number, kills):
    """Starts the second watcher at half of the kills, when much is on the server already."""
    if number == kills // 2:
        team.watcher("w2").start()


def collector():
    kills = count("TEAM_COLLECTOR_KILLS", 200)
    with Team() as team:
        killed, took = started(team)
        for number in range(kills):
            at_half(team, number, kills)
            # About half hit its start, and half hit it at work.
            pause(2 * took + 1)
            killed.kill()
            killed.start()
        consents = team.complete()
        # The lease has been taken and renewed often by now. A server that starts anew must not make watchers deaf for long.
        team.server.terminate()
        team.server.start()
        at = now()
        for name in ("w1", "w2"):
            team.hears(name, at)
        return (f"{kills} kills of the collector, which needs {took:.1f} s to start; {consents} consents in 4 journals, each "
                "once; a restart of the server makes no watcher deaf")


def server():
    kills = count("TEAM_SERVER_KILLS", 50)
    with Team() as team:
        started(team)
        for number in range(kills):
            at_half(team, number, kills)
            pause(4)
            team.server.kill()
            pause(1)
            team.server.start()
        consents = team.complete()
        return f"{kills} kills of the server; {consents} consents in 4 journals, each once"


def both():
    kills = count("TEAM_BOTH_KILLS", 20)
    with Team() as team:
        killed, took = started(team)
        for number in range(kills):
            at_half(team, number, kills)
            pause(2 * took + 3)
            pair = [killed, team.server]
            random.shuffle(pair)
            for process in pair:
                process.kill()
            random.shuffle(pair)
            pair[0].start()
            pause(1)
            pair[1].start()
        consents = team.complete()
        return f"{kills} kills of collector and server at once; {consents} consents in 4 journals, each once"
