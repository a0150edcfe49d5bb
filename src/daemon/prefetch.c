/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/prefetch.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/sessions.h"
#include "daemon/prefetch_window.h"
#include "daemon/services.h"
#include "daemon/plan_load.h"
#include "plan/build_manifest_index.h"
#include "plan/build_manifest.h"
#include "plan/graph.h"
#include "plan/scripts.h"
#include "plan/trees.h"
#include "remote/pack.h"
#include "store/events.h"
#include "work/flight.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)
#define PLAN_NS (300 * SECOND)
#define LOOK_NS (SECOND / 4)
#define LOOK_SOON_NS (SECOND / 50) /* while only that keeps us waiting */

#define SIZE_GUESS ((uint64_t)4 << 20)

enum {
	FLYING_MAX = 32,
	KEYS_MAX = 4096,
	LOOKS = 256,
	EARLY = 64,
	PATH_ROOM = 4400,
	PACKED = 3 /* so much smaller a pack is than what it holds */
};

enum state { WAITS, FLIES, HERE, USED, GONE, ASIDE };

struct unit {
	uint8_t state;
	bool wrong;    /* its K0 was asked for: its inputs are others now */
	bool late;     /* it was asked for before it was here */
	bool told;     /* who asked for it was told that it is here */
	bool other;    /* another plan brings it */
	bool proven;   /* it is what the build wants */
	uint64_t size; /* what it takes, as far as is known */
};

struct plan {
	struct plan *next;
	struct services *hub;
	uint64_t session;
	struct plan_load *load; /* while it is being loaded */
	bool hinted;            /* tried with the hint as well */
	bool hint_waits;        /* it came while a load was under way */
	struct build_manifest bman;
	struct graph *graph; /* NULL: nothing to fetch (yet) */
	struct trees *trees;
	size_t aside; /* units whose turn has come, but not their tree's */
	struct unit *unit;
	struct build_manifest_index *by_at, *by_k0;
	int64_t until, look_at;
	uint64_t bytes_max;
	uint64_t bytes; /* fetched or under way */
	struct prefetch_window credit;
	struct digest early[EARLY]; /* asked for before it was loaded */
	unsigned flying, fetched, nearly;
	size_t looked; /* where the last look for used ones ended */
	bool given_up;
};

struct prefetches {
	struct services *hub;
	struct plan *first;
	bool stopped;
};

int
prefetch_open(struct services *h)
{
	h->prefetches = calloc(1, sizeof(*h->prefetches));
	if (!h->prefetches)
		return -ENOMEM;
	h->prefetches->hub = h;
	return 0;
}

/* P is a plan of nothing. */
static void
clear(struct plan *p)
{
	build_manifest_release(&p->bman);
	graph_free(p->graph);
	trees_free(p->trees);
	free(p->unit);
	build_manifest_index_free(p->by_at);
	build_manifest_index_free(p->by_k0);
	p->graph = NULL;
	p->trees = NULL;
	p->unit = NULL;
	p->by_at = NULL;
	p->by_k0 = NULL;
}

static void
free_plan(struct plan *p)
{
	if (p->load)
		plan_load_forget(p->load);
	clear(p);
	free(p);
}

void
prefetch_close(struct prefetches *p)
{
	struct plan *next;

	for (; p && p->first; p->first = next) {
		next = p->first->next;
		free_plan(p->first);
	}
	free(p);
}

static struct plan *
find(struct prefetches *p, uint64_t session)
{
	struct plan *i = p->first;

	while (i && i->session != session)
		i = i->next;
	return i;
}

static void
give_up(struct plan *p, const char *why)
{
	if (p->given_up)
		return;
	p->given_up = true;
	services_count(p->hub, HUB_GIVEN_UP);
	log_msg(LOG_INFO, "prefetch is given up: %s", why);
}

/* --- from a build manifest to a plan --- */

/* Who does not know the size says 0; who lies is found out later. */
static uint64_t
likely_size(uint64_t said)
{
	if (said == 0)
		return SIZE_GUESS;
	return said < PACK_MAX ? said : PACK_MAX;
}

