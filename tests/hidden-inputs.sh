# SPDX-License-Identifier: Apache-2.0
# A workspace ($w) of packages whose build scripts have one hidden input
# each; sourced after tests/runs.sh.

w=$T/w
mkdir -p "$w"

# --- files, directories, names ---

scripted "$w" afile <<'RS'
read("../side/undeclared")
RS
put "$w/side/undeclared" one
scripted "$w" parts <<'RS'
println!("cargo:rerun-if-changed=data");
let mut all = String::new();
for f in ["data/a", "data/sub/b"] { all += &read(f) }
all
RS
put "$w/parts/data/a" a1
put "$w/parts/data/sub/b" b1
scripted "$w" lists <<'RS'
let mut v: Vec<_> = fs::read_dir("../side/dir").unwrap()
	.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
v.sort();
v.join(",")
RS
put "$w/side/dir/a" a
scripted "$w" walks <<'RS'
fn walk(d: &Path, out: &mut Vec<String>) {
	for e in fs::read_dir(d).unwrap() {
		let p = e.unwrap().path();
		if p.is_dir() { walk(&p, out) } else {
			out.push(p.display().to_string())
		}
	}
}
let mut v = vec![];
walk(Path::new("../side/tree"), &mut v);
v.sort();
v.join(",")
RS
put "$w/side/tree/one/two/three" x
scripted "$w" tests-for <<'RS'
let p = "../side/";
format!("{} {} {} {:?} {:?}", Path::new("../side/maybe").exists(),
	Path::new("../side/dangling").exists(),
	Path::new("../side/deep/er/file").is_file(),
	fs::read_link("../side/link").ok(),
	fs::canonicalize("../side/link2").unwrap().file_name())
RS
mkdir -p "$w/side/deep"
put "$w/side/text" text1
ln -s text "$w/side/link"
ln -s text "$w/side/link2"
ln -s gone "$w/side/dangling"
scripted "$w" copies <<'RS'
fs::copy("../side/copied1", out.clone() + "/copy").unwrap();
sh("cp ../side/copied2 $OUT_DIR/copy2; cat ../side/copied3 >$OUT_DIR/copy3");
sh("install -m 644 ../side/copied4 $OUT_DIR");
"".into()
RS
for i in 1 2 3 4; do
	put "$w/side/copied$i" "copied one $i"
done
scripted "$w" upward <<'RS'
let mut d = env::current_dir().unwrap();
loop {
	if let Ok(s) = fs::read_to_string(d.join(".env")) { break s }
	if !d.pop() { break "none".into() }
}
RS
put "$w/.env" outer
scripted "$w" sizes <<'RS'
format!("{:?}", fs::metadata("../side/sized").map(|m| m.len()))
RS
put "$w/side/sized" four
scripted "$w" modes <<'RS'
sh("[ -x ../side/sized ] && echo yes || echo no")
RS
scripted "$w" parallel <<'RS'
format!("{} {}", std::thread::available_parallelism().unwrap(),
	text(&mut Command::new("nproc")))
RS
scripted "$w" allowed <<'RS'
fs::read_to_string("/proc/self/status").unwrap().lines()
	.find(|l| l.starts_with("Cpus_allowed_list")).unwrap().into()
RS
scripted "$w" homed <<'RS'
sh("cat $HOME/.toolrc 2>/dev/null || echo none")
RS

# --- C ---

scripted "$w" cfile 'links = "foo"' <<'RS'
let cc = env::var("CC").unwrap_or("cc".into());
let (o, a) = (out.clone() + "/foo.o", out.clone() + "/libfoo.a");
text(Command::new(cc).args(["-Iinc", "-c", "foo.c", "-o", &o]));
let _ = fs::remove_file(&a);
text(Command::new("ar").args(["crD", &a, &o]));
println!("cargo:rerun-if-changed=foo.c");
println!("cargo:rustc-link-search=native={out}");
println!("cargo:rustc-link-lib=static=foo");
"".into()
RS
put "$w/cfile/foo.c" '#include "own.h"
#include <stdio.h>
int foo(void) { return OWN + __clang__ + 0; }'
sub "$w/cfile/foo.c" '__clang__ + 0' 'CLANG'
put "$w/cfile/own.h" '#include <second.h>
#ifdef __clang__
#define CLANG 100
#else
#define CLANG 0
#endif
#define OWN (1 + SECOND)'
put "$w/cfile/inc/second.h" '#define SECOND 10'
put "$w/cfile/src/main.rs" 'extern "C" { fn foo() -> i32; }
fn main() { println!("{}", unsafe { foo() }) }'

