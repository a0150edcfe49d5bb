/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/err.h"
#include "base/file.h"
#include "config/config.h"
#include "remote/cred_source.h"
#include "remote/creds.h"
#include "remote/remote_internal.h"
#include "remote/s3_error.h"
#include "remote/s3_retry.h"
#include "remote/s3_url.h"
#include "remote/sigv4.h"
#include "remote/xfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENIED_FOR 60000000000LL

/* What one request of an operation is for. */
enum phase {
	PHASE_MAIN,   /* the object itself */
	PHASE_FORMAT, /* a key was denied: may we read anything here? */
	PHASE_HEAD    /* is it there?  For servers without If-None-Match */
};

/* All but the first three are the engine thread's. */
struct s3 {
	struct remote *remote;
	struct xfer *x;
	struct creds *creds; /* NULL: anonymous */
	struct s3_url url;
	int64_t skew;         /* seconds to add to our clock */
	bool placed;          /* the region is known, or was corrected */
	bool no_condition;    /* If-None-Match is unknown here */
	bool denied_is_miss;  /* 403 on a key: AWS without ListBucket */
	int64_t denied_until; /* 403 is 403, asked a short time ago */
	unsigned seed;
};

struct s3_op {
	struct xfer_job job; /* first: callbacks cast */
	struct s3 *s3;
	struct remote_run *run;
	enum phase phase;
	unsigned attempts; /* failed ones */
	bool plain;        /* this PUT goes without a condition */
	bool moved;        /* the region was corrected */
	bool timed;        /* the clock was corrected */
	bool renewed;      /* newer credentials were asked for */
	char key[128];     /* that the last request was signed with */
};

/* --- making a request ---------------------------------------------------- */

static bool
conditional(const struct s3_op *o)
{
	return o->phase == PHASE_MAIN && o->run->op->verb == REMOTE_PUT &&
	       o->run->op->if_absent && !o->plain;
}

static enum xfer_verb
verb_of(const struct s3_op *o)
{
	if (o->phase == PHASE_HEAD)
		return XFER_HEAD;
	if (o->phase == PHASE_FORMAT || o->run->op->verb == REMOTE_GET)
		return XFER_GET;
	return XFER_PUT;
}

static int
add_url(struct s3_op *o, const char *host, const char *target)
{
	struct buf *b = &o->job.url;

	buf_reset(b);
	buf_str(b, o->s3->url.tls ? "https://" : "http://");
	buf_str(b, host);
	buf_str(b, target);
	return b->failed ? -ENOMEM : 0;
}

static int
unsigned_request(struct s3_op *o, const char *host, const char *path)
{
	struct buf target = { 0 };
	int rc;

	sigv4_encode(&target, path, strlen(path), true);
	buf_reset(&o->job.headers);
	rc = target.failed ? -ENOMEM : add_url(o, host, target.p);
	buf_free(&target);
	return rc;
}

static int
signed_request(struct s3_op *o, const char *host, const char *path,
	       const struct cred_value *v)
{
	static const char *const methods[] = { "GET", "HEAD", "PUT", "POST" };
	static const struct sigv4_pair absent = { "If-None-Match", "*" };
	char sha[DIGEST_HEX + 1] = SIGV4_EMPTY;
	struct sigv4_request rq = {
		.method = methods[verb_of(o)],
		.host = host,
		.path = path,
		.headers = &absent,
		.nheaders = conditional(o) ? 1 : 0,
		.payload = sha,
		.region = o->s3->url.region,
		.service = "s3",
		.time = file_now() / 1000000000 + o->s3->skew,
		.s3 = true,
	};
	struct sigv4_creds c = { v->key, v->secret, v->token };
	struct sigv4_signed out = { 0 };
	int rc;

	if (verb_of(o) == XFER_PUT)
		digest_hex(&o->run->op->sha, sha);
	snprintf(o->key, sizeof(o->key), "%s", v->key);
	rc = sigv4_sign(&rq, &c, &out);
	if (rc != 0)
		return rc;
	buf_reset(&o->job.headers);
	buf_add(&o->job.headers, out.headers.p, out.headers.len);
	rc = add_url(o, host, out.target.p);
	sigv4_release(&out);
	return rc;
}

