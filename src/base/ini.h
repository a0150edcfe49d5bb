/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stddef.h>

/*
 * The door to inih.  Lines have no continuation: leading blanks mean nothing.
 * `#` at the start of a line and ` ;` anywhere begin a comment.  inih cuts a
 * line that is too long and goes on; here such a line is reported as a problem
 * and gives no value.
 * Threads: any.
 */
enum {
	INI_LINE_LEN = 198,    /* longest line, in bytes, without its end */
	INI_FILE_LEN = 1 << 20 /* longest file */
};

/*
 * Who is told.  LINE counts from 1.  All strings are borrowed for the call.
 * Problems: an over-long line, a NUL byte, the first line that is neither a
 * section, a key with a value, nor a comment.
 */
struct ini_sink {
	void (*value)(void *ctx, int line, const char *section, const char *key,
		      const char *value);
	void (*problem)(void *ctx, int line, const char *text);
	void *ctx;
};

/* Reads the regular file PATH.  0, -errno (-EINVAL: not a regular file) or
 * ERR_TOOBIG; the sink was not called then. */
int ini_load(const char *path, const struct ini_sink *sink);

/* The same for N bytes in memory. */
void ini_text(const char *text, size_t n, const struct ini_sink *sink);

#endif
