/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
mailbox_init(struct mailbox *b)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	pthread_mutex_init(&b->lock, NULL);
	b->first = NULL;
	b->last = &b->first;
	b->fd = fd;
	return 0;
}

void
mailbox_release(struct mailbox *b)
{
	close(b->fd);
	pthread_mutex_destroy(&b->lock);
}

void
mailbox_nudge(struct mailbox *b)
{
	uint64_t one = 1;

	/* Fails only when it is readable anyway. */
	while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void
mailbox_send(struct mailbox *b, struct mail *m)
{
	m->next = NULL;
	pthread_mutex_lock(&b->lock);
	*b->last = m;
	b->last = &m->next;
	pthread_mutex_unlock(&b->lock);
	mailbox_nudge(b);
}

void
mailbox_open(struct mailbox *b)
{
	struct mail *m, *next;
	uint64_t count;

	/* Emptied before the list is taken: mail that comes in between makes
	 * it readable again. */
	while (read(b->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		continue;
	pthread_mutex_lock(&b->lock);
	m = b->first;
	b->first = NULL;
	b->last = &b->first;
	pthread_mutex_unlock(&b->lock);
	for (; m; m = next) {
		next = m->next;
		m->open(m);
	}
}
