#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kache gc and kache purge: by age, by size, by name, what nothing refers to,
# and directories of incremental state that no build uses.
. "$(dirname "$0")/../lib.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "sweeps" "no $KACHE"
	done_testing
fi
c=$KACHE_CACHE_DIR
w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["my-leaf", "app"]
resolver = "2"'
package "$w/my-leaf" my-leaf
put "$w/my-leaf/src/lib.rs" 'pub fn leaf() -> u8 { 1 }'
package "$w/app" app '[dependencies]
my-leaf = { path = "../my-leaf" }'
put "$w/app/src/main.rs" 'fn main() { println!("{}", my_leaf::leaf()) }'
app=$w/target/debug/app
inc=$w/target/debug/incremental

files() { # ROOM: number of files in it
	find "$c/$1" -type f 2>/dev/null | wc -l
}
old() { # DAYS PATH...: last touched so long ago, with all below
	local days=$1

	shift
	find "$@" -depth -exec touch -h -d "$days days ago" {} +
}

check "gc of no store at all" "$KACHE" gc
check "purge of no store at all" "$KACHE" purge --all
for args in "gc --max-age soon" "gc --max-age" "gc here" "purge" \
	"purge --all app" "purge app leaf" "purge --no-such"; do
	"$KACHE" $args >"$T/said" 2>&1
	is $? 2 "$args: 2"
done

# --- directories of incremental state ---

kcargo "$w" build -q
is "$("$app")" 1 "a build"
is "$(files incremental)" 1 "its incremental directory is noted, once"
note=$(find "$c/incremental" -type f)
before=$(stat -c '%i %Z %Y' "$note")
sleep 1.1
rm -rf "$w/target/debug/deps" "$w/target/debug/.fingerprint"
mark
kcargo "$w" build -q
served "a build from the cache"
is "$(stat -c '%i %Z %Y' "$note")" "$before" "the note is not touched again"
old 2 "$note"
put "$w/app/src/main.rs" 'fn main() { println!("{}", my_leaf::leaf() + 1) }'
kcargo "$w" build -q
is "$(find "$c/incremental" -type f -mtime -1 | wc -l)" 1 \
	"but after a day it is"

"$KACHE" gc >"$T/said" 2>&1
check "what is in use stays" test -d "$inc"
old 31 "$note"
"$KACHE" gc >"$T/said" 2>&1
check "what plain cargo used stays" test -d "$inc"
old 31 "$inc" "$note"
KACHE_STORE_INCREMENTAL_MAX_AGE=0 "$KACHE" gc >"$T/said" 2>&1
check "incremental_max_age = 0: all stay" test -d "$inc"
KACHE_STORE_INCREMENTAL_MAX_AGE=32d "$KACHE" gc >"$T/said" 2>&1
check "incremental_max_age is kept" test -d "$inc"
said=$("$KACHE" gc --dry-run)
like "$said" 'would remove +1 incremental directories' "a dry run tells"
check "and removes nothing" test -d "$inc"
if [ -n "$(command -v flock)" ]; then
	lock=$(find "$inc" -name 's-*.lock' | head -1)
	for l in "$lock" "$w/target/debug/.cargo-lock"; do
		exec 9<>"$l"
		flock -n 9
		old 31 "$inc" "$note"
		"$KACHE" gc >"$T/said" 2>&1 9>&-
		check "while ${l##*/} is locked it stays" test -d "$inc"
		like "$(cat "$T/said")" 'kept +1 incremental directories' \
			"and gc says so"
		exec 9>&-
	done
else
	skip "locked directories" "no flock"
fi
old 31 "$inc" "$note"
said=$("$KACHE" gc)
like "$said" 'removed +1 incremental directories' "gc removes it"
is "$(find "$w/target/debug" -name '*incremental*' -o -name '.kache*' |
	wc -l)" 0 "and leaves nothing of it"
is "$(files incremental)" 0 "nor its note"
put "$w/app/src/main.rs" 'fn main() { println!("{}", my_leaf::leaf() + 2) }'
kcargo "$w" build -q
is "$("$app")" 3 "and the next build is right"
check "with incremental state of its own" test -d "$inc"

# --- by age, by size ---

n=$(files entries)
old 40 "$c/entries"
said=$("$KACHE" gc --max-age 41)
is "$(files entries)" "$n" "gc --max-age 41: nothing is as old"
said=$("$KACHE" gc --max-age 39 --dry-run)
is "$(files entries)" "$n" "a dry run removes nothing"
like "$said" "by age +$n entries" "and says how many and why"
said=$(KACHE_STORE_MAX_AGE=41d "$KACHE" gc --max-age 39d)
like "$said" "by age +$n entries" "gc --max-age 39d: all are"
is "$(files entries) $(files blobs)" "0 0" "nothing is left"
rm -rf "$w/target"
kcargo "$w" build -q
is "$("$app")" 3 "the next build is right"
old 40 "$c/entries"
said=$(KACHE_STORE_MAX_AGE=39d "$KACHE" gc)
like "$said" 'by age' "max_age of the configuration"
rm -rf "$w/target"
kcargo "$w" build -q
# Manifests of the last minutes stay: their entries may be on their way.
old 1 "$c/manifests"
# As a restore by a link leaves it.
blob=$(find "$c/blobs" -type f | head -1)
ln "$blob" "$w/target/linked"
said=$("$KACHE" gc --max-size 4K)
like "$said" 'frees nothing .*target directories still use' \
	"what target directories hold is told apart"
