#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What was compiled elsewhere, by a CI job say, serves those who compile
# incrementally, and cargo goes on from there: from no state, from state that is
# older than the result that came between, from damaged state.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "incremental" "needs a wrapper"
	done_testing
fi

make_ws() { # DIR VERSION
	put "$1/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
	package "$1/leaf" leaf
	put "$1/leaf/src/lib.rs" 'pub mod deep;
#[inline(never)] pub fn leaf(x: usize) -> usize { deep::deep(x) + VERSION }
pub const VERSION: usize = '"$2"';
pub fn generic<T: std::fmt::Debug>(t: T) -> String { format!("<{t:?}>") }'
	put "$1/leaf/src/deep.rs" '#[inline(never)]
pub fn deep(x: usize) -> usize { if x == 9 { panic!("nine") } x + 1 }'
	package "$1/app" app '[dependencies]
leaf = { path = "../leaf" }'
	put "$1/app/src/main.rs" 'fn main() {
	let n = std::env::args().count() * 3;
	println!("{} {}", leaf::generic(n), leaf::leaf(n));
}
#[test] fn t() { assert_eq!(leaf::leaf(1), 2 + leaf::VERSION) }'
}
ci=$T/ci
dev=$T/dev
truth=$T/truth
edit() { # DIR VERSION
	sed -i "s/VERSION: usize = .*;/VERSION: usize = $2;/" \
		"$1/leaf/src/lib.rs"
}
# cargo makes CARGO_INCREMENTAL part of -C metadata, so both have to build
# alike; by hand, see below, it can be left out.
export CARGO_INCREMENTAL=1
ci() { # what a CI job stores, from an empty target each time
	rm -rf "$ci/target"
	kcargo "$ci" build -q --all-targets
}
dev() { # an incremental build in a kept target
	mark
	kcargo "$dev" build -q --all-targets
}
program() { # DIR: what it says and where it panics, by its debug info
	"$1/target/debug/app"
	RUST_BACKTRACE=1 "$1/target/debug/app" a b 2>&1 |
		grep -E 'panicked|nine|(leaf|app)::|at (\./|.*/(leaf|app)/)' |
		sed "s,$1,DIR,g; s,/proc/self/cwd,DIR,g
			s/^thread .* panicked/panicked/"
	"$1"/target/debug/deps/app-*[0-9a-f] --test 2>/dev/null |
		grep -c 'test result: ok'
}
agree() { # DESCRIPTION: as plain cargo's of the same sources
	rm -rf "$truth"
	cp -r "$dev" "$truth"
	rm -rf "$truth/target"
	plain "$truth" build -q --all-targets
	program "$truth" >"$T/a" 2>&1
	program "$dev" >"$T/b" 2>&1
	check "$1" diff "$T/a" "$T/b"
}
state() { # CRATE: when its incremental state was last written
	find "$dev/target/debug/incremental" -path "*/$1-*" -name '*.bin' \
		-printf '%T@\n' 2>/dev/null | sort | tail -1
}

make_ws "$ci" 1
make_ws "$dev" 1
ci
dev
served "an incremental build after one elsewhere"
agree "and its programs are right, with their lines"
like "$(cat "$T/b")" 'leaf/src/deep.rs:2' "which a backtrace shows"
is "$(state app)$(state leaf)" "" "there is no state yet"
dev
is "$(hits) $(rustc_runs)" "0 0" "cargo takes it for fresh"

# From a result without state to the next compile.
edit "$dev" 2
dev
is "$(runs_of leaf)" 2 "an edit is compiled"
isnt "$(state leaf)" "" "with incremental state"
agree "from no state"
edit "$dev" 3
before=$(state leaf)
dev
isnt "$(state leaf)" "$before" "the next one goes on from there"
agree "and is right"

# State of an older version: another built what comes between.
before=$(state leaf)
edit "$ci" 4
ci
edit "$dev" 4
dev
served "what CI built meanwhile"
is "$(state leaf)" "$before" "leaves the state as it was"
agree "over an older state"
for v in 5 3; do
	edit "$dev" $v
	dev
	agree "version $v, from state that is older than the last result"
done
sed -i 's/x + 1 }/x + 2 }/' "$dev/leaf/src/deep.rs"
dev
agree "another module, from there"
# State that a killed compile left half.
find "$dev/target/debug/incremental" -name '*.bin' -size +100c \
	-exec truncate -s 100 {} +
edit "$dev" 6
dev
agree "from state that is damaged"
rm -rf "$dev/target/debug/incremental"
edit "$dev" 7
dev
agree "from state that was removed"

# A check and a release profile with state, the same.
sed -i 's/x + 2 }/x + 1 }/' "$dev/leaf/src/deep.rs"
export CARGO_PROFILE_RELEASE_INCREMENTAL=true
for what in check "build --release"; do
	edit "$ci" 8
	edit "$dev" 9
	kcargo "$dev" $what -q
	kcargo "$ci" $what -q
	edit "$dev" 8
	mark
	kcargo "$dev" $what -q
	served "$what"
done
is "$("$dev/target/release/app")" "<3> 12" "is right"

# The same command line with and without -C incremental.
real=$(rustup which rustc 2>/dev/null || command -v rustc)
by_hand() { # [-C incremental=...]
	mark
	rm -rf "$T/hand/deps"
	mkdir -p "$T/hand/deps"
	(cd "$ci" && "$WRAPPER" "$real" --crate-name leaf --edition=2021 \
		leaf/src/lib.rs --error-format=json --json=artifacts \
		--crate-type lib --emit=dep-info,metadata,link -C metadata=1 \
		-C extra-filename=-1 --out-dir "$T/hand/deps" "$@") \
		>"$T/out.hand" 2>&1
}
by_hand
is "$(count miss)" 1 "by hand, without state"
by_hand -C incremental="$T/hand/incremental"
is "$(hits)" 1 "serves who asks for state"
check "with all its files" test -s "$T/hand/deps/libleaf-1.rlib"
edit "$ci" 9
by_hand -C incremental="$T/hand/incremental"
is "$(count miss)" 1 "an edit is compiled"
check "with state" sh -c "ls '$T/hand/incremental' | grep -q leaf"
by_hand
is "$(count miss)" 1 "and serves nobody who asks for none"

done_testing
