#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a repository or the environment may and may not do to the cache.
. "$(dirname "$0")/../lib.sh"

w=$T/w
package "$w" app
put "$w/src/main.rs" 'fn main() { println!("{:?}", option_env!("WHO")) }'

# [env] of a project cannot move the store or the configuration: the shim
# believes only what cargo itself was started with.
put "$T/evil.ini" "[store]
dir = $T/stolen"
put "$w/.cargo/config.toml" "[env]
KACHE_CACHE_DIR = { value = \"$T/stolen\", force = true }
KACHE_CONFIG = { value = \"$T/evil.ini\", force = true }
KACHE_STORE_DIR = { value = \"$T/stolen\", force = true }
KACHE_LOG = { value = \"debug\", force = true }
XDG_CACHE_HOME = { value = \"$T/stolen\", force = true }"
kcargo "$w" build -q
check "a build under a hostile [env] table" "$w/target/debug/app"
check "nothing was put where it pointed" test ! -e "$T/stolen"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "and the real store serves"
put "$w/.cargo/config.toml" '[env]
KACHE_DISABLED = { value = "1", force = true }'
rm -rf "$w/target"
kcargo "$w" build -q
check "KACHE_DISABLED in [env] breaks nothing" "$w/target/debug/app"
rm -r "$w/.cargo"

# A variable of [env] that the crate reads is an input like any other.
put "$w/.cargo/config.toml" '[env]
WHO = "one"'
hazard "value in an [env] table" "$w" \
	'sub .cargo/config.toml one two' 'sub .cargo/config.toml two one'
rm -r "$w/.cargo"

# KACHE_DISABLED=1: as if there were no wrapper, incremental included.
log_argv() { # makes a rustc that writes its arguments down
	put "$T/spy/rustc" "#!/bin/sh
printf '%s\\n' \"\$@\" >>$T/argv
echo == >>$T/argv
exec $(rustc_path) \"\$@\""
	chmod +x "$T/spy/rustc"
}
rustc_path() {
	rustup which rustc 2>/dev/null || command -v rustc
}
log_argv
rm -rf "$w/target"
RUSTC=$T/spy/rustc plain "$w" build -q
mv "$T/argv" "$T/argv.plain"
rm -rf "$w/target"
RUSTC=$T/spy/rustc KACHE_DISABLED=1 kcargo "$w" build -q
mv "$T/argv" "$T/argv.off"
last() { # the arguments of the last compile
	awk -v RS='==\n' '/--crate-name\napp\n/ { s = $0 } END { printf "%s", s }' \
		"$1"
}
is "$(last "$T/argv.off")" "$(last "$T/argv.plain")" \
	"KACHE_DISABLED=1 changes no argument"
like "$(last "$T/argv.off")" '^incremental=' "and keeps incremental"
rm -rf "$w/target" "$T/argv"
before=$(find "$KACHE_CACHE_DIR/blobs" -type f 2>/dev/null | wc -l)
put "$w/src/main.rs" 'fn main() { println!("new") }'
KACHE_DISABLED=1 kcargo "$w" build -q
is "$(find "$KACHE_CACHE_DIR/blobs" -type f 2>/dev/null | wc -l)" "$before" \
	"KACHE_DISABLED=1 stores nothing"

# A miss runs rustc as cargo asked, incremental included; nothing but
# remaps is added.
rm -rf "$w/target" "$T/argv"
RUSTC=$T/spy/rustc kcargo "$w" build -q
if [ -s "$T/argv" ] && [ -n "$(last "$T/argv")" ]; then
	like "$(last "$T/argv")" '^incremental=' "a miss keeps incremental"
	is "$(last "$T/argv" | grep -v -e ^--remap-path-prefix |
		tr '\n' ' ')" "$(last "$T/argv.plain" | tr '\n' ' ')" \
		"a miss adds nothing but remaps"
	check "the incremental directory is filled" \
		test -n "$(ls "$w/target/debug/incremental" 2>/dev/null)"
else
	not_ok "a miss runs the compiler that RUSTC names" "$(cat "$T/out")"
fi

# Noise is no input: none of these may cost a compile.
rm -rf "$w/target"
kcargo "$w" build -q
while read -r v; do
	rm -rf "$w/target"
	mark
	(export "${v?}" && kcargo "$w" build -q)
	served "no input: ${v%%=*}"
done <<EOV
UNRELATED=1
USER=somebody
LANG=de_DE.UTF-8
TERM=xterm-256color
COLUMNS=200
NO_COLOR=1
TZ=Asia/Tokyo
SOURCE_DATE_EPOCH=1
TMPDIR=$T/bin
CI=true
GITHUB_RUN_ID=12345
HTTP_PROXY=http://127.0.0.1:9
SSH_AUTH_SOCK=$T/none
RUST_BACKTRACE=1
NUM_JOBS=7
CFLAGS=-O3
EOV
rm -rf "$w/target"
mark
(umask 077 && kcargo "$w" build -q -j1)
served "no input: umask and -j1"
rm -rf "$w/target"
mark
(ulimit -n 64 && kcargo "$w" build -q </dev/null)
served "no input: few descriptors"
rm -rf "$w/target"
find "$w" -name '*.rs' -exec touch {} +
chmod 600 "$w/src/main.rs"
mark
kcargo "$w" build -q
served "no input: mtimes and modes"
touch "$w/src/unrelated.rs" "$w/notes.txt"
cp "$w/src/main.rs" "$w/x" && mv "$w/x" "$w/src/main.rs"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "no input: other files, new inodes"
mv "$w/src/main.rs" "$w/src/real.rs"
ln -s real.rs "$w/src/main.rs"
rm -rf "$w/target"
mark
kcargo "$w" build -q
served "no input: the source behind a symlink"

# RUSTFLAGS that cargo turns into the same arguments.
rm -rf "$w/target"
RUSTFLAGS='--cfg=a   --cfg=b' kcargo "$w" build -q
rm -rf "$w/target"
mark
RUSTFLAGS=' --cfg=a --cfg=b ' kcargo "$w" build -q
served "no input: blanks in RUSTFLAGS"

# A secret in the environment never reaches the store in the clear.
put "$w/src/main.rs" 'fn main() { println!("{:?}", option_env!("MY_TOKEN")) }'
export MY_TOKEN=very-secret-value-0815
rm -rf "$w/target"
kcargo "$w" build -q
is "$(grep -rla very-secret-value-0815 "$KACHE_CACHE_DIR"/manifests \
	"$KACHE_CACHE_DIR"/entries "$KACHE_CACHE_DIR"/events.log \
	"$KACHE_CACHE_DIR"/ids 2>/dev/null | wc -l)" 0 \
	"no value of a variable in manifests, entries, log, ids"
if [ -d "$KACHE_CACHE_DIR/blobs" ]; then
	bad=0
	for f in $(grep -rla very-secret-value-0815 "$KACHE_CACHE_DIR/blobs"); do
		head -c 4 "$f" | grep -q ELF || bad=1
	done
	is $bad 0 "the stored .d files hold no values"
fi
hazard "value of a secret" "$w" \
	'export MY_TOKEN=other' 'export MY_TOKEN=very-secret-value-0815'

done_testing
