#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What must keep working around cached build script runs: what cargo and the
# scripts of the world rely on, other tools in the same target, and the end of
# a build at any moment.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

profile='[profile.dev]
debug = 0
incremental = false'
tc_old=${RUSTUP_TOOLCHAIN-}

# Twice in an empty target, by the cache, and once by plain cargo: the same
# picture, and the second time no run.
same() { # DESCRIPTION DIR NAME [CARGO-ARGS...]
	local what=$1 dir=$2 name=$3 first second want

	shift 3
	cached "$dir" "$name" "$@"
	first=$PIC
	cached "$dir" "$name" "$@"
	second=$PIC
	[ "${back-}" = - ] || hit "$what: served" "$name"
	want=$(truth "$dir" "$name" "$@")
	case $want in
	"build failed"*) not_ok "$what: builds" "$(tail -5 "$T/out.plain")" ;;
	esac
	is "$(diff <(echo "$want") <(echo "$first"))" "" "$what: first"
	is "$(diff <(echo "$want") <(echo "$second"))" "" "$what: from the cache"
}

# What cargo itself says of a build, without what differs by time.
words() { # FILE
	grep -vE '^ *(Finished|Running|Compiling|Blocking)' "$1" | sort
}

# --- what scripts tell cargo ---

w=$T/w
mkdir -p "$w"
scripted "$w" warns <<'RS'
println!("cargo:warning=plain words");
println!("cargo::warning=colons: and %s \\x, tab\tend");
println!("cargo:warning=ünïcode");
eprintln!("words on stderr");
println!("a line for nobody");
"".into()
RS
scripted "$w" tells 'links = "tells"' <<'RS'
println!("cargo:core:default__CORE_PLUGIN___PERMISSION-FILES_PATH=/a/b");
println!("cargo:with-dash=1");
println!("cargo:with.dot=2");
println!("cargo::metadata=new:key=3");
println!("cargo:root={out}");
println!("cargo:include={out}/include");
println!("cargo:empty=");
println!("cargo:spaces=a b  c ");
fs::create_dir_all(out.clone() + "/include").unwrap();
"".into()
RS
put "$w/tells/src/lib.rs" ''
scripted "$w" hears '[dependencies]
tells = { path = "../tells" }' <<'RS'
use std::os::unix::ffi::OsStrExt;
let mut b = vec![];
for (k, v) in env::vars_os() {
	if !k.as_bytes().starts_with(b"DEP_") { continue }
	b.extend_from_slice(k.as_bytes());
	b.push(b'=');
	b.extend_from_slice(v.as_bytes());
	b.push(b'\n');
}
fs::write(out.clone() + "/environ", &b).unwrap();
"".into()
RS
scripted "$w" flags <<'RS'
println!("cargo:rustc-cfg=from_script");
println!("cargo::rustc-check-cfg=cfg(from_script)");
println!("cargo:rustc-link-arg-bins=-Wl,-z,stack-size=1111111");
println!("cargo:rustc-env=OTHER=x=y z");
"".into()
RS
put "$w/flags/src/main.rs" 'fn main() { println!("{} {}", cfg!(from_script),
	env!("OTHER")) }'
