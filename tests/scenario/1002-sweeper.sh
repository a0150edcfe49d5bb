#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon sweeps by itself: after its start, by the clock, and when the
# store is over its limit; it ends at once when told, and nobody sweeps twice.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ -n "$TRYING" ]; then
	skip "the daemon's sweeps" "needs the shim's store"
	done_testing
fi

settings() { # MAX-SIZE INTERVAL
	put "$HOME/.config/kache/kache.ini" "[store]
max_size = $1
max_age = 999999d
incremental_max_age = 999999d
[shim]
log = info
[daemon]
gc_interval = $2"
}
reload() { # MAX-SIZE INTERVAL: and waits until the daemon has it
	local n

	n=$(grep -c 'configuration read again' "$KACHE_CACHE_DIR/daemon.log")
	settings "$@"
	wait_for 20 has_read $((n + 1))
}
has_read() {
	[ "$(grep -c 'configuration read again' \
		"$KACHE_CACHE_DIR/daemon.log")" -ge "$1" ]
}
c=$KACHE_CACHE_DIR
w=$T/w
workspace "$w"
settings 1G 6h
at_end "_end_daemon $c"
# By the log: who asks the daemon is somebody it serves.
sweeps() { grep -c 'swept (' "$c/daemon.log"; }
swept() { # AT LEAST THIS OFTEN
	[ "$(sweeps)" -ge "$1" ]
}
orphan() { # prints the name of a new blob that no entry names
	local d

	date +%N >"$T/orphan"
	d=$(sha256sum <"$T/orphan" | cut -d' ' -f1)
	mkdir -p "$c/blobs/${d:0:2}"
	mv "$T/orphan" "$c/blobs/${d:0:2}/$d"
	echo "$c/blobs/${d:0:2}/$d"
}
gone() { [ ! -e "$1" ]; }
shim_started() { grep -c 'starting gc' "$c/shim.log" 2>/dev/null; }

# --- after the start ---
kcargo "$w" build
check "the program runs" "$w/target/debug/app"
o=$(orphan)
check "the daemon starts" "$KACHE" daemon start
check "it sweeps at once" wait_for 5 swept 1
check "what nothing names is gone" gone "$o"
check "the log has a line of it" grep -q 'swept (start)' "$c/daemon.log"
is "$(sweeps) $(reported gc.sweeps)" "1 1" "the log has one line of it"
like "$(grep 'swept (' "$c/daemon.log")" ": 0 of [1-9]" \
	"an age too long to count: nothing is past it"
like "$("$KACHE" daemon status)" "^sweep +waits, last 20[0-9-]+ [0-9:]+" \
	"status: the last sweep"
like "$("$KACHE" daemon status)" "^  next +20[0-9-]+ [0-9:]+" \
	"status: the next sweep"
kcargo "$w" clean
mark
kcargo "$w" build
served "after the sweep: served"

# Its thread is one that a build does not feel.
nice=
for t in /proc/"$(daemon_pid)"/task/*; do
	[ "$(cat "$t/comm")" = kache-sweep ] || continue
	nice=$(sed 's/.*) //' "$t/stat" | cut -d' ' -f17)
	class=$(ionice -p "${t##*/}")
done
is "$nice" 19 "the thread's nice value"
like "$class" "^idle" "the thread's I/O class"

# --- by the clock; a reload counts ---
o=$(orphan)
settings 1G 1s
n=$(sweeps)
check "it sweeps by the clock" wait_for 40 swept $((n + 1))
check "by the clock: what nothing names is gone" gone "$o"
check "the log says why" grep -q 'swept (interval)' "$c/daemon.log"

# --- over the limit ---
reload 1G 6h
# Used long ago, so that it may go.
find "$c/entries" -type f -exec touch -d '2 hours ago' {} +
before=$(find "$c/entries" -type f | wc -l)
: >"$c/shim.log"
n=$(sweeps)
used=$(du -sk "$c/blobs" "$c/entries" | awk '{ s += $1 } END { print s }')
reload "$((used / 2))K" 6h
check "over the limit it sweeps" wait_for 40 swept $((n + 1))
check "the log says that, too" grep -q 'swept (size)' "$c/daemon.log"
isnt "$(find "$c/entries" -type f | wc -l)" "$before" "results were removed"
isnt "$(reported gc.evicted)" 0 "and counted"
is "$(reported gc.evicted)" "$(reported gc.last_removed)" \
	"what the last one removed"
sub "$w/words/src/lib.rs" "+ 35" "+ 36"
rm -rf "$w/target"
kcargo "$w" build
is "$("$w/target/debug/app")" "43 words/src/lib.rs" "the next build is right"

