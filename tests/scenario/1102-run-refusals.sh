#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build script runs that must not be kept, or not be served elsewhere: never
# a wrong result, and the reason is counted.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

w=$T/w
mkdir -p "$w/side"

# --- what is no function of anything that can be keyed ---

scripted "$w" clock <<'RS'
format!("{:?}", std::time::SystemTime::now())
RS
scripted "$w" dates <<'RS'
text(Command::new("date").args(["+%s.%N"]))
RS
scripted "$w" shell-time <<'RS'
text(Command::new("bash").args(["-c", "echo $EPOCHREALTIME"]))
RS
scripted "$w" perl-time <<'RS'
text(Command::new("perl").args(["-MTime::HiRes=time", "-e",
	"printf '%.6f', time"]))
RS
scripted "$w" python-time <<RS
text(Command::new("$(command -p -v python3)")
	.args(["-c", "import time; print(repr(time.time()))"]))
RS
scripted "$w" random <<'RS'
sh("od -An -tx8 -N8 /dev/urandom")
RS
scripted "$w" hashes <<'RS'
use std::{collections::hash_map::RandomState, hash::{BuildHasher, Hasher}};
format!("{}", RandomState::new().build_hasher().finish())
RS
scripted "$w" pids <<'RS'
format!("{} {}", std::process::id(), sh("echo $$ $PPID").trim())
RS
scripted "$w" net <<'RS'
let mut s = std::net::TcpStream::connect(read("../side/address").trim())
	.unwrap();
let mut t = String::new();
s.read_to_string(&mut t).unwrap();
t
RS
scripted "$w" net-below <<RS
text(Command::new("$(command -p -v python3)").args(["-c",
	"import socket, sys; a = open('../side/address').read().split(':'); s = socket.create_connection((a[0], int(a[1]))); print(s.recv(99).decode())"]))
RS
scripted "$w" local-socket <<'RS'
let mut s = std::os::unix::net::UnixStream::connect(read("../side/path")
	.trim()).unwrap();
let mut t = String::new();
s.read_to_string(&mut t).unwrap();
t
RS
scripted "$w" proc-files <<'RS'
sh("cut -d' ' -f1 /proc/uptime; cat /proc/self/stat | cut -d' ' -f1")
RS
scripted "$w" static-child <<RS
text(&mut Command::new("$T/bin/static"))
RS
scripted "$w" musl-child <<RS
text(&mut Command::new("$T/bin/musl"))
RS
for f in static musl; do
	put "$T/$f.c" '#include <stdio.h>
int main(void)
{
	char b[64] = "";
	FILE *f = fopen("../side/static", "r");
	if (f == NULL || fgets(b, 64, f) == NULL)
		return 1;
	printf("%s", b);
	return 0;
}'
done
gcc -static -o "$T/bin/static" "$T/static.c"
musl-gcc -o "$T/bin/musl" "$T/musl.c" 2>/dev/null ||
	cp "$T/bin/static" "$T/bin/musl"
put "$w/side/static" static1
scripted "$w" raw-call <<'RS'
let s: usize; let p = b"../side/raw\0"; let mut b = [0u8; 8];
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
RS
put "$w/side/raw" raw1
scripted "$w" survivor <<'RS'
use std::process::Stdio;
Command::new("sh").args(["-c", "sleep 1; cat ../side/late >$OUT_DIR/late"])
	.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
	.spawn().unwrap();
"started".into()
RS
put "$w/side/late" late1
scripted "$w" cleared <<'RS'
text(Command::new("/bin/cat").arg("../side/cleared").env_clear())
RS
put "$w/side/cleared" cleared1
scripted "$w" closed <<'RS'
extern "C" { fn close(f: i32) -> i32; }
for f in 3..1024 { unsafe { close(f); } }
read("../side/closed") + &sh("cat ../side/closed")
RS
put "$w/side/closed" closed1
scripted "$w" moved <<'RS'
env::set_current_dir("..").unwrap();
read("side/moved") + &sh("cd side && cat moved")
RS
put "$w/side/moved" moved1
scripted "$w" unpreloaded <<'RS'
env::remove_var("LD_PRELOAD");
for (k, _) in env::vars_os() {
	if k.to_string_lossy().starts_with("KACHE") { env::remove_var(k) }
}
sh("cat ../side/unpreloaded")
RS
put "$w/side/unpreloaded" unpreloaded1

