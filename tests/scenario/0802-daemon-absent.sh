#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote is configured, but the daemon hangs, talks nonsense, is somebody
# else's or is not there: every build is right, says nothing, and waits for it
# at most once.
. "$(dirname "$0")/../lib.sh"

if ! command -v python3 >/dev/null; then
	skip "a daemon that misbehaves" "no python3"
	done_testing
fi

w=$T/w
names="a b c d e"
put "$w/Cargo.toml" "[workspace]
members = [\"app\", $(printf '"%s", ' $names)]
resolver = \"2\""
deps=
uses=
for c in $names; do
	package "$w/$c" "$c"
	put "$w/$c/src/lib.rs" "pub fn it() -> &'static str { \"$c\" }"
	deps+="$c = { path = \"../$c\" }
"
	uses+="	print!(\"{}\", $c::it());
"
done
package "$w/app" app "[dependencies]
$deps"
put "$w/app/src/main.rs" "fn main() {
$uses}"

export CARGO_INCREMENTAL=0 KACHE_LOG=debug
export KACHE_REMOTE_MAIN_URL=file://$T/remote KACHE_REMOTE_MAIN_MODE=ro
export KACHE_DAEMON_SOCKET=$T/d.sock
# Sessions and hints are 0901's: here every connection is a question.
export KACHE_PREFETCH_ENABLED=no
mkdir "$T/remote"
mark_file=$KACHE_CACHE_DIR/daemon.down
calls=$T/calls
daemon=

stop_daemon() {
	[ -n "$daemon" ] && kill -KILL "$daemon" 2>/dev/null &&
		wait "$daemon" 2>/dev/null
	daemon=
}
at_exit stop_daemon

start_daemon() { # WAY [UID]
	stop_daemon
	rm -rf "$KACHE_CACHE_DIR" "$w/target" "$T/said" "$calls"
	mkfifo "$T/said"
	(umask 0; : >"$calls")
	python3 "$TESTS/fake-daemon.py" "$T/d.sock" "$calls" "$@" >"$T/said" \
		2>"$T/daemon.err" &
	daemon=$!
	read -r -t 20 _ <"$T/said" || diag "no daemon: $(cat "$T/daemon.err")"
	rm "$T/said"
}

skips() { # [PATTERN]: lines about a skipped daemon
	cat "$KACHE_CACHE_DIR/shim.log" 2>/dev/null |
		grep -c "daemon skipped: ${1-}"
}

calls() { # [PATTERN]
	grep -c "^${1-connection}" "$calls"
}

# Six units are compiled, cargo prints what it prints without a cache.
builds() { # WAY
	mark
	kcargo "$w" build -q
	is "$? $("$w/target/debug/app") $(count miss)" "0 abcde 6" \
		"$1: the build is right"
	is "$(cat "$T/out")" "" "$1: nothing is said"
}

plain "$w" build -q
is "$("$w/target/debug/app")" abcde "without a cache"

