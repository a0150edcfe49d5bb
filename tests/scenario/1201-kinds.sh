#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every kind of unit, in the checkout it was compiled in and in a second one:
# one point a cell. Libraries of all kinds, several kinds in one unit,
# programs, tests, benchmarks, examples, build scripts, profiles. Linked kinds
# depend on what their linker reads.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "kinds" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

make_workspace() { # DIR
	local w=$1

	put "$w/Cargo.toml" '[workspace]
members = ["plain", "both", "three", "cdy", "sta", "mac", "app"]
exclude = ["dyn"]
resolver = "2"
[profile.thin]
inherits = "release"
lto = "thin"
[profile.fat]
inherits = "release"
lto = "fat"'
	package "$w/plain" plain
	put "$w/plain/src/lib.rs" '/// ```
/// assert_eq!(plain::plain(), "plain");
/// ```
pub fn plain() -> &'"'static"' str { "plain" }
pub fn here() -> &'"'static"' str { file!() }'
	package "$w/both" both '[lib]
crate-type = ["cdylib", "rlib"]
[dependencies]
plain = { path = "../plain" }'
	put "$w/both/src/lib.rs" '#[no_mangle]
pub extern "C" fn both() -> i32 { plain::plain().len() as i32 }'
	package "$w/three" three '[lib]
crate-type = ["lib", "staticlib", "cdylib"]'
	put "$w/three/src/lib.rs" '#[no_mangle]
pub extern "C" fn three() -> i32 { 3 }'
	package "$w/cdy" cdy '[lib]
crate-type = ["cdylib"]
[dependencies]
plain = { path = "../plain" }'
	put "$w/cdy/src/lib.rs" '#[no_mangle]
pub extern "C" fn cdy() -> i32 { 100 + plain::plain().len() as i32 }'
	package "$w/sta" sta '[lib]
crate-type = ["staticlib"]
[dependencies]
plain = { path = "../plain" }'
	put "$w/sta/src/lib.rs" '#[no_mangle]
pub extern "C" fn sta() -> i32 { 200 + plain::plain().len() as i32 }'
	# What uses a dylib must use that of std, too.
	put "$w/dyn/Cargo.toml" '[workspace]
members = ["dyl", "dapp"]
resolver = "2"'
	put "$w/dyn/.cargo/config.toml" '[build]
rustflags = ["-Cprefer-dynamic"]'
	package "$w/dyn/dyl" dyl '[lib]
crate-type = ["dylib"]'
	put "$w/dyn/dyl/src/lib.rs" 'pub fn dyl() -> String { format!("dyl {}", 1) }'
	package "$w/mac" mac '[lib]
proc-macro = true'
	put "$w/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }'
	package "$w/app" app '[dependencies]
plain = { path = "../plain" }
both = { path = "../both" }
three = { path = "../three" }
mac = { path = "../mac" }
[[bench]]
name = "speed"
harness = false
[[example]]
name = "shared"
crate-type = ["cdylib"]'
	put "$w/app/build.rs" 'fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/gen.rs", "pub const GEN: u8 = 9;").unwrap();
}'
	put "$w/app/src/main.rs" 'include!(concat!(env!("OUT_DIR"), "/gen.rs"));
fn main() {
    println!("{} {} {} {} {}", plain::plain(), both::both(),
        three::three(), mac::seven!(), GEN);
}
#[test]
fn inside() { assert_eq!(GEN, 9) }'
	put "$w/app/tests/it.rs" '#[test]
fn it() { assert_eq!(both::both(), 5) }'
	put "$w/app/benches/speed.rs" 'fn main() { println!("fast") }'
	put "$w/app/examples/shown.rs" 'fn main() { println!("shown") }'
	put "$w/app/examples/shared.rs" '#[no_mangle]
pub extern "C" fn shared() -> i32 { 5 }'
	package "$w/dyn/dapp" dapp '[dependencies]
dyl = { path = "../dyl" }'
	put "$w/dyn/dapp/src/main.rs" 'fn main() { println!("{}", dyl::dyl()) }'
	put "$w/use.c" '#include <stdio.h>
int both(void), three(void), cdy(void), sta(void), shared(void);
int main(void) {
	printf("%d %d %d %d\n", both(), three(), cdy(), sta());
	return 0;
}'
}

std=$(rustc --print target-libdir)

# What the programs and libraries of a build do, as somebody would use them.
use_all() { # DIR PROFILE-DIRECTORY
	local t=$1/target/$2

	"$t/app"
	gcc -o "$t/use" "$1/use.c" -L"$t" -l:libsta.a -l:libthree.so \
		-lboth -lcdy -lpthread -ldl -lm &&
		LD_LIBRARY_PATH=$t "$t/use"
	gcc -o "$t/use3" -xc - -xnone "$t/libthree.a" -lpthread -ldl -lm \
		<<<'int three(void); int main(void) { return three(); }'
	"$t/use3"
	echo "three: $?"
	if [ "$2" = debug ]; then
		LD_LIBRARY_PATH=$1/dyn/target/debug/deps:$std \
			"$1/dyn/target/debug/dapp"
		"$t/examples/shown"
		nm -D --defined-only "$t/examples/libshared.so" | cut -c18-
	fi
}

