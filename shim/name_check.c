/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/name_check.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/record_type.h"
#include "key/file_macro.h"
#include "classify/symbols.h"
#include "key/trace.h"
#include "rustc/depinfo.h"
#include "rustc/roots.h"
#include "shim/invocation.h"
#include "shim/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20 };

static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

/* PATH is absolute, and ours is another name for it. */
static bool
is_foreign(const struct invocation *j, const char *path)
{
	const struct root *list[ROOTS_MAX];
	size_t n = roots_remaps(&j->roots, list);

	for (size_t i = 0; i < n; i++)
		if (below(path, list[i]->path))
			return true;
	return false;
}

/* Somebody may keep a target directory at /kache/target. */
static bool
is_there(const char *path)
{
	static const char top[] = "/kache/";
	size_t n = sizeof(top) - 1;
	char dir[64];

	if (strncmp(path, top, n) != 0)
		return false;
	n += strcspn(path + n, "/");
	if (n >= sizeof(dir))
		return false;
	memcpy(dir, path, n);
	dir[n] = '\0';
	return access(dir, F_OK) == 0;
}

static bool
is_ours(const char *path)
{
	return naming_made_up(path) && !is_there(path);
}

bool
name_check_opened(const struct trace *t)
{
	for (size_t i = 0; i < t->nevents; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind != TRACE_GETENV &&
		    (e->by_cwd || is_ours(e->name) || is_ours(e->other)))
			return true;
	}
	return false;
}

/* Whether the sources of D with names of ours say file!().  Most have no such
 * word, and need not be taken apart. */
static bool
says_file(const struct invocation *j, const struct depinfo *d)
{
	struct file_macro f = { 0 };
	bool worth = false, says = false;

	for (int pass = 0; pass < 2 && (pass == 0 || worth); pass++)
		for (size_t i = 0; i < d->nfiles; i++) {
			struct buf b = { 0 };

			if (!is_foreign(j, d->files[i]))
				continue;
			if (file_read(AT_FDCWD, d->files[i], FILE_MAX, &b) ==
				    0 &&
			    b.len && pass == 0)
				worth |= file_macro_is_worth(b.p, b.len);
			else if (b.len)
				file_macro_look(&f, b.p, b.len);
			buf_free(&b);
		}
	if (worth)
		says = file_macro_judge(&f);
	file_macro_release(&f);
	return says;
}

/* Sources as rustc names them.  Before it wrote them down: the first one. */
static void
look_at_sources(const struct invocation *j, const struct run *run,
		struct naming_end *end)
{
	struct depinfo d = { 0 };
	struct buf b = { 0 };
	bool known = false;

	for (size_t i = 0; i < run->nout; i++)
		if (!strcmp(run->out[i].emit, "dep-info"))
			known = file_read(AT_FDCWD, run->out[i].path, FILE_MAX,
					  &b) == 0 &&
				b.len && depinfo_read(b.p, b.len, &d) == 0;
	if (!known)
		end->foreign = is_foreign(j, j->args.source);
	for (size_t i = 0; i < d.nfiles; i++) {
		if (!is_foreign(j, d.files[i]))
			continue;
		end->foreign = true;
	}
	if (end->foreign && j->naming != NAMING_OPENABLE)
		end->says = says_file(j, &d);
	depinfo_release(&d);
	buf_free(&b);
}

/* What the code of a macro refers to has its name in the symbols of the file.
 * The compiler has all of these names. */
static int
asks_for_file(void *ctx, const char *path)
{
	static const char *const names[] = { "4Span4file", "4Span10local_file",
					     "4Span11source_file" };
	const char *slash = strrchr(path, '/');
	size_t n = strlen(path);
	struct buf b = { 0 };
	int asks = 0;

	(void)ctx;
	if (n < 3 || strcmp(path + n - 3, ".so") || !slash ||
	    !strncmp(slash, "/librustc_driver", 16))
		return 0;
	if (file_read(AT_FDCWD, path, FILE_MAX, &b) == 0 && b.len)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			asks |= symbols_hold(b.p, b.len, names[i]);
	buf_free(&b);
	return asks;
}

const char *
name_check_doubt(struct invocation *j, const struct run *run, const char *trace,
		 bool failed)
{
	struct naming_end end = {
		.failed = failed,
		.plain = run->errors[NAMING_PLAIN_ERROR],
		.any = run->errors[NAMING_ANY_ERROR],
		.option = run->errors[NAMING_OPTION_ERROR],
	};
	struct trace t = { 0 };

	if (j->naming == NAMING_REAL || trace_read(trace, &t) < 0)
		return NULL;
	end.opened = name_check_opened(&t);
	if (!end.opened)
		look_at_sources(j, run, &end);
	if (end.foreign)
		end.asks = trace_each_object(&t, asks_for_file, NULL) != 0;
	trace_free(&t);
	return naming_doubt(&j->naming_in, j->naming, &end);
}

static void
name_of(const struct digest *k0, char name[STORE_NAME])
{
	char hex[DIGEST_HEX + 1];
	struct digest_ctx c;
	struct digest d;

	digest_init(&c);
	digest_str(&c, "real-names-1");
	digest_sub(&c, k0);
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

/* That it exists says all. */
static const struct record_type type = { .letter = 'i', .version = 1 };

bool
name_check_recall(struct invocation *j)
{
	char name[STORE_NAME];

	if (j->naming == NAMING_REAL)
		return false;
	name_of(&j->k0_plain, name);
	return record_exists(j->store.dir, name, &type);
}

void
name_check_remember(struct store *s, const struct digest *k0)
{
	char name[STORE_NAME];

	name_of(k0, name);
	store_save(s, name, &type, NULL);
}
