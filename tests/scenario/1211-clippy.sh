#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cargo clippy: the workspace's own members come out of the cache with the
# words clippy would have said, and only those.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "clippy" "needs a wrapper"
	done_testing
fi
if ! cargo clippy -V >/dev/null 2>&1; then
	cannot "clippy" "not installed"
	done_testing
fi
driver=$(rustup which clippy-driver 2>/dev/null || command -v clippy-driver)
real=$(rustup which rustc 2>/dev/null || command -v rustc)

# A workspace with a library, a program, a macro and a build script of its
# own, each of which clippy finds fault with.
make_ws() { # DIR
	put "$1/Cargo.toml" '[workspace]
members = ["lib", "app", "mac"]
resolver = "2"'
	package "$1/lib" mylib
	put "$1/lib/src/lib.rs" 'pub mod deep;
pub fn four(a: u8, b: u8, c: u8, d: u8) -> u8 { return a ^ b ^ c ^ d; }
#[must_use] pub fn fill(x: &Vec<u8>) -> bool { x.len() == 0 }
pub fn div(a: usize) -> usize { (a + 7) / 8 }'
	put "$1/lib/src/deep/mod.rs" 'pub fn f() { let x = 3; x.clone(); }'
	package "$1/mac" mac '[lib]
proc-macro = true'
	put "$1/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro] pub fn one(_: TokenStream) -> TokenStream {
	return "1u8".parse().unwrap()
}'
	package "$1/app" app '[dependencies]
mylib = { path = "../lib" }
mac = { path = "../mac" }'
	put "$1/app/build.rs" 'fn main() {
	let x = 5; println!("cargo:rustc-cfg=c{}", x.clone())
}'
	put "$1/app/src/main.rs" '#![allow(unexpected_cfgs)]
fn main() {
	if cfg!(c5) == true { println!("{}", mylib::four(mac::one!(), 2, 3, 4)) }
}
#[test] fn t() { assert_eq!(mylib::fill(&vec![]), true) }'
}

