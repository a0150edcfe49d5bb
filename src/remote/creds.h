/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CREDS_H
#define REMOTE_CREDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct xfer;
struct xfer_fetch;

/*
 * The credentials to sign with, from the first source that has any: a table
 * of sources, tried in order ("Credential provider chain", AWS SDKs and Tools
 * Reference Guide).  Sources that may wait (files, processes, network) are
 * asked on a thread of their own, which is started only if the environment
 * does not say all.
 *
 * What expires is fetched anew 12 to 15 minutes before its end, or when half
 * of its time is over if that is later.  A fetch that fails is tried again
 * until then, and the old ones are used as long as they are valid.  Nobody
 * ever waits for a fetch while there are valid ones; else creds_get says
 * -EAGAIN, and once a fetch has failed, why.  After that a fetch is tried
 * again when somebody asks, at most every 10 s.  Threads: any.
 */
struct creds;

enum { CREDS_REGION = 64 };

/* The strings belong to the holder. */
struct creds_value {
	char *key;
	char *secret;
	char *token;               /* NULL: none */
	int64_t expires;           /* seconds since 1970, 0: never */
	char region[CREDS_REGION]; /* what goes with them, "": not known */
};

/* Copies; TOKEN may be NULL.  0 or -ENOMEM. */
int creds_set(struct creds_value *v, const char *key, const char *secret,
	      const char *token, int64_t expires);
void creds_release(struct creds_value *v);

struct creds_opts {
	const char *(*get)(const char *name); /* the environment */
	const char *profile; /* "": AWS_PROFILE, else "default" */
	const char *region;  /* "": neither configured nor in a variable */
	struct xfer *x;      /* for sources that ask the network */
	int process_ms;      /* credential_process may take, 0: a minute */
	/* Something has changed; on the credentials' thread, without locks. */
	void (*changed)(void *ctx);
	void *ctx;
	/* For sources, set by creds_open: readable once they must give up. */
	int stop_fd;
};

/*
 * One source.  0 with *OUT; ERR_MISS: it is not configured, the next one; or
 * an error, and WHY (ROOM bytes) says in plain words what is wrong with it.
 */
struct creds_source {
	const char *name; /* for people: "environment" */
	int (*load)(const struct creds_opts *o, struct creds_value *out,
		    char *why, size_t room);
};

/* 0 or -errno.  O's strings are borrowed for its life. */
int creds_open(const struct creds_opts *o, struct creds **out);

/* Its thread may be in xfer_fetch: stop the engine first. */
void creds_close(struct creds *c);

/* 0: *OUT, to be released; -EAGAIN: they are being fetched; ERR_REFUSED:
 * there are none, WHY says what to do. */
int creds_get(struct creds *c, struct creds_value *out, char *why, size_t room);

/* The server does not accept KEY's credentials any more.  True: newer ones
 * are being fetched, or are there already.  False: they are as new as can
 * be. */
bool creds_expired(struct creds *c, const char *key);

/* "environment, AKIA...", with what is wrong, or why there are none.
 * *EXPIRES as above. */
void creds_status(struct creds *c, char *text, size_t room, int64_t *expires);

/* For sources: xfer_fetch, again after a short pause while the other side
 * fails, TRIES times in all. */
int creds_ask(const struct creds_opts *o, const struct xfer_fetch *f, int tries,
	      struct buf *out);

#endif
