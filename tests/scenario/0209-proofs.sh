#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OUT_DIR serves includes only where the macros are std's own. Each checkout
# must see its own value wherever one of these names is another's.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

if [ "$WRAPPER" = none ]; then
	skip "proofs" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0

makes() { # DIR SOURCE: a program of that source, with a file in OUT_DIR, and a
	  # crate that has macros to import
	put "$1/Cargo.toml" '[workspace]
members = ["app", "mac"]'
	package "$1/mac" mac
	put "$1/mac/src/lib.rs" '#[macro_export]
macro_rules! include { ($e:expr) => { pub const MADE: usize = $e.len(); } }
#[macro_export]
macro_rules! other { ($e:expr) => { pub const MADE: usize = $e.len(); } }
#[macro_export]
macro_rules! pick { (include!($e:expr);) => { pub const MADE: usize = $e.len(); } }'
	package "$1/app" app '[dependencies]
mac = { path = "../mac" }'
	put "$1/app/build.rs" 'fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/made.rs", "pub const MADE: usize = 0;").unwrap();
}'
	put "$1/app/src/main.rs" "$2
fn main() { println!(\"{}\", MADE) }"
	put "$1/app/src/rules.in" 'macro_rules! include { ($e:expr) => { pub const MADE: usize = $e.len(); } }'
	put "$1/app/src/names.in" 'pub const MADE: usize = env!("OUT_DIR").len();'
	put "$1/app/src/part.rs" 'macro_rules! include { ($e:expr) => { pub const MADE: usize = $e.len(); } }'
}

n=0
differs() { # DESCRIPTION SOURCE: two checkouts of other lengths differ
	local w got want
	n=$((n + 1))
	for w in "$T/c$n" "$T/checkout-of-another-length-$n"; do
		makes "$w" "$2"
		kcargo "$w" build -q
		got=$(result_of $? "$w" target/debug/app)
		rm -rf "$w/target"
		plain "$w" build -q
		want=$(result_of $? "$w" target/debug/app)
		is "$got" "$want" "$1 (${w##*/})"
	done
}

MADE='include!(concat!(env!("OUT_DIR"), "/made.rs"));'
differs "a macro of one's own" \
	"macro_rules! include { (\$e:expr) => { pub const MADE: usize = \$e.len(); } } $MADE"
differs "an import by name" "use mac::include; $MADE"
differs "an import by another name" "use mac::other as include; $MADE"
differs "macro_use of a crate" "#[macro_use] extern crate mac; $MADE"
differs "a module of macros" "#[macro_use] mod part; $MADE"
differs "a definition in an included file" "core::include!(\"rules.in\"); $MADE"
differs "another use in an included file" "mod q { $MADE } core::include!(\"names.in\");"
differs "another std" "use mac as std; std::$MADE"
differs "a macro that picks the include apart" "mac::pick! { $MADE }"
differs "a computed definition" "macro_rules! d { (\$n:ident) => {
    macro_rules! \$n { (\$e:expr) => { pub const MADE: usize = \$e.len(); } } } }
d!(include); $MADE"

# What is an include is one still.
makes "$T/one" "use std::{env, fmt::Write as _}; #[allow(unused)] use env as _; $MADE"
put "$T/one/app/src/main.rs" "#[allow(unused_imports)] use std::{env, fmt::{self, Write as _}};
$MADE
fn main() { println!(\"{}\", MADE) }"
cp -r "$T/one" "$T/two"
kcargo "$T/one" build -q
mark
kcargo "$T/two" build -q
is "$("$T/two/target/debug/app")" 0 "a true include"
is "$(runs_of app)" 0 "is shared by checkouts"
done_testing
