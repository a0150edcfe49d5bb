/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_GCSTORE_H
#define UNIT_GCSTORE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "key/digest_cache.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/gc.h"
#include "store/upload_intent.h"
#include "store/store.h"
#include "tests/unit/testdir.h"

/* A store of one test program, and what the tests of sweeps put into it. */
static struct store s;
static struct digest_cache m;

static inline void
write_output(const char *name, char fill, char path[128])
{
	char text[5000];
	int fd;

	snprintf(path, 128, "%s/%s", testdir, name);
	memset(text, fill, sizeof(text));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, sizeof(text)), 0);
	close(fd);
}

/* An entry of one output, last used AGE seconds ago. */
static inline void
put(const char *name, char fill, int age, struct digest *k1)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_NOW },
				 { .tv_sec = time(NULL) - age } };
	struct blob_put p = { 0 };
	struct entry e = { .nout = 1 };
	char path[128], file[STORE_NAME];

	write_output("output", fill, path);
	p.path = path;
	assert_int_equal(blob_put(&s, &m, &p, &e.out[0].blob), 0);
	memcpy(e.out[0].name, "liba.rlib", 10);
	e.out[0].role = ENTRY_LINK;
	e.out[0].size = p.size;
	digest_bytes(name, strlen(name), k1);
	assert_int_equal(entry_save(&s, k1, &e), 0);
	store_name("entries", k1, file);
	assert_int_equal(utimensat(s.dir, file, t, 0), 0);
	entry_release(&e);
}

static inline int
open_store(void **state)
{
	char path[128];

	if (testdir_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", testdir);
	if (store_open(&s, path) < 0)
		return -1;
	digest_cache_open(&m, s.dir);
	return 0;
}

static inline int
close_store(void **state)
{
	digest_cache_close(&m);
	store_close(&s);
	return testdir_remove(state);
}

static inline bool
loads(const struct digest *k1)
{
	struct entry e;

	if (entry_load(&s, k1, &e) < 0)
		return false;
	assert_true(blob_exists(&s, &e.out[0].blob));
	entry_release(&e);
	return true;
}

static inline void
offer(const struct digest *at)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT,
					  .at = *at };

	assert_int_equal(upload_intent_add(&s, &i), 0);
}

/* When the first orphan is about to be renamed. */
static inline bool
publish_meanwhile(void *ctx, uint64_t done, uint64_t total)
{
	const struct entry *e = ctx;
	struct digest k;

	(void)total;
	digest_bytes("meanwhile", 9, &k);
	if (done == 1)
		assert_int_equal(entry_save(&s, &k, e), 0);
	return true;
}

#endif
