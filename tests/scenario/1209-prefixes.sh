#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Toolchains as others have them: in a prefix that holds other things, above
# the workspace, found over PATH. What counts is what the identity took; all
# else is an input. And whichever name leads to another compiler is noticed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

if [ "$WRAPPER" = none ]; then
	skip "prefixes" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0
S=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')

copy() { # TO: the toolchain, at another place
	mkdir -p "$1/lib/rustlib" "$1/bin"
	cp -al "$S/bin/rustc" "$S/bin/cargo" "$1/bin/" 2>/dev/null ||
		cp -r "$S/bin/rustc" "$S/bin/cargo" "$1/bin/"
	(cd "$S" && find lib -maxdepth 1 -type f) | while read -r f; do
		ln "$S/$f" "$1/$f" 2>/dev/null || cp "$S/$f" "$1/$f"
	done
	cp -al "$S/lib/rustlib/$host" "$1/lib/rustlib/" 2>/dev/null ||
		cp -r "$S/lib/rustlib/$host" "$1/lib/rustlib/"
}

built() { # DIR NAME: what the program says after a build in an empty target
	rm -rf "$1/target"
	kcargo "$1" build -q && "$1/target/debug/$2"
}

unset RUSTUP_TOOLCHAIN
copy "$T/prefix"
P=$T/prefix
export RUSTC=$P/bin/rustc PATH=$P/bin:/usr/bin:/bin

# --- what lies beside the toolchain ---

w=$T/user
package "$w" user
put "$w/build.rs" 'use std::{env, process::Command};
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let (p, out) = (env::var("P").unwrap(), env::var("OUT_DIR").unwrap());
    std::fs::write(format!("{out}/a.c"), "#include <foo.h>\nFOO\n").unwrap();
    let o = Command::new("cc").args(["-E", "-P", &format!("-I{p}/include"),
        &format!("{out}/a.c")]).output().unwrap();
    println!("cargo:rustc-env=H={}", String::from_utf8_lossy(&o.stdout).trim());
    let o = Command::new(format!("{p}/bin/foo-config")).output().unwrap();
    println!("cargo:rustc-env=C={}", String::from_utf8_lossy(&o.stdout).trim());
    let has = |f: &str| std::path::Path::new(&p).join(f).exists();
    println!("cargo:rustc-env=E={} {} {} {}", has("lib/rustlib/wasm99/lib"),
        has("lib/rustlib/src/rust"), has("lib/libfoo.so"),
        has(&format!("lib/rustlib/{}/extra", env::var("HOST").unwrap())));
}'
put "$w/src/main.rs" 'fn main() { println!("{} {} {}", env!("H"), env!("C"), env!("E")) }'
set_to() { # VALUE
	put "$P/include/foo.h" "#define FOO $1"
	rm -f "$P/bin/foo-config"
	put "$P/bin/foo-config" "#!/bin/sh
echo $1"
	chmod +x "$P/bin/foo-config"
}
export P
set_to 1
is "$(built "$w" user)" "1 1 false false false false" "headers and tools beside a toolchain"
mark
is "$(built "$w" user)" "1 1 false false false false" "built again"
served "it is served"
hit "and so is the script" user
set_to 22
is "$(built "$w" user)" "22 22 false false false false" "both changed"
mkdir -p "$P/lib/rustlib/wasm99/lib"
is "$(built "$w" user)" "22 22 true false false false" "a target is added"
mkdir -p "$P/lib/rustlib/src/rust"
is "$(built "$w" user)" "22 22 true true false false" "the sources are added"
touch "$P/lib/libfoo.so"
is "$(built "$w" user)" "22 22 true true true false" "a library is added"
mkdir "$P/lib/rustlib/$host/extra"
is "$(built "$w" user)" "22 22 true true true true" "an empty directory in the host's own"
rm -rf "$P/lib/rustlib/src" "$P/lib/libfoo.so"
is "$(built "$w" user)" "22 22 true false false true" "some are taken away"

# --- a workspace below the prefix ---

w=$P/work/below
package "$w" below
put "$w/src/main.rs" 'mod m; fn main() { println!("{}", m::N) }'
put "$w/src/m.rs" 'pub const N: u8 = 1;'
is "$(built "$w" below)" 1 "a workspace below the toolchain's prefix"
put "$w/src/m.rs" 'pub const N: u8 = 22;'
is "$(built "$w" below)" 22 "its sources are inputs"
mark
is "$(built "$w" below)" 22 "built again"
served "and it is served"

# --- found over PATH ---

unset RUSTC
copy "$T/other"
touch "$T/other/lib/rustlib/$host/lib/another" # a toolchain of its own
w=$T/found
package "$w" found
put "$w/build.rs" 'fn main() {
    let o = std::process::Command::new(std::env::var("RUSTC").unwrap())
        .args(["--print", "sysroot"]).output().unwrap();
    println!("cargo:rustc-env=S={}", String::from_utf8(o.stdout).unwrap());
}'
put "$w/src/main.rs" 'fn main() { println!("{}", env!("S").trim()) }'
rm -rf "$P/lib/rustlib/$host/extra" "$P/lib/rustlib/wasm99"
mkdir "$T/first" "$T/empty"
SYSTEM=/usr/bin:/bin

over() { # WANTED DESCRIPTION: the sysroot that a build over PATH has
	is "$(hash -r; built "$w" found)" "$1" "$2"
}

ln -s "$P" "$T/tool"
PATH=$T/tool/bin:$SYSTEM
over "$P" "a link on PATH"
mark
over "$P" "built again"
served "over a link: served"
ln -sfn "$T/other" "$T/tool"
over "$T/other" "the link leads elsewhere, to files with the same numbers"
ln -sfn "$P" "$T/tool"
mark
over "$P" "and back"
served "over the link: served again"

PATH=$T/first:$T/later:$P/bin:$SYSTEM
over "$P" "over empty and absent directories"
ln -s "$T/other/bin/rustc" "$T/other/bin/cargo" "$T/first/"
over "$T/other" "a compiler appears in an earlier directory"
rm "$T/first"/*
over "$P" "and disappears"
mkdir "$T/later"
cp "$T/other/bin/rustc" "$T/first/rustc"
chmod -x "$T/first/rustc"
over "$P" "a file that may not be executed is passed by"
rm "$T/first/rustc"
mkdir "$T/first/rustc"
over "$P" "and so is a directory"
rmdir "$T/first/rustc"

# Relative: another compiler in another directory.
mkdir -p "$w/bin" "$T/found2"
cp -r "$w/Cargo.toml" "$w/build.rs" "$w/src" "$T/found2/"
ln -s "$T/other/bin/rustc" "$w/bin/rustc"
PATH=bin:$P/bin:$SYSTEM
over "$T/other" "a relative entry of PATH"
w2=$w w=$T/found2
over "$P" "means another one elsewhere"
w=$w2
over "$T/other" "and still the same here"
PATH=:$P/bin:$SYSTEM
ln -s "$T/other/bin/rustc" "$w/rustc"
over "$T/other" "an empty entry is the current directory"
rm "$w/rustc"
over "$P" "where there is none any more"

# RUSTC by a chain of links.
PATH=$P/bin:$SYSTEM
ln -s rc2 "$T/rc1"
ln -s "$P/bin/rustc" "$T/rc2"
export RUSTC=$T/rc1
over "$P" "RUSTC is a link to a link"
ln -sf "$T/other/bin/rustc" "$T/rc2"
over "$T/other" "the second of which is switched"
done_testing
