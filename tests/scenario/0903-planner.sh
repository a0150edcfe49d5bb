#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A planner service is asked first; whatever it does, a build is none the worse.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
use_s3

machine a
workspace "$T/a/w"
kcargo "$T/a/w" build
is "$?" 0 "A builds"
check "drain" drained
# What a service would have learnt of that run.
events | awk -F'\t' 'BEGIN { printf "[" } $25 != "" {
	printf "%s{\"cache_key\":\"%s\",\"crate_name\":\"%s\",%s}",
		(n++ ? "," : ""), $25, $6,
		"\"compile_time_ms\":5,\"size_bytes\":100,\"source\":\"shard\""
	} END { print "]" }' >"$T/plan.json"

python3 -u "$TESTS/planner-server.py" "$T/planner.log" "$T/plan.json" \
	>"$T/planner.out" 2>&1 &
planner=$!
at_end "kill $planner 2>/dev/null; wait $planner 2>/dev/null"
wait_for 10 grep -q '^[0-9][0-9]*$' "$T/planner.out"
port=$(head -1 "$T/planner.out")
echo secret >"$T/secret"
export KACHE_PREFETCH_PLANNER_TOKEN_FILE=$T/secret

with() { # WAY: a machine of its own builds
	machine "$1"
	export KACHE_PREFETCH_PLANNER=http://127.0.0.1:$port/$1
	workspace "$T/$1/w"
	kcargo "$T/$1/w" build
	is "$? $(rustc_runs)" "0 0" "$1: it builds and compiles nothing"
	is "$("$T/$1/w/target/debug/app" | cut -c1-2)" \
		"$("$T/a/w/target/debug/app" | cut -c1-2)" "$1: it is right"
	"$KACHE" drain >/dev/null
	log=$(cat "$KACHE_CACHE_DIR/daemon.log")
}

with execute
like "$log" "from the planner" "execute: the service plans"
is "$(reported prefetch.plans)" 1 "execute: once"
like "$(cat "$T/planner.log")" "Bearer secret" "execute: it gets the token"
with token
like "$log" "from the planner" "token: it is the right one"
echo wrong >"$T/secret"
with do_nothing
is "$(reported prefetch.fetched)" 0 "do_nothing: nothing is fetched ahead"
for way in use_fallback garbage huge cut redirect token; do
	rm -rf "$T/$way"
	with $way
	like "$log" "from the same dependencies" \
		"$way: planned without the service"
done
for way in slow stall; do
	with $way # a build so short may end before the service's 750 ms
	is "$(grep -c "from the planner" <<<"$log")" 0 "$way: nobody waits"
done
kill $planner
with gone
like "$log" "from the same dependencies" "a service that is not there"
done_testing