scripted "$w" swapped <<'RS'
let a = read("../side/swap");
sh("sleep $(cat ../side/pause)");
a + &read("../side/swap2")
RS
put "$w/side/swap" one
put "$w/side/swap2" two
put "$w/side/pause" 0
scripted "$w" huge <<'RS'
let mut n = 0;
for i in 0..20000 { n += read(&format!("../side/many/{i}")).len() }
format!("{n}")
RS
mkdir -p "$w/side/many"
(cd "$w/side/many" &&
	perl -e 'for (0 .. 19999) { open my $f, ">", $_; print $f "x" }')

# --- what leaves something behind elsewhere ---

scripted "$w" writes-src <<'RS'
fs::write("src/generated.rs", read("../side/schema")).unwrap();
"".into()
RS
put "$w/writes-src/src/main.rs" 'mod generated;
fn main() { println!("{}", generated::X) }'
put "$w/side/schema" 'pub const X: u8 = 1;'
scripted "$w" writes-home <<'RS'
fs::write(env::var("HOME").unwrap() + "/.written", "x").unwrap();
"".into()
RS
scripted "$w" writes-below <<'RS'
sh("mkdir -p ../side/made && touch ../side/made/by-sh");
"".into()
RS
scripted "$w" removes <<'RS'
format!("{}", fs::remove_file("../side/doomed").is_ok())
RS
scripted "$w" appends <<'RS'
let mut f = fs::OpenOptions::new().append(true).create(true)
	.open("../side/counter").unwrap();
f.write_all(b"x").unwrap();
format!("{}", fs::metadata("../side/counter").unwrap().len())
RS
scripted "$w" renames <<'RS'
sh("mkdir -p ../side/inbox; [ ! -f ../side/inbox/f ] || mv ../side/inbox/f $OUT_DIR/f; cat $OUT_DIR/f 2>/dev/null || echo none")
RS
scripted "$w" target-file <<'RS'
let d = Path::new(&out).ancestors().nth(3).unwrap().to_path_buf();
fs::write(d.join("beside.txt"), "beside").unwrap();
"".into()
RS
scripted "$w" tmp-only <<'RS'
let p = env::temp_dir().join(format!("kache-test-{}", std::process::id()));
fs::write(&p, "x").unwrap();
let s = fs::read_to_string(&p).unwrap();
fs::remove_file(&p).unwrap();
s
RS

# --- what depends on earlier runs ---

scripted "$w" own-old <<'RS'
let p = out.clone() + "/count";
let n: u32 = fs::read_to_string(&p).ok().and_then(|s| s.parse().ok())
	.unwrap_or(0);
fs::write(&p, format!("{}", n + 1)).unwrap();
println!("cargo:rerun-if-changed=../side/again");
format!("{}", n + 1)
RS
put "$w/side/again" 1
scripted "$w" fails <<'RS'
if read("../side/fails").trim() == "yes" {
	eprintln!("words of the failing script");
	std::process::exit(3);
}
"good".into()
RS
put "$w/side/fails" yes
scripted "$w" aborts <<'RS'
if read("../side/fails").trim() == "yes" { std::process::abort() }
"good".into()
RS

workspace_of "$w" '[profile.dev]
debug = 0
incremental = false'
put "$w/side/address" none
put "$w/side/path" none

# Servers that count: each connection gets another number.
python=$(command -p -v python3)
"$python" - "$w/side/address" "$T/socket" <<'END' &
import os, socket, sys, threading
tcp = socket.socket()
tcp.bind(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[2])
n = [0]
lock = threading.Lock()
def serve(s):
    s.listen(8)
    while True:
        c, _ = s.accept()
        with lock:
            n[0] += 1
            c.sendall(b"answer %d\n" % n[0])
        c.close()
threading.Thread(target=serve, args=(unix,), daemon=True).start()
tcp.listen(8)
with open(sys.argv[1], "w") as f:
    f.write("127.0.0.1:%d\n" % tcp.getsockname()[1])
serve(tcp)
END
server=$!
at_end "kill $server 2>/dev/null; wait $server 2>/dev/null"
echo "$T/socket" >"$w/side/path"
for i in $(seq 50); do
	[ "$(cat "$w/side/address")" != none ] && break
	sleep 0.1
