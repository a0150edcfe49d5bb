#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Messages and pipelining: what cargo reads from the wrapper, on a miss and
# on a hit.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
package "$w/leaf" leaf
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { let unused = 1; 7 }
#[deprecated]
pub fn old() {}'
package "$w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$w/app/src/main.rs" 'fn main() { leaf::old(); println!("{}", leaf::leaf()) }'

# Human messages, JSON messages, colours, other widths: as plain cargo's.
said() { # less the lines that hold times and numbers of jobs
	grep -vE '(Compiling|Finished|Fresh|Dirty|Running)(.\[0m)? |"build-finished"' "$1" |
		sed 's/"fresh":[a-z]*/"fresh":X/' | sort
}
for how in "" "--message-format=short" "--message-format=json" \
	"--message-format=json-render-diagnostics" "--color=always" \
	"--message-format=json-diagnostic-rendered-ansi"; do
	rm -rf "$w/target"
	plain "$w" build $how
	said "$T/out.plain" >"$T/said.plain"
	rm -rf "$w/target"
	kcargo "$w" build $how
	said "$T/out" >"$T/said.cold"
	check "messages ${how:-by default}: cold" \
		diff "$T/said.plain" "$T/said.cold"
	rm -rf "$w/target"
	mark
	kcargo "$w" build $how
	said "$T/out" >"$T/said.warm"
	check "messages ${how:-by default}: warm" \
		diff "$T/said.plain" "$T/said.warm"
	served "messages ${how:-by default}: from the cache"
	kcargo "$w" build $how
	said "$T/out" >"$T/said.again"
	check "messages ${how:-by default}: replayed by cargo" \
		diff "$T/said.plain" "$T/said.again"
done

# Errors: status and text, each time, and nothing is stored.
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { "no" }
pub fn old() {}'
rm -rf "$w/target"
plain "$w" build
said "$T/out.plain" >"$T/said.plain"
for i in 1 2; do
	rm -rf "$w/target"
	kcargo "$w" build
	is $? 101 "a failing build fails, turn $i"
	said "$T/out" >"$T/said.cold"
	check "with rustc's words, turn $i" diff "$T/said.plain" "$T/said.cold"
done
put "$w/leaf/src/lib.rs" '#![deny(warnings)]
pub fn leaf() -> u8 { let unused = 1; 7 }
pub fn old() {}'
for i in 1 2; do
	rm -rf "$w/target"
	kcargo "$w" build
	is $? 101 "deny(warnings) fails, turn $i"
done

# The shim itself never writes to stderr: with the cache broken, too.
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { 7 }
pub fn old() {}'
rm -rf "$w/target"
KACHE_CACHE_DIR=/proc/nowhere KACHE_LOG=debug kcargo "$w" build -q
is "$(cat "$T/out")" "" "a broken cache directory says nothing on stderr"
rm -rf "$w/target"
KACHE_LOG=debug kcargo "$w" build -q
is "$(cat "$T/out")" "" "KACHE_LOG=debug says nothing on stderr"
put "$T/bad.ini" 'this is [no ini
file = = at all'
rm -rf "$w/target"
KACHE_CONFIG=$T/bad.ini kcargo "$w" build -q
is "$? $(cat "$T/out")" "0 " "a bad configuration neither fails nor speaks"

# Signals and statuses of the compiler, passed on exactly. The compiler is
# a program that does what TELL says.
mkdir -p "$T/fake"
put "$T/fake/rustc" '#!/bin/bash
case " $* " in
*" -vV "*) echo "rustc 1.0.0 (fake)"; exit 0 ;;
esac
case $TELL in
exit*) exit ${TELL#exit} ;;
kill*) kill -${TELL#kill} $$; sleep 5 ;;
lines) echo one >&2; sleep 1; echo two >&2; echo out; exit 3 ;;
bytes) printf "a\0b\377c\n" >&2; printf "\377\0" ; exit 4 ;;
fds) ls -l /proc/$$/fd | grep -c pipe:; exit 0 ;;
tty) sleep 30 & echo $! >$T/sleeper; wait; exit 0 ;;
esac'
chmod +x "$T/fake/rustc"
if [ "$WRAPPER" = none ]; then
	skip "signals" "needs a wrapper"
	done_testing
fi
export T
fake() { # runs the fake as one compile; status is returned
	TELL=$1 "$WRAPPER" "$T/fake/rustc" --crate-name x --edition=2021 \
		"$w/leaf/src/lib.rs" --error-format=json --json=artifacts \
		--crate-type lib --emit=dep-info,metadata,link \
		-C metadata=1 -C extra-filename=-1 --out-dir "$T/fake-out" \
		>"$T/fake.out" 2>"$T/fake.err"
}
mkdir -p "$T/fake-out"
for n in 0 1 2 42 101 127 255; do
	fake exit$n
	is $? $n "exit status $n"
