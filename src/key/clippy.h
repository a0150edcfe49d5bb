/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLIPPY_H
#define KEY_CLIPPY_H

#include <stdbool.h>

struct digest;
struct digest_cache;

/*
 * What is different for units that clippy-driver compiles (clippy_config's
 * conf.rs and src/driver.rs are where it comes from).  It looks for its
 * configuration in CLIPPY_CONF_DIR, else in CARGO_MANIFEST_DIR, and in each
 * directory above.  Below the working directory these names are items of its
 * input list.  Above it they would name somebody's home, and another checkout
 * has other directories above: there the nearest file is part of the key.
 */
struct clippy_in {
	const char *(*get)(const char *name);
	const char *cwd;
	struct digest_cache *memo;
};

/* The digest of what lies above: the same wherever nothing does.
 * 0 or an error.  Threads: as the memo's. */
int clippy_conf(const struct clippy_in *in, struct digest *out);

/* True if PATH is not below CWD. */
bool clippy_is_above(const char *cwd, const char *path);

/* True for the names of its configuration, in whatever directory. */
bool clippy_is_conf(const char *path);

/* True for a variable by which it finds its configuration. */
bool clippy_is_place(const char *name);

/* Reason to pass through that lies in the environment, or NULL. */
const char *clippy_refuses(const char *(*get)(const char *name));

#endif
