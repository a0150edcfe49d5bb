#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names that we make up, and programs that open them: file!(), Span's file and
# a panic's place lead to a file wherever they do with plain cargo. What does
# not work under our names is compiled again as cargo asked, once; what has
# other reasons to fail is not.
. "$(dirname "$0")/../lib.sh"

export KACHE_SHIM_LOG=info

pieces() { # DIR NAME: a package as a directory of vendored ones holds it
	package "$1/$2" "$2" "${3-}"
	put "$1/$2/.cargo-checksum.json" '{"files":{},"package":null}'
}

vendored() { # DIR: its packages come from vendor
	put "$1/.cargo/config.toml" '[source.crates-io]
replace-with = "v"
[source.v]
directory = "vendor"'
}

again() { # how many units were compiled again since the log's line $from
	tail -n +$((from + 1)) "$KACHE_CACHE_DIR/shim.log" 2>/dev/null |
		grep -c "compiled again under its real names"
}
from_now() {
	from=$(wc -l 2>/dev/null <"$KACHE_CACHE_DIR/shim.log" || echo 0)
	mark
}
from=0

alike() { # DESCRIPTION DIR ARGUMENT...: what cargo prints, without times
	local what=$1 dir=$2 got

	shift 2
	rm -rf "$dir/target"
	kcargo "$dir" "$@"
	got="$? $(said "$T/out")"
	rm -rf "$dir/target"
	plain "$dir" "$@"
	is "$got" "$? $(said "$T/out.plain")" "$what"
	rm -rf "$dir/target"
	kcargo "$dir" "$@"
	is "$? $(said "$T/out")" "$got" "$what: once more"
}
said() { # FILE: what a build says, without times and what runs beside it
	sed 's/ in [0-9.]*s$//; s/finished in .*//' "$1" |
		grep -vE '^ *(Locking|Compiling|Finished|Running|Blocking|process didn)'
}

# --- a macro of rustc opens what file!() names ---
w=$T/text
package "$w" app '[dependencies]
v = "0.1.0"
user = { path = "user" }'
vendored "$w"
pieces "$w/vendor" v
put "$w/vendor/v/src/lib.rs" 'pub const T: &str = include_str!(concat!(file!(), ".txt"));
pub fn old() { let unused = 1; }'
printf beside >"$w/vendor/v/src/lib.rs.txt"
package "$w/user" user '[dependencies]
v = "0.1.0"'
put "$w/user/src/lib.rs" 'pub fn t() -> &'"'static"' str { v::T }'
put "$w/src/main.rs" 'fn main() { print!("{} {}", v::T, user::t()) }'
alike "include_str!(concat!(file!(), ..)) in a vendored crate, and who uses it" \
	"$w" run -vv
rm -rf "$w/target"
kcargo "$w" build -q
from_now
rm -rf "$w/target"
kcargo "$w" build -q
served "it is served"
is "$(again)" 0 "without a compiler"
from_now
printf BESIDE >"$w/vendor/v/src/lib.rs.txt"
rm -rf "$w/target"
kcargo "$w" run -q
is "$(cat "$T/out")" "BESIDE BESIDE" "what lies beside is an input"
is "$(again)" 0 "and the names are known by now: one compile"
from_now
mkdir "$T/far-away"
cp -r "$w" "$T/far-away/text"
rm -rf "$T/far-away/text/target"
sub "$T/far-away/text/vendor/v/src/lib.rs.txt" BESIDE other
kcargo "$T/far-away/text" run -q
is "$(cat "$T/out")" "other other" "it is bound to its place"

# --- constants that look at the text of file!() ---
w=$T/const
package "$w" app '[dependencies]
v = "0.1.0"'
vendored "$w"
pieces "$w/vendor" v
put "$w/vendor/v/src/lib.rs" 'macro_rules! here { () => { file!() } }
const fn starts(a: &[u8], b: &[u8]) -> bool {
	let mut i = 0;
	while i < b.len() { if a[i] != b[i] { return false } i += 1 }
	true
}
const _: () = assert!(starts(here!().as_bytes(), env!("CARGO_MANIFEST_DIR").as_bytes()));
pub const HERE: &str = core::file ! /* mine */ ();'
put "$w/src/main.rs" 'fn main() { print!("{}", v::HERE) }'
alike "file!() begins with CARGO_MANIFEST_DIR" "$w" run -q

