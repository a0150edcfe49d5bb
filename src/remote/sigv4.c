/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/sigv4.h"

#include "base/digest.h"
#include "base/err.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

enum {
	OWN_HEADERS = 4, /* Host and three X-Amz- */
	SLOTS = SIGV4_PAIRS_MAX + OWN_HEADERS,
	STAMP = 17, /* YYYYMMDDTHHMMSSZ */
	DATE = 8
};

/* Pairs as offsets into one text, in canonical order. */
struct pairs {
	struct buf text;
	size_t name[SLOTS];
	size_t value[SLOTS];
	size_t n;
};

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

void
sigv4_encode(struct buf *out, const char *p, size_t n, bool slash)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (is_alnum(p[i]) || (c && strchr("-._~", c)) ||
		    (slash && c == '/')) {
			buf_char(out, p[i]);
			continue;
		}
		buf_char(out, '%');
		buf_char(out, digits[c >> 4]);
		buf_char(out, digits[c & 15]);
	}
}

/* Not empty, and only letters, digits and characters of MORE. */
static bool
made_of(const char *s, const char *more)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr(more, *s))
			return false;
	return true;
}

/* Fit for a header's value: no control byte but a tab. */
static bool
is_text(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

/* Printable ASCII without a blank, and none of NONE. */
static bool
is_word(const char *s, const char *none)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f || strchr(none, *s))
			return false;
	return true;
}

static bool
is_payload(const char *s)
{
	struct digest d;

	return s && (strcmp(s, SIGV4_UNSIGNED) == 0 ||
		     digest_parse(s, strlen(s), &d) == 0);
}

static bool
is_own(const char *name)
{
	static const char *const own[] = { "host", "x-amz-date",
					   "x-amz-security-token",
					   "x-amz-content-sha256",
					   "authorization" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcasecmp(name, own[i]) == 0)
			return true;
	return false;
}

static int
check_request(const struct sigv4_request *rq, const struct sigv4_creds *c)
{
	if (rq->nquery > SIGV4_PAIRS_MAX || rq->nheaders > SIGV4_PAIRS_MAX)
		return ERR_TOOBIG;
	if (!made_of(rq->method, "") || !is_word(rq->host, "/?#@\\\"") ||
	    !rq->path || rq->path[0] != '/' || !is_payload(rq->payload) ||
	    !made_of(rq->region, "-_") || !made_of(rq->service, "-_"))
		return -EINVAL;
	if (!rq->s3 && !is_word(rq->path, "?#"))
		return -EINVAL;
	if (!is_word(c->key, ",/") || !c->secret || !*c->secret ||
	    (c->token && !is_word(c->token, "")))
		return -EINVAL;
	for (size_t i = 0; i < rq->nquery; i++)
		if (!rq->query[i].name || !*rq->query[i].name)
			return -EINVAL;
	for (size_t i = 0; i < rq->nheaders; i++) {
		const struct sigv4_pair *h = &rq->headers[i];

		if (!made_of(h->name, "!#$%&'*+-.^_`|~") || is_own(h->name) ||
		    (h->value && !is_text(h->value)))
			return -EINVAL;
	}
	return 0;
}

static int
stamp_of(int64_t t, char stamp[STAMP])
{
	time_t at = (time_t)t;
	struct tm tm;

	if (t < 0 || !gmtime_r(&at, &tm) || tm.tm_year > 9999 - 1900)
		return -EINVAL;
	return strftime(stamp, STAMP, "%Y%m%dT%H%M%SZ", &tm) ? 0 : -EINVAL;
}

/*
 * Puts the pair that was appended to the text at NAME and VALUE into its
 * place: by name, and with BY_VALUE by value too; else equals keep their
 * order.
 */
static void
insert_pair(struct pairs *l, size_t name, size_t value, bool by_value)
{
	const char *t = l->text.p;
	size_t i = l->n;

	if (l->text.failed)
		return;
	for (; i > 0; i--) {
		int c = strcmp(t + l->name[i - 1], t + name);

		if (c == 0 && by_value)
			c = strcmp(t + l->value[i - 1], t + value);
		if (c <= 0)
			break;
		l->name[i] = l->name[i - 1];
		l->value[i] = l->value[i - 1];
	}
	l->name[i] = name;
	l->value[i] = value;
	l->n++;
}

static void
add_query(struct pairs *l, const struct sigv4_pair *q)
{
	const char *v = q->value ? q->value : "";
	size_t name = l->text.len, value;

	sigv4_encode(&l->text, q->name, strlen(q->name), false);
	buf_char(&l->text, '\0');
	value = l->text.len;
	sigv4_encode(&l->text, v, strlen(v), false);
	buf_char(&l->text, '\0');
	insert_pair(l, name, value, true);
}

