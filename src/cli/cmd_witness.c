/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd.h"

#include "base/file.h"
#include "cli/relocated_run.h"
#include "config/config.h"

#include <stdio.h>

enum { MINUTES = 10 };

/* Started by an idle daemon, which could not fork safely itself. */
static int
witness(int argc, char **argv)
{
	static struct config c;
	struct relocated_run e = { .deadline =
					   file_monotonic() +
					   MINUTES * 60 * INT64_C(1000000000) };

	(void)argv;
	if (argc > 1)
		return CMD_USAGE;
	cmd_load_config(&c);
	e.store = c.v[CONFIG_STORE_DIR].text;
	if (relocated_run(&e) < 0 || e.error)
		return CMD_FAILED;
	return CMD_OK;
}

const struct cmd cmd_witness = {
	.name = "witness",
	.args = "",
	.help = "Runs slow build scripts once more in another place.\n",
	.run = witness,
};
