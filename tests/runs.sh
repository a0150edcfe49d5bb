# SPDX-License-Identifier: Apache-2.0
# More for scenario tests of build script runs; sourced after tests/lib.sh.
#
# The runs of packages are told from units by their kind in the event log.

run_events() { # [CRATE...]: events of build script runs since the mark
	[ -f "$KACHE_CACHE_DIR/events.log" ] || return 0
	tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' -v w=" $* " '$7 == "run" &&
			(w == "  " || index(w, " " $6 " "))'
}

run_hits() { # [CRATE...]
	run_events "$@" | awk -F'\t' '$4 == "local_hit" ||
		$4 == "remote_hit" || $4 == "prefetch_hit" { n++ }
		END { print n + 0 }'
}

ran() { # [CRATE...]: scripts that really ran
	run_events "$@" | awk -F'\t' '$4 == "miss" || $4 == "passthrough" ||
		$4 == "dup" || $4 == "error" { n++ } END { print n + 0 }'
}

who_ran() { # names of the packages whose scripts ran, sorted, on one line
	run_events | awk -F'\t' '$4 !~ /_hit$/ { print $6 }' | sort -u |
		paste -sd' '
}

run_reasons() { # [CRATE...]: why not stored, one a line, sorted
	run_events "$@" |
		awk -F'\t' '$5 != "" && $5 !~ /^changed:/ { print $5 }' |
		sed 's/^not_stored://' | sort -u
}

say_runs() { # what the log says of runs, as a detail for not_ok
	run_events "$@" | awk -F'\t' '{ print "run: " $6, $4, $5,
		substr($8, 1, 8), substr($9, 1, 8), "rc=" $19 }' | tail -n 12
}

