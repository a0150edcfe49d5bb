/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_GC_PROGRESS_H
#define CLI_GC_PROGRESS_H

#include <stdbool.h>

struct gc_options;

/*
 * The work of `kache gc` and `kache purge`: collects garbage in the store at
 * DIR, with progress on a terminal (stderr) and a report on stdout.  NAME is
 * the command's.  With SYNC what was stored so far is synced first; with SCRUB
 * blobs are read again afterwards, as far as that is due.  An automatic
 * collection does nothing unless the digest cache says that one is due.  Sets
 * O's go_on, locked and ctx.  Returns an enum cmd_status.
 */
int gc_progress_run(const char *name, const char *dir, struct gc_options *o,
		    bool sync, bool scrub);

#endif
