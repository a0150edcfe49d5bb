# SPDX-License-Identifier: Apache-2.0
# More for scenario tests with crates of the registry; sourced after
# tests/runs.sh.

LIMIT=300
profile='[profile.dev]
debug = 0
incremental = false'
python=$(command -p -v python3)

# A program's packages, or else the reason why not.
fetched() { # DIR
	(cd "$1" && CARGO_NET_OFFLINE=false cargo fetch -q) >"$T/out" 2>&1 ||
		return 1
	SRC=$(echo "$CARGO_HOME"/registry/src/*)
}
# An unpacked crate of the registry.
source_of() { # NAME-AND-PERHAPS-VERSION
	ls -d "$SRC/$1"-[0-9]* | head -1
}

# What the program says, and what the script of PACKAGE left, but for lines
# that match $noise.
seen() { # DIR PACKAGE
	"$1/target/debug/user" 2>&1
	[ "$2" = - ] || picture "$1" "$2" | grep -vE "${noise-^$}"
}

# Plain cargo in DIR, in a target that is kept, in which only PACKAGE and the
# program are built anew: as in an empty one, in less time.
truly() { # DIR PACKAGE
	rm -rf "$1/target"
	[ ! -d "$1.plain" ] || mv "$1.plain" "$1/target"
	[ "$2" = - ] || plain "$1" clean -q -p "$2"
	[ "$2" = - ] && plain "$1" clean -q -p user
	if plain "$1" build -q; then
		WANT=$(seen "$1" "$2")
	else
		WANT="build failed"
	fi
	mv "$1/target" "$1.plain"
}

through() { # DIR PACKAGE: by the cache in an empty target
	rm -rf "$1/target"
	mark
	if kcargo "$1" build -q; then
		PIC=$(seen "$1" "$2")
	else
		PIC="build failed"
	fi
}

# PACKAGE "-": no script, but a unit of the program that must compile again.
real() { # DESCRIPTION DIR PACKAGE MUTATE REVERT
	local what=$1 dir=$2 pkg=$3 before got

	through "$dir" "$pkg"
	before=$PIC
	(cd "$dir" && eval "$4") || { not_ok "$what: mutate"; return; }
	_vars on "$4"
	through "$dir" "$pkg"
	got=$PIC
	if [ "$pkg" != - ]; then
		missed "$what: runs again" "$pkg"
	elif [ -z "$TRYING" ]; then
		isnt "$(runs_of user)" 0 "$what: compiles again"
	fi
	truly "$dir" "$pkg"
	if [ "$WANT" = "$before" ]; then
		not_ok "$what" "the change has no effect: $before"
	else
		is "$(diff <(echo "$WANT") <(echo "$got"))" "" "$what"
	fi
	through "$dir" "$pkg"
	is "$(diff <(echo "$WANT") <(echo "$PIC"))" "" "$what: again"
	if [ "${back-}" = - ]; then
		:
	elif [ "$pkg" = - ]; then
		served "$what: served then"
	else
		hit "$what: served then" "$pkg"
	fi
	(cd "$dir" && eval "$5") || { not_ok "$what: revert"; return; }
	_vars on "$5"
	through "$dir" "$pkg"
	is "$(diff <(echo "$before") <(echo "$PIC"))" "" "$what, undone"
	if [ "${back-}" != - ] && [ "$pkg" != - ]; then
		hit "$what, undone: served" "$pkg"
	fi
}

# Cold, then in an empty target, then in other checkouts: everything served
# (not in the third, if $third is "-": what is made there names its place).
begun() { # DIR PACKAGES-WITH-SCRIPTS...
	local dir=$1 p n

	shift
	rm -rf "$dir.plain"
	truly "$dir" -
	if [ "$WANT" = "build failed" ]; then
		not_ok "$(basename "$dir") builds" "$(tail -20 "$T/out.plain")"
		return 1
	fi
	want=$WANT
	through "$dir" -
	is "$PIC" "$want" "$(basename "$dir"): cold"
	[ -n "$TRYING" ] ||
		is "$(run_events | awk -F'\t' '$5 != "" && $5 !~ /^changed:/ {
			print $6, $5 }')" "" \
			"$(basename "$dir"): no run is refused"
	through "$dir" -
	is "$PIC" "$want" "$(basename "$dir"): warm"
	hit "$(basename "$dir"): every run is served" "$@"
	for n in 2 3; do
		# Of another name: else what a script makes of it would not show.
		p=$T/place$n/$(printf 'x%.0s' $(seq $((n * 9))))/place-$n
		mkdir -p "$p"
		cp -r "$dir/." "$p"
		rm -rf "$p/target"
		# A copy's index is stale, and git would write it anew.
		[ ! -d "$p/.git" ] || git -C "$p" status >/dev/null
		through "$p" -
		is "$PIC" "$want" "$(basename "$dir"): checkout $n"
	done
	[ "${third-}" = - ] ||
		hit "$(basename "$dir"): every run is served in a third checkout" \
			"$@"
	rm -rf "$T/place2" "$T/place3"
}
