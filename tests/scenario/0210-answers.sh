#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a call returned is the input: where a name really lies, whether it is a
# link, permissions, owners and times, asked by a build script, by what it
# starts, and by a macro. Each changes alone; no content does.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

w=$T/w
package "$w" app '[dependencies]
pm = { path = "pm" }
[profile.release]
strip = true
[profile.dev.build-override]
opt-level = 0'
package "$w/pm" pm '[lib]
proc-macro = true'
put "$w/build.rs" <<'R'
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

extern "C" {
    fn stat(name: *const u8, to: *mut u64) -> i32;
}

fn say(name: &str, what: impl std::fmt::Display) {
    println!("cargo:rustc-env=S_{name}={what}");
}

fn run(program: &str, args: &[&str]) -> String {
    let o = Command::new(program).args(args).output().unwrap();
    String::from_utf8_lossy(&o.stdout).trim().replace('\n', ",")
}

fn main() {
    println!("cargo:rerun-if-changed=none");
    let out = std::env::var("OUT_DIR").unwrap();
    let at = |s: &str| format!("{out}/{s}");
    let base = |p: std::path::PathBuf| p.file_name().unwrap().to_str().unwrap().to_owned();
    say("REAL", base(fs::canonicalize("d/way").unwrap()));
    say("LINK", fs::symlink_metadata("d/plain").unwrap().is_symlink());
    say("MODE", format!("{:o}", fs::metadata("d/mode").unwrap().permissions().mode()));
    say("LOCKED", fs::metadata("d/locked").unwrap().permissions().readonly());
    say("LINKS", fs::metadata("d/links").unwrap().nlink());
    say("TIME", fs::metadata("d/time").unwrap().mtime());
    let mut all: Vec<_> = fs::read_dir("d/newest").unwrap().map(|e| e.unwrap()).collect();
    all.sort_by_key(|e| e.metadata().unwrap().modified().unwrap());
    say("NEWEST", base(all.last().unwrap().path()));
    let mut raw = [0u64; 32];
    say("RAW", unsafe { stat(b"d/raw\0".as_ptr(), raw.as_mut_ptr()); raw[11] });
    fs::copy("d/copied", at("copied")).unwrap();
    say("SHELL", run("sh", &["-c", "if [ d/new -nt d/old ]; then echo new; else echo old; fi"]));
    say("SCRIPT", run("sh", &["d/newer.sh"]));
    say("STAT", run("stat", &["-c", "%Y", "d/stat"]));
    say("FIND", run("find", &["d/find", "-newer", "d/old", "-type", "f"]));
    run("cp", &["-p", "d/kept", &at("kept")]);
    run("tar", &["cf", &at("t.tar"), "d/tarred"]);
    let there = Command::new("pwd").arg("-P").current_dir("d/there").output().unwrap();
    say("THERE", base(String::from_utf8(there.stdout).unwrap().trim().into()));
    say("CWD", fs::read_to_string("/proc/self/cwd/d/cwd").unwrap().trim());
    say("PID", fs::read_to_string(format!("/proc/{}/cwd/d/pid", std::process::id())).unwrap().trim());
    say("ROOT", fs::read_to_string(format!("/proc/thread-self/root{}/d/root",
        std::env::current_dir().unwrap().display())).unwrap().trim());
    std::env::set_current_dir("d/into").unwrap();
    say("INTO", base(std::env::current_dir().unwrap()));
}
R
put "$w/pm/src/lib.rs" <<'R'
use proc_macro::TokenStream;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[proc_macro]
pub fn ask(_: TokenStream) -> TokenStream {
    let real = fs::canonicalize("m/way").unwrap();
    let mut said = format!("{}", real.file_name().unwrap().to_str().unwrap());
    said += &format!(" {}", fs::symlink_metadata("m/plain").unwrap().is_symlink());
    said += &format!(" {:o}", fs::metadata("m/mode").unwrap().permissions().mode());
    said += &format!(" {}", fs::metadata("m/time").unwrap().mtime());
    let opened = fs::File::open("m/opened").unwrap();
    said += &format!(" {:?}", opened.metadata().unwrap().modified().unwrap());
    said += &format!(" {}", fs::metadata("m/links").unwrap().nlink());
    said += &format!(" {}", fs::read_to_string("/proc/self/cwd/m/cwd").unwrap().trim());
    let far = std::process::Command::new("readlink").args(["-f", "m/far"]).output().unwrap();
    said += String::from_utf8(far.stdout).unwrap().trim().rsplit('/').next().unwrap();
    format!("{said:?}").parse().unwrap()
}
R
put "$w/src/main.rs" <<'R'
use std::os::unix::fs::MetadataExt;
fn of(name: &str) -> std::fs::Metadata {
    std::fs::metadata(format!("{}/{name}", env!("OUT_DIR"))).unwrap()
}
fn main() {
    println!("{} {} {} {} {} {} {} {}", env!("S_REAL"), env!("S_LINK"), env!("S_MODE"),
        env!("S_LOCKED"), env!("S_LINKS"), env!("S_TIME"), env!("S_NEWEST"), env!("S_RAW"));
    println!("{} {} {} {} {}", env!("S_SHELL"), env!("S_SCRIPT"), env!("S_STAT"),
        env!("S_FIND"), env!("S_THERE"));
    println!("{} {} {} {}", env!("S_CWD"), env!("S_PID"), env!("S_ROOT"), env!("S_INTO"));
    println!("{:o} {}", of("copied").mode(), of("kept").mtime());
    println!("{}", String::from_utf8_lossy(&include_bytes!(concat!(env!("OUT_DIR"), "/t.tar"))[136..147]));
    println!("{}", pm::ask!());
}
R
mkdir -p "$w/d/one" "$w/d/two" "$w/m/one" "$w/m/two" "$w/d/newest" "$w/d/find"
for n in d/mode d/locked d/links d/time d/raw d/copied d/tarred d/new d/old d/stat d/kept \
	d/cwd d/pid d/root d/plain d/newest/a d/newest/b d/find/f m/plain m/mode \
	m/time m/opened m/links m/cwd; do
	echo x >"$w/$n"
	touch -d @1600000000 "$w/$n"