static int
make_request(struct s3_op *o, const struct cred_value *v)
{
	char host[S3_URL_HOST + S3_URL_BUCKET];
	struct buf path = { 0 };
	int rc;

	s3_url_host(&o->s3->url, host, sizeof(host));
	s3_url_path(&o->s3->url,
		    o->phase == PHASE_FORMAT ? REMOTE_FORMAT : o->run->op->name,
		    &path);
	if (path.failed)
		rc = -ENOMEM;
	else if (v)
		rc = signed_request(o, host, path.p, v);
	else
		rc = unsigned_request(o, host, path.p);
	buf_free(&path);
	return rc;
}

static int
on_prepare(struct xfer_job *j)
{
	struct s3_op *o = (struct s3_op *)j;
	struct cred_value v = { 0 };
	char why[REMOTE_TEXT];
	int rc = 0;

	if (o->s3->no_condition && conditional(o)) {
		o->plain = true;
		o->phase = PHASE_HEAD;
	}
	if (o->s3->creds)
		rc = creds_get(o->s3->creds, &v, why, sizeof(why));
	if (rc == ERR_REFUSED)
		remote_problem(o->s3->remote, o->run->op->verb, why);
	if (rc != 0)
		return rc;
	if (!o->s3->placed && *v.region)
		s3_url_set_region(&o->s3->url, v.region);
	j->verb = verb_of(o);
	j->size = j->verb == XFER_PUT ? o->run->op->size : 0;
	j->max = o->phase == PHASE_MAIN ? o->run->op->max : 0;
	j->expect = o->phase == PHASE_MAIN ? o->run->op->expect : 0;
	rc = make_request(o, o->s3->creds ? &v : NULL);
	cred_value_release(&v);
	return rc;
}

static int
on_take(struct xfer_job *j, const void *p, size_t n)
{
	struct s3_op *o = (struct s3_op *)j;

	if (o->phase != PHASE_MAIN || j->verb != XFER_GET)
		return 0;
	return remote_give(o->run, p, n, j->total);
}

/* --- what an answer means ------------------------------------------------ */

/* What the answer asks for, in nanoseconds. */
static int64_t
pause_asked(const struct s3_op *o)
{
	const struct xfer_job *j = &o->job;
	const char *text = NULL;

	if (j->result == 0 && (j->status == 503 || j->status == 429))
		text = xfer_header(j, "Retry-After");
	return text ? s3_retry_after(text, xfer_date(text),
				     file_now() / 1000000000 + o->s3->skew)
		    : 0;
}

/* The same once more, after a pause of random length; false: tried enough. */
static bool
retry(struct s3_op *o, bool throttled)
{
	struct xfer_job *j = &o->job;
	bool get = o->run->op->verb == REMOTE_GET;
	int64_t pause;

	o->attempts++;
	/* What the owner already has cannot be taken back. */
	if (o->attempts >= s3_retry_attempts(get) || j->taken > 0)
		return false;
	pause = s3_retry_pause(get, throttled, o->attempts,
			       (unsigned)rand_r(&o->s3->seed));
	j->not_before = file_monotonic() + pause + pause_asked(o);
	if (j->deadline && j->not_before >= j->deadline)
		return false;
	remote_retried(o->s3->remote);
	return true;
}

static bool
again_at_once(struct s3_op *o)
{
	o->job.not_before = 0;
	remote_retried(o->s3->remote);
	return true;
}

static bool
end_op(struct s3_op *o, int result)
{
	remote_end(o->run, result);
	return false;
}

static bool
refuse(struct s3_op *o, const struct s3_error *e)
{
	char text[REMOTE_TEXT];

	s3_error_explain(o->job.status, e, o->s3->url.bucket, text,
			 sizeof(text));
	remote_problem(o->s3->remote, o->run->op->verb, text);
	remote_blame(o->s3->remote, o->run->op->verb, REMOTE_FAILED);
	return end_op(o, ERR_REFUSED);
}

