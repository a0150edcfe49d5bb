#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several builds at once, killed ones, sweeps in between, edits meanwhile.
. "$(dirname "$0")/../lib.sh"

c=$KACHE_CACHE_DIR
make_workspace() { # DIR: five crates that take a moment, in a chain
	local i

	put "$1/Cargo.toml" '[workspace]
members = ["c1", "c2", "c3", "app"]
resolver = "2"
[profile.dev]
opt-level = 2'
	for i in 1 2 3; do
		package "$1/c$i" c$i "$([ $i = 1 ] || echo "[dependencies]
c$((i - 1)) = { path = \"../c$((i - 1))\" }")"
		{
			[ $i = 1 ] || echo "pub use c$((i - 1))::*;"
			seq 60 | sed "s/.*/pub fn f${i}_&(a: \&[u64]) -> String { a.iter().map(|x| format!(\"{x:?}&\")).collect() }/"
		} >"$T/lib.rs"
		put "$1/c$i/src/lib.rs" <"$T/lib.rs"
	done
	package "$1/app" app '[dependencies]
c3 = { path = "../c3" }'
	put "$1/app/src/main.rs" 'fn main() { println!("{}", c3::f1_1(&[1]).len()) }'
}

# Two builds of the same thing at once: each unit is compiled once.
make_workspace "$T/a"
cp -r "$T/a" "$T/b"
export KACHE_STORE_PORTABLE=yes
build() { # DIR LOG
	(cd "$1" && RUSTC_WRAPPER=$WRAPPER timeout 120 cargo build -q) \
		>"$2" 2>&1
}
[ "$WRAPPER" = none ] && build() { plain "$1" build -q; }
mark
build "$T/a" "$T/out.a" &
build "$T/b" "$T/out.b"
rc=$?
wait $!
is "$rc $?" "0 0" "two builds at once succeed"
is "$("$T/a/target/debug/app") $("$T/b/target/debug/app")" "2 2" \
	"and are right"
[ -n "$TRYING" ] || is "$(rustc_runs) $(hits)" "4 4" \
	"each of four units was compiled once"

# The same directory twice (cargo's own lock), another profile beside it.
rm -rf "$T/a/target" "$T/b/target"
mark
for d in a b; do
	build "$T/$d" "$T/out.$d" &
done
wait
is "$("$T/a/target/debug/app") $("$T/b/target/debug/app")" "2 2" \
	"two warm builds at once"
served "compile nothing"

compiles_in() { # DIR
	local p

	for p in $(pgrep -x rustc) $(pgrep -f "$WRAPPER"); do
		[ "$(readlink "/proc/$p/cwd")" = "$1" ] &&
			tr '\0' ' ' <"/proc/$p/cmdline" |
			grep -q -e '--crate-name c[0-9]* ' && return
	done
	return 1
}

# A killed leader does not stall the follower: the kernel frees the lock.
sub "$T/a/c1/src/lib.rs" 'f1_1(' 'f1_0001('
cp "$T/a/c1/src/lib.rs" "$T/b/c1/src/lib.rs"
sub "$T/a/app/src/main.rs" 'f1_1(' 'f1_0001('
cp "$T/a/app/src/main.rs" "$T/b/app/src/main.rs"
rm -rf "$T/a/target" "$T/b/target"
(cd "$T/a" && exec env RUSTC_WRAPPER="$WRAPPER" setsid cargo build -q) \
	>"$T/out.a" 2>&1 &
wait_for 10 compiles_in "$T/a"
start=$(date +%s%N)
build "$T/b" "$T/out.b" &
follower=$!
wait_for 10 compiles_in "$T/b"
for p in $(grep -lsaF "HOME=$T/" /proc/[0-9]*/environ); do
	p=${p#/proc/}
	p=${p%/environ}
	case $(readlink "/proc/$p/cwd") in
	"$T/a"*)
		[ "$(readlink "/proc/$p/exe")" = "$(readlink /proc/$$/exe)" ] ||
			kill -KILL "$p" 2>/dev/null
		;;
	esac
done
wait $follower
is "$? $("$T/b/target/debug/app")" "0 2" "the leader is killed: follower builds"
is $((($(date +%s%N) - start) < 20000000000)) 1 "within 20 s"
check "and the store is whole" sh -c "[ ! -x '$KACHE' ] || '$KACHE' verify"

# A stopped leader: the follower waits a bounded time, then compiles.
echo '// stop' >>"$T/a/c1/src/lib.rs"
cp "$T/a/c1/src/lib.rs" "$T/b/c1/src/lib.rs"
rm -rf "$T/a/target" "$T/b/target"
(cd "$T/a" && exec env RUSTC_WRAPPER="$WRAPPER" setsid cargo build -q) \
	>"$T/out.a" 2>&1 &
leader=$!
stopped=
for i in $(seq 100); do
	for p in $(pgrep -x rustc) $(pgrep -f "$WRAPPER"); do
		[ "$(readlink "/proc/$p/cwd")" = "$T/a" ] &&
			tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -e '--crate-name c1 ' &&
			kill -STOP "$p" 2>/dev/null && stopped+=" $p"
	done
	[ -n "$stopped" ] && break
	sleep 0.02
done
if [ -n "$stopped" ]; then
	start=$(date +%s)
	LIMIT=60
	build "$T/b" "$T/out.b"
	is "$? $("$T/b/target/debug/app")" "0 2" "the leader is stopped: follower builds"
	is $(($(date +%s) - start < 40)) 1 "within 40 s"
	kill -CONT $stopped
else
	skip "the leader is stopped" "never caught it"
fi
wait $leader
is "$("$T/a/target/debug/app")" 2 "and the leader ends well when continued"

