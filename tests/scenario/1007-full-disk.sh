#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk without blocks or without inodes, under the store while something is
# stored, fetched or swept, and under target: no build fails for it, nothing
# half is left, and a sweep needs no space to make some.
. "$(dirname "$0")/../mounts.sh"
. "$TESTS/remote.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "full disks" "needs the shim's store"
	done_testing
fi
if ! may_mount; then
	cannot "full disks" "mounting is not allowed here"
	done_testing
fi
disk=$T/disk
export KACHE_STORE_PORTABLE=yes KACHE_STORE_MIN_FREE=0
put "$T/w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"
[profile.dev]
debug = 0
incremental = false'
package "$T/w/leaf" leaf
put "$T/w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { let unused = 1; 1 }'
package "$T/w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$T/w/app/src/main.rs" 'fn main() { println!("{}", leaf::leaf()) }'

available() { # COLUMN: avail (bytes) or iavail of the disk
	df -B1 --output="$1" "$disk" | tail -n 1 | tr -d ' '
}
fill() { # blocks|inodes LEAVE: until so much is left
	local n

	mkdir -p "$disk/fill"
	if [ "$1" = blocks ]; then
		n=$(($(available avail) - $2))
		[ $n -le 0 ] || fallocate -l $n "$disk/fill/blocks"
	else
		n=$(($(available iavail) - $2))
		[ $n -le 0 ] || (cd "$disk/fill" && seq $n | xargs touch)
	fi
}
empty() {
	rm -rf "$disk/fill"
}
# Builds from nothing; prints status, what the program says, and how many
# lines of ours are on the console.
built() { # CARGO_ARG...
	rm -rf "$T/w/target"
	kcargo "$T/w" build "$@"
	echo "$? $("$T/w/target/debug/app" 2>&1)" \
		"$(grep -c 'unused variable' "$T/out")" \
		"$(sed "s|$T||g" "$T/out" | grep -ci -e kache -e 'error')"
}
RIGHT="0 1 1 0"
sound() { # DESCRIPTION
	is "$("$KACHE" verify 2>&1 | tail -n 1)" "no problems" "$1: sound"
}

# --- while something is stored ---
# A new disk each time; the store's first files find none, some, all space.
for what in size=4k size=1m size=17m nr_inodes=4 nr_inodes=20 \
	nr_inodes=60; do
	mount_tmpfs "$disk" "size=64m,$what"
	KACHE_CACHE_DIR=$disk/cache
	is "$(built)" "$RIGHT" "a new store, $what: builds"
	is "$(built)" "$RIGHT" "a new store, $what: and again"
	if [ -e "$disk/cache/VERSION" ]; then
		sound "a new store, $what"
		check "a new store, $what: gc" "$KACHE" gc --max-size 1K
	fi
	unmount "$disk"
done

# One that was used before; so much is left when something is stored.
mount_tmpfs "$disk" size=64m,nr_inodes=4000
KACHE_CACHE_DIR=$disk/cache
is "$(built)" "$RIGHT" "with space: builds"
mark
is "$(built)" "$RIGHT" "with space: builds again"
served "with space: served"
cp -a "$disk/cache" "$T/full"
stores=0
for left in "blocks 0" "blocks 4096" "blocks 16384" "blocks 40000" \
	"blocks 400000" "inodes 0" "inodes 1" "inodes 2" "inodes 4" \
	"inodes 7"; do
	"$KACHE" purge --all >/dev/null
	fill $left
	mark
	is "$(built)" "$RIGHT" "left $left: builds"
	stores=$((stores + $(stored)))
	is "$(built)" "$RIGHT" "left $left: builds again"
	sound "left $left"
	empty
	is "$(built)" "$RIGHT" "left $left: builds when there is space again"
	mark
	is "$(built)" "$RIGHT" "left $left: and once more"
	served "left $left: which is served"
done
diag "compiles that were stored: $stores of 20"
isnt $stores 20 "not everything could be stored"

