/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config/project.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void problem(struct project *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
problem(struct project *p, const char *fmt, ...)
{
	va_list ap;

	if (p->problem_count < PROJECT_PROBLEMS) {
		va_start(ap, fmt);
		vsnprintf(p->problem[p->problem_count], CONFIG_PROBLEM_LEN, fmt,
			  ap);
		va_end(ap);
	}
	p->problem_count++;
}

/*
 * Paths of [inputs] allow: a project answers for its own files, and must not
 * have others read or listed, however many there are.
 */
static bool
is_own_path(const char *p, size_t n)
{
	if (n == 0 || *p == '/')
		return false;
	while (n > 0) {
		const char *slash = memchr(p, '/', n);
		size_t part = slash ? (size_t)(slash - p) : n;

		if (part == 2 && p[0] == '.' && p[1] == '.')
			return false;
		part += slash != NULL;
		p += part;
		n -= part;
	}
	return true;
}

/* NAME[:PATH...], with blanks or commas between. */
static bool
allow_is_own(const char *text)
{
	static const char between[] = " \t,";

	for (; *text; text += *text != '\0') {
		const char *end = text + strcspn(text, between);

		text += strcspn(text, " \t,:");
		while (text < end) {
			size_t n = strcspn(++text, " \t,:");

			if (!is_own_path(text, n))
				return false;
			text += n;
		}
	}
	return true;
}

static void
value(void *ctx, int line, const char *section, const char *key,
      const char *text)
{
	struct project *p = ctx;
	bool known = false;
	char *to = NULL;

	for (int id = 0; id < CONFIG_KEYS && !known; id++) {
		known = !strcmp(section, config_keys[id].section) &&
			!strcmp(key, config_keys[id].name);
		if (known && id == CONFIG_INPUTS_ALLOW)
			to = p->allow;
		if (known && id == CONFIG_INPUTS_PLACES)
			to = p->places;
	}
	if (!to)
		problem(p, "%s:%d: [%.60s] %.60s: %s", p->path, line, section,
			key,
			known ? "a project may not set this" : "no such key");
	else if (to == p->allow && !allow_is_own(text))
		problem(p,
			"%s:%d: [inputs] allow: '%.60s': a project may name "
			"paths below its packages only",
			p->path, line, text);
	else
		snprintf(to, PROJECT_TEXT, "%s", text);
}

static void
bad_line(void *ctx, int line, const char *text)
{
	struct project *p = ctx;

	problem(p, "%s:%d: %s", p->path, line, text);
}

/* Why a file with this stat is not believed, or NULL. */
static const char *
objection(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != geteuid())
		return "belongs to another user";
	/* With umask 002, the default of many systems, git makes files that
	 * the group may write.  Who is in it may write build.rs as well. */
	if (st->st_mode & 002)
		return "others may write to it (chmod o-w)";
	if (st->st_size > PROJECT_FILE_MAX)
		return "is too large";
	return NULL;
}

static int
read_file(struct project *p, int fd)
{
	struct ini_sink sink = { .value = value,
				 .problem = bad_line,
				 .ctx = p };
	struct buf b = { 0 };
	const char *why;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	why = objection(&st);
	if (why) {
		problem(p, "%s: ignored: %s", p->path, why);
		return -EPERM;
	}
	p->id[0] = (uint64_t)st.st_dev;
	p->id[1] = (uint64_t)st.st_ino;
	p->id[2] = (uint64_t)st.st_ctim.tv_sec * 1000000000 +
		   (uint64_t)st.st_ctim.tv_nsec;
	r = file_read_fd(fd, PROJECT_FILE_MAX, &b);
	if (r == 0)
		ini_text(b.p ? b.p : "", b.len, &sink);
	else
		problem(p, "%s: ignored: %s", p->path, err_text(r));
	buf_free(&b);
	return r;
}

void
project_load(struct project *p, const char *dir)
{
	int fd, n;

	p->problem_count = 0;
	p->allow[0] = p->places[0] = '\0';
	p->status = -ENOENT;
	memset(p->id, 0, sizeof(p->id));
	n = snprintf(p->path, sizeof(p->path), "%s/" PROJECT_FILE, dir);
	if (n < 0 || (size_t)n >= sizeof(p->path))
		return;
	fd = open(p->path,
		  O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0) {
		p->status = -errno;
		if (errno != ENOENT && errno != ENOTDIR)
			problem(p, "%s: ignored: %s", p->path,
				errno == ELOOP ? "is a symbolic link"
					       : err_text(-errno));
		return;
	}
	p->status = read_file(p, fd);
	close(fd);
}

size_t
project_find(const char *dir, const char *home)
{
	size_t n = strlen(dir), stop = home ? strlen(home) : 0;
	char path[PROJECT_PATH];
	struct stat st;

	while (n > 0) {
		int k = snprintf(path, sizeof(path), "%.*s/" PROJECT_FILE,
				 (int)n, dir);

		if (k > 0 && (size_t)k < sizeof(path) && !lstat(path, &st))
			return n;
		if (stop && n == stop && !memcmp(dir, home, n))
			return 0;
		while (n > 0 && dir[n - 1] != '/')
			n--;
		n -= n > 0;
	}
	return 0;
}
