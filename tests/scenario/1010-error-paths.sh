#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Calls that fail where nobody expects it: limits, full devices, closed
# descriptors, refusals of the kernel.  Whatever plain rustc and cargo give,
# the user gets.  And bytes of the store that change by themselves.
. "$(dirname "$0")/../lib.sh"

w=$T/w
package "$w" app 'build = "build.rs"'
put "$w/build.rs" 'fn main() {
    let me = std::env::current_exe().unwrap();
    let up = me.parent().unwrap().parent().unwrap();
    println!("cargo:rustc-env=ME={}", me.file_name().unwrap().to_str().unwrap());
    println!("cargo:rustc-env=UP={}", up.file_name().unwrap().to_str().unwrap());
    println!("cargo:rustc-env=N={}", std::env::args().count());
    println!("cargo:rerun-if-changed=build.rs");
}'
put "$w/src/main.rs" 'fn unused() {}
fn main() {
    println!("{} {} {} GOODGOODGOOD", env!("ME"), env!("UP"), env!("N"));
}'
RIGHT="build-script-build build 1 GOODGOODGOOD"
prog() { "$w/target/debug/app" 2>&1; }
fresh() { rm -rf "$w/target"; }

# --- the size of files is limited ---
limited() { # KILOBYTES COMMAND...
	(ulimit -f "$1" && shift && "$@")
}
for kb in 100 3000 10000 20000 40000; do
	fresh
	limited $kb plain "$w" build -q
	want="$? $(prog | tail -1)"
	for how in cold warm; do
		fresh
		[ $how = cold ] && rm -rf "$KACHE_CACHE_DIR"
		limited $kb kcargo "$w" build -q
		is "$? $(prog | tail -1)" "$want" "ulimit -f $kb, $how"
	done
done
fresh
kcargo "$w" build -q
head -c 30000000 /dev/zero | tr '\0' '\n' >>"$KACHE_CACHE_DIR/events.log"
fresh
limited 20000 kcargo "$w" build -q
is "$? $(prog)" "0 $RIGHT" "events.log is longer than a file may be"
rm "$KACHE_CACHE_DIR/events.log"
# What is under the limit of its own dies as without us.
package "$T/big" big 'build = "build.rs"'
put "$T/big/build.rs" 'fn main() {
    let out = std::env::var("OUT_DIR").unwrap() + "/big";
    std::fs::write(out, vec![0u8; 60 << 20]).unwrap();
}'
put "$T/big/src/main.rs" 'fn main() {}'
limited 50000 plain "$T/big" build
want=$(grep -o 'signal: [0-9]*' "$T/out.plain")
rm -rf "$T/big/target"
limited 50000 kcargo "$T/big" build
is "$(grep -o 'signal: [0-9]*' "$T/out")" "$want" \
	"a script that writes too much: $want"

# --- a unit by hand, so that its descriptors are ours ---
RUSTC=$(cd "$w" && rustc --print sysroot)/bin/rustc
put "$T/u/src/lib.rs" 'fn unused() {}
pub fn f() {}'
unit() { # COMMAND...: compiles it; in $T/u
	(cd "$T/u" && mkdir -p target/debug/deps &&
		: >target/CACHEDIR.TAG && CARGO_PKG_NAME=u exec "$@" \
		--crate-name u --edition=2021 src/lib.rs --error-format=json \
		--json=diagnostic-rendered-ansi,artifacts,future-incompat \
		--crate-type lib --emit=dep-info,metadata,link \
		-C metadata=1 -C extra-filename=-1 \
		--out-dir "$T/u/target/debug/deps")
}
made() { ls "$T/u/target/debug/deps" 2>/dev/null | wc -l; }
again() { rm -rf "$T/u/target"; }

unit "$RUSTC" >"$T/said.plain" 2>&1
again
for how in cold warm; do
	again
	unit "$SHIM" "$RUSTC" >"$T/said" 2>&1
	is "$? $(made)" "0 3" "by hand, $how"
	is "$(sort "$T/said" | sum_of -)" "$(sort "$T/said.plain" | sum_of -)" \
		"by hand, $how: what is said"
done

# A full device: rustc fails, and so do we.
again
unit "$RUSTC" >/dev/full 2>/dev/full
want=$?
isnt $want 0 "rustc at a full device fails"
for how in cold warm; do
	[ $how = cold ] && rm -rf "$KACHE_CACHE_DIR"
	again
	unit "$SHIM" "$RUSTC" >/dev/full 2>/dev/full
	is $? $want "a unit at a full device, $how"
	again
	unit "$SHIM" "$RUSTC" >/dev/null 2>&1
	for q in "-vV" "- --crate-name ___ --print=file-names --print=cfg"; do
		"$RUSTC" $q </dev/null >/dev/full 2>/dev/null
		want_q=$?
		"$SHIM" "$RUSTC" $q </dev/null >/dev/full 2>/dev/null
		is "$?" "$want_q" "$q at a full device, $how"
		"$SHIM" "$RUSTC" $q </dev/null >/dev/null 2>&1
	done
