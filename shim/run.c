/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/run.h"

#include "base/file.h"
#include "base/memfind.h"
#include "rustc/naming.h"
#include "rustc/roots.h"
#include "shim/prefork.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEEP_MAX = 16 << 20 };

struct stream {
	int from;
	int to;
	bool json;          /* may hold announcements */
	struct buf pending; /* a line that is not whole yet */
	struct buf *kept;
};

static void
note_announcement(struct run *r, const char *line, size_t n)
{
	if (r->nout == RUN_OUTPUTS_MAX ||
	    announcement_read(line, n, &r->out[r->nout]) < 0)
		r->overflow = true;
	else
		r->nout++;
}

/* True, and it is struck off: the earlier run passed this line on. */
static bool
was_said(struct run *before, int fd, const char *line, size_t n)
{
	struct buf *said = before ? &before->said[fd - 1] : NULL;
	const char *p = said ? said->p : NULL, *end = p ? p + said->len : NULL;

	while (p && p < end) {
		p = memfind(p, (size_t)(end - p), line, n);
		if (p && (p == said->p || p[-1] == '\n')) {
			said->p[p - said->p] = '\0';
			return true;
		}
		p = p ? p + 1 : NULL;
	}
	return false;
}

static void
put(struct run *r, int fd, const char *p, size_t n)
{
	if (!r->lost && n && file_write_fd(fd, p, n) < 0)
		r->lost = true;
}

static void
pass_on(struct run *r, int fd, const char *line, size_t n)
{
	if (was_said(r->before, fd, line, n))
		return;
	if (r->believed && r->said[fd - 1].len + n <= KEEP_MAX)
		buf_add(&r->said[fd - 1], line, n);
	put(r, fd, line, n);
}

static bool
holds_back(const struct run *r)
{
	return r->believed && !r->committed &&
	       (r->held.len || r->errors[NAMING_PLAIN_ERROR] ||
		r->errors[NAMING_ANY_ERROR] || r->errors[NAMING_OPTION_ERROR]);
}

void
run_release(struct run *r)
{
	r->committed = true;
	put(r, 2, r->held.p, r->held.len);
	buf_free(&r->held);
}

/* Errors, and what comes behind them, wait for the end: what fails under our
 * names may not fail under the real ones. */
static void
say(struct run *r, struct stream *s, const char *line, size_t n)
{
	if (r->disbelieved)
		return;
	if (s->to == 2 && holds_back(r)) {
		if (r->held.len + n <= KEEP_MAX && buf_room(&r->held, n)) {
			buf_add(&r->held, line, n);
			return;
		}
		run_release(r);
	}
	pass_on(r, s->to, line, n);
}

/* Dependents start on the metadata, and it cannot be taken back. */
static void
pass_announcement(struct run *r, struct stream *s, const char *line, size_t n)
{
	bool metadata;

	note_announcement(r, line, n);
	metadata = r->nout && !strcmp(r->out[r->nout - 1].emit, "metadata");
	if (metadata && r->believed && !r->committed && !r->disbelieved) {
		r->disbelieved = !r->believed(r, r->ctx);
		if (!r->disbelieved)
			run_release(r);
	}
	say(r, s, line, n);
}

static void
forward(struct run *r, struct stream *s, const char *line, size_t n)
{
	struct buf local = { 0 };

	if (s->json && announcement_is(line, n)) {
		pass_announcement(r, s, line, n);
		return;
	}
	if (s->kept->len + n > KEEP_MAX)
		r->overflow = true;
	else
		buf_add(s->kept, line, n);
	if (s->json && r->believed)
		r->errors[naming_read_line(line, n)]++;
	roots_unmap(r->roots, line, n, &local);
	if (local.failed)
		say(r, s, line, n);
	else
		say(r, s, local.p, local.len);
	buf_free(&local);
}

static void
take_lines(struct run *r, struct stream *s, bool end)
{
	size_t done = 0;

	for (;;) {
		const char *start = s->pending.p + done;
		size_t left = s->pending.len - done;
		const char *nl = left ? memchr(start, '\n', left) : NULL;

		if (!nl && !(end && left))
			break;
		left = nl ? (size_t)(nl + 1 - start) : left;
		forward(r, s, start, left);
		done += left;
	}
	if (done) {
		s->pending.len -= done;
		memmove(s->pending.p, s->pending.p + done, s->pending.len);
	}
}

/* Out of memory: what is there goes through as it is. */
static char *
make_room(struct run *r, struct stream *s, size_t *room)
{
	static char spare[4096];
	char *to = buf_room(&s->pending, 65536);

	*room = to ? 65536 : sizeof(spare);
	if (to)
		return to;
	if (!r->disbelieved)
		put(r, s->to, s->pending.p, s->pending.len);
	buf_reset(&s->pending);
	r->overflow = true;
	return spare;
}

/* False at the end of the stream. */
static bool
pump(struct run *r, struct stream *s)
{
	size_t room;
	char *to = make_room(r, s, &room);
	ssize_t n = read(s->from, to, room);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0) {
		/* Nor may it wait for us to read on. */
		r->lost = true;
		close(s->from);
		s->from = -1;
	}
	if (n > 0 && to != s->pending.p + s->pending.len)
		say(r, s, to, (size_t)n);
	else if (n > 0)
		s->pending.len += (size_t)n;
	take_lines(r, s, n <= 0);
	return n > 0;
}

/* Where poll fails (no memory, a sandbox): look at both from time to time. */
static void
do_without_poll(struct pollfd p[2])
{
	const struct timespec pause = { 0, 1000000 };

	for (int i = 0; i < 2; i++) {
		p[i].revents = POLLIN;
		if (p[i].fd >= 0)
			fcntl(p[i].fd, F_SETFL, O_NONBLOCK);
	}
	nanosleep(&pause, NULL);
}

static void
relay(struct run *r, struct stream s[2])
{
	struct pollfd p[2] = { { s[0].from, POLLIN, 0 },
			       { s[1].from, POLLIN, 0 } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			do_without_poll(p);
		}
		for (int i = 0; i < 2; i++)
			if (p[i].fd >= 0 && p[i].revents && !pump(r, &s[i]))
				p[i].fd = -1;
	}
}

int
run_compiler(struct run *r)
{
	struct prefork own, *child = r->child ? r->child : &own;
	struct stream s[2] = { { .to = 1, .kept = &r->out_text },
			       { .to = 2, .kept = &r->err_text } };
	int e = 0;

	if (r->child)
		prefork_open(child);
	else
		e = prefork_start(child, r->program, r->argv, r->env, false);
	if (e < 0)
		return e;
	s[0].from = child->out;
	s[1].from = child->err;
	s[1].json = !r->plain;
	relay(r, s);
	child->out = s[0].from;
	child->err = s[1].from;
	buf_free(&s[0].pending);
	buf_free(&s[1].pending);
	e = prefork_wait(child, &r->status);
	return e == 0 && r->lost ? -EIO : e;
}

int
run_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

void
run_end(int status)
{
	if (WIFSIGNALED(status)) {
		struct rlimit none = { 0, 0 };
		sigset_t all;

		/* One core file, the compiler's, is enough. */
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		sigfillset(&all);
		sigprocmask(SIG_UNBLOCK, &all, NULL);
		kill(getpid(), WTERMSIG(status));
	}
	_exit(run_code(status));
}
