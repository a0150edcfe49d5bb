#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The observer stands in for every function of this machine's libc that opens,
# tests, lists or removes files, runs programs, asks for variables, the clock
# or the network, but those named below with the reason why not.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so

families='open|creat|stat|access|readlink|getenv|exec|spawn|system|dir|ftw|fts
|glob|realpath|canonicalize|rename|link|mknod|mkfifo|mk.*temp|remove$|trunc
|socket|connect|gethostby|getaddrinfo|getnameinfo|clock_gettime|gettimeofday
|^time$|timespec_get$|ftime|syscall|fork|clone|wordexp|handle_at|^_[Ee]xit
|quick_exit|^res_.*(query|search|send)|getdents|xattr|tmp|tempnam|uselib
|mount|chroot|pivot|getdirentries|getpw|getgr|getlogin|cuserid|uname
|gethost|getdomain|getnet|getifaddrs|if_name|adjtime|ntp_gettime'

# Names, then why the observer may leave them alone.
allowed() {
	cat <<'LIST'
_?_?(v?fork|clone) :: the new process is the same program, still observed; it reports its own exec (fork itself is interposed to know the child)
f(stat|statfs|statvfs|stat64|statfs64|statvfs64|truncate|truncate64) :: by descriptor, which was recorded at open
__fxstat(64)? :: by descriptor
ustat :: describes a device
(f|l)?(get|set|list|remove)xattr :: extended attributes are no input of compilers
fdopen|_IO_fdopen|fmemopen|fopencookie|open_w?memstream :: open no file
_IO_.* :: innards of streams; programs of this century do not import them
(close|rewind|seek|tell)dir|dirfd|dirname|readdir.* :: after opendir, which is recorded
f?chdir|get_current_dir_name :: names are made absolute when they are recorded
glob_pattern_p|globfree(64)? :: touch no file
fts(64)?_(children|close|read|set) :: after fts_open, which is refused
posix_spawnattr_.*|posix_spawn_file_actions_(add(close|dup2|closefrom_np|tcsetpgrp_np)) :: fill in a struct
posix_openpt|openpty :: terminals
mktemp|tempnam|tmpnam(_r)?|tmpfile(64)? :: names and files that did not exist before
(shm|sem|mq)_(open|unlink)|__mq_open_2|memfd_create|pidfd_open :: communication between processes, no files
openlog|logwtmp|updwtmpx?|utmpx?name|getutmpx? :: the system's logs
catopen|iconv_open :: the C library's own data, part of the system
socketpair :: between own processes
(fs|open_)?(mount|open|tree).*|u?mount2?|mount_setattr|move_mount|swapon|acct :: need privilege and move no file's content
uselib|create_module :: the kernel has them no more
(clnt|svc|auth|xdr|__rpc).* :: SunRPC, has no headers since glibc 2.32
timer(fd)?_create :: not about files
(__)?(wcs|str)ftime(_l)?|difftime|hcreate(_r)?|argp_.*|argz_.*|envz_.*|malloc_stats|epoll_create1? :: not about files
.*pthread_.*|(thrd|tss)_create|__register_atfork|__cxa_at_quick_exit :: not about files
(init|set)state(_r)?|re_?g?exe?c|timespec_getres|__res_state|res_(n?mkquery) :: not about files
fget(pw|gr)ent(_r)? :: from a stream that was opened
getnetgrent(_r)?|getnetname :: NIS and SunRPC
(__)?getgroups(_chk)? :: numbers of the own process
adjtime :: needs privilege
freeifaddrs|if_freenameindex|if_nametoindex|if_indextoname :: need a name or what getifaddrs gave
LIST
}

exports() { # FILE: its functions, without versions
	nm -D --defined-only "$1" | awk '$2 ~ /^[TWi]$/ &&
		$3 !~ /GLIBC_PRIVATE/ { sub(/@.*/, "", $3); print $3 }' |
		sort -u
}

libc=$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')
check "libc is found" test -f "$libc"
exports "$libc" | grep -E "$(tr -d '\n' <<<"$families")" >"$T/wanted"
exports "$lib" >"$T/ours"
check "libc has such functions" test "$(wc -l <"$T/wanted")" -gt 150
comm -23 "$T/wanted" "$T/ours" >"$T/open"
allowed | sed 's/ :: .*//; s/.*/^(&)$/' >"$T/patterns"
grep -Evf "$T/patterns" "$T/open" >"$T/left"
is "$(cat "$T/left")" "" "every function is interposed or allowed"
is "$(allowed | grep -Evc ' :: .')" 0 "every allowance has a reason"
diag "not in this libc: $(comm -13 <(exports "$libc") "$T/ours" | tr '\n' ' ')"
is "$(readelf -d "$lib" | grep -c NEEDED)" 0 "it needs no library"
is "$(nm -D --undefined-only "$lib" | awk '$1 != "w"' | wc -l)" 0 \
	"it has no strong undefined symbol"
is "$(readelf -d "$lib" | grep -c TEXTREL)" 0 "it has no text relocations"
done_testing
