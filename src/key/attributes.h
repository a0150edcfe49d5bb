/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ATTRIBUTES_H
#define KEY_ATTRIBUTES_H

#include <stddef.h>

/*
 * Which attributes of files a program uses.  stat returns all of them at once,
 * so the call itself does not tell.  For the system's programs a table does
 * (key/programs), for others their code (CLASSIFY_TIMES and its neighbours);
 * a program that sets an attribute is assumed to have copied it.  Pure.
 * Threads: any.
 */
enum {
	ATTRIBUTES_MODE = 1,
	ATTRIBUTES_TIMES = 2,  /* mtime */
	ATTRIBUTES_CLOCKS = 4, /* ctime and the time of birth */
	ATTRIBUTES_OWNER = 8,  /* owner, group and number of links */
	/* Only for names that it tests: it opens many files without using
	 * their stat. */
	ATTRIBUTES_TESTED = 16,
	/* The system's: it uses only what the other bits say, whatever it sets
	 * or asks for. */
	ATTRIBUTES_KNOWN = 32,
	/* It compiles or links: where names lead and what it may write does
	 * not get into what it makes. */
	ATTRIBUTES_COMPILES = 64,
	/* It prints whatever it asks for. */
	ATTRIBUTES_PRINTS = 128
};

/*
 * What the system's program at PATH uses.  TOLD: some command line mentions the
 * times of files, so interpreters of scripts may look at them.  Unknown
 * programs use all attributes of the names that they test.
 */
unsigned attributes_of(const char *path, int told);

/* Whether the N bytes at TEXT, of a script, mention the times of files. */
int attributes_in_text(const char *text, size_t n);

/* Whether what that program uses depends on the text of FILE. */
int attributes_want_text(const char *path, const char *file);

/* What that program uses in addition because it read the N bytes at TEXT: a
 * script, a file for cmake, C source. */
unsigned attributes_of_text(const char *path, const char *text, size_t n);

#endif
