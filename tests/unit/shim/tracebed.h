/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_TRACEBED_H
#define UNIT_TRACEBED_H

#include "tests/unit/shim/workbed.h"

#include "key/digest_cache.h"
#include "observe/obs.h"
#include "shim/compile.h"
#include "shim/store_result.h"

enum { SECOND = 1000000000, TRACE_ROOM = 1 << 20, PID = 7 };

/*
 * A compile that has ended, with the observation file of one process: a
 * program in libexec, whose own code needs no look.
 */
static struct compile compile;
static char trace_bytes[TRACE_ROOM];
static size_t trace_len;
static struct kind kind;             /* a copy of the job's */
static struct kind_store kind_store; /* the same */
static const char *changed_word;

static inline void
record(struct obs_head h, const struct obs_stat *st, const char *strings,
       size_t n)
{
	char *to = trace_bytes + trace_len;

	h.pid = PID;
	h.size = (uint32_t)(sizeof(h) + n + (st ? sizeof(*st) : 0));
	h.flags |= st ? OBS_HAS_STAT : 0;
	memcpy(to, &h, sizeof(h));
	to += sizeof(h);
	if (st)
		memcpy(to, st, sizeof(*st));
	to += st ? sizeof(*st) : 0;
	memcpy(to, strings, n);
	trace_len += h.size;
}

static inline void
name_event(enum obs_type type, const char *path)
{
	record((struct obs_head){ .type = (uint16_t)type }, NULL, path,
	       strlen(path) + 1);
}

static inline void
asked_variable(const char *name)
{
	record((struct obs_head){ .type = OBS_GETENV,
				  .flags = getenv(name) ? OBS_IS_SET : 0 },
	       NULL, name, strlen(name) + 1);
}

/* The file PATH was opened and read, as it is now. */
static inline void
read_file(const char *path)
{
	struct file_id id;
	struct obs_stat st;

	assert_int_equal(file_id_at(AT_FDCWD, path, &id), 0);
	st = (struct obs_stat){ .dev = id.dev,
				.ino = id.ino,
				.size = id.size,
				.mtime_ns = id.mtime,
				.ctime_ns = id.ctime,
				.mode = id.mode };
	record((struct obs_head){ .type = OBS_READ,
				  .value =
					  (uint64_t)(file_now() + 2 * SECOND) },
	       &st, path, strlen(path) + 1);
}

static inline const char *
changed_now(struct result *r)
{
	(void)r;
	return changed_word;
}

static inline void
begin_trace(void)
{
	struct obs_page *page = (struct obs_page *)(void *)trace_bytes;
	const char *exe = at("libexec/program");

	memset(trace_bytes, 0, sizeof(trace_bytes));
	memcpy(page->magic, OBS_MAGIC, 8);
	trace_len = OBS_PAGE;
	put_file("libexec/program", "");
	record((struct obs_head){ .type = OBS_START, .aux = 1 }, NULL, exe,
	       strlen(exe) + 1);
}

static inline int
tracebed(void **state)
{
	if (workbed(state) < 0)
		return -1;
	memset(&compile, 0, sizeof(compile));
	kind = *job.kind;
	kind_store = *kind.store;
	kind_store.changed = changed_now;
	kind.store = &kind_store;
	job.kind = &kind;
	changed_word = NULL;
	job.argv[1] = (char *)"rustc";
	job.toolchain.rustc = strdup(at("libexec/program"));
	job.toolchain.sysroot = strdup(at("sysroot"));
	job.toolchain.verbose = strdup("rustc\nhost: host\n");
	compile.job = &job;
	compile.run = &compile.runs[0];
	compile.watched.started = file_now() + SECOND;
	snprintf(compile.watched.observer, sizeof(compile.watched.observer),
		 "%s", at("libexec/observer.so"));
	snprintf(compile.watched.trace, sizeof(compile.watched.trace), "%s",
		 at("trace"));
	job.event.compile_us = 1234;
	begin_trace();
	return 0;
}

static inline int
tracebed_end(void **state)
{
	struct run *run = compile.run;

	for (size_t i = 0; i < run->nout; i++)
		free(run->out[i].path);
	buf_free(&run->out_text);
	buf_free(&run->err_text);
	toolchain_release(&job.toolchain);
	return workbed_end(state);
}

/* Ends the compile and stores it; the caller frees the result. */
static inline struct result *
store_now(const struct lookup *last, int *code)
{
	static const struct lookup none;
	FILE *f = fopen(compile.watched.trace, "w");
	struct result *r;

	name_event(OBS_END, "");
	assert_non_null(f);
	assert_int_equal(fwrite(trace_bytes, 1, trace_len, f), trace_len);
	fclose(f);
	r = store_result(&job, &compile, last ? last : &none, code);
	assert_non_null(r);
	return r;
}

/* It is not stored, for REASON, and nothing was published. */
static inline void
refused(int want, const char *reason)
{
	int code;
	struct result *r = store_now(NULL, &code);

	if (strcmp(r->reason, reason))
		fail_msg("reason %s, not %s", r->reason, reason);
	assert_int_equal(code, want);
	assert_int_equal(r->nlies, 0);
	result_free(r);
}

static inline void
stored(struct result **out)
{
	int code;
	struct result *r = store_now(NULL, &code);

	if (code < 0)
		fail_msg("not stored: %s (%d)", r->reason, code);
	if (out)
		*out = r;
	else
		result_free(r);
}

#endif