rm "$w/target/linked"
like "$said" '(by size|unreachable) +[0-9]+ entries' "by size"
is "$(files entries) $(files manifests)" "0 0" "with their manifests"

# --- by name ---

rm -rf "$w/target"
kcargo "$w" build -q
rm -rf "$w/target"
kcargo "$w" build -q
said=$("$KACHE" purge nobody)
like "$said" 'removed +0 entries' "purge of a crate that is not there"
said=$("$KACHE" purge --dry-run my-leaf)
like "$said" 'would remove +[1-9][0-9]* entries' "purge --dry-run tells"
rm -rf "$w/target"
mark
kcargo "$w" build -q
is "$(runs_of my_leaf)" 0 "and removes nothing"
check "purge by cargo's name" "$KACHE" purge my-leaf
rm -rf "$w/target"
mark
kcargo "$w" build -q
is "$(runs_of my_leaf)" 1 "the crate is compiled anew"
is "$("$app")" 3 "the build is right"
check "what is left is whole" "$KACHE" verify

# Redirects do not say whose they are.
put "$w/app/src/main.rs" 'fn main() { println!("{}", env!("CARGO_MANIFEST_DIR")) }'
kcargo "$w" build -q
check "purge of a bound result" "$KACHE" purge app
check "purge of the rest" "$KACHE" purge my_leaf
is "$(files entries) $(files blobs) $(files manifests)" "0 0 0" \
	"nothing is left of either"
# Nor where what they lead to went before: dep-info is in that only.
rm -rf "$w/target"
kcargo "$w" build -q
find "$c/entries" -type f -exec grep -la 'main\.rs' {} + >"$T/bound"
isnt "$(wc -l <"$T/bound")" 0 "there are bound results"
xargs rm -f <"$T/bound"
"$KACHE" purge my-leaf >"$T/said"
isnt "$(files entries)" 0 "redirects are left"
check "purge of redirects alone" "$KACHE" purge app
is "$(files entries) $(files blobs) $(files manifests)" "0 0 0" \
	"nothing is left of those"
rm -rf "$w/target"
kcargo "$w" build -q
"$KACHE" purge --all >"$T/said" 2>&1
is "$(files entries) $(files blobs) $(files manifests)" "0 0 0" \
	"purge --all leaves nothing"
rm -rf "$w/target"
kcargo "$w" build -q
is "$("$app")" "$w/app" "the next build is right"

# --- a directory of somebody's, named by mistake ---

mkdir -p "$T/project/tmp" "$T/project/trash"
for f in notes.txt tmp/notes.txt trash/notes.txt; do
	echo kept >"$T/project/$f"
done
old 400 "$T/project"
rm -rf "$w/target"
KACHE_CACHE_DIR=$T/project kcargo "$w" build -q
is "$("$app")" "$w/app" "a project for a store: builds"
KACHE_CACHE_DIR=$T/project "$KACHE" gc >"$T/said" 2>&1
is $? 1 "and is not swept"
like "$(cat "$T/said")" 'holds files that are not of a store' "gc says why"
is "$(cd "$T/project" && cat notes.txt tmp/* trash/*)" "kept
kept
kept" "all is there"

# --- who waits, who does not; what is on a terminal ---

if [ -n "$(command -v python3)" ]; then
	python3 - "$c/gc.lock" "$T/held" "$T/free" <<-'END' &
		import fcntl, os, sys, time
		f = open(sys.argv[1], 'r+b')
		fcntl.lockf(f, fcntl.LOCK_EX, 1)
		open(sys.argv[2], 'w')
		while not os.path.exists(sys.argv[3]):
		    time.sleep(0.01)
	END
	holder=$!
	for i in $(seq 500); do
		[ -e "$T/held" ] && break
		sleep 0.02
	done
	"$KACHE" gc >"$T/said" 2>&1
	is $? 1 "gc while another sweeps: 1"
	like "$(cat "$T/said")" 'another one is at work' "and says why"
	"$KACHE" purge --all >"$T/said" 2>&1 &
	purge=$!
	sleep 0.5
	check "purge waits" kill -0 $purge
	isnt "$(files entries)" 0 "and has not begun"
	touch "$T/free"
	wait $purge
	is "$? $(files entries)" "0 0" "then it does its work"
	wait $holder
else
	skip "two sweepers" "no python3"
fi
kcargo "$w" build -q
"$KACHE" gc 2>"$T/said" >/dev/null
is "$(wc -c <"$T/said")" 0 "no progress bar where there is no terminal"
if [ -n "$(command -v script)" ]; then
	like "$(script -qec "'$KACHE' gc" /dev/null </dev/null)" \
		'\[#* *\] [0-9]+%' "and one where there is"
else
	skip "a progress bar" "no script(1)"
fi
done_testing
