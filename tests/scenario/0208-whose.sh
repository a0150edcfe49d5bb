#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing is believed for its place or its name: what lies below a directory of
# the build is never the system's, though it be in /usr or /opt, as containers
# have it; and a tool called gcc, git or make is not the one of that name.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"

if [ "$WRAPPER" = none ]; then
	skip "whose files are" "needs a wrapper"
	done_testing
fi
export CARGO_INCREMENTAL=0 RUSTFLAGS=-Copt-level=0

elsewhere() { # DIR: a directory of ours in DIR, or nothing
	[ -w "$1" ] && mktemp -d "$1/kache-try.XXXXXX"
}

macros() { # DIR: a program whose macros walk the environment and ask the CPU
	put "$1/Cargo.toml" '[workspace]
members = ["pm", "app"]'
	package "$1/pm" pm '[lib]
proc-macro = true'
	put "$1/pm/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seen(_: TokenStream) -> TokenStream {
    let all: Vec<String> = std::env::vars()
        .filter(|(k, _)| k.starts_with("APP_"))
        .map(|(k, v)| format!("{k}={v}")).collect();
    format!("{:?}", all.join(" ")).parse().unwrap()
}
#[proc_macro]
pub fn cpu(_: TokenStream) -> TokenStream {
    std::arch::x86_64::__cpuid(7).ebx.to_string().parse().unwrap()
}'
	package "$1/app" app '[dependencies]
pm = { path = "../pm" }'
	put "$1/app/src/main.rs" 'fn main() { println!("{}", pm::seen!()); let _ = pm::cpu!() as u64; }'
}

app() { # DIR: what the program says after a build in an empty target
	rm -rf "${CARGO_TARGET_DIR:-$1/target}"
	kcargo "$1" build -q && "${CARGO_TARGET_DIR:-$1/target}/debug/app"
}

items() { # DIR-OF-STORE ITEM: how many manifests have it
	grep -rlaF "$2" "$1/manifests" | wc -l
}

for base in /usr/src /opt /usr/lib; do
	d=$(elsewhere $base) || true
	if [ -z "$d" ]; then
		skip "a build in $base" "it cannot be written to"
		continue
	fi
	at_exit "rm -rf '$d'"
	rm -rf "$KACHE_CACHE_DIR"
	macros "$d/w"
	is "$(APP_A=one app "$d/w")" "APP_A=one" "$base: a macro walks the environment"
	is "$(APP_A=two app "$d/w")" "APP_A=two" "$base: which has changed"
	isnt "$(items "$KACHE_CACHE_DIR" xcpu)" 0 "$base: the CPU is an input"
	mark
	is "$(APP_A=one app "$d/w")" "APP_A=one" "$base: and back"
	served "$base: from the cache"
done

# --- the target alone lies there ---

if d=$(elsewhere /usr/lib) && [ -n "$d" ]; then
	at_exit "rm -rf '$d'"
	macros "$T/split"
	export CARGO_TARGET_DIR=$d/target
	is "$(APP_A=one app "$T/split")" "APP_A=one" "a target in /usr/lib"
	is "$(APP_A=two app "$T/split")" "APP_A=two" "is no library of the system"
	unset CARGO_TARGET_DIR
else
	skip "a target in /usr/lib" "it cannot be written to"
fi

# --- tools of the workspace by well-known names ---

tool() { # DIR NAME: prints some variables, and the seconds where there is NOW
	mkdir -p "$1"
	gcc -o "$1/$2" -xc - <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
extern char **environ;
int main(int argc, char **argv)
{
	char *t = getenv("TMPDIR");
	printf("T=%s", t ? t : "");
	if (argc > 1)
		for (char **e = environ; *e; e++)
			if ((*e)[0] == 'Z' && (*e)[1] == '_')
				printf(" %s", *e);
	if (argc > 2)
		printf(" %ld", (long)time(NULL));
	return 0;
}
C
}

caller() { # DIR NAME ARGS: a script that asks the tool NAME
	package "$1/caller" caller
	put "$1/caller/build.rs" 'use std::process::Command;
fn main() {
    println!("cargo:rerun-if-env-changed=Z_A");
    println!("cargo:rerun-if-env-changed=TMPDIR");
    let out = Command::new("../tools/'"$2"'").args('"$3"').output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    println!("cargo:rustc-env=SAID={text}");
}'
	put "$1/caller/src/main.rs" 'fn main() { println!("{}", env!("SAID")) }'
	workspace_of "$1"
}

said() { # DIR
	rm -rf "$1/target"
	kcargo "$1" build -q && "$1/target/debug/caller"
}

mkdir -p "$T/t1" "$T/t2"
for name in gcc git as ld make; do
	w=$T/tools-$name
	tool "$w/tools" $name
	caller "$w" $name '["env"]'
	a=$(TMPDIR=$T/t1 Z_A=1 said "$w")
	b=$(TMPDIR=$T/t1 Z_A=2 said "$w")
	is "$a, $b" "T=$T/t1 Z_A=1, T=$T/t1 Z_A=2" \
		"a tool called $name may take in the environment"
	is "$(TMPDIR=$T/t2 Z_A=1 said "$w")" "T=$T/t2 Z_A=1" \
		"and use a variable that the real one does not"
done

w=$T/clock
tool "$w/tools" make
caller "$w" make '["env", "time"]'
mark
said "$w" >/dev/null
like "$(run_reasons caller)" 'clock' "a tool called make that tells the time"

if d=$(elsewhere /opt) && [ -n "$d" ]; then
	at_exit "rm -rf '$d'"
	tool "$d/w/tools" as
	caller "$d/w" as '["env"]'
	a=$(Z_A=1 said "$d/w")
	is "$a, $(Z_A=2 said "$d/w")" "T= Z_A=1, T= Z_A=2" \
		"a tool called as, beside a package in /opt"
else
	skip "a tool in /opt" "it cannot be written to"
fi
done_testing
