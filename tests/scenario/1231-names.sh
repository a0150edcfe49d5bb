#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Short and prefix-like names of crates, wherever names are taken apart: they
# hit, travel to another machine, and programs called like build scripts are
# programs.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ "$WRAPPER" = none ]; then
	skip "names" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0
mkdir "$T/bucket"
export KACHE_REMOTE_MAIN_URL=file://$T/bucket
names="l li lib liblib d so rlib dwo o build_script rmeta"

chain() { # DIR: each crate depends on the one before
	local before= name

	put "$1/Cargo.toml" "[workspace]
resolver = \"2\"
members = [$(printf '"%s", ' $names)\"app\"]
[profile.packed]
inherits = \"dev\"
split-debuginfo = \"packed\""
	for name in $names; do
		package "$1/$name" $name
		put "$1/$name/src/lib.rs" \
			"pub fn all() -> String { \" $name\".to_string() }"
		if [ "$before" ]; then
			printf '[dependencies]\n%s = { path = "../%s" }\n' \
				$before $before >>"$1/$name/Cargo.toml"
			put "$1/$name/src/lib.rs" \
				"pub fn all() -> String { $before::all() + \" $name\" }"
		fi
		before=$name
	done
	package "$1/app" app "[dependencies]
$before = { path = \"../$before\" }
[[bin]]
name = \"build_script_bin\"
path = \"src/bin.rs\"
[[bin]]
name = \"b\"
path = \"src/bin.rs\"
[[bin]]
name = \"lib\"
path = \"src/bin.rs\"
[[test]]
name = \"build_script_test\"
harness = false"
	put "$1/app/src/main.rs" "fn main() { println!(\"{}\", $before::all()) }"
	put "$1/app/src/bin.rs" 'fn main() { println!("bin {:?}", std::env::args().skip(1).collect::<Vec<_>>()) }'
	put "$1/app/tests/build_script_test.rs" 'fn main() {
    assert!(!std::env::current_exe().unwrap().to_str().unwrap().ends_with("kache-real"));
    println!("test {:?}", std::env::args().skip(1).collect::<Vec<_>>());
}'
}

says() { # DIR PROFILE-DIR: all programs
	for p in app build_script_bin b lib; do
		"$1/target/$2/$p" one
	done
}

want=" $names
bin [\"one\"]
bin [\"one\"]
bin [\"one\"]"
chain "$T/a"
chain "$T/other/place"

machine one
kcargo "$T/a" build -q
is $? 0 "compiled"
is "$(says "$T/a" debug)" "$want" "all of it works"
is "$(reasons)" "" "all of it is stored"
rm -rf "$T/a/target"
mark
kcargo "$T/a" build -q
is $? 0 "built again"
served "all of it is served"
is "$(says "$T/a" debug)" "$want" "and works"
kcargo "$T/a" build -q --profile packed
is $? 0 "debug information in files of its own"
check "all is uploaded" drained

kcargo "$T/a" test -q -p app --test build_script_test -- --some words
is $? 0 "a test called like a build script runs"
like "$(cat "$T/out")" 'test \["--some", "words"\]' "and gets its arguments"

machine two
kcargo "$T/other/place" build -q
is $? 0 "builds on another machine"
is "$(rustc_runs)" 0 "from the remote alone"
is "$(says "$T/other/place" debug)" "$want" "and works there"
isnt "$(remote_hits)" 0 "by hits of the remote"
kcargo "$T/other/place" build -q --profile packed
is "$(rustc_runs)" 0 "split debug information comes along"
is "$(cd "$T/other/place/target/packed" && ls ./*.dwp deps/*.dwp | sed 's/-[0-9a-f]*//' | sort | tr '\n' ' ')" \
	"$(cd "$T/a/target/packed" && ls ./*.dwp deps/*.dwp | sed 's/-[0-9a-f]*//' | sort | tr '\n' ' ')" \
	"under its names"
is "$(cat "$T"/*/shim.log "$KACHE_CACHE_DIR"/shim.log 2>/dev/null |
	grep -c 'not its own')" 0 \
	"nothing alarming is in the log"

# Names as they are typed: one crate each.
for name in l lib liblib; do
	is "$("$KACHE" list $name 2>/dev/null | awk -v n=$name '$1 == n' | wc -l)" \
		"$("$KACHE" list 2>/dev/null | awk -v n=$name '$1 == n' | wc -l)" \
		"kache list $name"
done
done_testing
