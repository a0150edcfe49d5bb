/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ADVICE_H
#define CLI_ADVICE_H

/*
 * What the reasons in the event log mean, and what to do about each.  A
 * reason is words with ':' between; the table has its first word, or its
 * first two where the second tells more.  A test holds it against the
 * sources of the shim: no reason is without a row.  Pure.  Threads: any.
 */
struct advice {
	const char *reason;
	const char *what; /* continues "it was not stored, because" */
	const char *todo; /* one short line */
};

/* The row for REASON, without "not_stored:" or "local:".  NULL: unknown. */
const struct advice *advice_for(const char *reason);

#endif