# --- one that does not answer is waited for once, then marked ---
for way in stopped mute silent accepts; do
	case $way in
	stopped)
		start_daemon misses
		kill -STOP "$daemon"
		;;
	*) start_daemon $way ;;
	esac
	builds $way
	check "$way: it is marked down" test -s "$mark_file"
	is "$(cut -d' ' -f2 <"$mark_file")" 30 "$way: for 30 s"
	is "$(skips)" 6 "$way: a line for each unit at debug"
	# Those that ran beside the first one may have waited, too.
	waited=$(($(skips) - $(skips "marked down")))
	check "$way: most units do not wait ($waited did)" test $waited -le 5
	# All that begin now find the mark.
	rm -rf "$w/target" "$KACHE_CACHE_DIR"/manifests/*
	: >"$KACHE_CACHE_DIR/shim.log"
	before=$(calls)
	mark
	kcargo "$w" build -q
	is "$(skips "marked down") $(($(calls) - before))" "6 0" \
		"$way: nobody asks while it is marked"
done

# --- its time over, one probes; an answer takes the mark away ---
start_daemon mute
mkdir -p -m 700 "$KACHE_CACHE_DIR"
echo "1000 30" >"$mark_file"
builds "mute, probed"
is "$(cut -d' ' -f2 <"$mark_file")" 60 "a probe in vain doubles the time"
is "$(calls)" 1 "one shim probes"
start_daemon misses
mkdir -p -m 700 "$KACHE_CACHE_DIR"
echo "1000 600" >"$mark_file"
builds "back again"
check "an answer removes the mark" test ! -e "$mark_file"
check "and it is asked again" test "$(calls)" -ge 1

# --- one that talks nonsense or has no time is no dead one ---
for way in garbage huge empty other confused busy none late; do
	start_daemon $way
	builds $way
	check "$way: it is not marked" test ! -e "$mark_file"
	is "$(skips)" 6 "$way: a line for each unit at debug"
done
if is_root; then
	start_daemon misses 1
	builds "another user's"
	check "another user's: it is not marked" test ! -e "$mark_file"
	is "$(skips) $(calls message)" "6 0" "another user's: is told nothing"
else
	skip "a daemon of another user" "not root"
fi
start_daemon busy
KACHE_LOG=info builds "at info"
is "$(skips)" 0 "at info: no lines"

# --- what the remote does not have ---
start_daemon misses
builds "nothing there"
is "$(skips) $(calls "message 2")" "0 6" "each unit asks once"
start_daemon misses
CARGO_INCREMENTAL=1 builds "incremental"
is "$(calls "message 2") $(calls)" "12 6" \
	"incremental: the plain unit is asked for, too"
: >"$calls"
rm -rf "$w/target"
mark
CARGO_INCREMENTAL=1 kcargo "$w" build -q
served "a second build is served"
is "$(calls)" 0 "a session of hits never opens the socket"
start_daemon misses
KACHE_REMOTE_MAIN_MODE=wo builds "write only"
is "$(calls "message 2")" 0 "write only: nothing is asked"
start_daemon misses
KACHE_SHIM_TIMEOUT=0 builds "no time"
is "$(calls)" 0 "timeout = 0: nothing is asked"
start_daemon misses
KACHE_REMOTE_MAIN_URL= builds "no remote"
is "$(calls)" 0 "without a remote: nothing is asked"

# --- the compiler that was made ready ends with its shim ---
start_daemon accepts
(cd "$w" && RUSTC_WRAPPER=$WRAPPER KACHE_SHIM_TIMEOUT=60s \
	exec setsid cargo build -q) >"$T/out" 2>&1 &
build=$!
for _ in $(seq 200); do
	[ "$(calls "message 2")" -ge 1 ] && break
	sleep 0.05
done
kill -INT -- -$build
wait $build
isnt $? 0 "an interrupted build ends"
stop_daemon

# --- nobody listens: one daemon is started, and it keeps nothing of the build ---
started() { # the pid of the daemon that runs
	"$KACHE" daemon status --raw 2>/dev/null | sed -n 's/^pid=//p'
}
end_started() {
	"$KACHE" daemon stop >/dev/null 2>&1
}
at_exit end_started
if [ ! -x "$PREFIX/bin/kached" ]; then
	skip "a daemon is started" "no kached"
	done_testing
fi
unset KACHE_DAEMON_SOCKET
rm -rf "$KACHE_CACHE_DIR" "$w/target"
mkdir -p -m 700 "$KACHE_CACHE_DIR"
# Left over by one that was killed.
python3 -c "import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$KACHE_CACHE_DIR/daemon.sock"
put "$w/.cargo/config.toml" '[env]
AWS_SECRET_ACCESS_KEY = "from-the-repository"
KACHE_REMOTE_MAIN_URL = { value = "file:///from-the-repository", force = true }
HTTPS_PROXY = { value = "http://from-the-repository", force = true }'
export AWS_PROFILE=from-the-user
mark
(cd "$w" && RUSTC_WRAPPER=$WRAPPER \
	timeout 60 cargo build -q -j 8 2>&1 9>&1 | cat >"$T/out"
	exit ${PIPESTATUS[0]})
is "$? $("$w/target/debug/app")" "0 abcde" \
	"a build into a pipe ends, with a daemon that it started"
pid=$(started)
isnt "$pid" "" "the daemon runs"
is "$(grep -c " serves " "$KACHE_CACHE_DIR/daemon.log")" 1 "one of them"
is "$(readlink "/proc/$pid/cwd")" / "it keeps no directory"
is "$(ls -l "/proc/$pid/fd" | grep -c -e "pipe:" -e "$w" -e /dev/pts)" 0 \
	"no descriptor of the build or its jobserver"
isnt "$(ps -o sid= -p "$pid" | tr -d ' ')" "$(ps -o sid= -p $$ | tr -d ' ')" \
	"no session"
tr '\0' '\n' <"/proc/$pid/environ" >"$T/environ"
is "$(grep -c -e from-the-repository -e ^CARGO -e ^RUST -e ^LD_ \
	"$T/environ")" 0 "nothing of the environment that the build made"
like "$(cat "$T/environ")" '^AWS_PROFILE=from-the-user$' "what the user set"
like "$(cat "$T/environ")" "^KACHE_REMOTE_MAIN_URL=file://$T/remote$" \
	"and the user's remote"
unset AWS_PROFILE
kill -KILL "$pid"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "a killed daemon is not missed by hits"
is "$(started)" "" "nor started again for them"
rm -rf "$w/target" "$KACHE_CACHE_DIR"/manifests/*
kcargo "$w" build -q
isnt "$(started)" "" "a miss starts it again"
end_started
done_testing
