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
	local mode=$1 want got p=${2-" read .*$W/file$"} trace

	want=$(ran env -u _ ./script "$mode" 2>/dev/null)
	rm -f "$T/obs"
	"$classify" --create "$T/obs"
	got=$(ran env -u _ KACHE_OBSERVE="$T/obs" LD_PRELOAD="$lib" \
		./script "$mode" 2>/dev/null)
	trace=$("$classify" --trace "$T/obs")
	is "$got" "$want" "$how $mode: behaves as without"
	is "$(head -1 <<<"$trace" | cut -d' ' -f2)" whole "$how $mode: is seen"
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
done_testing
