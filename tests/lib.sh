# SPDX-License-Identifier: Apache-2.0
# Library of the scenario tests; a test sources it as its first act.
#
# The script is started again in an empty environment, gets a directory of
# its own ($T: home, cargo home, cache, workspaces) and prints TAP.
#
#   KACHE_PREFIX         the prefix kache is installed under (bin/kache-shim)
#   SCENARIO_WRAPPER     another wrapper instead of the shim; "none": no
#                        wrapper (both only to try the tests themselves)
#   SCENARIO_KEEP=1      leave $T behind
#   KACHE_CHECK_ALL=1    what cannot be tested here has failed
#   KACHE_KILL_POINTS, KACHE_SEED, KACHE_BUILDERS_SECONDS   see 1006, 1009

if [ -z "${SCENARIO_CLEAN-}" ]; then
	case :$PATH: in
	*:$HOME/.cargo/bin:*) ;;
	*) [ -x "$HOME/.cargo/bin/cargo" ] && PATH=$HOME/.cargo/bin:$PATH ;;
	esac
	exec env -i SCENARIO_CLEAN=1 \
		PATH="$PATH:/usr/sbin:/sbin" TERM=dumb LC_ALL=C.UTF-8 \
		RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
		${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} \
		${TMPDIR:+TMPDIR="$TMPDIR"} \
		${SCENARIO_WRAPPER:+SCENARIO_WRAPPER="$SCENARIO_WRAPPER"} \
		${SCENARIO_KEEP:+SCENARIO_KEEP="$SCENARIO_KEEP"} \
		${KACHE_CHECK_ALL:+KACHE_CHECK_ALL="$KACHE_CHECK_ALL"} \
		${KACHE_KILL_POINTS:+KACHE_KILL_POINTS="$KACHE_KILL_POINTS"} \
		${KACHE_SEED:+KACHE_SEED="$KACHE_SEED"} \
		${KACHE_BUILDERS_SECONDS:+KACHE_BUILDERS_SECONDS="$KACHE_BUILDERS_SECONDS"} \
		KACHE_PREFIX="${KACHE_PREFIX:-/usr/local}" bash "$0" "$@"
fi

set -u
umask 022
export -n SCENARIO_CLEAN SCENARIO_WRAPPER SCENARIO_KEEP KACHE_PREFIX \
	KACHE_CHECK_ALL KACHE_KILL_POINTS KACHE_SEED \
	KACHE_BUILDERS_SECONDS 2>/dev/null
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
PREFIX=$KACHE_PREFIX
SHIM=$PREFIX/bin/kache-shim
KACHE=$PREFIX/bin/kache
WRAPPER=${SCENARIO_WRAPPER:-$SHIM}
TRYING=$([ "$WRAPPER" = "$SHIM" ] || echo 1)
ORIG_PATH=$PATH

T=$(mktemp -d "${TMPDIR:-/tmp}/kache-scenario.XXXXXX") || exit 99
T=$(cd "$T" && pwd -P)
export HOME=$T/home CARGO_HOME=$T/cargo KACHE_CACHE_DIR=$T/cache
export CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
mkdir -p "$HOME" "$CARGO_HOME" "$T/bin"

_n=0
_bad=0
_done=0
_mark=0
_cleanups=()
_ends=()
_t0=$(date +%s)

# --- TAP ---

ok() { # DESCRIPTION: a passed point
	_n=$((_n + 1))
	echo "ok $_n - $1"
}

not_ok() { # DESCRIPTION [DETAIL]: a failed point, with what was last seen
	_n=$((_n + 1))
	_bad=$((_bad + 1))
	echo "not ok $_n - $1"
	[ -n "${2-}" ] && printf '%s\n' "$2" | sed 's/^/#   /'
	[ -s "$T/out" ] && tail -n 8 "$T/out" | sed 's/^/#   cargo: /'
	events 2>/dev/null | tail -n 12 |
		awk -F'\t' '{ print "#   event: " $4, $5, $6, $7, substr($8, 1, 8),
			substr($9, 1, 8), "rc=" $19 }'
	return 0
}

skip() { # DESCRIPTION WHY: neither passed nor failed
	_n=$((_n + 1))
	echo "ok $_n - $1 # SKIP $2"
}

