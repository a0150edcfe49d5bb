/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/creds.h"

#include "base/err.h"
#include "base/file.h"
#include "remote/credfile.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EARLY_S = 12 * 60, /* before the end, with a part left to chance */
	EARLY_SPREAD_S = 3 * 60,
	AGAIN_S = 10, /* after a failed fetch */
	WHY = 300
};

struct creds {
	struct creds_opts o;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	pthread_t thread;
	bool threaded;
	bool stop;
	bool wanted; /* fetch now */
	bool tried;
	struct creds_value value; /* key NULL: none yet */
	const char *source;
	char why[WHY];
};

static int
load_environment(const struct creds_opts *o, struct creds_value *out, char *why,
		 size_t room)
{
	const char *key = o->get("AWS_ACCESS_KEY_ID");
	const char *secret = o->get("AWS_SECRET_ACCESS_KEY");
	const char *token = o->get("AWS_SESSION_TOKEN");

	if (!key || !*key)
		return ERR_MISS;
	/* A profile named on purpose goes before what lies around. */
	if (*o->profile)
		return ERR_MISS;
	if (!secret || !*secret) {
		snprintf(why, room,
			 "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is "
			 "not");
		return ERR_REFUSED;
	}
	return creds_set(out, key, secret, token && *token ? token : NULL, 0);
}

/* The first asks nobody; all others are for the thread. */
static const struct creds_source sources[] = {
	{ "environment", load_environment },
	{ "AWS files", credfile_load },
};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

int
creds_set(struct creds_value *v, const char *key, const char *secret,
	  const char *token, int64_t expires)
{
	struct creds_value n = { .expires = expires };

	n.key = strdup(key);
	n.secret = strdup(secret);
	n.token = token ? strdup(token) : NULL;
	if (!n.key || !n.secret || (token && !n.token)) {
		creds_release(&n);
		return -ENOMEM;
	}
	*v = n;
	return 0;
}

void
creds_release(struct creds_value *v)
{
	if (v->secret)
		explicit_bzero(v->secret, strlen(v->secret));
	free(v->key);
	free(v->secret);
	free(v->token);
	memset(v, 0, sizeof(*v));
}

/* Asks sources FROM to TO.  ERR_MISS: none is configured. */
static int
ask(struct creds *c, int from, int to)
{
	struct creds_value v = { 0 };
	char why[WHY] = "";
	int rc = ERR_MISS;
	int i;

	for (i = from; i < to && rc == ERR_MISS; i++)
		rc = sources[i].load(&c->o, &v, why, sizeof(why));
	pthread_mutex_lock(&c->lock);
	c->tried = true;
	if (rc == 0) {
		creds_release(&c->value);
		c->value = v;
		c->source = sources[i - 1].name;
		c->why[0] = '\0';
	} else if (rc == ERR_MISS) {
		snprintf(c->why, sizeof(c->why),
			 "no credentials found; set AWS_ACCESS_KEY_ID and "
			 "AWS_SECRET_ACCESS_KEY, a profile, or `anonymous = "
			 "yes`");
	} else {
		snprintf(c->why, sizeof(c->why), "%s: %s", sources[i - 1].name,
			 *why ? why : err_text(rc));
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* Seconds until the next fetch, -1: none is due.  Locked. */
static int64_t
pause_of(struct creds *c)
{
	int64_t now = file_now() / 1000000000;
	int64_t at = c->value.expires - EARLY_S - now % EARLY_SPREAD_S;

	if (c->value.key && !c->value.expires)
		return -1;
	if (!c->value.key || at <= now)
		return AGAIN_S;
	return at - now;
}

static void
wait_turn(struct creds *c)
{
	int64_t pause = pause_of(c);
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += pause;
	while (!c->stop && !c->wanted) {
		if (pause < 0)
			pthread_cond_wait(&c->moved, &c->lock);
		else if (pthread_cond_timedwait(&c->moved, &c->lock, &until))
			break;
	}
}

static void *
fetching(void *ctx)
{
	struct creds *c = ctx;

	pthread_setname_np(pthread_self(), "kache-creds");
	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		pthread_mutex_unlock(&c->lock);
		ask(c, 1, SOURCES);
		c->o.changed(c->o.ctx);
		pthread_mutex_lock(&c->lock);
		c->wanted = false;
		wait_turn(c);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int
start_thread(struct creds *c)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c->tried = false;
	rc = pthread_create(&c->thread, NULL, fetching, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->threaded = rc == 0;
	return -rc;
}

int
creds_open(const struct creds_opts *o, struct creds **out)
{
	struct creds *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->o = *o;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->moved, NULL);
	rc = ask(c, 0, 1);
	if (rc == ERR_MISS && SOURCES > 1)
		rc = start_thread(c);
	if (rc != 0 && rc != ERR_MISS && rc != ERR_REFUSED) {
		creds_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
creds_close(struct creds *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->moved);
	pthread_mutex_unlock(&c->lock);
	if (c->threaded)
		pthread_join(c->thread, NULL);
	creds_release(&c->value);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int
creds_get(struct creds *c, struct creds_value *out, char *why, size_t room)
{
	int64_t now = file_now() / 1000000000;
	int rc;

	pthread_mutex_lock(&c->lock);
	if (c->value.key && (!c->value.expires || now < c->value.expires)) {
		rc = creds_set(out, c->value.key, c->value.secret,
			       c->value.token, c->value.expires);
	} else if (c->threaded && (!c->tried || c->wanted)) {
		rc = -EAGAIN;
	} else {
		snprintf(why, room, "%s",
			 *c->why ? c->why : "the credentials have expired");
		rc = ERR_REFUSED;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

bool
creds_expired(struct creds *c, const char *key)
{
	bool better;

	pthread_mutex_lock(&c->lock);
	better = c->threaded;
	if (better && c->value.key && strcmp(c->value.key, key) == 0) {
		creds_release(&c->value);
		c->wanted = true;
		pthread_cond_signal(&c->moved);
	}
	pthread_mutex_unlock(&c->lock);
	return better;
}

void
creds_status(struct creds *c, char *text, size_t room, int64_t *expires)
{
	pthread_mutex_lock(&c->lock);
	*expires = c->value.expires;
	if (c->value.key)
		snprintf(text, room, "%s, %s", c->source, c->value.key);
	else if (c->threaded && !c->tried)
		snprintf(text, room, "being fetched");
	else
		snprintf(text, room, "%s", c->why);
	pthread_mutex_unlock(&c->lock);
}
