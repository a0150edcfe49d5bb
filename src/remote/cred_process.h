/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_PROCESS_H
#define REMOTE_CRED_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct cred_opts;
struct cred_value;

/*
 * The program that a profile names as credential_process ("Sourcing
 * credentials with an external process", AWS SDKs and Tools Reference Guide).
 * No shell runs it.  What it prints to standard error is not shown: it may
 * hold a secret.  Threads: any.
 */
enum {
	CRED_PROCESS_WORDS = 128,
	CRED_PROCESS_OUTPUT = 64 << 10, /* bytes */
	CRED_PROCESS_TIMEOUT_MS = 60000
};

/* Splits COMMAND as a shell would: blanks, '...', "...", \x; nothing else is
 * special.  Appends the words to OUT, each with its NUL, and gives in *N how
 * many.  False: an open quote, no word, or too many. */
bool cred_process_split(const char *command, struct buf *out, size_t *n);

/* A source (struct cred_source). */
int cred_process_load(const struct cred_opts *o, struct cred_value *out,
		      char *why, size_t room);

#endif
