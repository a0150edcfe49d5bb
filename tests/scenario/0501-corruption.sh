#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A damaged store: a miss, the damaged file removed, the build right.
. "$(dirname "$0")/../lib.sh"

if [ -n "$TRYING" ]; then
	skip "damage to the store" "needs the shim's store"
	done_testing
fi
c=$KACHE_CACHE_DIR
w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
package "$w/leaf" leaf
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { let unused = 1; 1 }'
package "$w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$w/app/src/main.rs" 'fn main() { println!("{}", leaf::leaf()) }'

LIMIT=20 # nothing may hang

good() { # DESCRIPTION: builds right, and the build after that is served
	rm -rf "$w/target"
	kcargo "$w" build
	is "$? $("$w/target/debug/app" 2>&1)" "0 1" "$1: builds right"
	is "$(grep -c 'unused variable' "$T/out")" 1 "$1: warns"
	rm -rf "$w/target"
	mark
	kcargo "$w" build
	# Nobody puts a directory there by accident: no need to clear it away.
	[ "${1%directory}" != "$1" ] || served "$1: healed"
	is "$("$w/target/debug/app" 2>&1)" 1 "$1: healed and right"
}
flip() { # FILE: one bit in the middle
	perl -e 'open F, "+<", $ARGV[0] or die; my $s = -s F;
		seek F, int($s / 2), 0; read F, my $b, 1;
		seek F, int($s / 2), 0; print F chr(ord($b) ^ 1)' "$1"
}
damage() { # WHAT FILE
	case $1 in
	empty) : >"$2" ;;
	short) truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
	one-less) truncate -s -1 "$2" ;;
	longer) echo x >>"$2" ;;
	flipped) flip "$2" ;;
	first) printf '\377' | dd of="$2" conv=notrunc status=none ;;
	directory) rm -f "$2" && mkdir "$2" ;;
	fifo) rm -f "$2" && mkfifo "$2" ;;
	dangling) rm -f "$2" && ln -s /nowhere/at/all "$2" ;;
	gone) rm -f "$2" ;;
	esac
}
export -f damage flip

kcargo "$w" build
cp -r "$c" "$T/saved"
for dir in manifests entries blobs; do
	for how in empty short one-less longer flipped first directory fifo \
		dangling gone; do
		rm -rf "$w/target" "$c"
		cp -r "$T/saved" "$c"
		# Blobs were hashed long ago: nothing is believed for being new.
		find "$c/$dir" -type f | while read -r f; do
			damage $how "$f"
		done
		good "$dir $how"
	done
done

# A bit flip leaves the file's size; it must be removed or replaced.
rm -rf "$w/target" "$c"
cp -r "$T/saved" "$c"
find "$c/blobs" -type f | while read -r f; do flip "$f"; done
kcargo "$w" build
bad=0
for f in $(find "$c/blobs" -type f); do
	[ "$(sha256sum <"$f" | cut -d' ' -f1)" = "$(basename "$f")" ] ||
		bad=$((bad + 1))
done
# Blobs that nothing asked for may lie there still; those asked for may not.
is "$bad" 0 "no damaged blob is left after the build that found it"
check "the log says so" grep -q . "$c/shim.log"

# The rest of the store.
for f in memo locks VERSION events.log gc.lock ids; do
	for how in gone empty flipped directory; do
		rm -rf "$w/target" "$c"
		cp -r "$T/saved" "$c"
		[ -e "$c/$f" ] || continue
		if [ $f = ids ]; then
			find "$c/ids" -type f | while read -r x; do
				damage $how "$x"
			done
		elif [ $how != flipped ] || [ -s "$c/$f" ]; then
			damage $how "$c/$f"
		fi
		rm -rf "$w/target"
		timeout 60 bash -c "cd '$w' && RUSTC_WRAPPER='$SHIM' cargo build" \
			>"$T/out" 2>&1
		is "$? $("$w/target/debug/app" 2>&1)" "0 1" \
			"$f $how: builds right"
	done
done

# A store of another version is not touched.
rm -rf "$w/target" "$c"
cp -r "$T/saved" "$c"
if [ -s "$c/VERSION" ]; then
	echo 999 >"$c/VERSION"
	before=$(find "$c/entries" "$c/blobs" "$c/manifests" -type f | sort |
		xargs sha256sum | sha256sum)
	kcargo "$w" build
	is "$? $("$w/target/debug/app" 2>&1)" "0 1" \
		"a store of another version: builds"
	is "$(find "$c/entries" "$c/blobs" "$c/manifests" -type f | sort |
		xargs sha256sum | sha256sum)" "$before" \
		"a store of another version: untouched"
else
	not_ok "the store has a VERSION"
fi

# The store vanishes in the middle of a build, and a copied store serves.
rm -rf "$w/target" "$c"
(sleep 0.3 && rm -rf "$c") &
kcargo "$w" build
wait
is "$? $("$w/target/debug/app" 2>&1)" "0 1" "the store vanishes in a build"
good "after it vanished"

done_testing
