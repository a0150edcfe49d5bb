#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How a daemon begins, changes and ends while builds go on.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

if [ ! -x "$PREFIX/bin/kached" ]; then
	skip "the daemon's life" "no kached"
	done_testing
fi
machine a
mkdir -p "$T/bucket/one" "$T/bucket/two"
ini=$HOME/.config/kache/kache.ini
log=$KACHE_CACHE_DIR/daemon.log
ini() { # LINE...: the user's configuration from now on
	mkdir -p "${ini%/*}"
	printf '%s\n' "$@" >"$ini.new"
	mv "$ini.new" "$ini"
}
ini '[remote main]' "url = file://$T/bucket/one"
package "$T/w" app
new_program() { # TEXT: what the next build has to compile
	put "$T/w/src/main.rs" "fn main() { println!(\"$1\"); }"
	rm -rf "$T/w/target"
	mark
}
builds() { # TEXT: compiled, uploaded
	new_program "$1"
	kcargo "$T/w" build -q
	is "$? $("$T/w/target/debug/app")" "0 $1" "$1: the build is right"
}
packs() { # SUBDIRECTORY
	find "$T/bucket/$1/v1/packs" -type f 2>/dev/null | wc -l
}
serving() { # how many kached serve this machine
	local p n=0

	for p in $(grep -lsaF "KACHE_CACHE_DIR=$KACHE_CACHE_DIR" \
		/proc/[0-9]*/environ 2>/dev/null); do
		case $(readlink "${p%/environ}/exe") in
		*/kached*) n=$((n + 1)) ;;
		esac
	done
	echo $n
}
gone() {
	[ "$(serving)" = 0 ]
}
url_is() { # URL
	[ "$(reported remote.url)" = "$1" ]
}
log_has() { # PATTERN
	grep -Eq -e "$1" "$log"
}

# --- ten builds at once in an empty cache ---
for i in 0 1 2 3 4 5 6 7 8 9; do
	package "$T/many/$i" "app$i"
	put "$T/many/$i/src/main.rs" "fn main() { println!(\"many $i\"); }"
	(cd "$T/many/$i" && RUSTC_WRAPPER=$WRAPPER timeout 120 \
		cargo build -q) >"$T/many/$i.out" 2>&1 &
	builds_pids[i]=$!
done
said=
for i in 0 1 2 3 4 5 6 7 8 9; do
	wait "${builds_pids[i]}" || said+="build $i ended with $? "
	said+=$("$T/many/$i/target/debug/app$i" 2>&1)" "
	said+=$(cat "$T/many/$i.out")
done
is "$said" "$(printf 'many %d ' 0 1 2 3 4 5 6 7 8 9)" \
	"ten builds at once are right and say nothing"
check "what they leave is uploaded" drained
is "$(packs one)" 10 "all ten of it"
is "$(serving) $(grep -c ' serves ' "$log")" "1 1" "one daemon was started"

# --- two for one directory ---
pid=$(daemon_pid)
timeout 20 "$PREFIX/bin/kached"
is "$? $(daemon_pid) $(serving)" "0 $pid 1" "a second daemon leaves at once"

# --- the configuration ---
ini '[remote main]' "url = file://$T/bucket/two"
check "a changed file is noticed" wait_for 5 url_is "file://$T/bucket/two"
is "$(daemon_pid)" "$pid" "without a restart"
builds second
check "drain" drained
is "$(packs two)" 1 "and used: the new prefix holds the result"
reloads=$(reported reloads)
kill -HUP "$pid"
check "SIGHUP reads it again" wait_for 5 log_has "configuration read again"
check "so the status says" wait_for 5 test "$(reported reloads)" != "$reloads"
printf '[remote main\nurl = \001\nnonsense\n[daemon]\nworkers = many\n' \
	>"$ini.new"
mv "$ini.new" "$ini"
check "a broken file is said in the log" wait_for 5 log_has \
	"kache.ini"
is "$(daemon_pid)" "$pid" "and the daemon runs on"
builds broken
ini '[remote main]' "url = file://$T/bucket/one"
check "a repaired file is used" wait_for 5 url_is "file://$T/bucket/one"

# --- SIGTERM ---
builds last
kill -TERM "$pid"
check "SIGTERM ends it" wait_for 35 gone
is "$(intents) $(packs one)" "0 11" "and what waited was uploaded before"
is "$(ls "$KACHE_CACHE_DIR" | grep -c daemon.sock)" 0 "its socket is gone"
like "$(tail -1 "$log")" stopped "it says so"

# --- nothing to do ---
export KACHE_DAEMON_IDLE_EXIT=1s
builds idle
check "started on demand it leaves when there is nothing to do" \
	wait_for 20 gone
like "$(tail -3 "$log")" "nothing to do" "saying why"
is "$(intents)" 0 "not before it uploaded"
builds again
check "the next miss starts another" log_has "nothing to do"
check "which leaves, too" wait_for 20 gone
is "$(intents)" 0 "and uploaded"
unset KACHE_DAEMON_IDLE_EXIT

# --- the program is replaced ---
cp -R "$PREFIX" "$T/prefix"
old=$T/prefix/bin/kached
"$old" >"$T/kached.out" 2>&1 &
pid=$!
at_end "kill -KILL $pid 2>/dev/null"
check "a copy serves" wait_for 10 test -S "$KACHE_CACHE_DIR/daemon.sock"
is "$(daemon_pid)" "$pid" "as this process"
inode=$(stat -c %i "$KACHE_CACHE_DIR/daemon.sock")
exe_is() { # FILE
	[ "$(stat -Lc %i "/proc/$pid/exe")" = "$(stat -c %i "$1")" ]
}
cp "$old" "$old.new"
mv "$old.new" "$old"
check "it runs the old program still" test "$(daemon_pid)" = "$pid"
lost=0
end=$((SECONDS + 12))
until exe_is "$old" && wait_for 1 test -n "$(daemon_pid)"; do
	[ $SECONDS -lt $end ] || break
	[ "$(daemon_pid)" = "$pid" ] || lost=$((lost + 1))
	sleep 0.2
done
check "a replaced program is started by itself" exe_is "$old"
is "$lost" 0 "nobody who asked meanwhile got no answer"
is "$(daemon_pid)" "$pid" "with the same pid"
is "$(stat -c %i "$KACHE_CACHE_DIR/daemon.sock")" "$inode" \
	"and the same socket"
builds replaced
check "drain" drained
is "$(ls -l "/proc/$pid/fd" | grep -c -e daemon.lock)" 1 \
	"it holds the lock once"
timeout 20 "$PREFIX/bin/kached"
is "$? $(daemon_pid)" "0 $pid" "and no second one starts"
put "$old.new" "this is no program"
chmod 755 "$old.new"
mv "$old.new" "$old"
check "a file that cannot be executed is said" wait_for 15 log_has \
	"kached was replaced, but cannot be started"
is "$(daemon_pid)" "$pid" "and the daemon runs on"
builds unharmed
check "drain" drained
is "$(intents)" 0 "and works"

# --- the cache directory is removed ---
rm -rf "$KACHE_CACHE_DIR"
check "without its directory it leaves" wait_for 15 gone
builds "from nothing"
is "$(serving)" 1 "the next build makes both again"
done_testing
