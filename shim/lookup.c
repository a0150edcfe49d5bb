/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/lookup.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "key/inputs.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/path_bound.h"
#include "store/entry.h"
#include "store/manifest.h"

/* The entry at AT.  A redirect leads to the one of these roots: *AT is where
 * that lies. */
static int
load(struct invocation *j, struct digest *at, struct entry *e)
{
	struct digest to;
	int r = entry_load(&j->store, at, e);

	if (r < 0 || !e->roots[0] || e->nout)
		return r;
	r = path_bound_key(at, e->roots, &j->roots, &to);
	entry_release(e);
	if (r == 0)
		r = entry_load(&j->store, &to, e);
	*at = to;
	return r;
}

static void
note_served(struct invocation *j, struct lookup *out, const struct entry *e,
	    const struct digest *k1, const struct digest *at)
{
	entry_touch(&j->store, at);
	j->event.saved_us = e->compile_us;
	j->event.k1 = *k1;
	j->event.at = *at;
	out->served = true;
	out->prefetched = e->origin == ENTRY_PREFETCHED &&
			  entry_take_fresh(&j->store, at);
}

static int
serve(struct invocation *j, struct lookup *out, const struct digest *k1,
      struct digest at)
{
	int64_t start = file_monotonic();
	struct entry e = { 0 };
	int r = load(j, &at, &e);

	if (r < 0)
		return r;
	r = j->kind->restore(j, &e, &out->lost);
	if (r == 0) {
		note_served(j, out, &e, k1, &at);
		j->event.restore_us = invocation_us(start);
	} else if (!out->lost) {
		log_msg(r == ERR_MISS ? LOG_INFO : LOG_ERROR,
			"%s: not restored: %s", j->event.crate, err_text(r));
	}
	entry_release(&e);
	return r;
}

static void
try_inputs(struct invocation *j, struct lookup *out, const struct digest *k0,
	   const struct inputs *s, bool newest)
{
	struct inputs_env env = invocation_inputs_env(j);
	struct digest k1, at[KIND_PLACES_MAX];
	int n;

	if (inputs_key(s, &env, k0, &k1, NULL) < 0)
		return;
	if (newest) {
		out->k1 = k1;
		out->k1_known = true;
	}
	n = j->kind->places(j, s, &k1, at);
	for (int i = 0; i < n && !out->served && !out->lost; i++)
		serve(j, out, &k1, at[i]);
}

static void
try_key(struct invocation *j, struct lookup *out, const struct digest *k0,
	bool asked)
{
	struct manifest m = { 0 };

	if (manifest_load(&j->store, k0, &m) < 0)
		return;
	if (asked && m.count) {
		out->newest_us = m.rec[0].compile_us;
		out->newest_ms = m.rec[0].stored_ms;
	}
	for (size_t i = 0; i < m.count && !out->served && !out->lost; i++)
		try_inputs(j, out, k0, &m.rec[i].inputs, asked && i == 0);
	manifest_release(&m);
}

struct lookup
lookup(struct invocation *j)
{
	int64_t start = file_monotonic();
	struct lookup out = { 0 };

	if (!j->readable)
		return out;
	try_key(j, &out, &j->k0, true);
	if (!out.served && !out.lost && j->args.incremental)
		try_key(j, &out, &j->k0_plain, false);
	j->event.lookup_us = invocation_us(start) - j->event.restore_us;
	return out;
}
