#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build script runs: programs, the environment and git as hidden inputs, each
# changed alone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

. "$(dirname "$0")/../hidden-inputs.sh"

hidden "a program is replaced" "$w" tools \
	"sub $T/tools1/gen-tool tool1 toolX" "sub $T/tools1/gen-tool toolX tool1"
hidden "another program comes first on PATH" "$w" tools \
	"export PATH=$T/tools2:$T/tools1:$ORIG_PATH" \
	"export PATH=$T/tools1:$ORIG_PATH"
PATH=$T/tools3:$T/tools1:$ORIG_PATH
hidden "a program appears in an earlier directory of PATH" "$w" tools \
	"mkdir $T/tools3; sed s/tool2/tool3/ $T/tools2/gen-tool >$T/tools3/gen-tool; chmod +x $T/tools3/gen-tool" \
	"rm -r $T/tools3"
PATH=$T/tools1:$ORIG_PATH
scripted "$w" elf-tool <<'RS'
text(&mut Command::new("elf-tool"))
RS
workspace_of "$w" "$profile"
gcc -x c - -o "$T/tools1/elf-tool" <<'C'
#include <stdio.h>
int main(void) { puts("elf"); return 0; }
C
cached "$w" elf-tool
mkdir "$T/tools4"
mv "$T/tools1/elf-tool" "$T/tools4"
PATH=$T/tools4:$T/tools1:$ORIG_PATH
cached "$w" elf-tool
is "$("$w/target/debug/elf-tool")" "elf|elf" \
	"the same program in another directory"
PATH=$T/tools1:$ORIG_PATH
rm -r "$w/elf-tool" "$w/Cargo.lock"
git -C "$w" checkout -q .
hidden "a library of a program is replaced" "$w" linked-tool \
	'library 2' 'library 1'
hidden "a program of the package" "$w" own-tool \
	'sub own-tool/gen.sh gen1 gen2' 'sub own-tool/gen.sh gen2 gen1'
hidden "a file such a program reads" "$w" own-tool \
	'echo PART=part2 >own-tool/part.sh' 'echo PART=part1 >own-tool/part.sh'
hidden "a file three shells below" "$w" nested \
	'echo nested2 >side/nested' 'echo nested1 >side/nested'
for n in awk sed python perl make; do
	hidden "a file read by $n" "$w" by-$n \
		'echo read2 >side/read' 'echo read1 >side/read'
done
hidden "a makefile that is included" "$w" by-make \
	'echo PART = part2 >by-make/part.mk' 'echo PART = part1 >by-make/part.mk'
if command -v cmake >/dev/null; then
	hidden "a file that cmake includes" "$w" by-cmake \
		'sub by-cmake/part.cmake part1 part2' \
		'sub by-cmake/part.cmake part2 part1'
	hidden "a file that cmake configures" "$w" by-cmake \
		'sub by-cmake/conf.in conf1 conf2' \
		'sub by-cmake/conf.in conf2 conf1'
else
	cannot "files of cmake" "no cmake"
fi
hidden "a .pc file" "$w" by-pkgconfig \
	"sub $T/pc/foo.pc FOO=1 FOO=2" "sub $T/pc/foo.pc FOO=2 FOO=1"
hidden "a .pc file that one requires" "$w" by-pkgconfig \
	"sub $T/pc/bar.pc BAR=1 BAR=2" "sub $T/pc/bar.pc BAR=2 BAR=1"
mkdir "$T/pc2"
hidden "PKG_CONFIG_PATH names another directory first" "$w" by-pkgconfig \
	"export PKG_CONFIG_PATH=$T/pc3:$T/pc; mkdir -p $T/pc3; sed s/FOO=1/FOO=3/ $T/pc/foo.pc >$T/pc3/foo.pc" \
	"export PKG_CONFIG_PATH=$T/pc; rm -rf $T/pc3"
hidden "a source that probes include" "$w" probes \
	'echo "syntax error" >probes/part.rs' \
	'echo "pub fn f() {}" >probes/part.rs'
hidden "a source probed through standard input" "$w" stdin-probe \
	'echo "syntax error" >side/probe' 'echo "pub fn f() {}" >side/probe'

