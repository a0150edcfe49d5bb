/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "key/trace_parse.h"
#include "observe/obs.h"

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/*
 * Zeros are written, not allocated: unwritten extents cost the first process
 * that touches them 0.3 ms, and their removal several.  Without room for the
 * area its size is 0, and all records are appended.
 */
static int
fill_new(int fd, int strict)
{
	struct obs_page page = { .magic = OBS_MAGIC,
				 .flags = strict ? OBS_STRICT : 0 };
	struct iovec zeros[OBS_AREA / OBS_PAGE];
	char bytes[OBS_PAGE] = "";
	size_t i, n = OBS_AREA / OBS_PAGE;

	for (i = 0; i < n; i++)
		zeros[i] = (struct iovec){ bytes, sizeof(bytes) };
	if (pwritev(fd, zeros, (int)n, OBS_PAGE) == (ssize_t)OBS_AREA)
		page.area = OBS_AREA;
	else if (ftruncate(fd, 0) != 0)
		return -errno;
	memcpy(bytes, &page, sizeof(page));
	return write_all(fd, bytes, sizeof(bytes));
}

int
trace_create(const char *path, int strict)
{
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fill_new(fd, strict);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		unlink(path);
	return rc;
}

/* Reads `size` bytes from `at` on; the number read, or -errno. */
static ssize_t
read_from(int fd, char *p, size_t size, size_t at)
{
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = pread(fd, p + got, size - got, (off_t)(at + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Most of the area is never written: only what is used of it is read. */
static int
load_parts(int fd, size_t size, struct trace_parts *p, char **owned)
{
	char page[OBS_PAGE];
	size_t tail, start;
	char *data;

	if (size < OBS_PAGE || read_from(fd, page, OBS_PAGE, 0) != OBS_PAGE)
		return -EBADMSG;
	start = OBS_PAGE + trace_parse_page(page, p);
	if (size < start)
		return -EBADMSG;
	tail = size - start;
	if (tail > TRACE_BYTES_MAX)
		tail = TRACE_BYTES_MAX + 1;
	data = malloc(p->size[0] + tail + 1);
	if (!data)
		return -ENOMEM;
	if (read_from(fd, data, p->size[0], OBS_PAGE) != (ssize_t)p->size[0] ||
	    read_from(fd, data + p->size[0], tail, start) != (ssize_t)tail) {
		free(data);
		return -EIO;
	}
	p->data[0] = data;
	p->data[1] = data + p->size[0];
	p->size[1] = tail;
	*owned = data;
	return 0;
}

static int
read_open(int fd, struct trace *t)
{
	struct trace_parts p = { .data = { "", "" } };
	char *owned = NULL;
	struct trace got;
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	rc = load_parts(fd, (size_t)st.st_size, &p, &owned);
	if (rc == -EBADMSG) {
		p = (struct trace_parts){ .data = { "", "" }, .broken = 1 };
		rc = 0;
	}
	if (rc != 0)
		return rc;
	trace_parse_cut(&p);
	rc = trace_parse_parts(&p, &got);
	if (rc != 0) {
		free(owned);
		return rc;
	}
	got.owned = owned;
	*t = got;
	return 0;
}

int
trace_read(const char *path, struct trace *t)
{
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = read_open(fd, t);
	close(fd);
	return rc;
}

/*
 * State letter and start of a process, in ns since boot; -ENOENT if there is
 * none.  The command name before them may hold anything, even ") Z".
 */
static int
read_stat(uint32_t pid, char *state, uint64_t *start_ns)
{
	char path[32], text[1024], *p;
	unsigned long long ticks = 0;
	long hz = sysconf(_SC_CLK_TCK);
	ssize_t n;
	int fd, i;

	snprintf(path, sizeof(path), "/proc/%u/stat", (unsigned)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	n = read_from(fd, text, sizeof(text) - 1, 0);
	close(fd);
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] == '\0' || hz <= 0)
		return -ENOENT;
	*state = p[2];
	for (i = 0; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	*start_ns = (uint64_t)ticks * (1000000000u / (uint64_t)hz);
	return 0;
}

/*
 * A reused pid belongs to a process that began after ours wrote its start
 * record.  Without one (a forked child) the pid alone must do.
 */
static int
is_alive(const struct trace_process *p)
{
	uint64_t start_ns = 0;
	char state = 0;

	if (p->pid == 0 || p->pid > INT32_MAX)
		return 0;
	if (kill((pid_t)p->pid, 0) != 0 && errno == ESRCH)
		return 0;
	if (read_stat(p->pid, &state, &start_ns) != 0)
		return 0;
	if (state == 'Z' || state == 'X')
		return 0;
	return !p->started || start_ns <= p->start_ns;
}

uint32_t
trace_alive(const struct trace *t)
{
	size_t i;

	for (i = 0; i < t->nprocesses; i++)
		if (!t->processes[i].ended && is_alive(&t->processes[i]))
			return t->processes[i].pid;
	return 0;
}

const char *
trace_gap_word(enum trace_gap gap)
{
	static const char *const words[TRACE_GAPS] = {
		[TRACE_WHOLE] = "whole",
		[TRACE_NO_RECORDS] = "no-records",
		[TRACE_LOST] = "lost",
		[TRACE_BROKEN] = "broken",
		[TRACE_NO_START] = "no-start",
		[TRACE_UNSEEN] = "unseen",
	};

	return gap < TRACE_GAPS ? words[gap] : "?";
}

void
trace_say_gap(const struct trace *t, char *to, size_t room)
{
	if (t->gap == TRACE_UNSEEN)
		snprintf(to, room, "unseen:%s:%s", t->gap_reason, t->gap_name);
	else
		snprintf(to, room, "unseen:%s", trace_gap_word(t->gap));
}

const char *
trace_kind_word(enum trace_kind kind)
{
	static const char *const words[TRACE_KINDS] = {
		[TRACE_OTHER] = "other",
		[TRACE_READ] = "read",
		[TRACE_WRITE] = "write",
		[TRACE_LIST] = "list",
		[TRACE_ABSENT] = "absent",
		[TRACE_PRESENT] = "present",
		[TRACE_GETENV] = "getenv",
		[TRACE_EXEC] = "exec",
		[TRACE_EXEC_FAIL] = "exec-fail",
		[TRACE_OBJECT] = "object",
		[TRACE_DLOPEN] = "dlopen",
		[TRACE_RENAME] = "rename",
		[TRACE_LINK] = "link",
		[TRACE_SYMLINK] = "symlink",
		[TRACE_UNLINK] = "unlink",
		[TRACE_MKDIR] = "mkdir",
		[TRACE_SOCKET] = "socket",
		[TRACE_CLOCK] = "clock",
		[TRACE_HOST] = "host",
		[TRACE_NATIVE] = "native",
		[TRACE_TOLD_TIMES] = "told-times",
		[TRACE_SETS] = "sets",
		[TRACE_ASK] = "ask",
	};

	return kind < TRACE_KINDS ? words[kind] : "?";
}

/* A program's own objects: itself and what its start record lists. */
static int
each_of_process(const struct trace_process *p,
		int (*use)(void *ctx, const char *path), void *ctx)
{
	const char *s = p->objects;
	uint32_t i;
	int rc;

	if (!p->started)
		return 0;
	rc = use(ctx, p->exe);
	for (i = 0; rc == 0 && i < p->nobjects; i++) {
		rc = use(ctx, s);
		s += strlen(s) + 1;
	}
	return rc;
}

int
trace_each_object(const struct trace *t,
		  int (*use)(void *ctx, const char *path), void *ctx)
{
	const struct trace_event *e;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < t->nprocesses; i++)
		rc = each_of_process(&t->processes[i], use, ctx);
	for (i = 0; rc == 0 && i < t->nevents; i++) {
		e = &t->events[i];
		if (e->kind == TRACE_OBJECT ||
		    (e->kind == TRACE_DLOPEN && e->name[0] == '/'))
			rc = use(ctx, e->name);
	}
	return rc;
}

static char *
join_words(const char *a, const char *b, const char *sep, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(sep) + strlen(c) + 1;
	char *s = malloc(size);

	if (s)
		snprintf(s, size, "%s%s%s%s", a, b, sep, c);
	return s;
}

int
trace_environment(const char *file, const char *library, const char *preload,
		  char *out[2])
{
	char *observe, *load_first;

	if (strpbrk(library, " :\t\n"))
		return -EINVAL;
	if (!preload)
		preload = "";
	observe = join_words("KACHE_OBSERVE=", file, "", "");
	load_first = join_words("LD_PRELOAD=", library, *preload ? ":" : "",
				preload);
	if (!observe || !load_first) {
		free(observe);
		free(load_first);
		return -ENOMEM;
	}
	out[0] = observe;
	out[1] = load_first;
	return 0;
}
