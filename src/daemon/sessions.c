/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/sessions.h"

#include "base/file.h"
#include "base/log.h"
#include "daemon/services.h"
#include "daemon/session_record.h"
#include "wire/message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)
#define QUIET_NS (10 * SECOND)

struct sessions {
	struct services *hub;
	const struct sessions_ops *ops;
	struct session *first;
	size_t count;
	int64_t next;
};

int
sessions_open(struct services *h, const struct sessions_ops *ops)
{
	h->builds = calloc(1, sizeof(*h->builds));
	if (!h->builds)
		return -ENOMEM;
	h->builds->hub = h;
	h->builds->ops = ops;
	return 0;
}

static void
free_build(struct session *b)
{
	if (b->pidfd >= 0)
		close(b->pidfd);
	buf_free(&b->crates);
	free(b);
}

void
sessions_close(struct sessions *b)
{
	if (!b)
		return;
	while (b->first) {
		struct session *next = b->first->next;

		free_build(b->first);
		b->first = next;
	}
	free(b);
}

struct session *
sessions_find(struct sessions *b, uint64_t session)
{
	struct session *i = b->first;

	while (i && i->session != session)
		i = i->next;
	return i;
}

static uint64_t
log_size(struct services *h)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/events.log", h->cache_dir);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Its events are complete once the process is gone; what was prefetched for
 * it and not used will not be. */
static void
finish(struct sessions *b, struct session *i)
{
	struct session **at = &b->first;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	b->count--;
	b->ops->end(b->hub->prefetches, i);
	if (i->missed)
		session_record_write(b->hub, i);
	free_build(i);
}

static struct session *
begin(struct sessions *b, uint64_t session, int pid)
{
	struct session *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	if (b->count == SESSIONS_MAX) {
		struct session *last = b->first;

		while (last->next)
			last = last->next;
		finish(b, last);
	}
	i->session = session;
	i->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	i->log_from = log_size(b->hub);
	i->next = b->first;
	b->first = i;
	b->count++;
	return i;
}

static void
copy_text(char *to, size_t room, const struct message_bytes *f)
{
	size_t n = f->n < room ? f->n : room - 1;

	memcpy(to, f->p, n);
	to[n] = '\0';
}

/* The first note of a run counts; its queries come before its units, so
 * nothing that it does is missed. */
void
sessions_session(struct sessions *b, const struct message_session *m)
{
	struct session *i = sessions_find(b, m->session);

	services_count(b->hub, HUB_SESSIONS);
	if (i) {
		i->active = file_monotonic();
		return;
	}
	i = begin(b, m->session, (int)m->pid);
	if (!i)
		return;
	copy_text(i->workspace, sizeof(i->workspace), &m->workspace);
	i->lock = m->lock;
	i->toolchain = m->toolchain;
	i->writes = m->flags & MESSAGE_SESSION_WRITES;
	i->continued = m->flags & MESSAGE_SESSION_CONTINUES;
	i->active = file_monotonic();
}

/* "@<hex>" is an earlier Cargo.lock, all else a crate. */
static void
take_item(struct session *i, const char *p)
{
	if (*p != '@') {
		buf_add(&i->crates, p, strlen(p) + 1);
		return;
	}
	if (i->nolder < SESSIONS_LOCKS &&
	    digest_parse(p + 1, strlen(p + 1), &i->older[i->nolder]) == 0)
		i->nolder++;
}

void
sessions_hint(struct sessions *b, const struct message_hint *m)
{
	struct session *i = sessions_find(b, m->session);
	const char *p = m->items.p, *end = p + m->items.n;

	services_count(b->hub, HUB_HINTS);
	if (!i || i->hinted)
		return;
	i->hinted = true;
	i->active = file_monotonic();
	for (; p < end; p += strlen(p) + 1)
		take_item(i, p);
	b->ops->hinted(b->hub->prefetches, i);
}

/* Which run it is of the question does not say: any that has not missed yet
 * may be it, and planning for it costs one small request. */
void
sessions_missed(struct sessions *b)
{
	int64_t now = file_monotonic();

	for (struct session *i = b->first; i; i = i->next) {
		i->active = now;
		if (i->missed)
			continue;
		i->missed = true;
		b->ops->begin(b->hub->prefetches, i);
	}
}

static bool
is_over(const struct session *i, int64_t now)
{
	struct pollfd p = { i->pidfd, POLLIN, 0 };

	if (i->pidfd >= 0)
		return poll(&p, 1, 0) == 1;
	return now - i->active > QUIET_NS;
}

int64_t
sessions_tick(struct sessions *b, int64_t now)
{
	struct session *i, *next;

	if (!b->first)
		return 0;
	if (now < b->next)
		return b->next;
	b->next = now + SECOND / 2;
	for (i = b->first; i; i = next) {
		next = i->next;
		if (is_over(i, now))
			finish(b, i);
	}
	return b->first ? b->next : 0;
}

void
sessions_end(struct sessions *b)
{
	while (b->first)
		finish(b, b->first);
}

size_t
sessions_count(const struct sessions *b)
{
	return b->count;
}
