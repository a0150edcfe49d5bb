/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_PROVENANCE_H
#define KEY_PROVENANCE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct toolchain;

/*
 * Whose a file is.  What is known of programs and libraries by their names
 * (key/programs) holds for those of the system and of the toolchain alone:
 * anybody may call a program `as`.  A file is the
 * system's where distributions put them, if nobody but root may write there,
 * and never below a directory of the build: containers build in /usr/src and
 * /opt as root.  Threads: any, one struct per thread.
 */
enum { PROVENANCE_OWN_MAX = 32 };

struct provenance {
	char *own[PROVENANCE_OWN_MAX]; /* directories of the build */
	size_t nown;
	bool crowded;  /* there are more: nothing is the system's */
	char *proxies; /* where rustup's proxies lie, or NULL */
	/* Borrowed, or NULL; what HOLDS says of a path without links is the
	 * toolchain's (rustc/toolchain). */
	const char *sysroot;
	const struct toolchain *toolchain;
	bool (*holds)(const struct toolchain *t, const char *path);
};

enum provenance_place {
	PROVENANCE_ELSEWHERE,
	/* Beside rustup: in CARGO_HOME or no place of ours. */
	PROVENANCE_PROXIES,
	PROVENANCE_TOOLCHAIN,
	PROVENANCE_OWN_PLACE /* the system's own */
};

/* Nothing below DIR (absolute; NULL and "/" say nothing) is the system's, nor
 * below what links of it lead to. */
void provenance_add_own(struct provenance *s, const char *dir);

/* rustup's proxies lie in DIR/bin. */
void provenance_set_cargo_home(struct provenance *s, const char *dir);
void provenance_release(struct provenance *s);

/* PATH, by its name alone, lies in a directory of the build. */
bool provenance_is_own(const struct provenance *s, const char *path);

/* Links of PATH are followed; what is not there lies elsewhere. */
enum provenance_place provenance_place(const struct provenance *s,
				       const char *path);

/* It is the system's or the toolchain's. */
bool provenance_knows(const struct provenance *s, const char *path);

#endif
