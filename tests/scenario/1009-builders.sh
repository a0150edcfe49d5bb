#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Eight builders in checkouts and edits of their own, while the store is swept
# all the time to less than they need and a daemon sweeps as well: every
# program is the one that a cargo without the cache builds, at the end the
# store is sound, and a last sweep brings it below its limit.
# KACHE_BUILDERS_SECONDS (30) says how long.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "builders beside sweeps" "needs the shim's store"
	done_testing
fi
c=$KACHE_CACHE_DIR
seconds=${KACHE_BUILDERS_SECONDS:-30}
export CARGO_BUILD_JOBS=2 KACHE_STORE_PORTABLE=yes
BUILDERS=8
EDITS=6

edit() { # DIR EDIT: the state of the workspace under this number
	sed -i "s/mac::seven!() + [0-9]*/mac::seven!() + $2/" \
		"$1/words/src/lib.rs"
}
# What a cargo without the cache makes of every edit.
workspace "$T/w"
declare -A want
for k in $(seq $EDITS); do
	edit "$T/w" "$k"
	plain "$T/w" build -q
	want[$k]=$("$T/w/target/debug/app")
done
is "$(printf '%s\n' "${want[@]}" | sort -u | wc -l)" $EDITS \
	"every edit shows in the program"

# Half of what one edit after the other leaves in the store is the limit.
for k in $(seq $EDITS); do
	edit "$T/w" "$k"
	rm -rf "$T/w/target"
	kcargo "$T/w" build -q || break
done
used() { # bytes in blocks of all entries, blobs and manifests
	find "$c/entries" "$c/blobs" "$c/manifests" -type f -printf '%b\n' |
		awk '{ s += $1 * 512 } END { print s + 0 }'
}
limit=$(($(used) / 2))
isnt "$limit" 0 "the store holds something"
diag "the limit is $limit bytes"

put "$HOME/.config/kache/kache.ini" "[store]
max_size = $limit
[daemon]
gc_interval = 1s"
at_end "_end_daemon $c"
check "the daemon starts" "$KACHE" daemon start

builder() { # NUMBER: builds until the time is over
	local d=$T/b$1 k n=0 rc got

	RANDOM=$1
	workspace "$d"
	while [ $SECONDS -lt $end ]; do
		k=$((RANDOM % EDITS + 1))
		edit "$d" $k
		[ $((RANDOM % 3)) = 0 ] || rm -rf "$d/target"
		(cd "$d" && RUSTC_WRAPPER=$SHIM timeout 120 cargo build) \
			>"$d/out" 2>&1
		rc=$?
		got=$("$d/target/debug/app" 2>&1)
		n=$((n + 1))
		[ "$rc $got" = "0 ${want[$k]}" ] && continue
		echo "builder $1, edit $k: $rc, $got, not ${want[$k]}" \
			>>"$T/wrong"
		cat "$d/out" >>"$T/wrong"
	done
	echo "$n" >"$d/n"
}
: >"$T/wrong"
: >"$T/swept"
mark
end=$((SECONDS + seconds))
jobs=
for i in $(seq $BUILDERS); do
	builder "$i" &
	jobs+=" $!"
done
(while [ $SECONDS -lt $end ]; do
	"$KACHE" gc --max-size "$limit" >"$T/gc.out" 2>&1
	rc=$?
	[ $rc = 0 ] && echo swept >>"$T/swept" && continue
	grep -q 'another one is at work' "$T/gc.out" ||
		cat "$T/gc.out" >>"$T/wrong"
done) &
jobs+=" $!"
wait $jobs
built=$(cat "$T"/b*/n | awk '{ s += $1 } END { print s }')
is "$(head -c 2000 "$T/wrong")" "" "every build was right, every sweep as well"
is "$(cat "$T"/b*/n | grep -vc '^0$')" $BUILDERS "all builders built"
isnt "$(wc -l <"$T/swept")" 0 "sweeps were made"
daemon_swept() { [ "$(reported gc.sweeps)" != 0 ]; }
check "the daemon sweeps, too" wait_for 40 daemon_swept
isnt "$(hits)" 0 "there were hits"
isnt "$(count miss)" 0 "and misses"
diag "$built builds, $(wc -l <"$T/swept") sweeps and $(reported gc.sweeps) of" \
	"the daemon, $(hits) hits, $(count miss) compiles"
_end_daemon "$c"

said=$("$KACHE" verify)
is "$? $(tail -n 1 <<<"$said")" "0 no problems" "the store is sound"
diag "$said"
check "a last sweep" "$KACHE" gc --max-size "$limit"
is "$(find "$c/trash" -type f | wc -l)" 0 "nothing is on its way out"
is $(($(used) <= limit)) 1 "the store is below the limit"
# What the sweep says is left, as FORMAT has it in the memo's head.
is "$(used)" "$(perl -e 'open F, "<", $ARGV[0] or die; seek F, 72, 0;
	read F, my $b, 8; print unpack "Q<", $b' "$c/memo")" \
	"and holds the bytes that the sweep has counted, no others"
said=$("$KACHE" gc --max-size "$limit" --dry-run)
is "$(grep -c 'would remove' <<<"$said") $(grep -c 'remove  *0 entries' \
	<<<"$said")" "1 1" "nothing is left that nothing refers to"
done_testing
