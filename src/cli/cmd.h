/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <stdbool.h>

struct config;

/*
 * The commands of `kache`: each has a file and a row in the table in kache.c.
 */
enum cmd_status {
	CMD_OK = 0,
	CMD_FAILED = 1, /* it could not be done, or it found something wrong */
	CMD_USAGE = 2   /* the command line was not understood */
};

struct cmd {
	const char *name;
	const char *args;    /* for the usage line */
	const char *summary; /* one line; NULL: not for people */
	const char *help;    /* a paragraph, lines end in \n */
	/* argv[0] is the command's name; returns an enum cmd_status. */
	int (*run)(int argc, char **argv);
};

extern const struct cmd cmd_stats;
extern const struct cmd cmd_list;
extern const struct cmd cmd_monitor;
extern const struct cmd cmd_plan_hint;
extern const struct cmd cmd_daemon;
extern const struct cmd cmd_drain;
extern const struct cmd cmd_gc;
extern const struct cmd cmd_purge;
extern const struct cmd cmd_verify;
extern const struct cmd cmd_why_miss;
extern const struct cmd cmd_witness;
extern const struct cmd cmd_config;

/*
 * One option of a command, "--NAME" or also "-LETTER": a flag, which is set, or
 * with a value, which TAKE reads into CTX and says what is wrong with it.  A
 * table ends with a NULL name.
 */
struct cmd_option {
	const char *name;
	bool *flag;
	int (*take)(const char *value, void *ctx); /* enum cmd_status */
	char letter;
};

enum { CMD_OPTIONS_MAX = 8 };

/* Reads the options of a command line and allows WORDS others, which begin at
 * optind.  CMD_OK, or CMD_USAGE after saying what is wrong. */
int cmd_options(const struct cmd *cmd, int argc, char **argv,
		const struct cmd_option *options, void *ctx, int words);

/* Loads the configuration from files and this process's environment. */
void cmd_load_config(struct config *c);

/* Cuts CRATE@VERSION at the '@' and gives the version, or NULL without one. */
const char *cmd_split_version(char *crate);

/* Whether A and B name one crate: cargo's name of a package may have '-' where
 * rustc's has '_'. */
bool cmd_same_crate(const char *a, const char *b);

/* Says on stderr what is wrong and returns CMD_USAGE. */
int cmd_usage(const struct cmd *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
