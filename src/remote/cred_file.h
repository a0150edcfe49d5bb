/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_CRED_FILE_H
#define REMOTE_CRED_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct cred_opts;
struct cred_value;

/*
 * ~/.aws/credentials and ~/.aws/config ("Configuration and credential file
 * settings", AWS SDKs and Tools Reference Guide).  Not by base/ini: session
 * tokens are longer than its lines, and secrets may hold ' ;'.  Threads: any.
 */
enum {
	CRED_FILE_MAX = 1 << 20,  /* bytes of a file */
	CRED_FILE_LINE = 64 << 10 /* a longer line is left out */
};

/*
 * Tells VALUE each setting of profile PROFILE in N bytes of TEXT, in order.
 * CONFIG: sections are named [profile x], but [default].  Indented lines (a
 * setting's own settings) are left out.  True: there is such a section.
 */
bool cred_file_text(const char *text, size_t n, const char *profile,
		    bool config,
		    void (*value)(void *ctx, const char *key, const char *v),
		    void *ctx);

/* The settings we know. */
enum cred_file_setting {
	CRED_FILE_KEY,
	CRED_FILE_SECRET,
	CRED_FILE_TOKEN,
	CRED_FILE_PROCESS,
	CRED_FILE_REGION,
	CRED_FILE_ROLE,
	CRED_FILE_ROLE_SESSION,
	CRED_FILE_WEB_TOKEN,
	CRED_FILE_SOURCE_PROFILE,
	CRED_FILE_SOURCE,
	CRED_FILE_SSO_SESSION,
	CRED_FILE_SSO_URL,
	CRED_FILE_LOGIN,
	CRED_FILE_SETTINGS
};

struct cred_file_profile {
	const char *name;            /* borrowed from the options */
	bool known;                  /* there is such a profile */
	char *v[CRED_FILE_SETTINGS]; /* NULL: not set */
};

/* The profile that is asked for, of both files.  0, to be released; or an
 * error, and WHY says that the files cannot be read. */
int cred_file_read(const struct cred_opts *o, struct cred_file_profile *p,
		   char *why, size_t room);
void cred_file_release(struct cred_file_profile *p);

/* A source (struct cred_source): the keys in the profile.  Also refuses what
 * a profile may ask for and we cannot do. */
int cred_file_load(const struct cred_opts *o, struct cred_value *out, char *why,
		   size_t room);

#endif