scripted "$w" empty-out <<'RS'
fs::create_dir_all(out.clone() + "/an/empty/dir").unwrap();
fs::write(out.clone() + "/zero", "").unwrap();
sh("cd $OUT_DIR; echo x >exe; chmod 750 exe; echo r >ro; chmod 444 ro; ln -s ro link; ln -s nowhere dangling; mkdir d; chmod 700 d; echo y >d/f; printf 'a\\377b' >'n\u{e9} b'; echo z >-dash");
"".into()
RS
scripted "$w" odd-out <<'RS'
sh("cd $OUT_DIR; echo x >f; ln f hard; echo y >\"$(printf 'no\\377')\"; echo n >\"$(printf 'new\\nline')\"; mkfifo fifo");
"".into()
RS
scripted "$w" big <<'RS'
let d = out.clone() + "/many";
fs::create_dir_all(&d).unwrap();
for i in 0..1500 { fs::write(format!("{d}/{i:04}"), format!("file {i}\n")).unwrap() }
fs::write(out.clone() + "/large", vec![7u8; 9_000_000]).unwrap();
for i in 0..20000 { println!("line {i} of many on standard output"); }
"".into()
RS
scripted "$w" bytes <<'RS'
let mut o = std::io::stdout();
o.write_all(b"not utf-8: \xff\xfe\n\n\r\n\0zero\n").unwrap();
std::io::stderr().write_all(b"\xff on stderr\n").unwrap();
"".into()
RS
scripted "$w" silent <<'RS'
"".into()
RS
put "$w/silent/build.rs" 'fn main() { print!("no newline at the end") }'
put "$w/silent/src/main.rs" 'fn main() {}'
scripted "$w" linked-in 'links = "there"' <<'RS'
println!("cargo:rustc-env=FROM=script");
"".into()
RS
scripted "$w" sees <<'RS'
["RUSTC", "RUSTC_LINKER", "RUSTC_WORKSPACE_WRAPPER", "CARGO", "RUSTDOC",
	"CARGO_ENCODED_RUSTFLAGS", "LD_PRELOAD", "KACHE_OBSERVE"]
	.map(|n| format!("{n}={:?}", env::var(n).ok())).join(" ")
RS
scripted "$w" wrapped <<'RS'
format!("{:?}", env::var("RUSTC_WRAPPER").ok())
RS
scripted "$w" exe <<'RS'
let me = env::current_exe().unwrap();
let a0 = env::args().next().unwrap();
if env::args().nth(1).as_deref() == Some("child") {
	print!("the child");
	return;
}
let dir = me.parent().unwrap();
assert!(fs::read(&me).unwrap().starts_with(b"\x7fELF"));
let target = dir.ancestors().nth(3).unwrap();
assert!(target.join("CACHEDIR.TAG").exists() ||
	target.parent().unwrap().join("CACHEDIR.TAG").exists());
// The directory itself has another name, as the manual says.
format!("{} {:?} {a0} {} {}", dir.parent().unwrap().display(),
	me.file_name().unwrap(), env::args().count(),
	text(Command::new(&me).arg("child")))
RS
scripted "$w" makes <<'RS'
let mut c = Command::new("make");
c.args(["-s", "-f", "par.mk"]);
c.env("MAKEFLAGS", env::var("CARGO_MAKEFLAGS").unwrap_or_default());
let o = c.output().unwrap();
assert!(o.status.success());
format!("{}{}", String::from_utf8_lossy(&o.stdout),
	String::from_utf8_lossy(&o.stderr))
RS
put "$w/makes/par.mk" 'all: a b c d
	@echo all
a b c d:
	@sleep 0.1'
scripted "$w" helped '[build-dependencies]
helper = { path = "../helper" }' <<'RS'
helper::help()
RS
package "$w/helper" helper
put "$w/helper/build.rs" 'fn main() {
	let d = std::env::var("OUT_DIR").unwrap();
	let t = std::fs::read_to_string("../side/help").unwrap();
	std::fs::write(d + "/t", t).unwrap();
	println!("cargo:rerun-if-changed=../side/help");
}'
put "$w/helper/src/lib.rs" 'pub fn help() -> String {
	include_str!(concat!(env!("OUT_DIR"), "/t")).into() }'
put "$w/side/help" help1
scripted "$w" custom 'build = "tools/other.rs"' <<'RS'
read("../side/help")
RS
mkdir -p "$w/custom/tools"
sed 's/rerun-if-changed=build.rs/rerun-if-changed=tools\/other.rs/' \
	"$w/custom/build.rs" >"$w/custom/tools/other.rs"
rm "$w/custom/build.rs"
# Programs that are no build scripts, though their names say so.
package "$w/names" names '[[bin]]
name = "build_script_x"
path = "src/x.rs"
[[bin]]
name = "build_script_build"
path = "src/b.rs"
[[bin]]
name = "build-script-main"
path = "src/m.rs"
[[example]]
name = "build_script_e"
path = "src/e.rs"
[[test]]
name = "build_script_t"
path = "src/t.rs"
[lib]
name = "build_script_lib"
path = "src/l.rs"'
for f in x b m e; do
	put "$w/names/src/$f.rs" "fn main() { println!(\"$f {:?} {}\",
	std::env::current_exe().unwrap().file_name().unwrap(),
	std::env::args().count()) }
