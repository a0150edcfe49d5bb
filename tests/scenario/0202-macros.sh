#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# False hits: what procedural macros and the assembler read behind rustc.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["pm", "mid", "app"]
resolver = "2"'
package "$w/pm" pm '[lib]
proc-macro = true'
put "$w/pm/src/lib.rs" <<'RS'
use proc_macro::TokenStream;
fn lit(s: String) -> TokenStream { format!("{s:?}").parse().unwrap() }
fn root() -> String { std::env::var("CARGO_MANIFEST_DIR").unwrap() }
#[proc_macro]
pub fn file(_: TokenStream) -> TokenStream {
	lit(std::fs::read_to_string(root() + "/../side/text").unwrap())
}
#[proc_macro]
pub fn outside(_: TokenStream) -> TokenStream {
	let dir = option_env!("UNUSED").map(String::from).unwrap_or(root());
	lit(std::fs::read_to_string(dir + "/../../outside").unwrap())
}
#[proc_macro]
pub fn list(_: TokenStream) -> TokenStream {
	let mut v: Vec<_> = std::fs::read_dir(root() + "/../side/dir").unwrap()
		.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
	v.sort();
	lit(v.join(","))
}
#[proc_macro]
pub fn exists(_: TokenStream) -> TokenStream {
	let p = root() + "/../side/";
	lit(format!("{} {} {:?}",
		std::path::Path::new(&(p.clone() + "maybe")).exists(),
		std::path::Path::new(&(p.clone() + "deep/er/file")).is_file(),
		std::fs::read_link(p + "link").ok()))
}
#[proc_macro]
pub fn var(_: TokenStream) -> TokenStream {
	lit(format!("{:?}", std::env::var("PM_MODE").ok()))
}
#[proc_macro]
pub fn place(_: TokenStream) -> TokenStream { lit(root()) }
#[proc_macro]
pub fn tool(_: TokenStream) -> TokenStream {
	let out = std::process::Command::new("pm-tool").output();
	lit(out.map(|o| String::from_utf8(o.stdout).unwrap())
		.unwrap_or_else(|_| "no tool".into()))
}
#[proc_macro]
pub fn version(_: TokenStream) -> TokenStream { lit("pm1".into()) }
RS
package "$w/mid" mid '[dependencies]
pm = { path = "../pm" }'
put "$w/mid/src/lib.rs" 'pub use pm::*;'
package "$w/app" app '[dependencies]
mid = { path = "../mid" }'
put "$w/app/src/main.rs" <<'RS'
fn main() {
	println!("{}|{}|{}|{}|{}|{}|{}", mid::file!(), mid::outside!(),
		mid::list!(), mid::exists!(), mid::var!(), mid::tool!(),
		mid::version!());
}
RS
put "$w/side/text" text1
put "$w/side/dir/a" a
mkdir -p "$w/side/deep"
ln -s text "$w/side/link"
put "$T/outside" out1
put "$T/tools1/pm-tool" '#!/bin/sh
echo tool1'
put "$T/tools2/pm-tool" '#!/bin/sh
echo tool2'
chmod +x "$T"/tools?/pm-tool

hazard "file read by a macro through a re-exporting library" "$w" \
	'echo text2 >side/text' 'echo text1 >side/text'
hazard "file outside the workspace" "$w" \
	'echo out2 >../outside' 'echo out1 >../outside'
hazard "a file appears in a listed directory" "$w" \
	'echo b >side/dir/b' 'rm side/dir/b'
hazard "a file is renamed in a listed directory" "$w" \
	'mv side/dir/a side/dir/z' 'mv side/dir/z side/dir/a'
hazard "an absent path appears" "$w" 'echo >side/maybe' 'rm side/maybe'
hazard "an absent path with absent parents appears" "$w" \
	'mkdir side/deep/er && echo >side/deep/er/file' 'rm -r side/deep/er'
hazard "a symlink that is read leads elsewhere" "$w" \
	'ln -sfn dir side/link' 'ln -sfn text side/link'
hazard "a read file is gone" "$w" \
	'mv side/text side/off' 'mv side/off side/text'
hazard "variable: unset, then set" "$w" 'export PM_MODE=a' 'unset PM_MODE'
hazard "variable: unset, then empty" "$w" 'export PM_MODE=' 'unset PM_MODE'
export PM_MODE=a
hazard "variable: another value" "$w" 'export PM_MODE=b' 'export PM_MODE=a'
unset PM_MODE
hazard "implementation of the macro" "$w" \
	'sub pm/src/lib.rs pm1 pm2' 'sub pm/src/lib.rs pm2 pm1'
# A program the macro runs. Whether such a unit is stored is the cache's
# choice; that the result is right is not.
back=-
hazard "a program appears on PATH" "$w" \
	"export PATH=$T/tools1:\$PATH" "export PATH='$ORIG_PATH'"
