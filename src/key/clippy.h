/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_CLIPPY_H
#define KEY_CLIPPY_H

#include <stdbool.h>

struct digest;
struct digest_cache;

/*
 * How clippy-driver finds its configuration (its sources: clippy_config's
 * conf.rs and src/driver.rs): in CLIPPY_CONF_DIR, otherwise in
 * CARGO_MANIFEST_DIR, and in each directory above.  Below the working directory
 * these names are items of the input list.  Above it they would name somebody's
 * home, and another checkout lies below other directories, so there the
 * nearest file is part of the unit key.
 */
struct clippy_in {
	const char *(*get)(const char *name);
	const char *cwd;
	struct digest_cache *memo;
};

/* Digest of the configuration above the working directory; the same wherever
 * there is none.  0 or an error.  Threads: those of MEMO. */
int clippy_conf(const struct clippy_in *in, struct digest *out);

/* True if PATH does not lie below CWD. */
bool clippy_is_above(const char *cwd, const char *path);

/* True if PATH has the name of a configuration file, in any directory. */
bool clippy_is_conf(const char *path);

/* True for a variable by which it finds its configuration. */
bool clippy_is_place(const char *name);

/* The reason in the environment not to cache the unit, or NULL. */
const char *clippy_refuses(const char *(*get)(const char *name));

#endif