static int
make_units(struct plan *p)
{
	p->unit = calloc(p->bman.count + 1, sizeof(*p->unit));
	p->by_at = build_manifest_index_new(&p->bman, BUILD_MANIFEST_INDEX_AT);
	p->by_k0 = build_manifest_index_new(&p->bman, BUILD_MANIFEST_INDEX_K0);
	if (!p->unit || !p->by_at || !p->by_k0)
		return -ENOMEM;
	for (size_t i = 0; i < p->bman.count; i++)
		p->unit[i].size = likely_size(p->bman.unit[i].size);
	return 0;
}

/* The same unit with other inputs was used since: one of both at most will be
 * asked for, and that is likelier.  A planner service gives no unit keys. */
static bool
is_outdated(const struct plan *p, size_t i)
{
	static const struct digest none;
	const struct build_manifest_unit *u = &p->bman.unit[i];
	int k = build_manifest_index_first(p->by_k0, &u->k0);

	return !digest_eq(&u->k0, &none) && k >= 0 &&
	       p->bman.unit[k].unused < u->unused;
}

/* What it runs may take its time, and cargo asks for it first. */
static int
need_script(void *ctx, size_t unit, size_t script)
{
	struct graph *g = ctx;

	return graph_need(g, unit, script);
}

static int
make_graph(struct plan *p, const bool *here)
{
	const struct build_manifest *m = &p->bman;
	int r = 0;

	p->graph = graph_new();
	p->trees = trees_new(m);
	if (!p->graph || !p->trees)
		return -ENOMEM;
	for (size_t i = 0; i < m->count && r >= 0; i++)
		r = graph_add(p->graph, m->unit[i].compile_us);
	for (size_t i = 0; i < m->count && r >= 0; i++)
		for (uint32_t k = 0; k < m->unit[i].nparents && r >= 0; k++)
			r = graph_need(p->graph, i,
				       m->parents[m->unit[i].parent + k]);
	if (r >= 0)
		r = scripts_each(m, need_script, p->graph);
	if (r >= 0)
		r = graph_seal(p->graph);
	for (size_t i = 0; i < m->count && r >= 0; i++) {
		/* One that is named twice is found by one number only. */
		if (!here[i] && i < KEYS_MAX &&
		    build_manifest_index_first(p->by_at, &m->unit[i].at) ==
			    (int)i &&
		    !is_outdated(p, i))
			continue;
		p->unit[i].state = GONE;
		graph_drop(p->graph, i);
	}
	return r;
}

static uint64_t
most_bytes(struct services *h)
{
	struct services_setup *s = services_get(h);
	uint64_t max = (uint64_t)s->config.v[CONFIG_PREFETCH_MAX_BYTES].num;
	uint64_t store = (uint64_t)s->config.v[CONFIG_STORE_MAX_SIZE].num;

	services_put(s);
	return store && store / 2 < max ? store / 2 : max;
}

static void load(struct plan *p, struct session *b, bool with_hint);
static void note_check(struct plan *p, const struct digest *k0);

static void
loaded(void *ctx, struct plan_load_result *got)
{
	struct plan *p = ctx;

	p->load = NULL;
	p->hinted = p->hinted || got->final;
	if (got->bman.count == 0 && p->hint_waits && !p->hinted) {
		struct session *b = sessions_find(p->hub->builds, p->session);

		if (b)
			load(p, b, true);
		return;
	}
	if (got->bman.count == 0 || !got->here || p->given_up)
		return;
	p->bman = got->bman;
	memset(&got->bman, 0, sizeof(got->bman));
	if (make_units(p) < 0 || make_graph(p, got->here) < 0) {
		clear(p);
		return;
	}
	p->until = file_monotonic() + PLAN_NS;
	p->bytes_max = most_bytes(p->hub);
	services_count(p->hub, HUB_PLANS);
	services_add(p->hub, HUB_PLANNED, graph_left(p->graph));
	log_msg(LOG_INFO, "prefetch: %zu of %zu units, from %s",
		graph_left(p->graph), p->bman.count, got->source);
	for (unsigned i = 0; i < p->nearly; i++)
		note_check(p, &p->early[i]);
}

static bool
enabled(struct services *h)
{
	struct services_setup *s = services_get(h);
	bool yes = s->remote && s->config.v[CONFIG_PREFETCH_ENABLED].num;

	services_put(s);
	return yes;
}

static void
load(struct plan *p, struct session *b, bool with_hint)
{
	p->hinted = with_hint;
	p->load = plan_load_start(p->hub, b, with_hint, loaded, p);
}

