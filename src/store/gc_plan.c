/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gc_plan.h"

#include <stdlib.h>
#include <string.h>

struct plan {
	struct gc_entry *e;
	size_t n;
	const struct gc_blobs *blobs;
	const struct gc_limits *l;
	uint32_t *refs;          /* of blob i, by entries that stay */
	struct gc_entry **order; /* what may go, first first */
	uint64_t left;           /* size of what stays */
};

static int
sooner(const void *a, const void *b)
{
	const struct gc_entry *x = *(struct gc_entry *const *)a;
	const struct gc_entry *y = *(struct gc_entry *const *)b;

	if (x->unreachable != y->unreachable)
		return x->unreachable ? -1 : 1;
	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return memcmp(x->key.b, y->key.b, DIGEST_LEN);
}

/* With an entry go the blobs that only it names. */
static void
drop(struct plan *p, struct gc_entry *e, enum gc_why why)
{
	const uint32_t *b = p->blobs->pool + e->first;

	e->victim = true;
	e->why = (uint8_t)why;
	p->left -= e->size;
	for (uint32_t i = 0; i < e->nblobs; i++)
		if (--p->refs[b[i]] == 0)
			p->left -= p->blobs->size[b[i]];
}

static void
count_refs(struct plan *p)
{
	const struct gc_blobs *b = p->blobs;

	for (size_t i = 0; i < p->n; i++)
		for (uint32_t k = 0; k < p->e[i].nblobs; k++)
			p->refs[b->pool[p->e[i].first + k]]++;
	for (size_t i = 0; i < b->count; i++)
		if (p->refs[i] == 0)
			p->left -= b->size[i] < p->left ? b->size[i] : p->left;
}

/* What goes whatever the size is. */
static void
drop_in_any_case(struct plan *p)
{
	const struct gc_limits *l = p->l;

	for (size_t i = 0; i < p->n; i++) {
		struct gc_entry *e = &p->e[i];
		enum gc_why why = (enum gc_why)e->why;

		e->victim = false;
		e->why = GC_STAYS;
		if (e->pinned)
			continue;
		if (why == GC_STAYS && l->max_age &&
		    e->used < l->now - l->max_age)
			why = GC_BY_AGE;
		if (why != GC_STAYS)
			drop(p, e, why);
	}
}

static void
drop_by_size(struct plan *p)
{
	const struct gc_limits *l = p->l;
	size_t n = 0;

	if (!l->max_size || p->left <= l->max_size)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct gc_entry *e = &p->e[i];

		if (!e->victim && !e->pinned &&
		    !(l->spare && e->used > l->now - l->spare))
			p->order[n++] = e;
	}
	qsort(p->order, n, sizeof(struct gc_entry *), sooner);
	for (size_t i = 0; i < n && p->left > l->target; i++)
		drop(p, p->order[i],
		     p->order[i]->unreachable ? GC_UNREACHABLE : GC_BY_SIZE);
}

static void
keep_all(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		p->e[i].victim = false;
		p->e[i].why = GC_STAYS;
	}
}

uint64_t
gc_plan(struct gc_entry *e, size_t n, const struct gc_blobs *blobs,
	uint64_t total, const struct gc_limits *limits)
{
	struct plan p = {
		.e = e, .n = n, .blobs = blobs, .l = limits, .left = total
	};

	p.refs = calloc(blobs->count + 1, sizeof(*p.refs));
	p.order = calloc(n + 1, sizeof(struct gc_entry *));
	if (p.refs && p.order) {
		count_refs(&p);
		drop_in_any_case(&p);
		drop_by_size(&p);
	} else {
		keep_all(&p);
	}
	free(p.refs);
	free(p.order);
	return p.left;
}
