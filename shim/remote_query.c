/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/remote_query.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/input_policy.h"
#include "key/inputs.h"
#include "shim/path_bound.h"
#include "shim/invocation.h"
#include "shim/daemon_start.h"
#include "shim/kind.h"
#include "store/entry.h"
#include "store/unit_manifest.h"
#include "wire/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* PROTOCOL's times, ms.  A shorter timeout of the user's makes us leave
 * earlier; it does not make the daemon a dead one. */
enum {
	SOON_MS = 500,   /* HELLO and the first answer */
	PROBE_MS = 100,  /* the same, of a daemon that was down */
	DEAD_MS = 2950,  /* no final answer by then: it is dead */
	MARGIN_MS = 100, /* nothing new is asked so shortly before the end */
	RETRY_MS = 10
};

#define MS INT64_C(1000000)

static void
skipped(struct invocation *j, const char *why)
{
	log_msg(LOG_DEBUG, "%s: daemon skipped: %s", j->args.crate_name, why);
}

bool
remote_query_begin(struct remote_query *a, struct invocation *j)
{
	enum daemon_backoff_state state;

	*a = (struct remote_query){ .job = j, .mark = { .fd = -1 } };
	if (!config_remote_reads(&j->config) || !j->readable || j->islanded ||
	    j->config.v[CONFIG_SHIM_TIMEOUT].num <= 0)
		return false;
	state = daemon_backoff_look(&a->mark, j->cache_dir);
	a->probing = state == DAEMON_BACKOFF_PROBE;
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
connect_to(struct remote_query *a, const char *socket)
{
	bool summoned = false;
	int r = client_open(&a->client, socket, a->soon);

	while (r == ERR_MISS && file_monotonic() < a->soon) {
		if (!summoned)
			daemon_start(a->job);
		summoned = true;
		poll(NULL, 0, RETRY_MS);
		r = client_open(&a->client, socket, a->soon);
	}
	if (r == ERR_TIMEOUT)
		a->dead = a->probing || a->soon >= a->begin + SOON_MS * MS;
	return r < 0 ? fail(a, r, err_text(r)) : 0;
}

/* One request's answer.  The first of a CHECK must come soon. */
static int
receive(struct remote_query *a, struct message *m, int64_t deadline)
{
	int r = client_receive(&a->client, m, deadline);

	if (r == ERR_TIMEOUT && deadline < a->end)
		a->dead = a->probing || deadline >= a->begin + SOON_MS * MS;
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
		daemon_backoff_end(&a->mark, 1);
	if (r == 0)
		r = receive(a, m, a->end);
	if (r == 0 && m->type == MESSAGE_NOT_FOUND)
		return ERR_MISS;
	if (r == 0 && m->type != MESSAGE_SHAPES)
		return fail(a, ERR_BUSY, message_name(m->type));
	return r;
}

int
remote_query_get(struct remote_query *a, const struct digest *at)
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

int
remote_query_bring(struct remote_query *a, const struct digest *at)
{
	struct entry e = { 0 };
	struct digest to;
	int r = remote_query_get(a, at);

	if (r < 0)
		return r;
	r = entry_load(&a->job->store, at, &e);
	if (r < 0)
		return ERR_MISS;
	if (e.roots[0] && !e.nout) {
		r = path_bound_key(at, e.roots, &a->job->roots, &to);
		r = r ? r : remote_query_get(a, &to);
	}
	entry_release(&e);
	return r;
}

static int
evaluate(struct invocation *j, const struct inputs *s, const struct digest *k0,
	 struct digest *k1)
{
	struct inputs_env env = invocation_inputs_env(j);

	env.file_max = INPUT_POLICY_FILE_MAX;
	/* The daemon did this; we believe neither it nor the remote. */
	if (input_policy_check(s) < 0)
		return ERR_REFUSED;
	return inputs_key(s, &env, k0, k1, NULL) < 0 ? ERR_MISS : 0;
}

/* 0: something came; ERR_MISS: try the next one. */
static int
try_record(struct remote_query *a, const struct digest *k0,
	   const struct unit_manifest_record *rec)
{
	struct digest k1;

	if (evaluate(a->job, &rec->inputs, k0, &k1) < 0)
		return ERR_MISS;
	return a->job->kind->ask(a, rec, &k1);
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
	int64_t soon = a->probing ? PROBE_MS : SOON_MS;

	a->begin = file_monotonic();
	a->soon = a->begin + (soon < timeout ? soon : timeout) * MS;
	a->end = a->begin + timeout * MS;
}

bool
remote_query_run(struct remote_query *a)
{
	struct invocation *j = a->job;
	char socket[4200];
	int r;

	set_times(a);
	r = config_socket(&j->config, j->cache_dir, socket, sizeof(socket));
	if (r == 0)
		r = connect_to(a, socket);
	if (r == 0) {
		r = converse(a);
		client_close(&a->client);
	}
	if (a->dead)
		daemon_backoff_mark(&a->mark);
	else
		daemon_backoff_end(&a->mark, 0);
	if (a->why)
		skipped(j, a->why);
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
