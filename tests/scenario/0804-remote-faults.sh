#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote and a daemon that misbehave: builds stay right, nothing is lost, and
# the trouble is said in plain words.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
fault_proxy
use_s3 "http://127.0.0.1:$PROXY_PORT"

machine a
workspace "$T/a/w"
"$KACHE" daemon start >/dev/null

# --- uploads into trouble ---
rules "PUT packs status 503 2 SlowDown" "PUT units status 500 1"
kcargo "$T/a/w" build
is "$?" 0 "A builds while the server is overloaded"
check "drain" drained
is "$(intents) $(reported uploads.done)" "0 3" "all is uploaded in the end"
isnt "$(reported remote.retries)" 0 "after retries"
is "$(grep -c 'PUT .*packs' "$T/proxy.log")" 5 "each pack once more for a 503"

put "$T/a/w/words/src/lib.rs" 'pub fn number() -> u32 { mac::seven!() + 36 }
pub fn place() -> &'"'"'static str { file!() }'
rules "PUT * status 403 -1 AccessDenied"
rm -rf "$T/a/w/target" # what has incremental state is not stored again
kcargo "$T/a/w" build
drained 3s
isnt "$(intents)" 0 "what is denied stays in the spool"
like "$(reported remote.problem)" '[Dd]enied|not allowed|may not' \
	"and the status says so: $(reported remote.problem)"
like "$(cat "$T/drain.out")" '[0-9]' "drain says what is left"
rules
check "drain" drained
is "$(intents)" 0 "once allowed it goes"
is "$(s3_keys p/v1/packs/ | wc -l)" 5 "five packs in all"

# --- a daemon that is killed ---
rm -rf "$T/a/w/target"
sub "$T/a/w/mac/src/lib.rs" 7u32 8u32
rules "PUT packs hang 0"
kcargo "$T/a/w" build
is "$?" 0 "A builds while uploads hang"
is "$(intents)" 3 "three intents wait"
pid=$(daemon_pid)
kill -KILL "$pid"
rules
is "$(intents)" 3 "a killed daemon loses none"
check "drain starts another" drained
isnt "$(daemon_pid)" "$pid" "which is not the dead one"
is "$(intents) $(s3_keys p/v1/packs/ | wc -l)" "0 8" "and uploads them"
is "$(($(reported uploads.done) + $(reported uploads.existed)))" 3 \
	"once each: some had arrived"

# --- a server that is down for long: drain forgets all pauses ---
kill "$PROXY_PID"
wait "$PROXY_PID" 2>/dev/null
rm -rf "$T/a/w/target"
sub "$T/a/w/mac/src/lib.rs" 8u32 9u32
kcargo "$T/a/w" build
is "$?" 0 "A builds while nobody listens"
for _ in 1 2 3 4 5 6 7 8; do
	drained 1s
	sleep 1
done
is "$(intents) $(ls "$KACHE_CACHE_DIR/spool/dead" 2>/dev/null | wc -l)" "3 0" \
	"an outage buries nothing, however often it is tried"
"$(tool fault-proxy)" "$PROXY_PORT" "$S3_PORT" "$RULES" "$T/proxy.log" &
PROXY_PID=$!
at_end "kill $PROXY_PID 2>/dev/null; wait $PROXY_PID 2>/dev/null"
gone() {
	drained 5s
	[ "$(intents)" = 0 ]
}
check "all goes once it is back" wait_for 60 gone

