/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/credfile.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "remote/creds.h"

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
credfile_text(const char *text, size_t n, const char *profile, bool config,
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

		line = len < CREDFILE_LINE ? strndup(text, len) : NULL;
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

struct found {
	char *key, *secret, *token;
};

static void
keep(char **to, const char *v)
{
	free(*to);
	*to = strdup(v);
}

static void
on_value(void *ctx, const char *key, const char *v)
{
	struct found *f = ctx;

	if (strcmp(key, "aws_access_key_id") == 0)
		keep(&f->key, v);
	else if (strcmp(key, "aws_secret_access_key") == 0)
		keep(&f->secret, v);
	else if (strcmp(key, "aws_session_token") == 0)
		keep(&f->token, v);
}

static void
forget(struct found *f)
{
	if (f->secret)
		explicit_bzero(f->secret, strlen(f->secret));
	free(f->key);
	free(f->secret);
	free(f->token);
	memset(f, 0, sizeof(*f));
}

/* One file: the variable that names it, else its place below HOME. */
static int
look(const struct creds_opts *o, const char *var, const char *place,
     const char *profile, bool config, struct found *f, bool *known)
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
			 : file_read(AT_FDCWD, path.p, CREDFILE_MAX, &text);
	if (rc == 0 && credfile_text(text.p ? text.p : "", text.len, profile,
				     config, on_value, f))
		*known = true;
	if (text.p)
		explicit_bzero(text.p, text.len);
	buf_free(&text);
	buf_free(&path);
	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

static const char *
profile_of(const struct creds_opts *o)
{
	const char *named = o->get("AWS_PROFILE");

	if (*o->profile)
		return o->profile;
	return named && *named ? named : "default";
}

int
credfile_load(const struct creds_opts *o, struct creds_value *out, char *why,
	      size_t room)
{
	const char *profile = profile_of(o);
	struct found f = { 0 };
	bool known = false;
	int rc;

	/* The credentials file counts before the other one. */
	rc = look(o, "AWS_CONFIG_FILE", "config", profile, true, &f, &known);
	if (rc == 0)
		rc = look(o, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
			  profile, false, &f, &known);
	if (rc != 0)
		snprintf(why, room, "the AWS files cannot be read: %s",
			 err_text(rc));
	else if (f.key && f.secret)
		rc = creds_set(out, f.key, f.secret,
			       f.token && *f.token ? f.token : NULL, 0);
	else if (f.key || f.secret || (!known && *o->profile)) {
		snprintf(why, room,
			 known ? "profile '%s' has half a key"
			       : "there is no profile '%s'",
			 profile);
		rc = ERR_REFUSED;
	} else {
		rc = ERR_MISS;
	}
	forget(&f);
	return rc;
}
