/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CREDS_H
#define REMOTE_CREDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cred_opts;
struct cred_value;

/*
 * The credentials to sign with.  A table of sources is tried in order
 * ("Credential provider chain", AWS SDKs and Tools Reference Guide); the first
 * that has any counts.  Sources that may wait (files, processes, network) are
 * asked on a thread of their own, which is started only if the environment
 * does not have everything.
 *
 * Credentials that expire are fetched again 12 to 15 minutes before their end,
 * or after half of their life if that is later.  A failed fetch is repeated,
 * and the old credentials are used as long as they are valid.  Nobody waits
 * for a fetch while there are valid credentials; without them creds_get gives
 * -EAGAIN or, once a fetch has failed, says why.  After that a fetch is
 * repeated when somebody asks, at most every 10 s.  Threads: any.
 */
struct creds;

/* 0 or -errno.  O's strings are borrowed for its life. */
int creds_open(const struct cred_opts *o, struct creds **out);

/* Its thread may be in xfer_fetch: stop the engine first. */
void creds_close(struct creds *c);

/* 0: *OUT, to be released; -EAGAIN: they are being fetched; ERR_REFUSED:
 * there are none, WHY says what to do. */
int creds_get(struct creds *c, struct cred_value *out, char *why, size_t room);

/* The server does not accept KEY's credentials any more.  True: newer ones
 * are being fetched, or are there already.  False: they are as new as can
 * be. */
bool creds_expired(struct creds *c, const char *key);

/* "environment, AKIA...", with what is wrong, or why there are none.
 * *EXPIRES as above. */
void creds_status(struct creds *c, char *text, size_t room, int64_t *expires);

#endif
