#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# -C instrument-coverage, as RUSTFLAGS and cargo llvm-cov use it: programs and
# reports are those of plain cargo, the same checkout hits, another one
# misses, and what macros and build scripts count while a build goes on is
# counted in each build.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "coverage" "needs a wrapper"
	done_testing
fi
if ! has_profiler; then
	skip "coverage" "no profiler in this rustc"
	done_testing
fi
export CARGO_INCREMENTAL=0

make_workspace() { # DIR
	local w=$1

	put "$w/Cargo.toml" '[workspace]
members = ["dep", "mac", "core", "uses", "scripted"]
resolver = "2"'
	package "$w/dep" dep
	put "$w/dep/src/lib.rs" 'pub fn pick<T: PartialOrd>(a: T, b: T) -> T {
    if a < b {
        a
    } else {
        b
    }
}'
	package "$w/core" core-ish '[dependencies]
dep = { path = "../dep" }'
	put "$w/core/src/lib.rs" 'pub fn small(x: u32) -> u32 {
    if x > 100 {
        return 0;
    }
    dep::pick(x, 7)
}
#[test]
fn inside() { assert_eq!(small(3), 3) }'
	put "$w/core/tests/it.rs" '#[test]
fn it() { assert_eq!(core_ish::small(9), 7) }'
	package "$w/mac" mac '[lib]
proc-macro = true'
	put "$w/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(t: TokenStream) -> TokenStream {
    if t.is_empty() {
        "7".parse().unwrap()
    } else {
        t
    }
}'
	package "$w/uses" uses '[dependencies]
mac = { path = "../mac" }'
	put "$w/uses/src/lib.rs" 'pub fn seven() -> u32 { mac::seven!() }
#[test]
fn inside() { assert_eq!(seven(), 7) }'
	package "$w/scripted" scripted
	put "$w/scripted/build.rs" 'fn main() { println!("cargo:rustc-cfg=made") }'
	put "$w/scripted/src/lib.rs" '#![allow(unexpected_cfgs)]
#[test]
fn inside() { assert!(cfg!(made)) }'
}

# The tools must be of the compiler's LLVM.
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
for bin in "$(rustc --print target-libdir)/../bin" "/usr/lib/llvm-$llvm/bin"; do
	[ -x "$bin/llvm-cov" ] && break
	bin=
done

a=$T/a b=$T/elsewhere/and/deeper/b
make_workspace "$a"
make_workspace "$b"

# A test run that counts; what it gives lies in DIR/prof.
counted() { # HOW DIR PACKAGES...
	local how=$1 dir=$2

	shift 2
	rm -rf "$dir/prof"
	RUSTFLAGS="-C instrument-coverage" LLVM_PROFILE_FILE=$dir/prof/%p-%m.profraw \
		"$how" "$dir" test -q "${@/#/-p}"
}

report() { # DIR: of all programs and macros, by line
	local objects

	objects=$(find "$1/target/debug" \( -path '*/deps/*' -o \
		-path '*/build-script-build' \) -type f -perm -1 |
		sort | sed 's/^/--object=/')
	"$bin/llvm-profdata" merge -o "$T/merged" "$1"/prof/*.profraw &&
		"$bin/llvm-cov" report --instr-profile="$T/merged" $objects &&
		"$bin/llvm-cov" show --instr-profile="$T/merged" $objects
}

same_report() { # DIR WANT WHAT
	if [ -n "$bin" ]; then
		is "$(report "$1" 2>&1)" "$2" "$3"
	else
		skip "$3" "no llvm-cov of LLVM $llvm"
	fi
}

programs() { # DIR: digests of everything that was linked or archived
	(cd "$1/target/debug" && find deps -type f \( -perm -1 -o \
		-name '*.rmeta' \) -exec sha256sum {} + | sort -k2)
}

# Without macros and scripts that count: everything is cached.
plainly='core-ish dep'
counted plain "$a" $plainly
is $? 0 "tests pass without a cache"
check "and leave profiles" sh -c "ls $a/prof/*.profraw"
want=$(programs "$a")
[ -z "$bin" ] || want_report=$(report "$a" 2>&1)
[ -z "$bin" ] || like "$want_report" "$a/core/src/lib.rs" \
	"the report names sources by their paths"
rm -rf "$a/target"
counted kcargo "$a" $plainly
is $? 0 "cold"
is "$(programs "$a")" "$want" "cold: the same programs as plain cargo's"
same_report "$a" "${want_report-}" "cold: the same report"
rm -rf "$a/target"
mark
counted kcargo "$a" $plainly
served "the same checkout, after cargo clean"
is "$(programs "$a")" "$want" "the same programs as plain cargo's"
same_report "$a" "${want_report-}" "the same report"
counted plain "$b" $plainly
want=$(programs "$b")
[ -z "$bin" ] || want_report=$(report "$b" 2>&1)
rm -rf "$b/target"
mark
counted kcargo "$b" $plainly
is "$(hits)" 0 "a second checkout misses"
is "$(programs "$b")" "$want" "and makes its own programs"
same_report "$b" "${want_report-}" "with a report of its own sources"
rm -rf "$b/target"
mark
counted kcargo "$b" $plainly
served "and hits from then on"

# Without the option the unit is another one, and remapped as ever.
kcargo "$a" build -q -p core-ish --target-dir "$T/other"
mark
kcargo "$b" build -q -p core-ish
served "without coverage the second checkout hits"
mark
RUSTFLAGS="-C instrument-coverage=off" kcargo "$a" build -q -p core-ish
rm -rf "$b/target"
mark
RUSTFLAGS="-C instrument-coverage=off" kcargo "$b" build -q -p core-ish
served "and with it turned off"

# Macros and scripts count at compile time: the user of such a macro is
# compiled each time, and the script runs each time.
rm -rf "$a/target"
counted plain "$a" uses scripted mac
[ -z "$bin" ] || want_report=$(report "$a" 2>&1)
n=$(ls "$a/prof" | wc -l)
rm -rf "$a/target"
counted kcargo "$a" uses scripted mac
for i in 1 2; do
	rm -rf "$a/target"
	mark
	counted kcargo "$a" uses scripted mac
	is $? 0 "with macros that count, turn $i"
	is "$(ls "$a/prof" | wc -l)" "$n" "as many profiles as ever, turn $i"
	same_report "$a" "${want_report-}" "the same report, turn $i"
	is "$(runs_of mac)" 0 "the macro itself was served, turn $i"
	like "$(reasons)" 'not_stored:wrote:.*profraw' \
		"its user says why it is not stored, turn $i"
done

# The tool itself puts a wrapper of its own in front of ours.
if cargo llvm-cov --version >/dev/null 2>&1 && [ -n "$bin" ]; then
	export LLVM_COV=$bin/llvm-cov LLVM_PROFDATA=$bin/llvm-profdata
	cov() { # HOW
		rm -rf "$a/target"
		"$1" "$a" llvm-cov -q -p core-ish -p dep
		grep "^$a\|TOTAL" "$T/out${2-}"
	}
	want=$(cov plain .plain)
	like "$want" TOTAL "cargo llvm-cov reports"
	is "$(cov kcargo)" "$want" "cargo llvm-cov, cold"
	mark
	is "$(cov kcargo)" "$want" "cargo llvm-cov, warm"
	is "$(runs_of core_ish dep it)" 0 "and nothing was compiled"
else
	skip "cargo llvm-cov" "not installed"
fi

done_testing
