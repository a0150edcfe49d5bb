/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stdint.h>

struct event;

/* Sums over events.  Pure.  Zero-initialised is empty.  Threads: owner. */

enum tally_outcome {
	TALLY_LOCAL_HIT,
	TALLY_PREFETCH_HIT,
	TALLY_REMOTE_HIT,
	TALLY_DUP,
	TALLY_MISS,
	TALLY_PASSTHROUGH,
	TALLY_ERROR,
	TALLY_OUTCOMES
};

/* Counted separately: a query or a build script run is not a unit. */
enum tally_group { TALLY_UNIT, TALLY_QUERY, TALLY_RUN, TALLY_GROUPS };

/* What became of the units that were fetched ahead. */
enum tally_ahead { TALLY_IN_TIME, TALLY_LATE, TALLY_UNUSED, TALLY_AHEADS };

extern const char *const tally_ahead_name[TALLY_AHEADS];

/* Names as in events.log and in the output of `kache stats --json`. */
extern const char *const tally_outcome_name[TALLY_OUTCOMES];

enum { TALLY_REASONS = 64, TALLY_REASON_LEN = 64 };

/* Counts by reason, most frequent first after tally_sort; what does not fit
 * is counted as `other`. */
struct tally_reasons {
	struct tally_reason {
		char text[TALLY_REASON_LEN];
		uint64_t count;
	} row[TALLY_REASONS];
	int rows;
	uint64_t total;
};

struct tally {
	uint64_t outcome[TALLY_GROUPS][TALLY_OUTCOMES];
	struct tally_reasons passthrough;  /* units only */
	struct tally_reasons not_stored;   /* units that compiled */
	struct tally_reasons not_uploaded; /* units that stay here */
	struct tally_reasons run_refused;  /* build script runs not stored,
					    * or not even looked up */
	uint64_t run_us;                   /* time scripts ran */
	struct tally_reasons errors;
	uint64_t ahead[TALLY_AHEADS];       /* units */
	uint64_t ahead_bytes[TALLY_AHEADS]; /* of their outputs */
	uint64_t failed;                    /* units whose rustc failed */
	uint64_t saved_us;    /* compile time of what hits served */
	uint64_t hit_us;      /* time hits took */
	uint64_t compile_us;  /* time rustc ran for units */
	uint64_t overhead_us; /* total less compile, units that compiled */
	uint64_t restored;    /* bytes */
	uint64_t stored;
	uint64_t first_ms; /* time of the earliest and latest event */
	uint64_t last_ms;
};

void tally_add(struct tally *t, const struct event *e);
void tally_sort(struct tally *t);

/* Sum over the outcomes of a group. */
uint64_t tally_total(const struct tally *t, enum tally_group g);

/* Units served without running rustc. */
uint64_t tally_hits(const struct tally *t);

#endif
