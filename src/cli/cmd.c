/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
ask(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

void
cmd_load_config(struct config *c)
{
	struct config_source src = { .get = ask, .names = environ };

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
