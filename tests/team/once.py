"""`tail --once --from` ends with everything that is on the server, and says how complete that is."""

from process import expect, until
from rig import Team

RUNS = 12


def once():
    with Team(rate=600) as team:
        team.server.start()
        collector = team.collector().start()
        until(lambda: team.is_live(collector), 60, lambda: f"the collector is live; it said:\n{collector.tail()}")
        until(lambda: team.status().get("complete_since"), 60, "the collector tells since when it is complete")
        silent = []
        for number in range(RUNS):
            # A watcher that reads now has everything that an earlier one had.
            wanted, _ = team.printed_once(f"before{number}")
            printed, said = team.printed_once(f"once{number}")
            expect(wanted <= printed, f"run {number} printed {len(printed)} and lacks {len(wanted - printed)} consents")
            if "consentwatch.coverage" not in said:
                silent.append(number)
        expect(not silent, f"{len(silent)} of {RUNS} runs ended without a word on coverage; the last said:\n{said}")
        return f"{RUNS} runs with everything that was there, each with its coverage"
