#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build script runs of crates that everybody uses: each hidden input changed
# alone gives what plain cargo gives; nothing changed is served.
# (The crates come from the registry, through cargo, into this test's home.)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"
. "$(dirname "$0")/../real.sh"

# --- compilers, probes and pkg-config ---

a=$T/sys
package "$a" user '[dependencies]
anyhow = "1"
num-traits = "0.2"
serde = { version = "1", features = ["derive"] }
libc = "0.2"
bzip2-sys = { version = "0.1.13", features = ["static"] }
libz-sys = { version = "1", default-features = false, features = ["libc", "static"] }
openssl-sys = "0.9"
'"$profile"
put "$a/src/main.rs" <<'RS'
use bzip2_sys as _;
use std::ffi::CStr;
extern "C" { fn BZ2_bzlibVersion() -> *const std::ffi::c_char; }
#[derive(serde::Serialize)]
struct S { n: u8 }
fn main() {
	let (b, z) = unsafe { (CStr::from_ptr(BZ2_bzlibVersion()),
		CStr::from_ptr(libz_sys::zlibVersion())) };
	println!("{b:?} {z:?} {:x} {} {:?}", openssl_sys::OPENSSL_VERSION_NUMBER(),
		std::mem::size_of::<anyhow::Error>(),
		num_traits::Float::sqrt(4f64));
	let _ = S { n: 1 }.n;
}
RS
sed -i 's/openssl_sys::OPENSSL_VERSION_NUMBER()/unsafe { openssl_sys::OpenSSL_version_num() }/' "$a/src/main.rs"
if ! fetched "$a"; then
	cannot "crates of the registry" "cargo cannot fetch them: $(tail -1 "$T/out")"
	done_testing
fi
pc=$(pkg-config --variable=pcfiledir openssl 2>/dev/null)
if begun "$a" anyhow num-traits serde serde_core libc bzip2-sys libz-sys \
	openssl-sys proc-macro2 quote; then
	z=$(source_of bzip2-sys)/bzip2-1.0.8
	real "bzip2-sys: a private header" "$a" bzip2-sys \
		"sub $z/bzlib_private.h '1.0.8, 13-Jul-2019' '1.0.8, 13-Jul-2020'" \
		"sub $z/bzlib_private.h '1.0.8, 13-Jul-2020' '1.0.8, 13-Jul-2019'"
	real "bzip2-sys: CFLAGS" "$a" bzip2-sys \
		'export CFLAGS=-fno-inline' 'unset CFLAGS'
	command -v clang >/dev/null &&
		real "bzip2-sys: CC" "$a" bzip2-sys 'export CC=clang' 'unset CC'
	z=$(source_of libz-sys)/src/zlib
	real "libz-sys: a header" "$a" libz-sys \
		"sub $z/zlib.h 'define ZLIB_VERSION \"' 'define ZLIB_VERSION \"x'" \
		"sub $z/zlib.h 'define ZLIB_VERSION \"x' 'define ZLIB_VERSION \"'"
	put "$T/cc1/cc" '#!/bin/sh
exec /usr/bin/cc -fstack-protector-all "$@"'
	chmod +x "$T/cc1/cc"
	real "libz-sys: another cc on PATH" "$a" libz-sys \
		"export PATH=$T/cc1:$ORIG_PATH" "export PATH=$ORIG_PATH"
	mkdir -p "$T/pc"
	real "openssl-sys: .pc files found elsewhere" "$a" openssl-sys \
		"export PKG_CONFIG_PATH=$T/pc; cp $pc/*ssl*.pc $pc/libcrypto.pc $T/pc; sed -i 's/^Libs: /Libs: -L\\/opt\\/other /' $T/pc/libssl.pc" \
		"unset PKG_CONFIG_PATH"
	export PKG_CONFIG_PATH=$T/pc
	real "openssl-sys: such a file changes" "$a" openssl-sys \
		"sub $T/pc/libssl.pc /opt/other /opt/third" \
		"sub $T/pc/libssl.pc /opt/third /opt/other"
	unset PKG_CONFIG_PATH
	p=$(source_of anyhow)/src/nightly.rs
	real "anyhow: RUSTC_BOOTSTRAP" "$a" anyhow \
		'export RUSTC_BOOTSTRAP=1' 'unset RUSTC_BOOTSTRAP'
	p=$(source_of autocfg)/src/lib.rs
	real "num-traits: autocfg itself" "$a" num-traits \
		"sub $(source_of num-traits)/build.rs 1f64.total_cmp 1f64.no_such" \
		"sub $(source_of num-traits)/build.rs 1f64.no_such 1f64.total_cmp"
fi

# --- a large one ---

a=$T/large
package "$a" user '[dependencies]
ring = "0.17"
'"$profile"
put "$a/src/main.rs" 'fn main() {
	println!("{:?}", ring::digest::digest(&ring::digest::SHA256, b"x"));
}'
if ! fetched "$a"; then
	not_ok "large: fetched" "$(cat "$T/out")"
elif begun "$a" ring; then
	p=$(source_of ring)
	real "ring: a header" "$a" ring \
		"echo '#define KACHE_TEST 1' >>$p/include/ring-core/base.h; printf 'int kache_test(void) { return KACHE_TEST; }\\n' >>$p/crypto/mem.c" \
		"sed -i '\$d' $p/include/ring-core/base.h; sed -i '\$d' $p/crypto/mem.c"
fi

done_testing
