/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/compile_lock.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/lookup.h"
#include "shim/invocation.h"
#include "store/compile_slots.h"

#include <fcntl.h>

/* A leader that compiles among many others takes longer than alone; how long
 * the first time nobody knows. */
enum { UNKNOWN_MS = 10000, RUNS_MS = 30000, STOPPED_MS = 2000, SLICE_MS = 500 };

static uint64_t
now_ms(void)
{
	return (uint64_t)file_now() / 1000000;
}

static void
compile_lock_key(struct invocation *j, struct digest *key)
{
	struct digest_ctx c;
	struct digest d = { { 0 } };
	struct file_id id;

	if (j->k1_known) {
		*key = j->k1;
		return;
	}
	/* Without an input list the root source tells worktrees at different
	 * commits apart. */
	digest_cache_digest(&j->memo, AT_FDCWD, j->args.source, &d, &id);
	digest_init(&c);
	digest_str(&c, "compile-lock");
	digest_sub(&c, &j->k0);
	digest_sub(&c, &d);
	digest_end(&c, key);
}

static int
try_lock(struct invocation *j, const struct digest *key, int ms)
{
	return store_lock(&j->store, STORE_LOCK_COMPILE, key, ms);
}

/* 0: the lock is ours. */
static int
follow(struct invocation *j, const struct digest *key)
{
	uint64_t last = j->newest_us / 1000 * 2, stopped = 0;
	int64_t begun = file_monotonic();
	int r;

	for (;;) {
		uint64_t waited, most;
		enum compile_slots_life life;

		r = try_lock(j, key, SLICE_MS);
		if (r != ERR_TIMEOUT)
			return r;
		waited = (uint64_t)(file_monotonic() - begun) / 1000000;
		life = compile_slots_life(&j->store, key);
		most = life == COMPILE_SLOTS_UNKNOWN ? UNKNOWN_MS : RUNS_MS;
		stopped =
			life == COMPILE_SLOTS_STOPPED ? stopped + SLICE_MS : 0;
		if (waited >= (last > most ? last : most) ||
		    stopped >= STOPPED_MS)
			return r;
	}
}

/* True if somebody else had the lock meanwhile. */
static bool
take(struct invocation *j, struct compile_lock *t)
{
	uint64_t since = now_ms();
	int r;

	t->leads = false;
	t->never = compile_slots_never(&j->store, &t->key);
	if (t->never)
		return false;
	r = try_lock(j, &t->key, 0);
	t->leads = r == 0;
	if (r != ERR_TIMEOUT)
		return false;
	r = follow(j, &t->key);
	t->leads = r == 0;
	if (r < 0)
		log_msg(LOG_INFO, "%s: compile lock: %s", j->args.crate_name,
			err_text(r));
	/* One after another we would all find out the same. */
	if (t->leads && compile_slots_ended(&j->store, &t->key, since)) {
		store_unlock(&j->store, STORE_LOCK_COMPILE, &t->key);
		t->leads = false;
	}
	return true;
}

/*
 * A leader's result may be of another state than ours, where only the root
 * source was compared.  Now there is an input list: those who are in our state
 * follow us, and the others need not.
 */
static bool
take_again(struct invocation *j, struct compile_lock *t)
{
	struct digest key;

	compile_lock_key(j, &key);
	if (!t->leads || digest_eq(&key, &t->key))
		return false;
	store_unlock(&j->store, STORE_LOCK_COMPILE, &t->key);
	t->key = key;
	return take(j, t);
}

bool
compile_lock_take(struct invocation *j, struct compile_lock *t)
{
	bool waited;

	compile_lock_key(j, &t->key);
	waited = take(j, t);
	/* A peer may have stored it between our look-up and the lock, too. */
	if (lookup(j))
		return true;
	if (waited && take_again(j, t) && lookup(j))
		return true;
	if (t->leads)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_COMPILES);
	return false;
}

void
compile_lock_end(struct invocation *j, struct compile_lock *t,
		 enum compile_lock_end how)
{
	if (how == COMPILE_LOCK_NEVER)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_NEVER);
	else if (how == COMPILE_LOCK_FAILED && t->leads)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_FAILED);
	else if (t->never)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_COMPILES);
}
