#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scripts that run generators, protoc, bindgen and cmake: each hidden input
# alone gives what plain cargo gives; nothing changed is served.
# (The crates come from the registry, through cargo, into this test's home.)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"
. "$(dirname "$0")/../real.sh"


a=$T/protoc
package "$a" user '[dependencies]
prost = { version = "0.13", default-features = false, features = ["derive"] }
[build-dependencies]
prost-build = { version = "0.13", default-features = false }
'"$profile"
put "$a/build.rs" 'fn main() {
	println!("cargo:rerun-if-changed=build.rs");
	prost_build::compile_protos(&["proto/a.proto", "proto/b.proto"],
		&["proto"]).unwrap();
}'
put "$a/proto/a.proto" 'syntax = "proto3";
package a;
import "b.proto";
message A { b.B one = 1; }'
put "$a/proto/b.proto" 'syntax = "proto3";
package b;
import "c.proto";
message B { string field_one = 1; c.C two = 2; }'
put "$T/pb/c.proto" 'syntax = "proto3";
package c;
message C { string field_three = 1; }'
mkdir "$T/pb2"
sed s/three/five/ "$T/pb/c.proto" >"$T/pb2/c.proto"
export PROTOC_INCLUDE=$T/pb
put "$a/src/main.rs" <<'RS'
extern crate alloc;
pub mod c { include!(concat!(env!("OUT_DIR"), "/c.rs")); }
pub mod b { include!(concat!(env!("OUT_DIR"), "/b.rs")); }
pub mod a { include!(concat!(env!("OUT_DIR"), "/a.rs")); }
fn main() { println!("{:?}", a::A { one: Some(b::B::default()) }); }
RS
if ! fetched "$a"; then
	cannot "crates of the registry" "cargo cannot fetch them: $(tail -1 "$T/out")"
	done_testing
fi
if ! command -v protoc >/dev/null; then
	cannot "protoc" "is not installed"
elif begun "$a" user; then
	real "protoc: an imported file" "$a" user \
		'sub proto/b.proto field_one field_two' \
		'sub proto/b.proto field_two field_one'
	real "protoc: a file found through PROTOC_INCLUDE" "$a" user \
		"sub $T/pb/c.proto field_three field_four" \
		"sub $T/pb/c.proto field_four field_three"
	real "protoc: another directory in PROTOC_INCLUDE" "$a" user \
		"export PROTOC_INCLUDE=$T/pb2" "export PROTOC_INCLUDE=$T/pb"
fi

a=$T/bindgen
package "$a" user '[build-dependencies]
bindgen = "0.71"
'"$profile"
put "$a/build.rs" 'fn main() {
	println!("cargo:rerun-if-changed=build.rs");
	let out = std::env::var("OUT_DIR").unwrap();
	bindgen::Builder::default().header("c/api.h").clang_arg("-Ic/inc")
		.generate().unwrap().write_to_file(out + "/api.rs").unwrap();
}'
put "$a/c/api.h" '#include "deep.h"
#include <stddef.h>
struct sized { size_t n; struct deep d; };'
put "$a/c/inc/deep.h" 'struct deep { int x[1]; };'
put "$a/src/main.rs" <<'RS'
#![allow(warnings)]
include!(concat!(env!("OUT_DIR"), "/api.rs"));
fn main() { println!("{}", std::mem::size_of::<sized>()) }
RS
if ! command -v clang >/dev/null; then
	cannot "bindgen" "no clang"
elif ! fetched "$a"; then
	not_ok "bindgen: fetched" "$(cat "$T/out")"
# (Not served in other checkouts so far.)
elif third=- begun "$a" user; then
	real "bindgen: a header of a header" "$a" user \
		'sub c/inc/deep.h "x[1]" "x[4]"' 'sub c/inc/deep.h "x[4]" "x[1]"'
	real "bindgen: a header appears in an earlier directory" "$a" user \
		'echo "struct deep { int x[8]; };" >c/deep.h' 'rm c/deep.h'
	real "bindgen: BINDGEN_EXTRA_CLANG_ARGS" "$a" user \
		'export BINDGEN_EXTRA_CLANG_ARGS=-Dx=y' \
		'unset BINDGEN_EXTRA_CLANG_ARGS'
fi

a=$T/cmake
package "$a" user '[build-dependencies]
cmake = "0.1"
'"$profile"
put "$a/build.rs" 'fn main() {
	println!("cargo:rerun-if-changed=build.rs");
	let d = cmake::Config::new("native").build();
	println!("cargo:rustc-link-search=native={}/lib", d.display());
	println!("cargo:rustc-link-lib=static=native");
}'
put "$a/native/CMakeLists.txt" 'cmake_minimum_required(VERSION 3.10)
project(native C)
include(part.cmake)
add_library(native STATIC n.c)
target_compile_definitions(native PRIVATE PART=${PART})
install(TARGETS native DESTINATION lib)'
put "$a/native/part.cmake" 'set(PART 1)'
put "$a/native/n.c" '#include "n.h"
int native(void) { return PART + N; }'
put "$a/native/n.h" '#define N 10'
put "$a/src/main.rs" 'extern "C" { fn native() -> i32; }
fn main() { println!("{}", unsafe { native() }) }'
# (CMake builds with -g here, so the objects name their checkout.)
# CMake notes the random names of its trials, and times.
noise='/build/CMakeFiles/|^output$|stderr$|output$'
if ! command -v cmake >/dev/null; then
	cannot "cmake" "is not installed"
elif ! fetched "$a"; then
	not_ok "cmake: fetched" "$(cat "$T/out")"
elif third=- begun "$a" user; then
	real "cmake: an included file" "$a" user \
		'sub native/part.cmake "PART 1" "PART 2"' \
		'sub native/part.cmake "PART 2" "PART 1"'
	real "cmake: a header" "$a" user \
		'sub native/n.h "N 10" "N 20"' 'sub native/n.h "N 20" "N 10"'
	real "cmake: CFLAGS" "$a" user 'export CFLAGS=-fstack-protector-all' \
		'unset CFLAGS'
fi
unset noise

done_testing
