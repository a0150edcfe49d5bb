/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_PROJECT_H
#define CONFIG_PROJECT_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h" /* allow: value */

/*
 * `.kache.ini`, the file of a project, beside its Cargo.lock.  Whoever wrote
 * the project wrote it, so it may only speak of the project's own inputs; any
 * other key is a problem.
 *
 * Only a regular file is believed that belongs to this user, that others
 * (except its group) cannot write, and that has at most PROJECT_FILE_MAX bytes.
 * It is opened without following a link and without waiting.  Loading never
 * fails; a mistake is recorded as a problem and ignored.
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
 * Finds the nearest such file at or above DIR, but not above HOME (may be
 * NULL), for commands that are started somewhere in a project.  Gives the
 * length of its directory in DIR, or 0.
 */
size_t project_find(const char *dir, const char *home);

#endif
