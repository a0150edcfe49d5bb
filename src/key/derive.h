/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_DERIVE_H
#define KEY_DERIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strset.h" /* allow: value */

struct args;
struct depinfo;
struct derive_rules;
struct digest;
struct file_id;
struct digest_cache;
struct roots;
struct inputs;
struct provenance;
struct toolchain;
struct trace;

/* The kinds of work. */
extern const struct derive_rules derive_compile_rules, derive_clippy_rules,
	derive_run_rules;

/*
 * Turns what the observer saw of a compile or run into its input list, by
 * subtraction: everything that its processes read, listed, tested or asked the
 * environment for is an item, except what is known otherwise (externs, the
 * toolchain), what the work made itself, and noise of the tools (a table).
 * Looks at the file system once more: ERR_CHANGED if an input has another stat
 * than when it was opened, or was written in the clock tick of its opening.
 * Threads: any, one struct per thread.
 */
struct derive {
	const struct trace *trace;
	const struct depinfo *depinfo;
	const struct args *args;
	const struct roots *roots;
	struct digest_cache *memo; /* knows what we wrote ourselves */
	const struct toolchain *toolchain;
	const struct provenance *system; /* NULL: no directories of the build */
	const char *cwd;
	const char *observer;       /* the preloaded library's path */
	const char *const *outputs; /* announced, absolute */
	size_t noutputs;
	const struct file_id *externs; /* identities before the compile */
	int64_t started;               /* wall clock, ns, before the compile */
	/* What ran takes in, from shim/observability: */
	bool whole_env; /* the environment as a whole */
	bool raw_env;   /* the same, and places by their names */
	bool cc_env;    /* variables whose names the crate cc looks for */
	bool cpu;       /* what the CPU says about itself */
	bool cpus;      /* how many of them */
	bool host;      /* names of the machine, its kernel and user */
	/* For each process of the trace: ATTRIBUTES_* (key/attributes).  NULL:
	 * none makes use of any. */
	const unsigned char *uses;

	/* Which kind of work it was.  Of runs args holds nothing but out_dir,
	 * which is OUT_DIR; no outputs, externs or dep-info. */
	const struct derive_rules *rules;

	/* Runs: */
	bool was_empty;      /* OUT_DIR, before */
	const char *program; /* the script's own file */
	/* NULL, or paths separated by ':', relative to cwd or absolute: inputs
	 * in addition to what was seen, with which the user vouches for what
	 * cannot be observed or repeated ([inputs] allow). */
	const char *declared;
	/* NULL, or names of variables separated by blanks: the user vouches
	 * that their values are places and nothing else. */
	const char *places;
	/* NULL, or whether the crate whose file has this digest is known to
	 * use the variable NAME in includes only, by its macros too. */
	bool (*spared)(void *ctx, const struct digest *crate, const char *name);
	void *spared_ctx;
	char reason[160];     /* out: why there is no input list */
	struct strset inputs; /* private: files and their stats */
	struct strset made;   /* private: what a run made */
};

/* 0 and a finished input list, owned by the caller; ERR_REFUSED or ERR_CHANGED
 * with L->reason; or -ENOMEM. */
int derive_inputs(struct derive *l, struct inputs *out);

/* After derive_inputs of a run: whether it made PATH, which lies in OUT_DIR. */
bool derive_made(const struct derive *l, const char *path);

/* Once more, after the inputs were hashed: 0 or ERR_CHANGED. */
int derive_verify(struct derive *l);
void derive_release(struct derive *l);

#endif
