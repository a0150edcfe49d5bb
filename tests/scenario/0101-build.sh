#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job: every kind of unit is stored by a cold build and served by
# the next one in an empty target, and cargo is content with what it finds.
. "$(dirname "$0")/../lib.sh"

reg=$T/registry
mkdir -p "$T/pkg/tiny/src"
package "$T/pkg/tiny" tiny 'description = "x"
license = "MIT"'
put "$T/pkg/tiny/src/lib.rs" '//! Tiny.
pub fn tiny() -> &'\''static str { "tiny" }'
registry_add "$reg" "$T/pkg/tiny"
use_registry "$reg"

w=$T/w
make_workspace() { # DIR
	put "$1/Cargo.toml" '[workspace]
members = ["leaf", "pm", "scripted", "app"]
resolver = "2"
[profile.lto]
inherits = "release"
lto = "fat"
[profile.thin]
inherits = "release"
lto = "thin"'
	package "$1/leaf" leaf '[lib]
crate-type = ["rlib"]
[dependencies]
tiny = "0.1"'
	put "$1/leaf/src/lib.rs" 'pub fn leaf() -> String { tiny::tiny().to_uppercase() }'
	package "$1/pm" pm '[lib]
proc-macro = true'
	put "$1/pm/src/lib.rs" '#[proc_macro]
pub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream { "7".parse().unwrap() }'
	package "$1/scripted" scripted
	put "$1/scripted/build.rs" 'fn main() {
	let d = std::env::var("OUT_DIR").unwrap();
	std::fs::write(d + "/gen.rs", "pub const GEN: u8 = 5;").unwrap();
	println!("cargo:rerun-if-changed=build.rs");
}'
	put "$1/scripted/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));'
	package "$1/app" app '[dependencies]
leaf = { path = "../leaf" }
pm = { path = "../pm" }
scripted = { path = "../scripted" }
[[bench]]
name = "harnessless"
harness = false
[[test]]
name = "custom"
harness = false'
	put "$1/app/src/lib.rs" 'pub fn all() -> String {
	format!("{} {} {}", leaf::leaf(), pm::seven!(), scripted::GEN)
}
#[test]
fn unit() { assert_eq!(all(), "TINY 7 5") }'
	put "$1/app/src/main.rs" 'fn main() { println!("{}", app::all()) }'
	put "$1/app/src/bin/second.rs" 'fn main() { println!("second {}", app::all()) }'
	put "$1/app/examples/show.rs" 'fn main() { println!("example {}", app::all()) }'
	put "$1/app/tests/it.rs" '#[test] fn it() { assert_eq!(app::all(), "TINY 7 5") }'
	put "$1/app/tests/custom.rs" 'fn main() { println!("custom ran") }'
	put "$1/app/benches/harnessless.rs" 'fn main() { println!("bench ran") }'
}
make_workspace "$w"

# Cold, then warm, then nothing to do, for one set of cargo's arguments.
cycle() { # WHAT DIR PROGRAM CARGO-ARGS...
	local what=$1 dir=$2 program=$3

	shift 3
	rm -rf "$dir/target" "$dir/elsewhere"
	mark
	kcargo "$dir" "$@" || not_ok "$what: cold build" "$(tail -5 "$T/out")"
	if [ -z "$TRYING" ]; then
		is "$(reasons)" "" "$what: no unit was refused or not stored"
		is "$(count passthrough error)" 0 "$what: none passed through"
	fi
	[ -n "$program" ] && cold=$("$dir/$program")
	rm -rf "$dir/target" "$dir/elsewhere"
	mark
	kcargo "$dir" "$@" || not_ok "$what: warm build" "$(tail -5 "$T/out")"
	served "$what: warm build compiles nothing"
	if [ -n "$program" ]; then
		is "$("$dir/$program")" "${cold:-no output}" "$what: the program runs"
	fi
	mark
	kcargo "$dir" "$@" -v
	is "$(grep -cE '^ *(Dirty|Compiling|Checking) ' "$T/out")" 0 \
		"$what: then every unit is Fresh"
	plain "$dir" "$@" -v
	is "$(grep -cE '^ *(Dirty|Compiling|Checking) ' "$T/out.plain")" 0 \
		"$what: for plain cargo too"
}
cycle dev "$w" target/debug/app build
cycle release "$w" target/release/app build --release
cycle "fat LTO" "$w" target/lto/app build --profile lto
cycle "thin LTO" "$w" target/thin/app build --profile thin
cycle check "$w" "" check --all-targets
cycle "all targets" "$w" target/debug/examples/show build --all-targets
cycle "no incremental" "$w" target/debug/app build --config 'build.incremental=false'
cycle "other target directory" "$w" elsewhere/debug/app build \
	--target-dir "$w/elsewhere"
