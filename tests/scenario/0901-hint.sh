#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build sessions: the daemon is told once of each cargo run, and once of each
# build session what it is going to need, whatever cargo metadata does.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

if ! command -v python3 >/dev/null; then
	skip "sessions" "no python3"
	done_testing
fi

# The real cargo, and one before it in PATH that the helper finds. The build
# runs a copy that is gone by then, as after an update of the toolchain, so
# the helper takes the one of PATH; it does what $T/way says.
real=$(cargo -Vv >/dev/null 2>&1; rustup which cargo 2>/dev/null ||
	command -v cargo)
mkdir "$T/fake" "$T/remote"
cat >"$T/fake/cargo" <<END
#!/bin/bash
echo "\$*" >>$T/metadata.log
echo "wrapper=\$RUSTC_WRAPPER nice=\$(nice)" >>$T/metadata.env
case \$(cat $T/way) in
ok) exec $real "\$@" ;;
hang) sleep 300 & sleep 300 ;;
huge) yes '{"packages":[{"name":"x"}]}' ;;
garbage) echo '{"packages":1' ;;
*) exit 101 ;;
esac
END
chmod +x "$T/fake/cargo"
export PATH=$T/fake:$(dirname "$real"):$PATH
: >"$T/metadata.log"
way() { echo "$1" >"$T/way"; }
way ok

gone_cargo() { # DIR CARGO-ARGS...: as kcargo; cargo's file is gone
	local dir=$1

	shift
	cp "$real" "$T/cargo-copy"
	mkdir -p "$T/gone"
	mv "$T/cargo-copy" "$T/gone/cargo"
	(cd "$dir" && exec 9<"$T/gone/cargo" && rm "$T/gone/cargo" &&
		RUSTC_WRAPPER=$WRAPPER exec -a "$real" /proc/self/fd/9 "$@") \
		>"$T/out" 2>&1
}

metadata_runs() {
	grep -c '^metadata ' "$T/metadata.log"
}

sessions() { # lines of SESSION that the fake daemon got
	grep -c '^12	' "$calls"
}

hints() {
	grep -c '^13	' "$calls"
}

hint_is_there() { # N
	[ "$(hints)" -ge "$1" ]
}

field() { # LINE-OF-LOG N
	cut -f"$2" <<<"$1"
}

no_helper() { # until none runs any more
	! pgrep -f "plan-hint --session .*$T/" >/dev/null
}

edit() { # something misses
	echo "// $RANDOM $RANDOM $(date +%N)" >>"$w/words/src/lib.rs"
	rm -rf "$w/target"
}

export KACHE_REMOTE_MAIN_URL=file://$T/remote KACHE_LOG=debug
export CARGO_INCREMENTAL=0
machine a
w=$T/a/w
workspace "$w"
package "$w/words" words '[dependencies]
mac = { path = "../mac" }
dash-ed = { path = "../dash-ed" }'
package "$w/dash-ed" dash-ed
put "$w/dash-ed/src/lib.rs" ''
sub "$w/Cargo.toml" '"mac"]' '"mac", "dash-ed"]'

# --- what is said ---
calls=$T/calls
: >"$calls"
python3 "$TESTS/fake-daemon.py" "$T/d.sock" "$calls" misses >/dev/null &
fake=$!
at_end "kill $fake 2>/dev/null; wait $fake 2>/dev/null"
wait_for 5 test -S "$T/d.sock"
export KACHE_DAEMON_SOCKET=$T/d.sock

git -C "$w" init -q
printf 'old 1' >"$w/Cargo.lock"
git -C "$w" add Cargo.lock
git -C "$w" commit -qm 1
printf 'old 2' >"$w/Cargo.lock"
git -C "$w" commit -qam 2
rm "$w/Cargo.lock"
(cd "$w" && "$real" generate-lockfile -q)
git -C "$w" commit -qam 3

