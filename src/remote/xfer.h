/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REMOTE_XFER_H
#define REMOTE_XFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h" /* allow: value */

/*
 * The transfer engine and the door to libcurl: one thread with one curl_multi.
 * HTTP/1.1 only (libcurl 7.88 loses bodies over HTTP/2), no redirects, no
 * signals.  It knows HTTP, not S3.
 *
 * A job is one request, or several one after the other: `done` may ask for
 * another attempt.  It waits in a list until its time has come and a place
 * is free (demand before background), is asked to `prepare` its request, and
 * is told the end by `done`.  While a demand GET is under way, background
 * GETs are neither begun nor received; and they never keep more in flight than
 * the line carries in a quarter of a second, so that demand finds it free.
 *
 * Threads: any for functions, but xfer_open and xfer_free; the callbacks come
 * on the engine's thread, without its lock, and must not wait.
 */
struct xfer;

struct xfer_opts {
	unsigned transfers; /* at one time, at least 2 */
	/* Borrowed for the engine's life; NULL: none, the system's. */
	const char *ca_file;
	const char *proxy_http;
	const char *proxy_https;
	const char *no_proxy;
	/* Milliseconds, 0: 3000, 1000, 10000, 10000. */
	int connect_ms;    /* name, TCP and TLS */
	int demand_ms;     /* until the first byte of a demand GET */
	int background_ms; /* until the first byte of all else */
	int stall_ms;      /* in which as many bytes must move */
};

enum xfer_verb { XFER_GET, XFER_HEAD, XFER_PUT, XFER_POST };

struct xfer_job {
	/* 0: the request below is complete; -EAGAIN: ask again at not_before
	 * or after xfer_poke; else the end, with this result. */
	int (*prepare)(struct xfer_job *j);
	/* The body of an answer below 300, piece by piece.  0, -EAGAIN: no
	 * room, the same again after xfer_resume; else the end. */
	int (*take)(struct xfer_job *j, const void *p, size_t n);
	/* The end of an attempt.  True: once more, at not_before; not after
	 * -ECANCELED or past the deadline.  After false the engine does not
	 * touch the job again. */
	bool (*done)(struct xfer_job *j);
	int64_t deadline; /* monotonic ns over all attempts, 0: none */

	/* The request. */
	enum xfer_verb verb;
	struct buf url;
	struct buf headers; /* lines, each with its NUL */
	int fd;             /* PUT: the body from offset 0, or -1 */
	uint64_t size;      /* PUT, POST: bytes of the body */
	const void *body;   /* POST */
	uint64_t max;       /* a longer answer is ERR_TOOBIG, 0: 64 kB */
	uint64_t expect;    /* bytes of the answer, if its sender is believed;
			     * 0: no idea */
	int connect_ms;     /* 0: the engine's */
	int first_ms;       /* until the first byte, 0: the engine's */
	bool direct;        /* never through a proxy */
	int64_t not_before; /* monotonic ns */

	/*
	 * The answer.  0: it is whole, whatever its status; ERR_TIMEOUT;
	 * ERR_CORRUPT: cut short; ERR_TOOBIG; -EPROTO: TLS does not trust it;
	 * -ECONNREFUSED; -EHOSTUNREACH: no such host; -ECANCELED; -EIO.
	 */
	int result;
	int status;       /* 0: none came */
	bool silent;      /* ERR_TIMEOUT before the first byte, while
			   * nobody else heard anything either */
	uint64_t total;   /* announced size, 0: not said */
	uint64_t taken;   /* bytes that `take` has taken */
	struct buf head;  /* header lines, each with its NUL */
	struct buf error; /* body of an answer from 300 on; no more than its
			   * first 64 kB are received */
	char why[256];    /* libcurl's words */

	/* The engine's own; zero when the job is submitted. */
	atomic_bool demand;
	atomic_bool moved;
	atomic_bool cancel;
	atomic_bool resume;
	TAILQ_ENTRY(xfer_job) link;
	void *easy;
	void *lines;
	struct xfer *engine;
	uint64_t sent;
	int abort_code;
	bool waiting;
	bool first;
	bool full;
	bool held;
	int64_t paused_at;
	int64_t first_by;
	int64_t end_by;
	int64_t window;
	uint64_t window_bytes;
	int64_t body_at;
	int64_t began;
	bool unmeasured;
	bool cut;
	size_t heads;
};

/* Certificates and proxies as the environment GET has them: AWS_CA_BUNDLE,
 * SSL_CERT_FILE, https_proxy and so on.  Borrows. */
void xfer_env(struct xfer_opts *o, const char *(*get)(const char *name));

/* 0, -ENOMEM or -errno. */
int xfer_open(const struct xfer_opts *o, struct xfer **out);

/* Ends all jobs with -ECANCELED and the thread; what is submitted later is
 * refused. */
void xfer_stop(struct xfer *x);
void xfer_free(struct xfer *x); /* stopped */

/* 0: `done` will be called; or -ECANCELED: stopped. */
int xfer_submit(struct xfer *x, struct xfer_job *j, bool demand);

/* The job must not be freed meanwhile.  Harmless after its end. */
void xfer_cancel(struct xfer *x, struct xfer_job *j);
void xfer_move(struct xfer *x, struct xfer_job *j, bool demand);
void xfer_resume(struct xfer *x, struct xfer_job *j);

/* Asks all jobs again whose prepare gave -EAGAIN. */
void xfer_poke(struct xfer *x);

/* Bytes a second of receiving, 0: not known yet. */
uint64_t xfer_rate(struct xfer *x);

/* Value of header NAME in the answer, NULL: none. */
const char *xfer_header(const struct xfer_job *j, const char *name);

/* Frees the buffers of a job. */
void xfer_release(struct xfer_job *j);

/* HTTP's date as seconds since 1970, or -1. */
int64_t xfer_date(const char *text);

/*
 * One small request, waited for; not on the engine's thread.  HEADERS: lines,
 * NULL-ended, or NULL.  BODY of POST, may be NULL.  The whole answer, whatever
 * its status, is appended to OUT.  The status, or an error as
 * xfer_job.result.
 */
struct xfer_fetch {
	enum xfer_verb verb;
	const char *url;
	const char *const *headers;
	const char *body;
	int connect_ms;
	int timeout_ms;
	size_t max; /* bytes of the answer; 0: 64 kB */
	bool direct;
};

int xfer_fetch(struct xfer *x, const struct xfer_fetch *f, struct buf *out);

#endif