# --- programs ---

scripted "$w" tools <<'RS'
text(&mut Command::new("gen-tool"))
RS
for i in 1 2; do
	put "$T/tools$i/gen-tool" "#!/bin/sh
echo tool$i"
	chmod +x "$T/tools$i/gen-tool"
done
scripted "$w" linked-tool <<'RS'
text(&mut Command::new("linked-tool"))
RS
library() { # VALUE
	echo "int value(void) { return $1; }" |
		gcc -shared -fPIC -x c - -o "$T/tools1/libvalue.so"
}
library 1
gcc -x c - -o "$T/tools1/linked-tool" -L"$T/tools1" -lvalue \
	-Wl,-rpath,"$T/tools1" <<'C'
#include <stdio.h>
int value(void);
int main(void) { printf("%d\n", value()); return 0; }
C
scripted "$w" own-tool <<'RS'
text(&mut Command::new("./gen.sh"))
RS
put "$w/own-tool/gen.sh" '#!/bin/sh
. ./part.sh
echo gen1 $PART'
put "$w/own-tool/part.sh" 'PART=part1'
chmod +x "$w/own-tool/gen.sh"
scripted "$w" nested <<'RS'
sh("sh -c 'sh -c \"awk {print} ../side/nested\"'")
RS
put "$w/side/nested" nested1

python=$(command -p -v python3)
scripted "$w" by-awk <<'RS'
text(Command::new("awk").args(["{ print $1 }", "../side/read"]))
RS
scripted "$w" by-sed <<'RS'
text(Command::new("sed").args(["-e", "s/x/y/", "../side/read"]))
RS
scripted "$w" by-python <<RS
text(Command::new("$python").args(["-c", "print(open('../side/read').read())"]))
RS
scripted "$w" by-perl <<'RS'
text(Command::new("perl").args(["-ne", "print", "../side/read"]))
RS
scripted "$w" by-make <<'RS'
text(Command::new("make").args(["-s", "-f", "gen.mk"]))
RS
put "$w/by-make/gen.mk" 'include part.mk
all:
	@echo $(PART)
	@cat ../side/read'
put "$w/by-make/part.mk" 'PART = part1'
put "$w/side/read" read1
scripted "$w" by-pkgconfig <<'RS'
text(Command::new("pkg-config").args(["--cflags", "--libs", "foo"])) +
	&text(Command::new("pkg-config").args(["--modversion", "foo"]))
RS
put "$T/pc/foo.pc" 'Name: foo
Description: foo
Version: 1.0
Cflags: -DFOO=1
Libs: -L/opt/foo -lfoo
Requires: bar'
put "$T/pc/bar.pc" 'Name: bar
Description: bar
Version: 1.0
Cflags: -DBAR=1'
export PKG_CONFIG_PATH=$T/pc
scripted "$w" by-cmake <<'RS'
fs::create_dir_all(out.clone() + "/b").unwrap();
text(Command::new("cmake").args(["-S", ".", "-B", &(out.clone() + "/b")]));
let s = read(&(out.clone() + "/b/conf.txt"));
fs::remove_dir_all(out.clone() + "/b").unwrap();
s
RS
put "$w/by-cmake/CMakeLists.txt" 'cmake_minimum_required(VERSION 3.10)
project(x NONE)
include(part.cmake)
configure_file(conf.in conf.txt)'
put "$w/by-cmake/part.cmake" 'set(PART part1)'
put "$w/by-cmake/conf.in" '@PART@ conf1'

