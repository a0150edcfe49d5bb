#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a later version wrote is left alone and is a miss, in the store and on a
# remote; two versions take turns on one store.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ -n "$TRYING" ]; then
	skip "formats" "needs the shim's store"
	done_testing
fi
newer() { python3 "$TESTS/newer.py" "$@"; }
sums() { # FILE...: of what they hold
	sha256sum "$@" 2>&1 | sort
}
right() { # DIR DESCRIPTION
	rm -rf "$1/target"
	kcargo "$1" build
	is "$? $("$1/target/debug/app" 2>&1)" "0 42 words/src/lib.rs" "$2"
}
swept() { grep -q 'swept (start)' "$c/daemon.log"; }
tend() { # everything that tidies a store
	"$KACHE" gc >"$T/gc" 2>&1
	"$KACHE" gc --max-size 1 >>"$T/gc" 2>&1
	"$KACHE" verify --repair >"$T/verify" 2>&1
	is "$?" 0 "$1: verify finds nothing wrong"
	: >"$c/daemon.log"
	"$KACHE" daemon start >/dev/null
	wait_for 60 swept
	"$KACHE" daemon stop >/dev/null
}

# --- single files of the store ---
machine A
c=$KACHE_CACHE_DIR
w=$T/w
workspace "$w"
right "$w" "a build"
newer --record s "$c/spool/ab/ab$(printf '%062d' 0)"
newer --record s "$c/spool/dead/cd$(printf '%062d' 0)"
newer $(find "$c/manifests" "$c/entries" "$c/ids" -type f)
# Used long ago, so that a sweep would take them.
find "$c/manifests" "$c/entries" "$c/ids" "$c/spool" -type f \
	-exec touch -d '100 days ago' {} +
files=$(find "$c/manifests" "$c/entries" "$c/ids" "$c/spool" "$c/blobs" -type f)
before=$(sums $files)
mark
right "$w" "all files newer: builds right"
is "$(hits)" 0 "all files newer: none is served"
is "$(sums $files)" "$before" "all files newer: a build leaves them alone"
tend "all files newer"
like "$(<"$T/verify")" "[0-9]+ files of a newer version left alone" \
	"verify counts them"
is "$(sums $files)" "$before" "all files newer: nothing that tidies does"
right "$w" "all files newer: and then, too"
is "$(sums $files)" "$before" "all files newer: byte for byte"

# Entries alone: the manifest leads to them.
rm -rf "$c"
right "$w" "a build"
newer $(find "$c/entries" -type f)
find "$c/entries" -type f -exec touch -d '100 days ago' {} +
files=$(find "$c/entries" "$c/blobs" -type f)
before=$(sums $files)
right "$w" "newer entries: builds right"
tend "newer entries"
right "$w" "newer entries: and again"
is "$(sums $files)" "$before" "newer entries and their blobs: byte for byte"

# The memo.
rm -rf "$c"
right "$w" "a build"
newer "$c/memo"
before=$(sums "$c/memo")
right "$w" "newer memo: builds right"
mark
right "$w" "newer memo: and again"
served "newer memo: what is hashed each time is served"
tend "newer memo"
is "$(sums "$c/memo")" "$before" "newer memo: byte for byte"

# --- a whole store ---
rm -rf "$c"
right "$w" "a build"
echo "kache store 2" >"$c/VERSION"
files=$(find "$c" -type f ! -name '*.log')
before=$(sums $files)
mark
right "$w" "newer store: builds right"
is "$(hits)" 0 "newer store: serves nothing"
for cmd in "gc" "gc --max-size 1" "verify --repair" "daemon start"; do
	"$KACHE" $cmd >"$T/said" 2>&1
	isnt $? 0 "newer store: kache $cmd says so"
	like "$(<"$T/said")" "version|newer|answer" "newer store: in words: $cmd"
done
is "$(sums $files)" "$before" "newer store: byte for byte"

# --- two versions of the shim take turns ---
rm -rf "$c"
other=$T/other/kache-shim
mkdir -p "$T/other"
version=$("$SHIM" --version | awk '{ print $2 }')
perl -pe 's/\Q'"$version"'\E/9.9.9/g if length("'"$version"'") == 5' \
	"$SHIM" >"$other"
chmod +x "$other"
like "$("$other" --version)" "9\.9\.9" "there is a shim of another version"
for i in 1 2 3; do
	WRAPPER=$other right "$w" "the other one, turn $i"
	# What a later version may have added between.
	newer "$(find "$c/entries" -type f | sort | sed -n ${i}p)"
	right "$w" "this one, turn $i"
done
check "two versions: the store is sound" "$KACHE" verify

# --- a remote ---
r=$T/remote
mkdir -p "$r"
export KACHE_REMOTE_MAIN_URL=file://$r
machine B
mkdir -p "$KACHE_CACHE_DIR"
newer --record s "$KACHE_CACHE_DIR/spool/ab/ab$(printf '%062d' 0)"
right "$w" "B fills the remote"
"$KACHE" daemon start >/dev/null
check "B has uploaded" drained
_end_daemon "$KACHE_CACHE_DIR"
sleep 0.5
is "$(intents)" 1 "a newer intent is left in the spool"
isnt "$(find "$r/v1/packs" -type f | wc -l)" 0 "there are packs"
isnt "$(find "$r/v1/units" -type f | wc -l)" 0 "there are manifests"
newer $(find "$r/v1/packs" "$r/v1/units" -type f)
[ -d "$r/v1/builds" ] && newer $(find "$r/v1/builds" -type f)
files=$(find "$r/v1" -type f)
before=$(sums $files)
machine C
c=$KACHE_CACHE_DIR
right "$w" "C builds beside newer objects"
is "$(remote_hits)" 0 "C takes nothing of them"
is "$(reported packs.corrupt)" 0 "and calls none damaged"
check "C is done" drained
is "$(sums $files)" "$before" "newer objects: byte for byte"
_end_daemon "$KACHE_CACHE_DIR"

# A newer pack behind a manifest of ours: a miss as well.
rm -rf "$r" "$c"
mkdir -p "$r"
machine D
right "$w" "D fills the remote"
check "D has uploaded" drained
_end_daemon "$KACHE_CACHE_DIR"
newer $(find "$r/v1/packs" -type f)
files=$(find "$r/v1/packs" -type f)
before=$(sums $files)
machine E
right "$w" "E builds beside newer packs"
is "$(remote_hits)" 0 "E takes nothing of them"
is "$(reported packs.corrupt)" 0 "and calls none damaged"
check "E is done" drained
is "$(sums $files)" "$before" "newer packs: byte for byte"
done_testing