done
# bash shows death by signal as 128 + n; a status of 137 must not be one.
signalled() { # SIGNAL: prints how the shim died
	TELL=kill$1 perl -e '
		$SIG{__WARN__} = sub {};
		my $p = fork(); if (!$p) { exec @ARGV; } waitpid($p, 0);
		print $? & 127, " ", $? >> 8' "$WRAPPER" "$T/fake/rustc" \
		--crate-name x "$w/leaf/src/lib.rs" --crate-type lib \
		--emit=metadata --out-dir "$T/fake-out" 2>/dev/null
}
for s in KILL SEGV TERM INT ABRT HUP; do
	is "$(signalled $s)" "$(kill -l $s) 0" "death by SIG$s"
done
fake lines
is "$? $(tr '\n' ' ' <"$T/fake.err")$(cat "$T/fake.out")" "3 one two out" \
	"both streams are forwarded"
fake bytes
is "$? $(od -An -tx1 "$T/fake.err" | tr -d ' \n') $(od -An -tx1 \
	"$T/fake.out" | tr -d ' \n')" "4 610062ff630a ff00" \
	"bytes that are no text are forwarded"
# A line reaches the reader before the compiler ends.
TELL=lines "$WRAPPER" "$T/fake/rustc" --crate-name x "$w/leaf/src/lib.rs" \
	--crate-type lib --emit=metadata --out-dir "$T/fake-out" \
	2>&1 >/dev/null | {
	IFS= read -r first
	date +%s%N >"$T/first"
	cat >/dev/null
	date +%s%N >"$T/last"
	echo "$first" >"$T/line"
}
is "$(cat "$T/line")" one "the first line"
is $((($(cat "$T/last") - $(cat "$T/first")) > 500000000)) 1 \
	"comes half a second or more before the end"
# Jobserver descriptors stay open in the compiler.
mkfifo "$T/js"
exec 8<>"$T/js" 9<>"$T/js"
put "$T/fake/rustc" '#!/bin/bash
case " $* " in *" -vV "*) echo "rustc 1.0.0 (fake)"; exit 0 ;; esac
{ : >&8 && : >&9; } 2>/dev/null && echo open; exit 0'
CARGO_MAKEFLAGS="-j --jobserver-fds=8,9 --jobserver-auth=8,9" fake x
is "$(cat "$T/fake.out")" open "jobserver descriptors stay open"
exec 8<&- 9<&-
# SIGTERM to the group ends compiler and shim.
put "$T/fake/rustc" '#!/bin/bash
case " $* " in *" -vV "*) echo "rustc 1.0.0 (fake)"; exit 0 ;; esac
echo $$ >$T/fake.pid; exec sleep 60'
setsid bash -c 'echo $$ >$T/group; exec "$@"' x "$WRAPPER" "$T/fake/rustc" \
	--crate-name x "$w/leaf/src/lib.rs" --crate-type lib \
	--emit=metadata --out-dir "$T/fake-out" >/dev/null 2>&1 &
for i in $(seq 50); do
	[ -s "$T/fake.pid" ] && break
	sleep 0.1
done
kill -TERM -- "-$(cat "$T/group")"
wait $!
is $? 143 "SIGTERM to the group: the shim dies by it"
check "and the compiler is gone" test ! -d "/proc/$(cat "$T/fake.pid")"
# A SIGTERM to the shim alone reaches the compiler too, or at least ends.
rm -f "$T/fake.pid"
"$WRAPPER" "$T/fake/rustc" --crate-name x "$w/leaf/src/lib.rs" \
	--crate-type lib --emit=metadata --out-dir "$T/fake-out" \
	>/dev/null 2>&1 &
for i in $(seq 50); do
	[ -s "$T/fake.pid" ] && break
	sleep 0.1
done
kill -TERM $!
kill -TERM "$(cat "$T/fake.pid")" 2>/dev/null
wait $!
isnt $? 0 "SIGTERM to the shim alone ends it"

# Pipelining on a real miss: the .rmeta line comes before the compile ends.
put "$w/leaf/src/lib.rs" "$(for i in $(seq 400); do
	echo "pub fn f$i(a: &[u64]) -> String { a.iter().map(|x| format!(\"{x:?}{$i}\")).collect() }"
done)"
real=$(rustup which rustc 2>/dev/null || command -v rustc)
(cd "$w/leaf" && "$WRAPPER" "$real" --crate-name leaf --edition=2021 \
	src/lib.rs --error-format=json --json=artifacts --crate-type lib \
	--emit=dep-info,metadata,link -C opt-level=3 -C metadata=1 \
	-C extra-filename=-1 --out-dir "$T/fake-out") 2>&1 >/dev/null | {
	while IFS= read -r line; do
		case $line in
		*'"emit":"metadata"'*) date +%s%N >"$T/first" ;;
		esac
	done
	date +%s%N >"$T/last"
}
is $((($(cat "$T/last") - $(cat "$T/first")) > 100000000)) 1 \
	"the .rmeta line comes 0.1 s or more before the end of the compile"

done_testing
