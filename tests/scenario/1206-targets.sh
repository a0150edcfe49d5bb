#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Targets: --target with its own layout of target/, and targets of one's own,
# whose description is an input by content, found by path or by
# RUST_TARGET_PATH.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "targets" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

host=$(rustc -vV | sed -n 's/^host: //p')
make_workspace() { # DIR
	package "$1" app '[lib]
crate-type = ["cdylib", "rlib"]'
	put "$1/build.rs" 'fn main() {
    println!("cargo:rustc-env=FOR={}", std::env::var("TARGET").unwrap());
}'
	put "$1/src/lib.rs" 'pub const FOR: &str = env!("FOR");
#[no_mangle]
pub extern "C" fn app() -> i32 { 4 }'
	put "$1/src/main.rs" 'fn main() { println!("{} {}", app::FOR, app::app()) }'
}
a=$T/a b=$T/down/here/b
make_workspace "$a"
make_workspace "$b"
kcargo "$a" build -q --target "$host"
is $? 0 "--target: cold"
is "$(reasons)" "" "--target: nothing passes through"
for d in "$a" "$b"; do
	rm -rf "$d/target"
	mark
	kcargo "$d" build -q --target "$host"
	served "--target, checkout ${d##*/}"
	is "$("$d/target/$host/debug/app")" "$host 4" "and the program runs"
	check "and the library is where it belongs" \
		test -s "$d/target/$host/debug/libapp.so"
done
# Where target/ was there before cargo, only the triple's is marked.
rm -rf "$b/target"
mkdir "$b/target"
mark
kcargo "$b" build -q --target "$host"
served "--target, a target directory that was there"
# Build scripts are made for the host either way, what they are for is not.
mark
kcargo "$b" build -q
isnt "$(runs_of app)" 0 "without --target the crate is another one"

# No core is needed for this one, so any description will do.
if ! RUSTUP_TOOLCHAIN=nightly cargo -V 2>/dev/null | grep -q nightly; then
	skip "targets of one's own" "no nightly toolchain"
	done_testing
fi
export RUSTUP_TOOLCHAIN=nightly
rustc=$(rustup which rustc)
for w in "$T/own" "$T/another/place/own"; do
	package "$w" bare '[profile.dev]
panic = "abort"'
	put "$w/src/lib.rs" '#![feature(no_core, lang_items)]
#![allow(internal_features)]
#![no_core]
#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[lang = "copy"]
pub trait Copy {}
impl Copy for u32 {}
#[no_mangle]
pub extern "C" fn same(x: u32) -> u32 { x }'
	"$rustc" -Zunstable-options --print target-spec-json \
		--target "$host" >"$w/mine.json"
done
w=$T/own
edit() { # FILE: functions keep a frame pointer from now on
	sed -i '/^  "frame-pointer"/d; s/^{$/{\n  "frame-pointer": "always",/' "$1"
}
cp "$w/mine.json" "$T/first.json"
edit "$w/mine.json"
cp "$w/mine.json" "$T/second.json"
cp "$T/first.json" "$w/mine.json"

BUILD="build -q -Zjson-target-spec --target mine.json"
SHOW="objdump -d target/mine/debug/libbare.rlib | sed 1,3d"
kcargo "$w" $BUILD
is $? 0 "a target of one's own builds"
is "$(reasons)" "" "and nothing passes through"
rm -rf "$w/target"
mark
kcargo "$w" $BUILD
served "and hits"
hazard "its description changes in place" "$w" \
	"cp $T/second.json mine.json" "cp $T/first.json mine.json"

# The same without cargo, whose own hash would hide it, by path and by name.
compile() { # DIR TARGET
	(cd "$1" && rm -rf target && mkdir -p target/deps &&
		echo 'Signature: 8a477f597d28d172789f06886806bc55' \
			>target/CACHEDIR.TAG &&
		"$WRAPPER" "$rustc" --crate-name bare src/lib.rs \
			--edition=2021 --error-format=json --json=artifacts \
			--crate-type lib --emit=dep-info,metadata,link \
			-C metadata=1 -C extra-filename=-1 -C panic=abort \
			-Zunstable-options --target "$2" \
			--out-dir "$PWD/target/deps") >"$T/out" 2>&1 &&
		objdump -d "$1/target/deps/libbare-1.rlib" | sed 1,3d
}
for how in mine.json mine; do
	[ $how = mine ] && export RUST_TARGET_PATH=.
	cp "$T/first.json" "$w/mine.json"
	first=$(compile "$w" $how)
	isnt "$first" "" "rustc --target $how"
	mark
	is "$(compile "$w" $how)" "$first" "--target $how, again"
	served "--target $how hits"
	cp "$T/second.json" "$w/mine.json"
	mark
	isnt "$(compile "$w" $how)" "$first" "--target $how, changed in place"
	is "$(hits)" 0 "--target $how, changed, misses"
	cp "$T/first.json" "$w/mine.json"
	mark
	is "$(compile "$w" $how)" "$first" "--target $how, changed back"
	served "--target $how, changed back, hits"
	mark
	is "$(compile "$T/another/place/own" $how)" "$first" \
		"--target $how in a second checkout"
	served "--target $how in a second checkout hits"
done

done_testing
