/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_SYSTEM_H
#define KEY_SYSTEM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct toolchain;

/*
 * Whose a file is.  What is known of programs and libraries by their names
 * (key/classify, key/tools, key/habit) holds for those of the system and of
 * the toolchain alone: anybody may call a program `as`.  A file is the
 * system's where distributions put them, if nobody but root may write there,
 * and never below a directory of the build: containers build in /usr/src and
 * /opt as root.  Threads: any, one struct per thread.
 */
enum { SYSTEM_OWN_MAX = 32 };

struct system {
	char *own[SYSTEM_OWN_MAX]; /* directories of the build */
	size_t nown;
	bool crowded;  /* there are more: nothing is the system's */
	char *proxies; /* where rustup's proxies lie, or NULL */
	/* Borrowed, or NULL; what HOLDS says of a path without links is the
	 * toolchain's (rustc/toolchain). */
	const char *sysroot;
	const struct toolchain *toolchain;
	bool (*holds)(const struct toolchain *t, const char *path);
};

enum system_place {
	SYSTEM_ELSEWHERE,
	SYSTEM_PROXIES, /* beside rustup: in CARGO_HOME or no place of ours */
	SYSTEM_TOOLCHAIN,
	SYSTEM_OWN_PLACE /* the system's own */
};

/* Nothing below DIR (absolute; NULL and "/" say nothing) is the system's, nor
 * below what links of it lead to. */
void system_add_own(struct system *s, const char *dir);

/* rustup's proxies lie in DIR/bin. */
void system_set_cargo_home(struct system *s, const char *dir);
void system_release(struct system *s);

/* PATH, by its name alone, lies in a directory of the build. */
bool system_is_own(const struct system *s, const char *path);

/* Links of PATH are followed; what is not there lies elsewhere. */
enum system_place system_place(const struct system *s, const char *path);

/* It is the system's or the toolchain's. */
bool system_knows(const struct system *s, const char *path);

#endif
