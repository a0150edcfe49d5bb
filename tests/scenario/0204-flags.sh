#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# False hits: options of rustc, wherever they come from, and lints.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"
[workspace.lints.rust]
unused_variables = "allow"'
package "$w/leaf" leaf '[lints]
workspace = true'
put "$w/leaf/src/lib.rs" <<'RS'
pub fn state() -> String {
	let unused = 1;
	format!("{} {} {} {} {}", cfg!(debug_assertions), cfg!(one),
		cfg!(overflow_checks_off), cfg!(target_feature = "avx2"),
		cfg!(panic = "abort"))
}
pub fn add(a: u8, b: u8) -> bool {
	std::panic::catch_unwind(|| std::hint::black_box(a) + b).is_ok()
}
RS
package "$w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$w/app/src/main.rs" <<'RS'
fn main() {
	std::panic::set_hook(Box::new(|_| ()));
	println!("{} {}", leaf::state(), leaf::add(255, 1));
}
RS
put "$w/.cargo/config.toml" ''
flags() { # FLAG...: the rustflags of the workspace's configuration
	local f list=

	for f; do
		list+="\"$f\", "
	done
	echo "[build]
rustflags = [$list]" >"$w/.cargo/config.toml"
}
export -f flags
export w

flag() { # DESCRIPTION FLAG...: these flags, then none
	local what=$1

	shift
	hazard "$what" "$w" "flags $*" 'flags'
}

flags
flag "--cfg" --cfg one
flag "-C debug-assertions=off" -Cdebug-assertions=off
flag "-C overflow-checks=off" -Coverflow-checks=off
flag "-C target-feature" -Ctarget-feature=+avx2
flag "-C target-cpu=x86-64-v3" -Ctarget-cpu=x86-64-v3
SHOW='strings -a target/debug/app | grep -c leaf.*add; readelf -SW target/debug/app | grep -c debug'
flag "-C debuginfo=0" -Cdebuginfo=0
flag "-C strip=symbols" -Cstrip=symbols
SHOW='nm target/debug/app | sed -n "s/.* \(.*4leaf.*add.*\)/\1/p" | sort | sha256sum'
flag "-C symbol-mangling-version=v0" -Csymbol-mangling-version=v0
SHOW='objdump -d --no-show-raw-insn target/debug/app | grep -A9 "leaf.*state.*>:$" | sed "s/^ *[0-9a-f]*:*//; s/[0-9a-f]\{4,\}.*//" | sha256sum'
flag "-C opt-level=3" -Copt-level=3
flag "-C force-frame-pointers=yes with -O" -O -Cforce-frame-pointers=yes
SHOW=./target/debug/app
flags -Cdebug-assertions=off -Cdebug-assertions=on
hazard "two -C debug-assertions in another order: last wins" "$w" \
	"flags -Cdebug-assertions=on -Cdebug-assertions=off" \
	"flags -Cdebug-assertions=off -Cdebug-assertions=on"
flags
hazard "RUSTFLAGS instead of the configuration" "$w" \
	"export RUSTFLAGS='--cfg one'" 'unset RUSTFLAGS'
put "$w/args" '--cfg
two'
flags "@$w/args"
hazard "content of an @argfile" "$w" \
	"printf -- '--cfg\none\n' >args" "printf -- '--cfg\ntwo\n' >args"
flags
hazard "[profile] overflow-checks" "$w" \
	'printf "[profile.dev]\noverflow-checks = false\n" >>Cargo.toml' \
	'sed -i "/profile.dev/,\$d" Cargo.toml'
SHOW='sh -c "./target/debug/app; echo \$?" 2>/dev/null'
hazard "[profile] panic = abort" "$w" \
	'printf "[profile.dev]\npanic = \"abort\"\n" >>Cargo.toml' \
	'sed -i "/profile.dev/,\$d" Cargo.toml'

SHOW=./target/debug/app

# A lint turned from allow to deny must fail, from the cache too.
hazard "a lint turns from allow to deny in [lints]" "$w" \
	'sub Cargo.toml "\"allow\"" "\"deny\""' \
	'sub Cargo.toml "\"deny\"" "\"allow\""'
