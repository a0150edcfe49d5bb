#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command kache: stats, gc, verify, config, and configuration files.
. "$(dirname "$0")/../lib.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "the command" "no $KACHE"
	done_testing
fi
c=$KACHE_CACHE_DIR
w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
package "$w/leaf" leaf
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { 1 }'
package "$w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$w/app/src/main.rs" 'fn main() { println!("{}", leaf::leaf()) }'

json() { # EXPRESSION over j
	"$KACHE" stats --json ${since:+--since "$since"} | python3 -c "
import json, sys
j = json.load(sys.stdin)
print($1)"
}
has_json=$(command -v python3)

check "kache --help" "$KACHE" --help
check "kache --version" "$KACHE" --version
"$KACHE" no-such-command >"$T/said" 2>&1
is $? 2 "an unknown command: 2"
"$KACHE" stats --no-such-option >"$T/said" 2>&1
is $? 2 "an unknown option: 2"
check "stats of no store at all" "$KACHE" stats
check "gc of no store at all" "$KACHE" gc
check "verify of no store at all" "$KACHE" verify

kcargo "$w" build -q
rm -rf "$w/target"
kcargo "$w" build -q
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { "x" }'
kcargo "$w" build -q
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { 1 }'
if [ -n "$has_json" ]; then
	is "$(json 'sorted(j["outcomes"])')" \
		"['dup', 'error', 'local_hit', 'miss', 'passthrough', 'prefetch_hit', 'remote_hit']" \
		"stats --json: the seven outcomes"
	is "$(json 'j["outcomes"]["local_hit"]')" 2 "two hits"
	is "$(json 'j["outcomes"]["miss"]')" 3 "three misses"
	is "$(json 'j["failed_compiles"]')" 1 "one of them failed"
	is "$(json 'sum(j["outcomes"].values())')" \
		"$(awk -F'\t' '$7 != "query"' "$c/events.log" | wc -l)" \
		"units only, and all of them"
	is "$(json 'j["store"]["entries"]')" \
		"$(find "$c/entries" -type f | wc -l)" "entries counted"
	since=1h
	is "$(json 'j["outcomes"]["local_hit"]')" 2 "--since 1h"
	sleep 2
	since=1s
	is "$(json 'j["outcomes"]["local_hit"]')" 0 "--since 1s"
	since=
	# A torn line and rubbish in the log do not stop it.
	printf 'k1\ttorn' >>"$c/events.log"
	printf '\nrubbish\n\377\0\n' >>"$c/events.log"
	is "$(json 'j["outcomes"]["local_hit"]')" 2 "rubbish in the log"
	rm -rf "$w/target"
	kcargo "$w" build -q
	is "$(json 'j["outcomes"]["local_hit"]')" 4 \
		"and lines after it count"
else
	skip "stats --json" "no python3"
fi
like "$("$KACHE" stats)" '[0-9]' "stats for people"

# verify: whole, then each kind of damage that a hit cannot see.
check "verify of a whole store" "$KACHE" verify
blob=$(find "$c/blobs" -type f -size +4k | head -1)
touch -r "$blob" "$T/ref"
printf X | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
touch -r "$T/ref" "$blob"
"$KACHE" verify >"$T/said" 2>&1
is $? 1 "verify finds a damaged blob with size and mtime kept"
like "$(cat "$T/said")" "$(basename "$blob")" "and names it"
"$KACHE" verify --repair >"$T/said" 2>&1
check "verify --repair leaves a whole store" "$KACHE" verify
check "the damaged blob is gone or whole" sh -c "! test -e '$blob' ||
	test \$(sha256sum <'$blob' | cut -d' ' -f1) = $(basename "$blob")"
rm -rf "$w/target"
kcargo "$w" build -q
is "$("$w/target/debug/app")" 1 "and the build after it is right"
for d in manifests entries; do
	f=$(find "$c/$d" -type f | head -1)
	printf X | dd of="$f" bs=1 seek=40 conv=notrunc status=none
	"$KACHE" verify >"$T/said" 2>&1
	is $? 1 "verify finds a damaged file in $d"
	"$KACHE" verify --repair >"$T/said" 2>&1
	check "repaired" "$KACHE" verify
done
rm -rf "$w/target"
kcargo "$w" build -q
is "$("$w/target/debug/app")" 1 "right after the repairs"

# gc: the least recently used goes first; what stays is whole.
for i in 1 2 3 4 5 6; do
	rm -rf "$w/target"
	put "$w/app/src/main.rs" "fn main() { println!(\"{} $i\", leaf::leaf()) }"
	kcargo "$w" build -q
	find "$c/entries" -type f -newer "$T/stamp" \
		-exec touch -d "$((7 - i)) days ago" {} + 2>/dev/null
	touch "$T/stamp"
	sleep 0.05
