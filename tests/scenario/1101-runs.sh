#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build script runs: each hidden input changed alone runs the script again
# and gives what plain cargo gives; nothing changed serves the recorded run.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

. "$(dirname "$0")/../hidden-inputs.sh"

# Everything at once: cold, then from the cache.
rm -rf "$w/target"
mark
kcargo "$w" build -q
is $? 0 "all scripts run"
all=$(cd "$w" && ls -d */Cargo.toml | sed 's,/.*,,' | paste -sd' ')
# git status writes its index.
kept=$(tr ' ' '\n' <<<"$all" | grep -v '^git-dirty')
[ -n "$TRYING" ] || is "$(ran)" "$(wc -w <<<"$all")" "each of them once"
for n in $all; do
	picture "$w" "$n"
done >"$T/cold"
if [ -z "$TRYING" ]; then
	is "$(run_reasons $kept)" "" \
		"and nothing of it is refused"
fi
rm -rf "$w/target"
mark
kcargo "$w" build -q
hit "all are served in an empty target" $kept
for n in $all; do
	picture "$w" "$n"
done >"$T/warm"
is "$(cat "$T/warm")" "$(cat "$T/cold")" "with the same results"
rm -rf "$w/target"
plain "$w" build -q
for n in $all; do
	picture "$w" "$n"
done >"$T/plain"
# (What jobs made is the same, since cargo is told the same.)
is "$(diff "$T/plain" "$T/warm")" "" "as plain cargo makes them"
rm -rf "$w/target"
find "$w" -path "$w/.git" -prune -o -type f -exec touch {} +
mark
kcargo "$w" build -q
hit "all are served although every file has another time" $kept
mv "$w" "$T/old"
git clone -q "$T/old" "$w"
mkdir -p "$w/side/deep"
mark
kcargo "$w" build -q
hit "all are served in a fresh clone" $(tr ' ' '\n' <<<"$all" | grep -v ^git-)
for n in $all; do
	picture "$w" "$n"
done >"$T/clone"
is "$(diff "$T/plain" "$T/clone")" "" "with the same results"
rm -rf "$w"
mv "$T/old" "$w"

# A change of one input runs one script, and no other.
rm -rf "$w/target"
kcargo "$w" build -q
echo never seen >"$w/side/undeclared"
rm -rf "$w/target"
mark
kcargo "$w" build -q
[ -n "$TRYING" ] || like "$(who_ran)" '^afile( git-dirty)?$' \
	"an input of one script runs that script only"
echo one >"$w/side/undeclared"

# --- other checkouts: served once two places agreed ---

for p in "$T/second/checkout-of-another-length" "$T/3" \
	"$T/the/fourth/one/lies/deeper"; do
	git clone -q "$w" "$p"
	mkdir -p "$p/side/deep"
done
others=$(tr ' ' '\n' <<<"$all" | grep -v '^git-')
p=$T/second/checkout-of-another-length
mark
kcargo "$p" build -q
for n in $all; do
	picture "$p" "$n"
done >"$T/second.got"
rm -rf "$p/target"
plain "$p" build -q
for n in $all; do
	picture "$p" "$n"
done >"$T/second.plain"
is "$(diff "$T/second.plain" "$T/second.got")" "" "a second checkout is right"
rm -rf "$p/target"
mark
kcargo "$p" build -q
hit "the second checkout is served its own" $others
for p in "$T/3" "$T/the/fourth/one/lies/deeper"; do
	mark
	kcargo "$p" build -q
	hit "a later checkout is served what two agreed on" $others
	for n in $all; do
		picture "$p" "$n"
	done >"$T/later.got"
	rm -rf "$p/target"
	plain "$p" build -q
	for n in $all; do
		picture "$p" "$n"
	done >"$T/later.plain"
	is "$(diff "$T/later.plain" "$T/later.got")" "" "and is right"
done
mark
rm -rf "$w/target"
kcargo "$w" build -q
hit "the first checkout is still served" $others

# --- each alone ---

hidden "an undeclared file" "$w" afile \
	'echo two >side/undeclared' 'echo one >side/undeclared'
hidden "an undeclared file of the same size and time" "$w" afile \
	'touch -r side/undeclared side/later; echo eno >side/undeclared; touch -r side/later side/undeclared' \
	'echo one >side/undeclared'
hidden "a file of a declared directory" "$w" parts \
	'echo a2 >parts/data/a' 'echo a1 >parts/data/a'
