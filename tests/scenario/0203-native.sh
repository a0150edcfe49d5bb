#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# False hits: native libraries, the linker's inputs and the linker itself.
. "$(dirname "$0")/../lib.sh"

archive() { # FILE VALUE [NAME]: libNAME.a with one function
	local d

	d=$(mktemp -d "$T/cc.XXXXXX")
	echo "int ${3-foo}(void) { return $2; }" >"$d/o.c"
	mkdir -p "$(dirname "$1")"
	gcc -c -o "$d/o.o" "$d/o.c" && rm -f "$1" && ar crD "$1" "$d/o.o"
	rm -r "$d"
}
export -f archive
export T

# a (bundles libfoo.a, made by its build script) <- b <- bin
w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["a", "b", "app"]
resolver = "2"'
package "$w/a" a
put "$w/a/build.rs" <<'RS'
use std::process::Command;
fn main() {
	let out = std::env::var("OUT_DIR").unwrap();
	let run = |c: &mut Command| assert!(c.status().unwrap().success());
	run(Command::new("cc").args(["-c", "foo.c", "-o"]).arg(format!("{out}/foo.o")));
	let _ = std::fs::remove_file(format!("{out}/libfoo.a"));
	run(Command::new("ar").arg("crD").arg(format!("{out}/libfoo.a")).arg(format!("{out}/foo.o")));
	println!("cargo:rustc-link-search=native={out}");
	println!("cargo:rustc-link-lib=static=foo");
	println!("cargo:rerun-if-changed=foo.c");
}
RS
put "$w/a/foo.c" 'int foo(void) { return 1; }'
put "$w/a/src/lib.rs" 'extern "C" { fn foo() -> i32; }
pub fn a() -> i32 { unsafe { foo() } }'
package "$w/b" b '[dependencies]
a = { path = "../a" }'
put "$w/b/src/lib.rs" 'pub fn b() -> i32 { a::a() }'
package "$w/app" app '[dependencies]
b = { path = "../b" }'
put "$w/app/src/main.rs" 'fn main() { println!("{}", b::b()) }
#[test]
fn value() { println!("test {}", b::b()) }'
hazard "C archive two crates below the binary" "$w" \
	'sub a/foo.c "return 1" "return 2"' 'sub a/foo.c "return 2" "return 1"'
BUILD='test -q --no-run -p app'
SHOW='for t in target/debug/deps/app-*; do
	case $t in *.d) ;; *) $t --nocapture | grep ^test\ [0-9] ;; esac; done'
hazard "C archive below a test" "$w" \
	'sub a/foo.c "return 1" "return 2"' 'sub a/foo.c "return 2" "return 1"'
BUILD="build -q"
SHOW=./target/debug/app
BUILD="build -q --release"
SHOW=./target/release/app
put "$w/.cargo/config.toml" '[profile.release]
lto = "fat"'
hazard "C archive under fat LTO" "$w" \
	'sub a/foo.c "return 1" "return 2"' 'sub a/foo.c "return 2" "return 1"'
put "$w/.cargo/config.toml" '[profile.release]
lto = "thin"'
hazard "C archive under thin LTO" "$w" \
	'sub a/foo.c "return 1" "return 2"' 'sub a/foo.c "return 2" "return 1"'
BUILD="build -q"
SHOW=./target/debug/app

# q (C archive) <- proc macro p <- m (pub use p::k) <- u
s=$T/s
put "$s/Cargo.toml" '[workspace]
members = ["q", "p", "m", "app"]
resolver = "2"'
package "$s/q" q 'links = "foo"'
cp "$w/a/build.rs" "$s/q/build.rs"
put "$s/q/foo.c" 'int foo(void) { return 1; }'
cp -r "$w/a/src" "$s/q/src"
package "$s/p" p '[lib]
proc-macro = true
[dependencies]
q = { path = "../q" }'
put "$s/p/src/lib.rs" '#[proc_macro]
pub fn k(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
	format!("{}", q::a()).parse().unwrap()
}'
package "$s/m" m '[dependencies]
p = { path = "../p" }'
put "$s/m/src/lib.rs" 'pub use p::k;'
package "$s/app" app '[dependencies]
m = { path = "../m" }'
put "$s/app/src/main.rs" 'fn main() { println!("{}", m::k!()) }'
hazard "C archive inside a re-exported procedural macro" "$s" \
	'sub q/foo.c "return 1" "return 2"' 'sub q/foo.c "return 2" "return 1"'

