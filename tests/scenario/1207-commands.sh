#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cargo's commands make of the units: test, bench, doc, run, install, and
# nightly's artifact dependencies and -Z options, in two checkouts.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "commands" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

make_workspace() { # DIR
	local w=$1

	put "$w/Cargo.toml" '[workspace]
members = ["dep", "app"]
resolver = "2"'
	package "$w/dep" dep
	put "$w/dep/src/lib.rs" '//! ```
//! assert_eq!(dep::two(), 2);
//! ```
pub fn two() -> u32 { 2 }'
	package "$w/app" app '[dependencies]
dep = { path = "../dep" }
[[bench]]
name = "speed"
harness = false'
	put "$w/app/src/lib.rs" '/// ```
/// assert_eq!(app::four(), 4);
/// ```
pub fn four() -> u32 { dep::two() * 2 }
#[test]
fn inside() { assert_eq!(four(), 4) }'
	put "$w/app/src/main.rs" 'fn main() {
    println!("{} {:?}", app::four(), std::env::args().nth(1));
}'
	put "$w/app/tests/it.rs" '#[test]
fn it() {
    let bin = std::process::Command::new(env!("CARGO_BIN_EXE_app"))
        .arg("x").output().unwrap();
    assert_eq!(bin.stdout, b"4 Some(\"x\")\n");
}
#[test]
#[ignore]
fn later() {}'
	put "$w/app/benches/speed.rs" 'fn main() { println!("bench {}", app::four()) }'
	put "$w/app/examples/shown.rs" 'fn main() { println!("shown {}", app::four()) }'
}
a=$T/a b=$T/some/where/b
make_workspace "$a"
make_workspace "$b"

# What a command says, without times, names of programs and order.
said() { # DIR [FILE]
	sed "s|$1|DIR|g; s/finished in .*//; s/-[0-9a-f]\{16\}//g
		/^ *Compiling\|^ *Finished\|^ *Checking\|^ *Documenting/d" \
		"${2-$T/out}" | sort
}

command() { # WHAT COMPILES-IN-B CARGO-ARGS...: the same in all places
	local what=$1 compiles=$2 want d

	shift 2
	rm -rf "$a/target" "$b/target"
	plain "$a" "$@"
	is $? 0 "$what: plain cargo does it"
	want=$(said "$a" "$T/out.plain")
	rm -rf "$a/target"
	kcargo "$a" "$@"
	is "$(said "$a")" "$want" "$what: cold, it says the same"
	for d in "$a" "$b"; do
		rm -rf "$d/target"
		mark
		kcargo "$d" "$@"
		is "$(said "$d")" "$want" "$what, checkout ${d##*/}: the same"
		if [ "$d" = "$b" ]; then
			served "$what, checkout b" "$compiles"
		else
			served "$what, checkout a"
		fi
	done
}
# The path of the program that it tests is in an integration test's code.
command "cargo test" 1 test
like "$(said "$b")" '4 passed|1 passed' "tests and doc tests ran"
command "cargo test -- --list" 1 test -q -- --list
like "$(cat "$T/out")" '^later: test$' "which lists the tests"
command "cargo bench" 0 bench -q --bench speed
like "$(cat "$T/out")" '^bench 4$' "which ran"
command "cargo run" 0 run -q -- x
command "cargo run --example" 0 run -q --example shown
command "cargo doc" 0 doc -q
check "its pages are there" test -s "$b/target/doc/app/fn.four.html"
rm -rf "$a/target" "$b/target"
kcargo "$a" install -q --path app --root "$T/inst" --offline
is "$("$T/inst/bin/app" y)" '4 Some("y")' "cargo install"
mark
kcargo "$b" install -q --path app --root "$T/inst2" --offline
is "$("$T/inst2/bin/app" y)" '4 Some("y")' "cargo install from the second"
served "cargo install from the second"

# nightly only
if ! RUSTUP_TOOLCHAIN=nightly cargo -V 2>/dev/null | grep -q nightly; then
	skip "artifact dependencies" "no nightly toolchain"
	done_testing
fi
export RUSTUP_TOOLCHAIN=nightly
for w in "$T/art" "$T/far/art"; do
	put "$w/Cargo.toml" '[workspace]
members = ["tool", "user"]
resolver = "2"'
	package "$w/tool" tool '[lib]
crate-type = ["cdylib", "staticlib"]
[[bin]]
name = "tool"
path = "src/main.rs"'
	put "$w/tool/src/lib.rs" '#[no_mangle]
pub extern "C" fn tool() -> i32 { 1 }
#[no_mangle]
pub static MARK: [u8; 9] = *b"mark-one!";'
	put "$w/tool/src/main.rs" 'fn main() { println!("tool {}", 1) }'
	package "$w/user" user '[dependencies]
tool = { path = "../tool", artifact = ["bin", "cdylib", "staticlib"] }'
	put "$w/user/src/main.rs" 'fn main() {
    let tool = env!("CARGO_BIN_FILE_TOOL");
    let said = std::process::Command::new(tool).output().unwrap().stdout;
    let here = std::env::current_dir().unwrap();
    println!("{} {} {} {}", String::from_utf8(said).unwrap().trim(),
        std::path::Path::new(tool).starts_with(here),
        include_bytes!(env!("CARGO_CDYLIB_FILE_TOOL")).windows(9)
            .any(|w| w == b"mark-one!"),
        include_bytes!(env!("CARGO_STATICLIB_FILE_TOOL")).len() > 1000);
}'
done
BUILD="build -q -Zbindeps"
SHOW="target/debug/user"
w=$T/art
kcargo "$w" $BUILD
is "$(result_of $? "$w" $SHOW)" "tool 1 true true true" "artifact dependencies"
is "$(reasons)" "" "nothing passes through"
for w in "$T/art" "$T/far/art"; do
	rm -rf "$w/target"
	mark
	kcargo "$w" $BUILD
	is "$(result_of $? "$w" $SHOW)" "tool 1 true true true" \
		"artifact dependencies, ${w#"$T"/}: its own tool"
	is "$(runs_of tool)" 0 "artifact dependencies, ${w#"$T"/}: served"
done
hazard "the program an artifact dependency names" "$T/art" \
	"sub tool/src/main.rs '\", 1' '\", 2'" \
	"sub tool/src/main.rs '\", 2' '\", 1'"
hazard "the cdylib an artifact dependency names" "$T/art" \
	"sub tool/src/lib.rs mark-one mark-two" \
	"sub tool/src/lib.rs mark-two mark-one"

# An option of nightly that nobody has heard of is in the key.
flags() { # FLAGS
	rm -rf "$a/target"
	mark
	RUSTFLAGS=$1 kcargo "$a" build -q -p dep
}
for f in -Zinline-mir=yes -Zinline-mir=no -Zmir-opt-level=4 \
	-Zlocation-detail=none -Zshare-generics=no; do
	flags $f
	isnt "$(rustc_runs)" 0 "$f makes another unit"
	flags $f
	served "$f, again"
done

done_testing
