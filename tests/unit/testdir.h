/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_TESTDIR_H
#define UNIT_TESTDIR_H

#include <ftw.h> /* needs _GNU_SOURCE */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A directory of one test program, removed with all that is in it. */
static char testdir[64];

static inline int
testdir_make(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	if (!tmp || snprintf(testdir, sizeof(testdir), "%s/kache-test-XXXXXX",
			     tmp) >= (int)sizeof(testdir))
		snprintf(testdir, sizeof(testdir), "/tmp/kache-test-XXXXXX");
	return mkdtemp(testdir) ? 0 : -1;
}

static inline int
testdir_remove_one(const char *path, const struct stat *st, int type,
		   struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
testdir_remove(void **state)
{
	(void)state;
	return nftw(testdir, testdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
