/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store/compile_slots.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 4096, STAT_MAX = 4096, CHILDREN_MAX = 65536 };

static const uint64_t day_ms = 86400000;

/* Host byte order: a store is a machine's own. */
struct slot {
	uint8_t key[DIGEST_LEN];
	uint64_t when_ms;
	uint64_t born; /* of the process, in ticks since boot */
	uint32_t pid;
	uint32_t state;
	uint64_t zero;
};

static off_t
slot_offset(const struct digest *key)
{
	unsigned n = (unsigned)key->b[8] << 8 | key->b[9];

	return (off_t)(n % SLOTS * sizeof(struct slot));
}

static bool
slot_read(struct store *s, const struct digest *key, struct slot *out)
{
	return pread(s->locks, out, sizeof(*out), slot_offset(key)) ==
		       (ssize_t)sizeof(*out) &&
	       !memcmp(out->key, key->b, DIGEST_LEN);
}

/* State letter and birth of a process (proc(5), fields 3 and 22). */
static bool
process_read(long pid, char *state, uint64_t *born)
{
	char path[64];
	struct buf b = { 0 };
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (file_read(AT_FDCWD, path, STAT_MAX, &b) < 0)
		return false;
	/* The name may hold anything, blanks and brackets too. */
	p = b.p ? strrchr(b.p, ')') : NULL;
	if (p && p[1] == ' ') {
		*state = p[2];
		p += 2;
		for (int i = 3; i < 22 && p; i++)
			p = strchr(p + 1, ' ');
		*born = p ? strtoull(p, NULL, 10) : 0;
	}
	buf_free(&b);
	return p != NULL;
}

static bool
is_stopped(char state)
{
	return state == 'T' || state == 't';
}

/* The compiler is a child of who leads. */
static bool
child_stopped(long pid)
{
	char path[96];
	struct buf b = { 0 };
	bool stopped = false;
	char *p, *end;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", pid, pid);
	if (file_read(AT_FDCWD, path, CHILDREN_MAX, &b) < 0)
		return false;
	for (p = b.p; p && *p && !stopped; p = end) {
		uint64_t born;
		char state = 0;
		long child = strtol(p, &end, 10);

		if (end == p)
			break;
		stopped =
			process_read(child, &state, &born) && is_stopped(state);
	}
	buf_free(&b);
	return stopped;
}

void
compile_slots_say(struct store *s, const struct digest *key,
		  enum compile_slots_state state)
{
	struct slot slot = { .when_ms = (uint64_t)file_now() / 1000000,
			     .pid = (uint32_t)getpid(),
			     .state = (uint32_t)state };
	char letter;
	ssize_t n;

	memcpy(slot.key, key->b, DIGEST_LEN);
	process_read(getpid(), &letter, &slot.born);
	/* On a full disk nobody learns of it, and waits as long as for one he
	 * does not know. */
	n = pwrite(s->locks, &slot, sizeof(slot), slot_offset(key));
	(void)n;
}

bool
compile_slots_ended(struct store *s, const struct digest *key,
		    uint64_t since_ms)
{
	struct slot slot;

	return slot_read(s, key, &slot) && slot.state >= COMPILE_SLOTS_FAILED &&
	       slot.when_ms >= since_ms;
}

bool
compile_slots_never(struct store *s, const struct digest *key)
{
	uint64_t now = (uint64_t)file_now() / 1000000;
	struct slot slot;

	return slot_read(s, key, &slot) && slot.state == COMPILE_SLOTS_NEVER &&
	       slot.when_ms <= now && now - slot.when_ms < day_ms;
}

enum compile_slots_life
compile_slots_life(struct store *s, const struct digest *key)
{
	struct slot slot;
	uint64_t born = 0;
	char state = 0;

	if (!slot_read(s, key, &slot) || slot.state != COMPILE_SLOTS_COMPILES ||
	    !process_read((long)slot.pid, &state, &born) || born != slot.born)
		return COMPILE_SLOTS_UNKNOWN;
	if (is_stopped(state) || child_stopped((long)slot.pid))
		return COMPILE_SLOTS_STOPPED;
	return COMPILE_SLOTS_RUNS;
}