rm -rf "$w/elsewhere"
cycle "with --target" "$w" target/x86_64-unknown-linux-gnu/debug/app build \
	--target x86_64-unknown-linux-gnu
rm -rf "$w/target"
kcargo "$w" test -q
rm -rf "$w/target"
mark
check "cargo test out of the cache" kcargo "$w" test
served "cargo test compiles nothing"
is "$(grep -c '^custom ran' "$T/out")" 1 "a test without harness runs"
rm -rf "$w/target"
kcargo "$w" bench -q
rm -rf "$w/target"
mark
check "cargo bench out of the cache" kcargo "$w" bench
served "cargo bench compiles nothing"
is "$(grep -c '^bench ran' "$T/out")" 1 "a bench without harness runs"

# The events tell the truth: as many compiles as rustc processes.
if command -v strace >/dev/null && [ -z "$TRYING" ]; then
	echo 'pub fn extra() {}' >>"$w/leaf/src/lib.rs"
	rm -rf "$w/target"
	mark
	# A file for each process: in one, a call may be cut in two lines.
	(cd "$w" && RUSTC_WRAPPER=$SHIM strace -ff -qq -e trace=execve \
		-e signal=none -s 400 -o "$T/strace" cargo build) >"$T/out" 2>&1
	cat "$T"/strace.* >"$T/strace"
	is "$(grep -E 'execve\("[^"]*/rustc", .* = 0$' "$T/strace" |
		grep -c '"--crate-name"')" "$(rustc_runs)" \
		"as many rustc processes as the events say"
	rm -rf "$w/target"
	mark
	(cd "$w" && RUSTC_WRAPPER=$SHIM strace -f -qq -s 60 \
		-e trace=execve,fork,vfork,clone,clone3,write -e signal=none \
		-o "$T/strace" cargo build) >"$T/out" 2>&1
	served "warm under strace"
	is "$(grep -cE 'execve\("[^"]*/rustc", .* = 0$' "$T/strace")" 0 \
		"a warm build runs no rustc, not for queries either"
	# No child of any shim: pids that execve the shim never fork.
	awk '/execve\("[^"]*kache-shim"/ { shim[$1] = 1; n++ }
		/(fork|clone3?)\(/ && shim[$1] { bad++ }
		END { print n + 0, bad + 0 }' "$T/strace" >"$T/counts"
	is "$(cut -d' ' -f2 "$T/counts")" 0 "no shim has a child on a hit"
	isnt "$(cut -d' ' -f1 "$T/counts")" 0 "and shims did run"
else
	skip "as many rustc processes as the events say" "no strace or shim"
fi

# A second checkout: by default keyed by path or remapped, always right and
# alternately Fresh.
make_workspace "$T/second/checkout"
kcargo "$T/second/checkout" build
is "$("$T/second/checkout/target/debug/app")" "TINY 7 5" "second checkout"
kcargo "$w" build
for i in 1 2; do
	kcargo "$T/second/checkout" build -v
	is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 \
		"second checkout is Fresh, turn $i"
	kcargo "$w" build -v
	is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 \
		"first checkout is Fresh, turn $i"
done

done_testing
