#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel as witness: every file that a compile opened for reading, and
# every name it looked for in vain, according to strace, is in the trace.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so
classify=$PREFIX/libexec/kache/kache-classify
W=$T/work
mkdir -p "$W/include" "$W/nat1" "$W/nat2" "$W/out"
cd "$W" || exit 1

# What libc and the loader read for themselves, and the observer's own.
own='^(/etc/ld\.so\.(cache|preload)|.*/gconv-modules\.cache|/proc/self/maps
|/etc/localtime|/proc/self/(exe|fd/[0-9]*)
|/usr/(lib|share)/locale/.*|.*/libkache-observe\.so|.*/obs)$'

# kernel read|absent|list|present FILES: names in strace's files.
kernel() {
	perl -e '
	my ($what, $cwd, @files) = @ARGV;
	my (%seen, %loader);
	for my $f (@files) {
		open my $in, "<", $f or die;
		# A child starts where its parent is; the loader, first of all,
		# opens a file from there.
		my $here = $cwd;
		while (<$in>) {
			$here = $1 if /^\w+\(AT_FDCWD<([^>]*)>/;
			next unless /^(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, |\d+<([^>]*)>, )?"([^"]*)"(.*)$/;
			my ($call, $dir, $name, $rest) = ($1, $2, $3, $4);
			next if $name eq "";
			next if $call eq "execve" && $what eq "absent";
			my $gone = $rest =~ /= -1 E(NOENT|NOTDIR)/;
			$name = ($dir // $here) . "/" . $name if $name !~ m{^/};
			if ($call eq "chdir") {
				$here = $name unless $rest =~ /= -1 /;
				next;
			}
			# The loader looks for libraries by itself, and then
			# whether their directory is there.
			$loader{$_} = 1 for $name =~ m{^(.*)/.*\.so(\.|$)} ?
			    ($1, "$1/") : ();
			if ($what eq "absent") {
				next if !$gone || $name =~ m{\.so(\.|$)} ||
				    $name =~ m{/(glibc-hwcaps|tls|x86_64)(/|$)};
				$seen{$name} = 1;
			} elsif ($rest =~ /= -1 /) {
				next;
			} elsif ($what eq "read") {
				$seen{$name} = 1 if $call eq "execve" ||
				    ($call eq "openat" &&
				    $rest !~ /O_(WRONLY|RDWR|DIRECTORY|PATH)/);
			} elsif ($what eq "list") {
				$seen{$name} = 1 if $call eq "openat" &&
				    $rest =~ /O_DIRECTORY/;
			} elsif ($what eq "present") {
				$seen{$name} = 1
				    if $call =~ /^(newfstatat|stat|lstat|access|faccessat2?|readlink(at)?|statx)$/;
			}
		}
	}
	delete @seen{keys %loader};
	print "$_\n" for sort keys %seen;' "$1" "$W" "${@:2}"
}

