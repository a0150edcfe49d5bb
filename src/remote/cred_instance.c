/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_instance.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "remote/cred_parse.h"
#include "remote/cred_source.h"
#include "remote/xfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	CONTAINER_TRIES = 3,
	CONTAINER_MS = 2000,
	/* Outside of Amazon the address leads nowhere, without a word. */
	INSTANCE_CONNECT_MS = 300,
	INSTANCE_MS = 1000,
	TOKEN_MAX = 16 << 10
};

static void
wipe_buf(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

/* --- a container --------------------------------------------------------- */

/* The host of the address P points behind the slashes of; false: it has a
 * user, or characters that no host has. */
static bool
host_of(const char *p, char *out, size_t room)
{
	size_t n = strcspn(p, "/?#");
	const char *end = p + n;
	size_t host;

	if (n == 0 || strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
				"UVWXYZ0123456789.-:[]") < n)
		return false;
	if (*p == '[') {
		const char *close = memchr(p, ']', n);

		if (!close || (close + 1 != end && close[1] != ':'))
			return false;
		p++;
		host = (size_t)(close - p);
	} else {
		host = strcspn(p, ":/?#");
	}
	if (host >= room)
		return false;
	memcpy(out, p, host);
	out[host] = '\0';
	return true;
}

static bool
is_loopback_4(const char *host)
{
	unsigned a, b, c;
	int n = 0;

	return sscanf(host, "127.%3u.%3u.%3u%n", &a, &b, &c, &n) == 3 &&
	       host[n] == '\0' && strspn(host, "0123456789.") == (size_t)n;
}

static bool
is_allowed(const char *host)
{
	static const char *const hosts[] = { "localhost", "::1",
					     "169.254.170.2", "169.254.170.23",
					     "fd00:ec2::23" };
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strcasecmp(host, hosts[i]) == 0)
			return true;
	}
	return is_loopback_4(host);
}

static bool
has_control(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	}
	return false;
}