hit() { # DESCRIPTION CRATE...: these scripts did not run, but were served
	local what=$1

	shift
	if [ -n "$TRYING" ]; then
		skip "$what" "the wrapper keeps no events"
	elif [ "$(ran "$@")" != 0 ] || [ "$(run_hits "$@")" -lt $# ]; then
		not_ok "$what" "wanted: hits only, of $*
$(say_runs "$@")"
	else
		ok "$what"
	fi
}

missed() { # DESCRIPTION CRATE...: each of these scripts really ran
	local what=$1 c

	shift
	if [ -n "$TRYING" ]; then
		skip "$what" "the wrapper keeps no events"
		return
	fi
	for c; do
		[ "$(ran "$c")" -ge 1 ] && [ "$(run_hits "$c")" = 0 ] && continue
		not_ok "$what" "wanted: a run of $c
$(say_runs "$c")"
		return
	done
	ok "$what"
}

refused() { # DESCRIPTION CRATE REASON(extended regular expression)
	local what=$1 crate=$2 got

	got=$(run_reasons "$crate")
	if [ -n "$TRYING" ]; then
		skip "$what" "the wrapper keeps no events"
	elif [ "$(ran "$crate")" -ge 1 ] && [ "$(run_hits "$crate")" = 0 ] &&
		grep -Eq -e "$3" <<<"$got"; then
		ok "$what"
	else
		not_ok "$what" "wanted: a run of $crate, not kept because of $3
$(say_runs "$crate")"
	fi
}

# A package NAME below DIR that shows what its build script made. The body
# (standard input) is Rust: an expression of type String, or statements and
# one. It lands in OUT_DIR/result, in a variable of rustc, and in a warning.
# The variable `out` is OUT_DIR.
scripted() { # DIR NAME [MORE-TOML]
	package "$1/$2" "$2" "${3-}"
	{
		cat <<'RS'
#![allow(unused)]
use std::{env, fs, path::Path, process::Command, io::{Read, Write}};
fn text(c: &mut Command) -> String {
	let o = c.output().expect("cannot start");
	assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
	String::from_utf8(o.stdout).unwrap()
}
fn sh(s: &str) -> String { text(Command::new("/bin/sh").args(["-c", s])) }
fn read(p: &str) -> String { fs::read_to_string(p).unwrap() }
fn main() {
	let out = env::var("OUT_DIR").unwrap();
	println!("cargo:rerun-if-changed=build.rs");
	let result: String = {
RS
		cat
		cat <<'RS'
	};
	fs::write(out.clone() + "/result", &result).unwrap();
	println!("cargo:rustc-env=SAID={}", result.trim().replace('\n', " ")
		.replace(|c: char| c.is_control(), "?"));
}
RS
	} >"$1/$2/build.rs"
	put "$1/$2/src/main.rs" <<'RS'
fn main() {
	println!("{}|{}", include_str!(concat!(env!("OUT_DIR"), "/result")).trim(),
		env!("SAID"));
}
RS
}

# A workspace of the packages that lie in DIR.
workspace_of() { # DIR [MORE-TOML]
	local names

	names=$(cd "$1" && ls -d ./*/Cargo.toml | sed 's,^\./\(.*\)/Cargo.toml$,"\1",' |
		paste -sd,)
	put "$1/Cargo.toml" "[workspace]
members = [$names]
resolver = \"2\"
${2-}"
}

# All a script left: what the program says, every name in OUT_DIR with its
# type, mode and content, and what cargo keeps of its output.
picture() { # DIR NAME [PROFILE-DIR]
	local at=$1/target/${3-debug} d

	if [ -x "$at/$2" ]; then
		"$at/$2" 2>&1
	fi
	for d in "$at/build/$2"-*/out; do
		[ -d "$d" ] || continue
		(cd "$d" && find . -printf '%P %y %m %l\n' | sort)
		(cd "$d" && find . -type f -print0 | sort -z |
			xargs -0r sha256sum)
		(cd "$d/.." && sha256sum output stderr)
	done
}

# What plain cargo makes of package NAME in DIR, in an empty target.
truth() { # DIR NAME [CARGO-ARGS...]
	local dir=$1 name=$2 rc

	shift 2
	rm -rf "$dir/target"
	plain "$dir" build -q -p "$name" "$@"
	rc=$?
	if [ $rc = 0 ]; then
		picture "$dir" "$name"
	else
		echo "build failed: $rc"
	fi
}

# One build of NAME through the cache in an empty target: its picture in PIC
# (not on standard output: the mark must reach this shell).
cached() { # DIR NAME [CARGO-ARGS...]
	local dir=$1 name=$2 rc

	shift 2
	rm -rf "$dir/target"
	mark
	kcargo "$dir" build -q -p "$name" "$@"
	rc=$?
	if [ $rc = 0 ]; then
		PIC=$(picture "$dir" "$name")
	else
		PIC="build failed: $rc"
	fi
}

# One hidden input of package NAME changes: a miss, and what plain cargo
# gives; served from then on; the change undone: served, as before.
# In $effect: "yes" if the change must show (default), "any" if it need not,
# "none" if it must not and may cost no run. In $back: "-" if the restored
# state need not be served. In $OPTS: more arguments for cargo.
hidden() { # DESCRIPTION DIR NAME MUTATE REVERT
	local what=$1 dir=$2 name=$3 mutate=$4 revert=$5
	local before got want again

	cached "$dir" "$name" ${OPTS-}
	before=$PIC
	cached "$dir" "$name" ${OPTS-}
	got=$PIC
	if [ "$got" != "$before" ]; then
		not_ok "$what: nothing changed" "before: $before
after:  $got"
	elif [ "${back-}" != - ]; then
		hit "$what: nothing changed" "$name"
	fi
	(cd "$dir" && eval "$mutate") || { not_ok "$what: mutate"; return; }
	_vars on "$mutate"
	cached "$dir" "$name" ${OPTS-}
	got=$PIC
	if [ "${effect-yes}" = none ]; then
		hit "$what: is no input" "$name"
	elif [ "${effect-yes}" = yes ]; then
		missed "$what: runs again" "$name"
	fi
	cached "$dir" "$name" ${OPTS-}
	again=$PIC
	[ "${back-}" = - ] || hit "$what: served then" "$name"
	want=$(truth "$dir" "$name" ${OPTS-})
	if [ "${effect-yes}" = yes ] && [ "$before" = "$want" ]; then
		not_ok "$what" "the change has no effect: $before
plain: $(tail -3 "$T/out.plain")"
	elif [ "$got" != "$want" ] || [ "$again" != "$want" ]; then
		not_ok "$what" "$(diff <(echo "$want") <(echo "$got"))
again: $(diff <(echo "$want") <(echo "$again"))
before: $before"
	else
		ok "$what"
	fi
	(cd "$dir" && eval "$revert") || { not_ok "$what: revert"; return; }
	_vars on "$revert"
	cached "$dir" "$name" ${OPTS-}
	got=$PIC
	if [ "$got" != "$before" ]; then
		not_ok "$what, undone" "$(diff <(echo "$before") <(echo "$got"))"
	elif [ "${back-}" = - ]; then
		ok "$what, undone"
	else
		hit "$what, undone" "$name"
	fi
}
