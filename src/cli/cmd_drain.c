/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/err.h"
#include "base/file.h"
#include "cli/relocated_run.h"
#include "cli/local_status.h"
#include "cli/daemon_client.h"
#include "cli/view.h"
#include "config/config_parse.h"
#include "wire/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

enum { DEFAULT_MS = 30000, MAX_MS = 3600000, LEAST_MS = 1000 };

static int
take_timeout(const char *text, void *ms)
{
	if (config_parse_duration(text, ms) < 0 || *(int64_t *)ms > MAX_MS)
		return cmd_usage(&cmd_drain, "no time: %s", text);
	return CMD_OK;
}

static const struct cmd_option options[] = {
	{ .name = "timeout", .take = take_timeout },
	{ 0 },
};

/* What was slow is run once more in another place, so that whoever gets it
 * from the remote need not. */
static int
bear_witness(const char *store, int64_t deadline)
{
	struct relocated_run e = { .store = store, .deadline = deadline };

	int r = relocated_run(&e);

	/* Told to end. */
	if (r == -EINTR)
		return CMD_FAILED;
	if (r < 0)
		return CMD_OK;
	if (e.error)
		puts("build scripts cannot be run in another place here (no "
		     "mount namespace)");
	if (e.ran || e.failed)
		printf("build scripts run in another place: %u, not possible "
		       "for %u\n",
		       e.ran, e.failed);
	return CMD_OK;
}

static int
drain(int argc, char **argv)
{
	static struct daemon_client t;
	int64_t ms = DEFAULT_MS, begin = file_monotonic();
	uint64_t left = 0;
	struct local_status l;
	bool started;
	int r = cmd_options(&cmd_drain, argc, argv, options, &ms, 0);

	if (r != CMD_OK)
		return r;
	if (daemon_client_init(&t, "drain") < 0)
		return CMD_FAILED;
	if (bear_witness(t.dir, begin + ms * 1000000) != CMD_OK)
		return CMD_FAILED;
	ms -= (file_monotonic() - begin) / 1000000;
	if (ms < LEAST_MS)
		ms = LEAST_MS;
	local_status_look(t.dir, &l);
	r = daemon_client_left(&t, MESSAGE_DRAIN, ms, &left);
	if (r == ERR_MISS && l.waiting) {
		r = daemon_client_start(&t, &started);
		if (r == 0)
			r = daemon_client_left(&t, MESSAGE_DRAIN, ms, &left);
	}
	if (r < 0 && l.waiting) {
		fprintf(stderr, "kache drain: no daemon: %s\n", err_text(r));
		view_local(&l);
		return CMD_FAILED;
	}
	if (left == 0) {
		puts("nothing is left to upload");
	} else {
		printf("%" PRIu64 " uploads are left; they stay in the spool "
		       "for the next daemon\n",
		       left);
	}
	local_status_look(t.dir, &l);
	if (left || l.dead)
		view_local(&l);
	return CMD_OK;
}

const struct cmd cmd_drain = {
	.name = "drain",
	.args = "[--timeout TIME]",
	.summary = "wait until everything is uploaded",
	.help = "Runs slow build scripts once more in another place, so that "
		"their results may\nserve other machines. Starts the daemon "
		"if uploads wait and nobody runs, and waits\nfor it. What is "
		"left\nwhen the time is over stays in the "
		"spool and is no failure.\n\n"
		"  --timeout TIME   wait at most so long: 90s, 5m; without it "
		"30 s\n",
	.run = drain,
};
