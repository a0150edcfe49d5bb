#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The shim, the daemon and the sweep are killed at random points, and whole
# builds as well: the store stays sound, the next build is right, nothing that
# was to be uploaded is lost. Half of the kills come at some time, the others
# at some system call, so that they fall into a restore, a store, a sweep or
# a transfer.
# KACHE_KILL_POINTS (60) says how many, KACHE_SEED repeats a choice.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "kills" "needs the shim's store"
	done_testing
fi
if ! strace -D -o "$T/trace" true 2>/dev/null; then
	cannot "kills" "no strace that may trace"
	done_testing
fi
points=${KACHE_KILL_POINTS:-60}
seed=${KACHE_SEED:-$$}
RANDOM=$seed
diag "seed $seed"
EDITS=4
c=$KACHE_CACHE_DIR
mkdir -p "$T/remote"
export KACHE_STORE_PORTABLE=yes CARGO_BUILD_JOBS=2
export KACHE_REMOTE_MAIN_URL=file://$T/remote
put "$HOME/.config/kache/kache.ini" "[daemon]
gc_interval = 1s
[prefetch]
cooldown = 1s"
at_end "_end_daemon $c"

# Two libraries and a program; one of the libraries and the program change.
small() { # DIR
	put "$1/Cargo.toml" '[workspace]
members = ["base", "leaf", "app"]
resolver = "2"
[profile.dev]
debug = 0
incremental = false'
	package "$1/base" base
	put "$1/base/src/lib.rs" 'pub fn base() -> u32 { 0 }'
	package "$1/leaf" leaf
	put "$1/leaf/src/lib.rs" 'pub fn leaf() -> u32 { 0 }'
	package "$1/app" app '[dependencies]
base = { path = "../base" }
leaf = { path = "../leaf" }'
	put "$1/app/src/main.rs" \
		'fn main() { println!("{}", base::base() + leaf::leaf()) }'
}
edit() { # DIR NUMBER
	sed -i "s/{ [0-9]* }/{ $2 }/" "$1/leaf/src/lib.rs"
}
build() { # DIR [WRAPPER]: its status and what the program prints
	(cd "$1" && RUSTC_WRAPPER=${2-$SHIM} exec timeout -s KILL 120 \
		cargo build) >"$1/out" 2>&1
	echo "$? $("$1/target/debug/app" 2>&1)"
}
for d in a b truth; do
	small "$T/$d"
done
edit "$T/truth" 3
plain "$T/truth" build -q
is "$("$T/truth/target/debug/app")" 3 "the program prints the number of the edit"

# A shim that dies at the AT_N-th call of AT_CALL, for the crate AT_CRATE.
put "$T/bin/at" "#!/bin/bash
case \" \$* \" in
*\" --crate-name \$AT_CRATE \"*)
	exec strace -D -q -o '$T/trace' -e inject=\$AT_CALL:signal=KILL:when=\$AT_N \\
		'$SHIM' \"\$@\" ;;
esac
exec '$SHIM' \"\$@\""
chmod +x "$T/bin/at"

declare -A n alive
KINDS="shim store restore shim_time gc gc_time daemon daemon_time group
	ctrl_c"
for k in $KINDS; do
	n[$k]=0 alive[$k]=0
done
for k in look-up restore compile store sweep; do
	n[in_$k]=0