#[test]
fn in_$f() {}"
done
put "$w/names/src/t.rs" '#[test]
fn in_t() {}'
put "$w/names/src/l.rs" '#[test]
fn in_l() {}'
scripted "$w" reruns <<'RS'
println!("cargo:rerun-if-changed={out}/result");
println!("cargo:rerun-if-env-changed=RERUN_VAR");
"".into()
RS
scripted "$w" nothing <<'RS'
println!("cargo:rerun-if-changed=../side/help");
read("../side/help")
RS
scripted "$w" slow <<'RS'
fs::create_dir_all(out.clone() + "/d").unwrap();
for i in 0..40 { fs::write(format!("{out}/d/{i}"), read("../side/help")).unwrap() }
sh("sleep $(cat ../side/pause)");
for i in 40..80 { fs::write(format!("{out}/d/{i}"), "late").unwrap() }
"done".into()
RS
put "$w/side/pause" 0
workspace_of "$w" "$profile"
plain "$w" generate-lockfile

for n in warns flags empty-out big silent linked-in sees exe makes \
	helped custom nothing; do
	same "$n" "$w" $n
done
# Odd bytes need not be kept.
for n in bytes odd-out; do
	back=- same "$n" "$w" $n
done
same "hears" "$w" hears
truth "$w" hears >"$T/hears.plain"
cp "$w"/target/debug/build/hears-*/out/environ "$T/environ.plain"
for i in 1 2; do
	cached "$w" hears
	check "variables of dependencies, byte by byte, $i" cmp \
		"$T/environ.plain" "$w"/target/debug/build/hears-*/out/environ
done
like "$(cat "$T/environ.plain")" \
	'^DEP_TELLS_CORE:DEFAULT__CORE_PLUGIN___PERMISSION.FILES_PATH=/a/b$' \
	"names with colons are among them"

# The environment itself: order, odd names, values that are not UTF-8, all
# as plain cargo gives it, when the script runs behind the launcher.
e=$T/e
mkdir -p "$e"
scripted "$e" dumps <<'RS'
use std::os::unix::ffi::OsStrExt;
let mut b = vec![];
for (k, v) in env::vars_os() {
	b.extend_from_slice(k.as_bytes());
	b.push(b'=');
	b.extend_from_slice(v.as_bytes());
	b.push(0);
}
fs::write(out.clone() + "/environ", &b).unwrap();
"".into()
RS
workspace_of "$e" "$profile"
dump() { # WRAPPED-OR-PLAIN
	rm -rf "$e/target"
	(
		cd "$e" || exit 1
		[ "$1" = plain ] || export RUSTC_WRAPPER=$WRAPPER
		env 'A:B=1' 'C-D=2' 'E.F= 3 ' "G=$(printf '\377\376')" 'H=' \
			"I=$(printf 'two\nlines')" cargo build -q
	) >"$T/out" 2>&1
	tr '\0' '\n' <"$(echo "$e"/target/debug/build/dumps-*/out/environ)" |
		grep -av '^RUSTC_WRAPPER='
}
dump plain >"$T/environ.plain"
if [ "$WRAPPER" != none ]; then
	for i in 1 2; do
		dump wrapped >"$T/environ.got"
		is "$(diff -a "$T/environ.plain" "$T/environ.got")" "" \
			"the environment of a script, byte by byte, $i"
	done
	cached "$w" wrapped
	is "$("$w/target/debug/wrapped")" \
		"Some(\"$WRAPPER\")|Some(\"$WRAPPER\")" \
		"RUSTC_WRAPPER as cargo sets it"
	cached "$w" wrapped
	is "$("$w/target/debug/wrapped")" \
		"Some(\"$WRAPPER\")|Some(\"$WRAPPER\")" "the same from the cache"
fi

# Words: warnings once and each time, -vv, and the JSON messages.
for args in "" -v -vv; do
	for i in 1 2; do
		rm -rf "$w/target"
		kcargo "$w" build $args -p warns
		words "$T/out" >"$T/words.$i"
	done
	rm -rf "$w/target"
	plain "$w" build $args -p warns
	words "$T/out.plain" >"$T/words.plain"
	is "$(diff "$T/words.plain" "$T/words.1")" "" "words of build $args"
	is "$(diff "$T/words.plain" "$T/words.2")" "" \
		"words of build $args from the cache"
