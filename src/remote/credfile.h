/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CREDFILE_H
#define REMOTE_CREDFILE_H

#include <stdbool.h>
#include <stddef.h>

struct creds_opts;
struct creds_value;

/*
 * ~/.aws/credentials and ~/.aws/config ("Configuration and credential file
 * settings", AWS SDKs and Tools Reference Guide).  Not by base/ini: session
 * tokens are longer than its lines, and secrets may hold ' ;'.  Threads: any.
 */
enum {
	CREDFILE_MAX = 1 << 20,  /* bytes of a file */
	CREDFILE_LINE = 64 << 10 /* a longer line is left out */
};

/*
 * Tells VALUE each setting of profile PROFILE in N bytes of TEXT, in order.
 * CONFIG: sections are named [profile x], but [default].  Indented lines (a
 * setting's own settings) are left out.  True: there is such a section.
 */
bool credfile_text(const char *text, size_t n, const char *profile, bool config,
		   void (*value)(void *ctx, const char *key, const char *v),
		   void *ctx);

/* A source (struct creds_source): keys of the profile that is asked for. */
int credfile_load(const struct creds_opts *o, struct creds_value *out,
		  char *why, size_t room);

#endif
