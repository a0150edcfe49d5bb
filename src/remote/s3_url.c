/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/s3_url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
wrong(char *why, size_t room, const char *what, const char *text)
{
	snprintf(why, room, "%s: '%.100s'", what, text);
	return -EINVAL;
}

static bool
only(const char *s, const char *more)
{
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr(more, *s))
			return false;
	}
	return true;
}

static bool
plain(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	}
	return true;
}

static int
parse_bucket(const char *url, struct s3_url *u, char *why, size_t room)
{
	const char *p;
	const char *rest;
	size_t n;

	if (strncmp(url, "s3://", strlen("s3://")) != 0)
		return wrong(why, room, "not s3://bucket/prefix", url);
	p = url + strlen("s3://");
	n = strcspn(p, "/");
	rest = p + n;
	if (n == 0 || n >= sizeof(u->bucket))
		return wrong(why, room, "no name of a bucket in the url", url);
	memcpy(u->bucket, p, n);
	if (!only(u->bucket, "-._"))
		return wrong(why, room, "not a name of a bucket", u->bucket);
	rest += strspn(rest, "/");
	n = strlen(rest);
	while (n > 0 && rest[n - 1] == '/')
		n--;
	if (n + 2 > sizeof(u->prefix) || !plain(rest))
		return wrong(why, room, "this prefix cannot be used", rest);
	if (n > 0)
		snprintf(u->prefix, sizeof(u->prefix), "%.*s/", (int)n, rest);
	return 0;
}

/* The port that the scheme has anyway is not sent in Host. */
static void
drop_usual_port(struct s3_url *u)
{
	size_t n = strlen(u->endpoint);
	const char *usual = u->tls ? ":443" : ":80";
	size_t m = strlen(usual);

	if (n > m && strcmp(u->endpoint + n - m, usual) == 0)
		u->endpoint[n - m] = '\0';
}

static int
parse_endpoint(const char *endpoint, struct s3_url *u, char *why, size_t room)
{
	const char *p = endpoint;
	size_t n;

	u->tls = true;
	if (strncasecmp(p, "https://", 8) == 0) {
		p += 8;
	} else if (strncasecmp(p, "http://", 7) == 0) {
		u->tls = false;
		p += 7;
	}
	n = strcspn(p, "/");
	if (p[n + strspn(p + n, "/")] != '\0')
		return wrong(why, room, "an endpoint has no path", endpoint);
	if (n >= sizeof(u->endpoint) || (n == 0 && *endpoint))
		return wrong(why, room, "not an endpoint", endpoint);
	memcpy(u->endpoint, p, n);
	if (!only(u->endpoint, "-._:[]"))
		return wrong(why, room, "not an endpoint", endpoint);
	drop_usual_port(u);
	return 0;
}

/* An IPv4 or IPv6 address, or localhost: no names below it can be asked. */
static bool
is_address(const char *host)
{
	size_t n = strcspn(host, ":");

	return host[0] == '[' || strspn(host, "0123456789.") >= n ||
	       (n == strlen("localhost") &&
		strncasecmp(host, "localhost", n) == 0);
}

/* As a label of a host name; dots would break the match of certificates. */
static bool
is_label(const char *s)
{
	size_t n = strlen(s);

	for (; *s; s++) {
		if (!islower((unsigned char)*s) &&
		    !isdigit((unsigned char)*s) && *s != '-')
			return false;
	}
	return n >= 3 && n <= 63;
}

int
s3_url_parse(const char *url, const char *endpoint, const char *region,
	     enum s3_url_style style, struct s3_url *out, char *why,
	     size_t room)
{
	struct s3_url u = { .tls = true };
	int rc = parse_bucket(url, &u, why, room);

	if (rc == 0)
		rc = parse_endpoint(endpoint, &u, why, room);
	if (rc != 0)
		return rc;
	if (!s3_url_set_region(&u, *region ? region : "us-east-1"))
		return wrong(why, room, "not a name of a region", region);
	u.path_style = style == S3_URL_PATH ||
		       (style == S3_URL_AUTO &&
			(!is_label(u.bucket) ||
			 (*u.endpoint && is_address(u.endpoint))));
	*out = u;
	return 0;
}

bool
s3_url_set_region(struct s3_url *u, const char *text)
{
	if (!*text || strlen(text) >= sizeof(u->region) || !only(text, "-_"))
		return false;
	memset(u->region, 0, sizeof(u->region));
	memcpy(u->region, text, strlen(text));
	return true;
}

void
s3_url_host(const struct s3_url *u, char *out, size_t room)
{
	char own[S3_URL_HOST];

	snprintf(own, sizeof(own), "s3.%s.amazonaws.com%s", u->region,
		 strncmp(u->region, "cn-", 3) == 0 ? ".cn" : "");
	snprintf(out, room, "%s%s%s", u->path_style ? "" : u->bucket,
		 u->path_style ? "" : ".", *u->endpoint ? u->endpoint : own);
}

void
s3_url_path(const struct s3_url *u, const char *name, struct buf *out)
{
	buf_char(out, '/');
	if (u->path_style) {
		buf_str(out, u->bucket);
		buf_char(out, '/');
	}
	buf_str(out, u->prefix);
	buf_str(out, name);
}