done

shown() { # NAME: what the program says
	"$w/target/debug/$1" 2>&1
}

# Never the same twice: three builds give three results, and the reason
# stands in the log.
fresh() { # NAME REASON DESCRIPTION
	local a b c

	cached "$w" "$1"
	a=$(shown "$1")
	cached "$w" "$1"
	b=$(shown "$1")
	refused "$3: is not kept" "$1" "$2"
	cached "$w" "$1"
	c=$(shown "$1")
	if [ -n "$a" ] && [ "$a" != "$b" ] && [ "$b" != "$c" ]; then
		ok "$3: runs each time"
	else
		not_ok "$3: runs each time" "$a / $b / $c
$(say_runs "$1")"
	fi
}

fresh clock '^clock' "the wall clock"
fresh dates '^clock' "date"
fresh shell-time '^clock' "the time of a shell"
fresh perl-time '^clock|^reads:.dev.urandom' "the time of perl"
fresh python-time '^clock' "the time of python"
fresh random . "random bytes"
fresh net '^network' "a connection"
fresh net-below '^network' "a connection of a child"
fresh local-socket . "a local socket"
fresh proc-files '^reads:/proc|^unseen|^clock' "files of /proc"
# Randomness for hashes and process ids are everywhere: what a script makes of
# them is as random with plain cargo. Each result is one that could have been.
for n in hashes pids; do
	cached "$w" $n
	cached "$w" $n
	like "$(shown $n)" '^[0-9]+.*\|[0-9]+' "$n: a result that could be"
done

