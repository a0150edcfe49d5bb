#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs of build scripts for other machines: `kache drain` runs what was slow
# in another place, and what gave the same there is served everywhere.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
use_s3

scripts() { # DIR: a workspace of three packages with scripts
	put "$1/Cargo.toml" '[workspace]
members = ["plain", "derived", "quick"]
resolver = "2"'
	package "$1/plain" plain 'build = "build.rs"'
	put "$1/plain/build.rs" <<'RS'
use std::{env, fs, thread, time::Duration};
fn main() {
	thread::sleep(Duration::from_millis(600));
	let out = env::var("OUT_DIR").unwrap();
	let text = fs::read_to_string("note.txt").unwrap();
	fs::write(out.clone() + "/note", format!("{} {out}", text.trim())).unwrap();
	println!("cargo:rustc-env=NOTE={out}/note");
}
RS
	put "$1/plain/note.txt" one
	put "$1/plain/src/main.rs" \
		'fn main() { println!("{}", include_str!(env!("NOTE"))) }'
	# Says how long its path is, without saying the path.
	package "$1/derived" derived 'build = "build.rs"'
	put "$1/derived/build.rs" <<'RS'
use std::{env, thread, time::Duration};
fn main() {
	thread::sleep(Duration::from_millis(600));
	let out = env::var("OUT_DIR").unwrap();
	println!("cargo:rustc-env=LENGTH={}", out.len());
}
RS
	put "$1/derived/src/main.rs" \
		'fn main() { println!("{}", env!("LENGTH")) }'
	package "$1/quick" quick 'build = "build.rs"'
	put "$1/quick/build.rs" 'fn main() { println!("cargo:rustc-env=Q=1") }'
	put "$1/quick/src/main.rs" 'fn main() { println!("{}", env!("Q")) }'
}

became() { # PACKAGE: outcome of its script's run since the mark
	tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' -v p="$1" '$7 == "run" && $6 == p { print $4 }' |
		tr '\n' ' '
}

noted() {
	find "$KACHE_CACHE_DIR/reruns" -type f 2>/dev/null | wc -l
}

machine a
scripts "$T/a/w"
mark
KEY_OF_MINE_TOKEN=very-secret-value kcargo "$T/a/w" build
is $? 0 "A builds"
is "$(noted)" 2 "the slow ones are noted"
is "$(find "$KACHE_CACHE_DIR/reruns" -type f ! -perm 600 | wc -l)" 0 \
	"for their owner only"
is "$(grep -rl very-secret-value "$KACHE_CACHE_DIR" | wc -l)" 0 \
	"without what looks like a secret"
before=$(sum_of "$T/a/w/target/debug/build/"*/out/note)
said=$("$KACHE" drain --timeout 60s)
is $? 0 "A drains"
if echo "$said" | grep -q "no mount namespace"; then
	cannot "scripts in another place" "no mount namespace here"
	done_testing
fi
like "$said" "in another place: 2" "both were run in another place"
is "$(noted)" 0 "and nothing is noted any more"
is "$(sum_of "$T/a/w/target/debug/build/"*/out/note)" "$before" \
	"A's OUT_DIR is as it was"
is "$(grep -c kache-elsewhere /proc/mounts)" 0 "no mount is left"
is "$(find "/tmp/kache-elsewhere-$(id -u)" -type f | wc -l)" 0 \
	"and no file"

machine b
scripts "$T/b/in/another/place/of/another/length"
w=$T/b/in/another/place/of/another/length
mark
kcargo "$w" build
is $? 0 "B builds"
is "$(became plain)" "remote_hit " "the script is not run there"
is "$("$w/target/debug/plain")" \
	"one $(echo "$w"/target/debug/build/plain-*/out)" \
	"its result names B's paths"
isnt "$(became derived)" "remote_hit " \
	"one that gave something else in the other place is"
is "$("$w/target/debug/derived")" \
	"$(printf %s "$w"/target/debug/build/derived-*/out | wc -c)" \
	"and says what it must"
isnt "$(became quick)" "remote_hit " "a quick one too: nobody bore witness"

# --- B was the second to run it: the third is served ---
check "B drains" "$KACHE" drain --timeout 60s
machine c
scripts "$T/c/third"
mark
kcargo "$T/c/third" build
is "$(became quick)" "remote_hit " "after B ran it, C need not"
isnt "$(became derived)" "remote_hit " "what differs stays with its place"
is "$("$T/c/third/target/debug/derived")" \
	"$(printf %s "$T"/c/third/target/debug/build/derived-*/out | wc -c)" \
	"and is right"

# --- a daemon that serves nobody does it, too ---
machine d
scripts "$T/d/place"
echo two >"$T/d/place/plain/note.txt"
kcargo "$T/d/place" build
noted_plain=$(noted)
isnt "$noted_plain" 0 "something is noted on D"
for _ in $(seq 120); do
	[ "$(noted)" = 0 ] && break
	sleep 1
done
is "$(noted)" 0 "D's idle daemon runs it in another place"
check "D drains" "$KACHE" drain --timeout 60s
machine e
scripts "$T/e/somewhere/else"
echo two >"$T/e/somewhere/else/plain/note.txt"
mark
kcargo "$T/e/somewhere/else" build
is "$(became plain)" "remote_hit " "and E need not run it"

done_testing
