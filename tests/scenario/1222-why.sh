#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kache why-miss: it names what differs, of the right unit, whatever shares a
# name with it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/runs.sh"

w=$T/w
host=$(rustc -vV | sed -n 's/^host: //p')
package "$w/deps/dep1" dep '[features]
more = []'
package "$w/deps/dep2" dep
sub "$w/deps/dep2/Cargo.toml" 0.1.0 0.2.0
put "$w/deps/dep1/src/lib.rs" 'pub fn n() -> u32 { 1 }'
put "$w/deps/dep2/src/lib.rs" 'pub fn n() -> u32 { 2 }'
package "$w/app" app 'build = "build.rs"
[features]
more = ["dep/more"]
[dependencies]
dep = { path = "../deps/dep1" }
second = { package = "dep", path = "../deps/dep2" }
[build-dependencies]
dep = { path = "../deps/dep1" }'
put "$w/app/build.rs" <<'RS'
fn main() {
	let n = std::fs::read_dir("parts").unwrap().count();
	println!("cargo:rustc-env=PARTS={} {}", n, dep::n());
}
RS
put "$w/app/parts/one" one
put "$w/app/src/lib.rs" <<'RS'
pub const TEXT: &str = include_str!("text");
#[test]
fn it() { assert_eq!(dep::n() + second::n(), 3) }
RS
put "$w/app/src/text" text
put "$w/app/src/main.rs" <<'RS'
fn main() { println!("{}{}{}{}", app::TEXT, dep::n(), second::n(), env!("PARTS")) }
RS
workspace_of "$w" 'exclude = ["deps"]'

build() { # CARGO-ARGS...: from nothing
	rm -rf "$w/target"
	kcargo "$w" "$@" || diag "$(tail -3 "$T/out")"
}
why() {
	"$KACHE" why-miss "$@"
}
heads() { # the lines that name units, without their age
	why "$@" | grep '^[^ ]' | sed 's/, [^,]* ago.*//' | sort
}

build build -q
like "$(why app)" "nothing similar is known" "the first time"
is "$(heads dep)" "dep 0.1.0, lib, debug
dep 0.2.0, lib, debug" "two versions are two units"
is "$(heads app)" "app 0.1.0, bin, debug
app 0.1.0, build script run, debug
app 0.1.0, lib, debug
build_script_build 0.1.0 (package app), build-script, debug" \
	"of one package: library, program, script and its run"

build check -q -p app --all-targets
is "$(why app | grep -c 'added argument')" 0 \
	"library, program and tests of one name are not compared when checked"

# --- files and dependencies ---
echo 'pub fn more() {}' >>"$w/deps/dep2/src/lib.rs"
build build -q
is "$(heads dep)" "dep 0.2.0, lib, debug" "only the version that missed"
like "$(why dep)" "file deps/dep2/src/lib.rs in the workspace" "names its file"
said=$(why app)
is "$(grep -c 'dependency second' <<<"$said")" 2 \
	"a renamed dependency, by the name it has there"
unlike=$(grep -cE 'dependency dep$|build script' <<<"$said")
is "$unlike" 0 "the other version and the script are not named"
echo other >"$w/app/src/text"
build build -q
is "$(heads app)" "app 0.1.0, bin, debug
app 0.1.0, lib, debug" "library and program of one name"
said=$(why app)
like "$(grep -A2 'app 0.1.0, lib' <<<"$said")" "file app/src/text" \
	"the library: its file"
like "$(grep -A2 'app 0.1.0, bin' <<<"$said")" "dependency app" \
	"the program: the library"

# --- tests beside the library ---
build test -q --no-run
like "$(heads app)" "app 0.1.0, test, debug" "a test is a unit of its own"
echo third >"$w/app/src/text"
build test -q --no-run
said=$(why app)
like "$(grep -A2 'app 0.1.0, test' <<<"$said")" "file app/src/text|dependency" \
	"and has its own reasons"

# --- arguments and variables ---
build build -q
build build -q -F app/more
like "$(why dep@0.1.0)" 'added argument --cfg feature="more"' \
	"an argument that is new"