# --- what fails anyway ---
from_now
put "$w/vendor/v/src/lib.rs" 'pub fn f() -> u8 { let unused = 1; "text" }'
alike "an error of types in a vendored crate" "$w" build -vv
is "$(again)" 0 "is no reason to compile twice"
put "$w/vendor/v/src/lib.rs" 'pub fn f() -> u8 { let unused = 1; 1 }
pub const T: &str = include_str!(concat!(file!(), ".gone"));'
alike "a file that is not there, under any name" "$w" build -vv
put "$w/vendor/v/src/lib.rs" 'pub const HERE: &str = "";'
put "$w/src/main.rs" 'fn main() { let unused = 1; let x: u8 = "text"; missing!() }'
from_now
alike "errors in the workspace" "$w" build
is "$(again)" 0 "cost nothing"
put "$w/src/main.rs" 'extern "C" { fn nobody_has_this(); }
fn main() { unsafe { nobody_has_this() } }'
from_now
rm -rf "$w/target"
kcargo "$w" build
like "$(cat "$T/out")" "nobody_has_this" "a link that fails"
is "$(again)" 0 "is done once"

# --- macros that go by Span's file ---
w=$T/span
package "$w" app '[dependencies]
v = "0.1.0"
o = { path = "../outside" }'
vendored "$w"
pieces "$w/vendor" pm '[lib]
proc-macro = true'
put "$w/vendor/pm/src/lib.rs" 'use proc_macro::{Span, TokenStream};
#[proc_macro]
pub fn beside(_: TokenStream) -> TokenStream {
	let p = std::path::PathBuf::from(Span::call_site().file()).with_file_name("x.txt");
	let s = std::fs::read_to_string(&p).unwrap_or_else(|_| "nothing".into());
	format!("{s:?}").parse().unwrap()
}
#[proc_macro]
pub fn inside(_: TokenStream) -> TokenStream {
	let mine = std::env::var("CARGO_MANIFEST_DIR").unwrap();
	let here = Span::call_site().file();
	format!("{:?}", here.strip_prefix(&mine).unwrap_or("elsewhere")).parse().unwrap()
}'
pieces "$w/vendor" v '[dependencies]
pm = "0.1.0"'
put "$w/vendor/v/src/lib.rs" 'pub const T: &str = pm::beside!();'
printf found >"$w/vendor/v/src/x.txt"
pieces "$w/vendor" u '[dependencies]
pm = "0.1.0"'
put "$w/vendor/u/src/lib.rs" 'pub const T: &str = pm::inside!();'
package "$T/outside" o '[dependencies]
pm = "0.1.0"
u = "0.1.0"'
put "$T/outside/src/lib.rs" 'pub const T: &str = pm::beside!();
pub const U: &str = u::T;'
printf outside >"$T/outside/src/x.txt"
put "$w/src/main.rs" 'fn main() { print!("{} {} {}", v::T, o::T, o::U) }'
alike "macros that open, or take apart, their caller's file" "$w" run -q
is "$(cat "$T/out")" "found outside /src/lib.rs" "which is there"

# --- build scripts ---
w=$T/scripts
package "$w" app '[dependencies]
v = "0.1.0"
o = { path = "../outer" }
m = { path = "m" }'
vendored "$w"
script='fn main() {
	println!("cargo:rerun-if-changed={}", file!());
	let res = std::path::Path::new(file!()).with_file_name("res.txt");
	println!("cargo:rustc-env=RES={}", std::fs::read_to_string(res).unwrap_or("absent".into()));
}'
lib='pub const RES: &str = env!("RES");'
pieces "$w/vendor" v '[dependencies]
quiet = "0.1.0"'
# It tells the crate, which reads it.
pieces "$w/vendor" teller
put "$w/vendor/teller/build.rs" 'fn main() { println!("cargo:rustc-env=ME={}", core::file!()) }'
put "$w/vendor/teller/src/lib.rs" 'pub const ME: &str = include_str!(env!("ME"));'
# It has names in panics only.
pieces "$w/vendor" quiet '[dependencies]
teller = "0.1.0"'
put "$w/vendor/quiet/build.rs" 'fn main() { std::fs::read("Cargo.toml").unwrap(); }'
put "$w/vendor/quiet/src/lib.rs" 'pub use teller::ME;'
package "$T/outer" o
for d in "$w/vendor/v" "$T/outer"; do
	put "$d/build.rs" "$script"
	put "$d/src/lib.rs" "$lib"
	printf resource >"$d/res.txt"
