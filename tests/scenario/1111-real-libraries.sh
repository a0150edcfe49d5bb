#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A library that brings its configure script and Makefile, a large C library,
# and macros that check queries against files: each hidden input changed alone
# gives what plain cargo gives.
# (The crates come from the registry, through cargo, into this test's home.)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"
. "$(dirname "$0")/../real.sh"

# --- configure and make, and a large C library ---

a=$T/libraries
package "$a" user '[dependencies]
libffi-sys = "4"
libgit2-sys = { version = "0.18", default-features = false, features = ["vendored"] }
'"$profile"
put "$a/src/main.rs" <<'RS'
use libffi_sys as ffi;
fn main() {
	let mut cif: ffi::ffi_cif = Default::default();
	let (mut a, mut b, mut c) = (0, 0, 0);
	let r = unsafe {
		libgit2_sys::git_libgit2_version(&mut a, &mut b, &mut c);
		ffi::ffi_prep_cif(&mut cif, ffi::ffi_abi_FFI_DEFAULT_ABI, 0,
			&raw mut ffi::ffi_type_void, std::ptr::null_mut())
	};
	println!("{r} {a}.{b}.{c}");
}
RS
if ! fetched "$a"; then
	cannot "crates of the registry" "cargo cannot fetch them: $(tail -1 "$T/out")"
	done_testing
fi
# (configure notes the random names of its trials.)
noise=config.log
if third=- begun "$a" libffi-sys libgit2-sys libz-sys; then
	f=$(source_of libffi-sys)/libffi
	real "libffi-sys: a header" "$a" libffi-sys \
		"sub $f/include/ffi_common.h 'define FFI_ALIGN_DOWN(' 'define FFI_ALIGN_DOWN2('" \
		"sub $f/include/ffi_common.h 'define FFI_ALIGN_DOWN2(' 'define FFI_ALIGN_DOWN('"
	put "$T/make1/make" '#!/bin/sh
exec /usr/bin/make "$@" CFLAGS=-fstack-protector-all'
	chmod +x "$T/make1/make"
	real "libffi-sys: another make on PATH" "$a" libffi-sys \
		"export PATH=$T/make1:$ORIG_PATH" "export PATH=$ORIG_PATH"
fi
noise=

# --- queries that are checked against files ---

a=$T/queries
package "$a" user '[dependencies]
sqlx = { version = "0.8", default-features = false, features = ["macros", "postgres"] }
'"$profile"
put "$a/src/main.rs" <<'RS'
fn main() {
	let q = sqlx::query_scalar!("SELECT x FROM t");
	println!("{}", std::any::type_name_of_val(&q));
}
RS
query() { # NULLABLE TYPE
	local h=$(printf %s 'SELECT x FROM t' | sha256sum | cut -c1-64)

	echo "{ \"db_name\": \"PostgreSQL\", \"query\": \"SELECT x FROM t\",
		\"describe\": { \"columns\": [{ \"ordinal\": 0, \"name\": \"x\",
		\"type_info\": \"$2\" }], \"parameters\": { \"Left\": [] },
		\"nullable\": [$1] }, \"hash\": \"$h\" }" >"query-$h.json"
}
asked() { # DIR NULLABLE TYPE
	mkdir -p "$1" && (cd "$1" && query "$2" "$3")
}
asked "$a/.sqlx" false Int4
asked "$T/other" false Int8
if ! fetched "$a"; then
	not_ok "queries: fetched" "$(cat "$T/out")"
elif begun "$a"; then
	real "sqlx: a column may be null" "$a" - \
		'asked .sqlx true Int4' 'asked .sqlx false Int4'
	real "sqlx: a column's type" "$a" - \
		'asked .sqlx false Text' 'asked .sqlx false Int4'
	real "sqlx: .env appears" "$a" - \
		"echo SQLX_OFFLINE_DIR=$T/other >.env" 'rm .env'
	# (What fails is not stored.)
	back=- real "sqlx: the query's file is gone" "$a" - \
		'rm -r .sqlx' 'asked .sqlx false Int4'
fi

done_testing