# As autocfg asks: by the wrapper, if cargo has one, and without.
scripted "$w" probes <<'RS'
let rustc = env::var("RUSTC").unwrap();
let mut c = match env::var("RUSTC_WRAPPER") {
	Ok(w) if !w.is_empty() => { let mut c = Command::new(w); c.arg(&rustc); c }
	_ => Command::new(&rustc),
};
let mut answers = String::new();
for n in ["probe0", "probe1"] {
	let mut p = if n == "probe0" { Command::new(&rustc) } else {
		let mut p = Command::new(c.get_program());
		p.args(c.get_args());
		p
	};
	p.args(["--crate-name", n, "--crate-type=lib", "--emit=metadata",
		"--out-dir", &out, "probe.rs"]);
	answers += &format!("{} ", p.output().unwrap().status.success());
	let _ = fs::remove_file(format!("{out}/lib{n}.rmeta"));
}
answers
RS
put "$w/probes/probe.rs" 'include!("part.rs");'
put "$w/probes/part.rs" 'pub fn f() {}'
scripted "$w" stdin-probe <<'RS'
use std::process::Stdio;
let rustc = env::var("RUSTC").unwrap();
let mut c = match env::var("RUSTC_WRAPPER") {
	Ok(w) if !w.is_empty() => { let mut c = Command::new(w); c.arg(&rustc); c }
	_ => Command::new(&rustc),
};
let mut k = c.args(["--crate-name", "p", "--crate-type=lib", "--out-dir", &out,
	"--emit=llvm-ir", "-"]).stdin(Stdio::piped()).spawn().unwrap();
k.stdin.take().unwrap().write_all(read("../side/probe").as_bytes()).unwrap();
let good = k.wait().unwrap().success();
let _ = fs::remove_file(out.clone() + "/p.ll");
format!("{good}")
RS
put "$w/side/probe" 'pub fn f() {}'

# --- environment ---

scripted "$w" by-name <<'RS'
format!("{:?}", env::var("HIDDEN_MODE").ok())
RS
scripted "$w" by-shell <<'RS'
sh("echo ${HIDDEN_SH-unset}")
RS
scripted "$w" whole <<'RS'
let mut v: Vec<_> = env::vars().filter(|v| v.0.starts_with("WALK_"))
	.map(|v| v.0 + "=" + &v.1).collect();
v.sort();
v.join(",")
RS
scripted "$w" jobs <<'RS'
env::var("NUM_JOBS").unwrap()
RS
scripted "$w" cargo-says '[features]
more = []' <<'RS'
["OPT_LEVEL", "DEBUG", "PROFILE", "TARGET", "HOST", "CARGO_FEATURE_MORE",
	"CARGO_CFG_PANIC", "CARGO_PKG_VERSION", "CARGO_MANIFEST_LINKS"]
	.map(|n| format!("{n}={:?}", env::var(n).ok())).join(" ")
RS

# --- git ---

scripted "$w" git-head <<'RS'
text(Command::new("git").args(["rev-parse", "HEAD"]))
RS
scripted "$w" git-describe <<'RS'
text(Command::new("git").args(["describe", "--tags", "--always"]))
RS
scripted "$w" git-dirty <<'RS'
text(Command::new("git").args(["status", "--porcelain", "../side/undeclared"]))
RS
scripted "$w" git-reads <<'RS'
let head = read("../.git/HEAD");
match head.trim().strip_prefix("ref: ") {
	Some(r) => read(&format!("../.git/{r}")),
	None => head,
}
RS

# --- scripts that depend on scripts ---

scripted "$w" producer 'links = "prod"' <<'RS'
let v = read("../side/meta");
println!("cargo:value={}", v.trim());
println!("cargo:same=1");
"".into()
RS
put "$w/side/meta" meta1
scripted "$w" consumer '[dependencies]
producer = { path = "../producer" }' <<'RS'
format!("{:?} {:?}", env::var("DEP_PROD_VALUE"), env::var("DEP_PROD_SAME"))
RS
put "$w/producer/src/lib.rs" ''

put "$w/.gitignore" 'target
side/later'
profile='[profile.dev]
debug = 0
incremental = false'
workspace_of "$w" "$profile"
(cd "$w" && git init -q . && git add . && git commit -qm one && git tag v1)
plain "$w" generate-lockfile
(cd "$w" && git add . && git commit -qm lock && git tag v0 &&
	git tag -d v0 >/dev/null)
PATH=$T/tools1:$ORIG_PATH