done
for p in "$SHIM --version" "$KACHE --version" "$PREFIX/bin/kached --version" \
	"$SHIM --help" "$KACHE stats --json"; do
	$p >/dev/full 2>/dev/null
	isnt $? 0 "${p##*/} at a full device fails"
done

# Closed descriptors: no file of ours takes their place.
for closed in '0<&-' '>&-' '2>&-' '0<&- >&- 2>&-'; do
	for how in cold warm; do
		[ $how = cold ] && rm -rf "$KACHE_CACHE_DIR"
		again
		eval "unit '$SHIM' '$RUSTC' $closed" >/dev/null 2>&1
		is "$? $(made)" "0 3" "closed $closed, $how"
	done
	check "closed $closed: the store is sound" "$KACHE" verify
	mark
	again
	unit "$SHIM" "$RUSTC" >/dev/null 2>&1
	is "$(hits)" 1 "closed $closed: it serves"
done

# A pipe that whoever reads it made non-blocking, and that is full for a while.
if command -v python3 >/dev/null; then
	again
	cat >"$T/slow.py" <<'END'
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
os.write(w, b"x" * 4096)
p = subprocess.Popen(sys.argv[1:], stdout=w, stderr=subprocess.DEVNULL)
os.close(w)
time.sleep(0.3)
got = b""
while True:
    b = os.read(r, 65536)
    if not b:
        break
    got += b
print(p.wait(), len(got) - 4096)
END
	"$SHIM" "$RUSTC" -vV >"$T/vv"
	is "$(python3 "$T/slow.py" "$SHIM" "$RUSTC" -vV)" \
		"0 $(wc -c <"$T/vv")" "a full pipe that does not block"
else
	skip "a full pipe that does not block" "no python3"
fi

# --- calls that the kernel refuses ---
refuse=$T/bin/refuse
gcc -O2 -static -o "$refuse" "$TESTS/refuse.c" || not_ok "refuse is built"
modes() { (cd "$T/u/target/debug/deps" && stat -c '%a %n' * | sort); }
again
unit "$RUSTC" >/dev/null 2>&1
want_modes=$(modes)
while read -r nr err what; do
	again
	unit "$refuse" $nr $err "$RUSTC" >/dev/null 2>&1 || {
		not_ok "no $what: rustc alone cannot do without it"
		continue
	}
	for how in cold warm; do
		[ $how = cold ] && rm -rf "$KACHE_CACHE_DIR"
		again
		unit "$refuse" $nr $err "$SHIM" "$RUSTC" >"$T/said" 2>&1
		is "$? $(sort "$T/said" | sum_of -)" \
			"0 $(sort "$T/said.plain" | sum_of -)" "no $what, $how"
		is "$(modes)" "$want_modes" "no $what, $how: modes"
	done
done <<'END'
95 1 umask
7 12 poll
326 1 copy_file_range
285 95 fallocate
91 1 fchmod
74 5 fsync
73 37 flock
280 1 utimensat
265 1 linkat
86 1 link
41 97 socket
56 11 clone
318 38 getrandom
97 38 getrlimit
END

# --- masks that leave nothing: the store stays of use afterwards ---
for mask in 0777 0277 0700; do
	rm -rf "$KACHE_CACHE_DIR"
	again
	(umask $mask && unit "$RUSTC") >/dev/null 2>&1
	want="$? $(modes)"
	for how in cold warm; do
		again
		(umask $mask && unit "$SHIM" "$RUSTC") >/dev/null 2>&1
		is "$? $(modes)" "$want" "umask $mask, $how: modes as rustc's"
	done
	is "$(cd "$KACHE_CACHE_DIR" && stat -c %a memo locks events.log blobs |
		tr '\n' ' ')" "600 600 600 700 " \
		"umask $mask: its own files are its owner's"
	is "$(find "$KACHE_CACHE_DIR" ! -perm -400 ! -type l | wc -l)" 0 \
		"umask $mask: and can be read"
done

# --- odd surroundings: as plain cargo ---
while IFS='|' read -r what how; do
	fresh
	rm -rf "$KACHE_CACHE_DIR"
	(eval "$how"; plain "$w" build -q)
	want="$? $(prog | tail -1)"
	for t in cold warm; do
		fresh
		(eval "$how"; kcargo "$w" build -q)
		is "$? $(prog | tail -1)" "$want" "$what, $t"
	done
done <<'END'
HOME is not set|unset HOME
TMPDIR is not there|export TMPDIR=/nowhere/at/all
24 open files|ulimit -n 24
a stack of 256 kB|ulimit -s 256
little memory|ulimit -v 3000000
END

# --- what a script did to OUT_DIR itself ---
package "$T/out-dir" od 'build = "build.rs"'
put "$T/out-dir/src/main.rs" 'fn main() {}'
out_dir() { (cd "$T/out-dir/target/debug/build" &&
	stat -c '%F %a' od-*/out 2>&1 | sed 's/.*No such.*/absent/'); }
