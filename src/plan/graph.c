/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/graph.h"

#include "base/err.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum state { WAITS, READY, TAKEN, OVER };

struct edge {
	uint32_t node;
	uint32_t next; /* index + 1 in edges, 0: the last */
};

struct node {
	uint64_t cost;
	uint64_t path;  /* cost of the longest way to the end of the build */
	uint32_t users; /* list of edges to those that need this one */
	uint32_t needs; /* list of edges to what this one needs */
	uint32_t blockers;
	uint32_t heap; /* index + 1 in ready, 0: not there */
	bool passed;   /* those that need it were told */
	enum state state;
};

struct graph {
	struct node *node;
	size_t count;
	struct edge *edge;
	size_t edges;
	uint32_t *ready; /* a heap of node numbers */
	size_t nready;
	size_t left;
};

struct graph *
graph_new(void)
{
	return calloc(1, sizeof(struct graph));
}

void
graph_free(struct graph *g)
{
	if (!g)
		return;
	free(g->node);
	free(g->edge);
	free(g->ready);
	free(g);
}

int
graph_add(struct graph *g, uint64_t cost)
{
	struct node *more;

	if (g->count == GRAPH_MAX)
		return ERR_TOOBIG;
	more = vec_grow(g->node, g->count, 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	g->node = more;
	g->node[g->count] = (struct node){ .cost = cost };
	g->left++;
	return (int)g->count++;
}

static int
link_to(struct graph *g, uint32_t *list, size_t node)
{
	struct edge *more = vec_grow(g->edge, g->edges, 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	g->edge = more;
	g->edge[g->edges] = (struct edge){ (uint32_t)node, *list };
	*list = (uint32_t)++g->edges;
	return 0;
}

int
graph_need(struct graph *g, size_t node, size_t dep)
{
	int r;

	if (node >= g->count || dep >= g->count)
		return -EINVAL;
	if (node == dep)
		return 0;
	r = link_to(g, &g->node[node].needs, dep);
	return r ? r : link_to(g, &g->node[dep].users, node);
}

/* --- the heap of ready nodes --------------------------------------------- */

static bool
before(const struct graph *g, uint32_t a, uint32_t b)
{
	if (g->node[a].path != g->node[b].path)
		return g->node[a].path > g->node[b].path;
	return a < b;
}

static void
place_in_heap(struct graph *g, size_t i, uint32_t node)
{
	g->ready[i] = node;
	g->node[node].heap = (uint32_t)i + 1;
}

static void
sift_up(struct graph *g, size_t i, uint32_t node)
{
	while (i > 0 && before(g, node, g->ready[(i - 1) / 2])) {
		place_in_heap(g, i, g->ready[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place_in_heap(g, i, node);
}

static void
sift_down(struct graph *g, size_t i, uint32_t node)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= g->nready)
			break;
		if (child + 1 < g->nready &&
		    before(g, g->ready[child + 1], g->ready[child]))
			child++;
		if (!before(g, g->ready[child], node))
			break;
		place_in_heap(g, i, g->ready[child]);
		i = child;
	}
	place_in_heap(g, i, node);
}

static void
make_ready(struct graph *g, uint32_t node)
{
	g->node[node].state = READY;
	g->nready++;
	sift_up(g, g->nready - 1, node);
}

static void
unready(struct graph *g, uint32_t node)
{
	size_t i = g->node[node].heap - 1;
	uint32_t last = g->ready[--g->nready];

	g->node[node].heap = 0;
	if (last == node)
		return;
	sift_up(g, i, last);
	sift_down(g, g->node[last].heap - 1, last);
}

/* --- order ---------------------------------------------------------------- */

/*
 * Kahn's algorithm; when only cycles are left, the first added of what is
 * left goes as if nothing blocked it.  FIRST only moves on, so the whole is
 * linear.  Gives the order.
 */
static void
sort_nodes(const struct graph *g, uint32_t *order, uint32_t *blockers)
{
	size_t head = 0, tail = 0, first = 0;

	for (size_t i = 0; i < g->count; i++) {
		blockers[i] = 0;
		for (uint32_t e = g->node[i].needs; e; e = g->edge[e - 1].next)
			blockers[i]++;
		if (blockers[i] == 0)
			order[tail++] = (uint32_t)i;
	}
	while (head < g->count) {
		uint32_t n;

		if (head == tail) {
			while (blockers[first] == 0)
				first++;
			blockers[first] = 0;
			order[tail++] = (uint32_t)first;
		}
		n = order[head++];
		for (uint32_t e = g->node[n].users; e;
		     e = g->edge[e - 1].next) {
			uint32_t user = g->edge[e - 1].node;

			if (blockers[user] && --blockers[user] == 0)
				order[tail++] = user;
		}
	}
}

/* From the last to the first: all users of a node come after it, but for the
 * edges that close a cycle, which count for nothing. */
static void
measure(struct graph *g, const uint32_t *order, const uint32_t *rank)
{
	for (size_t i = g->count; i-- > 0;) {
		struct node *n = &g->node[order[i]];
		uint64_t most = 0;

		for (uint32_t e = n->users; e; e = g->edge[e - 1].next) {
			const struct node *u = &g->node[g->edge[e - 1].node];

			if (rank[g->edge[e - 1].node] > i && u->path > most)
				most = u->path;
		}
		n->path = n->cost > UINT64_MAX - most ? UINT64_MAX
						      : n->cost + most;
		n->blockers = 0;
		for (uint32_t e = n->needs; e; e = g->edge[e - 1].next)
			n->blockers += rank[g->edge[e - 1].node] < i;
	}
}

int
graph_seal(struct graph *g)
{
	size_t n = g->count ? g->count : 1;
	uint32_t *order = calloc(n, sizeof(*order));
	uint32_t *rank = calloc(n, sizeof(*rank));

	g->ready = calloc(n, sizeof(*g->ready));
	if (!order || !rank || !g->ready) {
		free(order);
		free(rank);
		return -ENOMEM;
	}
	sort_nodes(g, order, rank);
	for (size_t i = 0; i < g->count; i++)
		rank[order[i]] = (uint32_t)i;
	measure(g, order, rank);
	/* An edge that closes a cycle blocks nobody: its user came first. */
	for (size_t i = 0; i < g->count; i++) {
		uint32_t *list = &g->node[i].users;

		while (*list) {
			struct edge *e = &g->edge[*list - 1];

			if (rank[e->node] > rank[i])
				list = &e->next;
			else
				*list = e->next;
		}
	}
	for (size_t i = 0; i < g->count; i++)
		if (g->node[i].blockers == 0 && g->node[i].state == WAITS)
			make_ready(g, (uint32_t)i);
	free(order);
	free(rank);
	return 0;
}

int
graph_peek(const struct graph *g)
{
	return g->nready ? (int)g->ready[0] : -1;
}

int
graph_next(struct graph *g)
{
	uint32_t node;

	if (g->nready == 0)
		return -1;
	node = g->ready[0];
	unready(g, node);
	g->node[node].state = TAKEN;
	g->left--;
	return (int)node;
}

static void
release_users(struct graph *g, size_t node)
{
	g->node[node].state = OVER;
	if (g->node[node].passed)
		return;
	g->node[node].passed = true;
	for (uint32_t e = g->node[node].users; e; e = g->edge[e - 1].next) {
		struct node *u = &g->node[g->edge[e - 1].node];

		if (u->blockers && --u->blockers == 0 && u->state == WAITS)
			make_ready(g, g->edge[e - 1].node);
	}
}

void
graph_done(struct graph *g, size_t node)
{
	if (node < g->count && g->node[node].state == TAKEN)
		release_users(g, node);
}

void
graph_drop(struct graph *g, size_t node)
{
	if (node >= g->count || g->node[node].state >= TAKEN)
		return;
	if (g->node[node].heap)
		unready(g, (uint32_t)node);
	g->left--;
	release_users(g, node);
}

void
graph_again(struct graph *g, size_t node)
{
	if (node >= g->count || g->node[node].state != OVER)
		return;
	make_ready(g, (uint32_t)node);
	g->left++;
}

size_t
graph_left(const struct graph *g)
{
	return g->left;
}

uint64_t
graph_path(const struct graph *g, size_t node)
{
	return node < g->count ? g->node[node].path : 0;
}