gone_cargo "$w" build
is "$?" 0 "a build"
is "$("$w/target/debug/app" | cut -d' ' -f1)" 42 "that is right"
check "gives a hint" wait_for 10 hint_is_there 1
is "$(sessions) $(hints)" "1 1" "one session, one hint"
line=$(grep '^12	' "$calls")
lock=$(sha256sum <"$w/Cargo.lock" | cut -d' ' -f1)
isnt "$(field "$line" 2)" 0 "a session has a number"
isnt "$(field "$line" 3)" 0 "and cargo's process"
is "$(field "$line" 4)" "$w" "and the workspace"
is "$(field "$line" 5)" "$lock" "and the digest of Cargo.lock"
is "$(field "$line" 7)" 1 "its results may be written; nothing was before it"
chain=$(field "$line" 6)
line=$(grep '^13	' "$calls")
is "$(field "$line" 3) $(field "$line" 4) $(field "$line" 5)" \
	"$w $lock $chain" "the hint names the same"
items=$(field "$line" 6)
is "$(cut -d, -f1-2 <<<"$items")" \
	"@$(printf 'old 2' | sha256sum | cut -d' ' -f1),@$(printf 'old 1' |
		sha256sum | cut -d' ' -f1)" \
	"first earlier revisions of Cargo.lock, newest first"
like "$items" ',dash_ed 0\.1\.0(,[^,]*)*,words 0\.1\.0,app 0\.1\.0$' \
	"then crates, dependencies first"
is "$(metadata_runs)" 1 "cargo metadata ran once"
is "$(cat "$T/metadata.env")" "wrapper= nice=10" \
	"without the wrapper, politely"
like "$(cat "$T/metadata.log")" '^metadata --offline --locked' \
	"and offline, changing nothing"
like "$(cat "$KACHE_CACHE_DIR"/sessions/*)" '^v1 [0-9a-f]{16} 1$' "the marker"

# --- one session, one hint ---
rm -rf "$w/target"
gone_cargo "$w" check
gone_cargo "$w" test
is "$(sessions)" 3 "check and test: a session each"
if "$real" clippy -V >/dev/null 2>&1; then
	rm -rf "$w/target"
	gone_cargo "$w" clippy
	is "$?" 0 "clippy"
else
	skip "clippy" "not installed"
fi
wait_for 10 no_helper
is "$(hints) $(metadata_runs)" "1 1" "but no further hint"
is "$(grep '^12	' "$calls" | tail -n +2 | cut -f7 | sort -u)" 3 \
	"they go on with the same build session"
gone_cargo "$w/words" check --manifest-path ../app/Cargo.toml
is "$(grep '^12	' "$calls" | cut -f4 | sort -u)" "$w" \
	"one workspace, wherever cargo is called"
is "$(ls "$KACHE_CACHE_DIR/sessions" | wc -l)" 1 "so one marker"

# As if the last build had been a while ago: markers tell by their time.
later() {
	find "$KACHE_CACHE_DIR/sessions" -type f \
		-exec touch -d '5 seconds ago' {} +
}

# --- the cooldown ---
export KACHE_PREFETCH_COOLDOWN=1s
later
edit
gone_cargo "$w" build
check "a new session after the cooldown" wait_for 10 hint_is_there 2
is "$(grep '^12	' "$calls" | tail -n 1 | cut -f7)" 1 "which says so"
later
n=$(sessions)
rm -rf "$w/target"
: >"$T/metadata.log"
mark
gone_cargo "$w" build
served "a build of hits"
is "$(($(sessions) - n))" 1 "is a session"
wait_for 10 no_helper
is "$(hints) $(metadata_runs)" "2 0" "without a hint or cargo metadata"
if command -v strace >/dev/null; then
	later
	rm -rf "$w/target"
	(cd "$w" && RUSTC_WRAPPER=$WRAPPER strace -f -qq -o "$T/strace" \
		-e trace=execve "$real" build) >"$T/out" 2>&1
	is "$(grep -cE 'plan-hint|"metadata"' "$T/strace")" 0 \
		"strace sees none either"
	like "$(cat "$T/strace")" kache-shim "but the shims"
else
	skip "strace sees none either" "no strace"
fi

