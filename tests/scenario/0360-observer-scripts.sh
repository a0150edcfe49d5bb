#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program in Rust, as build scripts are, runs under the observer as it does
# without: whatever it does to its descriptors, environment, directory and
# children, and what it reads is seen.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so
classify=$PREFIX/libexec/kache/kache-classify
W=$T/work
mkdir -p "$W/dir"
cd "$W" || exit 1
echo content >file
echo inner >dir/inner

put script.rs 'use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
extern "C" {
    fn close(fd: i32) -> i32;
    fn chdir(path: *const i8) -> i32;
    fn signal(n: i32, f: usize) -> usize;
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, flags: i32) -> i32;
    fn _exit(code: i32) -> !;
}
#[inline(never)]
fn raw(n: usize, a: usize, b: usize, c: usize) -> isize {
    let r: isize;
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") n as isize => r,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") 0,
            out("rcx") _, out("r11") _);
    }
    r
}
fn raw_read(path: &str) -> String {
    let path = std::ffi::CString::new(path).unwrap();
    let fd = raw(2, path.as_ptr() as usize, 0, 0);
    if fd < 0 { return format!("error {fd}"); }
    let mut buf = [0u8; 100];
    let n = raw(0, fd as usize, buf.as_mut_ptr() as usize, 100);
    raw(3, fd as usize, 0, 0);
    String::from_utf8_lossy(&buf[..n as usize]).into_owned()
}
fn show(c: &mut Command) {
    match c.output() {
        Ok(o) => println!("{:?} {:?} {}{}", o.status.code(),
            o.status.signal(), String::from_utf8_lossy(&o.stdout),
            String::from_utf8_lossy(&o.stderr)),
        Err(e) => println!("error {}", e.kind()),
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut cat = Command::new("cat");
    cat.arg("file");
    match args[1].as_str() {
        "command" => show(&mut cat),
        "env" => show(Command::new("env").env_clear().env("A", "b")),
        "environment" => for (k, v) in std::env::vars() {
            println!("{k}={v}");
        },
        "clear" => show(Command::new("/bin/cat").arg("file").env_clear()),
        "remove" => show(cat.env_remove("LD_PRELOAD").env("B", "c")),
        "dir" => show(Command::new("cat").arg("inner").current_dir("dir")),
        "program-in-dir" => {
            show(Command::new("./own").current_dir("dir"));
            show(Command::new("dir/own").current_dir("."));
            show(Command::new("./own").current_dir("dir/../dir"));
            show(&mut Command::new("./own"));
        }
        "before" => unsafe { show(cat.pre_exec(|| Ok(()))) },
        "uid" => show(cat.arg0("meow").process_group(0)),
        "missing" => show(&mut Command::new("no-such-program")),
        "stdin" => show(Command::new("cat").stdin(
            std::fs::File::open("file").unwrap())),
        "exec" => { let e = cat.exec(); println!("{e}") }
        "shell" => show(Command::new("sh").args(["-c",
            "cat file; kill -9 $$"])),
        "threads" => {
            let all: Vec<_> = (0..8).map(|i| std::thread::spawn(move || {
                let s = std::fs::read_to_string("file").unwrap();
                let o = Command::new("cat").arg("dir/inner").output();
                format!("{i} {s}{}", String::from_utf8_lossy(
                    &o.unwrap().stdout))
            })).collect();
            for t in all { print!("{}", t.join().unwrap()); }
        }
        "close" => {
            for fd in 3..1100 { unsafe { close(fd); } }
            print!("{}", std::fs::read_to_string("file").unwrap());
            show(&mut cat);
        }
        "chdir" => {
            unsafe { chdir(b"dir\0".as_ptr().cast()); }
            print!("{}", std::fs::read_to_string("inner").unwrap());
        }
        "wipe" => {
            for (k, _) in std::env::vars() {
                if k != "PATH" { std::env::remove_var(k); }
            }
            show(&mut cat);
        }
        "fork" => unsafe {
            let pid = fork();
            if pid == 0 {
                print!("{}", std::fs::read_to_string("file").unwrap());
                show(&mut Command::new("cat").arg("dir/inner"));
                std::io::Write::flush(&mut std::io::stdout()).unwrap();
                _exit(3);
            }
            let mut status = 0;
            waitpid(pid, &mut status, 0);
            println!("{status}");
        },
        "kill" => {
            use std::io::{Read, Write};
            let mut c = Command::new("cat").stdin(Stdio::piped())
                .stdout(Stdio::piped()).spawn().unwrap();
            c.stdin.as_mut().unwrap().write_all(b"x").unwrap();
            c.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            std::fs::read_to_string("file").unwrap();
            c.kill().unwrap();
            println!("{:?}", c.wait().unwrap());
        }
        "panic" => {
            std::fs::read_to_string("file").unwrap();
            panic!("as it must");
        }
        "abort" => {
            std::fs::read_to_string("file").unwrap();
            std::process::abort();
        }
        "exit" => {
            std::fs::read_to_string("file").unwrap();
            std::process::exit(5);
        }
        "pipe" => unsafe {
            signal(13, 0);
            std::fs::read_to_string("file").unwrap();
            let c = Command::new("true").stdin(Stdio::piped()).spawn();
            let mut c = c.unwrap();
            let mut to = c.stdin.take().unwrap();
            c.wait().unwrap();
            println!("{:?}", std::io::Write::write_all(&mut to, b"x"));
        },
        "raw" => {
            print!("{}{}\n", raw_read("file"), raw_read("gone"));
            println!("{}", std::io::Error::last_os_error());
        }
        "raw-thread" => std::thread::spawn(|| {
            print!("{}", raw_read("file"));
        }).join().unwrap(),
        "raw-threads" => for _ in 0..20 {
            let all: Vec<_> = (0..8).map(|_| std::thread::spawn(|| {
                for _ in 0..50 { raw_read("file"); }
                raw_read("dir/inner")
            })).collect();
            for t in all { print!("{}", t.join().unwrap()); }
        },
        "raw-fork" => unsafe {
            let pid = fork();
            if pid == 0 {
                let s = raw_read("file");
                raw(1, 1, s.as_ptr() as usize, s.len());
                raw(231, 7, 0, 0);
            }
            let mut status = 0;
            waitpid(pid, &mut status, 0);
            println!("{status}");
        },
        "raw-exec" => {
            let p = b"/bin/cat\0".as_ptr() as usize;
            let f = b"file\0".as_ptr() as usize;
            let argv = [p, f, 0];
            println!("{}", raw(59, p, argv.as_ptr() as usize, 0));
        }
        "raw-clock" => {
            let mut t = [0u64; 2];
            raw(228, 0, t.as_mut_ptr() as usize, 0);
            println!("{}", t[0] > 1 << 30);
        }
        "raw-clone" => {
            let pid = raw(56, 17, 0, 0);
            if pid == 0 { raw(60, 0, 0, 0); }
            let mut status = 0;
            unsafe { waitpid(pid as i32, &mut status, 0); }
            println!("{status}");
        }
        "blocked" => {
            extern "C" { fn sigfillset(s: *mut u64) -> i32;
                fn pthread_sigmask(h: i32, s: *const u64, o: *mut u64)
                    -> i32; }
            let mut all = [0u64; 16];
            unsafe {
                sigfillset(all.as_mut_ptr());
                pthread_sigmask(0, all.as_ptr(), all.as_mut_ptr());
            }
            print!("{}", raw_read("file"));
        }
        "many" => for i in 0..300 {
            let o = Command::new("true").status().unwrap();
            assert!(o.success());
            std::fs::metadata(format!("none-{i}")).unwrap_err();
        },
        _ => panic!(),
    }
}'
put dir/own '#!/bin/sh
cat inner'
chmod +x dir/own
export RUST_BACKTRACE=0
build() { # RUSTC-ARGS...
	rustc --edition 2021 -A warnings -o script "$@" script.rs 2>"$T/err" ||
		diag "$(cat "$T/err")"
}

ran() { # COMMAND...: status, output and errors
	(exec "$@") >out 2>err
	echo "$? $(cat out) $(sed 's/(\([0-9]*\))//' err)"
}

# The same as without; the trace is whole, and what it reads is there.
same() { # MODE [PATTERN]
	local mode=$1 want got p=${2-" read .*$W/file$"} seen=${3-whole} trace

	want=$(ran env -u _ ./script "$mode" 2>/dev/null)
	rm -f "$T/obs"
	"$classify" ${create---create} "$T/obs"
	got=$(ran env -u _ KACHE_OBSERVE="$T/obs" LD_PRELOAD="$lib" \
		./script "$mode" 2>/dev/null)
	trace=$("$classify" --trace "$T/obs")
	is "$got" "$want" "$how $mode: behaves as without"
	is "$(head -1 <<<"$trace" | cut -d' ' -f2)" $seen "$how $mode: is $seen"
	if grep -Eq -e "$p" <<<"$trace"; then
		ok "$how $mode: $p"
	else
		not_ok "$how $mode: $p" "$trace"
	fi
	is "$(sed -n '1s/.* alive //p' <<<"$trace")" 0 "$how $mode: all ended"
}

for how in "" "-C opt-level=3" "-C prefer-dynamic"; do
	build $how
	# The shared std is found as cargo sees to it.
	[ "$how" = "-C prefer-dynamic" ] &&
		export LD_LIBRARY_PATH=$(rustc --print target-libdir)
	check "$how: runs" ./script command
	for mode in command clear remove before uid stdin exec shell threads \
		close wipe fork kill panic abort exit pipe; do
		same $mode
	done
	same env 'exec env'
	same environment start-object
	same dir " read .*$W/dir/inner$"
	same program-in-dir " read .*$W/dir/inner$"
	same chdir " read .*$W/dir/inner$"
	same missing 'exec-fail errno 2 no-such-program'
	same many " absent errno 2 $W/none-299$"
done
unset LD_LIBRARY_PATH

# Strict: system calls that the program makes by itself are seen as well, and
# everything else goes on as it did.
for how in "" "-C opt-level=3"; do
	build $how
	how="strict $how"
	create=--create-strict
	for mode in command clear remove before uid stdin exec shell threads \
		close wipe fork kill panic abort exit pipe raw raw-thread \
		raw-fork raw-exec blocked; do
		same $mode
	done
	same raw "process .* dispatched $W/script$"
	same raw " absent errno 2 $W/gone$"
	same raw-threads " read .*$W/dir/inner$"
	same raw-clock ' clock way '
	same raw-clone 'clone' unseen
	same env 'exec env'
	same many " absent errno 2 $W/none-299$"
done
done_testing
