/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/creds.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "remote/cred_file.h"
#include "remote/cred_parse.h"
#include "remote/cred_instance.h"
#include "remote/cred_process.h"
#include "remote/cred_source.h"
#include "remote/cred_web_identity.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	EARLY_S = 12 * 60, /* before the end, with a part left to chance */
	EARLY_SPREAD_S = 3 * 60,
	AGAIN_S = 10, /* after a failed fetch */
	AGAIN_MAX_S = 60,
	WHY = 300
};

struct creds {
	struct cred_opts o;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	pthread_t thread;
	bool threaded;
	bool fixed; /* the environment's, which does not change */
	bool stop;
	bool wanted;   /* fetch now */
	bool fetching; /* the thread is at it, or will be at once */
	bool unplaced; /* the thread has not looked for the region yet */
	int64_t tried; /* when the last fetch ended, s since 1970; 0: never */
	int64_t since; /* when the value came */
	int failures;  /* fetches in a row */
	struct cred_value value;  /* key NULL: none yet */
	char region[CRED_REGION]; /* of the profile */
	const char *source;
	char why[WHY]; /* of the last fetch, "": it went well */
};

static int64_t
now_s(void)
{
	return file_now() / 1000000000;
}

/* Locked, as all with a struct creds that do not say otherwise. */
static bool
is_valid(const struct creds *c)
{
	return c->value.key &&
	       (!c->value.expires || now_s() < c->value.expires);
}

static int
load_environment(const struct cred_opts *o, struct cred_value *out, char *why,
		 size_t room)
{
	const char *key = o->get("AWS_ACCESS_KEY_ID");
	const char *secret = o->get("AWS_SECRET_ACCESS_KEY");
	const char *token = o->get("AWS_SESSION_TOKEN");
	const char *end = o->get("AWS_CREDENTIAL_EXPIRATION");
	int64_t expires = end && *end ? cred_parse_time(end) : 0;

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
	if (expires < 0) {
		snprintf(why, room, "AWS_CREDENTIAL_EXPIRATION is not a time");
		return ERR_REFUSED;
	}
	return cred_value_set(out, key, secret, token && *token ? token : NULL,
			      expires);
}

/* The first asks nobody; all others are for the thread. */
static const struct cred_source sources[] = {
	{ "environment", load_environment },
	{ "web identity", cred_web_identity_load },
	{ "AWS files", cred_file_load },
	{ "credential_process", cred_process_load },
	{ "container", cred_instance_container },
	{ "instance", cred_instance_instance },
};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

/* --- one fetch ----------------------------------------------------------- */

/* What a source gave must be good for something. */
static int
inspect(struct cred_value *v, char *why, size_t room)
{
	if (!cred_parse_sound(v))
		snprintf(why, room, "what it gave is no key");
	else if (v->expires && v->expires <= now_s())
		snprintf(why, room, "what it gave has expired");
	else
		return 0;
	cred_value_release(v);
	return ERR_REFUSED;
}

/* The first of sources FROM to TO that has any; ERR_MISS: none has. */
static int
load_first(struct creds *c, int from, int to, struct cred_value *v, int *which,
	   char *why, size_t room)
{
	int rc = ERR_MISS;
	int i;

	for (i = from; i < to && rc == ERR_MISS; i++) {
		rc = sources[i].load(&c->o, v, why, room);
		*which = i;
	}
	return rc == 0 ? inspect(v, why, room) : rc;
}

/* True: this is new, and TEXT is for the log. */
static bool
note_failure(struct creds *c, const char *source, const char *why, char *text)
{
	char old[WHY];

	snprintf(old, sizeof(old), "%s", c->why);
	if (source)
		snprintf(c->why, sizeof(c->why), "%s: %s", source, why);
	else if (c->source)
		snprintf(c->why, sizeof(c->why), "%s: it has none any more",
			 c->source);
	else
		snprintf(c->why, sizeof(c->why),
			 "no credentials found; set AWS_ACCESS_KEY_ID and "
			 "AWS_SECRET_ACCESS_KEY, a profile, or `anonymous = "
			 "yes`");
	c->failures++;
	snprintf(text, WHY, "%s", c->why);
	/* Without a valid one it is the remote's problem, which says it. */
	return is_valid(c) && strcmp(old, c->why) != 0;
}

/* Unlocked: asks sources FROM to TO.  0, or why there is nothing new. */
static int
fetch_value(struct creds *c, int from, int to)
{
	struct cred_value v = { 0 };
	char why[WHY] = "";
	char text[WHY];
	bool log = false;
	int which = 0;
	int rc = load_first(c, from, to, &v, &which, why, sizeof(why));

	pthread_mutex_lock(&c->lock);
	c->tried = now_s();
	if (rc == 0) {
		cred_value_release(&c->value);
		c->value = v;
		c->since = c->tried;
		c->source = sources[which].name;
		c->why[0] = '\0';
		c->failures = 0;
	} else {
		log = note_failure(c,
				   rc == ERR_MISS ? NULL : sources[which].name,
				   *why ? why : err_text(rc), text);
	}
	pthread_mutex_unlock(&c->lock);
	if (log)
		log_msg(LOG_WARN, "credentials cannot be renewed: %s", text);
	return rc;
}

