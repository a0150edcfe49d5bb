/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_web_identity.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "remote/cred_file.h"
#include "remote/cred_parse.h"
#include "remote/cred_source.h"
#include "remote/s3_url.h"
#include "remote/sigv4.h"
#include "remote/xfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 3, CONNECT_MS = 3000, TIMEOUT_MS = 10000 };

bool
cred_web_identity_url(const struct cred_opts *o, const char *region,
		      struct buf *out)
{
	const char *named = cred_source_variable(o, "AWS_ENDPOINT_URL_STS");
	struct s3_url u = { 0 };

	if (!named)
		named = cred_source_variable(o, "AWS_ENDPOINT_URL");
	if (named) {
		size_t n = strlen(named);

		buf_str(out, named);
		if (named[n - 1] != '/')
			buf_char(out, '/');
		return strncmp(named, "https://", 8) == 0 ||
		       strncmp(named, "http://", 7) == 0;
	}
	/* It becomes a part of a host's name. */
	if (*region && !s3_url_set_region(&u, region))
		return false;
	buf_fmt(out, "https://sts.%s%samazonaws.com%s/", u.region,
		*region ? "." : "",
		strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return true;
}

static void
add_parameter(struct buf *b, const char *name, const char *value)
{
	buf_fmt(b, "&%s=", name);
	sigv4_encode(b, value, strlen(value), false);
}

/* The token is read each time: whoever signs it puts a newer one there. */
static int
add_token(struct buf *b, const char *path)
{
	struct buf t = { 0 };
	int rc = file_read(AT_FDCWD, path, CRED_WEB_IDENTITY_TOKEN, &t);

	if (rc == 0) {
		while (t.len > 0 && strchr(" \t\r\n", t.p[t.len - 1]))
			t.len--;
		if (t.len == 0 || memchr(t.p, '\0', t.len))
			rc = ERR_CORRUPT;
	}
	if (rc == 0) {
		t.p[t.len] = '\0';
		add_parameter(b, "WebIdentityToken", t.p);
	}
	if (t.p)
		explicit_bzero(t.p, t.len);
	buf_free(&t);
	return rc;
}

struct role {
	const char *arn;
	const char *file;
	const char *session;
	const char *region;
};

static int
answer_of(int status, struct buf *text, struct cred_value *out, char *why,
	  size_t room)
{
	char code[64];

	if (status == 200)
		return cred_parse_sts(text->p ? text->p : "", text->len, out,
				      why, room);
	if (status > 0) {
		cred_parse_code(text->p ? text->p : "", text->len, code,
				sizeof(code));
		snprintf(why, room, "STS refuses the role: HTTP %d%s%s", status,
			 *code ? " " : "", code);
	} else {
		snprintf(why, room, "STS does not answer: %s",
			 err_text(status));
	}
	return status == -ENOMEM || status == -ECANCELED ? status : ERR_REFUSED;
}

static int
assume(const struct cred_opts *o, const struct role *r, struct cred_value *out,
       char *why, size_t room)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	struct buf url = { 0 };
	struct buf body = { 0 };
	struct buf text = { 0 };
	struct xfer_fetch f = {
		.verb = XFER_POST,
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.timeout_ms = TIMEOUT_MS,
	};
	int rc;

	buf_str(&body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	add_parameter(&body, "RoleArn", r->arn);
	add_parameter(&body, "RoleSessionName", r->session);
	rc = add_token(&body, r->file);
	if (rc != 0) {
		snprintf(why, room, "the token file cannot be used: %s",
			 err_text(rc));
		rc = ERR_REFUSED;
	} else if (!cred_web_identity_url(o, r->region, &url)) {
		snprintf(why, room, "the address of STS is none");
		rc = ERR_REFUSED;
	} else if (url.failed || body.failed) {
		rc = -ENOMEM;
	} else {
		f.url = url.p;
		f.body = body.p;
		rc = answer_of(cred_source_ask(o, &f, TRIES, &text), &text, out,
			       why, room);
	}
	if (body.p)
		explicit_bzero(body.p, body.cap);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	buf_free(&url);
	buf_free(&body);
	buf_free(&text);
	return rc;
}

static const char *
either(const char *a, const char *b)
{
	return a ? a : b;
}

int
cred_web_identity_load(const struct cred_opts *o, struct cred_value *out,
		       char *why, size_t room)
{
	/* A profile named on purpose goes before what lies around. */
	bool plain = !*o->profile;
	const char *file =
		cred_source_variable(o, "AWS_WEB_IDENTITY_TOKEN_FILE");
	struct role r = { .arn = cred_source_variable(o, "AWS_ROLE_ARN") };
	struct cred_file_profile p;
	int rc = cred_file_read(o, &p, why, room);

	if (rc != 0)
		return rc;
	r.session = cred_source_variable(o, "AWS_ROLE_SESSION_NAME");
	r.file = plain && file && r.arn ? file : p.v[CRED_FILE_WEB_TOKEN];
	if (!plain || r.file != file) {
		r.arn = p.v[CRED_FILE_ROLE];
		r.session = p.v[CRED_FILE_ROLE_SESSION];
	}
	r.session = either(r.session, "kache");
	r.region = *o->region ? o->region : either(p.v[CRED_FILE_REGION], "");
	rc = ERR_MISS;
	if (r.file && r.arn)
		rc = assume(o, &r, out, why, room);
	cred_file_release(&p);
	return rc;
}