int
cred_instance_container_url(const struct cred_opts *o, struct buf *out,
			    char *why, size_t room)
{
	const char *path = cred_source_variable(
		o, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full =
		cred_source_variable(o, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *used = path ? path : full;
	bool tls = full && strncmp(full, "https://", 8) == 0;
	char host[256];

	if (!used)
		return ERR_MISS;
	if (has_control(used) || (path && *path != '/')) {
		snprintf(why, room, "its address is none");
		return ERR_REFUSED;
	}
	if (path) {
		buf_fmt(out, "http://169.254.170.2%s", path);
		return 0;
	}
	if ((!tls && strncmp(full, "http://", 7) != 0) ||
	    !host_of(full + (tls ? 8 : 7), host, sizeof(host)) ||
	    (!tls && !is_allowed(host))) {
		snprintf(why, room,
			 "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https "
			 "nor this machine nor an address of Amazon's");
		return ERR_REFUSED;
	}
	buf_str(out, full);
	return 0;
}

/* The Authorization line, if there is to be one. */
static int
add_authorization(const struct cred_opts *o, struct buf *line, char *why,
		  size_t room)
{
	const char *file = cred_source_variable(
		o, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token =
		cred_source_variable(o, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct buf text = { 0 };
	int rc = 0;

	if (file)
		rc = file_read(AT_FDCWD, file, TOKEN_MAX, &text);
	if (rc != 0) {
		snprintf(why, room, "its token file cannot be read: %s",
			 err_text(rc));
		return ERR_REFUSED;
	}
	if (file)
		token = text.p ? text.p : "";
	/* A line's end would begin a header of its own. */
	if (token &&
	    (strpbrk(token, "\r\n") || (file && strlen(token) != text.len))) {
		snprintf(why, room, "its token is of more than one line");
		rc = ERR_REFUSED;
	} else if (token) {
		buf_fmt(line, "Authorization: %s", token);
	}
	wipe_buf(&text);
	return rc;
}

static int
read_document(int status, struct buf *text, struct cred_value *out, char *why,
	      size_t room)
{
	if (status == 200)
		return cred_parse_json(text->p ? text->p : "", text->len,
				       "Token", out, why, room);
	if (status > 0)
		snprintf(why, room, "it answers with HTTP %d", status);
	else
		snprintf(why, room, "it does not answer: %s", err_text(status));
	return status == -ENOMEM || status == -ECANCELED ? status : ERR_REFUSED;
}

int
cred_instance_container(const struct cred_opts *o, struct cred_value *out,
			char *why, size_t room)
{
	struct buf url = { 0 };
	struct buf line = { 0 };
	struct buf text = { 0 };
	const char *headers[] = { NULL, NULL };
	struct xfer_fetch f = {
		.verb = XFER_GET,
		.headers = headers,
		.timeout_ms = CONTAINER_MS,
		.direct = true,
	};
	int rc = cred_instance_container_url(o, &url, why, room);

	if (rc == 0)
		rc = add_authorization(o, &line, why, room);
	if (rc == 0 && (url.failed || line.failed))
		rc = -ENOMEM;
	if (rc == 0) {
		f.url = url.p;
		headers[0] = line.p;
		rc = read_document(
			cred_source_ask(o, &f, CONTAINER_TRIES, &text), &text,
			out, why, room);
	}
	wipe_buf(&line);
	wipe_buf(&text);
	buf_free(&url);
	return rc;
}

/* --- an instance --------------------------------------------------------- */

struct instance {
	const struct cred_opts *o;
	char base[256];
	struct buf line; /* the session's header */
};

/* The status, as xfer_fetch. */
static int
ask_instance(struct instance *i, enum xfer_verb verb, const char *path,
	     const char *more, const char *line, struct buf *out)
{
	char url[600];
	const char *headers[] = { line, NULL };
	struct xfer_fetch f = {
		.verb = verb,
		.url = url,
		.headers = headers,
		.connect_ms = INSTANCE_CONNECT_MS,
		.timeout_ms = INSTANCE_MS,
		.direct = true,
	};

	snprintf(url, sizeof(url), "%s/latest/%s%s", i->base, path, more);
	return cred_source_ask(i->o, &f, 1, out);
}

static bool
set_base(struct instance *i)
{
	const char *named =
		cred_source_variable(i->o, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = cred_source_variable(
		i->o, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	size_t n;

	if (!named)
		named = mode && strcasecmp(mode, "ipv6") == 0
				? "http://[fd00:ec2::254]"
				: "http://169.254.169.254";
	n = strlen(named);
	while (n > 0 && named[n - 1] == '/')
		n--;
	if (strncmp(named, "http", 4) != 0 || has_control(named) ||
	    n >= sizeof(i->base))
		return false;
	memcpy(i->base, named, n);
	i->base[n] = '\0';
	return true;
}

/* A word of an answer: its first line, if it can be one. */
static bool
first_line(struct buf *b, size_t max)
{
	if (!b->p)
		return false;
	b->len = strcspn(b->p, "\r\n");
	b->p[b->len] = '\0';
	return b->len > 0 && b->len <= max && !has_control(b->p);
}

static bool
begin_session(struct instance *i)
{
	struct buf token = { 0 };
	bool ok = ask_instance(i, XFER_PUT, "api/token", "",
			       "X-aws-ec2-metadata-token-ttl-seconds: 21600",
			       &token) == 200 &&
		  first_line(&token, 1024);

	if (ok)
		buf_fmt(&i->line, "X-aws-ec2-metadata-token: %s", token.p);
	wipe_buf(&token);
	return ok && !i->line.failed;
}

static void
find_region(struct instance *i, struct cred_value *out)
{
	struct buf text = { 0 };

	if (!*i->o->region &&
	    ask_instance(i, XFER_GET, "meta-data/placement/region", "",
			 i->line.p, &text) == 200 &&
	    first_line(&text, sizeof(out->region) - 1))
		snprintf(out->region, sizeof(out->region), "%s", text.p);
	buf_free(&text);
}

static int
of_role(struct instance *i, struct cred_value *out, char *why, size_t room)
{
	static const char path[] = "meta-data/iam/security-credentials/";
	struct buf role = { 0 };
	struct buf text = { 0 };
	int status = ask_instance(i, XFER_GET, path, "", i->line.p, &role);
	int rc = ERR_MISS; /* an instance without a role */

	if (status == 200 && first_line(&role, 256)) {
		status = ask_instance(i, XFER_GET, path, role.p, i->line.p,
				      &text);
		rc = read_document(status, &text, out, why, room);
	} else if (status != 404 && status != 200) {
		rc = read_document(status, &role, out, why, room);
	}
	if (rc == 0)
		find_region(i, out);
	buf_free(&role);
	wipe_buf(&text);
	return rc;
}

int
cred_instance_instance(const struct cred_opts *o, struct cred_value *out,
		       char *why, size_t room)
{
	const char *off = cred_source_variable(o, "AWS_EC2_METADATA_DISABLED");
	struct instance i = { .o = o };
	int rc = ERR_MISS;

	if (off && strcasecmp(off, "true") == 0)
		return ERR_MISS;
	if (!set_base(&i)) {
		snprintf(why, room,
			 "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address");
		return ERR_REFUSED;
	}
	if (begin_session(&i))
		rc = of_role(&i, out, why, room);
	wipe_buf(&i.line);
	return rc;
}
