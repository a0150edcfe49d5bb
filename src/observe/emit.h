/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_EMIT_H
#define OBSERVE_EMIT_H

#include <stddef.h>
#include <stdint.h>

#include "observe/obs.h" /* allow: value */

struct stat;

/*
 * Composes a record and appends it, unless an equal one was written before.
 * Leaves errno alone. Do not call it with names that the kernel could not read.
 */

/* A name that is no path and goes into the record as it is. */
#define EMIT_PLAIN (-1000)

struct emit_name {
	int dirfd;        /* or AT_FDCWD, or EMIT_PLAIN */
	const char *name; /* NULL: the directory dirfd itself */
};

struct emit {
	uint16_t type; /* enum obs_type */
	uint16_t flags;
	uint32_t aux;
	uint64_t value;
	unsigned n; /* names used */
	struct emit_name names[2];
	const struct obs_stat *st; /* or NULL */
};

/* Remembered are type, flags, aux and names; of READ also the stat. */
void emit_once(const struct emit *e);

/* The same for events that count each time. */
void emit_always(const struct emit *e);

/* One name, no stat, remembered. */
void emit_path(unsigned type, uint32_t aux, int dirfd, const char *name);

/* Two names, remembered. */
void emit_pair(unsigned type, const struct emit_name *from,
	       const struct emit_name *to);

/* Translates what fstat says. */
void emit_stat(struct obs_stat *to, const struct stat *from);

/* 1 if this hash was not seen before; it is from now on. */
int emit_is_new(uint64_t hash);

/* The hash of an object's name, so that START can enter what it lists. */
uint64_t emit_object_hash(const char *name);

#endif
