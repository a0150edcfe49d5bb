/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/xfer.h"

#include "base/err.h"
#include "base/file.h"
#include "remote/xfer_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

enum {
	ERROR_MAX = 64 << 10,
	ANSWER_MAX = 64 << 10, /* where nobody says more */
	HEADS_MAX = 256 << 10, /* of all heads of an answer */
	HEAD_MAX = 16 << 10,
	EXPECT_FROM = 1 << 20, /* bodies that wait for 100 Continue */
	RECEIVE_BUFFER = 256 << 10,
	SEND_BUFFER = 256 << 10,
	IDLE_S = 15, /* an older idle connection is not used again */
	LIFE_S = 300 /* so that a new address is seen */
};

static void
activate(struct xfer *x, struct xfer_job *j)
{
	TAILQ_INSERT_HEAD(&x->active, j, link);
	x->running++;
}

static void
deactivate(struct xfer *x, struct xfer_job *j)
{
	TAILQ_REMOVE(&x->active, j, link);
	x->running--;
	x->rescan = true;
}

/* --- callbacks of libcurl ------------------------------------------------ */

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)ctx;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int
status_of(struct xfer_job *j)
{
	long status = 0;

	curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static size_t
on_header(char *p, size_t one, size_t n, void *ctx)
{
	struct xfer_job *j = ctx;
	size_t keep = n;

	(void)one;
	j->heads += n;
	if (j->heads > HEADS_MAX) {
		j->abort_code = ERR_TOOBIG;
		return 0;
	}
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_reset(&j->head);
		j->engine->heard = file_monotonic();
		/* 100 Continue is no answer yet. */
		j->first = n < 10 || p[9] != '1';
	}
	if (j->head.len + n > HEAD_MAX)
		return n;
	while (keep > 0 && (p[keep - 1] == '\n' || p[keep - 1] == '\r'))
		keep--;
	buf_add(&j->head, p, keep);
	buf_char(&j->head, '\0');
	return n;
}

/* What is known once the first byte of a body is there. */
static void
body_begins(struct xfer_job *j)
{
	curl_off_t total = -1;

	curl_easy_getinfo(j->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	j->total = total > 0 ? (uint64_t)total : 0;
	j->body_at = file_monotonic();
}

static size_t
keep_error(struct xfer_job *j, const char *p, size_t n)
{
	size_t room = ERROR_MAX - j->error.len;

	buf_add(&j->error, p, n < room ? n : room);
	/* What it is about stands in its first lines; it may never end. */
	j->cut = n >= room;
	return j->cut ? 0 : n;
}

static size_t
on_body(char *p, size_t one, size_t n, void *ctx)
{
	struct xfer_job *j = ctx;
	uint64_t max = j->max ? j->max : ANSWER_MAX;
	int rc;

	(void)one;
	j->engine->heard = file_monotonic();
	if (status_of(j) >= 300)
		return keep_error(j, p, n);
	if (!j->body_at)
		body_begins(j);
	if (j->total > max || j->taken + n > max) {
		j->abort_code = ERR_TOOBIG;
		return 0;
	}
	rc = j->take(j, p, n);
	if (rc == -EAGAIN) {
		j->full = true;
		j->unmeasured = true;
		if (!j->paused_at)
			j->paused_at = file_monotonic();
		return CURL_WRITEFUNC_PAUSE;
	}
	if (rc != 0) {
		j->abort_code = rc;
		return 0;
	}
	j->taken += n;
	j->engine->received += n;
	return n;
}

static size_t
on_read(char *p, size_t one, size_t n, void *ctx)
{
	struct xfer_job *j = ctx;
	ssize_t got;

	if (n * one > j->size - j->sent)
		n = (size_t)(j->size - j->sent) / one;
	if (n == 0)
		return 0;
	got = pread(j->fd, p, n * one, (off_t)j->sent);
	if (got <= 0) {
		j->abort_code = got < 0 ? -errno : ERR_CORRUPT;
		return CURL_READFUNC_ABORT;
	}
	j->sent += (uint64_t)got;
	return (size_t)got;
}

/* For a body that must be sent again, since the connection was dead. */
static int
on_seek(void *ctx, curl_off_t off, int origin)
{
	struct xfer_job *j = ctx;

	if (origin != SEEK_SET || off < 0 || (uint64_t)off > j->size)
		return CURL_SEEKFUNC_FAIL;
	j->sent = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

/* --- one transfer -------------------------------------------------------- */

static int
set_lines(struct xfer_job *j)
{
	struct curl_slist *lines = NULL;
	const char *p = j->headers.p;
	const char *end = p + j->headers.len;

	while (p && p < end) {
		struct curl_slist *more = curl_slist_append(lines, p);

		if (!more)
			goto fail;
		lines = more;
		p += strlen(p) + 1;
	}
	/* libcurl asks for 100 Continue for any PUT; a server that does not
	 * know it costs a second. */
	if (j->size < EXPECT_FROM) {
		struct curl_slist *more = curl_slist_append(lines, "Expect:");

		if (!more)
			goto fail;
		lines = more;
	}
	j->lines = lines;
	curl_easy_setopt(j->easy, CURLOPT_HTTPHEADER, lines);
	return 0;
fail:
	curl_slist_free_all(lines);
	return -ENOMEM;
}

static void
set_body(struct xfer_job *j)
{
	CURL *e = j->easy;

	switch (j->verb) {
	case XFER_GET:
		break;
	case XFER_HEAD:
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		break;
	case XFER_PUT:
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)j->size);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, j);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, j);
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE,
				 (long)SEND_BUFFER);
		curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, 300L);
		break;
	case XFER_POST:
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)j->size);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, j->body ? j->body : "");
		break;
	}
}

