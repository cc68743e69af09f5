#!/usr/bin/env bash
# Kills the program repeatedly at random times and checks that nothing is lost or duplicated.
#
#   tests/measure/kill.sh [KILLS [SEED [BINARY [FAULT...]]]]
#
# `tail --once --since 90d` reads a simulated org of 5000 consents in pages of 100 and is ended by SIGKILL at an instant
# between its start and the time that an undisturbed run takes. It is started again on the same journal until it reaches
# the end by itself; then `export` is compared, event by event and byte by byte, with what the org answers to anybody who
# asks it, and SQLite checks the file. Then the next org, until so many kills have hit a running program (default 200).
# With faults, such as `duplicates@2-9`, each org shows them. They must be over within its first fifty answers of the
# log, so that whoever compares gets clean ones; `all` stands for a round of those that pass within seconds.
# A kill of the program is not a loss of power: what the system was given to write still reaches the disk.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kills=${1:-200} seed=${2:-1} program=${3:-$(cd "$here/../.." && realpath -m "${CARGO_TARGET_DIR:-target}")/release/consentwatch}
faults=("${@:4}")
[ "${faults[*]}" != all ] || faults=(
    duplicates@2-12 out_of_order@6-20 bad_record@1-30 clock_skew@1-40 server_500@5-5 cut_body@9-9 gateway_502@14-14
    expired_cursor@18-18 slow_body@22-22 concurrency_429@26-26)
[ -x "$program" ] || { echo "$program is not there: cargo build --release" >&2; exit 1; }

scratch=$(mktemp -d)
sim=
trap '[ -z "$sim" ] || { kill -9 "$sim" && wait "$sim"; } 2>/dev/null || true; rm -rf "$scratch"' EXIT
printf '[poll]\npage_size = 100\nrate_share = 1.0\n' > "$scratch/config.toml"
export OKTA_CLIENT_TOKEN=demo-token HOME=$scratch
RANDOM=$seed

# Starts an org and sets url and total.
org() {
    [ -z "$sim" ] || { kill -9 "$sim"; wait "$sim" 2>/dev/null || true; }
    # The output of the last run must not be taken for that of this one.
    : > "$scratch/sim"
    "$program" sim --backlog 5000 --rate 0 --seed "$1" ${faults:+--fault "${faults[@]}"} > "$scratch/sim" &
    sim=$!
    until total=$(awk '$1 == "total" { print $2 }' "$scratch/sim") && [ -n "$total" ]; do sleep 0.02; done
    url=$(awk '/^listening/ { print $3 }' "$scratch/sim")
    export OKTA_CLIENT_ORGURL=$url
    rm -rf "$scratch/data"
}

reads() {
    exec "$program" tail --once --since 90d --format json --config "$scratch/config.toml" \
        --data-dir "$scratch/data" > "$scratch/out" 2> "$scratch/err"
}

# The duration of an undisturbed run, in milliseconds.
org 1
before=$(date +%s%N)
(reads) || { cat "$scratch/err" >&2; exit 1; }
whole=$((($(date +%s%N) - before) / 1000000))
echo "an undisturbed run takes $whole ms for $total consents"

done_kills=0 orgs=0 starts=0 widest=0
while [ "$done_kills" -lt "$kills" ]; do
    orgs=$((orgs + 1))
    org "$((seed * 1000 + orgs))"
    in_a_row=0
    while :; do
        starts=$((starts + 1))
        reads &
        pid=$!
        if [ "$done_kills" -lt "$kills" ]; then
            ms=$(((RANDOM * 32768 + RANDOM) % whole))
            sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
            kill -9 "$pid" 2>/dev/null || true
        fi
        status=0
        wait "$pid" 2>/dev/null || status=$?
        case $status in
            137) done_kills=$((done_kills + 1)) in_a_row=$((in_a_row + 1)) ;;
            0) break ;;
            *) echo "it ended with $status:" >&2; cat "$scratch/err" >&2; exit 1 ;;
        esac
    done
    [ "$in_a_row" -le "$widest" ] || widest=$in_a_row
    "$program" export --config "$scratch/config.toml" --data-dir "$scratch/data" > "$scratch/export"
    python3 "$here/complete.py" "$url" "$total" "$scratch/export" "$scratch"/data/*/journal.sqlite3
done
echo "$done_kills kills in $starts starts over $orgs orgs of $total consents (at most $widest in a row on one journal):" \
    "${faults:+with faults, }every export was complete and unique, every file sound"
