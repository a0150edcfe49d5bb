/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/services.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "remote/remote.h"
#include "work/pool.h"
#include "work/queue.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static const char *
ask(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static const char *
ask_plain(const char *name)
{
	return getenv(name);
}

static void
log_problems(const struct config *c)
{
	for (int i = 0; i < c->problem_count && i < CONFIG_PROBLEMS; i++)
		log_msg(LOG_ERROR, "%s", config_problem(c, i));
}

void
services_config(struct config *c)
{
	struct config_source src = { .get = ask, .names = environ };

	config_load(c, &src);
}

int
services_load(struct services *h, struct services_setup **out)
{
	struct services_setup *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->hub = h;
	atomic_init(&s->refs, 1);
	services_config(&s->config);
	log_problems(&s->config);
	r = remote_open(&s->config, ask_plain, &s->remote, s->problem,
			sizeof(s->problem));
	if (r < 0 && r != ERR_MISS) {
		if (!s->problem[0])
			snprintf(s->problem, sizeof(s->problem), "%s",
				 err_text(r));
		log_msg(LOG_ERROR, "no remote: %s", s->problem);
	}
	*out = s;
	return 0;
}

/* On the poll loop: closing waits for the remote's threads, which have
 * nothing left to do. */
static void
close_setup(struct mail *m)
{
	struct services_setup *s =
		(struct services_setup *)((char *)m -
					  offsetof(struct services_setup,
						   last));

	if (s->remote)
		remote_close(s->remote);
	free(s);
}

struct services_setup *
services_get(struct services *h)
{
	struct services_setup *s;

	pthread_mutex_lock(&h->lock);
	s = h->setup;
	atomic_fetch_add(&s->refs, 1);
	pthread_mutex_unlock(&h->lock);
	return s;
}

void
services_put(struct services_setup *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	s->last.open = close_setup;
	mailbox_send(&s->hub->mail, &s->last);
}

void
services_replace(struct services *h, struct services_setup *s)
{
	struct services_setup *old;

	pthread_mutex_lock(&h->lock);
	old = h->setup;
	h->setup = s;
	pthread_mutex_unlock(&h->lock);
	if (old)
		services_put(old);
}

static void
close_store(void *p)
{
	struct services_store *s = p;

	digest_cache_close(&s->memo);
	store_close(&s->store);
	free(s);
}

struct services_store *
services_store(struct services *h)
{
	struct services_store *s = pthread_getspecific(h->stores);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s || store_open(&s->store, h->cache_dir) < 0) {
		free(s);
		return NULL;
	}
	digest_cache_open(&s->memo, s->store.dir);
	if (pthread_setspecific(h->stores, s) == 0)
		return s;
	close_store(s);
	return NULL;
}

static unsigned
workers(const struct config *c)
{
	int64_t n = c->v[CONFIG_DAEMON_WORKERS].num;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 0)
		n = cpus > 2 ? cpus : 2;
	return n > 256 ? 256 : (unsigned)n;
}

static int
start_pool(struct services *h, const struct config *c)
{
	int64_t bound = c->v[CONFIG_DAEMON_QUEUE].num;
	struct queue_opts opts = { .workers = workers(c) };
	int r;

	for (int i = 0; i < QUEUE_LANES; i++)
		opts.bound[i] = bound < 0 ? 1024 : (unsigned)bound;
	r = queue_open(&opts, &h->queue);
	if (r < 0)
		return r;
	r = pool_start(h->queue, &h->pool);
	if (r < 0) {
		queue_free(h->queue);
		h->queue = NULL;
	}
	return r;
}

/* A failure here ends the program, so nothing is undone. */
int
services_init(struct services *h, const struct config *c)
{
	int r = mailbox_init(&h->mail);

	pthread_mutex_init(&h->lock, NULL);
	h->started = file_monotonic();
	if (r == 0)
		r = -pthread_key_create(&h->stores, close_store);
	r = r ? r : start_pool(h, c);
	if (r == 0)
		unpack_slots_init(&h->decoders, h->queue);
	return r;
}

void
services_stop(struct services *h)
{
	pool_stop(h->pool);
	unpack_slots_release(&h->decoders);
}

void
services_release(struct services *h)
{
	struct services_store *s = pthread_getspecific(h->stores);

	queue_free(h->queue);
	mailbox_open(&h->mail);
	if (s)
		close_store(s);
	pthread_key_delete(h->stores);
	mailbox_release(&h->mail);
	pthread_mutex_destroy(&h->lock);
}
