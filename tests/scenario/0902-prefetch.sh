#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a build will want arrives before cargo asks.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
fault_proxy
use_s3 "http://127.0.0.1:$PROXY_PORT"
N=24

# A workspace of a chain of N libraries; each needs some of those before it.
chain() { # DIR
	local i dep

	put "$1/Cargo.toml" "[workspace]
members = [$(seq -s, -f '"c%g"' 1 $N | sed 's/,$//'), \"app\"]
resolver = \"2\""
	for i in $(seq 1 $N); do
		dep=
		[ "$i" -gt 1 ] && dep="c$((i - 1)) = { path = \"../c$((i - 1))\" }"
		[ "$i" -gt 3 ] && dep="$dep
c$((i / 2)) = { path = \"../c$((i / 2))\" }"
		package "$1/c$i" "c$i" "[dependencies]
$dep"
		put "$1/c$i/src/lib.rs" "pub static D: &[u8] =
    include_bytes!(\"d.bin\");
pub fn f() -> u64 {
    $i $([ "$i" -gt 1 ] && echo "+ c$((i - 1))::f()")
}"
		cp "$T/bin/d.bin" "$1/c$i/src/d.bin"
	done
	package "$1/app" app "[dependencies]
c$N = { path = \"../c$N\" }"
	put "$1/app/src/main.rs" "fn main() { println!(\"{}\", c$N::f()); }"
}

head -c 150000 /dev/urandom >"$T/bin/d.bin"

fetched() {
	reported prefetch.fetched
}

# --- machine A ---
machine a
chain "$T/a/w"
kcargo "$T/a/w" build
is "$?" 0 "A builds"
is "$(stored)" $((N + 1)) "all is stored"
check "drain" drained
is "$(reported sessions)" 1 "one session"
is "$(reported hints)" 1 "one hint"
is "$(s3_keys p/v1/builds/ | grep -c latest)" 2 \
	"a build manifest for the dependencies and for the workspace"
is "$(s3_keys p/v1/builds/ | grep -vc latest)" 1 "and one of this run"
kcargo "$T/a/w" check
check "drain" drained
is "$(reported hints)" 1 "check after it is the same session: no hint"

# --- machine B: the same dependencies ---
rules "delay 20" "rate 25000000" "window 14600"
machine b
chain "$T/b/long/w"
kcargo "$T/b/long/w" build
is "$?" 0 "B builds"
is "$(rustc_runs)" 0 "B compiles nothing"
is "$(cd "$T/b/long/w" && ./target/debug/app)" \
	"$(cd "$T/a/w" && ./target/debug/app)" "the program is right"
diag "prefetch hits $(count prefetch_hit), remote hits $(remote_hits)"
check "more than half of the units were there in time" \
	[ "$(count prefetch_hit)" -gt $(((N + 1) / 2)) ]
"$KACHE" drain >/dev/null
is "$(reported prefetch.in_time)" "$(count prefetch_hit)" \
	"the daemon counts them"
isnt "$(fetched)" 0 "and what it fetched"
stat_of() { # NAME: a number of what was fetched ahead, by kache stats
	"$KACHE" stats --json | sed -n "s/^    \"$1\": \([0-9]*\).*/\1/p"
}
is "$(($(stat_of in_time) + $(stat_of late) + $(stat_of unused)))" \
	"$(fetched)" "and stats, what became of each"
check "with their sizes" [ "$(stat_of in_time_bytes)" -gt 0 ]
like "$("$KACHE" stats)" "fetched ahead" "also in plain text"
rm -rf "$T/b/long/w/target"
mark
before=$(fetched)
kcargo "$T/b/long/w" build
is "$(count local_hit)" $((N + 1)) "then they are local hits"
is "$(fetched)" "$before" "and nothing is fetched"

# --- machine C: an edit at the bottom, all above it differ ---
rules "delay 20" "rate 1000000" # slower than the build
machine c
chain "$T/c/w"
sub "$T/c/w/c2/src/lib.rs" "2 +" "1 + 1 +"
kcargo "$T/c/w" build
is "$?" 0 "C builds an edited workspace"
is "$(cd "$T/c/w" && ./target/debug/app)" \
	"$(cd "$T/a/w" && ./target/debug/app)" "the program is right"
"$KACHE" drain >/dev/null
diag "$(daemon_report | grep ^prefetch | tr '\n' ' ')"
is "$(reported prefetch.given_up)" 1 "a plan of no use is given up"

rules "delay 20" "rate 25000000" "window 14600"

# --- machine D: another version, found by the workspace ---
machine d
chain "$T/d/w"
sub "$T/d/w/c9/Cargo.toml" 0.1.0 0.2.0
kcargo "$T/d/w" build
is "$?" 0 "D builds with another version"
"$KACHE" drain >/dev/null
diag "$(daemon_report | grep ^prefetch | tr '\n' ' ')"
isnt "$(fetched)" 0 "the nearest build manifest helps"
like "$(cat "$KACHE_CACHE_DIR/daemon.log")" "the same workspace" "and is named"
# Of three builds and a check, eight or nine units of 25 each.
check "only with what does not need it" [ "$(fetched)" -lt $((2 * N)) ]

# --- machine G: of a build and a check, only a check ---
rules "delay 20" "rate 1000000"
machine g
chain "$T/g/w"
kcargo "$T/g/w" check
is "$? $(rustc_runs)" "0 0" "G checks, nothing is compiled"
"$KACHE" drain >/dev/null
diag "$(daemon_report | grep ^prefetch | tr '\n' ' ')"
check "most of what only builds use was left alone" \
	[ "$(fetched)" -lt $((2 * N)) ]
check "of a plan that holds it" \
	[ "$(reported prefetch.planned)" -gt $((2 * N)) ]

rules "delay 20" "rate 25000000" "window 14600"

# --- off ---
machine e
export KACHE_PREFETCH_ENABLED=no
chain "$T/e/w"
kcargo "$T/e/w" build
is "$? $(rustc_runs) $(count prefetch_hit)" "0 0 0" \
	"without prefetch all is asked for"
is "$(fetched)" 0 "and nothing is fetched ahead"
unset KACHE_PREFETCH_ENABLED

# --- a small store is not flooded ---
machine f
export KACHE_STORE_MAX_SIZE=4M
chain "$T/f/w"
kcargo "$T/f/w" build
is "$?" 0 "F builds with a tiny store"
check "less than half of it was fetched ahead" \
	[ "$(reported prefetch.bytes)" -le 2097152 ]
done_testing
