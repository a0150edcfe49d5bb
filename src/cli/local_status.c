/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/local_status.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "store/upload_intent.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
count_waiting(void *ctx, const struct digest *at, const char *reason)
{
	struct local_status *l = ctx;

	(void)at;
	(void)reason;
	l->waiting++;
	return 0;
}

static int
bury(void *ctx, const struct digest *at, const char *reason)
{
	struct local_status *l = ctx;
	char hex[DIGEST_HEX + 1];

	if (l->dead < LOCAL_STATUS_DEAD) {
		digest_hex(at, hex);
		snprintf(l->letter[l->dead].key, sizeof(l->letter[0].key),
			 "%.16s", hex);
		snprintf(l->letter[l->dead].reason, LOCAL_STATUS_TEXT, "%s",
			 reason);
	}
	l->dead++;
	return 0;
}

static int64_t
down_for(int dir)
{
	struct buf b = { 0 };
	int64_t left = 0;

	if (file_read(dir, "daemon.down", 64, &b) == 0 && b.len)
		left = strtoll(b.p, NULL, 10) - file_now() / 1000000;
	buf_free(&b);
	return left > 0 ? (left + 999) / 1000 : 0;
}

void
local_status_look(const char *dir, struct local_status *out)
{
	struct stat st;
	struct store s;

	memset(out, 0, sizeof(*out));
	/* store_open would make one. */
	if (stat(dir, &st) < 0 || store_open(&s, dir) < 0)
		return;
	upload_intent_each(&s, 0, count_waiting, out);
	upload_intent_each(&s, 1, bury, out);
	out->down_s = down_for(s.dir);
	store_close(&s);
}
