#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The .kache.ini of a project: what it may say, that nobody else is served by
# it, and that nothing in it or wrong with it stops a build.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/runs.sh"

w=$T/w
package "$w/stamp" stamp
# What cannot be observed: the time. HIDDEN stands for what an evil project
# would make of that.
put "$w/stamp/build.rs" <<'RS'
use std::{fs, process::Command};
fn main() {
	let now = Command::new("date").arg("+%s%N").output().unwrap().stdout;
	let text = fs::read_to_string("note.txt").unwrap();
	println!("cargo:rustc-env=STAMP={} {}", text.trim(),
		String::from_utf8(now).unwrap().trim());
}
RS
put "$w/stamp/note.txt" one
put "$w/stamp/declared/a.txt" a
put "$w/stamp/src/main.rs" 'fn main() { println!("{}", env!("STAMP")) }'
workspace_of "$w"
ini=$w/.kache.ini

again() { # [DIR]: builds from nothing, gives what the program says
	rm -rf "${1-$w}/target"
	kcargo "${1-$w}" build -q || return
	"${1-$w}/target/debug/stamp"
}

config() {
	(cd "$w/stamp" && "$KACHE" config)
}

first=$(again)
isnt "$(again)" "$first" "without the file it runs each time"
put "$ini" '[inputs]
allow = stamp:declared'
first=$(again)
is "$(again)" "$first" "allowed by the project: it is replayed"
like "$(config)" "$ini +read" "kache config names the file"
like "$(config)" "allow +stamp:declared" "and what it says"
echo b >"$w/stamp/declared/a.txt"
second=$(again)
isnt "$second" "$first" "a declared file counts"
is "$(again)" "$second" "replayed"

# --- nobody else is served ---
mkdir "$T/copy"
cp -a "$w/." "$T/copy"
other=$(again "$T/copy")
isnt "$other" "$second" "a copy with the same file is not served by it"
is "$(again "$T/copy")" "$other" "but by its own"
is "$(again)" "$second" "and the first still by its own"
mv "$ini" "$T/ini"
isnt "$(again)" "$second" "without the file nothing of it is served"
put "$HOME/.config/kache/kache.ini" '[inputs]
allow = stamp:declared'
third=$(again)
isnt "$third" "$second" "nor where the user says the same"
is "$(again)" "$third" "the user's word holds"
mv "$T/ini" "$ini"
is "$(again)" "$third" "also where the project says it too"
rm "$HOME/.config/kache/kache.ini"

# --- what it may not say ---
put "$ini" "[remote main]
url = file://$T/stolen
[store]
dir = $T/elsewhere
[inputs]
allow = stamp:declared
places = X
[trust]
require_signature = no"
: >"$KACHE_CACHE_DIR/shim.log"
second=$(again)
is "$(again)" "$second" "what it may say holds beside what it may not"
log=$(cat "$KACHE_CACHE_DIR/shim.log")
for key in "2: .remote main. url" "4: .store. dir" \
	"9: .trust. require_signature"; do
	like "$log" "$ini:$key: a project may not set this" "the log: $key"
	like "$(config)" "$ini:$key: a project may not" "kache config: $key"
done
is "$(ls "$T" | grep -cE 'stolen|elsewhere')" 0 "and nothing came of it"

# --- files that are not believed, and never wait ---
LIMIT=30
: >"$KACHE_CACHE_DIR/shim.log"
put "$ini" '[inputs]
allow = stamp:declared'
chmod o+w "$ini"
first=$(again)
isnt "$(again)" "$first" "a file others may write to is ignored"
like "$(config)" "$ini: ignored: others may write" "and kache config says so"
mv "$ini" "$w/real.ini"
chmod o-w "$w/real.ini"
ln -s real.ini "$ini"
isnt "$(again)" "$(again)" "so is a link"
rm "$ini"
mkfifo "$ini"
check "a FIFO: the build goes on" again
rm "$ini"
truncate -s 1G "$ini"
check "a file of 1 GB: the build goes on" again
like "$(cat "$KACHE_CACHE_DIR/shim.log")" "$ini: ignored: is too large" \
	"and the log says so"
rm "$ini"

# --- places ---
p=$T/p
package "$p/near" near '[lib]
proc-macro = true'
put "$p/near/src/lib.rs" <<'RS'
use proc_macro::TokenStream;
#[proc_macro]
pub fn near(_: TokenStream) -> TokenStream {
	let d = std::env::var("CARGO_MANIFEST_DIR").unwrap();
	let t = std::fs::read_to_string(d + "/near.txt").unwrap();
	format!("{:?}", t.trim()).parse().unwrap()
}
RS
package "$p/app" app '[dependencies]
near = { path = "../near" }'
put "$p/app/near.txt" first
put "$p/app/src/main.rs" <<'RS'
#[cfg(not(feature = "own"))]
fn main() { println!("{}", near::near!()) }
#[cfg(feature = "own")]
fn main() { println!("{}", env!("CARGO_MANIFEST_DIR")) }
RS
printf '[features]\nown = []\n' >>"$p/app/Cargo.toml"
workspace_of "$p"

app() { # DIR [CARGO-ARGS...]
	local dir=$1

	shift
	rm -rf "$dir/target"
	mark
	kcargo "$dir" build -q "$@"
	GOT=$(result_of $? "$dir" ./target/debug/app)
}

q=$T/another-place/of/p
mkdir -p "$q"
cp -a "$p/." "$q"
app "$p"
app "$q"
is "$GOT $(runs_of app)" "first 1" \
	"a variable that a macro asks for counts by its text"
put "$p/.kache.ini" '[inputs]
places = OTHER, CARGO_MANIFEST_DIR'
cp "$p/.kache.ini" "$q"
app "$p"
is "$GOT $(runs_of app)" "first 1" "declared a place: another key"
app "$q"
is "$GOT" first "the other checkout: the same"
served "and nothing compiles"
check "nothing is dirty" kcargo "$q" build -v
like "$(cat "$T/out")" "Fresh app" "cargo finds it fresh"
put "$q/app/near.txt" second
app "$q"
is "$GOT $(runs_of app)" "second 1" "the file at the place counts"
app "$p"
is "$GOT $(runs_of app)" "first 0" "the first checkout has its own"
app "$p" -F app/own
is "$GOT" "$p/app" "a place that is shown"
app "$q" -F app/own
is "$GOT" "$q/app" "is this checkout's all the same"
rm "$q/.kache.ini"
app "$q" -F app/own
is "$GOT" "$q/app" "and without the file"
app "$q"
is "$GOT $(runs_of app)" "second 1" \
	"what was made by a declaration serves nobody without it"

done_testing