done
like "$(cat "$T/words.2")" 'warning: warns@0.1.0: plain words' \
	"a warning is said again"
like "$(cat "$T/words.2")" '^\[warns 0.1.0\] words on stderr' \
	"-vv says the script's words"
json() { # WRAPPED-OR-PLAIN
	rm -rf "$w/target"
	$1 "$w" build -q -p tells -p flags --message-format=json
	grep -h build-script-executed "$T/out${2-}" | sort
}
one=$(json plain .plain)
is "$(json kcargo)" "$one" "JSON messages of scripts"
is "$(json kcargo)" "$one" "JSON messages of scripts from the cache"
like "$one" 'from_script' "they are not empty"

# Programs that only look like scripts are themselves.
# (cargo refuses two crates of one name in one package for some of them.)
for i in 1 2; do
	rm -rf "$w/target"
	mark
	kcargo "$w" build -q -p names --all-targets
	is $? 0 "names: builds, $i"
	for p in build_script_x:x build_script_build:b build-script-main:m \
		examples/build_script_e:e; do
		is "$("$w/target/debug/${p%:*}")" \
			"${p#*:} \"$(basename "${p%:*}")\" 1" "${p%:*} is itself, $i"
	done
	is "$(find "$w/target/debug/deps" "$w/target/debug/examples" \
		-name '*.kache-real')" "" "no launcher among them, $i"
done
kcargo "$w" test -q -p names
is $? 0 "names: tests run"