# Sweeps in a loop below builds: never a failure, never a wrong program.
if [ -x "$KACHE" ] && [ -z "$TRYING" ]; then
	(while [ ! -e "$T/stop" ]; do
		"$KACHE" gc --max-size 0 >/dev/null 2>&1
	done) &
	sweeper=$!
	bad=0
	for i in 1 2 3 4 5; do
		rm -rf "$T/a/target" "$T/b/target"
		build "$T/a" "$T/out.a" &
		build "$T/b" "$T/out.b" || bad=$((bad + 1))
		wait $! || bad=$((bad + 1))
		[ "$("$T/a/target/debug/app")$("$T/b/target/debug/app")" = 22 ] ||
			bad=$((bad + 1))
	done
	touch "$T/stop"
	wait $sweeper
	is $bad 0 "ten builds while the store is swept all the time"
	check "and the store is whole" "$KACHE" verify
fi

# No event is lost or torn when many shims write at once.
if [ -z "$TRYING" ]; then
	real=$(rustup which rustc 2>/dev/null || command -v rustc)
	mark
	mkdir -p "$T/many"
	echo 'pub fn f() {}' >"$T/many/m.rs"
	cd "$T/many" || exit
	for i in $(seq 64); do
		"$SHIM" "$real" --crate-name m$i --edition=2021 m.rs \
			--error-format=json --json=artifacts --crate-type lib \
			--emit=dep-info,metadata -C metadata=$i \
			-C extra-filename=-$i --out-dir "$T/many/out$((i % 4))" \
			2>/dev/null &
		[ $((i % 8)) = 0 ] && wait
	done
	wait
	cd "$T" || exit
	is "$(events | awk -F'\t' '$6 ~ /^m[0-9]+$/' | wc -l)" 64 \
		"64 events of 64 compiles"
	is "$(events | awk -F'\t' 'NF < 20 || $1 != "k1"' | wc -l)" 0 \
		"and none is torn"
fi

# Race guard: a source changes while its compile is running.
r=$T/r
put "$r/Cargo.toml" '[workspace]
members = ["pm", "app"]
resolver = "2"'
package "$r/pm" pm '[lib]
proc-macro = true'
put "$r/pm/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn slow(_: TokenStream) -> TokenStream {
	std::fs::write("/dev/null", "x").ok();
	std::thread::sleep(std::time::Duration::from_millis(1500));
	TokenStream::new()
}'
package "$r/app" app '[dependencies]
pm = { path = "../pm" }'
put "$r/app/src/main.rs" 'mod early;
pm::slow!();
fn main() { println!("{} {}", early::V, early::T.trim()) }'
# Expanded before the slow macro: read when the compile begins.
put "$r/app/src/early.rs" 'pub const T: &str = include_str!("../t");
pub const V: u8 = 1;'
put "$r/app/t" one
kcargo "$r" build -q -p pm
raced() { # WHAT FILE CHANGE UNDO: CHANGE happens during a build
	rm -rf "$r/target"
	echo "// $1" >>"$r/app/src/main.rs"
	mark
	(sleep 1.1 && cd "$r/app" && eval "$3") &
	kcargo "$r" build -q
	wait $!
	[ -n "$TRYING" ] || is "$(stored)" 0 "$1: not stored"
	# Back to what the key was made of, then forward again: both right.
	(cd "$r/app" && eval "$4")
	rm -rf "$r/target"
	kcargo "$r" build -q
	got=$("$r/target/debug/app")
	is "$got" "1 one" "$1: the old state is not served the new result"
	(cd "$r/app" && eval "$3")
	rm -rf "$r/target"
	kcargo "$r" build -q
	isnt "$("$r/target/debug/app")" "1 one" "$1: nor the new the old"
	(cd "$r/app" && eval "$4")
}
raced "a module is saved during the compile" app/src/early.rs \
	'sub src/early.rs "= 1" "= 2"' 'sub src/early.rs "= 2" "= 1"'
raced "a module is replaced by a file with an older mtime" app/src/early.rs \
	'sed "s/= 1/= 3/" src/early.rs >x && touch -d "1 hour ago" x && mv x src/early.rs' \
	'sub src/early.rs "= 3" "= 1"'
raced "an included file is rewritten, same size" app/t \
	'echo two >t' 'echo one >t'
# A hard link moves the ctime as a write does: it counts as one.
rm -rf "$r/target"
echo '// link' >>"$r/app/src/main.rs"
mark
(sleep 0.9 && ln "$r/app/src/early.rs" "$T/linked") &
kcargo "$r" build -q
wait $!
[ -n "$TRYING" ] || is "$(runs_of app) $(stored)" "1 0" \
	"a hard link made during the compile may be a write: not stored"
rm -rf "$r/target"
mark
kcargo "$r" build -q
[ -n "$TRYING" ] || is "$(runs_of app) $(stored)" "1 1" \
	"the next compile is stored"

# The edit loop in a kept target: incremental stays, the store hardly grows.
e=$T/e
make_workspace "$e"
kcargo "$e" build -q
size() {
	du -sk "$1" | cut -f1
}
before=$(size "$c" 2>/dev/null || echo 0)
bad=0
for i in $(seq 20); do
	put "$e/app/src/main.rs" "fn main() { println!(\"{} $i\", c3::f1_1(&[1]).len()) }"
	kcargo "$e" build -q
	[ "$("$e/target/debug/app")" = "2 $i" ] || bad=$((bad + 1))
done
is $bad 0 "twenty edits in a kept target, each one seen"
if [ -z "$TRYING" ]; then
	grown=$(($(size "$c") - before))
	is $((grown * 20 < $(size "$e/target"))) 1 \
		"the store grows by less than 5 % of target ($grown of $(size "$e/target") kB)"
fi
check "incremental state is there" sh -c "ls -d '$e'/target/debug/incremental/app-*"

done_testing
