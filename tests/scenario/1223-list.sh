#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kache list: what is in the store, by names, sizes and use, whatever else lies
# there; and that looking changes nothing.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/runs.sh"

w=$T/w
is "$("$KACHE" list)" "0 of 0 results, 0" "a store that is not there yet"
check "is not made by looking" test ! -e "$KACHE_CACHE_DIR"
package "$w/my-lib" my-lib
put "$w/my-lib/src/lib.rs" 'pub fn n() -> u32 { 1 }'
package "$w/old/my-lib" my-lib
sub "$w/old/my-lib/Cargo.toml" 0.1.0 0.0.9
printf '[lib]\ncrate-type = ["lib", "cdylib"]\n' \
	>>"$w/old/my-lib/Cargo.toml"
put "$w/old/my-lib/src/lib.rs" 'pub fn n() -> u32 { 9 }'
scripted "$w" app '[dependencies]
my-lib = { path = "../my-lib" }
old = { package = "my-lib", path = "../old/my-lib" }' <<<'String::from("x")'
workspace_of "$w" 'exclude = ["old"]'
kcargo "$w" build -q || diag "$(cat "$T/out")"
kcargo "$w" build -q --release
sleep 1
rm -rf "$w/target"
kcargo "$w" build -q

list() {
	"$KACHE" list "$@" >"$T/list"
}
columns() { # name, version, kind, profile of the rows
	sed '1d;/results/d;/besides/d' "$T/list" | awk '{ print $1, $2, $3, $4 }'
}

list --sort name --limit 0
is "$(columns)" "app 0.1.0 bin debug
app 0.1.0 bin release
app 0.1.0 run debug
app 0.1.0 run release
app 0.1.0 build-script debug
app 0.1.0 build-script release
my_lib 0.0.9 cdylib debug
my_lib 0.0.9 cdylib release
my_lib 0.1.0 lib debug
my_lib 0.1.0 lib release" "names, versions, kinds and profiles" ||
	diag "$(cat "$T/list")"
list my-lib
is "$(columns | sort)" "my_lib 0.0.9 cdylib debug
my_lib 0.0.9 cdylib release
my_lib 0.1.0 lib debug
my_lib 0.1.0 lib release" "one crate, by cargo's name"
list my_lib@0.0.9
is "$(columns | wc -l)" 2 "one version, by rustc's name"
list nothing
is "$(cat "$T/list")" "0 of 0 results of it, 0" "a crate that is not there"

json() { # PROGRAM: sees the JSON as `l`, the rows as `rows`
	python3 - "$("$KACHE" list --json $opts)" "$w" <<PY
import json, os, sys
l = json.loads(sys.argv[1])
rows = l["entries"]
$1
PY
}
opts=
check "sizes are those of the files" json '
app = [r for r in rows if r["crate"] == "app" and r["kind"] == "bin" and
	r["profile"] == "debug"]
assert len(app) == 1, app
assert app[0]["bytes"] == os.stat(sys.argv[2] + "/target/debug/app").st_size'
check "the largest first" json '
assert rows == sorted(rows, key = lambda r: -r["bytes"]) and len(rows) == 10
assert all(r["made"] == "here" and r["stored_ms"] > 1e12 for r in rows)
assert all(len(r["key"]) == 64 for r in rows)'
opts="--sort use --limit 1"
check "a limit" json 'assert len(rows) == 1'

# --- what else lies there ---
state() {
	(cd "$KACHE_CACHE_DIR" && find . -printf '%p %T@ %C@ %s\n' | sort |
		grep -v '^\. ')
}
e=$KACHE_CACHE_DIR/entries
one=$(find "$e" -type f | sort | head -1)
printf 'rubbish' >"$one"
echo x >"$e/readme"
mkdir -p "$e/ab" && : >"$e/ab/not-a-key"
ln -s /dev/zero "$e/ab/$(printf 'ab%.0s' $(seq 32))"
mkfifo "$e/ab/abcd$(printf 'ab%.0s' $(seq 30))"
before=$(state)
LIMIT=20
list --limit 0
is $? 0 "damaged and foreign files are no failure"
like "$(cat "$T/list")" "besides: 3 damaged, 0 of a later version, 2 not ours" \
	"but counted"
is "$(columns | wc -l)" 9 "the others are shown"
is "$(state)" "$before" "nothing was changed or touched"
echo "kache store 99" >"$KACHE_CACHE_DIR/VERSION"
list 2>"$T/said"
is $? 1 "a store of a later version"
like "$(cat "$T/said")" "kache list: $KACHE_CACHE_DIR: " "is named"
"$KACHE" list --sort colour >/dev/null 2>&1
is $? 2 "an order that is none"

done_testing