hidden "a variable: unset, then set" "$w" by-name \
	'export HIDDEN_MODE=a' 'unset HIDDEN_MODE'
hidden "a variable: unset, then empty" "$w" by-name \
	'export HIDDEN_MODE=' 'unset HIDDEN_MODE'
export HIDDEN_MODE=a
hidden "a variable: another value" "$w" by-name \
	'export HIDDEN_MODE=b' 'export HIDDEN_MODE=a'
unset HIDDEN_MODE
hidden "a variable of a shell: unset, then set" "$w" by-shell \
	'export HIDDEN_SH=a' 'unset HIDDEN_SH'
hidden "a variable of a shell: unset, then empty" "$w" by-shell \
	'export HIDDEN_SH=' 'unset HIDDEN_SH'
hidden "the whole environment: another name" "$w" whole \
	'export WALK_A=1' 'unset WALK_A'
export WALK_A=1
hidden "the whole environment: another value" "$w" whole \
	'export WALK_A=2' 'export WALK_A=1'
unset WALK_A
effect=none
hidden "the whole environment: noise" "$w" whole \
	'export TERM=xterm' 'export TERM=dumb'
hidden "a variable nobody reads" "$w" by-name \
	'export UNRELATED=1' 'unset UNRELATED'
hidden "another -j, which nobody reads" "$w" by-name \
	'export CARGO_BUILD_JOBS=1' 'unset CARGO_BUILD_JOBS'
hidden "a file nobody reads" "$w" afile \
	'echo x >side/later' 'rm side/later'
unset effect
export CARGO_BUILD_JOBS=1
hidden "NUM_JOBS, which is printed" "$w" jobs \
	'export CARGO_BUILD_JOBS=3' 'export CARGO_BUILD_JOBS=1'
unset CARGO_BUILD_JOBS
hidden "an option of the profile" "$w" cargo-says \
	'export CARGO_PROFILE_DEV_OPT_LEVEL=1' \
	'unset CARGO_PROFILE_DEV_OPT_LEVEL'
hidden "the version of the package" "$w" cargo-says \
	'sub cargo-says/Cargo.toml 0.1.0 0.1.1' \
	'sub cargo-says/Cargo.toml 0.1.1 0.1.0'
hidden "a feature" "$w" cargo-says \
	'sub cargo-says/Cargo.toml "more = []" "more = []
default = [\"more\"]"' \
	'git checkout -q cargo-says'
hidden "the script itself" "$w" afile \
	'sub afile/build.rs "let result" "println!(\"cargo:warning=x\"); let result"' \
	'git checkout -q afile'

hidden "a file becomes a program" "$w" modes \
	'chmod +x side/sized' 'chmod -x side/sized'
cpus=$(taskset -cp $$ | sed 's/.*: //')
if [ "$(nproc)" -gt 1 ]; then
	hidden "the number of CPUs" "$w" parallel \
		"taskset -cp ${cpus%%[-,]*} $$ >/dev/null" \
		"taskset -cp $cpus $$ >/dev/null"
	hidden "which CPUs may be used" "$w" allowed \
		"taskset -cp ${cpus%%[-,]*} $$ >/dev/null" \
		"taskset -cp $cpus $$ >/dev/null"
else
	cannot "the number of CPUs" "there is only one"
fi

hidden "HEAD, which git reads" "$w" git-head \
	'git commit -q --allow-empty -m two' 'git reset -q --hard HEAD^'
hidden "a tag, which git describes" "$w" git-describe \
	'git tag v2' 'git tag -d v2 >/dev/null'
hidden "a commit, which git describes" "$w" git-describe \
	'git commit -q --allow-empty -m two' 'git reset -q --hard HEAD^'
hidden "a branch of another commit" "$w" git-reads \
	'git checkout -q -b other && git commit -q --allow-empty -m three' \
	'git checkout -q - && git branch -q -D other'
# git status refreshes its index: whether such a run is kept is the cache's
# choice; that it is right is not.
back=- effect=any
hidden "a file changed in git's eyes" "$w" git-dirty \
	'echo two >side/undeclared' 'echo one >side/undeclared'
unset back effect

hidden "a value that another script passes on" "$w" consumer \
	'echo meta2 >side/meta' 'echo meta1 >side/meta'

done_testing