# What cannot be seen whole: whatever is done, the result is right. That it
# is refused, with the reason, where the input is not in the log.
back=- effect=any
for n in static-child:static musl-child:static raw-call:raw cleared:cleared \
	closed:closed moved:moved unpreloaded:unpreloaded; do
	f=${n#*:}
	n=${n%:*}
	hidden "a file behind $n" "$w" $n \
		"echo ${f}2 >side/$f" "echo ${f}1 >side/$f"
done
unset back effect
for n in static-child musl-child raw-call; do
	cached "$w" $n
	cached "$w" $n
	refused "$n: is not kept" $n '^unseen'
done
for n in cleared closed moved unpreloaded; do
	cached "$w" $n
	cached "$w" $n
	if [ -n "$TRYING" ]; then
		skip "$n: kept, or refused with a reason" "no events"
	elif [ "$(run_hits $n)" = 1 ] || [ -n "$(run_reasons $n)" ]; then
		ok "$n: kept, or refused with a reason"
	else
		not_ok "$n: kept, or refused with a reason" "$(say_runs $n)"
	fi
done
is_late() { # TEXT
	grep -qsx "$1" "$w"/target/debug/build/survivor-*/out/late
}
late() { # TEXT, in the file that the child leaves after its parent's end
	wait_for 10 is_late "$1"
	cat "$w"/target/debug/build/survivor-*/out/late 2>&1
}
cached "$w" survivor
is "$(late late1)" late1 "a child that survives its script does its work"
echo late2 >"$w/side/late"
cached "$w" survivor
is "$(late late2)" late2 "and does it again"
refused "a child that survives: is not kept" survivor .

# An input is swapped while the script runs, by a file with an older time:
# what was made then is not what the new file gives.
touch -d '2020-01-01' "$w/side/swap"
put "$T/swap-new" changed
touch -d '2019-01-01' "$T/swap-new"
cached "$w" swapped
echo 1.5713 >"$w/side/pause"
rm -rf "$w/target"
mark
kcargo "$w" build -q -p swapped &
p=$!
for i in $(seq 400); do
	pgrep -fx 'sleep 1.5713' >/dev/null && break
	sleep 0.05
done
mv "$T/swap-new" "$w/side/swap"
wait $p
is "$(shown swapped | tr -d '\n')" 'onetwo|one two' \
	"an input swapped while the script runs: what it read"
[ -n "$TRYING" ] || like "$(run_reasons swapped)" '^raced' \
	"an input swapped while the script runs: is not kept"
cached "$w" swapped
is "$(shown swapped | tr -d '\n')" 'changedtwo|changed two' \
	"an input swapped while the script runs: then the new one counts"

# Very many inputs: kept, or refused with a reason, and right.
back=- hidden "one of 20,000 files" "$w" huge \
	'echo longer >side/many/12345' 'printf x >side/many/12345'

# Effects elsewhere are there after each build.
effect() { # NAME REASON FILE DESCRIPTION: FILE is made by the script
	local i

	for i in 1 2 3; do
		rm -rf "$3"
		cached "$w" "$1"
		[ -e "$3" ] && continue
		not_ok "$4: is done in build $i" "$(say_runs "$1")"
		return
	done
	ok "$4: is done each time"
	refused "$4: is not kept" "$1" "$2"
}
effect writes-src '^(wrote|removed)' "$w/writes-src/src/generated.rs" \
	"a file generated in src/"
effect writes-home '^(wrote|removed)' "$HOME/.written" \
	"a file in the home directory"
effect writes-below '^(wrote|removed)' "$w/side/made/by-sh" \
	"a file written by a shell"
effect target-file '^(wrote|removed)' "$w/target/debug/beside.txt" \
	"a file beside OUT_DIR"
for i in 1 2 3; do
	touch "$w/side/doomed"
	cached "$w" removes
	[ ! -e "$w/side/doomed" ] || break
done
check "a file is removed each time" test ! -e "$w/side/doomed"
refused "a file is removed: is not kept" removes '^(removed|wrote)'
rm -f "$w/side/counter"
for i in 1 2 3; do
	cached "$w" appends
done
is "$(shown appends)" '3|3' "a file is appended to each time"
refused "a file is appended to: is not kept" appends '^(wrote|reads)'
for i in 1 2; do
	put "$w/side/inbox/f" "mail $i"
	cached "$w" renames
done
is "$(shown renames)" 'mail 2|mail 2' "a file that is moved into OUT_DIR"
check "and is gone where it was" test ! -e "$w/side/inbox/f"
refused "a file that is moved: is not kept" renames '^(removed|wrote|own)'
for i in 1 2; do
	cached "$w" tmp-only
	is "$(shown tmp-only)" 'x|x' "a file of the script's own in /tmp, $i"
done
# Generated code changes with its schema.
hidden_src() {
	rm -f "$w/writes-src/src/generated.rs"
	sub "$w/side/schema" 'u8 = 1' 'u8 = 2'
	cached "$w" writes-src
	is "$(shown writes-src)" 2 "code generated in src/ follows its schema"
	sub "$w/side/schema" 'u8 = 2' 'u8 = 1'
}
hidden_src
mkdir -p "$T/clone"
cp -r "$w" "$T/clone/of-another-length"
rm -rf "$T/clone/of-another-length/target"
rm "$T/clone/of-another-length/writes-src/src/generated.rs"
kcargo "$T/clone/of-another-length" build -q -p writes-src
is "$("$T/clone/of-another-length/target/debug/writes-src" 2>&1)" 1 \
	"code generated in src/ in a second checkout"

# The old content of OUT_DIR: a rerun in a kept target counts on, an empty
# target begins anew.
counted() { # WRAPPED-OR-PLAIN: results of three reruns in a row
	local i

	rm -rf "$w/target"
	for i in 1 2 3; do
		sleep 1.1
		echo "$i" >"$w/side/again"
		$1 "$w" build -q -p own-old
		shown own-old
	done
}
truly=$(counted plain)
is "$(counted kcargo)" "$truly" "a script that reads its own old output"
is "$(counted kcargo)" "$truly" "the same, again"

# A failing script fails, with its words and status, and again, and is not
# kept; then it is cured.
for n in fails aborts; do
	rm -rf "$w/target"
	plain "$w" build -q -p $n
	want=$?
	truly=$(grep -v '^warning' "$T/out.plain" | sed 's/build_script_build-.*`/X`/')
	for i in 1 2; do
		rm -rf "$w/target"
		mark
		kcargo "$w" build -q -p $n
		is $? $want "$n: the build fails, $i"
		is "$(grep -v '^warning' "$T/out" | sed 's/build_script_build-.*`/X`/')" \
			"$truly" "$n: with the same words, $i"
	done
	missed "$n: it really ran again" $n
done
echo no >"$w/side/fails"
for n in fails aborts; do
	cached "$w" $n
	is "$(shown $n)" "good|good" "$n: cured"
	cached "$w" $n
	hit "$n: and kept then" $n
done

# --- values derived from a path, in checkouts of other lengths ---

v=$T/v
mkdir -p "$v"
scripted "$v" length <<'RS'
format!("{}", out.len())
RS
scripted "$v" dir-length <<'RS'
format!("{}", env::current_dir().unwrap().as_os_str().len())
RS
scripted "$v" hashed <<'RS'
sh("printf %s $OUT_DIR | cksum")
RS
scripted "$v" reversed <<'RS'
out.chars().rev().collect()
RS
scripted "$v" upper <<'RS'
env::var("CARGO_MANIFEST_DIR").unwrap().to_uppercase()
RS
scripted "$v" spelled <<'RS'
println!("cargo:warning=made in {out}");
eprintln!("from {}", env::current_dir().unwrap().display());
format!("{out} {}", env::var("CARGO_MANIFEST_DIR").unwrap())
RS
scripted "$v" binary <<'RS'
let mut b = vec![0u8, 255, 1];
b.extend_from_slice(out.as_bytes());
b.extend_from_slice(&[0, 254]);
fs::write(out.clone() + "/blob", &b).unwrap();
"".into()
RS
scripted "$v" wide <<'RS'
let b: Vec<u8> = out.encode_utf16().flat_map(|c| c.to_le_bytes()).collect();
fs::write(out.clone() + "/blob", &b).unwrap();
"".into()
RS
scripted "$v" escaped <<'RS'
format!("{:?}", out.replace('/', "\\/"))
RS
scripted "$v" debugged <<'RS'
fs::write(out.clone() + "/x.c", "int x(void) { return 1; }").unwrap();
sh("cc -g -c $OUT_DIR/x.c -o $OUT_DIR/x.o");
"".into()
RS
scripted "$v" linked <<'RS'
std::os::unix::fs::symlink(env::current_dir().unwrap().join("target-of-link"),
	out.clone() + "/link").unwrap();
fs::read_to_string(out.clone() + "/link").unwrap()
RS
put "$v/linked/target-of-link" here
scripted "$v" placeholder <<'RS'
["/kache/target", "/kache/out", "\u{0}O", "/proc/self/cwd", "{O}", "<O>",
	"\u{1}", "\u{1a}", "$OUT_DIR"].join("\n") + &read("../side/bytes")
RS
put "$v/side/bytes" '/kache/ws /kache/cargo'
workspace_of "$v" '[profile.dev]
debug = 0
incremental = false'
plain "$v" generate-lockfile
all=$(cd "$v" && ls -d */Cargo.toml | sed 's,/.*,,' | paste -sd' ')
pictures() { # DIR
	for n in $all; do
		picture "$1" "$n"
	done
}
for p in "$T/v/" "$T/a/second/place" "$T/3/p" "$T/and/a/much/longer/fourth"; do
	[ -d "$p" ] || { mkdir -p "$p" && cp -r "$v/." "$p" && rm -rf "$p/target"; }
	p=${p%/}
	n=${p#"$T"/}
	kcargo "$p" build -q
	pictures "$p" >"$T/got"
	cp "$T/out" "$T/said"
	mark
	rm -rf "$p/target"
	kcargo "$p" build -q
	pictures "$p" >"$T/again"
	# A link that leads out of OUT_DIR refuses the run.
	hit "values of a path: $n is served its own" \
		$(echo "$all" | sed 's/ linked / /')
	rm -rf "$p/target"
	plain "$p" build -q
	pictures "$p" >"$T/want"
	is "$(diff "$T/want" "$T/got")" "" "values of a path: $n is right"
	is "$(diff "$T/want" "$T/again")" "" "values of a path: $n, again"
	is "$(grep 'made in' "$T/said")" "$(grep 'made in' "$T/out.plain")" \
		"values of a path: $n has its own words"
done

# The reasons are counted for people and programs.
if [ -z "$TRYING" ]; then
	"$KACHE" stats >"$T/stats" 2>&1
	"$KACHE" stats --json >"$T/stats.json" 2>&1
	for r in clock network wrote unseen; do
		check "kache stats names: $r" grep -q "$r" "$T/stats"
		check "kache stats --json names: $r" grep -q "$r" "$T/stats.json"
	done
fi

done_testing
