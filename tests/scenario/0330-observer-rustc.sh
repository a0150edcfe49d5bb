#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cargo and rustc under the observer: what macros, the assembler, the linker
# and LTO read is seen, and the compiler's output is the same bit by bit.
. "$(dirname "$0")/../lib.sh"

lib=$PREFIX/libexec/kache/libkache-observe.so
classify=$PREFIX/libexec/kache/kache-classify
W=$T/ws
export CARGO_INCREMENTAL=0 MACRO_VAR=value

# A wrapper that runs each compile under the observer and keeps its trace.
put "$T/bin/observe" <<END
#!/bin/bash
name=probe
for a in "\$@"; do
	[ "\$last" = --crate-name ] && name=\$a
	last=\$a
done
file=$T/traces/\$name.\$\$
"$classify" --create "\$file"
export KACHE_OBSERVE=\$file LD_PRELOAD=$lib
exec "\$@"
END
chmod +x "$T/bin/observe"

put "$W/Cargo.toml" <<'END'
[workspace]
members = ["app", "a", "b", "m"]
resolver = "2"
[profile.release]
lto = "fat"
END
package "$W/m" m '[lib]
proc-macro = true'
put "$W/m/src/lib.rs" <<'END'
use proc_macro::TokenStream;
#[proc_macro]
pub fn count(_: TokenStream) -> TokenStream {
    let dir = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let var = std::env::var("MACRO_VAR").unwrap_or_default();
    let data = std::fs::read_to_string(dir.join("data.txt")).unwrap();
    let files = std::fs::read_dir(dir.join("listed")).unwrap().count();
    let missing = dir.join("missing.txt").exists() as usize;
    let n = var.len() + data.len() + files + missing;
    format!("{n}usize").parse().unwrap()
}
END
package "$W/b" b
put "$W/b/src/lib.rs" <<'END'
core::arch::global_asm!(
    ".globl kache_blob",
    ".section .rodata",
    "kache_blob: .incbin \"b/blob.bin\""
);
extern "C" { static kache_blob: u8; }
pub fn blob() -> u8 { unsafe { kache_blob } }
END
put "$W/b/blob.bin" Qx
package "$W/a" a '[dependencies]
b = { path = "../b" }'
put "$W/a/src/lib.rs" 'pub fn a() -> u32 { b::blob() as u32 + 1 }'
package "$W/app" app '[dependencies]
a = { path = "../a" }
m = { path = "../m" }'
put "$W/app/src/main.rs" 'fn main() { println!("{} {}", a::a(), m::count!()); }'
put "$W/app/data.txt" data
put "$W/app/listed/one" 1
put "$W/app/listed/two" 2

build() { # NAME CARGO-ARGS...: target/ goes to $T/NAME
	local name=$1

	shift
	rm -rf "$W/target" "$T/traces"
	mkdir -p "$T/traces"
	(cd "$W" && cargo "$@") >"$T/out" 2>&1 || return 1
	mv "$W/target" "$T/$name"
}

sums() { # NAME: digests of all outputs
	(cd "$T/$1" && find . -type f \( -path '*/deps/*' -o -name app \) \
		! -name .fingerprint | sort | xargs sha256sum)
}

trace_of() { # CRATE
	"$classify" --trace "$(ls "$T/traces/$1".* | head -1)"
}

seen() { # DESCRIPTION PATTERN
	if grep -Eq -e "$2" <<<"$trace"; then
		ok "seen: $1"
	else
		not_ok "seen: $1" "no match for $2"
	fi
}