static void
works(struct s3_op *o)
{
	remote_problem(o->s3->remote, o->run->op->verb, NULL);
	remote_blame(o->s3->remote, o->run->op->verb, REMOTE_ALIVE);
}

static bool
judged_ok(struct s3_op *o, const struct s3_error *e)
{
	(void)e;
	works(o);
	switch (o->phase) {
	case PHASE_FORMAT:
		o->s3->denied_is_miss = true;
		remote_hint(o->s3->remote,
			    "without s3:ListBucket a missing object looks like "
			    "a denied one; it is taken as missing");
		return end_op(o, ERR_MISS);
	case PHASE_HEAD:
		o->run->op->existed = true;
		return end_op(o, 0);
	case PHASE_MAIN:
		break;
	}
	/* Remembered only now: 400 can have other reasons. */
	if (o->plain)
		o->s3->no_condition = true;
	return end_op(o, 0);
}

static bool
judged_miss(struct s3_op *o, const struct s3_error *e)
{
	if (o->run->op->verb == REMOTE_GET) {
		if (o->phase == PHASE_FORMAT) {
			/* We are told what is missing, so the key was really
			 * denied. */
			o->s3->denied_until = file_monotonic() + DENIED_FOR;
			return refuse(o, e);
		}
		works(o);
		return end_op(o, ERR_MISS);
	}
	if (o->phase == PHASE_HEAD) {
		o->phase = PHASE_MAIN;
		return again_at_once(o);
	}
	return refuse(o, e);
}

static bool
judged_denied(struct s3_op *o, const struct s3_error *e)
{
	struct s3 *s = o->s3;

	if (o->phase == PHASE_HEAD) {
		o->phase = PHASE_MAIN;
		return again_at_once(o);
	}
	if (o->phase == PHASE_FORMAT)
		s->denied_until = file_monotonic() + DENIED_FOR;
	if (o->phase == PHASE_FORMAT || o->run->op->verb == REMOTE_PUT ||
	    strcmp(o->run->op->name, REMOTE_FORMAT) == 0)
		return refuse(o, e);
	if (s->denied_is_miss) {
		works(o);
		return end_op(o, ERR_MISS);
	}
	if (file_monotonic() < s->denied_until)
		return refuse(o, e);
	o->phase = PHASE_FORMAT;
	return again_at_once(o);
}

static bool
judged_existed(struct s3_op *o, const struct s3_error *e)
{
	if (!conditional(o))
		return refuse(o, e);
	works(o);
	o->run->op->existed = true;
	return end_op(o, 0);
}

static bool
judged_retry(struct s3_op *o, const struct s3_error *e)
{
	(void)e;
	remote_blame(o->s3->remote, o->run->op->verb, REMOTE_FAILED);
	return retry(o, false) || end_op(o, -EIO);
}

static bool
judged_throttled(struct s3_op *o, const struct s3_error *e)
{
	(void)e;
	remote_blame(o->s3->remote, o->run->op->verb, REMOTE_FAILED);
	return retry(o, true) || end_op(o, ERR_BUSY);
}

static bool
judged_region(struct s3_op *o, const struct s3_error *e)
{
	const char *named = xfer_header(&o->job, "x-amz-bucket-region");
	struct s3_url *u = &o->s3->url;

	if (*e->region)
		named = e->region;
	if (o->moved || !named || !s3_url_set_region(u, named))
		return refuse(o, e);
	o->moved = true;
	o->s3->placed = true;
	return again_at_once(o);
}

static bool
judged_clock(struct s3_op *o, const struct s3_error *e)
{
	const char *date = xfer_header(&o->job, "Date");
	int64_t there = date ? xfer_date(date) : -1;

	if (o->timed || there < 0)
		return refuse(o, e);
	o->timed = true;
	o->s3->skew = there - file_now() / 1000000000;
	remote_hint(o->s3->remote,
		    "the clock of this machine is wrong by more than 15 "
		    "minutes; requests are signed with the server's time");
	return again_at_once(o);
}