# --- cargo metadata that does harm ---
for how in hang huge garbage fail; do
	way $how
	later
	edit
	n=$(hints)
	: >"$T/metadata.log"
	gone_cargo "$w" build
	is "$?" 0 "cargo metadata: $how: the build succeeds"
	is "$("$w/target/debug/app" | cut -d' ' -f1)" 42 "$how: it is right"
	check "$how: there is a hint all the same" \
		wait_for 15 hint_is_there $((n + 1))
	is "$(metadata_runs)" 1 "$how: it was asked once"
	like "$(grep '^13	' "$calls" | tail -n 1)" 'words 0\.1\.0,app 0\.1\.0$' \
		"$how: of Cargo.lock"
	check "$how: nothing is left" wait_for 10 no_helper
done
is "$(pgrep -fc 'sleep 300')" 0 "what hung was killed"
way ok

# --- a daemon that says nothing ---
kill "$fake"
wait "$fake" 2>/dev/null
rm "$T/d.sock"
python3 "$TESTS/fake-daemon.py" "$T/d.sock" "$calls" mute >/dev/null &
fake=$!
wait_for 5 test -S "$T/d.sock"
later
edit
n=$(sessions)
gone_cargo "$w" build
is "$?" 0 "a build with a daemon that hangs"
check "which has the session all the same" test "$(sessions)" -gt "$n"
is "$(find "$KACHE_CACHE_DIR" -name daemon.down | wc -l)" 1 \
	"it is marked down as ever"
check "the helper gives it up" wait_for 15 no_helper
rm -f "$KACHE_CACHE_DIR/daemon.down"

# --- a daemon that is not there ---
kill "$fake"
wait "$fake" 2>/dev/null
unset KACHE_DAEMON_SOCKET
later
edit
gone_cargo "$w" build
is "$?" 0 "a build without a daemon"
is "$(wait_for 10 eval '[ "$(reported hints)" = 1 ]'; reported sessions) \
$(reported hints)" "1 1" "starts one, which is told of the session"

# --- the project may not choose the planner ---
put "$w/.cargo/config.toml" "[env]
KACHE_PREFETCH_PLANNER = { value = \"http://127.0.0.1:PORT\", force = true }
KACHE_PREFETCH_ENABLED = { value = \"no\", force = true }"
: >"$T/planner.log"
python3 "$TESTS/planner-server.py" "$T/planner.log" >"$T/planner.port" &
planner=$!
at_end "kill $planner 2>/dev/null; wait $planner 2>/dev/null"
wait_for 5 test -s "$T/planner.port"
sub "$w/.cargo/config.toml" PORT "$(cat "$T/planner.port")"
"$KACHE" daemon stop >/dev/null
later
edit
gone_cargo "$w" build
is "$(wait_for 10 eval '[ "$(reported hints)" = 1 ]'; reported hints)" 1 \
	"[env] cannot switch prefetch off"
sleep 1
is "$(cat "$T/planner.log")" "" "[env] cannot set a planner"
rm "$w/.cargo/config.toml"
"$KACHE" daemon stop >/dev/null
export KACHE_PREFETCH_PLANNER="http://127.0.0.1:$(cat "$T/planner.port")/use_fallback"
later
edit
gone_cargo "$w" build
check "the user can" wait_for 10 test -s "$T/planner.log"
like "$(head -n 1 "$T/planner.log")" '/use_fallback/v2/prefetch-plan.*"words"' \
	"and it learns the crates"
unset KACHE_PREFETCH_PLANNER
"$KACHE" daemon stop >/dev/null

# --- switched off ---
rm -rf "$KACHE_CACHE_DIR/sessions"
edit
KACHE_PREFETCH_ENABLED=no gone_cargo "$w" build
check "enabled = no: no sessions" test ! -e "$KACHE_CACHE_DIR/sessions"
is "$(reported sessions)" 0 "enabled = no: nothing is told"
"$KACHE" daemon stop >/dev/null
unset KACHE_REMOTE_MAIN_URL
edit
gone_cargo "$w" build
check "no remote: no sessions" test ! -e "$KACHE_CACHE_DIR/sessions"
done_testing
