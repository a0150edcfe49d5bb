/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/compile_lock.h"

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/lookup.h"
#include "shim/invocation.h"

#include <fcntl.h>

/* A leader that compiles among many others takes longer than alone; how long
 * the first time nobody knows. */
enum { UNKNOWN_MS = 10000, RUNS_MS = 30000, STOPPED_MS = 2000, SLICE_MS = 500 };

static uint64_t
now_ms(void)
{
	return (uint64_t)file_now() / 1000000;
}

/* What the leader and its followers share: the state of the unit's inputs. */
static void
state_key(struct invocation *j, const struct lookup *last, struct digest *key)
{
	struct digest_ctx c;
	struct digest d = { { 0 } };
	struct file_id id;

	if (last->k1_known) {
		*key = last->k1;
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

bool
compile_lock_gives_up(enum compile_slots_life life, uint64_t waited,
		      uint64_t stopped, uint64_t last)
{
	uint64_t most = life == COMPILE_SLOTS_UNKNOWN ? UNKNOWN_MS : RUNS_MS;
	uint64_t twice = last / 1000 * 2;

	return waited >= (twice > most ? twice : most) || stopped >= STOPPED_MS;
}

/* 0: the lock is ours. */
static int
follow(struct invocation *j, const struct digest *key, uint64_t last)
{
	int64_t begun = file_monotonic();
	uint64_t stopped = 0, waited;
	enum compile_slots_life life;
	int r;

	do {
		r = try_lock(j, key, SLICE_MS);
		if (r != ERR_TIMEOUT)
			return r;
		waited = (uint64_t)(file_monotonic() - begun) / 1000000;
		life = compile_slots_life(&j->store, key);
		stopped =
			life == COMPILE_SLOTS_STOPPED ? stopped + SLICE_MS : 0;
	} while (!compile_lock_gives_up(life, waited, stopped, last));
	return r;
}

/* True if somebody else had the lock meanwhile. */
static bool
take_key(struct compile_lock *t, struct invocation *j, uint64_t last)
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
	r = follow(j, &t->key, last);
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
take_again(struct compile_lock *t, struct invocation *j,
	   const struct lookup *last)
{
	struct digest key;

	state_key(j, last, &key);
	if (!t->leads || digest_eq(&key, &t->key))
		return false;
	store_unlock(&j->store, STORE_LOCK_COMPILE, &t->key);
	t->key = key;
	return take_key(t, j, last->newest_us);
}

static bool
look_again(struct invocation *j, struct lookup *last)
{
	*last = lookup(j);
	return last->served || last->lost;
}

void
compile_lock_take(struct compile_lock *t, struct invocation *j,
		  struct lookup *last)
{
	bool waited;

	t->taken = true;
	state_key(j, last, &t->key);
	waited = take_key(t, j, last->newest_us);
	/* A peer may have stored it between our lookup and the lock, too. */
	if (look_again(j, last))
		return;
	if (waited && take_again(t, j, last) && look_again(j, last))
		return;
	if (t->leads)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_COMPILES);
}

void
compile_lock_end(struct compile_lock *t, struct invocation *j,
		 enum compile_lock_end how)
{
	if (!t->taken)
		return;
	if (how == COMPILE_LOCK_NEVER)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_NEVER);
	else if (how == COMPILE_LOCK_FAILED && t->leads)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_FAILED);
	else if (t->never)
		compile_slots_say(&j->store, &t->key, COMPILE_SLOTS_COMPILES);
}
