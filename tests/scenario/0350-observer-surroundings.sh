#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What programs take in that is no file and no variable: the clock, names of
# the machine and its users, the CPU, the network.  What a program does each
# time for itself is told from what it was asked to do.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so
classify=$PREFIX/libexec/kache/kache-classify
W=$T/work
mkdir -p "$W"
cd "$W" || exit 1

observed() { # COMMAND...: trace in $trace
	rm -f "$T/obs"
	"$classify" --create "$T/obs"
	(export KACHE_OBSERVE=$T/obs LD_PRELOAD=$lib; exec "$@") >"$T/out" 2>&1
	trace=$("$classify" --trace "$T/obs")
	is "$(head -1 <<<"$trace" | cut -d' ' -f2)" whole "$*: is seen"
}

have() { # COMMAND
	command -v "$1" >/dev/null && return
	cannot "$1" "not installed"
	return 1
}

# tells PATTERN COMMAND...: it stands in the trace; silent: it does not.
tells() {
	local p=$1

	shift
	have "$1" || return
	observed "$@"
	if grep -Eq -e "$p" <<<"$trace"; then
		ok "$*: $p"
	else
		not_ok "$*: $p" "$trace"
	fi
}

silent() {
	local p=$1

	shift
	have "$1" || return
	observed "$@"
	is "$(grep -E -e "$p" <<<"$trace")" "" "$*: not $p"
}

python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null)
clock=' clock way '
put a.c 'int a;'
put date.c 'const char *d = __DATE__;'
put time.c 'const char *d = __TIME__;'
put own.c '#include <time.h>
int main(void) { struct timespec t; return clock_gettime(CLOCK_ID, &t); }'
for id in REALTIME REALTIME_COARSE TAI MONOTONIC PROCESS_CPUTIME_ID; do
	gcc -DCLOCK_ID=CLOCK_$id -o "own-$id" own.c
done
tells "$clock" date
tells "$clock" sh -c 'echo $(date +%s)'
tells "$clock" bash -c 'echo $EPOCHSECONDS'
tells "$clock" bash -c 'echo $SECONDS'
tells "$clock" bash -c 'printf "%(%F)T\n" -1'
silent "$clock" bash -c 'x=$(echo a); (echo "$x") | cat'
tells "$clock" perl -e 'print time'
tells "$clock" perl -e 'print scalar localtime'
silent "$clock" perl -e 'print 1'
if [ -n "$python" ]; then
	tells "$clock" "$python" -c 'import time; print(time.time())'
	tells "$clock" "$python" -c 'import datetime as d; d.datetime.now()'
	silent "$clock" "$python" -c 'import os, sys, json, subprocess'
fi
silent "$clock" gcc -c a.c
tells "$clock" gcc -c date.c
tells "$clock" gcc -c time.c
silent "$clock" clang -c a.c
tells "$clock" clang -c date.c
tells "$clock" ./own-REALTIME
tells "$clock" ./own-REALTIME_COARSE
tells "$clock" ./own-TAI
silent "$clock" ./own-MONOTONIC
silent "$clock" ./own-PROCESS_CPUTIME_ID
put Makefile 'all: a.o
a.o: a.c
	cc -c a.c'
silent "$clock" make
put CMakeLists.txt 'cmake_minimum_required(VERSION 3.5)
project(a C)
add_library(a a.c)'
silent "$clock" cmake -B cm .
silent "$clock" cmake --build cm
put CMakeLists.txt 'cmake_minimum_required(VERSION 3.5)
project(a C)
string(TIMESTAMP NOW)
file(WRITE ${CMAKE_BINARY_DIR}/now ${NOW})'
tells "$clock" cmake -B cm .
git init -q . && git add a.c && git commit -qm a
silent "$clock" git describe --always --dirty
silent "$clock" git log -1 --format=%cd

host=' host what '
tells "$host" uname -r
tells "$host" hostname
tells "$host" sh -c 'echo $(uname)'
tells "$host" perl -e 'use POSIX; print uname()'
tells "$host" whoami
[ -n "$python" ] &&
	tells "$host" "$python" -c 'import socket; print(socket.gethostname())'
silent "$host" sh -c 'echo ~; echo $HOME'
silent "$host" gcc -c a.c
silent "$host" clang -c a.c
silent "$host" pkg-config --list-all
silent "$host" ar rcs a.a a.o

# libc looks for the locale by itself.
export LC_COLLATE=C
locale=' getenv set LC_COLLATE$'
tells "$locale" sort a.c
tells " getenv unset LANG$" sort a.c
tells "$locale" ls
put loc.c '#include <locale.h>
int main(int n, char **a) { setlocale(LC_ALL, n > 1 ? a[1] : NULL); }'
gcc -o loc loc.c
tells "$locale" ./loc ''
silent "$locale" ./loc C
silent "$locale" ./loc

native=' native '
put flags '-march=native'
for c in gcc clang; do
	have $c || continue
	tells "$native" sh -c "$c -march=native -c a.c; :"
	tells "$native" sh -c "$c -mtune=native -c a.c; :"
	tells "$native" sh -c "$c @flags -c a.c; :"
done
put a.rs 'pub fn a() {}'
rustc=$(rustc --print sysroot)/bin/rustc
tells "$native" sh -c "$rustc -C target-cpu=native --crate-type lib a.rs; :"
tells "$native" sh -c "$rustc -Ctarget-cpu=native --crate-type lib a.rs; :"
tells "$native" sh -c "$rustc --print target-cpus; :"
silent "$native" sh -c 'gcc -march=x86-64 -c a.c; :'
mkdir -p native
silent "$native" sh -c 'gcc -Lnative -L native -DA=native_x -c a.c; :'
silent "$native" sh -c "$rustc -L native=native --crate-type lib a.rs; :"

net='^uses the network'
put lookup.py 'import socket
try: socket.getaddrinfo("localhost", 80)
except OSError: pass'
put call.py 'import socket, sys
s = socket.socket(socket.AF_UNIX)
try: s.connect(sys.argv[1].replace("@", "\0"))
except OSError: pass'
if [ -n "$python" ]; then
	tells "$net" "$python" -c 'import socket; socket.socket()'
	silent "$net" "$python" -c 'import socket; socket.socketpair()'
	tells "$net" "$python" lookup.py
	tells "$net" "$python" call.py /tmp/nobody-listens-here
	tells "$net" "$python" call.py @nobody
	silent "$net" "$python" call.py /run/nscd/socket
fi
tells "$net" perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0)'
tells "$net" bash -c ': <>/dev/tcp/127.0.0.1/9; :'
silent "$net" sh -c 'gcc -c a.c; git log -1; make; whoami'
done_testing
