#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files beside the outputs, which rustc does not announce: split debug
# information (.dwo, .dwp), temporary files (-C save-temps), dumps (-Z). A hit
# brings all of them, or there is no hit.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "sidecars" "needs a wrapper"
	done_testing
fi
if ! rustc -Csplit-debuginfo=packed --print cfg >/dev/null 2>&1; then
	skip "split debug information" "this rustc has none"
	done_testing
fi

make_workspace() { # DIR
	local w=$1 i

	put "$w/Cargo.toml" '[workspace]
members = ["dep", "mac", "shared", "app"]
resolver = "2"
[profile.dev]
debug = 2
[profile.packed]
inherits = "dev"
split-debuginfo = "packed"
[profile.unpacked]
inherits = "dev"
split-debuginfo = "unpacked"
[profile.many]
inherits = "unpacked"'
	package "$w/dep" dep
	put "$w/dep/src/lib.rs" 'pub struct Thing { pub first: u32, pub second: u8 }
#[inline(never)]
pub fn thing(x: u32) -> Thing { Thing { first: x, second: 2 } }'
	# More generation units than outputs of any other unit.
	for i in $(seq 30); do
		echo "pub mod m$i { #[inline(never)] pub fn f(x: u32) -> u32 { x + $i } }"
	done >>"$w/dep/src/lib.rs"
	package "$w/mac" mac '[lib]
proc-macro = true'
	put "$w/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }'
	package "$w/shared" shared '[lib]
crate-type = ["cdylib", "rlib"]
[dependencies]
dep = { path = "../dep" }'
	put "$w/shared/src/lib.rs" '#[no_mangle]
pub extern "C" fn shared(x: u32) -> u32 { dep::thing(x).first }'
	package "$w/app" app '[dependencies]
dep = { path = "../dep" }
mac = { path = "../mac" }
shared = { path = "../shared" }'
	put "$w/app/src/main.rs" 'struct Own { mine: u64 }
#[inline(never)]
fn own(x: u64) -> Own { Own { mine: x } }
fn main() {
    let o = own(mac::seven!());
    println!("{} {}", dep::thing(shared::shared(1)).first, o.mine);
}'
}

# What a debugger finds in the program and what it was linked from.
seen() { # DIR PROFILE
	(cd / && gdb -q -batch -iex 'set debuginfod enabled off' \
		-iex 'set auto-load off' -ex 'ptype app::Own' \
		-ex 'ptype dep::Thing' -ex 'info scope app::own' \
		-ex 'info line dep::thing' "$1/target/$2/app" 2>&1) |
		sed "s|$1/||g; s|/proc/self/cwd/||g; s/0x[0-9a-f]*/0x/g"
}

# The files beside the outputs, without what is different each time.
beside() { # DIR PROFILE
	(cd "$1/target/$2" && find . -name '*.dw[op]' ! -path '*/incremental/*' |
		sed 's/\.[a-z0-9]*\.rcgu/.rcgu/' | sort)
}

a=$T/a b=$T/further/down/b
make_workspace "$a"
make_workspace "$b"
command -v gdb >/dev/null && has_gdb=1 || has_gdb=

split() { # PROFILE hits|misses: in the second checkout
	local p=$1 place d want names

	export CARGO_INCREMENTAL=0
	[ "$p" != many ] || CARGO_INCREMENTAL=1
	plain "$a" build -q --profile "$p"
	want=$(seen "$a" "$p")
	names=$(beside "$a" "$p")
	rm -rf "$a/target"
	like "$names" 'app.*\.dw' "$p: rustc leaves files beside the program"
	if [ -n "$has_gdb" ]; then
		like "$want" 'mine: u64' "$p: a debugger needs them"
	fi
	[ "$p" != many ] || check "$p: one for each unit of code" \
		test "$(grep -c /dep- <<<"$names")" -gt 15
	kcargo "$a" build -q --profile "$p"
	is "$(reasons)" "" "$p: nothing passes through"
	is "$(seen "$a" "$p")" "$want" "$p, cold: a debugger sees the same"
	for place in same second; do
		d=$a
		[ $place = second ] && d=$b
		rm -rf "$d/target"
		mark
		kcargo "$d" build -q --profile "$p"
		is $? 0 "$p, $place checkout: builds"
		if [ "$place $2" = "second misses" ]; then
			is "$(hits)" 0 "$p, second checkout: misses, by path"
		else
			served "$p, $place checkout"
		fi
		is "$(beside "$d" "$p")" "$names" \
			"$p, $place checkout: the same files beside"
		if [ -n "$has_gdb" ]; then
			is "$(seen "$d" "$p")" "$want" \
				"$p, $place checkout: a debugger sees the same"
		else
			cannot "$p, $place checkout: a debugger" "no gdb"
		fi
	done
	is "$("$b/target/$p/app")" "1 7" "$p: and the program runs"
	rm -rf "$a/target" "$b/target"
}
split packed hits
split unpacked misses
split many misses
CARGO_INCREMENTAL=0

# Without code there is nothing beside, and nothing that names a place.
kcargo "$a" check -q --profile unpacked
mark
kcargo "$b" check -q --profile unpacked
served "check: the second checkout"
rm -rf "$a/target" "$b/target"

# A .dwo that is lost from the store is not lost from a build.
kcargo "$a" build -q --profile unpacked
want=$(beside "$a" unpacked)
rm -rf "$a/target"
for f in "$KACHE_CACHE_DIR"/blobs/*/*; do
	readelf -S "$f" 2>/dev/null | grep -q '\.debug_info\.dwo' &&
		! head -c 8 "$f" | grep -q '!<arch>' && rm -f "$f"
done
mark
kcargo "$a" build -q --profile unpacked
isnt "$(rustc_runs)" 0 "without its .dwo a result is none"
is "$(beside "$a" unpacked)" "$want" "and they are there again"

# Files with other names: passed through, or compiled and not stored.
for i in 1 2; do
	rm -rf "$a/target"
	mark
	RUSTFLAGS="-C save-temps" kcargo "$a" build -q -p dep
	is "$(reasons)" "option:save-temps" "-C save-temps passes, turn $i"
	check "and leaves its files, turn $i" \
		sh -c "ls $a/target/debug/deps/dep-*.no-opt.bc"
done
for flags in "-Zdump-mir=thing" "-Zprint-type-sizes" "-Zemit-stack-sizes" \
	"-Zself-profile=$T/profile"; do
	mark
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags kcargo "$a" build -q -p dep \
		--target-dir "$T/other"
	isnt "$(reasons)" "" "$flags passes through"
	is "$(stored)" 0 "and is not stored"
	rm -rf "$T/other"
done
# One that nobody has heard of and that leaves a file is seen to do so.
for i in 1 2; do
	rm -rf "$T/remarks" "$T/other"
	mkdir "$T/remarks"
	mark
	RUSTC_BOOTSTRAP=1 kcargo "$a" rustc -q -p dep --target-dir "$T/other" \
		-- -Zremark-dir="$T/remarks" -Cremark=all -Copt-level=2
	like "$(reasons)" "wrote:$T/remarks/" "-Z remark-dir, turn $i"
	check "its files are there, turn $i" sh -c "ls $T/remarks/*.yaml"
done

done_testing