done
put "$w/d/newer.sh" 'if [ d/new -nt d/old ]; then echo new; else echo old; fi'
for n in d/way d/there d/into m/way m/far; do
	ln -s one "$w/$n"
done
cp -p "$w/d/plain" "$w/d/same"
cp -p "$w/m/plain" "$w/m/same"
touch -d @1500000000 "$w/d/newest/a"

# MUTATE changes one answer: through the cache it must show as in a plain
# build, and what was there before is served again when it is undone.
answer() { # DESCRIPTION MUTATE REVERT
	local before got want

	before=$(cd "$w" && target/$dir/app)
	(cd "$w" && eval "$2") || { not_ok "$1: mutate"; return; }
	rm -rf "$w/target" "$w/plain"
	kcargo "$w" build -q $profile
	got=$(cd "$w" && target/$dir/app 2>&1)
	plain "$w" build -q $profile --target-dir plain
	want=$(cd "$w" && plain/$dir/app 2>&1)
	isnt "$want" "$before" "$1: it shows in a plain build"
	is "$got" "$want" "$1"
	(cd "$w" && eval "$3") || { not_ok "$1: revert"; return; }
	rm -rf "$w/target"
	mark
	kcargo "$w" build -q $profile
	is "$(cd "$w" && target/$dir/app)" "$before" "$1, undone"
	served "$1, undone: compiles nothing"
	is "$(ran app)" 0 "$1, undone: runs nothing"
}

begin() { # PROFILE-OPTION DIRECTORY
	profile=$1
	dir=$2
	rm -rf "$w/target"
	kcargo "$w" build -q $profile
	rm -rf "$w/target"
	mark
	kcargo "$w" build -q $profile
	served "warm, $dir"
	is "$(ran app)" 0 "warm, $dir: no script ran"
}