for profile in dev release; do
	check "$profile: a build" build plain-$profile build --profile $profile
	(
		export RUSTC_WRAPPER=$T/bin/observe
		build observed-$profile build --profile $profile
	) || not_ok "$profile: an observed build"
	is "$(sums observed-$profile)" "$(sums plain-$profile)" \
		"$profile: the same outputs bit by bit"
	for f in "$T"/traces/*; do
		"$classify" --trace "$f" | head -1
	done | grep -v '^trace whole   lost 0 .* alive 0$' >"$T/gaps"
	is "$(cat "$T/gaps")" "" "$profile: every trace is whole"

	trace=$(trace_of app)
	seen "the macro's file, $profile" " read .*$W/app/data.txt$"
	seen "the macro's variable, $profile" ' getenv set MACRO_VAR$'
	seen "the macro's listing, $profile" " list $W/app/listed$"
	seen "what the macro missed, $profile" " absent errno 2 $W/app/missing.txt$"
	seen "the macro itself, $profile" " dlopen $W/target/.*/libm-.*\.so$"
	seen "the linker, $profile" ' exec cc -> /.*/cc$'
	seen "the closure: a, $profile" " read .*/liba-[0-9a-f]*\.rlib$"
	seen "the closure: b, $profile" " read .*/libb-[0-9a-f]*\.rlib$"
	seen "the C library, $profile" ' read .*/libc\.so(\.6)?$'
	seen "a search in vain, $profile" ' absent errno 2 .*/lib(c|gcc_s)\.so$'
	trace=$(trace_of b)
	seen "what the assembler includes, $profile" " read .*$W/b/blob\.bin$"
done