# #[link] in the source and nothing on the command line.
l=$T/l
put "$l/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
package "$l/leaf" leaf
put "$l/leaf/src/lib.rs" '#[link(name = "foo", kind = "static")]
extern "C" { fn foo() -> i32; }
pub fn get() -> i32 { unsafe { foo() } }'
package "$l/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$l/app/src/main.rs" 'fn main() { println!("{}", leaf::get()) }'
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Lnative=$l/nat1\", \"-Lnative=$l/nat2\"]"
archive "$l/nat2/libfoo.a" 1
mkdir -p "$l/nat1"
hazard "#[link(kind = static)]: the archive changes" "$l" \
	"archive $l/nat2/libfoo.a 2" "archive $l/nat2/libfoo.a 1"
hazard "#[link(kind = static)]: an earlier directory gets one" "$l" \
	"archive $l/nat1/libfoo.a 3" "rm $l/nat1/libfoo.a"
put "$l/leaf/src/lib.rs" '#[link(name = "foo")]
extern "C" { fn foo() -> i32; }
pub fn get() -> i32 { unsafe { foo() } }'
hazard "#[link]: the archive changes" "$l" \
	"archive $l/nat2/libfoo.a 2" "archive $l/nat2/libfoo.a 1"
hazard "#[link]: an earlier directory gets an archive" "$l" \
	"archive $l/nat1/libfoo.a 3" "rm $l/nat1/libfoo.a"
shared() { # FILE VALUE
	mkdir -p "$(dirname "$1")"
	echo "int foo(void) { return $2; }" |
		gcc -shared -fPIC -Wl,-soname,"$1" -x c - -o "$1"
}
export -f shared
hazard "#[link]: a shared library appears in an earlier directory" "$l" \
	"shared $l/nat1/libfoo.so 7" "rm $l/nat1/libfoo.so"
hazard "two -L directories swap their order" "$l" \
	"archive $l/nat1/libfoo.a 4 && sed -i 's/nat1/@@/; s/nat2/nat1/; s/@@/nat2/' .cargo/config.toml && mv nat1 X && mv nat2 nat1 && mv X nat2 && archive $l/nat2/libfoo.a 5" \
	"sed -i 's/nat1/@@/; s/nat2/nat1/; s/@@/nat2/' .cargo/config.toml && rm -r nat1 nat2 && mkdir nat1 && archive $l/nat2/libfoo.a 1"

# LIBRARY_PATH: another directory, replaced in place, an empty last element.
rm "$l/.cargo/config.toml"
archive "$T/lp1/libfoo.a" 1
archive "$T/lp2/libfoo.a" 2
export LIBRARY_PATH=$T/lp1
hazard "LIBRARY_PATH names another directory" "$l" \
	"export LIBRARY_PATH=$T/lp2" "export LIBRARY_PATH=$T/lp1"
hazard "archive found through LIBRARY_PATH is replaced" "$l" \
	"archive $T/lp1/libfoo.a 3" "archive $T/lp1/libfoo.a 1"
export LIBRARY_PATH=$T/lp0:
archive "$l/libfoo.a" 5
hazard "LIBRARY_PATH with an empty element: current directory" "$l" \
	"archive $l/libfoo.a 6" "archive $l/libfoo.a 5"
unset LIBRARY_PATH
rm "$l/libfoo.a"

# Options of the linker that name files.
put "$l/leaf/src/lib.rs" 'pub fn get() -> i32 { 0 }'
put "$l/app/src/main.rs" 'extern "C" { fn foo() -> i32; }
fn main() { println!("{}", unsafe { foo() }) }'
archive "$l/x/libfoo.a" 1
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Clink-arg=$l/x/libfoo.a\"]"
hazard "-C link-arg names an archive" "$l" \
	"archive $l/x/libfoo.a 2" "archive $l/x/libfoo.a 1"
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Clink-arg=@$l/x/args\"]"
put "$l/x/args" "$l/x/libfoo.a"
hazard "response file: archive it names changes" "$l" \
	"archive $l/x/libfoo.a 2" "archive $l/x/libfoo.a 1"
archive "$l/x/libbar.a" 9
hazard "response file itself changes" "$l" \
	"echo $l/x/libbar.a >x/args" "echo $l/x/libfoo.a >x/args"
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Lnative=$l/x\", \"-lstatic:+whole-archive=foo\"]"
hazard "-l static:+whole-archive" "$l" \
	"archive $l/x/libfoo.a 2" "archive $l/x/libfoo.a 1"
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Lnative=$l/x\", \"-lfoo\"]"
hazard "bare -l found as an archive" "$l" \
	"archive $l/x/libfoo.a 2" "archive $l/x/libfoo.a 1"