void
prefetch_begin(struct prefetches *all, struct session *b)
{
	struct plan *p;

	if (all->stopped || !enabled(all->hub) || find(all, b->session))
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->hub = all->hub;
	p->session = b->session;
	p->next = all->first;
	all->first = p;
	load(p, b, b->hinted);
}

/* What the dependencies alone did not find may be found with names. */
void
prefetch_hinted(struct prefetches *all, struct session *b)
{
	struct plan *p = find(all, b->session);

	if (!p || p->graph || p->hinted || all->stopped)
		return;
	if (p->load)
		p->hint_waits = true;
	else
		load(p, b, true);
}

/* --- fetching --- */

static void
entry_path(const struct plan *p, size_t i, char path[PATH_ROOM])
{
	char name[STORE_NAME];

	store_name("entries", &p->bman.unit[i].at, name);
	snprintf(path, PATH_ROOM, "%s/%s", p->hub->cache_dir, name);
}

/* Compiled or asked for since the plan was made. */
static bool
is_stored(const struct plan *p, size_t i)
{
	char path[PATH_ROOM];

	entry_path(p, i, path);
	return access(path, F_OK) == 0;
}

/* Another build's plan brings unit I, or has brought it. */
static bool
is_others(const struct plan *p, size_t i, bool flies)
{
	const struct plan *o = p->hub->prefetches->first;

	for (; o; o = o->next) {
		int k = o == p ? -1
			       : build_manifest_index_first(
					 o->by_at, &p->bman.unit[i].at);

		if (k >= 0 && (o->unit[k].state == FLIES ||
			       (!flies && o->unit[k].state == HERE)))
			return true;
	}
	return false;
}

static void
forget(struct plan *p, size_t i)
{
	if (!is_others(p, i, true))
		flight_forget(p->hub->packs, &p->bman.unit[i].at);
}

/* What flies for P and nobody else comes down. */
static void
ground(struct plan *p)
{
	for (size_t i = 0; p->unit && i < p->bman.count; i++)
		if (p->unit[i].state == FLIES)
			forget(p, i);
}

static void
count_out(struct plan *p, size_t i)
{
	p->flying--;
	p->bytes -= p->unit[i].size;
	if (!p->unit[i].proven)
		p->credit.unproven -= p->unit[i].size;
	p->unit[i].state = GONE;
}

static void
fetch(struct plan *p, size_t i)
{
	if (is_stored(p, i)) {
		p->unit[i].state = GONE;
		return;
	}
	p->unit[i].other = is_others(p, i, false);
	p->unit[i].state = FLIES;
	p->flying++;
	p->bytes += p->unit[i].size;
	if (!p->unit[i].proven)
		p->credit.unproven += p->unit[i].size;
	if (flight_join(p->hub->packs, &p->bman.unit[i].at, NULL) < 0)
		count_out(p, i);
}

static void
put_aside(struct plan *p, size_t i)
{
	p->unit[i].state = ASIDE;
	p->aside++;
}

/* What is wanted now waits again, what is not comes down. */
static void
sort_out(struct plan *p, size_t i)
{
	bool wanted = trees_want(p->trees, i);

	if (p->unit[i].state == ASIDE && wanted) {
		p->unit[i].state = WAITS;
		p->aside--;
		graph_again(p->graph, i);
	} else if (p->unit[i].state == FLIES && !wanted) {
		forget(p, i);
	}
}

static void
note_ask(struct plan *p, size_t i)
{
	if (!p->trees || !trees_ask(p->trees, i))
		return;
	for (size_t k = 0; k < p->bman.count; k++)
		sort_out(p, k);
}

struct ended {
	struct mail mail;
	struct services *hub;
	struct digest at;
	int result;
	uint64_t bytes;
};

/* What came may be more than was said. */
static void
resize(struct plan *p, size_t i, uint64_t bytes)
{
	uint64_t more = bytes > p->unit[i].size ? bytes - p->unit[i].size : 0;

	p->unit[i].size += more;
	p->bytes += more;
	if (p->unit[i].proven)
		p->credit.proven += more;
	else
		p->credit.unproven += more;
}

/* True: P has fetched it. */
static bool
take_end(struct plan *p, const struct ended *e)
{
	int i = build_manifest_index_first(p->by_at, &e->at);

	if (i < 0 || p->unit[i].state != FLIES)
		return false;
	if (e->result == 0) {
		p->flying--;
		resize(p, (size_t)i, e->bytes);
		p->unit[i].state = HERE;
		p->fetched++;
		return true;
	}
	count_out(p, (size_t)i);
	if (e->result == -ECANCELED && !p->given_up) {
		put_aside(p, (size_t)i);
		sort_out(p, (size_t)i);
	}
	return false;
}