static void
set_way(struct xfer *x, struct xfer_job *j)
{
	CURL *e = j->easy;
	bool tls = strncmp(j->url.p, "https:", 6) == 0;
	const char *proxy = tls ? x->o.proxy_https : x->o.proxy_http;

	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	/* "" also keeps libcurl from asking the environment. */
	curl_easy_setopt(e, CURLOPT_PROXY, proxy && !j->direct ? proxy : "");
	curl_easy_setopt(e, CURLOPT_NOPROXY,
			 x->o.no_proxy ? x->o.no_proxy : "");
	if (x->o.ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, x->o.ca_file);
	/* The parsed file is kept only if there is no directory. */
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)LIFE_S);
	curl_easy_setopt(
		e, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(j->connect_ms ? j->connect_ms : x->o.connect_ms));
}

static void
set_ears(struct xfer_job *j)
{
	CURL *e = j->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PRIVATE, j);
	curl_easy_setopt(e, CURLOPT_URL, j->url.p);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "kache/" KACHE_VERSION);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, j);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, j);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, j->why);
}

static void
forget_answer(struct xfer_job *j)
{
	buf_reset(&j->head);
	buf_reset(&j->error);
	j->result = 0;
	j->status = 0;
	j->silent = false;
	j->total = 0;
	j->taken = 0;
	j->why[0] = '\0';
	j->sent = 0;
	j->abort_code = 0;
	j->first = false;
	j->full = false;
	j->held = false;
	j->paused_at = 0;
	j->body_at = 0;
	j->began = file_monotonic();
	j->unmeasured = false;
	j->cut = false;
	j->heads = 0;
	atomic_store(&j->resume, false);
}

static void
give_handle_back(struct xfer *x, struct xfer_job *j)
{
	if (x->idles < x->o.transfers) {
		curl_easy_reset(j->easy);
		x->idle[x->idles] = j->easy;
		x->idles++;
	} else {
		curl_easy_cleanup(j->easy);
	}
	j->easy = NULL;
	curl_slist_free_all(j->lines);
	j->lines = NULL;
}

int
xfer_begin(struct xfer *x, struct xfer_job *j, int64_t now)
{
	int rc;

	if (j->url.failed || j->headers.failed || j->url.len == 0)
		return -ENOMEM;
	forget_answer(j);
	if (x->idles > 0) {
		x->idles--;
		j->easy = x->idle[x->idles];
	} else {
		j->easy = curl_easy_init();
	}
	if (!j->easy)
		return -ENOMEM;
	set_ears(j);
	set_way(x, j);
	set_body(j);
	xfer_timeouts_start(x, j, now);
	rc = set_lines(j);
	if (rc == 0 && curl_multi_add_handle(x->multi, j->easy) != CURLM_OK)
		rc = -EIO;
	if (rc != 0)
		give_handle_back(x, j);
	else
		activate(x, j);
	return rc;
}

/* --- the end of an attempt ----------------------------------------------- */