# A links override: no script runs at all.
put "$w/.cargo/config.toml" "[target.$(rustc -vV | sed -n 's/^host: //p').there]
rustc-env = { FROM = \"override\", SAID = \"nothing\" }"
put "$w/linked-in/src/main.rs" 'fn main() { println!("{}", env!("FROM")) }'
for i in 1 2; do
	rm -rf "$w/target"
	mark
	kcargo "$w" build -q -p linked-in
	is "$("$w/target/debug/linked-in")" override "a links override, $i"
	is "$(run_events linked-in)" "" "a links override: no run, $i"
done
rm "$w/.cargo/config.toml"
cached "$w" linked-in
is "$("$w/target/debug/linked-in")" script "without it the script counts again"

# make -j by cargo's jobserver.
for how in kcargo "env KACHE_DISABLED=1"; do
	rm -rf "$w/target"
	if [ "$how" = kcargo ]; then
		kcargo "$w" build -q -p makes
	else
		KACHE_DISABLED=1 kcargo "$w" build -q -p makes
	fi
	is "$("$w/target/debug/makes")" 'all|all' "make finds the jobserver: $how"
done

# --- the second build runs nothing ---

# Which packages cargo found not to be fresh.
dirty() {
	grep -E '^ *(Dirty|Compiling|Running) ' "$1" |
		grep -oE '^ *[A-Z][a-z]+ [^ ]*' | sort
}
for n in warns empty-out big nothing helped custom; do
	rm -rf "$w/target"
	kcargo "$w" build -q -p $n
	rm -rf "$w/target"
	kcargo "$w" build -q -p $n
	kcargo "$w" build -v -p $n
	is "$(dirty "$T/out")" "" "$n: fresh after it was served"
	plain "$w" build -v -p $n
	is "$(dirty "$T/out.plain")" "" "$n: fresh for plain cargo too"
	kcargo "$w" build -v -p $n
	is "$(dirty "$T/out")" "" "$n: and back"
done
# (Plain cargo runs a script that watches its own output again, if the clock
# ticked while it ran.)
for i in 1 2; do
	rm -rf "$w/target"
	kcargo "$w" build -q -p reruns
	kcargo "$w" build -v -p reruns
	kcargo "$w" build -q -p reruns
	is "$? $("$w/target/debug/reruns")" "0 |" \
		"a script that watches its own output, $i"
done
RERUN_VAR=1 kcargo "$w" build -v -p reruns
like "$(dirty "$T/out")" 'reruns' "a declared variable makes it run"

# What a script left in OUT_DIR besides stays, as after a real rerun.
rm -rf "$w/target"
kcargo "$w" build -q -p nothing
o=$(echo "$w"/target/debug/build/nothing-*/out)
echo mine >"$o/stray"
sleep 1.1
echo help2 >"$w/side/help"
kcargo "$w" build -q -p nothing
is "$("$w/target/debug/nothing")" 'help2|help2' "a declared file in a kept target"
sleep 1.1
echo help1 >"$w/side/help"
mark
kcargo "$w" build -q -p nothing
is "$("$w/target/debug/nothing")" 'help1|help1' "and back"
hit "which is served into a kept target" nothing
is "$(cat "$o/stray")" mine "what lay in OUT_DIR besides is still there"

# --- other tools over a restored target ---

# A real run of the script with the launcher in place: NAME's input changes.
turn=0
another() {
	turn=$((turn + 1))
	sleep 1.1
	echo "turn$turn" >"$w/side/help"
}
over() { # DESCRIPTION COMMAND...: builds "nothing" over a restored target
	local what=$1

	shift
	rm -rf "$w/target"
	kcargo "$w" build -q -p nothing
	another
	"$@"
	is "$? $("$w/target/debug/nothing")" "0 turn$turn|turn$turn" "$what"
	another
	kcargo "$w" build -q -p nothing
	is "$? $("$w/target/debug/nothing")" "0 turn$turn|turn$turn" \
		"$what: and back"
	kcargo "$w" build -v -p nothing
	is "$(dirty "$T/out")" "" "$what: fresh then"
}
disabled() { KACHE_DISABLED=1 kcargo "$w" build -q -p nothing; }
scripts_off() { KACHE_SHIM_BUILD_SCRIPTS=no kcargo "$w" build -q -p nothing; }
put "$T/bin/other-wrapper" '#!/bin/sh
exec "$@"'
put "$T/old/kache-shim" '#!/bin/sh
# An older shim, which knows nothing of runs: another driver, just run.
exec "$@"'
chmod +x "$T/bin/other-wrapper" "$T/old/kache-shim"
wrapped_by() { (cd "$w" && RUSTC_WRAPPER=$1 cargo build -q -p nothing) >"$T/out" 2>&1; }
over "plain cargo" plain "$w" build -q -p nothing
over "KACHE_DISABLED=1" disabled
over "build_scripts = no" scripts_off
over "another wrapper" wrapped_by "$T/bin/other-wrapper"
over "an older shim" wrapped_by "$T/old/kache-shim"
unset RUSTC_WRAPPER

# The launcher by hand, with a shim that is gone, with none, and with other
# arguments, an empty environment, closed descriptors.
rm -rf "$w/target"
kcargo "$w" build -q -p silent -p exe -p nothing
if [ "$WRAPPER" != none ]; then
	check "a launcher stands in the real program's place" \
		ls "$w"/target/debug/build/nothing-*/*.kache-real
fi
by_hand() { # VARIABLES...
	mkdir -p "$T/by-hand"
	rm -f "$T/by-hand/"*
	(cd "$w/nothing" && env -i PATH="$PATH" OUT_DIR="$T/by-hand" "$@" \
		"$w"/target/debug/build/nothing-*/build-script-build) >"$T/out" 2>&1
	is "$? $(cat "$T/by-hand/result" 2>&1)" "0 turn$turn" \
		"by hand with ${*:-no variable}"
}
by_hand
by_hand RUSTC_WRAPPER=
by_hand RUSTC_WRAPPER=/nowhere/kache-shim
by_hand RUSTC_WRAPPER=kache-shim
by_hand RUSTC_WRAPPER="$T/bin/other-wrapper"
by_hand RUSTC_WRAPPER="$WRAPPER" KACHE_DISABLED=1 HOME="$HOME"
by_hand RUSTC_WRAPPER="$WRAPPER" KACHE_CACHE_DIR=/nowhere/at/all
by_hand RUSTC_WRAPPER="$WRAPPER" KACHE_CACHE_DIR="$KACHE_CACHE_DIR"
(cd "$w/silent" && "$w"/target/debug/build/silent-*/build-script-build a b \
	<&- >&- 2>&-)
