/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_source.h"

#include "base/buf.h"
#include "remote/xfer.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 200 }; /* between two tries */

int
cred_value_set(struct cred_value *v, const char *key, const char *secret,
	       const char *token, int64_t expires)
{
	struct cred_value n = { .expires = expires };

	n.key = strdup(key);
	n.secret = strdup(secret);
	n.token = token ? strdup(token) : NULL;
	if (!n.key || !n.secret || (token && !n.token)) {
		cred_value_release(&n);
		return -ENOMEM;
	}
	*v = n;
	return 0;
}

void
cred_source_wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
cred_value_release(struct cred_value *v)
{
	cred_source_wipe(v->secret);
	cred_source_wipe(v->token);
	free(v->key);
	memset(v, 0, sizeof(*v));
}

const char *
cred_source_variable(const struct cred_opts *o, const char *name)
{
	const char *v = o->get(name);

	return v && *v ? v : NULL;
}

/* True: told to stop. */
static bool
doze(const struct cred_opts *o, int ms)
{
	struct pollfd p = { o->stop_fd, POLLIN, 0 };

	return poll(&p, 1, ms) > 0;
}

int
cred_source_ask(const struct cred_opts *o, const struct xfer_fetch *f,
		int tries, struct buf *out)
{
	int i;

	for (i = 1;; i++) {
		size_t had = out->len;
		int rc = xfer_fetch(o->x, f, out);

		if ((rc > 0 && rc < 500 && rc != 429) || i >= tries ||
		    rc == -ECANCELED || rc == -ENOMEM)
			return rc;
		out->len = had;
		if (doze(o, PAUSE_MS * i))
			return -ECANCELED;
	}
}
