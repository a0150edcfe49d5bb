/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "config/config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
ask_environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

void
cmd_load_config(struct config *c)
{
	struct config_source src = { .get = ask_environment, .names = environ };

	config_load(c, &src);
}

const char *
cmd_split_version(char *crate)
{
	char *at = strchr(crate, '@');

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

bool
cmd_same_crate(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
}

int
cmd_usage(const struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "kache %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: kache %s %s\n", cmd->name, cmd->args);
	return CMD_USAGE;
}

/* The option that getopt_long calls OPT. */
static const struct cmd_option *
find_option(const struct cmd_option *o, int opt)
{
	if (opt >= 256)
		return &o[opt - 256];
	while (o->name && o->letter != opt)
		o++;
	return o->name ? o : NULL;
}

int
cmd_options(const struct cmd *cmd, int argc, char **argv,
	    const struct cmd_option *options, void *ctx, int words)
{
	struct option names[CMD_OPTIONS_MAX + 1] = { { 0 } };
	char letters[2 * CMD_OPTIONS_MAX + 1] = "", *end = letters;
	const struct cmd_option *o;
	int opt, status = CMD_OK;

	for (int i = 0; options[i].name && i < CMD_OPTIONS_MAX; i++) {
		o = &options[i];
		names[i].name = o->name;
		names[i].has_arg = o->take ? required_argument : no_argument;
		names[i].val = 256 + i;
		if (o->letter)
			end += snprintf(end, 3, "%c%s", o->letter,
					o->take ? ":" : "");
	}
	while (status == CMD_OK) {
		opt = getopt_long(argc, argv, letters, names, NULL);
		if (opt == -1)
			break;
		o = opt == '?' ? NULL : find_option(options, opt);
		if (!o)
			return CMD_USAGE;
		if (o->take)
			status = o->take(optarg, ctx);
		else
			*o->flag = true;
	}
	if (status == CMD_OK && argc - optind > words)
		return cmd_usage(cmd, "too many arguments");
	return status;
}
