#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several that need one unit at once: one compiles, and whatever becomes of
# it, the others lose little.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "coalescing" "needs a wrapper"
	done_testing
fi
real=$(rustup which rustc 2>/dev/null || command -v rustc)

# A macro that takes its time, and may fail or leave a file behind.
put "$T/pm.rs" 'use proc_macro::TokenStream;
#[proc_macro] pub fn slow(t: TokenStream) -> TokenStream {
	let t = t.to_string();
	let ms = t.split(",").next().unwrap().trim().parse().unwrap();
	std::thread::sleep(std::time::Duration::from_millis(ms));
	if t.contains("fail") { panic!("as told") }
	if t.contains("write") {
		let to = std::env::var("LEAVE").unwrap();
		std::fs::write(to, "x").unwrap();
	}
	TokenStream::new()
}'
(cd "$T" && "$real" --edition=2021 --crate-type proc-macro \
	-C prefer-dynamic --extern proc_macro pm.rs) || exit

# N checkouts with the crate NAME, whose compile does what SLOW says.
checkouts() { # N NAME SLOW
	local i

	for i in $(seq "$1"); do
		put "$T/$2/$i/src/lib.rs" "mod m; pm::slow!($3); pub use m::V;"
		put "$T/$2/$i/src/m.rs" "pub const V: u8 = 1;"
		put "$T/$2/$i/target/CACHEDIR.TAG" ""
		mkdir -p "$T/$2/$i/target/debug/deps"
	done
}

unit() { # NAME I: one compile, replaces the shell that calls it
	cd "$T/$1/$2" || exit
	export LEAVE=$PWD/left
	exec "$WRAPPER" "$real" --crate-name "$1" --edition=2021 src/lib.rs \
		--error-format=json --json=artifacts --crate-type lib \
		--emit=dep-info,metadata -C metadata=1 -C extra-filename=-1 \
		--out-dir "$PWD/target/debug/deps" --extern "pm=$T/libpm.so" \
		>"$T/$1/$2.out" 2>&1
}

now() {
	date +%s%N | cut -c1-13
}

all() { # N NAME: at once; statuses in $status, milliseconds in $took
	local i pids='' begun

	begun=$(now)
	for i in $(seq "$1"); do
		(unit "$2" "$i") &
		pids+=" $!"
	done
	status=
	for i in $pids; do
		wait "$i"
		status+="$? "
	done
	took=$(($(now) - begun))
}

of() { # NAME OUTCOME: events of that crate
	events | awk -F'\t' -v c="$1" -v o="$2" '$6 == c && $4 == o { n++ }
		END { print n + 0 }'
}

faster() { # MILLISECONDS DESCRIPTION
	if [ "$took" -lt "$1" ]; then
		ok "$2 ($took ms)"
	else
		not_ok "$2" "took $took ms, allowed $1 ms"
	fi
}

child_of() { # PID: the compiler below a shim, when it runs
	local i p

	for i in $(seq 100); do
		p=$(pgrep -P "$1" | head -1)
		[ "$(readlink "/proc/$p/exe")" = "$real" ] && break
		sleep 0.02
	done
	echo "$p"
}

# One that is slow, but runs, is waited for; it is looked at in the end.
checkouts 2 patient 13000
(unit patient 1) &
patient1=$!
sleep 0.5
(unit patient 2) &
patient2=$!

mark
checkouts 6 shared 2000
all 6 shared
is "$status$(of shared miss) $(of shared local_hit)" "0 0 0 0 0 0 1 5" \
	"six at once compile once"

# The leader's compile fails: five times the same, but not in a row.
checkouts 6 failing '2000, fail'
all 6 failing
is "$status$(of failing miss)" "1 1 1 1 1 1 6" "six fail by themselves"
faster 9000 "and not one after another"
like "$(cat "$T"/failing/6.out)" 'as told' "with the compiler's words"

# A result that cannot be stored.
checkouts 6 refused '2000, write'
all 6 refused
is "$status$(of refused miss)" "0 0 0 0 0 0 6" "six whose result is refused"
like "$(reasons | tr '\n' ' ')" 'not_stored:wrote' "are refused"
faster 9000 "and not one after another"
rm -f "$T"/refused/*/left
all 6 refused
is "$status$(of refused miss)" "0 0 0 0 0 0 12" "and again"
faster 3900 "without waiting for the first"

# Checkouts that differ where the lock does not look.
checkouts 5 differ 2000
for i in 2 3 4 5; do
	put "$T/differ/$i/src/m.rs" "pub const V: u8 = $i;"
done
put "$T/differ/5/src/m.rs" "pub const V: u8 = 4;"
all 5 differ
is "$status$(of differ miss) $(of differ local_hit)" "0 0 0 0 0 4 1" \
	"of five checkouts two are alike"
faster 7500 "and those that are not do not wait in a row"

# A leader that is killed; that is stopped; whose compiler is.
upset() { # NAME WHOM SIGNAL: one leads and two follow; $took: these two
	local leader whom begun a b

	checkouts 3 "$1" 2000
	(unit "$1" 1) &
	leader=$!
	whom=$(child_of $leader)
	[ "$2" = shim ] && whom=$leader
	begun=$(now)
	(unit "$1" 2) &
	a=$!
	(unit "$1" 3) &
	b=$!
	sleep 0.4
	kill "-$3" "$whom"
	wait $a
	status=$?
	wait $b
	status+=" $?"
	took=$(($(now) - begun))
	if [ "$3" = STOP ]; then
		kill -CONT "$whom"
		wait $leader
		is $? 0 "$1: the leader ends well when continued"
	else
		wait $leader
	fi
} 2>/dev/null
upset killed shim KILL
is "$status $(of killed miss) $(of killed local_hit)" "0 0 1 1" \
	"the leader is killed: one of two compiles"
faster 5000 "and waits for nothing"
upset compiler child KILL
is "$status $(of compiler local_hit)" "0 0 0" \
	"its compiler is killed: each compiles"
faster 5000 "and waits for nothing"
upset stopped shim STOP
is "$status" "0 0" "the leader is stopped: the others compile"
faster 8500 "soon"
upset frozen child STOP
is "$status" "0 0" "its compiler is stopped: the others compile"
faster 8500 "soon"

wait $patient1
is $? 0 "a slow leader"
wait $patient2
is "$? $(of patient local_hit)" "0 1" "which runs, is waited for"

done_testing