cannot() { # DESCRIPTION WHY: skipped, but failed where all must be checked
	if [ -n "${KACHE_CHECK_ALL-}" ]; then
		not_ok "$1" "$2"
	else
		skip "$1" "$2"
	fi
}

is() { # GOT WANTED DESCRIPTION
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3" "got:    $1
wanted: $2"
	fi
}

isnt() { # GOT UNWANTED DESCRIPTION
	if [ "$1" != "$2" ]; then
		ok "$3"
	else
		not_ok "$3" "got the unwanted: $1"
	fi
}

like() { # GOT PATTERN(extended regular expression) DESCRIPTION
	if grep -Eq -e "$2" <<<"$1"; then
		ok "$3"
	else
		not_ok "$3" "got: $1
no match for: $2"
	fi
}

check() { # DESCRIPTION COMMAND...: passes if the command succeeds
	local what=$1 said

	shift
	if said=$("$@" 2>&1); then
		ok "$what"
	else
		not_ok "$what" "$* => $?: $said"
	fi
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

done_testing() {
	local left

	_end_services
	left=$(leftovers)
	if [ -z "$left" ]; then
		ok "no process is left"
	else
		not_ok "no process is left" "$left"
	fi
	echo "1..$_n"
	echo "# $(($(date +%s) - _t0)) s"
	_done=1
	exit $((_bad > 0))
}

# Processes that carry this test's directory in their environment: whatever
# the test started, detached or not, except the test itself. Background work
# (a sweep) gets 5 s to end.
leftovers() {
	local i list p

	for i in $(seq 50); do
		list=
		for p in $(grep -lsaF "HOME=$T/" /proc/[0-9]*/environ \
			2>/dev/null); do
			p=${p#/proc/}
			p=${p%/environ}
			[ "$p" = $$ ] && continue
			[ "$p" = "$BASHPID" ] && continue
			_is_ours "$p" || continue
			list+="$p: $(tr '\0' ' ' 2>/dev/null </proc/$p/cmdline)"
		done
		[ -z "$list" ] && return
		sleep 0.1
	done
	echo "$list"
}

# A subshell of the test (same program, child of it) is no leftover.
_is_ours() {
	local up

	[ -d "/proc/$1" ] || return 1
	up=$(awk '{ print $4 }' "/proc/$1/stat" 2>/dev/null) || return 1
	[ "$(readlink /proc/$1/exe)" = "$(readlink /proc/$$/exe)" ] &&
		{ [ "$up" = $$ ] || [ "$up" = "$BASHPID" ]; } && return 1
	return 0
}

# Services of the test itself: ended before it is judged what is left.
at_end() { # COMMAND, last registered first
	_ends=("$1" "${_ends[@]}")
}

_end_services() {
	local c

	for c in "${_ends[@]}"; do
		eval "$c"
	done
	_ends=()
}

at_exit() { # COMMAND: run before $T is removed, last registered first
	_cleanups=("$1" "${_cleanups[@]}")
}

_finish() {
	local c rc=$?

	_end_services
	for c in "${_cleanups[@]}"; do
		eval "$c"
	done
	if [ "$_done" = 0 ]; then
		echo "not ok $((_n + 1)) - the script ran to its end"
		echo "# left with $rc after point $_n"
		rc=98
	fi
	if [ "$rc" != 0 ] && [ -s "$KACHE_CACHE_DIR/shim.log" ]; then
		echo "# shim.log:"
		tail -n 15 "$KACHE_CACHE_DIR/shim.log" | sed 's/^/#   /'
	fi
	[ -n "${SCENARIO_KEEP-}" ] && echo "# kept $T" && exit "$rc"
	chmod -R u+rwX "$T" 2>/dev/null
	rm -rf "$T"
	exit "$rc"
}
trap _finish EXIT
trap 'exit 97' INT TERM HUP

# --- events ---

mark() { # events are counted from here on
	_mark=$(wc -l 2>/dev/null <"$KACHE_CACHE_DIR/events.log" || echo 0)
}

events() { # prints the events of units since the mark
	[ -f "$KACHE_CACHE_DIR/events.log" ] || return 0
	tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' '$7 != "query" && $7 != "prefetch" && $7 != "run" &&
		$5 != "stdin-source" && $5 != "option:--version" && $5 != "no-artifact-messages"'
}

count() { # OUTCOME...: number of unit events with one of them
	events | awk -F'\t' -v w=" $* " 'index(w, " " $4 " ") { n++ }
		END { print n + 0 }'
}

rustc_runs() { # units for which rustc really ran
	count miss passthrough error dup
}

hits() {
	count local_hit prefetch_hit remote_hit
}

# Everything since the mark came out of the cache. Without events (another
# wrapper than the shim) it cannot be told.
served() { # DESCRIPTION [UNITS-THAT-MAY-COMPILE]
	if [ -n "$TRYING" ]; then
		skip "$1" "the wrapper keeps no events"
	elif [ "$(rustc_runs)" -gt "${2-0}" ] || [ "$(hits)" = 0 ]; then
		not_ok "$1" "compiled: $(rustc_runs), hits: $(hits)"
	else
		ok "$1"
	fi
}

runs_of() { # CRATE...: the same, for these crates only
	events | awk -F'\t' -v w=" $* " '
		index(" miss passthrough error dup ", " " $4 " ") &&
		index(w, " " $6 " ") { n++ } END { print n + 0 }'
}

reasons() { # the reasons since the mark, one a line, sorted
	events | awk -F'\t' '$5 != "" && $5 !~ /^changed:/ { print $5 }' |
		sort -u
}

stored() { # units compiled and stored since the mark
	events | awk -F'\t' '($4 == "miss" || $4 == "dup") &&
		($5 == "" || $5 ~ /^changed:/) &&
		$19 == 0 { n++ } END { print n + 0 }'
}

# --- builds ---

# cargo in DIR through the cache; output in $T/out, its status is returned.
# A build that takes longer than LIMIT seconds (120) ends with 124.
kcargo() { # DIR CARGO-ARGS...
	local dir=$1

	shift
	if [ "$WRAPPER" = none ]; then
		(cd "$dir" && cargo "$@") >"$T/out" 2>&1
	else
		(cd "$dir" && RUSTC_WRAPPER=$WRAPPER timeout -k 5 \
			"${LIMIT-120}" cargo "$@") >"$T/out" 2>&1
	fi
}

# The same without any wrapper: the truth.
plain() { # DIR CARGO-ARGS...
	local dir=$1

	shift
	(cd "$dir" && cargo "$@") >"$T/out.plain" 2>&1
}

# What a build gives: its status, or what SHOW (run in DIR) prints.
result_of() { # STATUS DIR SHOW
	if [ "$1" != 0 ]; then
		echo "build failed: $1"
	else
		(cd "$2" && eval "$3") 2>&1
	fi
}

# BUILD: the cargo command of a workspace; SHOW: what prints its result.
BUILD="build -q"
SHOW=./target/debug/app

# The state of all that a build of DIR can see of this test: variables,
# what is built and shown, files and their times, but no target directory.
_state() { # DIR
	{
		echo "$1 $BUILD $SHOW"
		export
		find "$T" \( -name target -o -path "$T/cache" -o \
			-path "$T/out*" -o -name '.package-cache*' -o \
			-name .global-cache -o -name .crates2.json \) -prune -o \
			-type d -printf '%p %m\n' -o \
			-printf '%p %y %m %s %T@ %C@ %l\n' 2>/dev/null | sort
	} | sha256sum
}
_stored_state= # the last state that hazard built, and its result
_stored_result=

# One input changes; the cache must give what plain cargo gives. Then the
# change is undone, and everything must come out of the cache.
# In $effect: "yes" if the change must show in the result (default), "any"
# if it need not. In $back: units that may compile after the change was
# undone (default 0; "-": not looked at).
hazard() { # DESCRIPTION DIR MUTATE REVERT
	local what=$1 dir=$2 mutate=$3 revert=$4
	local rc before got want

	if [ "$(_state "$dir")" = "$_stored_state" ]; then
		before=$_stored_result
	else
		rm -rf "$dir/target"
		kcargo "$dir" $BUILD
		before=$(result_of $? "$dir" "$SHOW")
	fi
	(cd "$dir" && eval "$mutate") || { not_ok "$what: mutate"; return; }
	_vars on "$mutate"
	rm -rf "$dir/target"
	mark
	kcargo "$dir" $BUILD
	rc=$?
	got=$(result_of $rc "$dir" "$SHOW")
	rm -rf "$dir/target"
	plain "$dir" $BUILD
	want=$(result_of $? "$dir" "$SHOW")
	if [ "${effect-yes}" = yes ] && [ "$before" = "$want" ]; then
		not_ok "$what" "the change has no effect: $before
plain: $(tail -3 "$T/out.plain")"
	elif [ "$got" != "$want" ]; then
		not_ok "$what" "before: $before
cache:  $got
plain:  $want"
	else
		ok "$what"
	fi
	(cd "$dir" && eval "$revert") || { not_ok "$what: revert"; return; }
	_vars on "$revert"
	rm -rf "$dir/target"
	mark
	kcargo "$dir" $BUILD
	got=$(result_of $? "$dir" "$SHOW")
	_stored_state=
	if [ "$got" != "$before" ]; then
		not_ok "$what, undone" "before: $before
after:  $got"
	elif [ "${back-0}" = - ]; then
		ok "$what, undone"
	else
		served "$what, undone" "${back-0}"
	fi
	if [ "$got" = "$before" ]; then
		_stored_state=$(_state "$dir")
		_stored_result=$before
	fi
}

# A change of the environment is written "export A=b" or "unset A": it must
# reach this shell too, not only the subshell that ran it.
_vars() {
	case $2 in
	export\ * | unset\ *) eval "$2" ;;
	esac
}

# --- workspaces ---

put() { # FILE [TEXT]: writes TEXT or standard input, makes the directories
	mkdir -p "$(dirname "$1")"
	if [ $# -gt 1 ]; then
		printf '%s\n' "$2" >"$1"
	else
		cat >"$1"
	fi
}

package() { # DIR NAME [MORE-TOML]: a manifest of an otherwise empty package
	put "$1/Cargo.toml" "[package]
name = \"$2\"
version = \"0.1.0\"
edition = \"2021\"
${3-}"
}

sub() { # FILE FROM TO: replaces a literal text, which must be there
	grep -qF -e "$2" "$1" || { echo "sub: no '$2' in $1" >&2; return 1; }
	FROM=$2 TO=$3 perl -0pi -e 's/\Q$ENV{FROM}\E/$ENV{TO}/g' "$1"
}

# A directory as a registry without network: its packages are unpacked below
# CARGO_HOME/registry/src as those of a real one.
registry_add() { # REGISTRY-DIR PACKAGE-DIR
	local reg=$1 name file sum deps

	(cd "$2" && cargo package -q --no-verify --allow-dirty --offline \
		--target-dir "$T/package") || return 1
	file=$(ls "$T"/package/package/*.crate)
	name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$2/Cargo.toml" | head -1)
	sum=$(sha256sum "$file" | cut -d' ' -f1)
	mkdir -p "$reg/index/$(_index_dir "$name")"
	printf '{"name":"%s","vers":"0.1.0","deps":[],"cksum":"%s",%s}\n' \
		"$name" "$sum" '"features":{},"yanked":false' \
		>"$reg/index/$(_index_dir "$name")/$name"
	mv "$file" "$reg/"
	rm -rf "$T/package"
}

_index_dir() {
	case ${#1} in
	1 | 2) echo "${#1}" ;;
	3) echo "3/${1:0:1}" ;;
	*) echo "${1:0:2}/${1:2:2}" ;;
	esac
}

use_registry() { # REGISTRY-DIR [CARGO-HOME]
	put "${2:-$CARGO_HOME}/config.toml" "[source.crates-io]
replace-with = \"here\"
[source.here]
local-registry = \"$1\""
}

# A C program of tests/ as a static binary in $T/bin; prints its path.
tool() { # NAME
	local cc=gcc

	command -v musl-gcc >/dev/null && cc=musl-gcc
	[ -x "$T/bin/$1" ] ||
		$cc -O2 -static -o "$T/bin/$1" "$TESTS/$1.c" >&2 || return 1
	echo "$T/bin/$1"
}

# Debian's rustc can neither count lines nor make profiles.
has_profiler() {
	ls "$(rustc --print target-libdir)"/libprofiler_builtins-*.rlib \
		>/dev/null 2>&1
}

wait_for() { # SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.1
	done
}

sum_of() { # FILE...: one digest over the contents
	cat -- "$@" | sha256sum | cut -c1-16
}

is_root() {
	[ "$(id -u)" = 0 ]
}

if [ "$WRAPPER" != none ] && [ ! -x "$WRAPPER" ]; then
	echo "Bail out! no wrapper at $WRAPPER (set KACHE_PREFIX)"
	exit 96
fi
