#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a user may answer for ([inputs] allow), and what kache answers when
# asked why something missed.
. "$(dirname "$0")/../lib.sh"

w=$T/w
package "$w" stamp 'build = "build.rs"
[workspace]'
put "$w/build.rs" <<'RS'
use std::{env, fs, process::Command};
fn main() {
	let now = Command::new("date").arg("+%s%N").output().unwrap().stdout;
	let now = String::from_utf8(now).unwrap();
	let text = fs::read_to_string("note.txt").unwrap();
	let mode = env::var("STAMP_MODE").unwrap_or_default();
	println!("cargo:rustc-env=STAMP={} {} {}", now.trim(), text.trim(), mode);
}
RS
put "$w/note.txt" one
put "$w/declared/a.txt" a
put "$w/src/main.rs" 'fn main() { println!("{}", env!("STAMP")) }'

again() { # builds from nothing, gives what the program says
	rm -rf "$w/target"
	mark
	kcargo "$w" build || return
	"$w/target/debug/stamp"
}

runs() { # OUTCOME: runs of build scripts since the mark
	tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' -v o="$1" '$7 == "run" && $4 == o { n++ }
			END { print n + 0 }'
}

first=$(again)
second=$(again)
isnt "$second" "$first" "a script that asks for the time runs each time"
said=$("$KACHE" why-miss stamp --last 2)
like "$said" "clock" "why-miss names the clock"
like "$said" "build script run" "and what missed"

# --- the user answers for it ---
mkdir -p "$HOME/.config/kache"
put "$HOME/.config/kache/kache.ini" '[inputs]
allow = other stamp:declared'
first=$(again)
is "$(again)" "$first" "allowed: it is replayed"
is "$(runs local_hit)" 1 "and counted as a hit"
echo two >"$w/note.txt"
second=$(again)
isnt "$second" "$first" "what was seen counts all the same"
like "$("$KACHE" why-miss stamp --last 2)" "file note.txt in the package" \
	"why-miss names the file"
is "$(again)" "$second" "replayed"
echo b >"$w/declared/a.txt"
third=$(again)
isnt "$third" "$second" "a declared file"
: >"$w/declared/b.txt"
fourth=$(again)
isnt "$fourth" "$third" "a name in a declared directory"
is "$(again)" "$fourth" "replayed"
STAMP_MODE=x
export STAMP_MODE
fifth=$(again)
isnt "$fifth" "$fourth" "a variable"
like "$("$KACHE" why-miss stamp --last 2)" "variable STAMP_MODE" \
	"why-miss names the variable"
unset STAMP_MODE

# --- a repository cannot ---
rm "$HOME/.config/kache/kache.ini"
put "$w/.cargo/config.toml" '[env]
KACHE_INPUTS_ALLOW = { value = "stamp", force = true }'
first=$(again)
isnt "$(again)" "$first" "a repository cannot answer for itself"

# --- units ---
put "$w/src/main.rs" 'fn main() { println!("{}!", env!("STAMP")) }'
rm -rf "$w/target" "$w/.cargo" "$w/build.rs"
sub "$w/Cargo.toml" 'build = "build.rs"' ''
put "$w/src/main.rs" 'fn main() { println!("{}", include_str!("../note.txt")) }'
again >/dev/null
echo three >"$w/note.txt"
again >/dev/null
like "$("$KACHE" why-miss stamp)" "note.txt in the workspace" \
	"why-miss of a unit names the file"
like "$("$KACHE" why-miss no-such-crate)" "no miss of no-such-crate" \
	"an unknown crate"
"$KACHE" why-miss --last 99 >/dev/null 2>&1
is $? 2 "a number that is too large is told"

done_testing
