#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who is the compiler: unknown drivers, recursion, toolchains that change
# behind one banner, and command lines that are not a compile.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "drivers" "needs a wrapper"
	done_testing
fi
real=$(rustup which rustc 2>/dev/null || command -v rustc)
sysroot=$("$real" --print sysroot)
w=$T/w
package "$w" app
put "$w/src/main.rs" 'fn main() { println!("hello") }'

# A driver that is not rustc is never cached, only run.
put "$T/drv/kani-compiler" "#!/bin/sh
echo \"\$@\" >>$T/drv/calls
exec $real \"\$@\""
chmod +x "$T/drv/kani-compiler"
for i in 1 2; do
	rm -rf "$w/target" "$T/drv/calls"
	RUSTC=$T/drv/kani-compiler kcargo "$w" build -q
	check "an unknown driver builds, turn $i" "$w/target/debug/app"
	check "and is really run, turn $i" \
		grep -q -e '--crate-name app' "$T/drv/calls"
done
# The same as a workspace wrapper, in front of the real rustc.
put "$T/drv/dylint-driver" "#!/bin/sh
echo \"\$@\" >>$T/drv/calls
exec \"\$@\""
chmod +x "$T/drv/dylint-driver"
for i in 1 2; do
	rm -rf "$w/target" "$T/drv/calls"
	RUSTC_WORKSPACE_WRAPPER=$T/drv/dylint-driver kcargo "$w" build -q
	check "an unknown workspace wrapper is really run, turn $i" \
		grep -q -e '--crate-name app' "$T/drv/calls"
done

# The shim as its own compiler, under another name and through a link: the
# real rustc must come out, and no process bomb.
mkdir -p "$T/loop"
ln -s "$WRAPPER" "$T/loop/rustc"
rm -rf "$w/target"
(ulimit -u 2000 2>/dev/null
	cd "$w" && RUSTC=$WRAPPER RUSTC_WRAPPER=$WRAPPER timeout 60 \
		cargo build -q) >"$T/out" 2>&1
rc=$?
isnt $rc 124 "RUSTC=shim ends"
isnt $rc 137 "RUSTC=shim ends without a kill"
rm -rf "$w/target"
(cd "$w" && PATH=$T/loop:$PATH RUSTC=rustc RUSTC_WRAPPER=$WRAPPER \
	timeout 60 cargo build -q) >"$T/out" 2>&1
rc=$?
isnt $rc 124 "the shim under the name rustc ends"
rm -rf "$w/target"
put "$T/outer" "#!/bin/sh
exec $WRAPPER \"\$@\""
chmod +x "$T/outer"
(cd "$w" && RUSTC_WORKSPACE_WRAPPER=$WRAPPER RUSTC_WRAPPER=$WRAPPER \
	timeout 60 cargo build -q) >"$T/out" 2>&1
is $? 0 "the shim in front of the shim builds"
check "and its program runs" "$w/target/debug/app"

# Command lines that are no compile reach rustc untouched.
same() { # WHAT ARGS...
	local what=$1

	shift
	(cd "$w" && "$real" "$@") >"$T/a.out" 2>"$T/a.err" </dev/null
	a=$?
	(cd "$w" && "$WRAPPER" "$real" "$@") >"$T/b.out" 2>"$T/b.err" </dev/null
	is "$?" "$a" "$what: status"
	check "$what: stdout" cmp "$T/a.out" "$T/b.out"
	check "$what: stderr" cmp "$T/a.err" "$T/b.err"
}
same "-vV" -vV
same "--version" --version
same "--print sysroot" --print sysroot
same "--print cfg" --print cfg
same "--help" --help
same "no argument"
same "an unknown option" --no-such-option
same "a missing source" --crate-name x nosuch.rs
same "two sources" --crate-name x a.rs b.rs
same "--explain" --explain E0425
same "a broken @file" @nosuch
echo 'fn main() { let x: u8 = 1; }' >"$w/one.rs"
same "a compile by hand" --crate-name one --crate-type lib one.rs \
	--emit=metadata -o "$T/one.rmeta"
same "again" --crate-name one --crate-type lib one.rs \
	--emit=metadata -o "$T/one.rmeta"
for i in 1 2; do
	rm -f "$T/two.mir"
	(cd "$w" && "$WRAPPER" "$real" --crate-name one --crate-type lib \
		one.rs --emit=mir="$T/two.mir") >"$T/out" 2>&1
	check "--emit=KIND=PATH goes to that path, turn $i" test -s "$T/two.mir"
done
echo 'fn main() {}' | (cd "$w" && "$WRAPPER" "$real" --crate-name in - \
	-o "$T/in.bin") >"$T/out" 2>&1
check "source from standard input" "$T/in.bin"
(cd "$w" && "$WRAPPER" "$real" --crate-type lib one.rs \
	$'--cfg=bad\377' -o "$T/x.rlib") >"$T/out" 2>&1
a=$?
(cd "$w" && "$real" --crate-type lib one.rs $'--cfg=bad\377' \
	-o "$T/x.rlib") >"$T/out.plain" 2>&1
is $a $? "an argument that is not UTF-8: rustc's own status"
"$WRAPPER" "$T/nosuch/rustc" -vV >"$T/out" 2>&1
is $? 127 "a compiler that is not there: 127"
"$WRAPPER" >"$T/out" 2>&1
isnt $? 139 "the shim without arguments does not crash"

# A toolchain that is changed behind its banner: other bytes, other key.
# N43: the same bytes at another path, same key.
# (Without rustup's cargo: it sets LD_LIBRARY_PATH to its own toolchain.)
with() { # TOOLCHAIN: a build in an empty target
	rm -rf "$w/target"
	mark
	PATH=$1/bin:$ORIG_PATH kcargo "$w" build -q
}
if cp -al "$sysroot" "$T/tc" 2>/dev/null; then
	put "$w/src/main.rs" 'fn main() { println!("toolchain") }'
	with "$sysroot"
	check "a bare \"rustc\" from PATH" "$w/target/debug/app"
	with "$sysroot"
	served "a bare \"rustc\" from PATH, again"
	with "$T/tc"
	served "toolchain copied to another path"
	std=$(ls "$T"/tc/lib/rustlib/x86_64-*/lib/libstd-*.rlib)
	cp "$std" "$std.new" && mv "$std.new" "$std"
	with "$T/tc"
	served "its std on another inode, same bytes"
	# One more, meaningless member: the bytes differ, the banner does not.
	echo x >"$T/extra" && ar q "$std" "$T/extra" 2>/dev/null
	with "$T/tc"
	check "builds with the changed std" "$w/target/debug/app"
	[ -n "$TRYING" ] || isnt "$(runs_of app)" 0 \
		"a changed std behind the same banner is another toolchain"
	with "$sysroot"
	served "and the first toolchain still hits"
	rm -rf "$T/tc"
else
	skip "toolchain copied to another path" "no hard links to the toolchain"
fi

# Calls through the rustup proxy name no toolchain by content.
if command -v rustup >/dev/null; then
	proxy=$(command -v rustc)
	for i in 1 2; do
		rm -rf "$w/target"
		RUSTC=$proxy kcargo "$w" build -q
		check "RUSTC=rustup's proxy builds, turn $i" "$w/target/debug/app"
	done
fi

done_testing
