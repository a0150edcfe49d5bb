#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Store and target on file systems of several kinds, the same one and two: a
# build, another checkout, and restored files that somebody then writes into.
# Where there are reflinks the store's bytes never change; where hard links
# are taken the change is found, and no other checkout gets it.
. "$(dirname "$0")/../mounts.sh"

if [ -n "$TRYING" ] || [ ! -x "$KACHE" ]; then
	skip "file systems" "needs the shim's store"
	done_testing
fi
if ! may_mount; then
	cannot "file systems" "mounting is not allowed here"
	done_testing
fi
export KACHE_STORE_PORTABLE=yes

mount_kinds 512M

checkout() { # DIR: the workspace
	put "$1/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"
[profile.dev]
incremental = false'
	package "$1/leaf" leaf
	put "$1/leaf/src/lib.rs" 'pub fn leaf() -> &'"'static"' str { "wanted" }'
	package "$1/app" app '[dependencies]
leaf = { path = "../leaf" }'
	put "$1/app/src/main.rs" 'fn main() { println!("{}", leaf::leaf()) }'
}
build() { # DIR: status and what the program prints
	kcargo "$1" build -q
	echo "$? $("$1/target/debug/app" 2>&1)"
}
# Other bytes of the same length in the same inode; the time is as it comes.
modify() { # FILE...
	perl -e 'for (@ARGV) {
		open F, "+<", $_ or die "$_: $!";
		binmode F; local $/; my $b = <F>;
		(my $n = $b) =~ s/wanted/spoilt/g;
		substr($n, -40, 8) = "spoiltxx" if $n eq $b;
		seek F, 0, 0; print F $n; close F or die $! }' "$@"
}
wrong_blobs() { # how many blobs of the store do not have their digest
	local n=0 f

	for f in $(find "$KACHE_CACHE_DIR/blobs" -type f); do
		[ "$(sha256sum <"$f" | cut -d' ' -f1)" = "${f##*/}" ] ||
			n=$((n + 1))
	done
	echo $n
}
artifacts() { # DIR: what the cache may have put there
	find "$1/target/debug" -type f \( -name '*.rlib' -o -name '*.rmeta' \
		-o -perm -100 -o -name '*.d' \) -path '*/deps/*'
}
extents_shared() { # FILE...: how many share blocks with another file
	local f n=0

	for f; do
		filefrag -v "$f" 2>/dev/null | grep -q shared && n=$((n + 1))
	done
	echo $n
}

spoilt=0
for store in $KINDS; do
	for target in $KINDS; do
		on="store on $store, target on $target"
		KACHE_CACHE_DIR=$T/$store/cache
		d=$T/$target
		rm -rf "$KACHE_CACHE_DIR" "$d"/[abc]
		checkout "$d/a"
		checkout "$d/b"
		mark
		is "$(build "$d/a")" "0 wanted" "$on: cold"
		is "$(stored)" 2 "$on: stored"
		mark
		is "$(build "$d/b")" "0 wanted" "$on: another checkout"
		served "$on: served"
		"$KACHE" verify >"$T/out" 2>&1
		is $? 0 "$on: sound"

		if [ $store = $target ] && [[ $store = xfs || $store = btrfs ]]
		then
			sync -f "$d"
			isnt "$(extents_shared $(artifacts "$d/b"))" 0 \
				"$on: restored by reflink"
			is "$(find "$KACHE_CACHE_DIR/blobs" -type f \
				-samefile "$(ls "$d"/b/target/debug/deps/*.rlib)")" \
				"" "$on: not by a hard link"
		fi

		# Whatever was restored, and what was compiled, is written into.
		for who in b a; do
			[ $who = a ] && who_says=compiled || who_says=restored
			links=$(find "$KACHE_CACHE_DIR/blobs" -type f \
				-links +1 | wc -l)
			modify $(artifacts "$d/$who")
			bad=$(wrong_blobs)
			spoilt=$((spoilt + bad))
			if [ $who$target = bxfs ] || [ $who$target = bbtrfs ] ||
				[ $store != $target ]; then
				is $bad 0 "$on: the store's bytes stay, $who_says"
			else
				# Through hard links some may change: found.
				is $((bad <= links)) 1 \
					"$on: at most the linked ones, $who_says"
			fi
			if [ "$bad" = 0 ]; then
				"$KACHE" verify >"$T/out" 2>&1
				is $? 0 "$on: verify is content, $who_says"
			else
				"$KACHE" verify >"$T/out" 2>&1
				is $? 1 "$on: verify finds them, $who_says"
			fi
			rm -rf "$d/c"
			checkout "$d/c"
			is "$(build "$d/c")" "0 wanted" \
				"$on: no other checkout gets it, $who_says"
			is "$(wrong_blobs)" 0 \
				"$on: and the store is whole again, $who_says"
			rm -rf "$d/$who/target"
			is "$(build "$d/$who")" "0 wanted" \
				"$on: nor this one when it builds anew, $who_says"
			"$KACHE" verify >"$T/out" 2>&1
			is $? 0 "$on: sound after that, $who_says"
		done
		check "$on: gc" "$KACHE" gc --max-size 1K
		rm -rf "$d/a/target"
		is "$(build "$d/a")" "0 wanted" "$on: after a sweep"
		rm -rf "$KACHE_CACHE_DIR" "$d"/[abc]
	done
done
# Else nothing of this has shown that a change is found.
isnt $spoilt 0 "some blob of the store was changed through a hard link"
diag "changed: $spoilt blobs"
done_mounting
