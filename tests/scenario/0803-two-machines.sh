#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two machines and one bucket: what one compiled the other does not.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
use_s3

# --- machine A compiles and uploads ---
machine a
workspace "$T/a/short"
check "the daemon starts and is ready" "$KACHE" daemon start
isnt "$(daemon_pid)" "" "its status has a pid"
is "$(stat -c %a "$KACHE_CACHE_DIR/daemon.sock")" 600 "the socket is private"
pid=$(daemon_pid)
check "a second start is fine" "$KACHE" daemon start
is "$(daemon_pid)" "$pid" "and does not replace it"
kcargo "$T/a/short" build
is "$?" 0 "A builds"
is "$(stored)" 3 "three units are stored"
check "drain" drained
is "$(intents)" 0 "nothing is left in the spool"
is "$(s3_keys p/v1/packs/ | wc -l)" 3 "three packs in the bucket"
is "$(s3_keys p/v1/units/ | wc -l)" 3 "three manifests"
is "$(reported uploads.done)" 3 "each was uploaded once"
s3_get "$(s3_keys p/v1/packs/ | head -1)" "$T/pack"
like "$(head -c 7 "$T/pack")" kchpack "a pack is what LAYOUT says"
s3_get p/v1/FORMAT "$T/format"
like "$(cat "$T/format")" "kache remote 1" "FORMAT is written"

# --- machine B, elsewhere, compiles nothing ---
machine b
mkdir -p "$T/b/a/much/longer/path"
workspace "$T/b/a/much/longer/path/to"
kcargo "$T/b/a/much/longer/path/to" build
is "$?" 0 "B builds"
is "$(rustc_runs)" 0 "B compiles nothing"
is "$(remote_hits)" 3 "all units came from the remote"
is "$("$KACHE" list | grep -c ' remote$')" 3 "as kache list says"
is "$(cd "$T/b/a/much/longer/path/to" && ./target/debug/app)" \
	"$(cd "$T/a/short" && ./target/debug/app)" "the program is the same"
is "$(cat "$T/out" | grep -c 'never used')" 1 \
	"the warning is there, with B's paths"
isnt "$(daemon_pid)" "" "the shim started a daemon"
is "$(intents)" 0 "what came from the remote is not uploaded again"

rm -rf "$T/b/a/much/longer/path/to/target"
mark
gets=$(reported gets)
kcargo "$T/b/a/much/longer/path/to" build
is "$(count local_hit)" 3 "then they are local hits"
is "$(reported gets)" "$gets" "and the daemon is not asked"

# --- it is the daemon that talks to the network ---
if strace -o "$T/trace" true 2>/dev/null; then
	rm -rf "$KACHE_CACHE_DIR"/{entries,manifests,blobs}/* \
		"$T/b/a/much/longer/path/to/target"
	mark
	(cd "$T/b/a/much/longer/path/to" && RUSTC_WRAPPER=$WRAPPER \
		strace -f -e trace=socket,execve -o "$T/trace" \
		cargo build -q) >"$T/out" 2>&1
	is "$? $(remote_hits)" "0 3" "traced, B gets all from the remote"
	isnt "$(grep -c 'socket(AF_UNIX' "$T/trace")" 0 "the shim asks the daemon"
	is "$(grep -c 'socket(AF_INET' "$T/trace")" 0 \
		"the shim opens no network socket"
else
	skip "the shim opens no network socket" "no strace"
fi

# --- an edit on B travels back ---
sub "$T/b/a/much/longer/path/to/words/src/lib.rs" 35 36
sub "$T/a/short/words/src/lib.rs" 35 36
kcargo "$T/b/a/much/longer/path/to" build
check "B drains" drained
machine a
kcargo "$T/a/short" build
is "$(rustc_runs)" 0 "A gets B's edit from the bucket"
is "$(remote_hits)" 2 "both changed units"
is "$("$T/a/short/target/debug/app" | cut -c1-2)" 43 "and it is the edit"

# --- the faces ---
like "$("$KACHE" daemon)" "running" "kache daemon says running"
like "$("$KACHE" daemon)" "$KACHE_CACHE_DIR/daemon.sock" "and the socket"
like "$("$KACHE" daemon)" "s3://kache/p" "and the remote"
like "$("$KACHE" daemon)" "AKIATEST" "and whose credentials"
unlike_secret=$("$KACHE" daemon; "$KACHE" daemon status --raw)
is "$(grep -c secrettest <<<"$unlike_secret")" 0 "but no secret"
like "$("$KACHE" daemon log --no-follow)" "serves" "kache daemon log"
like "$("$KACHE" monitor --once)" "remote_hit" "monitor shows units"
check "stop" "$KACHE" daemon stop
is "$(daemon_pid)" "" "it is gone"
is "$(ls "$KACHE_CACHE_DIR" | grep -c daemon.sock)" 0 "and its socket"
like "$("$KACHE" daemon)" "offline" "status says offline"
like "$("$KACHE" monitor --once)" "daemon: offline" "the monitor too"
like "$("$KACHE" monitor --once)" "entries" "with local data"
done_testing