hazard "-D through rustflags" "$w" 'flags -Dunused_variables' 'flags'
SHOW='cat $T/out.seen'
BUILD='build'
warned() { # did the last build warn?
	grep -c '^warning: unused variable' "$1"
}
flags
kcargo "$w" build
is "$(warned "$T/out")" 0 "no warning where the lint is allowed"
sub "$w/Cargo.toml" '"allow"' '"warn"'
rm -rf "$w/target"
kcargo "$w" build
is "$(warned "$T/out")" 1 "a warning where the lint warns"
rm -rf "$w/target"
mark
kcargo "$w" build
is "$(warned "$T/out")" 1 "the warning is replayed from the cache"
served "and nothing was compiled"
flags --cap-lints=allow
rm -rf "$w/target"
kcargo "$w" build
is "$(warned "$T/out")" 0 "--cap-lints=allow takes it away"
flags
put "$w/leaf/src/lib.rs" '#[cfg(on_typo)]
pub fn x() {}
pub fn state() -> u8 { 0 }
pub fn add(_: u8, _: u8) -> u8 { 0 }'
rm -rf "$w/target"
kcargo "$w" build
is "$(grep -c '^warning: unexpected' "$T/out")" 1 "--check-cfg warns"
printf '[lints.rust]\nunexpected_cfgs = { level = "warn", check-cfg = ["cfg(on_typo)"] }\n' \
	>>"$w/leaf/Cargo.toml"
sub "$w/leaf/Cargo.toml" '[lints]
workspace = true' ''
rm -rf "$w/target"
kcargo "$w" build
is "$(grep -c '^warning: unexpected' "$T/out")" 0 "declared cfg does not"
BUILD='build -q'
SHOW=./target/debug/app

# Kinds of output are not interchangeable: check, build, test, release.
k=$T/k
package "$k" app '[lib]
name = "klib"'
put "$k/src/lib.rs" 'pub fn v() -> &'\''static str {
	if cfg!(test) { "test" } else { "no test" }
}
#[test]
fn t() { println!("in {}", v()) }'
put "$k/src/main.rs" 'fn main() { println!("{} {}", klib::v(), cfg!(debug_assertions)) }'
kcargo "$k" check -q
rm -rf "$k/target"
check "build after check" kcargo "$k" build -q
is "$("$k/target/debug/app")" "no test true" "and its program runs"
rm -rf "$k/target"
kcargo "$k" test -q -- --nocapture
is "$(grep -c '^in test' "$T/out")" 1 "test after build"
rm -rf "$k/target"
kcargo "$k" build -q --release
is "$("$k/target/release/app")" "no test false" "release after debug"
rm -rf "$k/target"
kcargo "$k" check -q
rm -rf "$k/target"
mark
kcargo "$k" check -q
served "check after all that"
kcargo "$k" test -q
mark
rm -rf "$k/target"
kcargo "$k" test -q
served "test from the cache"

# rustc's own environment.
e=$T/e
package "$e" app
put "$e/src/main.rs" '#![feature(never_type)]
fn main() { println!("feature") }'
effect=yes
SHOW='target/debug/app'
export RUSTC_BOOTSTRAP=1
hazard "RUSTC_BOOTSTRAP is gone" "$e" \
	'unset RUSTC_BOOTSTRAP' 'export RUSTC_BOOTSTRAP=1'
unset RUSTC_BOOTSTRAP
rm "$e/src/main.rs"
put "$e/src/lib.rs" 'pub fn f() -> u8 { 0 }'
# It goes into the hash of every symbol.
SHOW='nm target/debug/libapp.rlib 2>/dev/null | grep -o "_ZN3app1f.*"'
export RUSTC_FORCE_RUSTC_VERSION=made-up1
hazard "RUSTC_FORCE_RUSTC_VERSION" "$e" \
	'export RUSTC_FORCE_RUSTC_VERSION=made-up2' \
	'export RUSTC_FORCE_RUSTC_VERSION=made-up1'
unset RUSTC_FORCE_RUSTC_VERSION

done_testing
