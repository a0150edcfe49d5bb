/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct store;

/*
 * The spool: what is to be uploaded, one small file each (FORMAT), made
 * before the daemon is told of it.  An intent names; it proves nothing: the
 * daemon reads the entry itself.
 * Threads and processes: any; two adds of one intent are one.
 */
enum { SPOOL_MAX = 65536, SPOOL_INTENT_MAX = 4096 };

enum spool_kind { SPOOL_UNIT = 1, SPOOL_RUN = 2 };

struct spool_intent {
	enum spool_kind kind;
	struct digest at;    /* where the entry lies: K1, or K1 tagged */
	struct digest k1;    /* these three are believed only as far as */
	struct digest tag;   /* they agree with `at` */
	struct digest shape; /* digest of the shape it was stored with */
};

/* 0 (also if it is there already), ERR_TOOBIG: the spool is full; -errno. */
int spool_add(struct store *s, const struct spool_intent *i);

/* The intent for AT.  0, ERR_MISS, ERR_CORRUPT (moved to the dead), -errno. */
int spool_read(struct store *s, const struct digest *at,
	       struct spool_intent *out);

/* Whether the intent for AT was made before TIME (ns), and not by a later
 * version, whose intents are left alone. */
bool spool_is_older(struct store *s, const struct digest *at, int64_t time);

/* It is done. */
void spool_retire(struct store *s, const struct digest *at);

/* It can never be done: moves it to the dead letters with REASON. */
int spool_bury(struct store *s, const struct digest *at, const char *reason);

/* Calls USE for every waiting (or, with DEAD, buried) intent; REASON is ""
 * for waiting ones.  Stops at a non-zero result and gives it. */
int spool_each(struct store *s, int dead,
	       int (*use)(void *ctx, const struct digest *at,
			  const char *reason),
	       void *ctx);

#endif
