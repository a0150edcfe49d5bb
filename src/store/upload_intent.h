/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_UPLOAD_INTENT_H
#define STORE_UPLOAD_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h" /* allow: value */

struct store;

/*
 * The spool: one small file for each result to upload (FORMAT), written before
 * the daemon is told.  An intent only names an entry; the daemon reads the
 * entry itself.
 * Threads and processes: any; two adds of one intent are one.
 */
enum { UPLOAD_INTENT_MAX = 65536, UPLOAD_INTENT_INTENT_MAX = 4096 };

enum upload_intent_kind { UPLOAD_INTENT_UNIT = 1, UPLOAD_INTENT_RUN = 2 };

struct upload_intent_intent {
	enum upload_intent_kind kind;
	struct digest at;     /* where the entry lies: K1, or K1 tagged */
	struct digest k1;     /* these three are believed only as far as */
	struct digest tag;    /* they agree with `at` */
	struct digest inputs; /* digest of the input list it was stored with */
};

/* 0 (also if it is there already), ERR_TOOBIG: the spool is full; -errno. */
int upload_intent_add(struct store *s, const struct upload_intent_intent *i);

/* The intent for AT.  0, ERR_MISS, ERR_CORRUPT (moved to the dead), -errno. */
int upload_intent_read(struct store *s, const struct digest *at,
		       struct upload_intent_intent *out);

/* Whether the intent for AT was made before TIME (ns), and not by a later
 * version, whose intents are left alone. */
bool upload_intent_is_older(struct store *s, const struct digest *at,
			    int64_t time);

/* Removes the intent for AT, which was uploaded. */
void upload_intent_retire(struct store *s, const struct digest *at);

/* Moves the intent for AT, which can never be uploaded, to the dead letters,
 * with REASON. */
int upload_intent_bury(struct store *s, const struct digest *at,
		       const char *reason);

/* Calls USE for every waiting (or, with DEAD, buried) intent; REASON is ""
 * for waiting ones.  Stops at a non-zero result and gives it. */
int upload_intent_each(struct store *s, int dead,
		       int (*use)(void *ctx, const struct digest *at,
				  const char *reason),
		       void *ctx);

#endif