is $? 0 "by hand with closed descriptors"

# build_scripts = no from the first: no launcher, scripts run each time.
rm -rf "$w/target"
KACHE_SHIM_BUILD_SCRIPTS=no kcargo "$w" build -q -p nothing
is "$(find "$w/target" -name '*.kache-real')" "" \
	"build_scripts = no: no launcher"
is "$("$w/target/debug/nothing")" "turn$turn|turn$turn" \
	"build_scripts = no: builds"
rm -rf "$w/target"
mark
KACHE_SHIM_BUILD_SCRIPTS=no kcargo "$w" build -q -p nothing
is "$(run_hits)" 0 "build_scripts = no: nothing is served"

# The observer or the classifier is gone: as without a cache.
if [ -z "$TRYING" ]; then
	mkdir -p "$T/half"
	cp -r "$PREFIX/." "$T/half/"
	rm -f "$T/half/libexec/kache/libkache-observe.so"
	another
	for i in 1 2; do
		rm -rf "$w/target"
		(cd "$w" && RUSTC_WRAPPER=$T/half/bin/kache-shim cargo build -q \
			-p nothing) >"$T/out" 2>&1
		is "$? $("$w/target/debug/nothing")" "0 turn$turn|turn$turn" \
			"without an observer, $i"
	done
fi

# --- layouts, cross builds, artifact dependencies ---

triple=$(rustc -vV | sed -n 's/^host: //p')
in_layout() { # DESCRIPTION CARGO-ARGS...
	local what=$1 i

	shift
	for i in 1 2 3; do
		rm -rf "$w/target" "$T/built"
		mark
		kcargo "$w" build -q -p nothing -p hears -p helped "$@"
		is $? 0 "$what: builds, $i"
		is "$(find "$w/target" "$T/built" -name nothing -type f -perm -1 \
			-exec {} \; 2>/dev/null | sort -u)" "turn$turn|turn$turn" \
			"$what: is right, $i"
	done
	hit "$what: is served" nothing $hears tells helper helped
	kcargo "$w" build -v -p nothing -p hears -p helped "$@"
	is "$(dirty "$T/out")" "" "$what: fresh then"
}
hears=hears
in_layout "--target $triple" --target "$triple"
in_layout "--release" --release
in_layout "a profile of its own" --config 'profile.mine.inherits="dev"' \
	--profile mine
in_layout "--target-dir" --target-dir "$T/built"
in_layout "a build directory of its own" --config "build.build-dir=\"$T/built\""
has_musl=
rustc --print target-libdir --target x86_64-unknown-linux-musl 2>/dev/null |
	xargs -I{} ls {} >/dev/null 2>&1 && has_musl=1
if [ -n "$has_musl" ]; then
	in_layout "another target" --target x86_64-unknown-linux-musl
else
	skip "another target" "its std is not installed"
fi
if RUSTUP_TOOLCHAIN=nightly cargo --version >/dev/null 2>&1; then
	export RUSTUP_TOOLCHAIN=nightly
	# (It puts a directory of its choice into LD_LIBRARY_PATH, another one
	# each time, and "hears" looks at the whole environment.)
	hears=
	in_layout "one directory for each unit" -Zbuild-dir-new-layout
	in_layout "one directory for each unit, and --target" \
		-Zbuild-dir-new-layout --target "$triple"
	a=$T/artifact
	mkdir -p "$a"
	scripted "$a" user '[build-dependencies]
tool = { path = "../tool", artifact = "bin" }' <<'RS'
let p = env::var("CARGO_BIN_FILE_TOOL").unwrap();
text(&mut Command::new(&p))
RS
	scripted "$a" tool <<'RS'
read("../side/t")
RS
	put "$a/side/t" art1
	workspace_of "$a" "$profile"
	OPTS=-Zbindeps
	kcargo "$a" build -q -p user -Zbindeps
	if [ $? = 0 ]; then
		back=- hidden "a program of an artifact dependency" "$a" user \
			'echo art2 >side/t' 'echo art1 >side/t'
		cached "$a" user -Zbindeps
		hit "a script that runs an artifact dependency" user tool
	else
		not_ok "artifact dependencies build"
	fi
	unset OPTS RUSTUP_TOOLCHAIN
	[ -z "$tc_old" ] || export RUSTUP_TOOLCHAIN=$tc_old
