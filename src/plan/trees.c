/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/trees.h"

#include "plan/bman.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* So many more of the units asked for may lie in the best tree: a build that
 * has just begun has asked for few. */
enum { ROOTS = 64, SLACK = 2 };

struct trees {
	size_t count;
	uint64_t *in; /* the trees of each unit, a bit each */
	bool *asked;
	unsigned hits[ROOTS];
	uint64_t all;    /* the trees there are */
	uint64_t proven; /* asked for where no wanted tree was */
	uint64_t wanted;
};

static void
mark_roots(struct trees *t, const struct bman *m)
{
	unsigned next = 0;

	for (size_t i = 0; i < m->count; i++)
		t->asked[i] = false;
	for (size_t i = 0; i < m->count; i++)
		for (uint32_t k = 0; k < m->unit[i].nparents; k++)
			t->asked[m->parents[m->unit[i].parent + k]] = true;
	for (size_t i = 0; i < m->count; i++) {
		if (!t->asked[i] && !m->unit[i].script)
			t->in[i] = (uint64_t)1 << (next++ % ROOTS);
		t->all |= t->in[i];
		t->asked[i] = false;
	}
}

/* From the roots down until nothing changes.  Units follow those that they
 * need, so one pass from the end is enough for nearly all; a cycle, which
 * only a broken manifest has, ends too. */
static void
spread(struct trees *t, const struct bman *m)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = m->count; i-- > 0;) {
			const struct bman_unit *u = &m->unit[i];

			for (uint32_t k = 0; k < u->nparents; k++) {
				uint64_t *in =
					&t->in[m->parents[u->parent + k]];

				if ((*in | t->in[i]) == *in)
					continue;
				*in |= t->in[i];
				again |= m->parents[u->parent + k] > i;
			}
		}
	}
}

static bool
same_package(const struct bman *m, const struct bman_unit *a,
	     const struct bman_unit *b)
{
	return !strcmp(bman_package(m, a), bman_package(m, b)) &&
	       !strcmp(bman_version(m, a), bman_version(m, b));
}

/* Nobody reads what a build script's compile makes, but its package is not
 * built without it. */
static void
place_scripts(struct trees *t, const struct bman *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!m->unit[i].script)
			continue;
		for (size_t k = 0; k < m->count; k++)
			if (!m->unit[k].script &&
			    same_package(m, &m->unit[i], &m->unit[k]))
				t->in[i] |= t->in[k];
	}
}

struct trees *
trees_new(const struct bman *m)
{
	struct trees *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->count = m->count;
	t->in = calloc(m->count + 1, sizeof(*t->in));
	t->asked = calloc(m->count + 1, sizeof(*t->asked));
	if (!t->in || !t->asked) {
		trees_free(t);
		return NULL;
	}
	mark_roots(t, m);
	spread(t, m);
	place_scripts(t, m);
	spread(t, m);
	t->wanted = t->all;
	return t;
}

void
trees_free(struct trees *t)
{
	if (!t)
		return;
	free(t->in);
	free(t->asked);
	free(t);
}

static uint64_t
judge(const struct trees *t)
{
	uint64_t wanted = t->proven;
	unsigned best = 0;

	for (int r = 0; r < ROOTS; r++)
		if (t->hits[r] > best)
			best = t->hits[r];
	for (int r = 0; r < ROOTS; r++)
		if (t->hits[r] + SLACK >= best)
			wanted |= (uint64_t)1 << r;
	return wanted & t->all;
}

bool
trees_ask(struct trees *t, size_t unit)
{
	uint64_t before = t->wanted, in;

	if (unit >= t->count || t->asked[unit])
		return false;
	t->asked[unit] = true;
	in = t->in[unit];
	/* Of a part of a workspace that the build has come to only now. */
	if ((in & t->wanted) == 0)
		t->proven |= in;
	for (int r = 0; r < ROOTS; r++)
		t->hits[r] += in >> r & 1;
	t->wanted = judge(t);
	return t->wanted != before;
}

bool
trees_want(const struct trees *t, size_t unit)
{
	/* A unit in no tree is one of a cycle. */
	return t->in[unit] == 0 || (t->in[unit] & t->wanted) != 0;
}