static void
open_end(struct mail *m)
{
	struct ended *e =
		(struct ended *)((char *)m - offsetof(struct ended, mail));
	struct prefetches *all = e->hub->prefetches;

	bool ours = false;

	for (struct plan *p = all ? all->first : NULL; p; p = p->next)
		ours |= take_end(p, e);
	if (ours) {
		services_count(e->hub, HUB_FETCHED);
		services_add(e->hub, HUB_FETCHED_BYTES, e->bytes);
	}
	free(e);
}

/* Without memory the plan's time ends it. */
void
prefetch_ended(struct services *h, const struct digest *at, int result,
	       uint64_t bytes)
{
	struct ended *e = calloc(1, sizeof(*e));

	if (!e)
		return;
	e->mail.open = open_end;
	e->hub = h;
	e->at = *at;
	e->result = result;
	e->bytes = bytes;
	mailbox_send(&h->mail, &e->mail);
}

/* The build wants what the plan says it does. */
static void
prove(struct plan *p, size_t i)
{
	struct unit *u = &p->unit[i];

	if (u->wrong)
		p->credit.wrong--;
	u->wrong = false;
	if (u->proven)
		return;
	u->proven = true;
	prefetch_window_prove(&p->credit, u->size,
			      u->state == FLIES || u->state == HERE);
}

/* Its shim asks for it by itself, if its inputs are what they were. */
static void
leave_out(struct plan *p, size_t i)
{
	if (p->unit[i].state != WAITS && p->unit[i].state != ASIDE)
		return;
	p->aside -= p->unit[i].state == ASIDE;
	p->unit[i].state = GONE;
	graph_drop(p->graph, i);
}

static void
note_late(struct plan *p, size_t i)
{
	struct unit *u = &p->unit[i];

	if (u->state == FLIES && !u->late) {
		services_count(p->hub, HUB_PF_LATE);
		u->late = true;
	}
}

/* What its shim finds in the store is not asked for.  So this is wrong, unless
 * the pack is asked for next. */
static void
note_check(struct plan *p, const struct digest *k0)
{
	int i = build_manifest_index_first(p->by_k0, k0);

	if (i < 0)
		return;
	p->credit.met = true;
	if (!p->unit[i].wrong && !p->unit[i].proven) {
		p->unit[i].wrong = true;
		p->credit.wrong++;
	}
	note_late(p, (size_t)i);
	leave_out(p, (size_t)i);
	note_ask(p, (size_t)i);
}

void
prefetch_check(struct prefetches *all, const struct digest *k0)
{
	for (struct plan *p = all->first; p; p = p->next) {
		if (p->graph)
			note_check(p, k0);
		else if (p->nearly < EARLY)
			p->early[p->nearly++] = *k0;
	}
}

static void
note_get(struct plan *p, const struct digest *at)
{
	int i = build_manifest_index_first(p->by_at, at);

	if (i < 0)
		return;
	prove(p, (size_t)i);
	note_late(p, (size_t)i);
	leave_out(p, (size_t)i);
	note_ask(p, (size_t)i);
}

void
prefetch_get(struct prefetches *all, const struct digest *at)
{
	for (struct plan *p = all->first; p; p = p->next)
		if (p->graph)
			note_get(p, at);
}

bool
prefetch_came(struct prefetches *all, const struct digest *at, bool tell)
{
	for (struct plan *p = all->first; p; p = p->next) {
		int i = build_manifest_index_first(p->by_at, at);

		if (i < 0 || p->unit[i].state != HERE || p->unit[i].told ||
		    !is_stored(p, (size_t)i))
			continue;
		p->unit[i].told = tell;
		return true;
	}
	return false;
}

uint64_t
prefetch_expect(const struct prefetches *all, const struct digest *at)
{
	for (const struct plan *p = all->first; p; p = p->next) {
		int i = build_manifest_index_first(p->by_at, at);

		if (i >= 0)
			return p->unit[i].size / PACKED;
	}
	return 0;
}