while IFS='|' read -r what code; do
	put "$T/out-dir/build.rs" "fn main() {
    let out = std::env::var(\"OUT_DIR\").unwrap();
    $code
    println!(\"cargo:rerun-if-changed=build.rs\");
}"
	rm -rf "$T/out-dir/target"
	plain "$T/out-dir" build -q
	want="$? $(out_dir)"
	for how in cold warm; do
		rm -rf "$T/out-dir/target"
		kcargo "$T/out-dir" build -q
		is "$? $(out_dir)" "$want" "OUT_DIR $what, $how"
	done
done <<'END'
left alone|std::fs::write(out + "/f", "x").unwrap();
removed|std::fs::remove_dir_all(out).unwrap();
closed|{ use std::os::unix::fs::PermissionsExt; std::fs::set_permissions(out, std::fs::Permissions::from_mode(0o700)).unwrap(); }
made again|std::fs::remove_dir_all(&out).unwrap(); std::fs::create_dir(out).unwrap();
END

# --- the script's own name ---
named() { # DESCRIPTION
	rm -rf "$w"/target/debug/build/app-*/output \
		"$w"/target/debug/.fingerprint/app-*/run-build-script*
	kcargo "$w" build -q
	is "$? $(prog)" "0 $RIGHT" "its own name: $1"
}
rm -rf "$KACHE_CACHE_DIR"
fresh
named "a first build"
fresh
named "a second one"
rm -rf "$w/target/debug/build"/.kache-*
KACHE_DISABLED=1 named "switched off"
(cd "$w" && cp -r target copy && rm -rf target && mv copy target)
rm -rf "$KACHE_CACHE_DIR"/manifests
named "a copied target directory"
(cd "$w" && cargo clean -q -p app)
rm -rf "$KACHE_CACHE_DIR"/manifests
named "after cargo clean -p"
rm -rf "$w"/target/debug/build/app-*/output \
	"$w"/target/debug/.fingerprint/app-*/run-build-script*
plain "$w" build -q
is "$? $(prog)" "0 $RIGHT" "its own name: plain cargo after us"
is "$(cd "$w"/target/debug/build && ls -d app-* | wc -l)" 2 \
	"no other directory is called as its package's"

# --- bytes that change by themselves ---
rot() { # flips a byte of what holds GOODGOODGOOD; its stat stays
	local f at

	f=$(grep -rl GOODGOODGOOD "$KACHE_CACHE_DIR/blobs" | head -1)
	touch -r "$f" "$T/ref"
	at=$(grep -abo GOODGOODGOOD "$f" | head -1 | cut -d: -f1)
	printf BADD | dd of="$f" bs=1 seek="$at" conv=notrunc status=none
	touch -r "$T/ref" "$f"
}
damaged() { "$KACHE" stats --json | sed -n 's/^ *"damaged": //p'; }
filled() {
	rm -rf "$KACHE_CACHE_DIR"
	fresh
	kcargo "$w" build -q
	fresh
	rot
}
filled
mark
KACHE_STORE_VERIFY=always kcargo "$w" build -q
is "$? $(prog)" "0 $RIGHT" "always: never served"
is "$(rustc_runs) $(damaged)" "1 1" "always: compiled again, and counted"
fresh
mark
KACHE_STORE_VERIFY=always kcargo "$w" build -q
is "$(rustc_runs) $(prog)" "0 $RIGHT" "always: what was stored anew serves"
like "$("$KACHE" stats)" '^damaged +1 blobs' "stats says so"

late() { # the round of reading began three weeks ago
	python3 - "$KACHE_CACHE_DIR/memo" <<'END'
import struct, sys, time
with open(sys.argv[1], "r+b") as f:
    f.seek(104)
    f.write(struct.pack("<qqQ", int((time.time() - 22 * 86400) * 1e9), 0, 0))
END
}
if command -v python3 >/dev/null; then
	filled
	"$KACHE" gc --auto >/dev/null
	is "$(damaged)" 0 "nothing is due"
	late
	KACHE_STORE_VERIFY=no "$KACHE" gc --auto >/dev/null
	is "$(damaged)" 0 "no: nothing is read"
	like "$("$KACHE" gc --auto)" 'removed +1 damaged blobs' \
		"a sweep reads what is due"
	kcargo "$w" build -q
	is "$(damaged) $(prog)" "1 $RIGHT" "scrub: not served any more"
	filled
	late
	"$KACHE" daemon start >/dev/null
	at_end "$KACHE daemon stop >/dev/null 2>&1"
	for _ in $(seq 300); do
		[ "$(damaged)" = 1 ] && break
		sleep 0.1
	done
	kcargo "$w" build -q
	is "$(damaged) $(prog)" "1 $RIGHT" "the daemon reads it, too"
	like "$("$KACHE" daemon status)" 'read again +[0-9]+ blobs, 1 damaged' \
		"and its status says so"
else
	cannot "blobs are read again" "no python3"
fi
done_testing