# A thin archive holds only the names of its members.
thin() { # VALUE
	echo "int foo(void) { return $1; }" |
		gcc -c -x c - -o "$l/x/member.o" &&
		rm -f "$l/x/libfoo.a" && (cd "$l/x" && ar crDT libfoo.a member.o)
}
thin 1
hazard "member of a thin archive" "$l" \
	"echo 'int foo(void) { return 2; }' | gcc -c -x c - -o x/member.o" \
	"echo 'int foo(void) { return 1; }' | gcc -c -x c - -o x/member.o"
rm -r "$l/x"

# Linker scripts, version scripts: seen in the binary's own symbols.
put "$l/app/src/main.rs" '#[no_mangle]
pub static EXPORTED: u32 = 7;
fn main() { println!("{}", unsafe { std::ptr::read_volatile(&EXPORTED) }) }'
put "$l/app/build.rs" 'fn main() {}'
put "$l/x/defs.ld" 'my_mark_one = 0x1234;'
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Clink-arg=$l/x/defs.ld\"]"
SHOW='nm target/debug/app | grep -o "my_mark_.*"'
hazard "implicit linker script" "$l" \
	'sub x/defs.ld mark_one mark_two' 'sub x/defs.ld mark_two mark_one'
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Clink-arg=-Wl,-T,x/defs.ld\", \"-Clink-arg=-fuse-ld=bfd\"]"
put "$l/x/defs.ld" 'my_mark_one = 0x1234;
INSERT AFTER .data;'
hazard "-T linker script, relative path" "$l" \
	'sub x/defs.ld mark_one mark_two' 'sub x/defs.ld mark_two mark_one'
put "$l/x/v.map" '{ global: foo_one; local: *; };'
put "$l/.cargo/config.toml" "[build]
rustflags = [\"-Clink-arg=-Wl,--dynamic-list=$l/x/v.map\"]"
put "$l/x/v.map" '{ EXPORTED; };'
SHOW='nm -D target/debug/app | grep -c EXPORTED; true'
hazard "dynamic list" "$l" \
	'sub x/v.map EXPORTED OTHER' 'sub x/v.map OTHER EXPORTED'

# The linker as a script, and the cc that PATH finds.
put "$T/ld1/wrapped-cc.sh" '#!/bin/sh
exec cc "$@" -Wl,-z,stack-size=1111111'
chmod +x "$T/ld1/wrapped-cc.sh"
put "$l/.cargo/config.toml" "[target.x86_64-unknown-linux-gnu]
linker = \"$T/ld1/wrapped-cc.sh\""
SHOW='readelf -lW target/debug/app | grep -A1 GNU_STACK | grep -oE "0x[0-9a-f]{6} RW"'
hazard "linker script wrapper changes" "$l" \
	"sub $T/ld1/wrapped-cc.sh 1111111 2222222" "sub $T/ld1/wrapped-cc.sh 2222222 1111111"
rm "$l/.cargo/config.toml"
put "$T/cc1/cc" '#!/bin/sh
exec /usr/bin/cc "$@" -Wl,-z,stack-size=1111111'
put "$T/cc2/cc" '#!/bin/sh
exec /usr/bin/cc "$@" -Wl,-z,stack-size=2222222'
chmod +x "$T"/cc?/cc
PATH=$T/cc1:$ORIG_PATH
hazard "PATH finds another cc" "$l" \
	"export PATH=$T/cc2:'$ORIG_PATH'" "export PATH=$T/cc1:'$ORIG_PATH'"
hazard "the cc that PATH finds changes" "$l" \
	"sub $T/cc1/cc 1111111 3333333" "sub $T/cc1/cc 3333333 1111111"
PATH=$T/cc3:$T/cc1:$ORIG_PATH
hazard "a cc appears earlier in PATH" "$l" \
	"mkdir $T/cc3; cp $T/cc2/cc $T/cc3/cc" "rm $T/cc3/cc"
PATH=$ORIG_PATH
put "$T/gcc1/x/ld" '#!/bin/sh
exec /usr/bin/ld "$@" -z stack-size=1111111'
put "$T/gcc1/y/ld" '#!/bin/sh
exec /usr/bin/ld "$@" -z stack-size=2222222'
chmod +x "$T"/gcc1/?/ld
put "$l/.cargo/config.toml" '[build]
rustflags = ["-Clinker-features=-lld"]'
kcargo "$l" build -q || put "$l/.cargo/config.toml" ''
export COMPILER_PATH=$T/gcc1/x
hazard "COMPILER_PATH finds another ld" "$l" \
	"export COMPILER_PATH=$T/gcc1/y" "export COMPILER_PATH=$T/gcc1/x"
hazard "the ld found through COMPILER_PATH changes" "$l" \
	"sub $T/gcc1/x/ld 1111111 3333333" "sub $T/gcc1/x/ld 3333333 1111111"
unset COMPILER_PATH

done_testing