# --- while it is swept ---
for left in "blocks 0" "inodes 0"; do
	fill $left
	before=$(available avail)
	check "gc, left $left" "$KACHE" gc --max-size 1K
	is "$(find "$disk/cache/blobs" "$disk/cache/entries" -type f | wc -l)" 0 \
		"gc, left $left: removes what it should"
	is $(($(available avail) > before)) 1 "gc, left $left: makes space"
	sound "gc, left $left"
	is "$(find "$disk/cache/trash" -type f | wc -l)" 0 \
		"gc, left $left: nothing stays on its way out"
	empty
	is "$(built)" "$RIGHT" "gc, left $left: the next build"
	fill $left
	check "purge, left $left" "$KACHE" purge --all
	check "verify --repair, left $left" "$KACHE" verify --repair
	empty
	is "$(built)" "$RIGHT" "purge, left $left: the next build"
done

# Below min_free, nothing is stored; building does not stop.
"$KACHE" purge --all >/dev/null
fill blocks 3000000
mark
KACHE_STORE_MIN_FREE=5%
is "$(built)" "$RIGHT" "below min_free: builds"
is "$(stored) $(reasons)" "0 not_stored:min_free" \
	"below min_free: stores nothing"
KACHE_STORE_MIN_FREE=0
empty

# --- while it is fetched from a remote ---
export KACHE_REMOTE_MAIN_URL=file://$T/remote
mkdir -p "$T/remote"
machine one
is "$(built)" "$RIGHT" "a machine with a remote"
check "uploads" drained
_end_daemon "$KACHE_CACHE_DIR"
machine two
KACHE_CACHE_DIR=$disk/cache
at_end "_end_daemon $disk/cache"
fetched=0
for left in "blocks 0" "blocks 4096" "blocks 16384" "blocks 40000" \
	"blocks 200000" "inodes 0" "inodes 2" "inodes 5"; do
	"$KACHE" purge --all >/dev/null
	check "fetch: the daemon runs" "$KACHE" daemon start
	pid=$(daemon_pid)
	fill $left
	mark
	is "$(built)" "$RIGHT" "fetch, left $left: builds"
	fetched=$((fetched + $(remote_hits)))
	is "$(daemon_pid)" "$pid" "fetch, left $left: the daemon lives"
	sound "fetch, left $left"
	empty
	is "$(built)" "$RIGHT" "fetch, left $left: the next build"
done
diag "fetched: $fetched of 16"
# A daemon that starts on such a disk, and one with a new store.
_end_daemon "$disk/cache"
for what in blocks inodes; do
	fill $what 0
	is "$(built)" "$RIGHT" "no $what, no daemon: builds"
	_end_daemon "$disk/cache"
	empty
done
"$KACHE" purge --all >/dev/null
mark
is "$(built)" "$RIGHT" "fetch, with space: builds"
is "$(remote_hits)" 2 "fetch, with space: fetches"
sound "fetch, with space"
_end_daemon "$disk/cache"
unset KACHE_REMOTE_MAIN_URL
unmount "$disk"

# --- target on a full disk, the store elsewhere ---
# What fails must fail without us, what succeeds must be right.
KACHE_CACHE_DIR=$T/full
rm -rf "$T/w/target"
ln -s "$disk/target" "$T/w/target"
failed=0
for left in "blocks 0" "blocks 40000" "blocks 100000" "blocks 300000" \
	"blocks 500000" "blocks 1500000" "inodes 12" "inodes 24" "inodes 30" \
	"inodes 36" "inodes 50"; do
	for served in yes no; do
		mount_tmpfs "$disk" size=32m,nr_inodes=400
		mkdir "$disk/target"
		fill $left
		[ $served = no ] && "$KACHE" purge --all >/dev/null
		kcargo "$T/w" build
		rc=$?
		got=$("$disk/target/debug/app" 2>&1)
		temps=$(find "$disk/target" -name '.kache-*' | wc -l)
		empty
		# The same target goes on as soon as there is space.
		kcargo "$T/w" build
		is "$? $("$disk/target/debug/app" 2>&1) $temps" "0 1 0" \
			"target, left $left, served $served: goes on"
		unmount "$disk"
		if [ $rc = 0 ]; then
			is "$got" 1 "target, left $left, served $served: right"
			continue
		fi
		failed=$((failed + 1))
		mount_tmpfs "$disk" size=32m,nr_inodes=400
		mkdir "$disk/target"
		fill $left
		plain "$T/w" build
		isnt $? 0 "target, left $left, served $served: cargo fails too"
		unmount "$disk"
	done
