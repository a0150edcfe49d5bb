#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gdb in a program that was compiled in another checkout: breakpoints by name,
# by relative and by absolute path, the lines it shows, and backtraces.
. "$(dirname "$0")/../lib.sh"

if ! command -v gdb >/dev/null; then
	cannot "debugger" "gdb is not installed"
	done_testing
fi

r=$T/r
w=$r/rust
package "$w" app '[dependencies]
member = { path = "member" }
shared = { path = "../shared" }
vend = "0.1.0"
[workspace]
members = ["member"]'
put "$w/src/main.rs" 'fn inner(n: u32) -> u32 {
	let doubled = n * 2; // line 2 of main
	member::add(doubled) + shared::add(1) + vend::add(1)
}
fn main() {
	println!("{}", inner(20));
	if std::env::args().count() > 1 { member::boom() }
}'
for p in member shared vend; do
	case $p in
	member) d=$w/member ;;
	shared) d=$r/shared ;;
	vend) d=$w/vendor/vend ;;
	esac
	package "$d" $p
	put "$d/src/lib.rs" "pub fn add(n: u32) -> u32 {
	let sum = n + 1; // line 2 of $p
	sum
}
pub fn boom() { panic!(\"boom\") }"
done
put "$w/vendor/vend/.cargo-checksum.json" '{"files":{}}'
put "$w/.cargo/config.toml" '[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "vendor"'
kcargo "$w" build -q || diag "$(cat "$T/out")"

# The place it is debugged in; the first is gone.
q=$T/another/place/of-the-repository
mkdir -p "$(dirname "$q")"
mv "$r" "$q"
w=$q/rust
rm -rf "$w/target"
mark
kcargo "$w" build -q || diag "$(cat "$T/out")"
# What lies outside of the workspace compiles in each place, by cargo's hash.
is "$(runs_of app member vend)" 1 "the libraries are served"

in_gdb() { # DIR COMMAND...: where it stopped, and what it shows
	local dir=$1 c args=()

	shift
	for c; do
		args+=(-ex "$c")
	done
	(cd "$dir" && timeout 60 gdb -batch -nx -iex 'set confirm off' \
		-iex 'set debuginfod enabled off' \
		-iex 'set auto-load off' \
		"${args[@]}" "$w/target/debug/app") 2>&1
}
stops() { # DESCRIPTION DIR BREAKPOINT FILE [BEFORE...]
	local what=$1 dir=$2 at=$3 of=$4 got

	shift 4
	got=$(in_gdb "$dir" "$@" "break $at" run list)
	if grep -q '^Breakpoint 1, ' <<<"$got" &&
		grep -q "line 2 of $of" <<<"$got"; then
		ok "$what"
	else
		not_ok "$what" "$got"
	fi
}

# The member is a unit of the other checkout: its debug information too.
stops "by the name of a function" "$w" member::add member
stops "relative, in the workspace" "$w" member/src/lib.rs:2 member
stops "absolute, in the workspace" "$w" "$w/member/src/lib.rs:2" member
stops "absolute, the program's own" "$w" "$w/src/main.rs:2" main
stops "a vendored crate, absolute" "$w" "$w/vendor/vend/src/lib.rs:2" vend
stops "a vendored crate, relative" "$w" vendor/vend/src/lib.rs:2 vend
stops "outside of the workspace, absolute" "$w" "$q/shared/src/lib.rs:2" shared

# From elsewhere one line for gdb is needed.
stops "relative, from elsewhere" / member/src/lib.rs:2 member \
	"set substitute-path /proc/self/cwd $w"
stops "absolute, from elsewhere" / "$w/member/src/lib.rs:2" member \
	"set substitute-path /proc/self/cwd $w"
stops "a vendored crate, from elsewhere" / "$w/vendor/vend/src/lib.rs:2" vend \
	"set substitute-path /proc/self/cwd $w"

# --- backtraces of a program: the lines of plain cargo ---
frames() { # of a panic, as file and line, without what is std's
	(cd "$w" && RUST_BACKTRACE=1 ./target/debug/app x 2>&1) |
		sed -n "s,^ *at \(.*\)\$,\1,p" | sed "s,^/proc/self/cwd/,./," |
		grep -v '^/rustc/'
}
got=$(frames)
rm -rf "$w/target"
plain "$w" build -q
is "$got" "$(frames)" "files and lines of a backtrace"
isnt "$got" "" "of which there are some"

done_testing
