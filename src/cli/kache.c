/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd.h"

#include "base/process.h"

#include <stdio.h>
#include <string.h>

static const struct cmd *const commands[] = {
	&cmd_stats,    &cmd_list,   &cmd_monitor,   &cmd_daemon,
	&cmd_drain,    &cmd_gc,     &cmd_purge,     &cmd_verify,
	&cmd_why_miss, &cmd_config, &cmd_plan_hint, &cmd_witness,
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct cmd *
find_command(const char *name)
{
	int i;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static void
overview(FILE *to)
{
	int i;

	fputs("usage: kache COMMAND [OPTION...]\n\n"
	      "Commands:\n",
	      to);
	for (i = 0; i < COMMANDS; i++) {
		if (commands[i]->summary)
			fprintf(to, "  %-10s %s\n", commands[i]->name,
				commands[i]->summary);
	}
	fputs("\n`kache help COMMAND` says more; so does man kache.\n"
	      "The cache itself: RUSTC_WRAPPER=kache-shim cargo build\n",
	      to);
}

static int
help(const char *name)
{
	const struct cmd *c;

	if (!name) {
		overview(stdout);
		return CMD_OK;
	}
	c = find_command(name);
	if (!c) {
		fprintf(stderr, "kache: no command '%s'\n", name);
		return CMD_USAGE;
	}
	printf("usage: kache %s %s\n\n%s", c->name, c->args, c->help);
	return CMD_OK;
}

static int
run_command(const struct cmd *c, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return help(c->name);
	}
	return c->run(argc, argv);
}

/* Output that did not arrive is a failure: `kache stats --json > /dev/full` */
static int
flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("kache: standard output");
	return CMD_FAILED;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct cmd *c;

	process_begin();
	if (!name) {
		overview(stderr);
		return CMD_USAGE;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("kache " KACHE_VERSION);
		return flushed(CMD_OK);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return flushed(help(NULL));
	if (strcmp(name, "help") == 0)
		return flushed(help(argc > 2 ? argv[2] : NULL));
	c = find_command(name);
	if (!c) {
		fprintf(stderr, "kache: no command '%s'\n\n", name);
		overview(stderr);
		return CMD_USAGE;
	}
	return flushed(run_command(c, argc - 1, argv + 1));
}
