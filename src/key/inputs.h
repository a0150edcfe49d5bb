/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_INPUTS_H
#define KEY_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"    /* allow: value */
#include "base/digest.h" /* allow: value */

struct args;
struct file_id;
struct digest_cache;
struct roots;

/*
 * An input list: the names that one compile depended on.  Items are strings
 * whose first byte is the kind (key/input_kinds.def), sorted and without
 * repeats; paths are encoded by roots (rustc/roots.h).
 *
 * Threads: owner.
 */
enum { INPUTS_ITEMS_MAX = 20000, INPUTS_ITEM_LEN = 4096 };

struct inputs {
	struct buf text; /* items, each with its NUL */
	size_t *at;      /* where item i starts in text */
	size_t count;
};

/* Adds one item.  0, ERR_TOOBIG or -ENOMEM. */
int inputs_add(struct inputs *s, char kind, const char *name, size_t n);

/* Sorts and drops repeats; required before inputs_key. */
int inputs_finish(struct inputs *s);
const char *inputs_item(const struct inputs *s, size_t i);
void inputs_free(struct inputs *s);

/* SHA-256 over the items of a finished input list, each with its NUL. */
void inputs_digest(const struct inputs *s, struct digest *out);

/* Everything an input list is evaluated against. */
struct inputs_env {
	struct digest_cache *memo;
	const struct roots *roots;
	const char *(*get)(const char *name); /* the unit's environment */
	char *const *
		all; /* the same, NAME=VALUE; NULL: no input list with E fits */
	const char *cwd;
	const struct digest *externs; /* in argv order */
	size_t nexterns;
	bool run;    /* of a build script: files count with their modes, but for
		   * what the umask makes of them, programs with their places */
	bool filled; /* a run has filled OUT_DIR: what it found absent
			    * there is taken for absent */
	uint64_t file_max; /* larger files are ERR_TOOBIG; 0: none are.  For
			    * lists of a remote: INPUT_POLICY_FILE_MAX */
};

/*
 * Entry key: digest of K0, the input list, and what its names hold now.
 * 0; ERR_MISS (a name is gone, or one that must be absent is there; *BAD, if
 * not NULL, gets the item); or an error.
 */
int inputs_key(const struct inputs *s, const struct inputs_env *env,
	       const struct digest *k0, struct digest *k1, size_t *bad);

/* Four bytes of the digest of what each item of S holds in ENV, by which two
 * evaluations tell what differs; zero for one that cannot be evaluated. */
void inputs_marks(const struct inputs *s, const struct inputs_env *env,
		  uint32_t *marks);

/* Digests of the --extern files of A, in order: a new array of
 * A->nexterns.  0, ERR_MISS if one cannot be read, -ENOMEM. */
int inputs_externs(const struct args *a, struct digest_cache *memo,
		   struct digest **out, struct file_id **ids);

#endif