/* A shim that uses a fetched entry takes the mark from its file. */
static bool
is_used(struct plan *p, size_t i)
{
	char path[PATH_ROOM];
	struct stat st;

	entry_path(p, i, path);
	return stat(path, &st) == 0 && !(st.st_mode & S_IXUSR);
}

static void
look_for_used(struct plan *p, size_t most)
{
	size_t n = p->bman.count;

	for (size_t k = 0; k < n && most; k++) {
		size_t i = p->looked++ % n;

		if (p->unit[i].state != HERE)
			continue;
		most--;
		if (!is_used(p, i))
			continue;
		prove(p, i);
		p->unit[i].state = USED;
		note_ask(p, i);
	}
}

static bool
may_fetch(struct plan *p, int64_t now)
{
	int next;

	if (p->given_up)
		return false;
	if (prefetch_window_lost(&p->credit, now)) {
		give_up(p, "the build wants something else");
		ground(p);
		return false;
	}
	next = graph_peek(p->graph);
	if (next < 0)
		return false;
	if (now >= p->until || p->bytes >= p->bytes_max) {
		give_up(p, now >= p->until ? "time" : "size");
		return false;
	}
	return p->flying < FLYING_MAX &&
	       prefetch_window_allows(&p->credit, p->unit[next].size);
}

/* What needs a unit may start once that has started: the order is what
 * matters, and waiting for each would cost a round trip for each level. */
static void
fetch_more(struct plan *p, int64_t now)
{
	while (may_fetch(p, now)) {
		int i = graph_next(p->graph);

		if (i < 0)
			return;
		graph_done(p->graph, (size_t)i);
		if (!trees_want(p->trees, (size_t)i))
			put_aside(p, (size_t)i);
		else if (p->unit[i].size > p->bytes_max - p->bytes)
			p->unit[i].state = GONE;
		else
			fetch(p, (size_t)i);
	}
}

int64_t
prefetch_tick(struct prefetches *all, int64_t now)
{
	int64_t at = 0;

	for (struct plan *p = all->first; p; p = p->next) {
		if (!p->graph || all->stopped)
			continue;
		if (now >= p->look_at) {
			look_for_used(p, LOOKS);
			p->look_at = now + (prefetch_window_waits(&p->credit)
						    ? LOOK_SOON_NS
						    : LOOK_NS);
		}
		fetch_more(p, now);
		if ((graph_left(p->graph) || p->flying || p->aside) &&
		    !p->given_up)
			at = p->look_at;
	}
	return at;
}

static void
note(const struct plan *p, const char *outcome, uint64_t count, uint64_t bytes)
{
	struct services_store *s = services_store(p->hub);
	struct events_line e = { .session = p->session,
				 .outcome = outcome,
				 .kind = "prefetch",
				 .bytes = bytes,
				 .saved_us = count };

	if (s && count)
		events_append(&s->store, &e);
}

/* What became of what was fetched, for the daemon's life and for ever. */
static void
tell_truth(struct plan *p)
{
	static const char *const name[] = { "in_time", "late", "unused" };
	uint64_t n[3] = { 0 }, bytes[3] = { 0 };

	look_for_used(p, p->bman.count);
	for (size_t i = 0; i < p->bman.count; i++) {
		const struct unit *u = &p->unit[i];
		int which = u->late ? 1 : u->state == USED ? 0 : 2;

		if (u->other || (u->state != USED && u->state != HERE))
			continue;
		n[which]++;
		bytes[which] += u->size;
	}
	for (int k = 0; k < 3; k++)
		note(p, name[k], n[k], bytes[k]);
	services_add(p->hub, HUB_UNUSED, n[2]);
	log_msg(LOG_INFO,
		"prefetch: %u fetched; %llu in time, %llu late, %llu unused; "
		"%u in vain",
		p->fetched, (unsigned long long)n[0], (unsigned long long)n[1],
		(unsigned long long)n[2], p->credit.wrong);
}

void
prefetch_end(struct prefetches *all, const struct session *b)
{
	struct plan **at = &all->first, *p;

	while (*at && (*at)->session != b->session)
		at = &(*at)->next;
	p = *at;
	if (!p)
		return;
	*at = p->next;
	ground(p);
	if (p->graph)
		tell_truth(p);
	free_plan(p);
}

void
prefetch_stop(struct prefetches *all)
{
	all->stopped = true;
	for (struct plan *p = all->first; p; p = p->next)
		ground(p);
}
