#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Restores: what lies in target/ after a hit must be as good as what rustc
# leaves there, for cargo, for other tools and for the next build.
. "$(dirname "$0")/../lib.sh"

w=$T/w
put "$w/Cargo.toml" '[workspace]
members = ["leaf", "app"]
resolver = "2"'
package "$w/leaf" leaf
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { 1 }'
package "$w/app" app '[dependencies]
leaf = { path = "../leaf" }'
put "$w/app/src/main.rs" 'fn main() { println!("{}", leaf::leaf()) }'
put "$w/app/tests/it.rs" '#[test]
fn it() { assert_eq!(leaf::leaf(), 1) }'

names() { # DIR: names and modes below a target, less what cargo alone owns
	(cd "$1" && find . -type f -not -path '*/incremental/*' \
		-not -path '*/.fingerprint/*' -printf '%m %p\n' | sort)
}
plain "$w" build --all-targets
names "$w/target" >"$T/names.plain"
rm -rf "$w/target"
kcargo "$w" build --all-targets
names "$w/target" >"$T/names.cold"
rm -rf "$w/target"
mark
kcargo "$w" build --all-targets
served "the workspace comes from the cache"
names "$w/target" >"$T/names.warm"
check "a cold build leaves rustc's files and modes" \
	diff "$T/names.plain" "$T/names.cold"
check "a restore leaves rustc's files and modes" \
	diff "$T/names.plain" "$T/names.warm"

# Modes: writable, umask respected, executables runnable.
is "$(find "$w/target" -type f ! -perm -200 | wc -l)" 0 \
	"no restored file is read-only"
rm -rf "$w/target"
(umask 027 && kcargo "$w" build --all-targets)
rm -rf "$T/u27" && mv "$w/target" "$T/u27"
(umask 027 && plain "$w" build --all-targets)
names "$w/target" >"$T/names.plain"
names "$T/u27" >"$T/names.warm"
if diff "$T/names.plain" "$T/names.warm" >"$T/diff"; then
	ok "umask 027: modes as rustc's"
else
	# A file that is linked has the mode of its blob; it must not be
	# unreadable for its owner nor lose its x bit.
	is "$(awk '/^>/ && $2 !~ /^[67][45][045]$/' "$T/diff" | wc -l)" 0 \
		"umask 027: modes as rustc's, or as the blob's"
fi

# Links into the store: at most one consumer, executables and .d never.
rm -rf "$w/target"
kcargo "$w" build --all-targets
cp -r "$w" "$T/w2"
rm -rf "$T/w2/target"
kcargo "$T/w2" build --all-targets
in_store() { # prints the files of a target whose inode is a blob's
	find "$KACHE_CACHE_DIR/blobs" -type f -printf '%i\n' | sort >"$T/inodes"
	find "$1" -type f -printf '%i %m %p\n' | sort |
		join - "$T/inodes" | cut -d' ' -f2-
}
in_store "$w/target" >"$T/linked1"
in_store "$T/w2/target" >"$T/linked2"
is "$(grep -cE '\.(d|o|a|s|dwo)$' "$T/linked1")" 0 \
	"no .d, .o, .a, .s, .dwo is a link into the store"
is "$(awk '$1 ~ /[1357]/ && $2 !~ /\.(rlib|rmeta)$/' "$T/linked1" | wc -l)" \
	0 "no executable is a link into the store"
# One blob in two trees would let one tree's tools damage the other.
find "$w/target" "$T/w2/target" -type f -printf '%i %p\n' |
	sort >"$T/all"
is "$(awk -v a="$w/target" -v b="$T/w2/target" '
	index($2, a "/") == 1 { x[$1] = 1 } index($2, b "/") == 1 { y[$1] = 1 }
	END { for (i in x) if (y[i]) n++; print n + 0 }' "$T/all")" 0 \
	"no inode is in two trees"
rm -rf "$T/w2"

