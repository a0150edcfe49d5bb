/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * One error contract for the whole program: a function returns 0 or a
 * negative code; on failure its outputs are untouched and everything it
 * acquired is released.  Codes down to -999 are -errno; ours are named by
 * what the caller does about them.
 */
enum err {
	ERR_MISS = -1000,    /* not there: look elsewhere or compile */
	ERR_CORRUPT = -1001, /* does not verify: remove, then a miss */
	ERR_TOOBIG = -1002,  /* over a named maximum: refuse */
	ERR_REFUSED = -1003, /* cannot be cached: pass through */
	ERR_TIMEOUT = -1004, /* waited long enough: go on without */
	ERR_NEWER = -1005,   /* written by a newer version: leave alone */
	ERR_CHANGED = -1006, /* an input moved meanwhile: do not store */
	ERR_BUSY = -1007,    /* full just now: go on without, no retry */
	ERR_FOREIGN = -1008  /* others' files are there: leave alone */
};

/* Text for a code, for logs.  Borrowed, static.  Threads: any. */
const char *err_text(int code);

#endif
