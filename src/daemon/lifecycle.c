/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/lifecycle.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/sessions.h"
#include "daemon/conn.h"
#include "daemon/services.h"
#include "daemon/prefetch.h"
#include "daemon/upload_queue.h"
#include "work/flight.h"

#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

/* An install writes the program in steps: it must be quiet for this long. */
#define SETTLE_NS (5 * SECOND)
#define DEMAND_NS (3 * SECOND)
/* Clients that were accepted get their answers; less than a client waits. */
#define QUIET_NS (SECOND / 4)

static void
fold_file(struct digest_ctx *c, const char *path)
{
	struct stat st;
	struct file_id id = { 0 };

	if (path && stat(path, &st) == 0)
		file_id_of(&st, &id);
	digest_str(c, path ? path : "");
	digest_u64(c, id.dev);
	digest_u64(c, id.ino);
	digest_u64(c, id.size);
	digest_u64(c, (uint64_t)id.mtime);
}

static uint64_t
end_state(struct digest_ctx *c)
{
	struct digest d;
	uint64_t v;

	digest_end(c, &d);
	memcpy(&v, d.b, sizeof(v));
	return v;
}

static uint64_t
config_state(struct services *h)
{
	struct services_setup *s = services_get(h);
	struct digest_ctx c;

	digest_init(&c);
	for (int i = 0; i < CONFIG_FILES; i++)
		fold_file(&c, s->config.file[i].path);
	services_put(s);
	return end_state(&c);
}

static uint64_t
program_state(struct services *h)
{
	struct digest_ctx c;

	digest_init(&c);
	fold_file(&c, h->program);
	return end_state(&c);
}

void
lifecycle_init(struct lifecycle *l, struct services *h, bool on_demand)
{
	*l = (struct lifecycle){ .hub = h, .on_demand = on_demand };
	l->config_state = config_state(h);
	l->program_state = program_state(h);
}

void
lifecycle_reload(struct lifecycle *l)
{
	struct services_setup *s;

	if (services_load(l->hub, &s) < 0)
		return;
	services_replace(l->hub, s);
	services_count(l->hub, HUB_RELOADS);
	l->config_state = config_state(l->hub);
	log_msg(LOG_INFO, "configuration read again");
	upload_queue_hurry(l->hub->uploads);
}

/* Demand that is under way gets 3 s; all else is taken up again by the
 * successor. */
static void
make_room(struct lifecycle *l, int64_t now)
{
	log_msg(LOG_INFO, "%s was replaced: starting it", l->hub->program);
	upload_queue_stop(l->hub->uploads, true);
	prefetch_stop(l->hub->prefetches);
	l->hub->stopping = true;
	l->exec_by = now + DEMAND_NS;
}

static void
look_at_clients(struct lifecycle *l, int64_t now)
{
	bool idle = flight_count(l->hub->packs) == 0 &&
		    flight_count(l->hub->units) == 0;

	if (!l->quiet_by && (idle || now >= l->exec_by))
		l->quiet_by = now + QUIET_NS;
	if (l->quiet_by)
		l->exec_now = now >= l->quiet_by || !l->hub->conns->count;
}

/* What cannot be started is left alone until it changes again. */
static void
look_at_trial(struct lifecycle *l, int64_t now)
{
	int r = l->trial.pid
			? exec_probe_look(&l->trial, now)
			: exec_probe_start(&l->trial, l->hub->program, now);

	if (l->trial.pid)
		return;
	l->program_since = 0;
	if (r == 0) {
		make_room(l, now);
		return;
	}
	log_msg(LOG_ERROR, "%s was replaced, but cannot be started: %s",
		l->hub->program, err_text(r));
	l->program_state = program_state(l->hub);
}

/* Another program at our path, whole and quiet. */
static void
look_at_program(struct lifecycle *l, int64_t now)
{
	uint64_t state = program_state(l->hub);

	if (l->exec_by) {
		look_at_clients(l, now);
		return;
	}
	if (l->trial.pid) {
		look_at_trial(l, now);
		return;
	}
	if (state == l->program_state || access(l->hub->program, X_OK) < 0) {
		l->program_since = 0;
		return;
	}
	if (!l->program_since)
		l->program_since = now;
	if (now - l->program_since >= SETTLE_NS)
		look_at_trial(l, now);
}

static void
look_at_idleness(struct lifecycle *l, int64_t now)
{
	struct services_setup *s = services_get(l->hub);
	int64_t limit =
		config_nanoseconds(&s->config.v[CONFIG_DAEMON_IDLE_EXIT]);
	struct conns *all = l->hub->conns;

	services_put(s);
	if (upload_queue_active(l->hub->uploads) || all->count ||
	    sessions_count(l->hub->builds))
		return;
	if (now - all->active > 10 * SECOND && now - all->active < 12 * SECOND)
		malloc_trim(0);
	if (!l->on_demand || !limit || now - all->active < limit)
		return;
	log_msg(LOG_INFO, "nothing to do: leaving");
	l->hub->quit = true;
}

int64_t
lifecycle_tick(struct lifecycle *l, int64_t now)
{
	if (now < l->next && !l->exec_by)
		return l->next;
	l->next = now + SECOND;
	if (config_state(l->hub) != l->config_state)
		lifecycle_reload(l);
	look_at_program(l, now);
	look_at_idleness(l, now);
	if (l->quiet_by)
		return now + SECOND / 200;
	return l->exec_by ? now + SECOND / 20 : l->next;
}
