/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_parse.h"

#include "base/err.h"
#include "base/json.h"
#include "remote/cred_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What follows the seconds: a fraction, then Z or an offset.  False: not
 * understood. */
static bool
offset_of(const char *p, int64_t *seconds)
{
	int hours, minutes, n = 0;

	*seconds = 0;
	if (*p == '.') {
		p++;
		if (!isdigit((unsigned char)*p))
			return false;
		p += strspn(p, "0123456789");
	}
	if (strcmp(p, "Z") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	if ((sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 &&
	     sscanf(p + 1, "%2d%2d%n", &hours, &minutes, &n) != 2) ||
	    p[1 + n] != '\0' || hours > 23 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60 * (*p == '-' ? -1 : 1);
	return true;
}

int64_t
cred_parse_time(const char *text)
{
	struct tm t = { 0 };
	int64_t offset;
	int n = 0;

	if (!isdigit((unsigned char)*text) ||
	    sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &t.tm_year,
		   &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec,
		   &n) != 6 ||
	    n != 19 || !offset_of(text + n, &offset))
		return -1;
	if (t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12 ||
	    t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 ||
	    t.tm_min > 59 || t.tm_sec > 60)
		return -1;
	t.tm_year -= 1900;
	t.tm_mon--;
	return timegm(&t) - offset;
}

static bool
is_word(const char *s, size_t max)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		if (i >= max || s[i] <= ' ' || s[i] > '~')
			return false;
	}
	return i > 0;
}

bool
cred_parse_sound(const struct cred_value *v)
{
	return is_word(v->key, CRED_PARSE_KEY) &&
	       is_word(v->secret, CRED_PARSE_SECRET) &&
	       (!v->token || is_word(v->token, CRED_PARSE_TOKEN));
}

/* The four texts, each may be NULL. */
static int
make_value(const char *key, const char *secret, const char *token,
	   const char *expiration, struct cred_value *out, char *why,
	   size_t room)
{
	int64_t expires = 0;

	if (!key || !secret) {
		snprintf(why, room, "its answer holds no credentials");
		return ERR_REFUSED;
	}
	if (expiration && *expiration) {
		expires = cred_parse_time(expiration);
		if (expires < 0) {
			snprintf(why, room,
				 "the expiration in its answer is no time");
			return ERR_REFUSED;
		}
	}
	return cred_value_set(out, key, secret, token && *token ? token : NULL,
			      expires);
}

int
cred_parse_json(const char *text, size_t n, const char *token,
		struct cred_value *out, char *why, size_t room)
{
	struct json *d;
	int rc = json_parse(text, n, CRED_PARSE_MAX, &d);

	if (rc != 0) {
		snprintf(why, room, "its answer is not JSON");
		return rc == -ENOMEM ? rc : ERR_REFUSED;
	}
	rc = make_value(json_text(d, "AccessKeyId"),
			json_text(d, "SecretAccessKey"), json_text(d, token),
			json_text(d, "Expiration"), out, why, room);
	json_release(d);
	return rc;
}

/* The text of the first element TAG in N bytes, to be freed; NULL: there is
 * none, or it holds more than text. */
static char *
element(const char *xml, size_t n, const char *tag)
{
	char open[64];
	size_t len = (size_t)snprintf(open, sizeof(open), "<%s>", tag);
	const char *p = memmem(xml, n, open, len);
	const char *end;

	if (!p)
		return NULL;
	p += len;
	n -= (size_t)(p - xml);
	end = memchr(p, '<', n);
	if (!end || (size_t)(end - p) + len + 1 > n ||
	    strncmp(end, "</", 2) != 0 ||
	    memcmp(end + 2, open + 1, len - 1) != 0 ||
	    memchr(p, '&', (size_t)(end - p)))
		return NULL;
	return strndup(p, (size_t)(end - p));
}

int
cred_parse_sts(const char *xml, size_t n, struct cred_value *out, char *why,
	       size_t room)
{
	static const char *const names[] = { "AccessKeyId", "SecretAccessKey",
					     "SessionToken", "Expiration" };
	const char *in =
		n > CRED_PARSE_MAX ? NULL : memmem(xml, n, "<Credentials>", 13);
	char *v[4] = { NULL };
	int i, rc;

	for (i = 0; in && i < 4; i++)
		v[i] = element(in, n - (size_t)(in - xml), names[i]);
	rc = make_value(v[0], v[1], v[2], v[3], out, why, room);
	for (i = 0; i < 4; i++)
		cred_source_wipe(v[i]);
	return rc;
}

void
cred_parse_code(const char *xml, size_t n, char *out, size_t room)
{
	char *code = n > CRED_PARSE_MAX ? NULL : element(xml, n, "Code");
	size_t i;

	snprintf(out, room, "%s", code ? code : "");
	for (i = 0; out[i]; i++) {
		if (!isalnum((unsigned char)out[i]) && out[i] != '.')
			break;
	}
	out[i] = '\0';
	free(code);
}