static bool
judged_creds(struct s3_op *o, const struct s3_error *e)
{
	if (o->renewed || !o->s3->creds || !creds_expired(o->s3->creds, o->key))
		return refuse(o, e);
	o->renewed = true;
	return again_at_once(o);
}

static bool
judged_no_condition(struct s3_op *o, const struct s3_error *e)
{
	(void)e;
	o->plain = true;
	o->phase = PHASE_HEAD;
	return again_at_once(o);
}

static bool (*const judged[])(struct s3_op *o, const struct s3_error *e) = {
	[S3_OK] = judged_ok,
	[S3_MISS] = judged_miss,
	[S3_EXISTED] = judged_existed,
	[S3_RETRY] = judged_retry,
	[S3_THROTTLED] = judged_throttled,
	[S3_REGION] = judged_region,
	[S3_CLOCK] = judged_clock,
	[S3_CREDS] = judged_creds,
	[S3_DENIED] = judged_denied,
	[S3_NO_CONDITION] = judged_no_condition,
	[S3_REFUSED] = refuse,
};

/* No whole answer came. */
static bool
broken(struct s3_op *o)
{
	struct remote *r = o->s3->remote;
	enum remote_verb verb = o->run->op->verb;
	struct xfer_job *j = &o->job;
	char text[REMOTE_TEXT];
	bool silent =
		j->result == ERR_TIMEOUT && j->silent && verb == REMOTE_GET;

	if (j->result == -EPROTO) {
		snprintf(text, sizeof(text),
			 "the server's certificate is not trusted (%s); set "
			 "AWS_CA_BUNDLE to the file of your CA",
			 j->why);
		remote_problem(r, verb, text);
		remote_blame(r, verb, REMOTE_FAILED);
		return end_op(o, ERR_REFUSED);
	}
	if (*j->why) {
		remote_problem(r, verb, j->why);
	}
	/* What nobody waits for is given ten times as long, so that it says
	 * less about what somebody will wait for. */
	remote_blame(r, verb,
		     silent && atomic_load(&j->demand) ? REMOTE_SILENT
						       : REMOTE_FAILED);
	if (silent || !retry(o, false))
		return end_op(o, s3_retry_result(j->result));
	return true;
}

static bool
past_deadline(const struct xfer_job *j)
{
	return j->deadline && file_monotonic() >= j->deadline;
}

static bool
on_done(struct xfer_job *j)
{
	struct s3_op *o = (struct s3_op *)j;
	struct s3_error e;
	enum s3_verdict v;

	/* The owner's wishes and our own refusals say nothing about the
	 * server. */
	if (j->result == -ECANCELED || j->result == ERR_TOOBIG ||
	    j->result == ERR_REFUSED || j->result == -ENOMEM ||
	    j->result == -EINVAL)
		return end_op(o, j->result);
	/* Slow, since the line is full, is not out of order. */
	if (j->result == ERR_TIMEOUT && !j->silent &&
	    (!j->first || past_deadline(j)))
		return end_op(o, ERR_TIMEOUT);
	if (j->result != 0)
		return broken(o);
	s3_error_parse(j->error.p ? j->error.p : "", j->error.len, &e);
	v = s3_error_judge(j->status, &e, conditional(o));
	return judged[v](o, &e);
}

/* --- the interface of remote.c ------------------------------------------- */

static void
creds_changed(void *ctx)
{
	struct s3 *s = ctx;

	xfer_poke(s->x);
}

static const char *
first_set(struct remote *r, const char *const *names)
{
	for (; *names; names++) {
		const char *v = r->get(*names);

		if (v && *v)
			return v;
	}
	return NULL;
}

static const char *
setting(struct remote *r, int id, const char *const *names)
{
	const char *text = r->config->v[id].text;

	if (*text)
		return text;
	text = first_set(r, names);
	return text ? text : "";
}

static const char *const region_vars[] = { "AWS_REGION", "AWS_DEFAULT_REGION",
					   NULL };
static const char *const endpoint_vars[] = { "AWS_ENDPOINT_URL_S3",
					     "AWS_ENDPOINT_URL", NULL };