hidden "a file below a declared directory" "$w" parts \
	'echo b2 >parts/data/sub/b' 'echo b1 >parts/data/sub/b'
hidden "a file appears in a listed directory" "$w" lists \
	'echo b >side/dir/b' 'rm side/dir/b'
hidden "a file is renamed in a listed directory" "$w" lists \
	'mv side/dir/a side/dir/z' 'mv side/dir/z side/dir/a'
hidden "a file appears deep in a walked tree" "$w" walks \
	'echo x >side/tree/one/two/four' 'rm side/tree/one/two/four'
hidden "an absent path appears" "$w" tests-for \
	'echo >side/maybe' 'rm side/maybe'
hidden "an absent path with absent parents appears" "$w" tests-for \
	'mkdir side/deep/er && echo >side/deep/er/file' 'rm -r side/deep/er'
hidden "what a dangling link names appears" "$w" tests-for \
	'echo >side/gone' 'rm side/gone'
hidden "a dangling link leads elsewhere" "$w" tests-for \
	'ln -sfn text side/dangling' 'ln -sfn gone side/dangling'
hidden "a link that is read leads elsewhere" "$w" tests-for \
	'ln -sfn dir side/link' 'ln -sfn text side/link'
hidden "a link that is followed leads elsewhere" "$w" tests-for \
	'ln -sfn dir side/link2' 'ln -sfn text side/link2'
for i in 1 2 3 4; do
	hidden "a file that is copied ($i)" "$w" copies \
		"echo two >side/copied$i" "echo copied one $i >side/copied$i"
done
hidden "a nearer file of a search upward" "$w" upward \
	'echo inner >upward/.env' 'rm upward/.env'
hidden "only the size of a file" "$w" sizes \
	'echo longer >side/sized' 'echo four >side/sized'
hidden "a file in the home directory appears" "$w" homed \
	'echo conf >$HOME/.toolrc' 'rm $HOME/.toolrc'

hidden "a header of a C file" "$w" cfile \
	'sub cfile/own.h "(1 +" "(2 +"' 'sub cfile/own.h "(2 +" "(1 +"'
hidden "a header of a header" "$w" cfile \
	'sub cfile/inc/second.h 10 20' 'sub cfile/inc/second.h 20 10'
hidden "an earlier directory gets a header of that name" "$w" cfile \
	'echo "#define OWN 7" >cfile/inc/stdio.h; echo "#include_next <stdio.h>" >>cfile/inc/stdio.h; sed -i "s/include \"own.h\"/include \"own.h\" \/\/ x/" cfile/foo.c; sed -i "s/^#include <stdio.h>/#undef OWN\n#include <stdio.h>/" cfile/foo.c' \
	'git checkout -q cfile; rm cfile/inc/stdio.h'
if command -v clang >/dev/null; then
	hidden "CC names another compiler" "$w" cfile \
		'export CC=clang' 'unset CC'
else
	cannot "CC names another compiler" "no clang"
fi
export CPATH=$T/cpath
mkdir -p "$T/cpath"
put "$w/cfile/foo.c" '#include <stdio.h>
#if __has_include("late.h")
#include "late.h"
#else
#define LATE 1
#endif
int foo(void) { return LATE; }'
hidden "a header appears in a directory of CPATH" "$w" cfile \
	"echo '#define LATE 2' >$T/cpath/late.h" "rm $T/cpath/late.h"
unset CPATH
put "$T/cc1/cc" '#!/bin/sh
exec /usr/bin/cc "$@" -DWRAPPED=1'
chmod +x "$T/cc1/cc"
put "$w/cfile/foo.c" 'int foo(void) {
#ifdef WRAPPED
	return 100 + WRAPPED;
#endif
	return 1; }'
# A linker for the Rust side as well, which must take the option.
hidden "another cc comes first on PATH" "$w" cfile \
	"export PATH=$T/cc1:$T/tools1:$ORIG_PATH" \
	"export PATH=$T/tools1:$ORIG_PATH"
PATH=$T/cc1:$T/tools1:$ORIG_PATH
hidden "the cc that PATH finds changes" "$w" cfile \
	"sub $T/cc1/cc WRAPPED=1 WRAPPED=2" "sub $T/cc1/cc WRAPPED=2 WRAPPED=1"
PATH=$T/tools1:$ORIG_PATH

done_testing