PATH=$T/tools1:$ORIG_PATH
hazard "another program of the same name comes first" "$w" \
	"export PATH=$T/tools2:\$PATH" "export PATH=$T/tools1:'$ORIG_PATH'"
hazard "the program itself is changed" "$w" \
	"sub $T/tools1/pm-tool tool1 toolX" "sub $T/tools1/pm-tool toolX tool1"
PATH=$ORIG_PATH
unset back

# CARGO_MANIFEST_DIR read at expansion, in a second checkout.
put "$w/app/src/main.rs" 'fn main() { println!("{}", mid::place!()) }'
kcargo "$w" $BUILD
is "$("$w/target/debug/app")" "$w/app" "CARGO_MANIFEST_DIR in a macro"
mkdir "$T/second"
cp -r "$w" "$T/second/longer-name"
rm -rf "$T/second/longer-name/target"
put "$T/second/outside" out1
kcargo "$T/second/longer-name" $BUILD
is "$("$T/second/longer-name/target/debug/app")" \
	"$T/second/longer-name/app" "the same in a second checkout"
KACHE_STORE_PORTABLE=yes kcargo "$w" $BUILD
rm -rf "$w/target" "$T/second/longer-name/target"
KACHE_STORE_PORTABLE=yes kcargo "$w" $BUILD
KACHE_STORE_PORTABLE=yes kcargo "$T/second/longer-name" $BUILD
is "$("$T/second/longer-name/target/debug/app")" \
	"$T/second/longer-name/app" "the same with portable = yes"

# What cannot be keyed is not stored: a macro that writes a file, one that
# makes system calls of its own.
u=$T/u
put "$u/Cargo.toml" '[workspace]
members = ["pm", "app"]
resolver = "2"'
package "$u/pm" pm '[lib]
proc-macro = true'
package "$u/app" app '[dependencies]
pm = { path = "../pm" }'
put "$u/app/src/main.rs" 'fn main() { println!("{}", pm::go!()) }'
SHOW=./target/debug/app

macro() { # BODY: an expression of type String
	put "$u/pm/src/lib.rs" "use proc_macro::TokenStream;
#[proc_macro]
pub fn go(_: TokenStream) -> TokenStream {
	let s: String = $1;
	format!(\"{s:?}\").parse().unwrap()
}"
}

# One that walks the environment is, with all of it.
macro 'std::env::vars().filter(|v| v.0.starts_with("WALK_"))
		.map(|v| v.0 + &v.1).collect()'
hazard "a macro that walks the environment: new name" "$u" \
	'export WALK_A=1' 'unset WALK_A'
export WALK_B=1
hazard "a macro that walks the environment: value" "$u" \
	'export WALK_B=2' 'export WALK_B=1'
unset WALK_B
macro '{
	let mut c = std::process::Command::new("/bin/sh");
	let o = c.arg("-c").arg("echo $WALK_C").output().unwrap();
	String::from_utf8(o.stdout).unwrap()
}'
export WALK_C=1
hazard "a variable of a shell that a macro runs" "$u" \
	'export WALK_C=2' 'export WALK_C=1'
unset WALK_C
back=-
macro '{
	let s: usize; let p = b"raw-input\0"; let mut b = [0u8; 8];
	unsafe {
		let f: isize;
		std::arch::asm!("syscall", inlateout("rax") 2isize => f,
			in("rdi") p.as_ptr(), in("rsi") 0, in("rdx") 0,
			out("rcx") _, out("r11") _);
		std::arch::asm!("syscall", inlateout("rax") 0usize => s,
			in("rdi") f, in("rsi") b.as_mut_ptr(), in("rdx") 8,
			out("rcx") _, out("r11") _);
	}
	String::from_utf8_lossy(&b[..s.min(8)]).into_owned()
}'
put "$u/raw-input" raw1
hazard "a macro that opens a file by a raw system call" "$u" \
	'echo raw2 >raw-input' 'echo raw1 >raw-input'
macro '{
	let n = "written-by-macro"; let had = std::fs::read(n).is_ok();
	std::fs::write(n, "x").unwrap(); format!("{had}")
}'
SHOW='cat written-by-macro; ./target/debug/app'
rm -rf "$u/target" "$u/written-by-macro"
kcargo "$u" $BUILD
rm -rf "$u/target" "$u/written-by-macro"
kcargo "$u" $BUILD
is "$(cat "$u/written-by-macro" 2>&1)" x "a macro's own file is written again"
rm -f "$u/written-by-macro"
SHOW=./target/debug/app
macro 'format!("{:?}", std::time::SystemTime::now())'
rm -rf "$u/target"
kcargo "$u" $BUILD
check "a macro that reads the clock builds" "$u/target/debug/app"
macro '{
	let mut c = std::process::Command::new("/bin/sh");
	let o = c.arg("-c").arg("read x <sh-input; echo $x").output().unwrap();
	String::from_utf8(o.stdout).unwrap()
}'
put "$u/sh-input" one
hazard "a file read by a shell that a macro runs" "$u" \
	'echo two >sh-input' 'echo one >sh-input'