done
one() { # COUNTER
	n[$1]=$((${n[$1]} + 1))
}
any() { # WORD...: one of them
	local words=("$@")

	word=${words[RANDOM % $#]}
}
ours() { # PROGRAM [ARGUMENT]: pids of this test that run it
	local p

	for p in /proc/[0-9]*; do
		[ "$p/exe" -ef "$1" ] || continue
		grep -qsaF "HOME=$T/" "$p/environ" || continue
		[ -z "${2-}" ] || grep -qsaF "$2" "$p/cmdline" || continue
		echo "${p#/proc/}"
	done
}
# Which part of its work a shim was in when it died.
phase() { # KIND
	grep -q 'killed by SIGKILL' "$T/trace" || return
	if grep -q '"\.kache-' "$T/trace"; then
		one in_restore
	elif grep -q '^linkat.*"blobs/\|"entries/[^"]*") = 0' "$T/trace"; then
		one in_store
	elif grep -q '^v\?fork(\|^clone' "$T/trace"; then
		one in_compile
	else
		one in_look-up
	fi
	hit "$1"
}
hit() { # KIND
	alive[$1]=$((${alive[$1]} + 1))
}
traced_end() { # waits until the tracer has written its last line
	wait_for 20 grep -q '^[^-]*+++ ' "$T/trace"
}
sweep() { # to less than there is
	"$KACHE" gc --max-size $((RANDOM % 4))M >/dev/null 2>&1
}
builds() { # DIR: a build begins in the background, of its own group
	(cd "$1" && RUSTC_WRAPPER=$SHIM exec setsid cargo build) \
		>"$1/out" 2>&1 &
	building=$!
}
some_time() { # AT MOST THESE ms
	sleep "0.$(printf %03d $((RANDOM % $1)))"
}
at_some_time() { # KIND PROGRAM [ARGUMENT]: kills one of these
	local pids

	some_time 120
	for _ in $(seq 30); do
		pids=($(ours "$2" "${3-}"))
		[ ${#pids[@]} -gt 0 ] && break
	done
	[ ${#pids[@]} -gt 0 ] && kill -KILL "${pids[RANDOM % ${#pids[@]}]}" \
		2>/dev/null && hit $1
}

point() { # KIND DIR
	local word loop

	: >"$T/trace"
	case $1 in
	shim | store | restore)
		# The calls that change something, and are few; and others.
		any renameat linkat
		export AT_CALL=$word AT_N=$((RANDOM % 4 + 1))
		if [ $1 = shim ]; then
			any openat close read fcntl fstat utimensat unlink \
				pwrite64 write copy_file_range
			export AT_CALL=$word AT_N=$((RANDOM %
				(RANDOM % 60 + 1) + 1))
		fi
		any leaf leaf app base
		export AT_CRATE=$word
		got=$(build "$2" "$T/bin/at")
		[ -s "$T/trace" ] && traced_end
		phase $1
		;;
	gc)
		builds "$2"
		any renameat unlinkat openat newfstatat linkat pwrite64 \
			getdents64 fcntl renameat unlinkat
		strace -D -q -o "$T/trace" -e "inject=$word:signal=KILL:when=$((
			RANDOM % (RANDOM % 30 + 1) + 1))" \
			"$KACHE" gc --max-size 1K >/dev/null 2>&1
		traced_end
		grep -q 'killed by SIGKILL' "$T/trace" && one in_sweep && hit $1
		wait $building
		;;
	daemon)
		_end_daemon "$c"
		any renameat linkat openat write pwrite64 unlinkat futex
		# In a session of its own: it gets what the build's end gets.
		strace -f -D -q -o "$T/trace" -e "inject=$word:signal=KILL:when=$((
			RANDOM % (RANDOM % 10 + 1) + 1))" \
			"$PREFIX/bin/kached" --on-demand >/dev/null 2>&1 &
		loop=$!
		builds "$2"
		wait $building
		sleep 0.3
		kill -TERM $loop 2>/dev/null
		wait $loop
		[ $? = 137 ] && hit $1
		;;
	*_time)
		builds "$2"
		case $1 in
		shim_time) at_some_time "$1" "$SHIM" ;;
		daemon_time) at_some_time "$1" "$PREFIX/bin/kached" ;;
		gc_time)
			for _ in $(seq 15); do
				sweep
			done &
			at_some_time "$1" "$KACHE" gc
			wait $!
			;;
		esac
		wait $building
		;;
	*)
		builds "$2"
		some_time 150
		if kill -$([ $1 = group ] && echo KILL || echo INT) \
			-- -$building 2>/dev/null; then
			hit $1
		fi
		wait $building
		;;
	esac 2>/dev/null
}

