#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Profile-guided builds: the profile is an input by its content, whatever its
# time; what is instrumented names where its profile goes.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "profiles" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

make_workspace() { # DIR
	local w=$1

	put "$w/Cargo.toml" '[workspace]
members = ["dep", "app"]
resolver = "2"
[profile.release]
debug = 1'
	package "$w/dep" dep
	put "$w/dep/src/lib.rs" '#[inline(never)]
pub fn pick(x: u32) -> u32 {
    if x % 7 == 0 { odd(x) } else { even(x) }
}
#[inline(never)]
fn odd(x: u32) -> u32 { x.rotate_left(3) ^ 0x55 }
#[inline(never)]
fn even(x: u32) -> u32 { x.wrapping_mul(31) + 1 }'
	package "$w/app" app '[dependencies]
dep = { path = "../dep" }'
	put "$w/app/src/main.rs" 'fn main() {
    let step: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut sum = 0u32;
    for i in 0..100_000u32 { sum ^= dep::pick(i.wrapping_mul(step)); }
    println!("{sum}");
}'
}

llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
for tool in "$(rustc --print target-libdir)/../bin/llvm-profdata" \
	"/usr/lib/llvm-$llvm/bin/llvm-profdata"; do
	[ -x "$tool" ] && has_profiler && break
	tool=
done

a=$T/a b=$T/elsewhere/and/deeper/b
make_workspace "$a"
make_workspace "$b"
BUILD="build -q --release"
SHOW="target/release/app 1; objdump -d target/release/app | sha256sum"

# Profiles of two ways to use the program.
if [ -n "$tool" ]; then
	RUSTFLAGS="-C profile-generate" plain "$a" $BUILD
	for step in 1 7; do
		LLVM_PROFILE_FILE=$T/raw-$step/%m.profraw \
			"$a/target/release/app" $step >/dev/null
		"$tool" merge -o "$T/$step.profdata" "$T/raw-$step"/*.profraw
	done
	rm -rf "$a/target"
	cp "$T/1.profdata" "$T/use.profdata"
	export RUSTFLAGS="-C profile-use=$T/use.profdata"
	kcargo "$a" $BUILD
	is "$(reasons)" "" "-C profile-use: nothing passes through"
	rm -rf "$a/target"
	mark
	kcargo "$a" $BUILD
	served "-C profile-use, again"
	hazard "another profile under the same name" "$a" \
		"cp $T/7.profdata $T/use.profdata" \
		"cp $T/1.profdata $T/use.profdata"
	hazard "and with the time of the old one" "$a" \
		"cp $T/7.profdata $T/use.profdata
		touch -r $T/1.profdata $T/use.profdata" \
		"cp $T/1.profdata $T/use.profdata"
	touch "$T/use.profdata"
	rm -rf "$a/target"
	mark
	kcargo "$a" $BUILD
	served "a profile that was only touched"
	rm -rf "$b/target"
	mark
	kcargo "$b" $BUILD
	served "the second checkout, with the same profile"
	mv "$T/use.profdata" "$T/gone"
	rm -rf "$a/target"
	kcargo "$a" $BUILD
	isnt $? 0 "without the profile the build fails, as with plain cargo"
	like "$(cat "$T/out")" 'use.profdata' "and says so"
	unset RUSTFLAGS
else
	skip "-C profile-use" "no profiler, or no llvm-profdata of LLVM $llvm"
fi

# Sampled profiles are text.
sampled() { # COUNT: for the branch of dep::pick
	put "$T/sampled" "_ZN3dep4pick17h0000000000000000E:$1:$1
 1: $1"
}
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zprofile-sample-use=$T/sampled -Zdebug-info-for-profiling"
sampled 10
rm -rf "$a/target" "$b/target"
kcargo "$a" $BUILD
is "$(reasons)" "" "-Z profile-sample-use: nothing passes through"
rm -rf "$a/target"
mark
kcargo "$a" $BUILD
served "-Z profile-sample-use, again"
sampled 20
rm -rf "$a/target"
mark
kcargo "$a" $BUILD
is "$(hits)" 0 "another sampled profile misses"
like "$(events | cut -f5 | sort -u)" "changed:.*sampled" "and why is said"
sampled 10
rm -rf "$a/target"
mark
kcargo "$a" $BUILD
served "the first one hits again"
unset RUSTFLAGS RUSTC_BOOTSTRAP

# Instrumented programs write to where they were told.
if ! has_profiler; then
	skip "-C profile-generate" "no profiler in this rustc"
	done_testing
fi
rm -rf "$a/target" "$b/target"
(cd "$a" && RUSTFLAGS="-C profile-generate=$a/prof" cargo $BUILD
	target/release/app 1) >/dev/null 2>&1
n=$(ls "$a/prof" | wc -l)
isnt "$n" 0 "an instrumented program leaves a profile"
for d in "$a" "$a" "$b" "$b"; do
	rm -rf "$d/target" "$d/prof"
	mark
	RUSTFLAGS="-C profile-generate=$d/prof" kcargo "$d" $BUILD
	"$d/target/release/app" 1 >/dev/null
	is "$(ls "$d/prof" | wc -l)" "$n" "and where it was told: ${d##*/}"
done
served "-C profile-generate, the second checkout's own again"
is "$(reasons)" "" "-C profile-generate: nothing passes through"

done_testing
