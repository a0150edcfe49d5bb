/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_MAILBOX_H
#define DAEMON_MAILBOX_H

#include <pthread.h>

/* Passes messages from any thread to the poll loop. A mail is embedded in its
 * sender's own object, so sending never allocates, waits or fails. */
struct mail {
	/* On the poll loop's thread, once for each sending.  May free M. */
	void (*open)(struct mail *m);
	struct mail *next;
};

struct mailbox {
	pthread_mutex_t lock;
	struct mail *first;
	struct mail **last;
	int fd; /* readable while there is mail (eventfd) */
};

/* 0 or -errno. */
int mailbox_init(struct mailbox *b);
void mailbox_release(struct mailbox *b);

/* Threads: any.  M must not be under way. */
void mailbox_send(struct mailbox *b, struct mail *m);

/* Makes the poll loop take a turn.  Threads: any. */
void mailbox_nudge(struct mailbox *b);

/* Opens all that is there.  The poll loop only. */
void mailbox_open(struct mailbox *b);

#endif
