/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/tempfile.h"

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
tempfile_open(struct store *s)
{
	char name[STORE_NAME];
	int fd = openat(s->dir, "tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return -errno;
	store_tmp(s, name);
	fd = openat(s->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(s->dir, name, 0);
	return fd;
}
