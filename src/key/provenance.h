/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_PROVENANCE_H
#define KEY_PROVENANCE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct toolchain;

/*
 * Whose a file is.  What is known of programs and libraries by their names
 * (key/programs) holds only for those of the system and of the toolchain:
 * anybody may call a program `as`.  A file is the system's if it lies where
 * distributions install, if only root can write there, and if it is not below
 * a directory of the build: containers build as root in /usr/src and /opt.
 * Threads: any, one struct per thread.
 */
enum { PROVENANCE_OWN_MAX = 32 };

struct provenance {
	char *own[PROVENANCE_OWN_MAX]; /* directories of the build */
	size_t nown;
	bool crowded;  /* there are more: nothing is the system's */
	char *proxies; /* where rustup's proxies lie, or NULL */
	/* Borrowed, or NULL.  HOLDS says whether a path without links is the
	 * toolchain's (rustc/toolchain). */
	const char *sysroot;
	const struct toolchain *toolchain;
	bool (*holds)(const struct toolchain *t, const char *path);
};

enum provenance_place {
	PROVENANCE_ELSEWHERE,
	/* Beside rustup, in CARGO_HOME or outside of the build. */
	PROVENANCE_PROXIES,
	PROVENANCE_TOOLCHAIN,
	PROVENANCE_OWN_PLACE /* the system's own */
};

/* DIR is a directory of the build: nothing below it, or below where its links
 * lead, is the system's.  Absolute; NULL and "/" are ignored. */
void provenance_add_own(struct provenance *s, const char *dir);

/* rustup's proxies lie in DIR/bin. */
void provenance_set_cargo_home(struct provenance *s, const char *dir);
void provenance_release(struct provenance *s);

/* True if PATH, by its name alone, lies in a directory of the build. */
bool provenance_is_own(const struct provenance *s, const char *path);

/* Follows links.  PROVENANCE_ELSEWHERE for a file that does not exist. */
enum provenance_place provenance_place(const struct provenance *s,
				       const char *path);

/* True if PATH is the system's or the toolchain's. */
bool provenance_knows(const struct provenance *s, const char *path);

#endif