wrong=
batch=0
turn=
for i in $(seq "$points"); do
	# In turns, so that each kind has its share.
	[ -n "$turn" ] || turn=$(shuf -e $KINDS store restore gc \
		--random-source=<(while :; do echo $RANDOM; done))
	kind=${turn%%[[:space:]]*}
	turn=${turn#$kind}
	turn=${turn#[[:space:]]}
	any a b
	d=$T/$word
	# What was built before, or something new.
	k=$((RANDOM % EDITS + 1))
	case $kind in
	restore) rm -rf "$d/target" ;;
	store | *_time | group | ctrl_c) k=$((EDITS + i)) ;;
	shim) [ $((RANDOM % 2)) = 0 ] || k=$((EDITS + i)) ;;
	esac
	edit "$d" $k
	[ $((RANDOM % 3)) = 0 ] || rm -rf "$d/target"
	one $kind
	got=
	point $kind "$d"
	# A build that says it is fine must be.
	[ "${got%% *}" = 0 ] && [ "$got" != "0 $k" ] &&
		wrong+="point $i ($kind): $got, not 0 $k
"
	got=$(build "$d")
	[ "$got" = "0 $k" ] || wrong+="after point $i ($kind $AT_CALL $AT_N): $got
$(tail -n 5 "$d/out")
"
	[ $((i % 10)) = 0 ] || [ $i = "$points" ] || continue
	batch=$((batch + 1))
	said=$("$KACHE" verify 2>&1) || wrong+="verify after point $i: $said
"
	rm -rf "$T/a/target"
	edit "$T/a" $k
	got=$(build "$T/a")
	[ "$got" = "0 $k" ] || wrong+="fresh after point $i: $got
"
	[ $((batch % 2)) = 0 ] && sweep
done
is "$wrong" "" "$points kills: verify is clean, the builds after them are right"
diag "points, and how many of them hit what they aimed at:"
for k in $KINDS; do
	diag "  $k: ${n[$k]}, ${alive[$k]}"
done
diag "of those at a system call, killed in:"
for k in look-up restore compile store sweep; do
	diag "  $k: ${n[in_$k]}"
done
for k in restore store sweep; do
	isnt "${n[in_$k]}" 0 "some kill fell into a $k"
done
for k in shim gc daemon; do
	isnt "$((${alive[$k]} + ${alive[${k}_time]}))" 0 "some kill hit the $k"
done
isnt "${alive[group]} ${alive[ctrl_c]}" "0 0" "some kill hit a whole build"

# What was left behind goes with a sweep, when it is old.
diag "left: $(find "$c/tmp" -type f | wc -l) temporary files," \
	"$(find "$c/trash" -type f | wc -l) in trash," \
	"$(find "$T"/?/target -name '.kache-*' | wc -l) below target"
find "$c/tmp" -exec touch -h -d '2 days ago' {} +
wait_for 60 "$KACHE" gc >/dev/null 2>&1
is "$(find "$c/tmp" "$c/trash" -type f | wc -l)" 0 \
	"a sweep takes what was left in tmp/ and trash/"
is "$("$KACHE" verify | tail -n 1)" "no problems" "the store is sound"

# What was stored has reached the remote, or will.
check "everything is uploaded" drained
_end_daemon "$c"
machine fresh
export KACHE_CACHE_DIR KACHE_REMOTE_MAIN_MODE=ro
for k in $(seq $EDITS); do
	edit "$T/b" "$k"
	rm -rf "$T/b/target"
	is "$(build "$T/b")" "0 $k" "from the remote alone: edit $k"
done
isnt "$(remote_hits)" 0 "another machine is served from there"
_end_daemon "$KACHE_CACHE_DIR"
done_testing