# What the traces name as code is known or observable.
for f in "$T"/traces/*; do
	"$classify" --trace "$f"
done | awk '/^process/ && !/unstarted/ { print $NF }
	/ start-object / || / dlopen / { print $NF }' | sort -u >"$T/objects"
root=$(cd "$W" && rustc --print sysroot)
mkdir -p "$W/target"
sed "s|$W/target/|$T/observed-release/|" "$T/objects" | grep '^/' |
	xargs -d '\n' "$classify" --sysroot "$root" |
	grep -Ev '	(known|observable)	[-st]*$' >"$T/odd"
is "$(cat "$T/odd")" "" \
	"everything that ran can be observed, and asks for variables by name"

# Macros that walk the environment are told from those that do not.
macro() { # NAME BODY RUSTC-ARGS...
	local name=$1

	put "$T/$name.rs" "extern crate proc_macro;
use proc_macro::TokenStream;
#[proc_macro]
pub fn k(_: TokenStream) -> TokenStream { $2 }"
	shift 2
	rustc --crate-type proc-macro --crate-name "$name" --edition 2021 "$@" \
		-o "$T/lib$name.so" "$T/$name.rs" 2>"$T/err" ||
		diag "$(cat "$T/err")"
	"$classify" "$T/lib$name.so" | cut -f2,3 | tr '\t' ' '
}

all='let n = std::env::vars().count(); format!("{n}").parse().unwrap()'
one='let n = std::env::var("A").is_ok(); format!("{n}").parse().unwrap()'
run='std::process::Command::new("true").env("A", "b").output().ok();
	let n = 1; format!("{n}").parse().unwrap()'
cpu='let n = std::is_x86_feature_detected!("avx2");
	format!("{n}").parse().unwrap()'
raw='let n: i64; unsafe { core::arch::asm!("syscall", inout("rax") 39i64 => n,
	out("rcx") _, out("r11") _); } format!("{n}").parse().unwrap()'
for level in 0 3; do
	o="-C opt-level=$level"
	is "$(macro one$level "$one" $o)" "observable -" "one variable, $o"
	is "$(macro run$level "$run" $o)" "observable -" "a command, $o"
	is "$(macro all$level "$all" $o)" "observable e" "all variables, $o"
	is "$(macro raw$level "$raw" $o)" "raw-syscall -" "a system call, $o"
	is "$(macro cpu$level "$cpu" $o)" "observable c" "the CPU, $o"
done
is "$(macro v0 "$all" -C symbol-mangling-version=v0)" "observable e" \
	"all variables, new symbol names"
is "$(macro bare "$run" -C strip=symbols)" "observable e" \
	"a command, without symbols"

# The same of programs, whose main may be handed the environment.
program() { # NAME BODY RUSTC-ARGS...
	local name=$1

	put "$T/$name.rs" "fn main() { $2 }"
	shift 2
	rustc --crate-name "$name" --edition 2021 "$@" -o "$T/$name" \
		"$T/$name.rs" 2>"$T/err" || diag "$(cat "$T/err")"
	"$classify" "$T/$name" | cut -f2,3 | tr '\t' ' '
}

pall='println!("{}", std::env::vars().count());'
pone='println!("{}", std::env::var("A").is_ok());'
prun='std::process::Command::new("true").env("A", "b").output().ok();'
pcpu='println!("{}", std::is_x86_feature_detected!("avx2"));'
for level in 0 3; do
	o="-C opt-level=$level"
	is "$(program pone$level "$pone" $o)" "observable -" "program: one, $o"
	is "$(program prun$level "$prun" $o)" "observable -" "program: run, $o"
	is "$(program pall$level "$pall" $o)" "observable e" "program: all, $o"
	is "$(program pcpu$level "$pcpu" $o)" "observable c" "program: CPU, $o"
done
# The crate cc copies the environment to look for its own names in it.
put "$T/cc.rs" 'use std::ffi::OsString;
pub struct EnvSnapshot(Vec<(OsString, OsString)>);
impl EnvSnapshot {
    #[inline(never)]
    pub fn capture() -> Self { Self(std::env::vars_os().collect()) }
    pub fn len(&self) -> usize { self.0.len() }
}'
pcc='println!("{}", cc::EnvSnapshot::capture().len());'
for m in "" "-C symbol-mangling-version=v0"; do
	rustc --edition 2021 --crate-type lib $m -o "$T/libcc.rlib" "$T/cc.rs"
	m="$m --extern cc=$T/libcc.rlib"
	is "$(program pcc "$pcc" $m)" "observable n" "program: cc"
	is "$(program pccall "$pcc $pall" $m)" "observable e" \
		"program: cc, and all"
done

# A constant that looks like a distance to the slot of environ.
chance='unsafe { let mut _n: u64 = 0; core::arch::asm!(".byte 0x48, 0xb8",
	".long environ@GOTPCREL - 4", ".long 0", out("rax") _n);
	println!("{}", _n); }'
is "$(program pchance "$chance")" "observable -" "program: by chance"
is "$(program pbare "$pone" -C strip=symbols)" "observable eu" \
	"program: without symbols"
is "$(program pstd "$pone" -C prefer-dynamic)" "observable -" \
	"program: shared std"
is "$(program pstdall "$pall" -C prefer-dynamic)" "observable e" \
	"program: all, shared std"
put "$T/envp.c" '#include <stdio.h>
int main(int n, char **a, char **e) { puts(e[0]); return n > 9 && !a; }'
gcc -o "$T/envp" "$T/envp.c"
is "$("$classify" "$T/envp" | cut -f2,3)" "observable	eu" \
	"a C program may use its third argument"

# What it costs; printed, for a busy machine says little.
put "$T/lib.rs" 'pub fn a() -> u32 {
    7
}'
once() {
	rustc --crate-name cost --crate-type lib --emit=link,metadata,dep-info \
		--out-dir "$T" "$T/lib.rs"
}
real=$(cd "$W" && rustc --print sysroot)/bin
PATH=$real:$PATH
for i in 1 2 3 4 5 6 7 8 9 10; do
	once
	rm -f "$T/cost.obs"
	"$classify" --create "$T/cost.obs"
	for how in plain observed; do
		[ $how = observed ] && export KACHE_OBSERVE=$T/cost.obs
		s=$(date +%s%N)
		if [ $how = observed ]; then
			LD_PRELOAD=$lib once
		else
			once
		fi
		echo "$how $((($(date +%s%N) - s) / 1000))"
		unset KACHE_OBSERVE
	done
done >"$T/times"
for how in plain observed; do
	diag "median $(grep "^$how " "$T/times" | sort -n -k2 | sed -n 5p) us"
done
size=$("$classify" --trace "$T/cost.obs" |
	sed -n '1s/.* bytes \([0-9]*\) .*/\1/p')
diag "records of one compile: $size bytes"
check "a small compile leaves a small trace" test "$size" -lt 200000
done_testing