done
isnt $failed 0 "some builds could not succeed"
sound "the store beside it"
diag "builds that failed: $failed of 22"
rm "$T/w/target"

# --- each call that needs space fails, by quota or for want of it ---
if strace -D -o "$T/trace" true 2>/dev/null; then
	KACHE_CACHE_DIR=$T/quota
	put "$T/bin/refused" "#!/bin/bash
exec strace -D -qq -o '$T/trace' -e \"inject=\$CALLS:error=\$ERROR:when=\$WHEN\" \\
	'$SHIM' \"\$@\""
	chmod +x "$T/bin/refused"
	WRAPPER=$T/bin/refused
	for ERROR in EDQUOT ENOSPC; do
		WHEN=1+
		[ $ERROR = EDQUOT ] || WHEN=2
		for CALLS in pwrite64 linkat renameat mkdirat \
			copy_file_range ftruncate,fallocate; do
			export ERROR CALLS WHEN
			rm -rf "$T/quota"
			is "$(built)" "$RIGHT" \
				"$CALLS $WHEN fails with $ERROR: a miss"
			WRAPPER=$SHIM
			is "$(built)" "$RIGHT" \
				"$CALLS $WHEN fails with $ERROR: the next"
			WRAPPER=$T/bin/refused
			is "$(built)" "$RIGHT" \
				"$CALLS $WHEN fails with $ERROR: a hit"
		done
		sound "$ERROR"
	done
else
	cannot "calls that fail" "no strace that may trace"
fi

# --- the disk fills up while the compiler runs ---
# A macro fills it, then more is read: what is observed has to go somewhere.
d=$T/during
put "$d/Cargo.toml" '[workspace]
members = ["mac", "app"]
resolver = "2"'
package "$d/mac" mac '[lib]
proc-macro = true'
put "$d/mac/src/lib.rs" 'use proc_macro::TokenStream;
use std::{fs::File, io::Write};
#[proc_macro]
pub fn fill(_: TokenStream) -> TokenStream {
    for n in [65536, 512, 512] {
        let name = format!("DISK/fill{}", std::process::id() + n);
        let Ok(mut f) = File::create(name) else { break };
        while f.write_all(&vec![7; n as usize]).is_ok() {}
        f.sync_all().ok();
    }
    TokenStream::new()
}'
package "$d/app" app '[dependencies]
mac = { path = "../mac" }'
{
	echo 'mac::fill!();'
	seq 30 | sed 's/.*/const T&: \&str = include_str!("t&");/'
	echo 'fn main() { println!("{}", [T1'
	seq 2 30 | sed 's/.*/, T&/'
	echo '].len()) }'
} >"$T/main.rs"
put "$d/app/src/main.rs" <"$T/main.rs"
seq 30 | while read -r i; do
	put "$d/app/src/t$i" text
done
mount_kinds 320M
last=DISK
for kind in $KINDS; do
	KACHE_CACHE_DIR=$T/$kind/cache
	sub "$d/mac/src/lib.rs" "$last" "$T/$kind"
	last=$T/$kind
	rm -rf "$d/target"
	for i in 1 2; do
		echo "// $kind $i" >>"$d/app/src/main.rs"
		kcargo "$d" build -q
		is "$? $("$d/target/debug/app" 2>&1)" "0 30" \
			"$kind: the disk fills up during the compile, $i"
		isnt "$(ls "$T/$kind" | grep -c fill)" 0 "$kind: it did, $i"
		is "$(df -B1 --output=avail "$T/$kind" |
			awk 'NR == 2 { print $1 < 1000000 }')" 1 \
			"$kind: it was full, $i"
		rm -f "$T/$kind"/fill*
	done
	sound "$kind"
done
done_mounting
