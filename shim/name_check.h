/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_NAME_CHECK_H
#define SHIM_NAME_CHECK_H

#include <stdbool.h>

struct digest;
struct invocation;
struct run;
struct store;
struct trace;

/*
 * Whether a compile under names of ours gave what it gives under the real
 * ones, as far as can be told (rustc/naming).  Of a unit for which it did not
 * a note lies in ids/ under its key, so that it is compiled once.
 * Threads: one.
 */

/*
 * Looks at what RUN has said and at the observation file TRACE, both of which
 * may still grow.  FAILED: it has ended, and not well.  Why it is not
 * believed, or NULL.
 */
const char *name_check_doubt(struct invocation *j, const struct run *run,
			     const char *trace, bool failed);

/* A name of ours was looked for. */
bool name_check_opened(const struct trace *t);

/* Whether J, which has names of ours, is known to need the real ones. */
bool name_check_recall(struct invocation *j);

/* From now on the unit K0 is.  Not remembered: found out again. */
void name_check_remember(struct store *s, const struct digest *k0);

#endif
