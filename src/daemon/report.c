/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/report.h"

#include "base/buf.h"
#include "base/file.h"
#include "daemon/sessions.h"
#include "daemon/conn.h"
#include "daemon/services.h"
#include "daemon/sweeper.h"
#include "daemon/upload_queue.h"
#include "remote/remote.h"
#include "work/flight.h"
#include "work/queue.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct report {
	struct buf *out;
	size_t count;
};

static void line(struct report *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void
line(struct report *r, const char *name, const char *fmt, ...)
{
	char value[4200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	buf_fmt(r->out, "%s=%s", name, value);
	buf_char(r->out, '\0');
	r->count++;
}

static void
number(struct report *r, const char *name, uint64_t n)
{
	line(r, name, "%llu", (unsigned long long)n);
}

static void
add_remote(struct report *r, struct remote *remote)
{
	struct remote_status st;

	remote_status(remote, &st);
	line(r, "remote.url", "%s", st.url);
	line(r, "remote.mode", "%s", st.mode);
	line(r, "remote.problem", "%s", st.problem);
	line(r, "remote.credentials", "%s", st.credentials);
	line(r, "remote.expires", "%lld", (long long)st.expires);
	line(r, "remote.read_breaker", "%s", st.read_breaker);
	line(r, "remote.write_breaker", "%s", st.write_breaker);
	number(r, "remote.gets", st.gets);
	number(r, "remote.puts", st.puts);
	number(r, "remote.misses", st.misses);
	number(r, "remote.errors", st.errors);
	number(r, "remote.retries", st.retries);
	number(r, "remote.rate", st.rate);
	number(r, "transfers.demand", st.demand);
	number(r, "transfers.background", st.background);
	number(r, "transfers.bytes_in", st.bytes_in);
	number(r, "transfers.bytes_out", st.bytes_out);
}

static void
add_queue(struct report *r, struct services *h)
{
	struct queue_depth d = queue_depth(h->queue, QUEUE_DEMAND);
	struct queue_depth b = queue_depth(h->queue, QUEUE_BACKGROUND);

	number(r, "queue.workers", queue_workers(h->queue));
	number(r, "queue.demand", d.admitted);
	number(r, "queue.demand_waiting", d.waiting);
	number(r, "queue.background", b.admitted);
	number(r, "queue.background_waiting", b.waiting);
	number(r, "flights.units", flight_count(h->units));
	number(r, "flights.packs", flight_count(h->packs));
}

static void
add_sweeps(struct report *r, struct sweeper *w, const struct config *c)
{
	int64_t interval = c->v[CONFIG_DAEMON_GC_INTERVAL].num / 1000;
	struct sweeper_status st;

	sweeper_status(w, &st);
	line(r, "gc.state", "%s", st.busy ? "at work" : "waits");
	st.last /= 1000000000;
	number(r, "gc.last", (uint64_t)st.last);
	number(r, "gc.took_ms", (uint64_t)st.took / 1000000);
	number(r, "gc.last_removed", st.removed);
	number(r, "gc.last_freed", st.freed);
	number(r, "gc.next",
	       st.last && interval > 0 ? (uint64_t)(st.last + interval) : 0);
}

static void
add_counters(struct report *r, struct services *h)
{
	static const char *const names[] = {
#define COUNTER(id, name) [HUB_##id] = name,
#include "daemon/counters.def"
#undef COUNTER
	};

	for (int i = 0; i < SERVICES_COUNTERS; i++)
		number(r, names[i], atomic_load(&h->count[i]));
}

size_t
report_lines(struct services *h, struct buf *out)
{
	struct report r = { .out = out };
	struct services_setup *s = services_get(h);

	line(&r, "version", "%s", KACHE_VERSION);
	number(&r, "pid", (uint64_t)getpid());
	number(&r, "uptime_s",
	       (uint64_t)(file_monotonic() - h->started) / 1000000000);
	line(&r, "program", "%s", h->program);
	line(&r, "socket", "%s", h->socket);
	line(&r, "log", "%s", h->log);
	line(&r, "state", "%s", h->stopping ? "stopping" : "running");
	if (s->remote) {
		add_remote(&r, s->remote);
	} else {
		line(&r, "remote.url", "%s",
		     s->config.v[CONFIG_REMOTE_URL].text);
		line(&r, "remote.problem", "%s", s->problem);
	}
	add_queue(&r, h);
	number(&r, "uploads.active", upload_queue_active(h->uploads));
	number(&r, "spool.waiting", upload_queue_left(h->uploads));
	number(&r, "clients", h->conns->count);
	number(&r, "builds", sessions_count(h->builds));
	add_sweeps(&r, h->sweeper, &s->config);
	add_counters(&r, h);
	services_put(s);
	return r.count;
}