done
blobs_size() {
	find "$c/blobs" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'
}
before=$(blobs_size)
"$KACHE" gc --dry-run --max-size 1M >"$T/said" 2>&1
is "$(blobs_size)" "$before" "gc --dry-run removes nothing"
limit=$((before / 2 / 1024))
check "gc --max-size" "$KACHE" gc --max-size ${limit}K
is "$(($(blobs_size) <= limit * 1024))" 1 "gc keeps the limit"
isnt "$(blobs_size)" 0 "and does not empty the store"
check "what is left is whole" "$KACHE" verify
rm -rf "$w/target"
mark
kcargo "$w" build -q
is "$("$w/target/debug/app")" "1 6" "builds after gc"
served "the newest result is still there"
"$KACHE" gc --max-size 0 >"$T/said" 2>&1
is "$? $(find "$c/blobs" -type f | wc -l)" "0 0" "gc --max-size 0 empties it"
rm -rf "$w/target"
kcargo "$w" build -q
is "$("$w/target/debug/app")" "1 6" "and the next build fills it"
"$KACHE" gc --max-size banana >"$T/said" 2>&1
is $? 2 "a bad size: 2"

# config: where values come from; bad files name file, line and key.
like "$("$KACHE" config)" 'max_size +50G +default' "defaults"
put "$T/my.ini" '# mine
[store]
max_size = 7G
portable = yes'
like "$(KACHE_CONFIG=$T/my.ini "$KACHE" config)" "max_size +7G +.*my.ini" \
	"a value of a file, and which"
like "$(KACHE_CONFIG=$T/my.ini KACHE_STORE_MAX_SIZE=9G "$KACHE" config)" \
	'max_size +9G +.*KACHE_STORE_MAX_SIZE' "the environment wins, and is named"
put "$HOME/.config/kache/kache.ini" '[store]
max_size = 3G'
like "$("$KACHE" config)" 'max_size +3G +.*\.config/kache/kache.ini' \
	"~/.config/kache/kache.ini"
like "$(XDG_CONFIG_HOME=$T/xdg "$KACHE" config)" 'max_size +50G' \
	"XDG_CONFIG_HOME moves it"
rm -r "$HOME/.config"
put "$T/bad.ini" '[store]
max_size = 7G
portable = perhaps
[stroe]
dir = x'
KACHE_CONFIG=$T/bad.ini "$KACHE" config >"$T/said" 2>&1
like "$(cat "$T/said")" 'bad\.ini:3.*portable' "a bad value: file, line, key"
like "$(cat "$T/said")" 'bad\.ini:5' "an unknown section: file and line"
rm -rf "$w/target"
KACHE_CONFIG=$T/bad.ini kcargo "$w" build -q
is "$? $(cat "$T/out")" "0 " "and a build does not care"
KACHE_CONFIG=$T/none.ini "$KACHE" config >"$T/said" 2>&1
like "$(cat "$T/said")" 'none\.ini' "KACHE_CONFIG that is not there is named"
KACHE_STORE_MAX_SIZE=banana "$KACHE" config >"$T/said" 2>&1
like "$(cat "$T/said")" 'KACHE_STORE_MAX_SIZE' "a bad variable is named"
KACHE_CACHE_DIR=/proc/nowhere "$KACHE" config >"$T/said" 2>&1
like "$(cat "$T/said")" '/proc/nowhere' \
	"a cache directory that cannot be used: config says so"
# The directory of kache.ini is used, and the variable beats it.
put "$T/dir.ini" "[store]
dir = $T/from-ini"
rm -rf "$w/target"
(unset KACHE_CACHE_DIR && KACHE_CONFIG=$T/dir.ini kcargo "$w" build -q)
check "[store] dir is used" test -s "$T/from-ini/events.log"
rm -rf "$T/from-ini" "$w/target"
KACHE_CONFIG=$T/dir.ini kcargo "$w" build -q
check "KACHE_CACHE_DIR beats it" test ! -e "$T/from-ini"
rm -rf "$w/target"
(unset KACHE_CACHE_DIR && XDG_CACHE_HOME=$T/xdgc kcargo "$w" build -q)
check "XDG_CACHE_HOME/kache" test -s "$T/xdgc/kache/events.log"
rm -rf "$w/target"
(unset KACHE_CACHE_DIR && kcargo "$w" build -q)
check "~/.cache/kache" test -s "$HOME/.cache/kache/events.log"
# A changed file is seen by the very next build (no stale snapshot).
put "$T/dir.ini" "[store]
dir = $T/second-dir"
rm -rf "$w/target"
(unset KACHE_CACHE_DIR && KACHE_CONFIG=$T/dir.ini kcargo "$w" build -q)
check "a changed kache.ini is seen at once" test -s "$T/second-dir/events.log"

# Past 110 % of the limit a shim starts a sweep by itself.
put "$T/small.ini" '[store]
max_size = 1M'
export KACHE_CONFIG=$T/small.ini KACHE_CACHE_DIR=$T/small
for i in 1 2 3; do
	rm -rf "$w/target"
	put "$w/app/src/main.rs" "fn main() { println!(\"{} $i\", leaf::leaf()) }"
	kcargo "$w" build -q
done
c=$T/small
for i in $(seq 100); do
	[ "$(blobs_size)" -le 1600000 ] && break
	sleep 0.1
done
is "$(($(blobs_size) <= 1600000))" 1 "an automatic sweep keeps 1.5 x the limit"

done_testing