# --- who starts it ---
# What the memo's head says is stored, as FORMAT has it.
say_stored() { # MIB
	perl -e 'print pack "Q<", $ARGV[0] << 20' "$1" |
		dd of="$c/memo" bs=1 seek=72 conv=notrunc status=none
}
edit=36
next_build() { # DESCRIPTION
	sub "$w/words/src/lib.rs" "+ $edit" "+ $((edit + 1))"
	edit=$((edit + 1))
	rm -rf "$w/target"
	: >"$c/shim.log"
	kcargo "$w" build
	is "$("$w/target/debug/app")" "$((edit + 7)) words/src/lib.rs" "$1"
}
reload 1000M 6h
pid=$(daemon_pid)
kill -STOP "$pid"
say_stored 1150
next_build "over the limit: right"
is "$(shim_started)" 0 "where a daemon runs, it is left to that"
say_stored 1250
next_build "beside a daemon that hangs: right"
isnt "$(shim_started)" 0 "far over the limit nobody counts on it"
kill -CONT "$pid"

# --- told to end in a sweep ---
settings 1G 1s
python3 - "$c/blobs" <<'END'
import hashlib, os, sys
for i in range(30000):
    h = hashlib.sha256(b"%d" % i).hexdigest()
    d = os.path.join(sys.argv[1], h[:2])
    os.makedirs(d, exist_ok=True)
    with open(os.path.join(d, h), "wb") as f:
        f.write(b"%d" % i)
END
at_work() { [ "$(reported gc.state)" = "at work" ]; }
wait_for 60 at_work
check "it ends when told so" "$KACHE" daemon stop
check "its last line" grep -q stopped "$c/daemon.log"
check "the store is sound" "$KACHE" verify
"$KACHE" gc >/dev/null
is "$(find "$c/trash" -type f | wc -l)" 0 "the next sweep ends what it began"
check "and sound" "$KACHE" verify
kcargo "$w" build
is "$("$w/target/debug/app")" "$((edit + 7)) words/src/lib.rs" "and serves"

# --- without one ---
settings 1000M 6h
say_stored 1150
next_build "without a daemon: right"
isnt "$(shim_started)" 0 "without a daemon the shim starts the sweep"
over() {
	local p

	for p in $(pgrep -f 'kache gc --auto'); do
		grep -qsaF "HOME=$T/" "/proc/$p/environ" && return 1
	done
	return 0
}
check "and it ends" wait_for 60 over

# --- many at once ---
# One that sweeps, to all who ask.
python3 -c 'import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.lockf(fd, fcntl.LOCK_EX, 1, 0, 0)
open(sys.argv[2], "w").close()
time.sleep(600)' "$c/gc.lock" "$T/held" &
holder=$!
at_end "kill $holder 2>/dev/null"
check "one is at work" wait_for 20 test -e "$T/held"
say_stored 1150
next_build "beside one that is at work: right"
is "$(shim_started)" 0 "no second one is started"
kill "$holder"
wait "$holder" 2>/dev/null

auto() { # prints the status of one that a shim would start
	"$KACHE" gc --auto >"$T/said" 2>&1
	echo $?
}
head_of() { # OFFSET: a number of the memo's head, as FORMAT has it
	perl -e 'open F, "<", $ARGV[0]; seek F, $ARGV[1], 0; read F, my $b, 8;
		print unpack "Q<", $b' "$c/memo" "$1"
}
say_stored 1150
o=$(orphan)
is "$(auto)" 0 "what is due is done"
check "it swept" gone "$o"
o=$(orphan)
is "$(auto)" 0 "the second finds it done"
like "$(<"$T/said")" "^not due" "and says so"
check "it did not sweep" test -e "$o"
check "one that was asked for sweeps in any case" "$KACHE" gc
check "and did" gone "$o"

# --- a sweep that fails ---
for d in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
	[ -e "$c/entries/f$d" ] || break
done
ln -s "f$d" "$c/entries/f$d"
say_stored 1150
is "$(auto)" 1 "entries that cannot be listed end it"
is "$(head_of 80)" "$(head_of 72)" "the memo knows that it was tried"
is "$(auto)" 0 "so it is not tried again at once"
like "$(<"$T/said")" "^not due" "but later"
say_stored 1300
: >"$c/daemon.log"
failed() { grep -q 'cannot sweep' "$c/daemon.log"; }
check "a daemon starts" "$KACHE" daemon start
check "a daemon's sweep fails as well" wait_for 40 failed
is "$(head_of 80)" "$(head_of 72)" "that is known, too"
check "the daemon ends" "$KACHE" daemon stop
rm "$c/entries/f$d"
check "with that gone, it goes on" "$KACHE" gc
check "sound" "$KACHE" verify
done_testing
