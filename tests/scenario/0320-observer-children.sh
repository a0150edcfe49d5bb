#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs of many kinds run under the observer as they do without it, and
# what they read is seen, or it is known that it is not.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so
classify=$PREFIX/libexec/kache/kache-classify
obs=$T/obs
W=$T/work
mkdir -p "$W/dir"
cd "$W" || exit 1
echo content >file
echo inner >dir/inner
ln -s file link

observed() { # COMMAND...: runs it under the observer; trace in $trace
	rm -f "$obs"
	if [ -n "${APPEND-}" ]; then
		{ printf kchobs02; head -c 4088 /dev/zero; } >"$obs"
	else
		"$classify" --create "$obs"
	fi
	(export KACHE_OBSERVE=$obs LD_PRELOAD=$lib${LD_PRELOAD:+:$LD_PRELOAD}
	exec "$@") >out 2>err
	rc=$?
	trace=$("$classify" --trace "$obs")
	gap=$(head -1 <<<"$trace" | cut -d' ' -f2,3)
	gap=${gap% }
}

# The same output, errors and status as without; then GAP is what the trace
# says, and each further pattern stands in it.
same() { # DESCRIPTION GAP COMMAND... [-- PATTERN...]
	local what=$1 want=$2 cmd=() wrc p

	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		cmd+=("$1")
		shift
	done
	[ $# -gt 0 ] && shift
	rm -f own
	(exec "${cmd[@]}") >out.plain 2>err.plain
	wrc=$?
	rm -f own
	observed "${cmd[@]}"
	is "$rc $(cat out err)" "$wrc $(cat out.plain err.plain)" \
		"$what: behaves as without"
	[ "$gap" = "$want" ] || diag "$trace"
	is "$gap" "$want" "$what: the trace is ${want:-whole}"
	for p in "$@"; do
		if grep -Eq -e "$p" <<<"$trace"; then
			ok "$what: seen: $p"
		else
			not_ok "$what: seen: $p" "$trace"
		fi
	done
}

build() { # NAME SOURCE COMPILER...
	local name=$1 source=$2

	shift 2
	"$@" -o "$name" "$TESTS/observe/$source.c" 2>build.err
}

build child child gcc -O1 -pthread || { cat build.err; exit 1; }
C=$W/child

same "read" whole "$C" read file -- "read .* $W/file$"
# In the second round records are appended, as when the area is full.
for APPEND in "" 1; do
	how=${APPEND:+, appending}
	same "every descriptor closed$how" whole "$C" closeall file own -- \
		"read .* $W/file$" "write $W/own$"
	is "$(stat -c %s own)" 0 "its own files stay empty$how"
	same "threads$how" whole "$C" threads file dir/inner -- \
		"read .* $W/file$" "getenv unset CHILD_THREAD"
	is "$(grep -c "read .*/file$" <<<"$trace")" 1 \
		"threads: recorded once$how"
	same "killed$how" whole "$C" killed file -- "read .* $W/file$" unended
done
APPEND=
same "more than the area holds" whole "$C" many 3000
is "$(grep -c 'absent .*/none-' <<<"$trace")" 3000 "nothing of it is missing"
mkdir d1 d2 d3 d4
same "many at once" whole sh -c \
	'for i in 1 2 3 4; do (cd d$i && exec ../child many 1500) & done; wait'
is "$(grep -c 'absent .*/none-' <<<"$trace")" 6000 "nothing of it is missing"
same "chdir" whole "$C" chdir dir inner -- "read .* $W/dir/inner$"
same "openat" whole "$C" openat dir inner -- "read .* $W/dir/inner$"
same "fork" whole "$C" fork file -- "read .* $W/file$"
same "vfork" whole "$C" vfork "$C" read file -- "exec $C" "read .* $W/file$"
same "failed exec" whole "$C" vfork "$W/missing" -- "exec-fail errno 2"
same "exec on PATH" whole "$C" exec cat file -- "exec cat -> .*/cat" \
	"read .* $W/file$"
same "cleared environment" whole "$C" execclear "$C" read file -- \
	"read .* $W/file$"
same "cleared environment stays clear" whole "$C" execclear "$C" environ
is "$(wc -c <out)" 0 "no variable of ours is left"
gcc -shared -o "$T/user.so" -x c /dev/null
export LD_PRELOAD=$T/user.so
same "the user's LD_PRELOAD stays" whole "$C" environ
unset LD_PRELOAD
like "$(cat out)" "^LD_PRELOAD=$T/user.so$" "the user's LD_PRELOAD is his"
same "environment" whole "$C" environ
is "$(grep -cE 'LD_PRELOAD|KACHE_OBS' out)" 0 "no variable is left"
same "posix_spawnp" whole "$C" spawn cat file -- "exec cat -> .*/cat" \
	"read .* $W/file$"
same "system" whole "$C" system "cat file; exit 3" -- "exec .*/cat" \
	"read .* $W/file$"
same "popen" whole "$C" popen "cat file; exit 3" -- "read .* $W/file$"
same "errors" whole "$C" errors
same "syscall()" whole "$C" syscall file -- "read .* $W/file$"
same "tests" whole "$C" tested file link -- "present by stat .* $W/file$" \
	"present by lstat .* $W/link -> file$" \
	"present by readlink .* $W/link -> file$" \
	"present by realpath .* $W/link -> $W/file$" \
	"absent errno 2 $W/missing-file$"
same "a shell script" whole sh -c 'cat file; for i in 1 2; do :; done' -- \
	"read .* $W/file$"

# A process that outlives the others is noticed.
observed "$C" daemon 30
pid=$(head -1 <<<"$trace" | sed 's/.* alive //')
isnt "$pid" 0 "a process left behind is noticed"
[ "${pid:-0}" -gt 1 ] && kill "$pid"

# Programs that must not get the library, run from one that has it.
cat >script <<'END'
#!/bin/sh
./odd file
echo $?
END
chmod +x script

odd() { # DESCRIPTION GAP COMPILER...
	local what=$1 want=$2

	shift 2
	if ! build odd tiny "$@"; then
		skip "$what" "cannot be built here: $(head -1 build.err)"
		return
	fi
	./odd >/dev/null 2>&1
	if [ $? != 42 ]; then
		skip "$what" "does not run here"
		return
	fi
	same "$what" "$want" ./script -- "exec $W/./odd"
	like "$(cat out)" '^tiny 1$' "$what: ran"
	# std's Command starts children by posix_spawn, and vfork is its like.
	same "$what, spawned" "$want" "$C" spawn ./odd file -- "exec .*/odd"
	same "$what, by vfork" "$want" "$C" vfork "$W/odd" file -- "exec $W/odd"
}

odd "a static program" "unseen static" gcc -static
odd "a static-pie program" "unseen static" gcc -static-pie
odd "a 32-bit program" "unseen foreign-class" gcc -m32
odd "a musl program" "unseen foreign-libc" musl-gcc
odd "a gcc ASan program" "unseen sanitizer" gcc -fsanitize=address
odd "a clang ASan program" "unseen sanitizer" clang -fsanitize=address
odd "a TSan program" "unseen sanitizer" gcc -fsanitize=thread
odd "an ordinary program" whole gcc
chmod u+s odd
same "a setuid program" "unseen setuid" ./script

# Build scripts start `$RUSTC_WRAPPER rustc ...` to try the compiler: the shim
# steps aside at once, so what it starts is seen as if started directly.
cat >wrapped <<END
#!/bin/sh
"$SHIM" "$C" read file
echo \$?
END
chmod +x wrapped
same "the shim inside" whole ./wrapped -- "exec $SHIM" "read .* $W/file$"
rm -rf "$T/cache"
same "the shim, spawned" whole "$C" spawn "$SHIM" "$C" read file -- \
	"read .* $W/file$" "process 1 .* $C$"
rm -rf "$KACHE_CACHE_DIR"
observed ./wrapped
is "$(cat out)" "file: content
42" "the shim inside: once more"
check "the shim touched nothing" test ! -e "$KACHE_CACHE_DIR"
mkdir -p other && build other/kache-shim tiny gcc -static
put pretender '#!/bin/sh
./other/kache-shim file
echo $?'
chmod +x pretender
same "another program of its name" "no-start no-start" ./pretender

# libtool runs it at the end of each installation; it is static.
if [ "$(command -v ldconfig)" = /usr/sbin/ldconfig ] ||
	[ "$(command -v ldconfig)" = /sbin/ldconfig ]; then
	same "ldconfig in a directory" whole sh -c 'ldconfig -n dir; cat file'
	same "ldconfig in a directory, spawned" whole "$C" spawn ldconfig -n dir
	same "any other ldconfig" "unseen static" sh -c 'ldconfig -p; cat file'
fi

# A missing or foreign observation file: nothing happens, nothing breaks.
rm -f "$obs"
(export KACHE_OBSERVE=$obs LD_PRELOAD=$lib; exec "$C" read file) >out 2>err
is "$? $(cat out err)" "42 file: content" "no observation file"
(export LD_PRELOAD=$lib; exec "$C" read file) >out 2>err
is "$? $(cat out err)" "42 file: content" "no observation"
head -c 4096 /dev/urandom >"$obs"
cp "$obs" before
(export KACHE_OBSERVE=$obs LD_PRELOAD=$lib; exec "$C" read file) >out 2>err
is "$? $(cat out err)" "42 file: content" "another file as observation"
check "another file is left alone" cmp "$obs" before

# Programs that are removed after they ran tell of their code themselves.
build raw child gcc -O1 -pthread
put tries '#!/bin/sh
cp ./odd ./tried && ./tried file
cp ./raw ./tried && ./tried read file
rm ./tried'
chmod +x tries
build odd tiny gcc
same "programs that go" whole ./tries -- "process .* plain $W/tried$"
is "$(grep -c "process .* $W/tried$" <<<"$trace")" 2 "both ran"
is "$(grep -c "process .* plain $W/tried$" <<<"$trace")" 1 \
	"one holds a system call"

# The classifier's word on the same programs.
word() { # DESCRIPTION WORD FILE
	is "$("$classify" "$3" | cut -f2)" "$2" "classified: $1"
}
build raw child gcc -O1 -pthread
word "inline syscall" raw-syscall "$W/raw"
build odd tiny gcc && word "ordinary" observable "$W/odd"
build odd tiny gcc -static && word "static" static "$W/odd"
build odd tiny musl-gcc && word "musl" foreign "$W/odd"
build odd tiny gcc -m32 && word "32-bit" foreign "$W/odd"
build odd tiny gcc -fsanitize=address && word "ASan" sanitizer "$W/odd"
word "script" script "$W/script"
word "compiler" known "$(readlink -f "$(command -v cc)")"
word "libc" known "$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')"
word "missing" unreadable "$W/nowhere"
done_testing
