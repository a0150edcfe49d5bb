#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# [shim] observe = strict: the run of a build script that makes system calls
# of its own is cached, by what it read that way.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[package]
name = "w"
version = "0.1.0"
edition = "2021"'
put "$w/src/main.rs" 'fn main() { println!(env!("SAW")) }'
put "$w/build.rs" 'fn main() {
    let name = b"seen\0";
    let mut buf = [0u8; 32];
    let n: isize;
    unsafe {
        let fd: isize;
        std::arch::asm!("syscall", inlateout("rax") 2isize => fd,
            in("rdi") name.as_ptr(), in("rsi") 0, in("rdx") 0,
            out("rcx") _, out("r11") _);
        std::arch::asm!("syscall", inlateout("rax") 0isize => n,
            in("rdi") fd, in("rsi") buf.as_mut_ptr(), in("rdx") 32,
            out("rcx") _, out("r11") _);
    }
    let text = std::str::from_utf8(&buf[..n as usize]).unwrap();
    println!("cargo:rustc-env=SAW={}", text.trim());
}'
put "$w/seen" one

build() { # a clean build; $run: what became of the run, $out: what was seen
	rm -rf "$w/target"
	mark
	kcargo "$w" build
	run=$(tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' '$7 == "run" { print $4, $5 }')
	out=$("$w/target/debug/w")
}

build
is "$out" one "auto: builds"
like "$run" '^miss not_stored:unseen:raw-syscall:' "auto: not stored"
build
like "$run" '^miss not_stored:unseen:raw-syscall:' "auto: nor the second time"

export KACHE_SHIM_OBSERVE=strict
build
is "$out" one "strict: builds"
like "$run" '^(miss|dup) ' "strict: runs"
is "$(grep not_stored <<<"$run")" "" "strict: and is stored"
build
is "$run $out" "local_hit  one" "strict: served"
put "$w/seen" two
build
is "$out" two "strict: the file it read counts"
like "$run" '^(miss|dup) ' "strict: it ran"
build
is "$run $out" "local_hit  two" "strict: served again"
put "$w/seen" one
build
is "$run $out" "local_hit  one" "strict: the first is still there"
done_testing