unset back

# A relative file of the macro's: the working directory of rustc.
macro 'std::fs::read_to_string("app/rel.txt").unwrap()'
put "$u/app/rel.txt" rel1
hazard "a file named relative to the working directory" "$u" \
	'echo rel2 >app/rel.txt' 'echo rel1 >app/rel.txt'
# Through mmap, through a hard link, a symlink and a renamed directory.
put "$u/d1/f" one
put "$u/d2/f" two
ln -s d1 "$u/d"
macro 'std::fs::read_to_string("d/f").unwrap()'
hazard "a directory symlink on the way leads elsewhere" "$u" \
	'ln -sfn d2 d' 'ln -sfn d1 d'
hazard "directories swap their names, files untouched" "$u" \
	'mv d1 x && mv d2 d1 && mv x d2' 'mv d1 x && mv d2 d1 && mv x d2'
macro 'format!("{:?}", std::fs::metadata("d1/f").map(|m| m.len()))'
hazard "only the length of a file is asked for" "$u" \
	'echo longer >d1/f' 'echo one >d1/f'
macro 'format!("{}", std::fs::metadata("d1/f").unwrap().is_dir())'
hazard "only the type of a path is asked for" "$u" \
	'rm d1/f && mkdir d1/f' 'rmdir d1/f && echo one >d1/f'

# The assembler's own inputs are in no dep-info.
s=$T/s
put "$s/Cargo.toml" '[workspace]
members = ["leaf", "mid", "app"]
resolver = "2"'
package "$s/leaf" leaf
put "$s/leaf/src/lib.rs" <<'RS'
std::arch::global_asm!(".globl blob", "blob:", ".incbin \"leaf/d.bin\"",
	".include \"leaf/d.inc\"");
extern "C" { static blob: [u8; 4]; }
pub fn get() -> &'static [u8; 4] { unsafe { &*std::ptr::addr_of!(blob) } }
RS
put "$s/leaf/d.bin" abcd
put "$s/leaf/d.inc" '.byte 1'
package "$s/mid" mid '[dependencies]
leaf = { path = "../leaf" }'
put "$s/mid/src/lib.rs" 'pub fn get() -> u32 { u32::from_le_bytes(*leaf::get()) }'
package "$s/app" app '[dependencies]
mid = { path = "../mid" }'
put "$s/app/src/main.rs" 'fn main() { println!("{}", mid::get()) }'
hazard ".incbin two levels below the binary" "$s" \
	'echo efgh >leaf/d.bin' 'echo abcd >leaf/d.bin'
SHOW='sha256sum <target/debug/app'
put "$s/leaf/d.inc" '.byte 1
.ascii "marker-one"'
SHOW='grep -aoE "marker-(one|two)" target/debug/app'
hazard ".include in asm" "$s" \
	'sub leaf/d.inc marker-one marker-two' \
	'sub leaf/d.inc marker-two marker-one'

# --- a kept target: cargo is told of what a macro read ---
k=$T/k
package "$k" kept '[dependencies]
pm = { path = "pm" }
[workspace]'
put "$k/src/main.rs" 'fn main() { println!("{}", pm::file!()) }'
put "$k/pm/Cargo.toml" '[package]
name = "pm"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true'
put "$k/pm/src/lib.rs" <<'RS'
use proc_macro::TokenStream;
#[proc_macro]
pub fn file(_: TokenStream) -> TokenStream {
	let dir = std::env::var("CARGO_MANIFEST_DIR").unwrap();
	format!("{:?}", std::fs::read_to_string(dir + "/data/a b.txt").unwrap())
		.parse().unwrap()
}
RS
mkdir -p "$k/data"
says_after() { # TEXT DESCRIPTION: the file's next content shows at once
	sleep 1.1
	echo "$1" >"$k/data/a b.txt"
	kcargo "$k" build
	got=$("$k/target/debug/kept")
	if [ "$got" = "$1" ]; then
		ok "$2"
	else
		not_ok "$2" "says $got, not $1"
	fi
}
says_after one "a file that a macro reads, first build"
says_after two "cargo compiles again when it changes, target kept"
says_after three "and in the edit loop, where nothing is stored"
rm -rf "$k/target"
kcargo "$k" build
says_after four "and when the unit was served"
mark
kcargo "$k" build
is "$(events | wc -l)" 0 "and not when nothing changed"

done_testing