# Writing into restored files leaves the store unharmed.
for f in "$w"/target/debug/app "$w"/target/debug/deps/*.d \
	"$w"/target/debug/deps/it-*[0-9a-f]; do
	printf x >>"$f"
done
rm -rf "$w/target"
mark
kcargo "$w" build --all-targets
served "after writes into bins and .d: still served"
is "$("$w/target/debug/app")" 1 "and right"
rlib=$(ls "$w"/target/debug/deps/libleaf-*.rlib | head -1)
printf x >>"$rlib"
rm -rf "$w/target"
mark
kcargo "$w" build --all-targets
is "$("$w/target/debug/app")" 1 "after a write through a linked .rlib: right"
plain "$w" build --all-targets -v
is "$(grep -c '^ *Dirty' "$T/out.plain")" 0 "and Fresh"
strip "$w/target/debug/app" && printf '' >"$w/target/debug/deps/trash.d"
rm -rf "$w/target"
kcargo "$w" build
check "after strip of the uplifted binary: restored whole" \
	sh -c "nm '$w/target/debug/app' | grep -q main"

# Plain cargo edits and rebuilds on top of restored outputs, and back.
sub "$w/leaf/src/lib.rs" '{ 1 }' '{ 2 }'
check "plain cargo rebuilds over restored files" plain "$w" build
is "$("$w/target/debug/app")" 2 "and is right"
sub "$w/leaf/src/lib.rs" '{ 2 }' '{ 1 }'
kcargo "$w" build
is "$("$w/target/debug/app")" 1 "the cache restores over plain cargo's files"
rm -rf "$w/target"
mark
kcargo "$w" build
served "the store is unharmed by plain cargo"
is "$("$w/target/debug/app")" 1 "and right"
# KACHE_DISABLED in a tree of restored files.
sub "$w/leaf/src/lib.rs" '{ 1 }' '{ 3 }'
check "disabled: rebuilds over restored files" \
	env KACHE_DISABLED=1 bash -c "cd '$w' && RUSTC_WRAPPER='$WRAPPER' cargo build -q"
is "$("$w/target/debug/app")" 3 "disabled: right"
sub "$w/leaf/src/lib.rs" '{ 3 }' '{ 1 }'
rm -rf "$w/target"
kcargo "$w" build

# A cargo clean -p and a single missing output.
plain "$w" clean -p leaf
kcargo "$w" build
is "$("$w/target/debug/app")" 1 "after cargo clean -p"
rm "$w"/target/debug/deps/libleaf-*.rmeta "$w"/target/debug/deps/app-*.d
kcargo "$w" build
check "after single outputs were deleted" "$w/target/debug/app"

# Odd things where an output goes: rustc's behaviour, the store untouched.
rm -rf "$w/target"
kcargo "$w" build
app=$(ls "$w"/target/debug/deps/app-*[0-9a-f])
echo precious >"$T/precious"
rm "$app" "$w/target/debug/app" && ln -s "$T/precious" "$app"
touch "$w/app/src/main.rs"
kcargo "$w" build
is "$(cat "$T/precious")" precious "a symlink at the output is not followed"
check "and the program is there" "$w/target/debug/app"
rm -rf "$w/target"
kcargo "$w" build
rlib=$(ls "$w"/target/debug/deps/libleaf-*.rlib)
chmod 444 "$rlib" "${rlib%.rlib}.rmeta"
sub "$w/leaf/src/lib.rs" '{ 1 }' '{ 4 }'
kcargo "$w" build
is "$("$w/target/debug/app")" 4 "read-only outputs do not stop a build"
sub "$w/leaf/src/lib.rs" '{ 4 }' '{ 1 }'

# mtimes: never older than what cargo compares with, never ahead.
rm -rf "$w/target"
kcargo "$w" build
touch "$T/now"
is "$(find "$w/target" -newer "$T/now" -type f | wc -l)" 0 \
	"no restored file is dated ahead"
for i in 1 2 3; do
	kcargo "$w" build -v
	is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 "no-op build $i"
done

# The target on another file system than the store, and behind a symlink.
if is_root && mkdir "$T/tmpfs" && mount -t tmpfs none "$T/tmpfs"; then
	at_exit "umount -l '$T/tmpfs'"
	export CARGO_TARGET_DIR=$T/tmpfs/target
	kcargo "$w" build --all-targets
	rm -rf "$T/tmpfs/target"
	mark
	kcargo "$w" build --all-targets
	served "target on another file system"
	is "$("$T/tmpfs/target/debug/app")" 1 "its program runs"
	kcargo "$w" build --all-targets -v
	is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 "and is Fresh"
	unset CARGO_TARGET_DIR
else
	skip "target on another file system" "not root"
fi
rm -rf "$w/target"
mkdir "$T/real-target"
ln -s "$T/real-target" "$w/target"
kcargo "$w" build
rm -rf "$T/real-target"/*
mark
kcargo "$w" build
served "target behind a symlink"
is "$("$w/target/debug/app")" 1 "its program runs"
rm -rf "$w/target" "$T/real-target"

# Blanks, '#', ':' and a symlink in the path of the workspace.
odd="$T/odd #dir/with blanks, and more"
mkdir -p "$(dirname "$odd")"
cp -r "$w" "$odd"
kcargo "$odd" build
rm -rf "$odd/target"
mark
kcargo "$odd" build
served "a workspace with blanks and # in its path"
is "$("$odd/target/debug/app")" 1 "its program runs"
kcargo "$odd" build -v
is "$(grep -cE '^ *(Dirty|Compiling) ' "$T/out")" 0 "and is Fresh"
echo '// edited' >>"$odd/leaf/src/lib.rs"
mark
kcargo "$odd" build
[ -n "$TRYING" ] || isnt "$(runs_of leaf)" 0 "an edit there is seen"
ln -s "$w" "$T/link"
kcargo "$T/link" build
rm -rf "$w/target"
mark
kcargo "$T/link" build
served "the working directory reached through a symlink"
is "$("$w/target/debug/app")" 1 "its program runs"

done_testing