/* The name in lower case; the value without outer blanks, inner ones as one
 * space. */
static void
add_header(struct pairs *l, const char *n, const char *v)
{
	size_t name = l->text.len, value;
	bool gap = false;

	for (; *n; n++)
		buf_char(&l->text,
			 *n >= 'A' && *n <= 'Z' ? (char)(*n + 32) : *n);
	buf_char(&l->text, '\0');
	value = l->text.len;
	for (; v && *v; v++) {
		if (*v == ' ' || *v == '\t') {
			gap = true;
			continue;
		}
		if (gap && l->text.len > value)
			buf_char(&l->text, ' ');
		gap = false;
		buf_char(&l->text, *v);
	}
	buf_char(&l->text, '\0');
	insert_pair(l, name, value, false);
}

static void
put_query(const struct sigv4_request *rq, struct buf *out)
{
	struct pairs l = { 0 };

	for (size_t i = 0; i < rq->nquery; i++)
		add_query(&l, &rq->query[i]);
	for (size_t i = 0; i < l.n; i++)
		buf_fmt(out, "%s%s=%s", i ? "&" : "", l.text.p + l.name[i],
			l.text.p + l.value[i]);
	out->failed = out->failed || l.text.failed;
	buf_free(&l.text);
}

/* RFC 3986, 5.2.4, and `//` as `/`. */
static void
normalise(const char *p, struct buf *out)
{
	size_t start = out->len;

	while (*p) {
		size_t n = strcspn(p + 1, "/");
		bool last = p[1 + n] == '\0';

		if (n == 2 && p[1] == '.' && p[2] == '.') {
			while (out->len > start && out->p[--out->len] != '/')
				;
			if (last)
				buf_char(out, '/');
		} else if (n > 0 && !(n == 1 && p[1] == '.')) {
			buf_add(out, p, n + 1);
		} else if (last) {
			buf_char(out, '/');
		}
		p += n + 1;
	}
}

static void
put_uri(const struct sigv4_request *rq, struct buf *out)
{
	struct buf b = { 0 };

	if (rq->s3) {
		sigv4_encode(out, rq->path, strlen(rq->path), true);
		return;
	}
	normalise(rq->path, &b);
	if (b.failed)
		out->failed = true;
	else
		sigv4_encode(out, b.p, b.len, true);
	buf_free(&b);
}

static void
collect_headers(const struct sigv4_request *rq, const struct sigv4_creds *c,
		const char *stamp, struct pairs *l)
{
	add_header(l, "host", rq->host);
	add_header(l, "x-amz-date", stamp);
	if (rq->s3)
		add_header(l, "x-amz-content-sha256", rq->payload);
	if (c->token)
		add_header(l, "x-amz-security-token", c->token);
	for (size_t i = 0; i < rq->nheaders; i++)
		add_header(l, rq->headers[i].name, rq->headers[i].value);
}

static bool
same_name(const struct pairs *l, size_t i)
{
	return i > 0 &&
	       strcmp(l->text.p + l->name[i], l->text.p + l->name[i - 1]) == 0;
}

static void
put_names(const struct pairs *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (!same_name(l, i))
			buf_fmt(out, "%s%s", i ? ";" : "",
				l->text.p + l->name[i]);
}

static void
put_canonical(const struct sigv4_request *rq, const struct pairs *l,
	      struct buf *out)
{
	buf_fmt(out, "%s\n", rq->method);
	put_uri(rq, out);
	buf_char(out, '\n');
	put_query(rq, out);
	for (size_t i = 0; i < l->n; i++) {
		if (same_name(l, i))
			buf_fmt(out, ",%s", l->text.p + l->value[i]);
		else
			buf_fmt(out, "\n%s:%s", l->text.p + l->name[i],
				l->text.p + l->value[i]);
	}
	buf_str(out, "\n\n");
	put_names(l, out);
	buf_fmt(out, "\n%s", rq->payload);
}

int
sigv4_canonical(const struct sigv4_request *rq, const struct sigv4_creds *c,
		struct buf *out)
{
	struct pairs l = { 0 };
	struct buf b = { 0 };
	char stamp[STAMP];
	int r = check_request(rq, c);

	r = r ? r : stamp_of(rq->time, stamp);
	if (r < 0)
		return r;
	collect_headers(rq, c, stamp, &l);
	if (!l.text.failed)
		put_canonical(rq, &l, &b);
	if (!l.text.failed && !b.failed)
		buf_add(out, b.p, b.len);
	if (l.text.failed || b.failed || out->failed)
		r = -ENOMEM;
	buf_free(&l.text);
	buf_free(&b);
	return r;
}

