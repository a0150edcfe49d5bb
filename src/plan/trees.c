/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/trees.h"

#include "plan/build_manifest.h"
#include "plan/scripts.h"

#include <stdint.h>
#include <stdlib.h>

enum {
	ROOTS = 64,
	/* So many more of the units asked for may lie in the best tree: a
	 * build that has just begun has asked for few. */
	SLACK = 2,
	/* A command's tree holds at least this part of all units: where what
	 * joins a command's units is missing, each of its dependencies looks
	 * like a root, and says nothing. */
	PART = 6,
	PASSES = 8
};

struct trees {
	size_t count;
	uint64_t *in; /* the trees of each unit, a bit each */
	bool *asked;
	unsigned hits[ROOTS];
	uint64_t all;    /* the trees there are */
	uint64_t large;  /* those that are judged */
	uint64_t recent; /* those of what was used last */
	uint64_t proven; /* asked for where no wanted tree was */
	uint64_t wanted;
};

static void
mark_roots(struct trees *t, const struct build_manifest *m)
{
	unsigned next = 0;

	for (size_t i = 0; i < m->count; i++)
		for (uint32_t k = 0; k < m->unit[i].nparents; k++)
			t->asked[m->parents[m->unit[i].parent + k]] = true;
	for (size_t i = 0; i < m->count; i++) {
		/* One without edges is of no tree. */
		if (!t->asked[i] && !m->unit[i].script && m->unit[i].nparents)
			t->in[i] = (uint64_t)1 << (next++ % ROOTS);
		t->all |= t->in[i];
		if (m->unit[i].unused == 0)
			t->recent |= t->in[i];
		t->asked[i] = false;
	}
}

/* From the roots down until nothing changes.  Units follow those that they
 * need, so one pass from the end is enough for nearly all; a manifest made to
 * take long is not judged. */
static bool
spread(struct trees *t, const struct build_manifest *m)
{
	bool again = true;
	int pass;

	for (pass = 0; again && pass < PASSES; pass++) {
		again = false;
		for (size_t i = m->count; i-- > 0;) {
			const struct build_manifest_unit *u = &m->unit[i];

			for (uint32_t k = 0; k < u->nparents; k++) {
				uint32_t p = m->parents[u->parent + k];

				if ((t->in[p] | t->in[i]) == t->in[p])
					continue;
				t->in[p] |= t->in[i];
				again |= p > i;
			}
		}
	}
	return !again;
}

static int
place_script(void *ctx, size_t unit, size_t script)
{
	struct trees *t = ctx;

	t->in[script] |= t->in[unit];
	return 0;
}

static void
mark_large(struct trees *t)
{
	for (int r = 0; r < ROOTS; r++) {
		size_t n = 0;

		for (size_t i = 0; i < t->count; i++)
			n += t->in[i] >> r & 1;
		if (n * PART >= t->count)
			t->large |= (uint64_t)1 << r;
	}
}

/* The most units asked for that lie in one of the trees OF. */
static unsigned
most_hits(const struct trees *t, uint64_t of)
{
	unsigned best = 0;

	for (int r = 0; r < ROOTS; r++)
		if ((of >> r & 1) && t->hits[r] > best)
			best = t->hits[r];
	return best;
}

/* What was not used lately must be better than all that was. */
static uint64_t
judge_trees(const struct trees *t)
{
	uint64_t wanted = t->proven | (t->all & ~t->large);
	unsigned best = most_hits(t, t->large);
	unsigned recent = most_hits(t, t->large & t->recent);

	for (int r = 0; r < ROOTS; r++) {
		uint64_t bit = (uint64_t)1 << r;
		bool old = (t->recent & bit) == 0;

		if (t->hits[r] + SLACK >= best &&
		    !(old && t->hits[r] <= recent))
			wanted |= t->large & bit;
	}
	return wanted & t->all;
}

struct trees *
trees_new(const struct build_manifest *m)
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
	if (spread(t, m) && scripts_each(m, place_script, t) == 0 &&
	    spread(t, m))
		mark_large(t);
	/* Without any, all are as good as each other. */
	if ((t->recent & t->large) == 0)
		t->recent = t->all;
	t->wanted = judge_trees(t);
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
	t->wanted = judge_trees(t);
	return t->wanted != before;
}

bool
trees_want(const struct trees *t, size_t unit)
{
	/* A unit in no tree is one of a cycle. */
	return t->in[unit] == 0 || (t->in[unit] & t->wanted) != 0;
}