begin "" debug
answer "a link that is canonicalized leads elsewhere" \
	'ln -sfn two d/way' 'ln -sfn one d/way'
answer "a file becomes a link to an equal one" \
	'ln -sf same d/plain' 'rm d/plain; cp -p d/same d/plain'
answer "permissions" 'chmod 600 d/mode' 'chmod 644 d/mode'
answer "a file is read-only" 'chmod 444 d/locked' 'chmod 644 d/locked'
answer "another name of a file" 'ln d/links d/again' 'rm d/again'
answer "a time" 'touch -d @1700000000 d/time' 'touch -d @1600000000 d/time'
answer "the newest of a directory" 'touch -d @1700000000 d/newest/a' \
	'touch -d @1500000000 d/newest/a'
answer "a time, by stat of libc" 'touch -d @1700000000 d/raw' \
	'touch -d @1600000000 d/raw'
answer "a copied file has other permissions" 'chmod 400 d/copied' \
	'chmod 644 d/copied'
answer "a shell compares times" 'touch -d @1700000000 d/new' \
	'touch -d @1600000000 d/new'
answer "stat prints a time" 'touch -d @1700000000 d/stat' \
	'touch -d @1600000000 d/stat'
answer "find -newer" 'touch -d @1700000000 d/find/f' \
	'touch -d @1600000000 d/find/f'
answer "cp -p keeps a time" 'touch -d @1700000000 d/kept' \
	'touch -d @1600000000 d/kept'
answer "tar stores a time" 'touch -d @1700000000 d/tarred' \
	'touch -d @1600000000 d/tarred'
answer "a child's directory is a link" 'ln -sfn two d/there' \
	'ln -sfn one d/there'
answer "a directory that is gone to is a link" 'ln -sfn two d/into' \
	'ln -sfn one d/into'
for n in cwd pid root; do
	answer "a file by its name in /proc, $n" "echo yy >d/$n" \
		"echo x >d/$n; touch -d @1600000000 d/$n"
done

answer "macro: a link is canonicalized" 'ln -sfn two m/way' 'ln -sfn one m/way'
answer "macro: readlink -f, which it starts" 'ln -sfn two m/far' \
	'ln -sfn one m/far'
answer "macro: a file becomes a link" 'ln -sf same m/plain' \
	'rm m/plain; cp -p m/same m/plain'
answer "macro: permissions" 'chmod 600 m/mode' 'chmod 644 m/mode'
answer "macro: a time" 'touch -d @1700000000 m/time' \
	'touch -d @1600000000 m/time'
answer "macro: a time of an open file" 'touch -d @1700000000 m/opened' \
	'touch -d @1600000000 m/opened'
answer "macro: another name of a file" 'ln m/links m/again' 'rm m/again'
answer "macro: a file by its name in /proc" 'echo yy >m/cwd' \
	'echo x >m/cwd; touch -d @1600000000 m/cwd'

# Stripped programs and macros tell as much.
begin --release release
answer "stripped: a time" 'touch -d @1700000000 d/time' \
	'touch -d @1600000000 d/time'
answer "stripped macro: a time" 'touch -d @1700000000 m/time' \
	'touch -d @1600000000 m/time'
answer "stripped: permissions" 'chmod 600 d/mode' 'chmod 644 d/mode'

