/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUSTC_ARGS_H
#define RUSTC_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One rustc command line, read by a table of options (rustc_session's
 * config.rs and `rustc --help -v` are where they come from).  What the table
 * does not name is kept verbatim, so an option we have never heard of can
 * never be dropped from a key.  Pure: reads no file.  Threads: any.
 */
enum args_emit {
	ARGS_EMIT_LINK = 1,
	ARGS_EMIT_METADATA = 2,
	ARGS_EMIT_DEPINFO = 4,
	ARGS_EMIT_OTHER = 8
};

enum args_kind {
	ARGS_LIB,
	ARGS_PROC_MACRO,
	ARGS_BIN,
	ARGS_TEST,
	ARGS_CHECK,
	ARGS_BUILD_SCRIPT,
	ARGS_RUN, /* no compile: a build script's run */
	/* Of several crate types the last of this list names the unit. */
	ARGS_STATICLIB,
	ARGS_DYLIB,
	ARGS_CDYLIB,
	ARGS_KINDS /* how many */
};

/* What a word of the command line is to the key. */
enum args_role {
	ARGS_KEY,    /* verbatim */
	ARGS_PATH,   /* option and a path that is encoded by its root */
	ARGS_SEARCH, /* -L: kind and a path that is encoded by its root */
	ARGS_EXTERN, /* --extern: name and suffix here, content in K1 */
	ARGS_DROP,   /* no effect on any output */
	ARGS_ON,     /* only that it is there */
	ARGS_TAG     /* form of the diagnostics */
};

struct args_item {
	enum args_role role;
	const char *opt; /* canonical name: "--cfg", "-C", "" */
	const char *val; /* or NULL */
};

struct args_extern {
	const char *name; /* with modifiers, up to '=' ; not terminated */
	size_t name_len;
	const char *path; /* or NULL: found through -L or the sysroot */
};

struct args_search {
	const char *kind; /* "dependency", ..., "all"; not terminated */
	size_t kind_len;
	const char *path;
};

/* All pointers borrow from the argv that was read. */
struct args {
	struct args_item *items;
	size_t nitems;
	struct args_extern *externs;
	size_t nexterns;
	struct args_search *search;
	size_t nsearch;
	const char *crate_name;
	const char *source;
	const char *out_dir;
	const char *target;
	const char *extra_filename; /* "" without one */
	const char *incremental;
	const char *linker;
	enum args_kind kind;
	unsigned emit;
	bool linked; /* a linker runs, code is made final or bundled */
	bool test;
	bool native_cpu;
	bool artifacts; /* --json=artifacts: outputs are announced */
	bool user_remap;
	bool unpacked; /* -C split-debuginfo */
	bool coverage;
	bool rpath;
	/* What is made names its own place, and who uses it (a debugger, a
	 * coverage report, the dynamic linker) goes there: nothing is
	 * remapped, and the place is in the key. */
	bool by_path;
	uint64_t once;   /* options seen that may stand once */
	bool typed;      /* a --crate-type was given */
	char reason[80]; /* why it is refused */
};

/*
 * Reads ARGC words at ARGV (the words behind the compiler's name, argument
 * files expanded).  0: a compile we know.  ERR_REFUSED: pass through, the
 * reason is in OUT->reason (set also on refusal).  -ENOMEM.
 * On 0 and on refusal the caller calls args_release.
 */
int args_read(struct args *out, int argc, const char *const *argv);
void args_release(struct args *a);

/* The word for a kind in logs: "lib", "bin", ... Static. */
const char *args_kind_name(enum args_kind kind);

#endif
