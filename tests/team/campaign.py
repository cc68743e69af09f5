"""Runs the scenarios of tests/team/run, which says what they need."""

import os
import random
import sys
import time
import traceback

import bad_messages
import bad_server
import kills
import once
import takeover
import wire
from process import Failed

SCENARIOS = {
    "kill_collector": kills.collector,
    "kill_server": kills.server,
    "kill_both": kills.both,
    "takeover": takeover.takeover,
    "once": once.once,
    "two_queries": takeover.two_queries,
    "no_jetstream": bad_server.no_jetstream,
    "too_old": bad_server.too_old,
    "wrong_password": bad_server.wrong_password,
    "swapped_roles": bad_server.swapped_roles,
    "unreachable": bad_server.unreachable,
    "nobody_collects": bad_server.nobody_collects,
    "stalled": bad_server.stalled,
    "full_disk": bad_server.full_disk,
    "stream_made_anew": bad_messages.stream_made_anew,
    "store_lost": bad_messages.store_lost,
    "foreign": bad_messages.foreign,
    "newer": bad_messages.newer,
    "wire": wire.wire,
}


def main():
    wanted = sys.argv[1:] or list(SCENARIOS)
    if wanted == ["list"]:
        return print("\n".join(SCENARIOS))
    unknown = [name for name in wanted if name not in SCENARIOS]
    if unknown:
        sys.exit(f"no such scenario: {' '.join(unknown)}; there are: {' '.join(SCENARIOS)}")
    seed = int(os.environ.get("TEAM_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"TEAM_SEED={seed}", flush=True)
    failed = []
    for name in wanted:
        # Each scenario has the same instants, whichever run before it.
        random.seed(f"{seed} {name}")
        began = time.monotonic()
        try:
            words, word = SCENARIOS[name](), "ok"
        except Failed as reason:
            words, word = str(reason), "FAILED"
        except Exception:
            words, word = traceback.format_exc(), "FAILED"
        if word == "FAILED":
            failed.append(name)
        print(f"{name}: {word} ({time.monotonic() - began:.0f} s)", flush=True)
        for line in words.splitlines():
            print(f"    {line}", flush=True)
    print(f"{len(wanted) - len(failed)} ok, {len(failed)} FAILED" + (": " if failed else "") + " ".join(failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