# witnessed DESCRIPTION COMMAND...
witnessed() {
	local what=$1 trace

	shift
	rm -rf "$T/obs" "$T/log" && mkdir "$T/log"
	"$classify" ${create---create} "$T/obs"
	strace -ff -y -s 4096 -e trace=%file -o "$T/log/s" \
		-E KACHE_OBSERVE="$T/obs" -E LD_PRELOAD="$lib" "$@" \
		>"$T/out" 2>&1
	is $? 0 "$what: runs"
	trace=$("$classify" --trace "$T/obs")
	like "$(head -1 <<<"$trace")" '^trace whole ' "$what: is whole"
	command -v "$1" >"$T/first"
	sed -nE 's/^[0-9]+\*? read mode [0-9]+ size [0-9]+ //p
		s/^[0-9]+\*? (start-object|object|dlopen) //p
		s/^[0-9]+\*? exec .* -> //p
		s/^process .* ([^ ]+)$/\1/p' <<<"$trace" | sort -u - "$T/first" >"$T/read"
	# A directory opened to be listed, and the files they wrote before.
	sed -nE 's/^[0-9]+\*? (list|write anew|write) //p
		s/^[0-9]+\*? present by open mode [0-9]+ size [0-9]+ //p
		' <<<"$trace" | sort -u >>"$T/read"
	# An absent name stands for its absent ancestors too; realpath asks
	# for them one by one, having resolved what is before them.
	sed -nE 's/^[0-9]+\*? absent errno [0-9]+ //p
		s|^[0-9]+\*? exec-fail errno [0-9]+ (/[^ ]+) .*|\1|p' <<<"$trace" |
		perl -ne 'print; while (s{/(?!\.\./)[^/]+/\.\.(?=/)}{}) {}
			while (m{/}) { print; last unless s{/[^/]*$}{\n} }' |
		sort -u >"$T/absent"
	# What is searched for on PATH is recorded by its name.
	sed -nE 's/^[0-9]+\*? exec(-fail errno [0-9]+)? ([^ ]+) .*/\2/p' \
		<<<"$trace" | grep -v / | sed 's|^|/|' >"$T/names"
	kernel read "$T"/log/s.* >"$T/kernel"
	check "$what: the kernel saw reads" test -s "$T/kernel"
	is "$(grep -vxFf "$T/read" "$T/kernel" |
		grep -Ev "$(tr -d '\n' <<<"$own")")" "" \
		"$what: every read is recorded"
	kernel list "$T"/log/s.* >"$T/kernel"
	is "$(grep -vxFf "$T/read" "$T/kernel")" "" \
		"$what: every directory is recorded"
	# realpath looks at each link and directory on its way; what is above a
	# recorded name is implied.
	sed -nE 's/^[0-9]+\*? present by [a-z]+ mode [0-9]+ size [0-9]+ //p
		' <<<"$trace" | sed 's/ -> .*//' | cat - "$T/read" |
		perl -ne 'chomp; print "$_\n"; my $at = $_;
			while (defined(my $to = readlink $at)) {
				$at = $to =~ m{^/} ? $to : $at =~ s{[^/]*$}{$to}r;
				print "$at\n";
			}
			print "$_\n$_/\n" while s{/[^/]+/*$}{};
			' | sort -u >"$T/present"
	kernel present "$T"/log/s.* >"$T/kernel"
	is "$(grep -vxFf "$T/present" "$T/kernel" | grep -vFf "$T/names" |
		grep -Ev "$(tr -d '\n' <<<"$own")")" "" \
		"$what: every name that was found is recorded"
	kernel absent "$T"/log/s.* >"$T/kernel"
	is "$(grep -vxFf "$T/absent" "$T/kernel" | grep -vFf "$T/names" |
		grep -Ev "$(tr -d '\n' <<<"$own")")" "" \
		"$what: every search in vain is recorded"
}

if ! strace -f -o /dev/null true 2>/dev/null; then
	skip "the kernel's view" "strace cannot trace here"
	done_testing
fi

put include/one.h '#define ONE 1'
put two.c '#include "one.h"
__asm__(".section .rodata\n.incbin \"blob\"\n.text");
int two(void) { return ONE + 1; }'
put blob x
put main.rs '#[link(name = "two", kind = "static")]
extern "C" { fn two() -> i32; }
fn main() { println!("{}", unsafe { two() }) }'
put lib.rs 'pub fn a() {}'
real=$(rustc --print sysroot)/bin/rustc
common="--edition 2021 --out-dir out"

witnessed "gcc" gcc -I include -c two.c -o two.o
witnessed "ar" ar rcs nat2/libtwo.a two.o
witnessed "a library" "$real" lib.rs --crate-type lib $common \
	--emit=link,metadata,dep-info
witnessed "a program" "$real" main.rs $common -L native=nat1 -L native=nat2
witnessed "a program, LTO" "$real" main.rs $common -C lto=fat -L native=nat2
for ld in bfd gold lld; do
	command -v ld.$ld >/dev/null || continue
	witnessed "a program, $ld" "$real" main.rs $common -L native=nat2 \
		-C linker-features=-lld -C link-arg=-fuse-ld=$ld
done
command -v clang >/dev/null &&
	witnessed "clang" clang -I include -c two.c -o two.o

# Trees of processes, as build scripts start them.
put Makefile 'all: two.a
two.o: two.c include/one.h
	$(CC) -I include -c two.c -o $@
two.a: two.o
	$(AR) rcs $@ two.o
	ranlib $@; nm $@ >/dev/null; test -e none || true'
put three.c '#include "one.h"
int three(void) { return ONE + 2; }'
put CMakeLists.txt 'cmake_minimum_required(VERSION 3.5)
project(two C)
find_package(ZLIB)
configure_file(blob blob.out)
add_library(two three.c)
target_include_directories(two PRIVATE include)'
put probe.rs 'fn main() {
	use std::process::Command;
	let rustc = std::env::args().nth(1).unwrap();
	let out = std::path::Path::new("out");
	for (i, text) in ["pub fn a() {}", "pub fn b( {}"].iter().enumerate() {
		let file = out.join(format!("probe{i}.rs"));
		std::fs::write(&file, text).unwrap();
		Command::new(&rustc).args(["--crate-type", "lib", "--emit",
			"metadata", "--out-dir", "out"]).arg(&file)
			.output().unwrap();
	}
	let v = Command::new(&rustc).arg("-vV").output().unwrap();
	assert!(v.status.success() && !std::path::Path::new("none").exists());
	for f in std::fs::read_dir("include").unwrap() {
		std::fs::read(f.unwrap().path()).unwrap();
	}
}'
put m.rs 'extern crate proc_macro;
#[proc_macro]
pub fn count(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
	let n = std::fs::read("blob").unwrap().len() +
		std::fs::read_dir("include").unwrap().count() +
		std::path::Path::new("none").exists() as usize;
	format!("{n}usize").parse().unwrap()
}'
put uses.rs 'pub const N: usize = m::count!();'
witnessed "make" make
have() { command -v "$1" >/dev/null || { cannot "$1" "not installed"; false; }; }
have cmake && {
	witnessed "cmake" cmake -B cm .
	witnessed "cmake --build" cmake --build cm
}
have cmake && have ninja && {
	witnessed "cmake for ninja" cmake -G Ninja -B cn .
	witnessed "ninja" ninja -C cn
}
have pkg-config && witnessed "pkg-config" sh -c 'pkg-config --cflags zlib; :'
git init -q . && git add blob && git commit -qm a
witnessed "git" sh -c 'git describe --always --dirty; git rev-parse HEAD
	git status --short; git log -1 --format=%H'
have python3 && witnessed "python" \
	"$(python3 -c 'import sys; print(sys.executable)')" -c '
import json, os, subprocess
open("blob").read(); os.path.exists("none"); os.listdir("include")
subprocess.run(["cat", "two.c"])'
rustc --edition 2021 --out-dir out probe.rs
witnessed "a script that tries rustc" out/probe "$real"
"$real" --crate-type proc-macro --edition 2021 --out-dir out m.rs
witnessed "a macro" "$real" uses.rs --crate-type lib $common \
	--extern m=out/libm.so --emit=link,metadata,dep-info
# A program that makes system calls of its own, observed strictly.
put raw.rs 'fn raw(n: usize, a: usize, b: usize, c: usize) -> isize {
	let r: isize;
	unsafe { std::arch::asm!("syscall", inlateout("rax") n as isize => r,
		in("rdi") a, in("rsi") b, in("rdx") c, in("r10") 0,
		out("rcx") _, out("r11") _); }
	r
}
fn main() {
	let here = -100isize as usize;
	let stat = [0u64; 32].as_mut_ptr() as usize;
	let go = move || {
		for name in ["blob\0", "none\0", "include/one.h\0"] {
			let fd = raw(257, here, name.as_ptr() as usize, 0);
			if fd >= 0 { raw(3, fd as usize, 0, 0); }
		}
	};
	go();
	raw(262, here, "two.c\0".as_ptr() as usize, stat);
	raw(21, "three.c\0".as_ptr() as usize, 4, 0);
	raw(21, "absent-too\0".as_ptr() as usize, 4, 0);
	raw(80, "include\0".as_ptr() as usize, 0, 0);
	let fd = raw(257, here, "one.h\0".as_ptr() as usize, 0);
	assert!(fd >= 0);
	raw(81, raw(257, here, "..\0".as_ptr() as usize, 65536) as usize, 0, 0);
	std::thread::spawn(move || go()).join().unwrap();
	std::fs::read("two.o").unwrap();
}'
rustc --edition 2021 -o raw raw.rs
create=--create-strict
witnessed "system calls of its own" "$W/raw"
unset create
witnessed "a shell" sh -c 'cat blob include/*; test -e none || ls >/dev/null'
witnessed "perl" perl -e 'open F, "blob"; print <F>; print -e "none"'
done_testing
