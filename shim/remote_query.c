/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/remote_query.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/inputs.h"
#include "key/vet.h"
#include "key/witness.h"
#include "shim/path_bound.h"
#include "shim/daemon_backoff.h"
#include "shim/invocation.h"
#include "shim/daemon_start.h"
#include "store/entry.h"
#include "store/unit_manifest.h"
#include "wire/client.h"
#include "wire/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/*
 * PROTOCOL's times, ms.  A shorter timeout of the user's makes us leave
 * earlier; it does not make the daemon a dead one.
 */
extern char **environ;

enum {
	SOON_MS = 500,   /* HELLO and the first answer */
	PROBE_MS = 100,  /* the same, of a daemon that was down */
	DEAD_MS = 2950,  /* no final answer by then: it is dead */
	MARGIN_MS = 100, /* nothing new is asked so shortly before the end */
	RETRY_MS = 10
};

#define MS INT64_C(1000000)

struct remote_query {
	struct invocation *job;
	struct client client;
	char socket[4200];
	int64_t begin; /* monotonic ns */
	int64_t soon;
	int64_t end;
	const char *why; /* why the daemon was of no use */
	bool dead;       /* it did not say what it must in time */
};

/* What remote_query_wanted found, for remote_query; a process asks for one
 * unit. */
static struct daemon_backoff mark = { .fd = -1 };
static bool probing;

static void
skipped(struct invocation *j, const char *why)
{
	log_msg(LOG_DEBUG, "%s: daemon skipped: %s", j->args.crate_name, why);
}

bool
remote_query_wanted(struct invocation *j)
{
	enum daemon_backoff_state state;

	if (!config_remote_reads(&j->config) ||
	    (!j->externs && j->args.kind != ARGS_RUN) ||
	    j->config.v[CONFIG_SHIM_TIMEOUT].num <= 0)
		return false;
	state = daemon_backoff_look(&mark, j->cache_dir);
	probing = state == DAEMON_BACKOFF_PROBE;
	if (state == DAEMON_BACKOFF_YES)
		skipped(j, "marked down");
	return state != DAEMON_BACKOFF_YES;
}

static int
fail(struct remote_query *a, int r, const char *why)
{
	if (!a->why)
		a->why = why;
	return r;
}

/* One that was just started needs a moment until it listens. */
static int
connect_to(struct remote_query *a)
{
	bool summoned = false;
	int r = client_open(&a->client, a->socket, a->soon);

	while (r == ERR_MISS && file_monotonic() < a->soon) {
		if (!summoned)
			daemon_start(a->job);
		summoned = true;
		poll(NULL, 0, RETRY_MS);
		r = client_open(&a->client, a->socket, a->soon);
	}
	if (r == ERR_TIMEOUT)
		a->dead = probing || a->soon >= a->begin + SOON_MS * MS;
	return r < 0 ? fail(a, r, err_text(r)) : 0;
}

/* One request's answer.  The first of a CHECK must come soon. */
static int
receive(struct remote_query *a, struct message *m, int64_t deadline)
{
	int r = client_receive(&a->client, m, deadline);

	if (r == ERR_TIMEOUT && deadline < a->end)
		a->dead = probing || deadline >= a->begin + SOON_MS * MS;
	else if (r == ERR_TIMEOUT)
		a->dead = deadline >= a->begin + DEAD_MS * MS;
	return r < 0 ? fail(a, r, r == ERR_TIMEOUT ? "no answer" : err_text(r))
		     : 0;
}

static int
send_key(struct remote_query *a, enum message_type type,
	 const struct digest *key)
{
	struct message m = { .type = type, .key = *key };
	int r = client_send(&a->client, &m, a->end);

	return r < 0 ? fail(a, r, err_text(r)) : 0;
}

static bool
time_left(const struct remote_query *a)
{
	return file_monotonic() < a->end - MARGIN_MS * MS;
}

/* 0: M is SHAPES; ERR_MISS: there are none; another error: no use. */
static int
check(struct remote_query *a, const struct digest *k0, int64_t soon,
      struct message *m)
{
	int r = send_key(a, MESSAGE_CHECK, k0);

	if (r == 0)
		r = receive(a, m, soon < a->end ? soon : a->end);
	if (r == 0 && m->type != MESSAGE_ACCEPTED)
		return fail(a, ERR_BUSY, message_name(m->type));
	/* Whoever answers is not dead, however long the rest takes. */
	if (r == 0)
		daemon_backoff_end(&mark, 1);
	if (r == 0)
		r = receive(a, m, a->end);
	if (r == 0 && m->type == MESSAGE_NOT_FOUND)
		return ERR_MISS;
	if (r == 0 && m->type != MESSAGE_SHAPES)
		return fail(a, ERR_BUSY, message_name(m->type));
	return r;
}

/* 0: it lies in the store now; ERR_MISS; another error: no use. */
static int
get(struct remote_query *a, const struct digest *at)
{
	struct message m;
	int r;

	if (!time_left(a))
		return fail(a, ERR_TIMEOUT, "no time left");
	r = send_key(a, MESSAGE_GET, at);
	if (r == 0)
		r = receive(a, &m, a->end);
	if (r < 0)
		return r;
	if (m.type == MESSAGE_FOUND)
		return digest_eq(&m.found.at, at)
			       ? 0
			       : fail(a, ERR_CORRUPT, "another key");
	return m.type == MESSAGE_NOT_FOUND
		       ? ERR_MISS
		       : fail(a, ERR_BUSY, message_name(m.type));
}

