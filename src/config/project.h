/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_PROJECT_H
#define CONFIG_PROJECT_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h" /* allow: value */

/*
 * `.kache.ini`, the file of a project: in the directory of its Cargo.lock,
 * written by whoever wrote the project.  So it may say something about the
 * project's own inputs, and nothing else: any other key is a problem.
 *
 * Believed is only a regular file of this user that nobody but its group may
 * write, of at most PROJECT_FILE_MAX bytes, opened without following a link and
 * without waiting.  Never fails; what is wrong is a problem and is ignored.
 * Threads: any.
 */
enum {
	PROJECT_FILE_MAX = 64 << 10,
	PROJECT_PATH = 4200,
	PROJECT_TEXT = 200, /* a line of an ini file */
	PROJECT_PROBLEMS = 4
};

#define PROJECT_FILE ".kache.ini"

/* 11 kB; holds no memory of its own. */
struct project {
	char path[PROJECT_PATH]; /* the file looked for */
	int status;              /* 0 read, -ENOENT, or why it is ignored */
	/*
	 * Device, inode and ctime in ns: this very file as it lies here.  Its
	 * text could be copied; this cannot be, and nobody can set a ctime.
	 */
	uint64_t id[3];
	char allow[PROJECT_TEXT];  /* [inputs] allow, or "" */
	char places[PROJECT_TEXT]; /* [inputs] places, or "" */
	int problem_count;         /* may exceed PROJECT_PROBLEMS */
	char problem[PROJECT_PROBLEMS][CONFIG_PROBLEM_LEN];
};

/* Fills P from DIR/.kache.ini.  One failed open where there is none. */
void project_load(struct project *p, const char *dir);

/*
 * For people who stand somewhere in a project: the nearest such file at or
 * above DIR, no higher than HOME (may be NULL).  Gives its directory's length
 * in DIR, or 0.
 */
size_t project_find(const char *dir, const char *home);

#endif
