/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_ATTRIBUTES_H
#define KEY_ATTRIBUTES_H

#include <stddef.h>

/*
 * Which attributes of files a program makes use of.  stat returns all of them
 * at once, so a call does not tell: of the system's programs a table does, of
 * others their code (CLASSIFY_TIMES and its neighbours), and whoever sets an
 * attribute is taken to have copied it.  Pure.  Threads: any.
 */
enum {
	ATTRIBUTES_MODE = 1,
	ATTRIBUTES_TIMES = 2,  /* mtime */
	ATTRIBUTES_CLOCKS = 4, /* ctime and the time of birth */
	ATTRIBUTES_OWNER = 8,  /* owner, group and number of links */
	/* The same programs open many files whose stat they do not look at:
	 * only names that they test count. */
	ATTRIBUTES_TESTED = 16,
	/* A program of the system that makes use of nothing but what is said
	 * here, whatever it sets and asks for besides. */
	ATTRIBUTES_KNOWN = 32,
	/* One that compiles or links: where names lead, and what it may write,
	 * it looks at for itself. */
	ATTRIBUTES_COMPILES = 64,
	/* One that prints whatever it asks for. */
	ATTRIBUTES_PRINTS = 128
};

/*
 * What the system's program at PATH makes use of.  told: some command line
 * speaks of the times of files, so those who run scripts may look at them.
 * Programs that the table does not have use what they test.
 */
unsigned attributes_of(const char *path, int told);

/* Whether N bytes of a script's text speak of the times of files. */
int attributes_in_text(const char *text, size_t n);

/* Whether what that program makes use of depends on the text of FILE. */
int attributes_want_text(const char *path, const char *file);

/* What the same program makes use of besides, having read N bytes of source at
 * TEXT: a script, a file of cmake's, C. */
unsigned attributes_of_text(const char *path, const char *text, size_t n);

#endif
