/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_file.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "remote/cred_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts blanks off both ends, in place. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* LINE is a section's head: is it the wanted one? */
static bool
is_section(char *line, const char *profile, bool config)
{
	char *end = strchr(line, ']');
	char *name;

	if (!end)
		return false;
	*end = '\0';
	name = trim(line + 1);
	if (config && strcmp(name, "default") != 0) {
		size_t n = strlen("profile");

		if (strncmp(name, "profile", n) != 0 || !strchr(" \t", name[n]))
			return false;
		name = trim(name + n);
	}
	return strcmp(name, profile) == 0;
}

bool
cred_file_text(const char *text, size_t n, const char *profile, bool config,
	       void (*value)(void *ctx, const char *key, const char *v),
	       void *ctx)
{
	const char *end = text + n;
	bool inside = false;
	bool found = false;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop ? stop : end) - text);
		char *line;
		char *sign;

		line = len < CRED_FILE_LINE ? strndup(text, len) : NULL;
		text += len + 1;
		if (!line)
			continue;
		sign = strchr(line, '=');
		if (line[0] == '[') {
			inside = is_section(line, profile, config);
			found = found || inside;
		} else if (inside && sign && !strchr(" \t#;", line[0])) {
			*sign = '\0';
			value(ctx, trim(line), trim(sign + 1));
		}
		explicit_bzero(line, len);
		free(line);
	}
	return found;
}

static const char *const names[CRED_FILE_SETTINGS] = {
	[CRED_FILE_KEY] = "aws_access_key_id",
	[CRED_FILE_SECRET] = "aws_secret_access_key",
	[CRED_FILE_TOKEN] = "aws_session_token",
	[CRED_FILE_PROCESS] = "credential_process",
	[CRED_FILE_REGION] = "region",
	[CRED_FILE_ROLE] = "role_arn",
	[CRED_FILE_ROLE_SESSION] = "role_session_name",
	[CRED_FILE_WEB_TOKEN] = "web_identity_token_file",
	[CRED_FILE_SOURCE_PROFILE] = "source_profile",
	[CRED_FILE_SOURCE] = "credential_source",
	[CRED_FILE_SSO_SESSION] = "sso_session",
	[CRED_FILE_SSO_URL] = "sso_start_url",
	[CRED_FILE_LOGIN] = "login_session",
};

static void
on_value(void *ctx, const char *key, const char *v)
{
	struct cred_file_profile *p = ctx;
	int i;

	for (i = 0; i < CRED_FILE_SETTINGS; i++) {
		if (strcmp(key, names[i]) != 0)
			continue;
		cred_source_wipe(p->v[i]);
		p->v[i] = *v ? strdup(v) : NULL;
	}
}

void
cred_file_release(struct cred_file_profile *p)
{
	for (int i = 0; i < CRED_FILE_SETTINGS; i++) {
		cred_source_wipe(p->v[i]);
		p->v[i] = NULL;
	}
}

/* One file: the variable that names it, else its place below HOME. */
static int
read_one(const struct cred_opts *o, const char *var, const char *place,
	 bool config, struct cred_file_profile *p)
{
	const char *named = o->get(var);
	const char *home = o->get("HOME");
	struct buf path = { 0 };
	struct buf text = { 0 };
	int rc;

	if (named && *named)
		buf_str(&path, named);
	else if (home && *home == '/')
		buf_fmt(&path, "%s/.aws/%s", home, place);
	else
		return 0;
	rc = path.failed ? -ENOMEM
			 : file_read(AT_FDCWD, path.p, CRED_FILE_MAX, &text);
	if (rc == 0 && cred_file_text(text.p ? text.p : "", text.len, p->name,
				      config, on_value, p))
		p->known = true;
	if (text.p)
		explicit_bzero(text.p, text.len);
	buf_free(&text);
	buf_free(&path);
	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

static const char *
profile_of(const struct cred_opts *o)
{
	const char *named = o->get("AWS_PROFILE");

	if (*o->profile)
		return o->profile;
	return named && *named ? named : "default";
}

int
cred_file_read(const struct cred_opts *o, struct cred_file_profile *p,
	       char *why, size_t room)
{
	struct cred_file_profile n = { .name = profile_of(o) };
	int rc;

	/* The credentials file counts before the other one. */
	rc = read_one(o, "AWS_CONFIG_FILE", "config", true, &n);
	if (rc == 0)
		rc = read_one(o, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
			      false, &n);
	if (rc != 0) {
		snprintf(why, room, "the AWS files cannot be read: %s",
			 err_text(rc));
		cred_file_release(&n);
		return rc;
	}
	*p = n;
	return 0;
}

/* What P asks for and we cannot do; NULL: nothing. */
static const char *
cannot(const struct cred_file_profile *p)
{
	bool keys = p->v[CRED_FILE_KEY] && p->v[CRED_FILE_SECRET];

	if (p->v[CRED_FILE_ROLE] &&
	    (p->v[CRED_FILE_SOURCE_PROFILE] || p->v[CRED_FILE_SOURCE]))
		return "assuming the role of";
	if (!keys && !p->v[CRED_FILE_PROCESS] &&
	    (p->v[CRED_FILE_SSO_SESSION] || p->v[CRED_FILE_SSO_URL] ||
	     p->v[CRED_FILE_LOGIN]))
		return "single sign-on of";
	return NULL;
}

static int
judge_profile(const struct cred_opts *o, const struct cred_file_profile *p,
	      struct cred_value *out, char *why, size_t room)
{
	const char *key = p->v[CRED_FILE_KEY];
	const char *secret = p->v[CRED_FILE_SECRET];
	const char *unable = cannot(p);

	if (unable)
		snprintf(why, room,
			 "%s profile '%.64s' is not supported; use "
			 "credential_process",
			 unable, p->name);
	else if (key && secret)
		return cred_value_set(out, key, secret, p->v[CRED_FILE_TOKEN],
				      0);
	else if (key || secret)
		snprintf(why, room, "profile '%.64s' has half a key", p->name);
	else if (!p->known && *o->profile)
		snprintf(why, room, "there is no profile '%.64s'", p->name);
	else
		return ERR_MISS;
	return ERR_REFUSED;
}

int
cred_file_load(const struct cred_opts *o, struct cred_value *out, char *why,
	       size_t room)
{
	struct cred_file_profile p;
	int rc = cred_file_read(o, &p, why, room);

	if (rc == 0) {
		rc = judge_profile(o, &p, out, why, room);
		cred_file_release(&p);
	}
	return rc;
}
