#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The store proves itself: what is damaged is found and removed, what goes on
# beside it is no problem, and after a power cut nothing unsynced is believed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ -n "$TRYING" ]; then
	skip "kache verify" "needs the shim's store"
	done_testing
fi
c=$KACHE_CACHE_DIR
w=$T/w
workspace "$w"
kcargo "$w" build
verify() { # [OPTION]: its status; output in $T/verify
	"$KACHE" verify "$@" >"$T/verify" 2>&1
	echo $?
}
flip() { # FILE...: one bit in the middle of each, by a new file
	local f

	for f in "$@"; do
		cp "$f" "$T/flip"
		perl -e 'open F, "+<", $ARGV[0] or die; my $s = -s F;
			seek F, int($s / 2), 0; read F, my $b, 1;
			seek F, int($s / 2), 0;
			print F chr(ord($b) ^ 1)' "$T/flip"
		mv "$T/flip" "$f"
	done
}
one() { # KIND: one file of it
	find "$c/$1" -type f | sort | head -1
}
again() { # DESCRIPTION: the next build is right, and then served
	rm -rf "$w/target"
	kcargo "$w" build
	is "$("$w/target/debug/app")" "42 words/src/lib.rs" "$1: builds right"
	rm -rf "$w/target"
	mark
	kcargo "$w" build
	served "$1: served"
	is "$(verify)" 0 "$1: sound"
}

is "$(verify)" 0 "a store of one build is sound"
like "$(<"$T/verify")" "^3 manifests, 3 entries, [0-9]+ blobs, " "says of what"
like "$(<"$T/verify")" "^no problems" "says so"

# --- damage ---
for kind in blobs entries manifests ids; do
	flip "$(one $kind)"
	is "$(verify)" 1 "$kind: damage is found"
	like "$(<"$T/verify")" "^$kind/" "$kind: and named"
	is "$(verify)" 1 "$kind: looking changes nothing"
	is "$(verify --repair)" 0 "$kind: repaired"
	is "$(verify)" 0 "$kind: nothing is left"
	again "$kind"
done
rm "$(one blobs)"
is "$(verify)" 1 "a missing blob is found"
like "$(<"$T/verify")" "names a blob that is gone" "and told"
is "$(verify --repair)" 0 "its entry goes"
again "missing blob"
rm -f "$c"/entries/*/*
is "$(verify)" 0 "manifests without their entries are fine"
again "no entries"

# --- what is not ours ---
d=$(dirname "$(one entries)")
echo mine >"$d/notes"
mkdir "$d/dir"
is "$(verify)" 1 "foreign files are found"
is "$(verify --repair)" 1 "what is no file is left, and told"
is "$(ls "$d" | grep -c notes) $(ls "$d" | grep -c dir)" "0 1" \
	"the file went, the directory did not"
rmdir "$d/dir"
is "$(verify)" 0 "then it is sound"

# --- a terminal sees it go on, a file does not ---
head -c 300M /dev/zero >"$T/zero"
z=$(sha256sum <"$T/zero" | cut -d' ' -f1)
mkdir -p "$c/blobs/${z:0:2}"
mv "$T/zero" "$c/blobs/${z:0:2}/$z"
if command -v script >/dev/null; then
	SHELL=/bin/bash script -qec "$KACHE verify" /dev/null >"$T/tty" \
		</dev/null
	like "$(tr '\r' '\n' <"$T/tty")" "of 30[0-9]M, [0-9]+%" \
		"progress on a terminal"
else
	skip "progress on a terminal" "no script(1)"
fi
is "$(verify) $(grep -c % "$T/verify")" "0 0" "none into a file"

# --- Ctrl-C ---
truncate -s 20G "$c/blobs/${z:0:2}/$z"
python3 - "$KACHE" <<'END' >"$T/int"
import signal, subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "verify"], stdout=subprocess.DEVNULL,
                     preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                      signal.SIG_DFL))
time.sleep(0.3)
p.send_signal(signal.SIGINT)
print(p.wait(timeout=5))
END
is "$(<"$T/int")" -2 "an interrupt ends it"
rm "$c/blobs/${z:0:2}/$z"

# --- beside builds and sweeps ---
builds() {
	local i

	for i in 1 2 3 4 5 6; do
		rm -rf "$T/b/target"
		(cd "$T/b" && RUSTC_WRAPPER=$WRAPPER cargo build -q) \
			>"$T/b.out" 2>&1 &&
			[ "$("$T/b/target/debug/app")" = \
				"42 words/src/lib.rs" ] || return 1
	done
}
workspace "$T/b"
(builds; echo $? >"$T/b.rc") &
while [ ! -e "$T/b.rc" ]; do
	"$KACHE" gc --max-size 1 >/dev/null 2>&1
done &
n=0
wrong=
until [ -e "$T/b.rc" ]; do
	[ "$(verify)" = 0 ] || wrong+=$(<"$T/verify")
	n=$((n + 1))
done
wait
is "$wrong" "" "beside builds and sweeps: no false alarm"
isnt "$n" 0 "it did look meanwhile"
is "$(<"$T/b.rc")" 0 "the builds were right"
again "after that"

# --- a power cut ---
# Since the last sync everything may have other bytes of the same length under
# the same stat; the boot id in the memo (FORMAT) is another one.
cut_power() {
	find "$c/blobs" -type f | while read -r f; do
		touch -r "$f" "$T/stamp"
		perl -e 'open F, "+<", $ARGV[0] or die; my $s = -s F;
			seek F, int($s / 2), 0; print F "\0" x 64' "$f"
		touch -r "$T/stamp" "$f"
	done
	printf 'another boot' |
		dd of="$c/memo" bs=1 seek=8 conv=notrunc status=none
}
rm -rf "$w/target"
cut_power
mark
kcargo "$w" build
is "$("$w/target/debug/app")" "42 words/src/lib.rs" "after a cut: builds right"
is "$(count local_hit)" 0 "after a cut: nothing damaged was served"
rm -rf "$w/target"
mark
kcargo "$w" build
served "after a cut: healed"
is "$("$w/target/debug/app")" "42 words/src/lib.rs" "after a cut: right"
is "$(verify --repair) $(verify)" "0 0" "after a cut: repaired"

# What was synced is believed: damage there is for kache verify alone, which
# finds it.
"$KACHE" gc >/dev/null 2>&1
rm -rf "$w/target"
cut_power
is "$(verify)" 1 "verify believes nobody"
done_testing
