/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_INVOCATION_H
#define SHIM_INVOCATION_H

#include <stdbool.h>

#include "base/buf.h"         /* allow: value */
#include "base/digest.h"      /* allow: value */
#include "config/config.h"    /* allow: value */
#include "config/project.h"   /* allow: value */
#include "key/digest_cache.h" /* allow: value */
#include "key/provenance.h"   /* allow: value */
#include "rustc/args.h"       /* allow: value */
#include "rustc/naming.h"     /* allow: value */
#include "rustc/roots.h"      /* allow: value */
#include "rustc/toolchain.h"  /* allow: value */
#include "shim/cargo_env.h"   /* allow: value */
#include "store/events.h"     /* allow: value */
#include "store/store.h"      /* allow: value */

struct compiler;
struct inputs_env;
struct kind;
struct trace;

/* One invocation of the wrapper, from its command line to its end. The process
 * does nothing else: what it opens and allocates may be left to exit. Threads:
 * one. */
struct invocation {
	int argc;
	char **argv; /* argv[1] is the compiler, or the script's program */
	int first;   /* argv[first] is the first word behind its name */
	const struct kind *kind;
	const struct compiler *compiler; /* NULL: a build script's run */
	int nwords;
	const char **words; /* behind the compiler, @files expanded */

	struct cargo_env trust;
	struct config config;
	struct project project; /* empty until invocation_project */
	char cache_dir[4096];
	char log_path[4200];
	char libexec[4096];
	struct store store;
	struct digest_cache memo;
	int store_ok;

	struct toolchain toolchain;
	struct args args;
	struct roots roots;
	struct provenance system; /* empty until observability_prepare */
	enum roots_mode mode;
	enum naming naming;
	struct naming_in naming_in; /* why */
	char cwd[4096];
	char target[4096]; /* "" without one */

	/* Set by the kind's prepare: */
	const char *triple;     /* the target cargo builds for, or NULL */
	bool readable;          /* all that K1 takes besides the input list
				 * could be: it may be looked up and stored */
	const char *declared;   /* runs: [inputs] allow's paths, or NULL */
	int islanded;           /* by the project: for this checkout only */
	const char *places;     /* compiles: [inputs] places, or NULL */
	struct digest conf;     /* the compiler's, above cwd */
	struct digest k0;       /* as asked */
	struct digest k0_plain; /* without -C incremental */
	struct digest tag;
	struct digest *externs; /* NULL: one cannot be read */
	struct file_id *extern_ids;

	int64_t t0; /* monotonic, ns */
	struct events_line event;
};

/* Environment, configuration, store.  Never fails: without a store
 * store_ok stays 0 and the log says why. */
void invocation_open(struct invocation *j);

/*
 * A unit: everything up to its keys.  0; ERR_REFUSED with event.reason set:
 * pass through; or an error (event.reason too): run the compiler uncached.
 */
int invocation_prepare(struct invocation *j);

/* Turns J into the unit with its real names, and its keys accordingly. 0, or an
 * error of invocation_prepare. */
int invocation_use_real_names(struct invocation *j);

/* The key of the unit J; LIST, if not NULL, gets its parts (key/key_parts).
 * 0, or an error of unit_key. */
int invocation_unit_key(struct invocation *j, bool incremental,
			struct digest *k0, struct buf *list);

/* Reads the .kache.ini of the project whose Cargo.lock is in DIR, and says in
 * the log what is wrong with it. */
void invocation_project(struct invocation *j, const char *dir);

/* What input lists of J are evaluated against.  Borrows from J. */
struct inputs_env invocation_inputs_env(struct invocation *j);

/* COMPILER's identity for TARGET (NULL: this machine); DRIVER as in struct
 * toolchain_in.  0 or an error of toolchain_load; OUT is the caller's. */
int invocation_toolchain(const struct invocation *j, const char *compiler,
			 const char *target, bool driver,
			 struct toolchain *out);

/* Whether COMPILER and TARGET still lead to the toolchain of J and, if T is not
 * NULL, that compiler is the one that ran. */
bool invocation_same_toolchain(const struct invocation *j, const char *compiler,
			       const char *target, const struct trace *t);

/* Fills target from args.out_dir; "" if there is none. */
void invocation_find_target(struct invocation *j);

/* The variable VAR if it holds an absolute path, else HOME/REST, put into the
 * ROOM bytes at OUT, or NULL.  The second is RUSTUP_HOME in a static buffer. */
const char *invocation_home_dir(const char *var, const char *rest, char *out,
				size_t room);
const char *invocation_rustup_home(void);

/* The directory below target ("debug") that args.out_dir lies in, or "". */
const char *invocation_profile(const struct invocation *j);

/* Fills libexec: where the observer and its helper are installed. */
void invocation_find_libexec(struct invocation *j);

/* Microseconds since SINCE (monotonic ns). */
uint64_t invocation_us(int64_t since);

/* Appends the event.  REASON may be NULL; borrowed. */
void invocation_say(struct invocation *j, const char *outcome,
		    const char *reason, int status);

/* Replaces this process by the untouched command line.  Does not return;
 * if the compiler cannot be started says so and exits as a shell would. */
void invocation_exec(struct invocation *j) __attribute__((noreturn));

/* getenv with the signature keys want. */
const char *invocation_getenv(const char *name);

#endif
