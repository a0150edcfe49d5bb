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
|/usr/(lib|share)/locale/.*|.*/libkache-observe\.so|.*/obs)$'

# kernel read|absent FILES: names in strace's files.
kernel() {
	perl -e '
	my ($what, $cwd, @files) = @ARGV;
	my (%seen, %loader);
	for my $f (@files) {
		open my $in, "<", $f or die;
		while (<$in>) {
			next unless /^(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, |\d+<([^>]*)>, )?"([^"]*)"(.*)$/;
			my ($call, $dir, $name, $rest) = ($1, $2, $3, $4);
			next if $call eq "execve" || $name eq "";
			my $gone = $rest =~ /= -1 E(NOENT|NOTDIR)/;
			$name = ($dir // $cwd) . "/" . $name if $name !~ m{^/};
			if ($what eq "absent") {
				# The loader looks for libraries by itself,
				# and then whether their directory is there.
				$loader{$1} = 1 if $name =~ m{^(.*)/.*\.so(\.|$)};
				next if !$gone || $name =~ m{\.so(\.|$)} ||
				    $name =~ m{/(glibc-hwcaps|tls|x86_64)(/|$)};
				$seen{$name} = 1;
			} elsif ($call eq "openat" && $rest !~ /= -1 / &&
			    $rest !~ /O_(WRONLY|RDWR|DIRECTORY|PATH)/) {
				$seen{$name} = 1;
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
	"$classify" --create "$T/obs"
	strace -ff -y -s 4096 -e trace=%file -o "$T/log/s" \
		-E KACHE_OBSERVE="$T/obs" -E LD_PRELOAD="$lib" "$@" \
		>"$T/out" 2>&1
	is $? 0 "$what: runs"
	trace=$("$classify" --trace "$T/obs")
	like "$(head -1 <<<"$trace")" '^trace whole ' "$what: is whole"
	sed -nE 's/^[0-9]+ read mode [0-9]+ size [0-9]+ //p
		s/^[0-9]+ (start-object|object|dlopen) //p
		s/^[0-9]+ exec .* -> //p
		s/^process .* ([^ ]+)$/\1/p' <<<"$trace" | sort -u >"$T/read"
	# A directory opened to be listed, and the files they wrote before.
	sed -nE 's/^[0-9]+ (list|write anew|write) //p
		s/^[0-9]+ present by open mode [0-9]+ size [0-9]+ //p
		' <<<"$trace" | sort -u >>"$T/read"
	# An absent name stands for its absent ancestors too; realpath asks
	# for them one by one, having resolved what is before them.
	sed -nE 's/^[0-9]+ absent errno [0-9]+ //p' <<<"$trace" |
		perl -ne 'print; while (s{/(?!\.\./)[^/]+/\.\.(?=/)}{}) {}
			while (m{/}) { print; last unless s{/[^/]*$}{\n} }' |
		sort -u >"$T/absent"
	# What is searched for on PATH is recorded by its name.
	sed -nE 's/^[0-9]+ exec(-fail errno [0-9]+)? ([^ ]+) .*/\2/p' \
		<<<"$trace" | grep -v / | sed 's|^|/|' >"$T/names"
	kernel read "$T"/log/s.* >"$T/kernel"
	check "$what: the kernel saw reads" test -s "$T/kernel"
	is "$(grep -vxFf "$T/read" "$T/kernel" |
		grep -Ev "$(tr -d '\n' <<<"$own")")" "" \
		"$what: every read is recorded"
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
witnessed "a shell" sh -c 'cat blob include/*; test -e none || ls >/dev/null'
witnessed "perl" perl -e 'open F, "blob"; print <F>; print -e "none"'
done_testing