build build -q
RUSTFLAGS="-C debug-assertions=off" build build -q
like "$(why dep@0.2.0)" 'argument -C debug-assertions=off' "a flag"
RUSTC_BOOTSTRAP=1 build build -q
like "$(why dep@0.2.0)" '^    variable RUSTC_BOOTSTRAP$' \
	"a variable of the compiler, by its name only"
# A result that names its place, made in another one.
for t in t1 t2; do
	RUSTFLAGS="-C rpath" CARGO_TARGET_DIR=$w/$t \
		kcargo "$w/deps/dep2" build -q
done
like "$(why dep@0.2.0)" "the place of the outputs" "a place"
# The same package seen from two workspaces, outside of which it lies: it has
# its real names there.
for d in far far/er; do
	package "$w/deps/$d/off" off "[workspace]
[dependencies]
dep = { path = \"$w/deps/dep2\" }"
	put "$w/deps/$d/off/src/lib.rs" ''
	kcargo "$w/deps/$d/off" build -q
done
like "$(why dep@0.2.0)" "argument $w/deps/dep2/src/lib.rs" \
	"a package that lies outside of both"
: >"$w/app/parts/two"
build build -q
like "$(why app | grep -A2 'script run')" "names in parts in the package" \
	"a run: the listing"

LD_LIBRARY_PATH=$T/nowhere build build -q
said=$(why app)
like "$said" "variable LD_LIBRARY_PATH" "a variable that only links look at"
is "$(grep -c 'order of the arguments' <<<"$said")" 0 "and nothing else"

# --- host and target ---
build build -q --target "$host"
CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL=1 build build -q --target "$host"
is "$(heads dep)" "dep 0.1.0, lib, debug" \
	"for the host and for the target are two: only one missed"
like "$(why dep)" "added argument -C opt-level=1" "names its argument"
like "$(why app)" "the build script's program" \
	"and the script's run its program"

# --- served since, and gone ---
build build -q --target "$host"
CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL=1 build build -q --target "$host"
like "$(why dep)" "ago, served since" "a unit that was served since says so"
"$KACHE" purge dep >/dev/null
build build -q
like "$(why dep)" "gone from the store" "a result that was purged"

# --- what is not stored, and what to do about it ---
rm -rf "$w/app/build.rs"
put "$w/app/build.rs" <<'RS'
fn main() {
	let out = std::env::var("OUT_DIR").unwrap();
	std::fs::create_dir(out.clone() + "/sub").unwrap();
	assert!(std::process::Command::new("mkfifo").arg(out + "/sub/pipe")
		.status().unwrap().success());
	println!("cargo:rustc-env=PARTS={}", dep::n());
}
RS
build build -q
like "$(why app)" "archive:refused:sub/pipe" "a file that cannot be kept: which"
like "$(why app)" "to do: remove that file" "and what to do"
RUSTFLAGS="-C save-temps" build build -q
said=$("$KACHE" stats)
like "$said" "archive:refused +[0-9]+  remove that file" "stats: a run's reason"
like "$said" "option:save-temps +[0-9]+  leave it out" "stats: a unit's"
check "and as JSON" python3 - "$("$KACHE" stats --json)" <<'PY'
import json, sys
s = json.loads(sys.argv[1])
for group in "passthrough", "not_stored", "runs_not_stored", "errors":
	for reason in s[group]:
		assert s["advice"][reason], reason
assert s["runs_not_stored"]["archive:refused"] >= 1, s
PY

# --- what is asked of it ---
check "JSON" python3 - "$("$KACHE" why-miss app --json)" <<'PY'
import json, sys
rows = json.loads(sys.argv[1])
assert rows, rows
for r in rows:
	assert r["package"] == "app" and r["version"] == "0.1.0", r
	assert set(r) == {"time_ms", "served_ms", "package", "version", "crate",
		"kind", "profile", "command", "outcome", "reason", "text"}, r
PY
is "$("$KACHE" why-miss no-such --json)" "[]" "JSON of nothing"
is "$(why app@9.9)" "no miss of app is known" "another version"

done_testing
