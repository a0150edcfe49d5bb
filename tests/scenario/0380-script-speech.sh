#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a build script says to people may differ from run to run, as lines of
# compilers that it runs side by side do; what it tells cargo must not.
. "$(dirname "$0")/../lib.sh"

make() { # DIR LINE: a package whose script says LINE
	put "$1/Cargo.toml" '[package]
name = "w"
version = "0.1.0"
edition = "2021"'
	put "$1/Cargo.lock" 'version = 3

[[package]]
name = "w"
version = "0.1.0"'
	put "$1/src/main.rs" 'fn main() { println!("{}", env!("SAID")) }'
	put "$1/build.rs" "fn main() {
    println!(\"cargo:rustc-env=SAID=x\");
    $2
}"
}

build() { # DIR: $run is what became of the run
	mark
	kcargo "$1" build
	run=$(tail -n +$((_mark + 1)) "$KACHE_CACHE_DIR/events.log" |
		awk -F'\t' '$7 == "run" { print $4 }')
}

line='println!("I am {}", std::process::id());'
for d in "$T/a" "$T/second" "$T/the-third"; do
	make "$d" "$line"
	build "$d"
	is "$("$d/target/debug/w")" x "$d: builds"
done
is "$run" local_hit "differing remarks: the third place is served"

line='println!("cargo:warning=I am {}", std::process::id());'
for d in "$T/b" "$T/fourth-one" "$T/five"; do
	make "$d" "$line"
	build "$d"
done
isnt "$run" local_hit "differing words to cargo: it is not"
done_testing
