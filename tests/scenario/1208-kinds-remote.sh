#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kinds of units that travel: several crate types, and debug information in a
# file of its own, come from a remote as they were made; what names its place
# stays where it is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ "$WRAPPER" = none ]; then
	skip "kinds on a remote" "needs a wrapper"
	done_testing
fi
if ! rustc -Csplit-debuginfo=packed --print cfg >/dev/null 2>&1; then
	skip "split debug information" "this rustc has none"
	done_testing
fi
export CARGO_INCREMENTAL=0
mkdir "$T/bucket"
export KACHE_REMOTE_MAIN_URL=file://$T/bucket

for w in "$T/a" "$T/somewhere/else/b"; do
	put "$w/Cargo.toml" '[workspace]
members = ["three", "app"]
resolver = "2"
[profile.packed]
inherits = "dev"
split-debuginfo = "packed"
[profile.unpacked]
inherits = "dev"
split-debuginfo = "unpacked"'
	package "$w/three" three '[lib]
crate-type = ["lib", "staticlib", "cdylib"]'
	put "$w/three/src/lib.rs" '#[no_mangle]
pub extern "C" fn three() -> i32 { 3 }'
	package "$w/app" app '[dependencies]
three = { path = "../three" }'
	put "$w/app/src/main.rs" 'fn main() { println!("{}", three::three()) }'
done

files() { # DIR PROFILE
	(cd "$1/target/$2" && find . -type f ! -path './.*' \
		! -path './incremental/*' | grep -v '\.d$' | sort)
}

machine one
kcargo "$T/a" build -q --profile packed
is $? 0 "packed: compiled on one machine"
want=$(files "$T/a" packed)
like "$want" 'deps/app-.*\.dwp' "with a .dwp"
check "it is uploaded" drained
is "$(events | awk -F'\t' '$5 ~ /^local/ { print $5 }')" "" "all of it travels"
kcargo "$T/a" build -q --profile unpacked
is "$(events | awk -F'\t' '$5 ~ /^local/ { print $5 }' | sort -u)" \
	"local:bound" "unpacked: stays here"
drained

machine two
kcargo "$T/somewhere/else/b" build -q --profile packed
is $? 0 "packed: builds on another machine"
is "$(rustc_runs)" 0 "from the remote alone"
is "$(remote_hits)" 2 "all units came from there"
is "$(files "$T/somewhere/else/b" packed)" "$want" "with the same files"
is "$("$T/somewhere/else/b/target/packed/app")" 3 "the program runs"
check "its .dwp is that of the program" cmp "$T/a/target/packed/app.dwp" \
	"$T/somewhere/else/b/target/packed/app.dwp"
mark
kcargo "$T/somewhere/else/b" build -q --profile unpacked
is "$(hits)" 0 "unpacked: compiled there"
is "$("$T/somewhere/else/b/target/unpacked/app")" 3 "and the program runs"

done_testing