else
	skip "the new layout, artifact dependencies" "no nightly"
fi
# A path with blanks, and a target behind a link.
mkdir -p "$T/a b/ü"
cp -r "$w/." "$T/a b/ü/"
rm -rf "$T/a b/ü/target"
for i in 1 2; do
	rm -rf "$T/a b/ü/target"
	mark
	kcargo "$T/a b/ü" build -q -p nothing
	is "$("$T/a b/ü/target/debug/nothing")" "turn$turn|turn$turn" \
		"blanks in the path, $i"
done
hit "blanks in the path" nothing
rm -rf "$w/target"
mkdir -p "$T/elsewhere"
for i in 1 2; do
	rm -rf "$T/elsewhere" "$w/target"
	mkdir "$T/elsewhere"
	ln -s "$T/elsewhere" "$w/target"
	mark
	kcargo "$w" build -q -p nothing
	is "$("$w/target/debug/nothing")" "turn$turn|turn$turn" \
		"a target behind a link, $i"
done
hit "a target behind a link" nothing
rm "$w/target"
# Linked worktrees of a repository, with scripts that ask git, and targets
# behind links.
r=$T/repo
mkdir -p "$r"
scripted "$r" asks-git <<'RS'
text(Command::new("git").args(["rev-parse", "HEAD"])) +
	&text(Command::new("git").args(["rev-parse", "--abbrev-ref", "HEAD"]))
RS
workspace_of "$r" "$profile"
put "$r/.gitignore" target
plain "$r" generate-lockfile
(cd "$r" && git init -q -b main && git add . && git commit -qm one &&
	git worktree add -q -b two ../repo-two &&
	git worktree add -q -b three ../repo-of-the-third-branch) >/dev/null 2>&1
bad=
for i in 1 2; do
	for d in repo repo-two repo-of-the-third-branch; do
		rm -rf "$T/$d/target" "$T/link-of-$d"
		mkdir "$T/link-of-$d"
		ln -s "$T/link-of-$d" "$T/$d/target"
		mark
		kcargo "$T/$d" build -q
		got=$("$T/$d/target/debug/asks-git")
		[ "$(sed -n 2p <<<"$got" | cut -d'|' -f1)" = \
			"$(git -C "$T/$d" rev-parse --abbrev-ref HEAD)" ] ||
			bad+="$d: $got "
		[ "$(head -1 <<<"$got")" = "$(git -C "$T/$d" rev-parse HEAD)" ] ||
			bad+="$d: $got "
	done
	git -C "$T/repo-two" commit -q --allow-empty -m "more $i"
done
is "$bad" "" "linked worktrees have their own commits and branches"
for i in 1 2; do
	rm -rf "$T/repo/target"
	mark
	kcargo "$T/repo" build -q
done
hit "and a worktree that did not change is served" asks-git
# umask and few descriptors.
for i in 1 2; do
	rm -rf "$w/target"
	(umask 077; ulimit -n 64; kcargo "$w" build -q -p empty-out -j1)
	is $? 0 "few descriptors and a narrow umask, $i"
done
is "$(find "$w/target" -perm /077 -not -type l -path '*/out/*' | grep -cv -e exe -e ro -e hard)" 0 \
	"no wider modes than the umask"

# --- the end at any moment ---

# A build of NAME whose process group gets SIGNAL after DELAY.
broken() { # SIGNAL DELAY NAME
	(
		cd "$w" || exit 1
		[ "$WRAPPER" = none ] || export RUSTC_WRAPPER=$WRAPPER
		exec setsid -w cargo build -q -p "$3" >"$T/out" 2>&1
	) &
	local sub=$! group i

	sleep "$2"
	group=$(ps -o pgid= --ppid $sub | head -1 | tr -d ' ')
	group=${group:-$(ps -o pgid= -p $sub | tr -d ' ')}
	[ -n "$group" ] && [ "$group" != "$(ps -o pgid= -p $$ | tr -d ' ')" ] &&
		kill -"$1" -- "-$group" 2>/dev/null
	wait $sub 2>/dev/null
	for i in $(seq 30); do
		[ -z "$group" ] && break
		pgrep -g "$group" >/dev/null || break
		sleep 0.1
	done
}

