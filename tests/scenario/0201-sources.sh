#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# False hits: every file a crate is made of, and what its names lead to.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "mid", "app"]
resolver = "2"'
package "$w/leaf" leaf '[features]
loud = []'
put "$w/leaf/src/lib.rs" <<'RS'
mod one;
mod two;
#[path = "odd name.rs"]
mod odd;
pub fn text() -> String {
	format!("{}{}{}", one::word(), two::word(), odd::word())
}
pub fn line() -> u32 { line!() }
#[inline]
pub fn inlined() -> u32 { 1 }
fn private() -> u32 { 10 }
pub fn outer() -> u32 { private() }
pub const DATA: &str = include_str!("../data.txt");
pub static RAW: &[u8] = include_bytes!("../raw.bin");
pub const LOUD: bool = cfg!(feature = "loud");
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
pub const MODE: Option<&str> = option_env!("LEAF_MODE");
RS
put "$w/leaf/src/one.rs" 'pub fn word() -> &'\''static str { "one " }'
put "$w/leaf/src/two.rs" 'pub fn word() -> &'\''static str { "two " }'
put "$w/leaf/src/odd name.rs" 'pub fn word() -> &'\''static str { module_path!() }'
put "$w/leaf/data.txt" data1
put "$w/leaf/raw.bin" raw1
package "$w/mid" mid '[dependencies]
leaf = { path = "../leaf" }'
put "$w/mid/src/lib.rs" <<'RS'
pub fn all() -> String {
	format!("{} {} {} {} {} {:?} {} {} {:?}", leaf::text(), leaf::line(),
		leaf::inlined(), leaf::outer(), leaf::DATA, leaf::RAW,
		leaf::LOUD, leaf::VERSION, leaf::MODE)
}
RS
package "$w/app" app '[dependencies]
mid = { path = "../mid" }
[features]
loud = []'
put "$w/app/src/main.rs" 'fn main() { println!("{}", mid::all()) }'

l=leaf/src/lib.rs
hazard "edit of a module" "$w" \
	'sub leaf/src/one.rs "one " "ONE "' 'sub leaf/src/one.rs "ONE " "one "'
hazard "edit of the root: inline function of a dependency" "$w" \
	"sub $l 'u32 { 1 }' 'u32 { 2 }'" "sub $l 'u32 { 2 }' 'u32 { 1 }'"
hazard "private function of a dependency" "$w" \
	"sub $l '{ 10 }' '{ 11 }'" "sub $l '{ 11 }' '{ 10 }'"
hazard "a comment moves the lines of a dependency" "$w" \
	"sed -i '1i // moved' $l" "sed -i 1d $l"
hazard "two modules swap their contents" "$w" \
	'cd leaf/src && mv one.rs x && mv two.rs one.rs && mv x two.rs' \
	'cd leaf/src && mv one.rs x && mv two.rs one.rs && mv x two.rs'
hazard "#[path] module with a blank in its name" "$w" \
	'sub "leaf/src/odd name.rs" "module_path!()" "\"odd\""' \
	'sub "leaf/src/odd name.rs" "\"odd\"" "module_path!()"'
hazard "include_str! file" "$w" \
	'echo data2 >leaf/data.txt' 'echo data1 >leaf/data.txt'
hazard "include_bytes! file, same size" "$w" \
	'echo raw2 >leaf/raw.bin' 'echo raw1 >leaf/raw.bin'
hazard "a new module file" "$w" \
	"sub $l 'mod two;' 'mod two; mod three;' &&
	sub $l 'two::word()' 'three::word()' &&
	echo 'pub fn word() -> u8 { 3 }' >leaf/src/three.rs" \
	"sub $l 'mod two; mod three;' 'mod two;' &&
	sub $l 'three::word()' 'two::word()' && rm leaf/src/three.rs"
hazard "one/mod.rs appears beside one.rs" "$w" \
	'mkdir leaf/src/one && cp leaf/src/one.rs leaf/src/one/mod.rs' \
	'rm -r leaf/src/one'