/* A redirect alone serves nobody: the entry of these roots, too. */
static int
get_bound(struct remote_query *a, const struct digest *at)
{
	struct entry e = { 0 };
	struct digest to;
	int r = get(a, at);

	if (r < 0)
		return r;
	r = entry_load(&a->job->store, at, &e);
	if (r < 0)
		return ERR_MISS;
	if (e.roots[0] && !e.nout) {
		r = path_bound_key(at, e.roots, &a->job->roots, &to);
		r = r ? r : get(a, &to);
	}
	entry_release(&e);
	return r;
}

static int
evaluate(struct invocation *j, const struct inputs *s, const struct digest *k0,
	 struct digest *k1)
{
	struct inputs_env env = {
		.memo = &j->memo,
		.roots = &j->roots,
		.get = invocation_getenv,
		.all = environ,
		.cwd = j->cwd,
		.externs = j->externs,
		.nexterns = j->args.nexterns,
		.run = j->args.kind == ARGS_RUN,
		.file_max = VET_FILE_MAX,
	};

	/* The daemon did this; we believe neither it nor the remote. */
	if (vet_inputs(s) < 0)
		return ERR_REFUSED;
	return inputs_key(s, &env, k0, k1, NULL) < 0 ? ERR_MISS : 0;
}

/*
 * A result for this place, for checkouts like this one, or for any place;
 * failing these who bore witness, for our own run to be compared with.  What
 * only checkouts of one name share is not asked for: each question is a round
 * trip, and `kache drain` proves more.
 */
static int
try_run(struct remote_query *a, const struct inputs *s, const struct digest *k1)
{
	struct invocation *j = a->job;
	char tags[WITNESS_PLACES + 1];
	struct digest at;
	int r = witness_tags(s, &j->roots, invocation_getenv, tags);

	if (r == 0)
		r = ERR_MISS;
	for (int reach = 0; reach < WITNESS_NAMED && r == ERR_MISS; reach++) {
		witness_key(k1, &j->roots, tags, reach, &at);
		r = get(a, &at);
	}
	if (r != ERR_MISS || get(a, k1) < 0)
		return r;
	witness_key(k1, &j->roots, tags, WITNESS_REACHES, &at);
	get(a, &at);
	return ERR_MISS;
}

/* 0: something came; ERR_MISS: try the next one. */
static int
try_record(struct remote_query *a, const struct digest *k0,
	   const struct unit_manifest_record *rec)
{
	static const struct digest none;
	struct invocation *j = a->job;
	struct digest k1, at;
	int r;

	if (evaluate(j, &rec->inputs, k0, &k1) < 0)
		return ERR_MISS;
	if (j->args.kind == ARGS_RUN)
		return try_run(a, &rec->inputs, &k1);
	if (digest_eq(&k1, &rec->k1)) {
		/* Diagnostics in another form are of no use. */
		if (!digest_eq(&rec->tag, &none) &&
		    !digest_eq(&rec->tag, &j->tag))
			return ERR_MISS;
		unit_manifest_at(&k1, &rec->tag, &at);
		return get_bound(a, &at);
	}
	r = get_bound(a, &k1);
	if (r == ERR_MISS) {
		unit_manifest_at(&k1, &j->tag, &at);
		r = get_bound(a, &at);
	}
	return r;
}

static int
try_records(struct remote_query *a, const struct digest *k0,
	    const struct message *m)
{
	struct unit_manifest list = { 0 };
	int r = unit_manifest_decode(m->manifest.p, m->manifest.n, &list);

	if (r < 0)
		return fail(a, r, "manifest");
	r = ERR_MISS;
	for (size_t i = 0; i < list.count && r == ERR_MISS; i++)
		r = try_record(a, k0, &list.rec[i]);
	unit_manifest_release(&list);
	return r;
}

static int
converse(struct remote_query *a)
{
	struct invocation *j = a->job;
	struct message m;
	int r = check(a, &j->k0, a->soon, &m);

	if (r == 0)
		return try_records(a, &j->k0, &m);
	if (r == ERR_MISS && j->args.incremental && time_left(a)) {
		r = check(a, &j->k0_plain, file_monotonic() + SOON_MS * MS, &m);
		if (r == 0)
			return try_records(a, &j->k0_plain, &m);
	}
	return r;
}

static void
set_times(struct remote_query *a)
{
	int64_t timeout = a->job->config.v[CONFIG_SHIM_TIMEOUT].num;
	int64_t soon = probing ? PROBE_MS : SOON_MS;

	a->begin = file_monotonic();
	a->soon = a->begin + (soon < timeout ? soon : timeout) * MS;
	a->end = a->begin + timeout * MS;
}

bool
remote_query(struct invocation *j)
{
	struct remote_query a = { .job = j };
	int r;

	set_times(&a);
	r = config_socket(&j->config, j->cache_dir, a.socket, sizeof(a.socket));
	if (r == 0)
		r = connect_to(&a);
	if (r == 0) {
		r = converse(&a);
		client_close(&a.client);
	}
	if (a.dead)
		daemon_backoff_mark(&mark);
	else
		daemon_backoff_end(&mark, 0);
	if (a.why)
		skipped(j, a.why);
	return r == 0;
}

void
remote_query_stored(struct invocation *j, const struct digest *at)
{
	struct message m = { .type = MESSAGE_STORED, .key = *at };
	char path[4200];
	int r;

	if (config_socket(&j->config, j->cache_dir, path, sizeof(path)) < 0)
		return;
	/* The intent lies in the spool: a note that is lost costs time only. */
	r = client_note(path, &m);
	if (r == ERR_MISS)
		daemon_start(j);
	if (r < 0)
		log_msg(LOG_DEBUG, "%s: daemon not told: %s", j->event.crate,
			err_text(r));
}