# During a run: nothing is left, nothing is kept, and the next build is right.
echo 3 >"$w/side/pause"
for s in INT TERM KILL; do
	rm -rf "$w/target"
	kcargo "$w" build -q -p silent
	broken $s 2 slow
	is "$(ls "$w"/target/debug/build/slow-*/out/result 2>/dev/null)" "" \
		"SIG$s during a run: it did not end"
	is "$(pgrep -f "$T/w/target" | wc -l)" 0 "SIG$s: no script goes on"
done
# Whoever ends what cargo started ends the script: cargo knows of no other.
for s in TERM KILL; do
	rm -rf "$w/target"
	kcargo "$w" build -q -p silent
	(
		cd "$w" || exit 1
		[ "$WRAPPER" = none ] || export RUSTC_WRAPPER=$WRAPPER
		exec cargo build -q -p slow >"$T/out" 2>&1
	) &
	sub=$!
	for i in $(seq 100); do
		pgrep -f "$w/target/debug/build/slow-" >/dev/null && break
		sleep 0.1
	done
	sleep 0.3
	pkill -$s -P $sub
	wait $sub
	isnt $? 0 "SIG$s to what cargo started: the build fails"
	sleep 0.2
	is "$(pgrep -f "$w/target/debug/build/slow-" | wc -l)" 0 \
		"SIG$s to what cargo started: no script goes on"
done
echo 0 >"$w/side/pause"
want=$(truth "$w" slow)
cached "$w" slow
is "$PIC" "$want" "the next build is right"
rm -rf "$w/target"
echo 3 >"$w/side/pause"
broken INT 2 slow
echo 0 >"$w/side/pause"
kcargo "$w" build -q -p slow
is "$(picture "$w" slow)" "$want" "the next build in the same target too"

# During a replay of many files: at each of many moments.
want=$(truth "$w" big)
cached "$w" big
bad=
for s in INT KILL; do
	for d in 0.05 0.1 0.13 0.16 0.19 0.22 0.25 0.28 0.32 0.36 0.4 0.5; do
		rm -rf "$w/target"
		broken $s $d big
		bad+=$(perl -e 'for my $f (@ARGV) {
			open my $in, "<", $f or next;
			my ($n) = $f =~ m{/0*(\d+)$} or next;
			my $t = <$in> // "";
			print "$f " if $t ne "file $n\n";
		}' "$w"/target/debug/build/big-*/out/many/*)
		f=$(echo "$w"/target/debug/build/big-*/out/large)
		[ ! -e "$f" ] || [ "$(stat -c %s "$f")" = 9000000 ] ||
			bad+="$s $d: large "
		kcargo "$w" build -q -p big || bad+="$s $d: build "
		[ "$(picture "$w" big)" = "$want" ] || bad+="$s $d: after "
	done
done
is "$bad" "" "killed at any moment of a replay: nothing is half there"
if [ -z "$TRYING" ]; then
	check "the store is whole" "$KACHE" verify
fi

# Two cargos at once in two worktrees, many times.
g=$T/g
mkdir -p "$g"
cp -r "$w/." "$g/"
rm -rf "$g/target"
bad=
for i in 1 2 3 4; do
	another
	cp "$w/side/help" "$g/side/help"
	rm -rf "$w/target" "$g/target"
	kcargo "$w" build -q -p nothing -p helped -p big &
	p=$!
	(T=$T/g-out; mkdir -p "$T"; kcargo "$g" build -q -p nothing -p helped -p big)
	wait $p || bad+="$i: first "
	for d in "$w" "$g"; do
		[ "$("$d/target/debug/nothing")" = "turn$turn|turn$turn" ] ||
			bad+="$i: $d "
		[ "$(picture "$d" big | grep -v ' output$' | grep -v root-output)" = \
			"$(grep -v ' output$' <<<"$want")" ] || bad+="$i: big $d "
	done
done
is "$bad" "" "two cargos in two worktrees at once"
rm -rf "$w/target"
kcargo "$w" build -q
is $? 0 "the whole workspace"

done_testing