# --- downloads into trouble ---
fetch() { # DESCRIPTION RULE...: machine with an empty store builds
	local what=$1

	shift
	rm -rf "$T/b/cache/"{entries,manifests,blobs}/* "$T/b/w/target"
	rm -f "$T/b/cache/daemon.down"
	rules "$@"
	mark
	kcargo "$T/b/w" build
	is "$?" 0 "$what: B builds"
	is "$("$T/b/w/target/debug/app")" "$("$T/a/w/target/debug/app")" \
		"$what: the program is right"
	check "$what: the store is sound" "$KACHE" verify
}
machine b
export KACHE_REMOTE_MAIN_WRITE=no
workspace "$T/b/w"
cp "$T/a/w/words/src/lib.rs" "$T/b/w/words/src/lib.rs"
cp "$T/a/w/mac/src/lib.rs" "$T/b/w/mac/src/lib.rs"
fetch "no fault"
is "$(remote_hits) $(rustc_runs)" "3 0" "no fault: all from the remote"
fetch "one 503" "GET packs status 503 1 SlowDown"
is "$(remote_hits)" 3 "one 503: asked again"
fetch "a reset" "GET packs reset 3000 1"
is "$(rustc_runs)" 0 "a reset: asked again"
for at in 5 60 500 3000; do
	corrupt=$(reported packs.corrupt)
	fetch "a flipped bit at $at" "GET packs flip $at"
	is "$(remote_hits)" 0 "a flipped bit at $at: nothing is believed"
	isnt "$(reported packs.corrupt)" "$corrupt" \
		"a flipped bit at $at: counted"
done
fetch "flipped manifests" "GET units flip 40"
is "$(remote_hits)" 0 "flipped manifests: nothing is believed"
fetch "truncated packs" "GET packs truncate 2000"
is "$(remote_hits)" 0 "truncated packs: nothing is believed"
for rule in "403 -1 AccessDenied" "403 -1 SignatureDoesNotMatch" \
	"403 -1 RequestTimeTooSkewed" "404 -1 NoSuchBucket" \
	"403 -1 ExpiredToken"; do
	code=${rule##* }
	"$KACHE" daemon restart >/dev/null # with a closed breaker
	fetch "$code" "GET * status $rule"
	is "$(rustc_runs)" 3 "$code: B compiles"
	said=$(reported remote.problem)
	isnt "$said" "" "$code: said as: $said"
	is "$(grep -cF "$said" "$T/problems" 2>/dev/null)" "${seen-}" \
		"$code: in words of its own"
	echo "$said" >>"$T/problems"
	seen=0
done

"$KACHE" daemon restart >/dev/null

# --- a server that hangs ---
fetch "a hung server" "* * hang 0"
is "$(rustc_runs)" 3 "a hung server: B compiles"
is "$(reported remote.read_breaker)" open "a hung server: the breaker opens"
none=$(reported none)
fetch "a hung server, again" "* * hang 0"
isnt "$(reported none)" "$none" "a hung server, again: nobody waits for it"
rules
closed() {
	rm -rf "$T/b/w/target"
	kcargo "$T/b/w" build
	[ "$(reported remote.read_breaker)" = closed ]
}
rm -rf "$T/b/cache/"{entries,manifests,blobs}/*
export KACHE_STORE_MIN_FREE=100% # nothing is stored: each build asks
wait_for 60 closed
unset KACHE_STORE_MIN_FREE
is "$(reported remote.read_breaker)" closed "it comes back by itself"
fetch "after it"
is "$(remote_hits)" 3 "after it: all from the remote"

# --- a daemon that hangs ---
pid=$(daemon_pid)
kill -STOP "$pid"
fetch "a stopped daemon"
is "$(rustc_runs)" 3 "a stopped daemon: B compiles"
check "a stopped daemon: marked down" test -e "$KACHE_CACHE_DIR/daemon.down"
kill -CONT "$pid"
check "it answers again" wait_for 5 daemon_pid
fetch "after it"
is "$(remote_hits)" 3 "after it: all from the remote"

# --- a daemon that is killed in mid-build ---
rules "delay 400"
rm -rf "$T/b/cache/"{entries,manifests,blobs}/* "$T/b/w/target"
mark
kcargo "$T/b/w" build &
build=$!
sleep 0.7
kill -KILL "$(daemon_pid)" 2>/dev/null
wait $build
is "$?" 0 "a daemon killed in mid-build fails no unit"
is "$(events | awk -F'\t' '$19 != 0' | wc -l)" 0 "no unit failed"
rules

# --- credentials that may only read ---
machine c
export AWS_ACCESS_KEY_ID=AKIAREAD AWS_SECRET_ACCESS_KEY=readsecret
workspace "$T/c/w"
kcargo "$T/c/w" build
is "$? $(rustc_runs)" "0 0" "a reader without ListBucket gets A's first build"
put "$T/c/w/words/src/lib.rs" 'pub fn number() -> u32 { mac::seven!() + 99 }
pub fn place() -> &'"'"'static str { "" }'
misses=$(reported not_found)
kcargo "$T/c/w" build
is "$? $(rustc_runs)" "0 2" "for it a 403 on a missing key is a miss"
isnt "$(reported not_found)" "$misses" "counted as not found"
is "$(reported remote.read_breaker)" closed "and no trouble"
done_testing