/* Unlocked. */
static void
find_region(struct creds *c)
{
	struct cred_file_profile p = { 0 };
	char why[WHY];
	const char *named = NULL;

	if (!*c->o.region && cred_file_read(&c->o, &p, why, sizeof(why)) == 0)
		named = p.v[CRED_FILE_REGION];
	pthread_mutex_lock(&c->lock);
	if (named && strlen(named) < sizeof(c->region))
		snprintf(c->region, sizeof(c->region), "%s", named);
	c->unplaced = false;
	pthread_mutex_unlock(&c->lock);
	cred_file_release(&p);
}

/* --- the thread ---------------------------------------------------------- */

/* Seconds until the next fetch, -1: none is due. */
static int64_t
pause_of(struct creds *c)
{
	int64_t now = now_s();
	int64_t life = c->value.expires - c->since;
	int64_t early = EARLY_S + now % EARLY_SPREAD_S;
	int64_t again = (int64_t)AGAIN_S * c->failures;

	if (c->fixed || !c->value.expires || !is_valid(c))
		return -1;
	if (c->failures > 0)
		return again < AGAIN_MAX_S ? again : AGAIN_MAX_S;
	if (early > life / 2)
		early = life / 2;
	if (c->value.expires - early <= now)
		return 1;
	return c->value.expires - early - now;
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
	find_region(c);
	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		c->wanted = false;
		c->fetching = !c->fixed;
		pthread_mutex_unlock(&c->lock);
		if (!c->fixed)
			fetch_value(c, 1, SOURCES);
		pthread_mutex_lock(&c->lock);
		c->fetching = false;
		pthread_mutex_unlock(&c->lock);
		c->o.changed(c->o.ctx);
		pthread_mutex_lock(&c->lock);
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
	c->fetching = !c->fixed;
	c->unplaced = true;
	if (!c->fixed)
		c->why[0] = '\0';
	rc = pthread_create(&c->thread, NULL, fetching, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->threaded = rc == 0;
	return -rc;
}

int
creds_open(const struct cred_opts *o, struct creds **out)
{
	struct creds *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->o = *o;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->moved, NULL);
	c->o.stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = c->o.stop_fd < 0 ? -errno : fetch_value(c, 0, 1);
	/* What the environment has does not become newer, but it may not say
	 * the region. */
	c->fixed = rc != ERR_MISS;
	if (rc == ERR_MISS || (rc == 0 && !*o->region))
		rc = start_thread(c);
	if (rc != 0 && rc != ERR_REFUSED) {
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
	if (c->o.stop_fd >= 0)
		eventfd_write(c->o.stop_fd, 1);
	pthread_cond_signal(&c->moved);
	pthread_mutex_unlock(&c->lock);
	if (c->threaded)
		pthread_join(c->thread, NULL);
	if (c->o.stop_fd >= 0)
		close(c->o.stop_fd);
	cred_value_release(&c->value);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void
want(struct creds *c)
{
	c->wanted = true;
	pthread_cond_signal(&c->moved);
}

/* There is no valid value. */
static int
without(struct creds *c, char *why, size_t room)
{
	bool due = now_s() - c->tried >= AGAIN_S;

	if (!c->fixed && !c->fetching && !c->wanted && (due || !*c->why))
		want(c);
	if ((c->fetching || c->wanted) && !*c->why)
		return -EAGAIN;
	snprintf(why, room, "%s%s%s",
		 c->value.key ? "the credentials have expired" : "",
		 c->value.key && *c->why ? "; " : "", c->why);
	return ERR_REFUSED;
}

static int
copy_value(const struct creds *c, struct cred_value *out)
{
	const char *region = *c->value.region ? c->value.region : c->region;
	int rc = cred_value_set(out, c->value.key, c->value.secret,
				c->value.token, c->value.expires);

	if (rc == 0)
		snprintf(out->region, sizeof(out->region), "%s", region);
	return rc;
}

int
creds_get(struct creds *c, struct cred_value *out, char *why, size_t room)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	if (c->unplaced)
		rc = -EAGAIN;
	else if (is_valid(c))
		rc = copy_value(c, out);
	else
		rc = without(c, why, room);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

bool
creds_expired(struct creds *c, const char *key)
{
	bool better = false;

	pthread_mutex_lock(&c->lock);
	if (!c->value.key || strcmp(c->value.key, key) != 0)
		better = is_valid(c) || c->fetching || c->wanted;
	else if (!c->fixed && now_s() - c->tried >= AGAIN_S)
		better = true;
	if (better && c->value.key && strcmp(c->value.key, key) == 0) {
		cred_value_release(&c->value);
		c->why[0] = '\0';
		want(c);
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
		snprintf(text, room, "%s, %s%s%s%s", c->source, c->value.key,
			 is_valid(c) ? "" : ", expired", *c->why ? "; " : "",
			 c->why);
	else if (*c->why)
		snprintf(text, room, "%s", c->why);
	else
		snprintf(text, room, "being fetched");
	pthread_mutex_unlock(&c->lock);
}