# What no item can hold is refused, of macros as of scripts.
asks() { # DESCRIPTION EXPRESSION(of type String) REASON
	package "$T/asks" asks '[dependencies]
am = { path = "am" }'
	package "$T/asks/am" am '[lib]
proc-macro = true'
	put "$T/asks/am/src/lib.rs" "use std::io::Read;
	fn value() -> String { $2 }
	#[proc_macro] pub fn ask(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
		let _ = std::io::stdin().by_ref(); format!(\"{:?}\", value()).parse().unwrap() }"
	put "$T/asks/src/main.rs" 'fn main() { print!("{}", am::ask!()) }'
	put "$T/asks/build.rs" "use std::io::Read;
	fn value() -> String { $2 }
	fn main() { let _ = std::io::stdin().by_ref(); println!(\"{}\", value()) }"
	rm -rf "$T/asks/target"
	mark
	kcargo "$T/asks" build -q
	like "$(events | awk -F'\t' '$6 == "asks" && $7 == "bin" { print $5 }')" \
		"$3" "macro: $1"
	like "$(run_reasons asks)" "$3" "script: $1"
}
asks "the clock" 'format!("{:?}", std::time::SystemTime::now())' '(not_stored:)?clock:'
asks "date" 'String::from_utf8(std::process::Command::new("date").arg("+%N")
	.output().unwrap().stdout).unwrap()' '(not_stored:)?clock:date'
asks "random bytes" 'let mut b = [0u8; 8];
	std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut b).unwrap();
	format!("{b:?}")' 'reads:/dev/urandom'
asks "memory" 'std::fs::read_to_string("/proc/meminfo").unwrap()' 'reads:/proc/meminfo'
asks "limits of the process" 'std::fs::read_to_string("/proc/self/limits").unwrap()' \
	'reads:/proc/self/limits'
asks "another process" 'std::fs::read_to_string("/proc/1/stat").unwrap()' \
	'reads:/proc/1/stat'
asks "memory of the control group" \
	'std::fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or("none".into());
	std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or("none".into());
	std::fs::read_to_string("/proc/loadavg").unwrap()' 'reads:/'
asks "an attribute" 'extern "C" { fn getxattr(n: *const u8, a: *const u8, v: *mut u8, k: usize) -> isize; }
	let mut v = [0u8; 64];
	format!("{}", unsafe { getxattr(b"Cargo.toml\0".as_ptr(), b"user.kache\0".as_ptr(), v.as_mut_ptr(), 64) })' \
	'xattr:'
asks "free space" 'extern "C" { fn statvfs(n: *const u8, v: *mut u64) -> i32; }
	let mut v = [0u64; 32];
	format!("{} {}", unsafe { statvfs(b".\0".as_ptr(), v.as_mut_ptr()) }, v[4])' \
	'file-system:'

# A source is replaced in place, with size and time of before, while it is
# compiled: rustc has read the old one, and a macro waits for the new one.
race() { # DESCRIPTION HOW
	local pid n

	package "$T/race" race '[dependencies]
wm = { path = "wm" }'
	package "$T/race/wm" wm '[lib]
proc-macro = true'
	put "$T/race/wm/src/lib.rs" 'use proc_macro::TokenStream;
	#[proc_macro] pub fn wait(_: TokenStream) -> TokenStream {
		for _ in 0..1000 {
			if std::path::Path::new("go").exists() { break }
			std::thread::sleep(std::time::Duration::from_millis(10));
		}
		TokenStream::new()
	}'
	put "$T/race/src/main.rs" 'mod m; wm::wait!(); fn main() { print!("{}", m::N) }'
	put "$T/race/src/m.rs" 'pub const N: u8 = 1;'
	touch -d @1600000000 "$T/race/src/m.rs"
	rm -rf "$T/race/target" "$T/race/go"
	put "$T/race/other" 'pub const N: u8 = 2;'
	touch -d @1600000000 "$T/race/other"
	kcargo "$T/race" build -q &
	pid=$!
	for n in $(seq 1000); do
		grep -qs "$T/race/target/.*libwm" /proc/[0-9]*/maps && break
		sleep 0.01
	done
	(cd "$T/race" && eval "$2")
	touch "$T/race/go"
	wait $pid
	rm -rf "$T/race/target" "$T/race/go"
	kcargo "$T/race" build -q &
	pid=$!
	(sleep 0.5; touch "$T/race/go")
	wait $pid
	is "$("$T/race/target/debug/race")" 2 "$1"
}
race "replaced by cp -p" 'cp -p other src/m.rs'
race "replaced by tar" 'tar cf t.tar --transform s,other,src/m.rs, other && tar xf t.tar --overwrite'

done_testing