# What is said is compared but for what tells of time, and for the order of
# units, which is chance: that of the test of a library and its own is, too,
# so who says it first and whose are called duplicates.
said() { # FILE
	perl -0ne 's/"fresh":(true|false)/F/g; s/ \((run|\d+ dup).*//g;
		my $e = qr/(?:\e\[[0-9;]*m)*/;
		print sort grep { !/^$e *$e(Finished|Blocking|Locking)\b/ }
		split /^(?=$e(?:warning|error|\{|status|\S+:\d+:\d)| *$e *[A-Z])/m' \
		"$1"
}

lint() { # DIR CLIPPY-ARGS...: through the cache, in an empty target
	local dir=$1

	shift
	rm -rf "$dir/target"
	mark
	kcargo "$dir" clippy "$@"
	echo "status $?" >>"$T/out"
}

truth() { # DIR CLIPPY-ARGS...: without it
	local dir=$1

	shift
	rm -rf "$dir/target"
	plain "$dir" clippy "$@"
	echo "status $?" >>"$T/out.plain"
}

agree() { # DESCRIPTION
	said "$T/out" >"$T/a"
	said "$T/out.plain" >"$T/b"
	check "$1" diff "$T/b" "$T/a"
}

# Cold and warm, both as plain cargo says it.
both() { # DESCRIPTION DIR CLIPPY-ARGS...
	local what=$1

	shift
	truth "$@"
	lint "$@"
	agree "$what, cold"
	lint "$@"
	agree "$what, warm"
	served "$what: all of it came out of the cache"
}

w=$T/one/w
make_ws "$w"
both "a workspace" "$w" --all-targets
is "$(grep -c '^warning' "$T/out")" "$(grep -c '^warning' "$T/out.plain")" \
	"no warning twice"
like "$(cat "$T/out")" 'clippy::needless_return' \
	"clippy speaks"
both "JSON" "$w" --all-targets --message-format=json
both "colours" "$w" --color always
both "short" "$w" -p mylib --message-format=short
both "another set" "$w" -p mylib -- -W clippy::pedantic
both "without dependencies" "$w" -p app -- --no-deps
both "none of clippy's own" "$w" -p mylib -- -A clippy::all
both "every lint there is" "$w" -p mylib -- -W clippy::pedantic -W clippy::nursery \
	-W clippy::restriction
kcargo "$w" clippy
mark
kcargo "$w" clippy
is "$(hits) $(rustc_runs)" "0 0" "the second one in a target calls nobody"

# rustc gets nothing of clippy's, and clippy nothing of rustc's.
truth "$w" -q
mv "$T/out.plain" "$T/clippy.plain"
rm -rf "$w/target"
plain "$w" check -q -j1
rm -rf "$w/target"
kcargo "$w" check -q -j1
agree "check says what check says"
kcargo "$w" clippy -q -j1
echo "status 0" >>"$T/out"
mv "$T/clippy.plain" "$T/out.plain"
agree "clippy in the same target"
by_hand() { # PROGRAM...: one and the same command line
	mark
	(cd "$w/lib" && "$WRAPPER" "$@" --crate-name mylib --edition=2021 \
		src/lib.rs --error-format=json --json=artifacts \
		--crate-type lib --emit=dep-info,metadata -C metadata=1 \
		-C extra-filename=-1 --out-dir "$T/hand") >"$T/out" 2>&1
}
mkdir -p "$T/hand"
by_hand "$real"
by_hand "$driver" "$real"
is "$(count miss)" 1 "one command line for rustc and clippy: two results"
by_hand "$driver" "$real"
is "$(hits)" 1 "and clippy's hits"
by_hand "$real"
is "$(hits)" 1 "and rustc's hits"
is "$(grep -c clippy:: "$T/out")" 0 "which says nothing of clippy"
SYSROOT=$("$real" --print sysroot) by_hand "$driver" "$real"
is "$(reasons)" env:SYSROOT "another standard library passes through"

# A change must show as it does without us, and undone, all must hit.
faults() { # DESCRIPTION MUTATE REVERT
	local what=$1 do=$2 undo=$3

	(cd "$w" && eval "$do") || { not_ok "$what: mutate"; return; }
	_vars on "$do"
	truth "$w" -p mylib
	lint "$w" -p mylib
	isnt "$(said "$T/out.plain")" "$base" "$what has an effect"
	agree "$what"
	(cd "$w" && eval "$undo") || { not_ok "$what: revert"; return; }
	_vars on "$undo"
	lint "$w" -p mylib
	is "$(said "$T/out")" "$base" "$what, undone"
	served "$what, undone: from the cache"
}
base() { # what is said without a change
	truth "$w" -p mylib
	base=$(said "$T/out.plain")
	lint "$w" -p mylib
}
base
few='too-many-arguments-threshold = 2'
faults "clippy.toml in the package" "echo '$few' >lib/clippy.toml" \
	"rm lib/clippy.toml"
faults ".clippy.toml in the workspace" "echo '$few' >.clippy.toml" \
	"rm .clippy.toml"
faults "clippy.toml above the workspace" "echo '$few' >../clippy.toml" \
	"rm ../clippy.toml"
put "$w/clippy.toml" "$few"
base
faults "clippy.toml changes" "echo '${few/2/5}' >clippy.toml" \
	"echo '$few' >clippy.toml"
faults "clippy.toml goes" "mv clippy.toml c" "mv c clippy.toml"
faults "a nearer one" "echo '${few/2/9}' >lib/.clippy.toml" \
	"rm lib/.clippy.toml"
put "$w/conf/a.toml" "$few"
put "$w/conf/b.toml" "${few/2/3}
allow-unwrap-in-tests = true"
ln -sf conf/a.toml "$w/clippy.toml"
faults "a link to another clippy.toml" "ln -sf conf/b.toml clippy.toml
	echo '${few/2/9}' >conf/b.toml" "ln -sf conf/a.toml clippy.toml"
rm "$w/clippy.toml"
base
put "$T/conf/clippy.toml" "$few"
faults "CLIPPY_CONF_DIR" "export CLIPPY_CONF_DIR=$T/conf" \
	"unset CLIPPY_CONF_DIR"
faults "CLIPPY_DISABLE_DOCS_LINKS" "export CLIPPY_DISABLE_DOCS_LINKS=1" \
	"unset CLIPPY_DISABLE_DOCS_LINKS"
faults "a lint in Cargo.toml" \
	"printf '[lints.clippy]\nmust_use_candidate = \"warn\"\n' \
		>>lib/Cargo.toml" "sed -i '/lints/,\$d' lib/Cargo.toml"
faults "rust-version" \
	"sed -i 's/^edition/rust-version = \"1.56\"\nedition/' lib/Cargo.toml" \
	"sed -i /rust-version/d lib/Cargo.toml"
faults "a lint in the source" \
	"sed -i '1i #![deny(clippy::needless_return)]' lib/src/lib.rs" \
	"sed -i 1d lib/src/lib.rs"
truth "$w" -p mylib -- -D warnings
for i in 1 2; do
	lint "$w" -p mylib -- -D warnings
	agree "-D warnings fails, turn $i"
	is "$(runs_of mylib)" 1 "what failed is not stored, turn $i"
done

# Fresh for cargo: what clippy told it of is in the restored dep-info.
put "$w/clippy.toml" "$few"
lint "$w"
lint "$w"
served "with a configuration"
kcargo "$w" clippy
put "$w/clippy.toml" "${few/2/3}"
touch -d '+3 seconds' "$w/clippy.toml"
kcargo "$w" clippy
check "cargo sees it change after a hit" grep -q 'Checking mylib' "$T/out"
rm "$w/clippy.toml"

# Lints that ask cargo: each time.
truth "$w" -p mylib -- -W clippy::cargo
for i in 1 2; do
	lint "$w" -p mylib -- -W clippy::cargo
	agree "lints that start cargo, turn $i"
	is "$(reasons)" not_stored:starts:cargo "are not stored, turn $i"
done

# Another checkout, below another parent.
put "$w/clippy.toml" 'cyclomatic-complexity-threshold = 9'
lint "$w"
mkdir -p "$T/two/deeper"
v=$T/two/deeper/v
cp -r "$w" "$v"
truth "$v"
lint "$v"
agree "another checkout"
served "another checkout hits"
like "$(cat "$T/out")" "v/clippy.toml:1" "with its own path"
rm "$v/clippy.toml" "$w/clippy.toml"
lint "$w"
lint "$v"
served "without a configuration as well"
put "$T/two/clippy.toml" "$few"
truth "$v"
lint "$v"
agree "its parent's configuration counts"
like "$(cat "$T/out")" "too many arguments" "and is seen"
rm "$T/two/clippy.toml"
# A macro that asks for the place itself.
put "$w/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro] pub fn one(_: TokenStream) -> TokenStream {
	let d = std::env::var("CARGO_MANIFEST_DIR").unwrap();
	format!("{{ #[deprecated(note = {d:?})] fn f() -> u8 {{ 1 }} f() }}")
		.parse().unwrap()
}'
cp "$w/mac/src/lib.rs" "$v/mac/src/lib.rs"
lint "$w"
truth "$v"
lint "$v"
agree "a macro that asks for its place"
like "$(cat "$T/out")" "f\`: $v/app" "says this one"

# Ourselves as the wrapper of the workspace, alone and behind ourselves.
rm -rf "$w/target"
plain "$w" check
mv "$T/out.plain" "$T/check.plain"
for other in "" "$WRAPPER"; do
	for i in 1 2; do
		rm -rf "$w/target"
		mark
		(cd "$w" && RUSTC_WORKSPACE_WRAPPER=$WRAPPER \
			RUSTC_WRAPPER=$other cargo check) >"$T/out" 2>&1
		cp "$T/check.plain" "$T/out.plain"
		agree "RUSTC_WORKSPACE_WRAPPER, ${other:+both }turn $i"
	done
	served "RUSTC_WORKSPACE_WRAPPER, ${other:+both }again"
done
# What has its name only is run as it is.
put "$T/drv/bin/clippy-driver" "#!/bin/sh
echo run >>$T/drv/calls
exec \"\$@\""
chmod +x "$T/drv/bin/clippy-driver"
for i in 1 2; do
	rm -rf "$w/target" "$T/drv/calls"
	mark
	RUSTC_WORKSPACE_WRAPPER=$T/drv/bin/clippy-driver kcargo "$w" check -q
	is "$? $(reasons)" "0 toolchain" "a foreign clippy-driver, turn $i"
	check "is really run, turn $i" test -s "$T/drv/calls"
done

# --fix changes the sources as it does without us.
make_ws "$T/three/w"
make_ws "$T/four/w"
mark
kcargo "$T/three/w" clippy --fix --allow-no-vcs -q
is $? 0 "cargo clippy --fix"
plain "$T/four/w" clippy --fix --allow-no-vcs -q
rm -rf "$T"/{three,four}/w/target
check "makes what plain cargo makes of the sources" \
	diff -r "$T/three" "$T/four"
check "which is something else than before" \
	grep -q '^	"1u8".parse' "$T/three/w/mac/src/lib.rs"

if rustup run nightly cargo-clippy -V >/dev/null 2>&1; then
	export RUSTUP_TOOLCHAIN=nightly
	both "nightly" "$T/three/w" --all-targets
	unset RUSTUP_TOOLCHAIN
else
	cannot "nightly" "not installed"
fi

done_testing
