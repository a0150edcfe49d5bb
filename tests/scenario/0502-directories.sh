#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cache directory that cannot be used: the build goes on without it.
. "$(dirname "$0")/../lib.sh"

w=$T/w
package "$w" app
put "$w/src/main.rs" 'fn main() { println!("fine") }'

fine() { # DESCRIPTION: builds, runs, says nothing
	rm -rf "$w/target"
	kcargo "$w" build -q
	is "$? $(cat "$T/out") $("$w/target/debug/app" 2>&1)" "0  fine" "$1"
}
KACHE_CACHE_DIR=$T/not/yet/there
fine "a cache directory that is not there yet"
[ -n "$TRYING" ] || is "$(stat -c %a "$T/not/yet/there")" 700 "made, 0700"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "and it serves"
echo x >"$T/file"
KACHE_CACHE_DIR=$T/file
fine "a file where the cache directory should be"
KACHE_CACHE_DIR=/proc/nowhere
fine "a cache directory that cannot be made"
KACHE_CACHE_DIR=/dev/null/x
fine "a cache directory below a device"
KACHE_CACHE_DIR=$(printf "$T/%0300d" 0)
fine "a name that is too long"
KACHE_CACHE_DIR=
fine "an empty name"
KACHE_CACHE_DIR=relative/cache
fine "a relative name"
rm -rf "$w/relative"
ln -s "$T/nowhere" "$T/dangling"
KACHE_CACHE_DIR=$T/dangling
fine "a dangling symlink"
mkdir "$T/own"
ln -s "$T/own" "$T/link"
KACHE_CACHE_DIR=$T/link
fine "a symlink to a directory of ours"
(unset HOME XDG_CACHE_HOME KACHE_CACHE_DIR
	export RUSTUP_HOME CARGO_HOME
	rm -rf "$w/target"
	kcargo "$w" build -q)
is "$? $(cat "$T/out") $("$w/target/debug/app" 2>&1)" "0  fine" \
	"no HOME at all"

if ! is_root; then
	skip "directories of others, read-only and full disks" "not root"
	done_testing
fi
mkdir "$T/theirs"
chown 65534:65534 "$T/theirs"
KACHE_CACHE_DIR=$T/theirs
fine "a directory of another user"
is "$(find "$T/theirs" -mindepth 1)" "" "and nothing is put there"
ln -s "$T/theirs" "$T/trap"
KACHE_CACHE_DIR=$T/trap
fine "a symlink to a directory of another user"
is "$(find "$T/theirs" -mindepth 1)" "" "and nothing is put there"
mkdir -m 777 "$T/open"
KACHE_CACHE_DIR=$T/open
fine "a directory that everybody may write to"

disk() { # MOUNT-OPTIONS: a cache on a file system of its own
	mkdir -p "$T/disk"
	mount -t tmpfs -o "$1" none "$T/disk" || return 1
	KACHE_CACHE_DIR=$T/disk/cache
}
undisk() {
	umount -l "$T/disk"
}
at_exit 'umount -l "$T/disk" 2>/dev/null'
if ! disk size=16m; then
	skip "full and read-only disks" "no mount"
	done_testing
fi
fine "a small disk"
mount -o remount,ro "$T/disk"
fine "a read-only disk with a filled store"
rm -rf "$w/target"
mark
kcargo "$w" build -q
is $? 0 "twice"
undisk
for size in 4k 16k 64k 256k 1m; do
	disk size=$size
	fine "a disk of $size"
	fine "a disk of $size, again"
	undisk
done
disk size=16m,nr_inodes=8
fine "a disk of 8 inodes"
fine "a disk of 8 inodes, again"
undisk
# Full under a store that works: memo, log and blobs cannot grow.
disk size=32m
fine "a disk that will fill up"
cat /dev/zero >"$T/disk/filler" 2>/dev/null
echo '// changed' >>"$w/src/main.rs"
fine "a full disk"
fine "a full disk, again"
rm "$T/disk/filler"
fine "room again"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "and it is served again"
undisk

# min_free: below it storing stops, building does not.
disk size=32m
KACHE_STORE_MIN_FREE=99% fine "below min_free"
[ -n "$TRYING" ] || is "$(find "$KACHE_CACHE_DIR/blobs" -type f \
	2>/dev/null | wc -l)" 0 "below min_free nothing is stored"
undisk

# One trouble, one line in the log, not one for each unit.
KACHE_CACHE_DIR=$T/cache
fine "back to normal"

# Plain cargo, as another user, finds our target Fresh and can rebuild.
sysroot=$(rustc --print sysroot)
package "$T/o" app
put "$T/o/src/main.rs" 'fn main() { println!("fine") }'
kcargo "$T/o" build -q
rm -rf "$T/o/target"
kcargo "$T/o" build -q
chown -R 65534:65534 "$T/o"
chmod 755 "$T"
mkdir "$T/tool" "$T/ohome"
chown 65534 "$T/ohome"
other() { # CARGO-ARGS...: as nobody, with the toolchain bound below $T
	unshare -m bash -c 'mount --bind "$1" "$2/tool" && cd "$2/o" && shift 2 &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups env \
		-u LD_LIBRARY_PATH HOME="$T/ohome" CARGO_HOME="$T/ohome" \
		PATH="$T/tool/bin:$PATH" "$@"' x "$sysroot" "$T" "$@" \
		>"$T/out" 2>&1
}
export T
if other cargo --version; then
	other cargo build -v
	is "$? $(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" "0 0" \
		"plain cargo as nobody: everything is Fresh"
	echo '// more' >>"$T/o/src/main.rs"
	other cargo build -q
	is $? 0 "plain cargo as nobody rebuilds over restored files"
	# With the cache of root, which nobody may not even look into.
	echo '// still more' >>"$T/o/src/main.rs"
	[ "$WRAPPER" = none ] || {
		cp "$WRAPPER" "$T/shim-for-all"
		RUSTC_WRAPPER=$T/shim-for-all other cargo build -q
		is "$? $(cat "$T/out")" "0 " "nobody with root's cache directory"
	}
else
	skip "plain cargo as nobody" "no toolchain for nobody: $(head -1 "$T/out")"
fi

done_testing