static int
open_engine(struct s3 *s)
{
	struct remote *r = s->remote;
	int64_t transfers = r->config->v[CONFIG_DAEMON_TRANSFERS].num;
	struct xfer_opts o = {
		.transfers = transfers > 0 ? (unsigned)transfers : 64,
	};

	xfer_env(&o, r->get);
	return xfer_open(&o, &s->x);
}

static int
open_creds(struct s3 *s, const char *region)
{
	struct remote *r = s->remote;
	struct cred_opts o = {
		.get = r->get,
		.profile = r->config->v[CONFIG_REMOTE_PROFILE].text,
		.region = region,
		.x = s->x,
		.changed = creds_changed,
		.ctx = s,
	};

	if (r->config->v[CONFIG_REMOTE_ANONYMOUS].num) {
		r->read_only = true;
		return 0;
	}
	return creds_open(&o, &s->creds);
}

static int
s3_open(struct remote *r, const char *url, void **kind, char *why, size_t room)
{
	const char *region = setting(r, CONFIG_REMOTE_REGION, region_vars);
	struct s3 *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->remote = r;
	s->placed = *region;
	s->seed = (unsigned)file_monotonic();
	rc = s3_url_parse(
		url, setting(r, CONFIG_REMOTE_ENDPOINT, endpoint_vars), region,
		(enum s3_url_style)r->config->v[CONFIG_REMOTE_PATH_STYLE].num,
		&s->url, why, room);
	if (rc == 0)
		rc = open_engine(s);
	if (rc == 0)
		rc = open_creds(s, region);
	if (rc != 0) {
		if (s->x) {
			xfer_stop(s->x);
			xfer_free(s->x);
		}
		free(s);
		return rc;
	}
	*kind = s;
	return 0;
}

static void
s3_stop(void *kind)
{
	struct s3 *s = kind;

	xfer_stop(s->x);
}

static void
s3_close(void *kind)
{
	struct s3 *s = kind;

	if (s->creds)
		creds_close(s->creds);
	xfer_free(s->x);
	free(s);
}

static int
s3_start(void *kind, struct remote_run *run)
{
	struct s3 *s = kind;
	struct s3_op *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return -ENOMEM;
	o->s3 = s;
	o->run = run;
	o->job.prepare = on_prepare;
	o->job.take = on_take;
	o->job.done = on_done;
	o->job.deadline = run->op->deadline;
	o->job.fd = run->op->fd;
	run->kind = o;
	rc = xfer_submit(s->x, &o->job, run->op->lane == REMOTE_DEMAND);
	if (rc != 0)
		free(o);
	return rc;
}

static void
s3_finish(void *kind, struct remote_run *run)
{
	struct s3_op *o = run->kind;

	(void)kind;
	xfer_release(&o->job);
	free(o);
}

static void
s3_cancel(void *kind, struct remote_run *run)
{
	struct s3 *s = kind;
	struct s3_op *o = run->kind;

	xfer_cancel(s->x, &o->job);
}

static void
s3_move(void *kind, struct remote_run *run)
{
	struct s3 *s = kind;
	struct s3_op *o = run->kind;

	xfer_move(s->x, &o->job, atomic_load(&run->lane) == REMOTE_DEMAND);
}

static void
s3_resume(void *kind, struct remote_run *run)
{
	struct s3 *s = kind;
	struct s3_op *o = run->kind;

	xfer_resume(s->x, &o->job);
}

static uint64_t
s3_rate(void *kind)
{
	struct s3 *s = kind;

	return xfer_rate(s->x);
}

static void
s3_status(void *kind, struct remote_status *st)
{
	struct s3 *s = kind;

	if (s->creds)
		creds_status(s->creds, st->credentials, sizeof(st->credentials),
			     &st->expires);
	else
		snprintf(st->credentials, sizeof(st->credentials), "none");
}

const struct remote_ops s3_ops = {
	.scheme = "s3://",
	.open = s3_open,
	.stop = s3_stop,
	.close = s3_close,
	.start = s3_start,
	.finish = s3_finish,
	.cancel = s3_cancel,
	.move = s3_move,
	.resume = s3_resume,
	.rate = s3_rate,
	.status = s3_status,
};
