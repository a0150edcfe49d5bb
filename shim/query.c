/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/query.h"

#include "base/err.h"
#include "base/file.h"
#include "base/record_type.h"
#include "key/unit.h"
#include "shim/compiler.h"
#include "shim/invocation.h"
#include "shim/run.h"
#include "shim/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { ANSWER_MAX = 1 << 20 };

static bool
starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* cargo's probe: stdin is empty, every other word is a flag we know not to
 * read files. */
static bool
is_probe(const struct invocation *j)
{
	char *const *words = j->argv + j->first;
	bool print = false;

	if (j->argc < j->first + 3 || strcmp(words[0], "-") ||
	    strcmp(words[1], "--crate-name") || strcmp(words[2], "___"))
		return false;
	for (int i = j->first + 3; i < j->argc; i++) {
		const char *w = j->argv[i];

		print |= starts(w, "--print=");
		/* A target specification is a file. */
		if (w[0] == '@' || strstr(w, ".json") || starts(w, "-Z") ||
		    strstr(w, "llvm-args"))
			return false;
	}
	return print;
}

static bool
is_version(const struct invocation *j)
{
	return j->argc == j->first + 1 && !strcmp(j->argv[j->first], "-vV");
}

bool
query_is(const struct invocation *j)
{
	return is_version(j) || is_probe(j);
}

static int
load_toolchain(struct invocation *j)
{
	struct toolchain_in in = {
		.dirfd = j->store.dir,
		.locks = j->store.locks,
		.compiler = j->argv[1],
		.path = getenv("PATH"),
		.rustup_home = invocation_rustup_home(),
		.rustup_toolchain = getenv("RUSTUP_TOOLCHAIN"),
		.driver = j->compiler->beside,
		.thorough = is_version(j),
	};

	return toolchain_load(&in, &j->toolchain);
}

static void
make_name(struct invocation *j, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest_ctx c;
	struct digest d;

	digest_init(&c);
	digest_str(&c, "query-1");
	digest_sub(&c, &j->toolchain.id);
	unit_fold_cpu(&c);
	for (int i = j->first; i < j->argc; i++)
		digest_str(&c, j->argv[i]);
	for (const char *const *s = j->compiler->query_variables; *s; s++) {
		const char *v = getenv(*s);

		digest_u64(&c, v != NULL);
		digest_str(&c, v ? v : "");
	}
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

/* What the compiler printed. */
struct answer {
	struct buf out, err;
};

static const struct record_field fields[] = {
	RECORD_FIELD(BYTES, answer, out, 0),
	RECORD_FIELD(BYTES, answer, err, 0),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'i',
	.version = 1,
	.fields = fields,
};

/* 0; ERR_MISS; or another code: it is known, and could not be said. */
static int
answer(struct invocation *j, const char *name)
{
	struct answer a = { 0 };
	int r = ERR_MISS;

	if (store_load(&j->store, name, &type, &a) == 0) {
		r = file_write_fd(1, a.out.p, a.out.len);
		r = r ? r : file_write_fd(2, a.err.p, a.err.len);
	}
	record_free(fields, &a);
	return r;
}

static void
remember(struct invocation *j, const char *name, const struct run *run)
{
	struct answer a = { run->out_text, run->err_text };

	if (a.out.len + a.err.len <= ANSWER_MAX)
		store_save(&j->store, name, &type, &a);
}

struct ending
query_run(struct invocation *j)
{
	static const struct roots none;
	const struct ending pass = { .how = ENDING_PASS };
	static struct run run; /* left to the end of the process */
	char name[STORE_NAME];
	int r;

	j->event.kind = "query";
	if (getenv("RUSTC_LOG") || load_toolchain(j) < 0)
		return pass;
	session_query(j);
	make_name(j, name);
	r = answer(j, name);
	if (r == 0)
		return (struct ending){ ENDING_SERVED, "local_hit", NULL, 0 };
	/* The compiler itself knows how to fail at a full disk. */
	if (r != ERR_MISS)
		return (struct ending){ ENDING_PASS, "passthrough",
					"lost-output", 0 };
	run = (struct run){ .argv = j->argv + 1,
			    .env = environ,
			    .roots = &none };
	if (run_compiler(&run) < 0)
		return pass;
	if (run.status == 0 && !run.overflow)
		remember(j, name, &run);
	return (struct ending){ ENDING_RAN, "miss", NULL, run.status };
}