static int
meaning(struct xfer_job *j, CURLcode code)
{
	if (j->abort_code)
		return j->abort_code;
	if (j->cut)
		return 0;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		j->silent = !j->first;
		return ERR_TIMEOUT;
	case CURLE_PARTIAL_FILE:
		return ERR_CORRUPT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return -EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* Takes an active job out and ends its attempt. */
static void
finish_job(struct xfer *x, struct xfer_job *j, int result)
{
	j->status = status_of(j);
	curl_multi_remove_handle(x->multi, j->easy);
	give_handle_back(x, j);
	deactivate(x, j);
	xfer_schedule_end(x, j, result);
}

static void
reap(struct xfer *x)
{
	CURLMsg *m;
	int left;

	for (m = curl_multi_info_read(x->multi, &left); m;
	     m = curl_multi_info_read(x->multi, &left)) {
		struct xfer_job *j = NULL;
		CURLcode code = m->data.result;
		int rc;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
		rc = meaning(j, code);
		if (code != CURLE_OK && !*j->why)
			snprintf(j->why, sizeof(j->why), "%s",
				 curl_easy_strerror(code));
		if (rc == 0)
			xfer_bandwidth_ended(x, j);
		finish_job(x, j, rc);
	}
}

/* --- what is under way --------------------------------------------------- */

/* Pauses or resumes J as its ring and demand say.  0 or the end. */
static int
steer(struct xfer *x, struct xfer_job *j, bool hold, int64_t now)
{
	bool was = j->full || j->held;
	bool is;

	if (atomic_exchange(&j->moved, false) &&
	    xfer_timeouts_is_get(j, true) &&
	    now + x->o.demand_ms * XFER_MS < j->first_by)
		j->first_by = now + x->o.demand_ms * XFER_MS;
	/* Before the headers libcurl would forget a pause. */
	hold = hold && xfer_timeouts_is_get(j, false) && j->first;
	if (atomic_exchange(&j->resume, false))
		j->full = false;
	j->held = hold;
	is = j->full || j->held;
	if (was == is)
		return 0;
	if (is) {
		j->paused_at = now;
		j->unmeasured = true;
		curl_easy_pause(j->easy, CURLPAUSE_RECV);
		return 0;
	}
	j->first_by += j->first_by == XFER_NEVER ? 0 : now - j->paused_at;
	j->window += now - j->paused_at;
	j->paused_at = 0;
	/* Calls on_body, which may fill the ring again. */
	if (curl_easy_pause(j->easy, CURLPAUSE_CONT) != CURLE_OK)
		return j->abort_code ? j->abort_code : -EIO;
	return 0;
}

static void
watch_active(struct xfer *x, int64_t now)
{
	bool hold = xfer_timeouts_demand(x);
	struct xfer_job *j;
	struct xfer_job *next;

	xfer_bandwidth_watch(x, now);
	for (j = TAILQ_FIRST(&x->active); j; j = next) {
		int rc = steer(x, j, hold, now);

		next = TAILQ_NEXT(j, link);
		if (rc == 0)
			rc = xfer_timeouts_trouble(x, j, now);
		if (rc != 0)
			finish_job(x, j, rc);
	}
}

static bool
take_inbox(struct xfer *x)
{
	pthread_mutex_lock(&x->lock);
	if (!TAILQ_EMPTY(&x->inbox))
		x->rescan = true;
	TAILQ_CONCAT(&x->pending, &x->inbox, link);
	x->stopping = x->stop;
	pthread_mutex_unlock(&x->lock);
	if (atomic_exchange(&x->attention, false) || x->stopping)
		x->rescan = true;
	if (atomic_exchange(&x->poked, false)) {
		xfer_schedule_wake(x);
		x->rescan = true;
	}
	return x->stopping && TAILQ_EMPTY(&x->active) &&
	       TAILQ_EMPTY(&x->pending);
}

static int
patience(struct xfer *x)
{
	int64_t now = file_monotonic();
	int64_t ms = TAILQ_EMPTY(&x->active) ? 60000 : XFER_TICK_MS;

	if (x->rescan || x->stopping || x->due <= now)
		return 0;
	if (x->due != XFER_NEVER && (x->due - now) / XFER_MS + 1 < ms)
		ms = (x->due - now) / XFER_MS + 1;
	return (int)ms;
}

static void *
engine(void *ctx)
{
	struct xfer *x = ctx;
	int running;

	pthread_setname_np(pthread_self(), "kache-xfer");
	while (!take_inbox(x)) {
		int64_t now = file_monotonic();

		watch_active(x, now);
		xfer_schedule_start(x, now);
		curl_multi_perform(x->multi, &running);
		reap(x);
		curl_multi_poll(x->multi, NULL, 0, patience(x), NULL);
	}
	return NULL;
}

/* --- for other threads --------------------------------------------------- */

static int
start_thread(struct xfer *x)
{
	sigset_t all;
	sigset_t old;
	int rc;

	/* Signals are for the main thread; SIGPIPE, which OpenSSL raises,
	 * for nobody. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&x->thread, NULL, engine, x);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static void
defaults(struct xfer_opts *o)
{
	if (o->transfers < 2)
		o->transfers = 2;
	o->connect_ms = o->connect_ms ? o->connect_ms : 3000;
	o->demand_ms = o->demand_ms ? o->demand_ms : 1000;
	o->background_ms = o->background_ms ? o->background_ms : 10000;
	o->stall_ms = o->stall_ms ? o->stall_ms : 10000;
}

int
xfer_open(const struct xfer_opts *o, struct xfer **out)
{
	struct xfer *x = calloc(1, sizeof(*x));
	int rc = -ENOMEM;

	if (!x)
		return -ENOMEM;
	x->o = *o;
	defaults(&x->o);
	pthread_mutex_init(&x->lock, NULL);
	TAILQ_INIT(&x->inbox);
	TAILQ_INIT(&x->pending);
	TAILQ_INIT(&x->active);
	x->due = XFER_NEVER;
	x->idle = calloc(x->o.transfers, sizeof(*x->idle));
	if (x->idle && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		x->multi = curl_multi_init();
	if (x->multi) {
		curl_multi_setopt(x->multi, CURLMOPT_MAXCONNECTS,
				  (long)x->o.transfers * 2);
		rc = start_thread(x);
	}
	if (rc != 0) {
		x->stop = true;
		xfer_free(x);
		return rc;
	}
	*out = x;
	return 0;
}

void
xfer_stop(struct xfer *x)
{
	bool stopped;

	pthread_mutex_lock(&x->lock);
	stopped = x->stop;
	x->stop = true;
	pthread_mutex_unlock(&x->lock);
	if (stopped)
		return;
	curl_multi_wakeup(x->multi);
	pthread_join(x->thread, NULL);
}

void
xfer_free(struct xfer *x)
{
	while (x->idles > 0) {
		x->idles--;
		curl_easy_cleanup(x->idle[x->idles]);
	}
	if (x->multi)
		curl_multi_cleanup(x->multi);
	free(x->idle);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

int
xfer_submit(struct xfer *x, struct xfer_job *j, bool demand)
{
	int rc = 0;

	j->engine = x;
	atomic_store(&j->demand, demand);
	pthread_mutex_lock(&x->lock);
	if (x->stop) {
		rc = -ECANCELED;
	} else {
		TAILQ_INSERT_TAIL(&x->inbox, j, link);
	}
	pthread_mutex_unlock(&x->lock);
	if (rc == 0)
		curl_multi_wakeup(x->multi);
	return rc;
}

static void
call_attention(struct xfer *x)
{
	atomic_store(&x->attention, true);
	curl_multi_wakeup(x->multi);
}

void
xfer_cancel(struct xfer *x, struct xfer_job *j)
{
	atomic_store(&j->cancel, true);
	call_attention(x);
}

void
xfer_move(struct xfer *x, struct xfer_job *j, bool demand)
{
	atomic_store(&j->demand, demand);
	atomic_store(&j->moved, true);
	call_attention(x);
}

void
xfer_resume(struct xfer *x, struct xfer_job *j)
{
	atomic_store(&j->resume, true);
	curl_multi_wakeup(x->multi);
}

void
xfer_poke(struct xfer *x)
{
	atomic_store(&x->poked, true);
	curl_multi_wakeup(x->multi);
}

uint64_t
xfer_rate(struct xfer *x)
{
	return atomic_load(&x->rate);
}

const char *
xfer_header(const struct xfer_job *j, const char *name)
{
	size_t n = strlen(name);
	const char *p = j->head.p;
	const char *stop = p + j->head.len;

	for (; p && p < stop; p += strlen(p) + 1) {
		if (strncasecmp(p, name, n) == 0 && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " \t");
	}
	return NULL;
}

int64_t
xfer_date(const char *text)
{
	return curl_getdate(text, NULL);
}

void
xfer_release(struct xfer_job *j)
{
	buf_free(&j->url);
	buf_free(&j->headers);
	buf_free(&j->head);
	buf_free(&j->error);
}
