/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_SOURCE_H
#define REMOTE_CRED_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct xfer;
struct xfer_fetch;

/*
 * What every source of credentials (cred_file, cred_process, ...) works with;
 * remote/creds asks them in turn.  Threads: any.
 */
enum { CRED_REGION = 64 };

/* The strings belong to the holder. */
struct cred_value {
	char *key;
	char *secret;
	char *token;              /* NULL: none */
	int64_t expires;          /* seconds since 1970, 0: never */
	char region[CRED_REGION]; /* what goes with them, "": not known */
};

/* Copies; TOKEN may be NULL.  0 or -ENOMEM. */
int cred_value_set(struct cred_value *v, const char *key, const char *secret,
		   const char *token, int64_t expires);
void cred_value_release(struct cred_value *v);

struct cred_opts {
	const char *(*get)(const char *name); /* the environment */
	const char *profile; /* "": AWS_PROFILE, else "default" */
	const char *region;  /* "": neither configured nor in a variable */
	struct xfer *x;      /* for sources that ask the network */
	int process_ms;      /* credential_process may take, 0: a minute */
	/* Something has changed; on the credentials' thread, without locks. */
	void (*changed)(void *ctx);
	void *ctx;
	/* Set by creds_open: readable once the source must give up. */
	int stop_fd;
};

/*
 * One source.  0 with *OUT; ERR_MISS: it is not configured, the next one; or
 * an error, and WHY (ROOM bytes) says in plain words what is wrong with it.
 */
struct cred_source {
	const char *name; /* for people: "environment" */
	int (*load)(const struct cred_opts *o, struct cred_value *out,
		    char *why, size_t room);
};

/* The variable NAME, or NULL if it is unset or empty.  Borrowed. */
const char *cred_source_variable(const struct cred_opts *o, const char *name);

/* Overwrites the secret S, which may be NULL, and frees it. */
void cred_source_wipe(char *s);

/* xfer_fetch, again after a short pause while the other side fails, TRIES
 * times in all. */
int cred_source_ask(const struct cred_opts *o, const struct xfer_fetch *f,
		    int tries, struct buf *out);

#endif
