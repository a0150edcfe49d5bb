/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_NAME_CHECK_H
#define SHIM_NAME_CHECK_H

#include <stdbool.h>

struct digest;
struct invocation;
struct run;
struct store;
struct trace;

/* Checks whether a compile with remapped names gave what it would give with the
 * real ones (rustc/naming). A unit for which it did not is remembered in ids/
 * under its key, so that the next time it is compiled once. Threads: one. */

/* Judges by the output of RUN and the observation file TRACE, both of which may
 * still grow. FAILED: it ended, unsuccessfully. Why the result is not believed,
 * or NULL. */
const char *name_check_doubt(struct invocation *j, const struct run *run,
			     const char *trace, bool failed);

/* Whether the compile looked for a name that we made up. */
bool name_check_opened(const struct trace *t);

/* Whether J, which has remapped names, is known to need its real ones. */
bool name_check_recall(struct invocation *j);

/* Remembers that the unit K0 needs its real names. If that fails, the next
 * compile finds out again. */
void name_check_remember(struct store *s, const struct digest *k0);

#endif
