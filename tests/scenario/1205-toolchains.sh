#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same smoke with every toolchain that is installed: those of rustup, the
# system's own, and nightly's other layout of target/ (a directory for each
# unit). Cold, after cargo clean, in a second checkout; the programs run.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "toolchains" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

make_workspace() { # DIR
	local w=$1

	put "$w/Cargo.toml" '[workspace]
members = ["dep", "mac", "shared", "app"]'
	package "$w/dep" dep
	put "$w/dep/build.rs" 'fn main() {
    println!("cargo:rustc-env=MADE=made");
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/gen.rs", "pub const GEN: u8 = 9;").unwrap();
}'
	put "$w/dep/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub const MADE: &str = env!("MADE");
pub fn warns() { let unused = 1; }'
	package "$w/mac" mac '[lib]
proc-macro = true'
	put "$w/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }'
	package "$w/shared" shared '[lib]
crate-type = ["cdylib", "staticlib", "rlib"]'
	put "$w/shared/src/lib.rs" '#[no_mangle]
pub extern "C" fn shared() -> i32 { 5 }'
	package "$w/app" app '[dependencies]
dep = { path = "../dep" }
mac = { path = "../mac" }
shared = { path = "../shared" }'
	put "$w/app/src/main.rs" 'fn main() {
    println!("{} {} {} {}", dep::GEN, dep::MADE, mac::seven!(),
        shared::shared());
}
#[test]
fn inside() { assert_eq!(dep::GEN, 9) }'
	put "$w/app/tests/it.rs" '#[test]
fn it() { assert_eq!(shared::shared(), 5) }'
}

used() { # DIR: what was built works
	"$1/target/debug/app"
	gcc -o "$1/target/use" -xc - -xnone "$1/target/debug/libshared.so" \
		<<<'int shared(void); int main(void) { return shared(); }'
	LD_LIBRARY_PATH=$1/target/debug "$1/target/use"
	echo "so: $?"
	gcc -o "$1/target/use" -xc - -xnone "$1/target/debug/libshared.a" \
		-lpthread -ldl -lm \
		<<<'int shared(void); int main(void) { return shared(); }'
	"$1/target/use"
	echo "a: $?"
}

want='9 made 7 5
so: 5
a: 5'

old_tests() {
	rustc -V | awk '{ split($2, v, "."); print v[1] == 1 && v[2] < 95 }'
}

smoke() { # NAME CARGO-ARGS...: with the cargo that is first on PATH
	local name=$1 said place d
	local a=$T/$_n/a b=$T/$_n/another/b

	shift
	make_workspace "$a"
	make_workspace "$b"
	diag "$name: $(cargo -V), $(rustc -V)"
	mark
	kcargo "$a" "$@" build --all-targets
	is $? 0 "$name: cold"
	said=$(grep -c 'unused variable' "$T/out")
	is "$(reasons)" "" "$name: nothing passes through"
	is "$(used "$a" 2>&1)" "$want" "$name, cold: it works"
	for place in same second; do
		d=$a
		[ $place = second ] && d=$b
		rm -rf "$d/target"
		mark
		kcargo "$d" "$@" build --all-targets
		is $? 0 "$name, $place checkout: builds"
		# Before 1.95 a test with a source in OUT_DIR, which could ask
		# for its name, has its real names, and one place.
		served "$name, $place checkout: nothing was compiled" \
			"$([ $place = same ] && echo 0 || old_tests)"
		is "$(grep -c 'unused variable' "$T/out")" "$said" \
			"$name, $place checkout: with the same warnings"
		is "$(used "$d" 2>&1)" "$want" "$name, $place checkout: it works"
		mark
		kcargo "$d" "$@" build --all-targets
		is "$(rustc_runs) $(hits)" "0 0" "$name, $place checkout: fresh"
	done
	kcargo "$b" "$@" test -q
	is $? 0 "$name: the tests pass"
	rm -rf "$a" "$b"
}

seen=
for t in $(rustup toolchain list 2>/dev/null | sed 's/ .*//'); do
	export RUSTUP_TOOLCHAIN=$t
	id=$(rustc -vV 2>/dev/null | sed -n 's/^commit-hash: //p')
	case $seen in
	*"$id"*) continue ;; # another name for it
	esac
	seen="$seen $id"
	smoke "${t%%-x86*}"
	cargo -V | grep -q nightly &&
		cargo -Z help 2>/dev/null | grep -q build-dir-new-layout &&
		smoke "${t%%-x86*}, a directory for each unit" \
			-Zbuild-dir-new-layout
done
unset RUSTUP_TOOLCHAIN
if [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ]; then
	PATH=/usr/bin:$PATH
	smoke "the system's own"
else
	cannot "the system's own toolchain" "no /usr/bin/cargo"
fi

done_testing