static int
hmac(const void *key, size_t n, const char *text, uint8_t out[SIGV4_KEY_LEN])
{
	unsigned int len = SIGV4_KEY_LEN;
	uint8_t mac[EVP_MAX_MD_SIZE];

	if (!HMAC(EVP_sha256(), key, (int)n, (const uint8_t *)text,
		  strlen(text), mac, &len))
		return -ENOMEM;
	memcpy(out, mac, SIGV4_KEY_LEN);
	return 0;
}

int
sigv4_key(const char *secret, const char *date, const char *region,
	  const char *service, uint8_t key[SIGV4_KEY_LEN])
{
	uint8_t k[SIGV4_KEY_LEN];
	struct buf b = { 0 };
	int r = -ENOMEM;

	buf_fmt(&b, "AWS4%s", secret);
	if (!b.failed)
		r = hmac(b.p, b.len, date, k);
	r = r ? r : hmac(k, sizeof(k), region, k);
	r = r ? r : hmac(k, sizeof(k), service, k);
	r = r ? r : hmac(k, sizeof(k), "aws4_request", k);
	if (r == 0)
		memcpy(key, k, sizeof(k));
	explicit_bzero(k, sizeof(k));
	if (b.p)
		explicit_bzero(b.p, b.len);
	buf_free(&b);
	return r;
}

static int
signature(const struct sigv4_request *rq, const struct sigv4_creds *c,
	  const char *stamp, const struct buf *canonical,
	  char hex[DIGEST_HEX + 1])
{
	uint8_t key[SIGV4_KEY_LEN];
	struct buf b = { 0 };
	char date[DATE + 1];
	struct digest d;
	int r;

	memcpy(date, stamp, DATE);
	date[DATE] = '\0';
	digest_bytes(canonical->p, canonical->len, &d);
	digest_hex(&d, hex);
	buf_fmt(&b, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", stamp,
		date, rq->region, rq->service, hex);
	r = b.failed ? -ENOMEM
		     : sigv4_key(c->secret, date, rq->region, rq->service, key);
	r = r ? r : hmac(key, sizeof(key), b.p, d.b);
	if (r == 0)
		digest_hex(&d, hex);
	explicit_bzero(key, sizeof(key));
	buf_free(&b);
	return r;
}

static void
put_header(struct sigv4_signed *s, const char *name, const char *value)
{
	buf_fmt(&s->headers, "%s: %s", name, value ? value : "");
	buf_char(&s->headers, '\0');
	s->nheaders++;
}

static void
put_target(const struct sigv4_request *rq, struct buf *out)
{
	if (rq->s3)
		put_uri(rq, out);
	else
		buf_str(out, rq->path);
	if (rq->nquery) {
		buf_char(out, '?');
		put_query(rq, out);
	}
}

static void
put_all(const struct sigv4_request *rq, const struct sigv4_creds *c,
	const char *stamp, const char *hex, struct sigv4_signed *s)
{
	struct pairs l = { 0 };

	put_target(rq, &s->target);
	put_header(s, "Host", rq->host);
	put_header(s, "X-Amz-Date", stamp);
	if (rq->s3)
		put_header(s, "X-Amz-Content-Sha256", rq->payload);
	if (c->token)
		put_header(s, "X-Amz-Security-Token", c->token);
	for (size_t i = 0; i < rq->nheaders; i++)
		put_header(s, rq->headers[i].name, rq->headers[i].value);
	buf_fmt(&s->headers,
		"Authorization: AWS4-HMAC-SHA256 "
		"Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=",
		c->key, stamp, rq->region, rq->service);
	collect_headers(rq, c, stamp, &l);
	if (l.text.failed)
		s->headers.failed = true;
	else
		put_names(&l, &s->headers);
	buf_fmt(&s->headers, ", Signature=%s", hex);
	buf_char(&s->headers, '\0');
	s->nheaders++;
	buf_free(&l.text);
}

int
sigv4_sign(const struct sigv4_request *rq, const struct sigv4_creds *c,
	   struct sigv4_signed *out)
{
	struct sigv4_signed s = { 0 };
	struct buf canonical = { 0 };
	char hex[DIGEST_HEX + 1];
	char stamp[STAMP];
	int r = sigv4_canonical(rq, c, &canonical);

	r = r ? r : stamp_of(rq->time, stamp);
	r = r ? r : signature(rq, c, stamp, &canonical, hex);
	if (r == 0)
		put_all(rq, c, stamp, hex, &s);
	if (s.target.failed || s.headers.failed)
		r = -ENOMEM;
	if (r == 0)
		*out = s;
	else
		sigv4_release(&s);
	buf_free(&canonical);
	return r;
}

void
sigv4_release(struct sigv4_signed *s)
{
	buf_free(&s->target);
	buf_free(&s->headers);
	s->nheaders = 0;
}
