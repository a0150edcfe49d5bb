#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where sources come from: a workspace in a subdirectory of its repository,
# with vendored crates, a git dependency, one that is patched, and a package
# outside of the workspace; in checkouts of other names and lengths, a linked
# worktree, a target directory behind a link and one elsewhere. Programs and
# diagnostics are those of plain cargo.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/runs.sh"

code() { # NAME [MORE]: each has a warning, a place and a panic
	cat <<RS
pub fn at() -> &'static str { file!() }
pub fn boom() { let unused_in_$1 = 1; panic!("boom of $1") }
${2-}
RS
}

# --- what the repository needs from elsewhere ---
for p in vend mute fixed gitdep; do
	package "$T/src/$p" $p
	put "$T/src/$p/src/lib.rs" "$(code $p)"
done
# It names itself in panics only.
put "$T/src/mute/src/lib.rs" "$(code mute | grep -v file!)"
git -C "$T/src/gitdep" init -q -b main
git -C "$T/src/gitdep" add -A
git -C "$T/src/gitdep" commit -qm 1
for p in vend mute fixed; do
	registry_add "$T/registry" "$T/src/$p" || diag "no registry"
done

# --- the repository ---
r=$T/r
w=$r/rust
package "$w/own" own
put "$w/own/src/lib.rs" "$(code own 'pub const OUT: u8 = include!(concat!(env!("OUT_DIR"), "/n"));')"
put "$w/own/build.rs" 'fn main() {
	std::fs::write(std::env::var("OUT_DIR").unwrap() + "/n", "7").unwrap();
	println!("cargo:rerun-if-changed=build.rs");
}'
package "$w/valued" valued
put "$w/valued/src/lib.rs" "$(code valued 'pub const DIR: &str = env!("CARGO_MANIFEST_DIR");')"
package "$r/shared" shared
put "$r/shared/src/lib.rs" "$(code shared)"
package "$w/patched" fixed
put "$w/patched/src/lib.rs" "$(code fixed 'pub const PATCHED: u8 = 1;')"
package "$w/app" app "[dependencies]
own = { path = \"../own\" }
vend = \"0.1.0\"
mute = \"0.1.0\"
fixed = \"0.1.0\"
gitdep = { git = \"file://$T/src/gitdep\" }"
put "$w/app/src/main.rs" "$(code app)"'
fn main() {
	println!("{} {} {}", own::OUT, fixed::PATCHED, own::at());
	for f in [at(), vend::at(), fixed::at(), gitdep::at()] {
		println!("{}", f);
	}
	match std::env::args().nth(1).as_deref() {
		Some("app") => boom(),
		Some("own") => own::boom(),
		Some("vend") => vend::boom(),
		Some("mute") => mute::boom(),
		Some("fixed") => fixed::boom(),
		Some("gitdep") => gitdep::boom(),
		_ => (),
	}
}'
package "$w/outer" outer '[dependencies]
shared = { path = "../../shared" }
valued = { path = "../valued" }'
put "$w/outer/src/main.rs" 'fn main() {
	println!("{} {}", shared::at(), valued::DIR);
	if std::env::args().count() > 1 { shared::boom() }
}'
put "$w/Cargo.toml" '[workspace]
members = ["own", "valued", "app", "outer"]
resolver = "2"
[patch.crates-io]
fixed = { path = "patched" }'
use_registry "$T/registry"
# No network: the registry and the repository are local.
(cd "$w" && CARGO_NET_OFFLINE=false cargo vendor -q --respect-source-config) >"$T/out" 2>&1 ||
	diag "$(cat "$T/out")"
# The git dependency stays one.
rm -rf "$CARGO_HOME/config.toml" "$w/vendor/gitdep"
put "$w/.cargo/config.toml" '[source.crates-io]
replace-with = "vendored-sources"
[source.vendored-sources]
directory = "vendor"'
put "$r/.gitignore" target
git -C "$r" init -q -b main
git -C "$r" add -A
git -C "$r" commit -qm 1
(cd "$w" && CARGO_NET_OFFLINE=false cargo fetch -q) 2>"$T/out"

# --- checkouts ---
clone() { # DIR
	git clone -q "$r" "$1" && rm -rf "$1/rust/target"
}
far=$T/second/checkout/of/another-length
clone "$T/a" && clone "$far" && clone "$T/d" && clone "$T/ee"
git -C "$T/a" worktree add -q "$T/tree/linked-worktree" -b other
mkdir "$T/behind-a-link"
ln -s "$T/behind-a-link" "$T/d/rust/target"

# What the programs say of places, and where they panic, in TARGET.
seen() { # TARGET
	local a

	for a in "" app own vend mute fixed gitdep; do
		"$1/debug/app" $a
	done 2>&1 | sed 's/(main)//; s/ ([0-9]*)//'
	"$1/debug/outer" x 2>&1 | sed 's/ ([0-9]*)//'
}

# The names that panics have for a vendored crate are the only difference:
# README says so.
as_plain() { # REPOSITORY
	sed "s,/proc/self/cwd/vendor/mute/,$1/rust/vendor/mute/,"
}

compiled() { # names, of units and of scripts that ran
	tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' '$4 ~ /miss|dup|error/ && $7 != "query" { print $6 }' |
		sort -u | paste -sd' '
}

place() { # DESCRIPTION REPOSITORY TARGET WHAT-MAY-COMPILE
	local got

	mark
	kcargo "$2/rust" build -q || diag "$(tail -5 "$T/out")"
	[ -n "$TRYING" ] || is "$(compiled)" "$4" "$1: what compiles"
	got=$(seen "$3" | as_plain "$2")
	rm -rf "$3"/*
	plain "$2/rust" build -q
	is "$got" "$(seen "$3")" "$1: places and panics as with plain cargo"
	rm -rf "$3"/*
}

kcargo "$T/a/rust" build -q || diag "$(cat "$T/out")"
rm -rf "$T/a/rust/target"
place "the same checkout" "$T/a" "$T/a/rust/target" ""
# Who uses CARGO_MANIFEST_DIR as a value; what lies outside of the workspace,
# whose place is in cargo's own -C metadata; a vendored crate with file!(); who
# depends on these. A script's run is served elsewhere after two places gave
# the same.
place "another checkout" "$far" "$far/rust/target" "app outer own shared valued vend"
place "a linked worktree" "$T/tree/linked-worktree" \
	"$T/tree/linked-worktree/rust/target" "app outer shared valued vend"
place "target behind a link" "$T/d" "$T/d/rust/target" "app outer shared valued vend"
export CARGO_TARGET_DIR=$T/target-elsewhere
place "target elsewhere" "$T/ee" "$CARGO_TARGET_DIR" \
	"app outer shared valued vend"
unset CARGO_TARGET_DIR

# --- diagnostics ---
diagnostics() { # as JSON, on one line each
	grep '"reason":"compiler-message"' "$1" | sort
}
json() { # BUILDER DIR
	rm -rf "$2/target"
	$1 "$2" build -vv --message-format=json
}
mark
json kcargo "$T/a/rust"
json kcargo "$far/rust"
diagnostics "$T/out" >"$T/got"
json plain "$far/rust"
diagnostics "$T/out.plain" >"$T/want"
isnt "$(grep -c unused_in "$T/want")" 0 "there are diagnostics"
for p in "own/src" "vendor/vend/src" "../shared/src" "patched/src" \
	"git/checkouts"; do
	[ "$p" = ../shared/src ] && p=shared/src
	isnt "$(grep -c "\"file_name\":\"[^\"]*$p/" "$T/want")" 0 "of $p" ||
		break
done
is "$(diff "$T/want" "$T/got")" "" "JSON as with plain cargo, in each detail"
human() { # BUILDER DIR
	rm -rf "$2/target"
	$1 "$2" build -vv
}
lines() { # LOG: what a warning says and where, in the order of crates
	grep -E -- '^ *--> |^warning: unused' "$1" | sort
}
human kcargo "$T/a/rust"
human kcargo "$far/rust"
lines "$T/out" >"$T/got"
human plain "$far/rust"
lines "$T/out.plain" >"$T/want"
isnt "$(wc -l <"$T/want")" 0 "there are warnings"
is "$(diff "$T/want" "$T/got")" "" "text as with plain cargo"

# --- an edit in one place only ---
sub "$far/shared/src/lib.rs" "boom of" "BOOM of"
sub "$far/rust/patched/src/lib.rs" "boom of" "BOOM of"
rm -rf "$far/rust/target"
kcargo "$far/rust" build -q
like "$("$far/rust/target/debug/outer" x 2>&1)" "BOOM of shared" \
	"an edit outside of the workspace"
like "$("$far/rust/target/debug/app" fixed 2>&1)" "BOOM of fixed" \
	"an edit of a patched package"

done_testing
