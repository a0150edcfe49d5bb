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

/* The settings we know. */
enum credfile_setting {
	CREDFILE_KEY,
	CREDFILE_SECRET,
	CREDFILE_TOKEN,
	CREDFILE_PROCESS,
	CREDFILE_REGION,
	CREDFILE_ROLE,
	CREDFILE_ROLE_SESSION,
	CREDFILE_WEB_TOKEN,
	CREDFILE_SOURCE_PROFILE,
	CREDFILE_SOURCE,
	CREDFILE_SSO_SESSION,
	CREDFILE_SSO_URL,
	CREDFILE_LOGIN,
	CREDFILE_SETTINGS
};

struct credfile_profile {
	const char *name;           /* borrowed from the options */
	bool known;                 /* there is such a profile */
	char *v[CREDFILE_SETTINGS]; /* NULL: not set */
};

/* The profile that is asked for, of both files.  0, to be released; or an
 * error, and WHY says that the files cannot be read. */
int credfile_read(const struct creds_opts *o, struct credfile_profile *p,
		  char *why, size_t room);
void credfile_release(struct credfile_profile *p);

/* A source (struct creds_source): the keys in the profile.  Also refuses what
 * a profile may ask for and we cannot do. */
int credfile_load(const struct creds_opts *o, struct creds_value *out,
		  char *why, size_t room);

#endif
