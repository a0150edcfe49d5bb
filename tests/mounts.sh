# SPDX-License-Identifier: Apache-2.0
# More for scenario tests that mount file systems; sourced before and instead
# of tests/lib.sh. Everything is mounted in a mount namespace of the test's
# own, so it goes with the test's last process, however that ends; a loop
# device goes with its mount.

if [ -z "${SCENARIO_CLEAN-}" ] &&
	[ "$(readlink /proc/self/ns/mnt)" = "$(readlink /proc/$PPID/ns/mnt)" ] &&
	unshare -m true 2>/dev/null; then
	exec unshare -m bash "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Whether this test may mount at all. Nobody's mounts but our own: only in a
# namespace that is not our parent's.
may_mount() {
	mkdir -p "$T/probe"
	[ "$(readlink /proc/$$/ns/mnt)" != "$(readlink /proc/$PPID/ns/mnt)" ] &&
		mount -t tmpfs tmpfs "$T/probe" 2>/dev/null &&
		umount "$T/probe"
}

mount_tmpfs() { # DIR OPTIONS
	mkdir -p "$1"
	mount -t tmpfs -o "$2" tmpfs "$1" || return
	at_end "unmount $1"
}

mount_loop() { # TYPE DIR SIZE: a new file system in a file
	local options=

	case $1 in
	xfs) options="-q -m reflink=1" ;;
	btrfs) options=-q ;;
	ext4) options="-q -F" ;;
	esac
	mkdir -p "$2"
	truncate -s "$3" "$2.img" && "mkfs.$1" $options "$2.img" >&2 &&
		mount -t "$1" -o loop "$2.img" "$2" || return
	at_end "unmount $2"
}

# Mounts one of each kind at $T/KIND: those that the kernel has, in $KINDS; the
# others are points that say so.
mount_kinds() { # SIZE
	local kind

	KINDS=
	for kind in xfs btrfs ext4; do
		grep -qw "$kind" /proc/filesystems || modprobe "$kind" 2>/dev/null
		if ! grep -qw "$kind" /proc/filesystems; then
			skip "$kind" "this kernel has no $kind, not even as a module"
		elif mount_loop $kind "$T/$kind" "$1" >"$T/out" 2>&1; then
			ok "$kind: mounted"
			KINDS+=" $kind"
		else
			cannot "$kind: mounted" "$(tail -n 3 "$T/out")"
		fi
	done
	mount_tmpfs "$T/tmpfs" "size=$1"
	KINDS+=" tmpfs"
}

unmount() { # DIR, which may be mounted no more
	local i

	for i in $(seq 50); do
		mountpoint -q "$1" || return 0
		umount "$1" 2>/dev/null && return
		sleep 0.1
	done
	umount -l "$1"
}

# As done_testing, and no mount and no loop device of ours is left.
done_mounting() {
	_end_services
	is "$(grep -c " $T/" /proc/self/mounts)" 0 "no mount is left"
	is "$(losetup -a 2>/dev/null | grep -c "$T/")" 0 "no loop device is left"
	done_testing
}