# CRATE and KIND were served, every unit of them since the mark.
cell() { # WHAT PLACE CRATE KIND
	local got

	got=$(events | awk -F'\t' -v c="$3" -v k="$4" '$6 == c && $7 == k {
		print $4, $5 }' | sort -u)
	is "$got" "local_hit " "$1, $2 checkout"
}

run_cell() { # PLACE: the run of the build script was replayed
	is "$(tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' '$7 == "run" && $6 == "app" { print $4, $5 }')" \
		"local_hit " "run of a build script, $1 checkout"
}

a=$T/a b=$T/further/down/b
make_workspace "$a"
make_workspace "$b"

units='lib:plain:lib
cdylib and rlib:both:cdylib
lib, staticlib and cdylib:three:cdylib
cdylib:cdy:cdylib
staticlib:sta:staticlib
dylib:dyl:dylib
proc-macro:mac:proc-macro
bin:app:bin
bin with a dylib:dapp:bin
unit tests:app:test
integration test:it:test
benchmark, harness = false:speed:bin
example:shown:bin
example as a cdylib:shared:cdylib
program of a build script:build_script_build:build-script'

cells() { # PLACE: of the units above
	local what crate kind

	while IFS=: read -r what crate kind; do
		cell "$what" "$1" "$crate" "$kind"
	done <<<"$units"
}

build_both() { # HOW DIR MORE-ARGS...
	local how=$1 dir=$2

	shift 2
	"$how" "$dir/dyn" build "$@" && "$how" "$dir" build --all-targets "$@"
}

plain_want() { # of the other profiles
	grep -v "^shown\$\|^T shared\$\|^dyl" <<<"$want"
}

build_both plain "$a" -q
is $? 0 "it builds without a cache"
want=$(use_all "$a" debug 2>&1)
like "$want" '^5 3 105 205$' "C programs link what was built"
rm -rf "$a/target" "$a/dyn/target"
build_both kcargo "$a" -q
is $? 0 "cold"
is "$(use_all "$a" debug 2>&1)" "$want" "cold: what plain cargo makes"
is "$(reasons)" "" "nothing passes through"

for place in same second; do
	d=$a
	[ $place = second ] && d=$b
	rm -rf "$d/target" "$d/dyn/target"
	mark
	build_both kcargo "$d" -q
	is $? 0 "$place checkout: builds"
	cells $place
	# The first one elsewhere bears witness.
	[ $place = second ] || run_cell same
	served "$place checkout: nothing was compiled"
	is "$(use_all "$d" debug 2>&1)" "$want" "$place checkout: it works"
	mark
	build_both kcargo "$d" -q
	is "$(rustc_runs) $(hits)" "0 0" "$place checkout: all is fresh"
done

rm -rf "$b/target"
mark
kcargo "$b" build -q -p app
run_cell second

# The same cells for other commands and profiles.
profile() { # WHAT hits|misses CARGO-ARGS...: in the second checkout
	local what=$1 second=$2 place d

	shift 2
	kcargo "$a" "$@"
	is $? 0 "$what: cold"
	for place in same second; do
		d=$a
		[ $place = second ] && d=$b
		rm -rf "$d/target"
		mark
		kcargo "$d" "$@"
		is $? 0 "$what, $place checkout: builds"
		if [ $place = second ] && [ "$second" = misses ]; then
			is "$(hits)" 0 "$what, $place checkout: misses, by path"
		else
			served "$what, $place checkout"
		fi
	done
}
rm -rf "$a/target" "$b/target"
profile "check" hits check -q --all-targets
profile "doc tests" hits test -q --doc -p plain
like "$(cat "$T/out")" '1 passed' "the doc test ran"
profile "release, lto = thin" hits build -q --profile thin
is "$(use_all "$b" thin 2>&1)" "$(plain_want)" "lto = thin: it works"
profile "release, lto = fat" hits build -q --profile fat -p app
is "$("$b/target/fat/app")" "${want%%$'\n'*}" "lto = fat: it works"
if has_profiler; then
	RUSTFLAGS="-C instrument-coverage" profile "coverage" misses \
		build -q -p both -p three -p sta
else
	skip "coverage" "no profiler in this rustc"
fi

# Its way to std is counted from where the target directory really is.
package "$T/rp" rp
put "$T/rp/src/main.rs" 'fn main() { println!("found") }'
for d in "$T/near" "$T/far/far/away"; do
	mkdir -p "$d"
	ln -sfn "$d" "$T/rp/target"
	RUSTFLAGS="-C rpath -C prefer-dynamic" kcargo "$T/rp" build -q
	is "$("$T/rp/target/debug/rp" 2>&1)" found "rpath below a link to $d"
done

done_testing
