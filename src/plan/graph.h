/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAN_GRAPH_H
#define PLAN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What to fetch next: a graph of things that need each other, a count of
 * blockers for each, and a queue of those that nothing blocks.  Dependencies
 * come first; among the ready the one on the longest remaining path of
 * compile time, since the build will wait for that path; among equals the
 * one that was added first.  Cycles (dev-dependencies) are broken: the first
 * added of one goes first.  Pure.  Threads: owner.
 */
struct graph;

enum { GRAPH_MAX = 65536 };

/* NULL without memory. */
struct graph *graph_new(void);
void graph_free(struct graph *g);

/* A new node with its cost, in any unit.  Gives its number, counted from 0;
 * ERR_TOOBIG, -ENOMEM. */
int graph_add(struct graph *g, uint64_t cost);

/* NODE needs DEP.  Itself and repeats are fine.  0, -EINVAL: no such node;
 * -ENOMEM. */
int graph_need(struct graph *g, size_t node, size_t dep);

/* After the last add and need, before the first next: computes paths and
 * blockers, breaking cycles.  0 or -ENOMEM. */
int graph_seal(struct graph *g);

/* Takes the next ready node.  Its number, or -1: none is ready (all are taken
 * or wait for what was taken). */
int graph_next(struct graph *g);

/* The ready one that graph_next would give, or -1. */
int graph_peek(const struct graph *g);

/* NODE, which was taken, is there or never will be: what waited for it alone
 * becomes ready. */
void graph_done(struct graph *g, size_t node);

/* NODE is not wanted any more, ready or not; it blocks nobody. */
void graph_drop(struct graph *g, size_t node);

/* NODE, which was taken and is done, is ready once more; what needs it does not
 * wait for it again. */
void graph_again(struct graph *g, size_t node);

/* Nodes neither taken nor dropped; the longest remaining path from NODE. */
size_t graph_left(const struct graph *g);
uint64_t graph_path(const struct graph *g, size_t node);

#endif
