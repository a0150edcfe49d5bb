#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Paths as values: OUT_DIR, CARGO_MANIFEST_DIR and file!() in a second
# checkout, with portable = no, auto and yes.
. "$(dirname "$0")/../lib.sh"

script='fn main() {
	let d = std::env::var("OUT_DIR").unwrap();
	std::fs::write(d + "/gen.rs", "pub const GEN: u8 = 5;").unwrap();
	println!("cargo:rerun-if-changed=build.rs");
}'

make_workspace() { # DIR
	local p

	put "$1/Cargo.toml" '[workspace]
members = ["incl", "value", "dual", "mac", "leaf", "mid", "app", "core",
	"user"]
resolver = "2"'
	for p in incl value dual mac; do
		package "$1/$p" $p
		put "$1/$p/build.rs" "$script"
	done
	put "$1/incl/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));'
	put "$1/value/src/lib.rs" 'pub const LEN: usize = env!("OUT_DIR").len();
pub const BYTE: u8 = env!("OUT_DIR").as_bytes()[LEN - 30];
pub fn dir() -> &'\''static str { env!("OUT_DIR") }'
	put "$1/dual/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub fn dir() -> &'\''static str { env!("OUT_DIR") }'
	put "$1/mac/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));
#[macro_export]
macro_rules! here { () => { env!("OUT_DIR") } }'
	package "$1/leaf" leaf
	put "$1/leaf/src/lib.rs" 'pub fn root() -> &'\''static str { env!("CARGO_MANIFEST_DIR") }
#[track_caller]
pub fn at() -> &'\''static str { std::panic::Location::caller().file() }'
	package "$1/mid" mid '[dependencies]
leaf = { path = "../leaf" }
mac = { path = "../mac" }'
	put "$1/mid/build.rs" "$script"
	put "$1/mid/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub fn root() -> &'\''static str { leaf::root() }
pub const LEN: usize = mac::here!().len();
pub const TEXT: &str = include_str!("../t");'
	put "$1/mid/t" text
	# As serde_core and serde: a macro that includes is no use of the value.
	for p in core user; do
		package "$1/$p" $p
		put "$1/$p/build.rs" "$script"
	done
	put "$1/core/src/lib.rs" '#[macro_export]
macro_rules! gen { () => {
	pub mod gen { include!(concat!(env!("OUT_DIR"), "/gen.rs")); }
} }
gen!();'
	printf '[dependencies]\ncore_ = { package = "core", path = "../core" }\n' \
		>>"$1/user/Cargo.toml"
	put "$1/user/src/lib.rs" 'core_::gen!();
pub mod own { include!(concat!(env!("OUT_DIR"), "/gen.rs")); }
pub const SUM: u8 = gen::GEN + own::GEN + core_::gen::GEN;'
	package "$1/app" app '[dependencies]
user = { path = "../user" }
incl = { path = "../incl" }
value = { path = "../value" }
dual = { path = "../dual" }
mid = { path = "../mid" }'
	put "$1/app/src/main.rs" 'fn main() {
	println!("{} {} {} {} {} {} {} {} {} {}", user::SUM, incl::GEN, value::LEN, value::BYTE,
		value::dir(), dual::dir(), mid::root(), mid::LEN, mid::TEXT,
		std::env::current_exe().unwrap().display());
}'
}

places="$T/a $T/bb/a-much-longer-name $T/c/c/c/c/c/c"
for mode in no auto yes; do
	export KACHE_STORE_PORTABLE=$mode
	for p in $places; do
		rm -rf "$p"
		make_workspace "$p"
		mark
		kcargo "$p" build -q
		# In the second it may be that the first was too quick to know.
		[ $mode = no ] || [ "$p" != "$T/c/c/c/c/c/c" ] ||
			is "$(runs_of core user incl)" 0 \
				"portable = $mode: what only includes is served"
		got=$("$p/target/debug/app")
		rm -rf "$p/target"
		plain "$p" build -q
		is "$got" "$("$p/target/debug/app")" \
			"portable = $mode: values of $(basename "$p")"
	done
	for p in $places; do
		rm -rf "$p/target"
		mark
		kcargo "$p" build -q
		served "portable = $mode: $(basename "$p") again"
		got=$("$p/target/debug/app")
		rm -rf "$p/target"
		plain "$p" build -q
		is "$got" "$("$p/target/debug/app")" \
			"portable = $mode: values of $(basename "$p"), again"
	done
done

# Edits in the second checkout are seen there (the .d names its own files).
set -- $places
export KACHE_STORE_PORTABLE=yes
rm -rf "$2/target"
kcargo "$2" build -q
echo other >"$2/mid/t"
kcargo "$2" build -q
like "$("$2/target/debug/app")" other "an include_str! edit in checkout 2"
sub "$1/mid/t" text third
rm -rf "$1/target"
kcargo "$1" build -q
kcargo "$1" build -v
is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 "checkout 1 stays Fresh"
is "$(grep -rhoF "$2/" "$1"/target/debug/deps/*.d | wc -l)" 0 \
	"no .d of checkout 1 names checkout 2"
is "$(grep -rhE '/kache/|/proc/self/cwd|<[a-z]+>' \
	"$1"/target/debug/deps/*.d | wc -l)" 0 "no .d holds a placeholder"

# file!() and Location of a path dependency are equal in both checkouts.
w=$T/f
package "$w" app '[dependencies]
leaf = { path = "../a/leaf" }'
put "$w/src/main.rs" 'fn main() { println!("{}", leaf::at()) }'
kcargo "$w" build -q
is "$("$w/target/debug/app")" src/main.rs "file!() of the workspace's own crate"

done_testing
