/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_WORKBED_H
#define UNIT_WORKBED_H

#include "base/err.h"
#include "base/file.h"
#include "key/inputs.h"
#include "shim/compiler.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/lookup.h"
#include "store/blob.h"
#include "store/entry.h"
#include "store/manifest.h"
#include "tests/unit/testdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * One unit, crate `a` with the suffix `-1`, in <testdir>/w: its outputs go to
 * w/target/debug/deps, its store is <testdir>/store.  Nothing is compiled.
 */
static struct invocation job;
static const char *job_words[] = { "kache-shim", "rustc", "a.rs", NULL };
static char job_out_dir[160];

static inline const char *
at(const char *name)
{
	static char path[8][200];
	static unsigned next;
	char *to = path[next++ % 8];

	snprintf(to, sizeof(path[0]), "%s/%s", testdir, name);
	return to;
}

static inline struct digest
key_of(uint8_t fill)
{
	struct digest d;

	memset(d.b, fill, sizeof(d.b));
	return d;
}

static inline void
put_file(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, text, strlen(text)), 0);
	close(fd);
}

static inline const char *
file_text(const char *name)
{
	static struct buf b;

	buf_reset(&b);
	return file_read(AT_FDCWD, at(name), 1 << 20, &b) == 0 && b.p ? b.p
								      : "";
}

static inline const char *
no_variable(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

static inline void
make_job(void)
{
	static char cwd[160], target[160];
	static char *empty[] = { NULL };
	struct config_source src = { no_variable, NULL, empty, NULL };
	struct roots_in in = { .mode = ROOTS_CHECKOUT, .args = &job.args };

	snprintf(cwd, sizeof(cwd), "%s/w", testdir);
	snprintf(target, sizeof(target), "%s/w/target", testdir);
	snprintf(job_out_dir, sizeof(job_out_dir), "%s/debug/deps", target);
	config_load(&job.config, &src);
	job.argc = 3;
	job.argv = (char **)job_words;
	job.first = 2;
	job.kind = &kind_unit;
	job.compiler = compiler_find(2, job.argv + 1);
	job.args = (struct args){ .crate_name = "a",
				  .extra_filename = "-1",
				  .source = at("w/a.rs"),
				  .out_dir = job_out_dir };
	snprintf(job.cache_dir, sizeof(job.cache_dir), "%s/store", testdir);
	snprintf(job.libexec, sizeof(job.libexec), "%s/libexec", testdir);
	snprintf(job.cwd, sizeof(job.cwd), "%s", cwd);
	snprintf(job.target, sizeof(job.target), "%s", target);
	job.event.crate = "a";
	job.event.cwd = job.cwd;
	job.readable = true;
	job.memo.fd = -1;
	job.k0 = job.k0_plain = key_of(1);
	job.tag = key_of(3);
	job.naming = NAMING_REAL;
	job.mode = ROOTS_CHECKOUT;
	in.cwd = cwd;
	in.target = target;
	roots_init(&job.roots, &in);
}

static inline int
workbed(void **state)
{
	if (testdir_make(state) < 0)
		return -1;
	mkdir(at("store"), 0700);
	mkdir(at("libexec"), 0700);
	mkdir(at("w"), 0700);
	mkdir(at("w/target"), 0700);
	mkdir(at("w/target/debug"), 0700);
	mkdir(at("w/target/debug/deps"), 0700);
	memset(&job, 0, sizeof(job));
	make_job();
	put_file("w/a.rs", "fn main() {}");
	if (store_open(&job.store, job.cache_dir) < 0)
		return -1;
	job.store_ok = 1;
	return 0;
}

static inline int
workbed_end(void **state)
{
	store_close(&job.store);
	provenance_release(&job.system);
	return testdir_remove(state);
}

/* What the code under test writes to 1 and 2 goes to files. */
static int said_old[2] = { -1, -1 };

static inline void
listen_to(const char *out, const char *err)
{
	const char *const names[] = { out, err };

	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		int fd = open(names[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);

		assert_true(fd >= 0);
		said_old[i] = dup(i + 1);
		assert_true(dup2(fd, i + 1) >= 0);
		close(fd);
	}
}

static inline void
listen_no_more(void)
{
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		dup2(said_old[i], i + 1);
		close(said_old[i]);
	}
}

static inline struct lookup
look_and_listen(void)
{
	struct lookup l;

	listen_to(at("said.out"), at("said.err"));
	l = lookup(&job);
	listen_no_more();
	return l;
}

/* K1 of the list ITEMS, as it evaluates now. */
static inline int
k1_of(const struct inputs *s, const struct digest *k0, struct digest *k1)
{
	struct inputs_env env = invocation_inputs_env(&job);

	return inputs_key(s, &env, k0, k1, NULL);
}

/* Adds an input list with the one ITEM to the manifest of K0; its K1. */
static inline struct digest
learn(const struct digest *k0, const char *item, uint64_t compile_us)
{
	struct manifest_record rec = { .compile_us = compile_us,
				       .stored_ms = compile_us + 1 };
	struct digest k1;

	assert_int_equal(
		inputs_add(&rec.inputs, item[0], item + 1, strlen(item + 1)),
		0);
	assert_int_equal(inputs_finish(&rec.inputs), 0);
	assert_int_equal(k1_of(&rec.inputs, k0, &k1), 0);
	rec.last_k1 = k1;
	assert_int_equal(manifest_add(&job.store, k0, &rec), 0);
	inputs_free(&rec.inputs);
	return k1;
}

/* An output NAME with TEXT, as a blob of the store. */
static inline void
add_blob(struct entry *e, const char *name, enum entry_role role,
	 const char *text)
{
	struct entry_output *o = &e->out[e->nout++];
	struct blob_put put = { 0 };

	put_file("blob", text);
	put.path = at("blob");
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->role = role;
	assert_int_equal(blob_put(&job.store, &job.memo, &put, &o->blob), 0);
	o->size = put.size;
}

#endif