done
package "$w/m" m
put "$w/m/build.rs" 'include!(concat!(env!("CARGO_MANIFEST_DIR"), "/table.rs"));
fn main() {
	println!("cargo:rerun-if-changed={TABLE}");
	println!("cargo:rustc-env=RES={}", std::fs::read(TABLE).expect(TABLE).len());
}'
put "$w/m/table.rs" 'pub const TABLE: &str = file!();'
put "$w/m/src/lib.rs" "$lib"
put "$w/src/main.rs" 'fn main() { print!("{} {} {}", v::RES, o::RES, m::RES) }'
alike "build scripts find their package by file!()" "$w" run -q
kcargo "$w/src" build -v
is "$(grep -c Dirty "$T/out")" 0 "and nothing is dirty after it"
from_now
cp -r "$w" "$T/far-away/scripts"
cp -r "$T/outer" "$T/far-away/outer"
rm -rf "$T/far-away/scripts/target"
kcargo "$T/far-away/scripts" build -q
is "$(events | awk -F'\t' '$7 == "build-script" && $22 == "quiet" { print $4 }')" \
	local_hit "a vendored one that has its names in panics only serves other checkouts"

# --- tests, benches and examples run in their package ---
w=$T/tests
mkdir -p "$w"
put "$w/Cargo.toml" '[workspace]
members = ["m"]
resolver = "2"'
package "$w/m" m
put "$w/m/list.rs" 'pub fn list() -> &'"'static"' str { file!() }
#[track_caller]
pub fn caller() -> &'"'static"' str { std::panic::Location::caller().file() }
pub fn own() -> &'"'static"' str { caller() }'
put "$w/m/src/lib.rs" 'include!(concat!(env!("CARGO_MANIFEST_DIR"), "/list.rs"));
#[test] fn opens() { std::fs::read(list()).unwrap(); std::fs::read(own()).unwrap(); }'
put "$w/m/tests/t.rs" 'mod here { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/list.rs")); }
#[test] fn opens() { std::fs::read(here::own()).unwrap(); }
#[test] fn of_the_library() { std::fs::read(m::list()).unwrap(); }'
put "$w/m/examples/e.rs" 'include!(concat!(env!("CARGO_MANIFEST_DIR"), "/list.rs"));
fn main() { print!("{}", std::fs::read(list()).unwrap().len() > 0) }'
tests_of() { # CARGO-ARGUMENT...
	kcargo "$w" test "$@"
	grep -cE '^test .* ok$' "$T/out"
}
is "$(tests_of --offline)" 3 "tests open what lies in their package"
(cd "$w/m/src" && RUSTC_WRAPPER=$WRAPPER cargo run -q --example e) >"$T/out" 2>&1
is "$(cat "$T/out")" true "an example, too"
rm -rf "$w/target"
from_now
is "$(tests_of --offline)" 3 "and when they are served"
served "from the cache"

# --- without --remap-path-scope, as before 1.95 ---
if [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] &&
	! /usr/bin/rustc --help -v | grep -q remap-path-scope; then
	old() { # DIR CARGO-ARGUMENT...
		local dir=$1

		shift
		rm -rf "$dir/target"
		(cd "$dir" && PATH=/usr/bin:$PATH RUSTC_WRAPPER=$WRAPPER \
			/usr/bin/cargo "$@") >"$T/out" 2>&1
	}
	rm -f "$w/Cargo.lock" "$T/scripts/Cargo.lock" "$T/text/Cargo.lock"
	old "$w" test --offline
	is "$(grep -cE '^test .* ok$' "$T/out")" 3 "an older compiler: tests"
	put "$T/scripts/m/build.rs" 'include!(concat!(env!("CARGO_MANIFEST_DIR"), "/table.rs"));
fn main() { println!("cargo:rustc-env=RES={}", std::fs::read(TABLE).expect(TABLE).len()); }'
	old "$T/scripts" run -q
	like "$(cat "$T/out")" "^resource resource [0-9]+$" "build scripts"
	old "$T/text" run -q
	like "$(tail -1 "$T/out")" "BESIDE BESIDE" "include_str!"
else
	cannot "an older compiler" "no /usr/bin/cargo"
fi

done_testing