hazard "included file is gone" "$w" \
	'mv leaf/data.txt leaf/data.off' 'mv leaf/data.off leaf/data.txt'
hazard "a module turns from file to symlink with other content" "$w" \
	'mv leaf/src/one.rs leaf/src/keep && ln -s two.rs leaf/src/one.rs' \
	'mv leaf/src/keep leaf/src/one.rs'
hazard "CARGO_PKG_VERSION through env!" "$w" \
	'sub leaf/Cargo.toml 0.1.0 0.1.1' 'sub leaf/Cargo.toml 0.1.1 0.1.0'
hazard "a default feature" "$w" \
	'sub leaf/Cargo.toml "loud = []" "loud = []
default = [\"loud\"]"' \
	'sub leaf/Cargo.toml "
default = [\"loud\"]" ""'
hazard "option_env!: unset, then set" "$w" \
	'export LEAF_MODE=x' 'unset LEAF_MODE'
hazard "option_env!: unset, then empty" "$w" \
	'export LEAF_MODE=' 'unset LEAF_MODE'
export LEAF_MODE=
hazard "option_env!: empty, then unset" "$w" \
	'unset LEAF_MODE' 'export LEAF_MODE='
export LEAF_MODE=x
hazard "option_env!: one value, then another" "$w" \
	'export LEAF_MODE=y' 'export LEAF_MODE=x'
unset LEAF_MODE

# Same bytes under another name: file!() of a moved module.
put "$w/leaf/src/two.rs" 'pub fn word() -> &'\''static str { file!() }'
hazard "two.rs becomes two/mod.rs, same bytes" "$w" \
	'mkdir leaf/src/two && mv leaf/src/two.rs leaf/src/two/mod.rs' \
	'mv leaf/src/two/mod.rs leaf/src/two.rs && rmdir leaf/src/two'
# The first build after the way back is Fresh for plain cargo as well.
rm -rf "$w/target"
kcargo "$w" $BUILD
mark
kcargo "$w" build -v
is "$(grep -c '^ *Dirty' "$T/out")" 0 "moved module: no unit stays Dirty"

# Names that differ only in Unicode form are two files.
n=$T/n
package "$n" app
nfc=$(printf 'caf\303\251.txt')
nfd=$(printf 'cafe\314\201.txt')
put "$n/src/main.rs" "fn main() { print!(\"{}{}\",
	include_str!(\"../$nfc\"), include_str!(\"../$nfd\")) }"
put "$n/$nfc" nfc
put "$n/$nfd" nfd
hazard "names in NFC and NFD swap their contents" "$n" \
	"mv $nfc x && mv $nfd $nfc && mv x $nfd" \
	"mv $nfc x && mv $nfd $nfc && mv x $nfd"

# A file that is rewritten within one clock tick with the same size.
put "$n/src/main.rs" 'fn main() { print!("{}", include_str!("../in")) }'
put "$n/in" aaa
hazard "same size, mtime put back" "$n" \
	'touch -r in ref && echo bbb >in && touch -r ref in' \
	'echo aaa >in && touch -r ref in'
rm -f "$n/ref"

# The dependency is renamed: --extern carries another name.
r=$T/r
package "$r/a" a
put "$r/a/src/lib.rs" 'pub fn f() -> u8 { 1 }'
package "$r/b" b
put "$r/b/src/lib.rs" 'pub fn f() -> u8 { 2 }'
package "$r" app '[dependencies]
x = { path = "a", package = "a" }
y = { path = "b", package = "b" }'
put "$r/src/main.rs" 'fn main() { println!("{}{}", x::f(), y::f()) }'
hazard "two dependencies swap their names" "$r" \
	'sed -i "s/^x = /t = /; s/^y = /x = /; s/^t = /y = /" Cargo.toml' \
	'sed -i "s/^x = /t = /; s/^y = /x = /; s/^t = /y = /" Cargo.toml'

done_testing
