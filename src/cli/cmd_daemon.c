/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/spawn_detached.h"
#include "base/err.h"
#include "cli/local_status.h"
#include "cli/service.h"
#include "cli/tail.h"
#include "cli/daemon_client.h"
#include "cli/view.h"
#include "wire/message.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STOP_MS = 30000, GONE_MS = 10000, LOG_LINES = 20, LINES_MAX = 100000 };

struct request {
	struct daemon_client talk;
	bool raw;
	bool stay; /* --no-follow */
	int lines;
};

static int
say_failed(const char *what, int r)
{
	fprintf(stderr, "kache daemon: %s: %s\n", what, err_text(r));
	return CMD_FAILED;
}

static int
start_daemon(struct request *q)
{
	struct daemon_client_report r;
	bool started;
	int e = daemon_client_start(&q->talk, &started);

	if (e == ERR_TIMEOUT)
		fprintf(stderr, "kache daemon: it does not answer; see %s\n",
			q->talk.log);
	if (e < 0)
		return say_failed("start", e);
	if (daemon_client_status(&q->talk, &r) == 0) {
		const char *pid = daemon_client_value(&r, "pid");

		printf("%s: pid %s, %s\n", started ? "started" : "runs already",
		       pid ? pid : "?", q->talk.socket);
		buf_free(&r.lines);
	}
	return CMD_OK;
}

/* What waits on the disk, for when nobody can be asked. */
static void
print_spool(const struct daemon_client *t)
{
	struct local_status l;

	local_status_look(t->dir, &l);
	view_local(&l);
}

static int
stop(struct request *q)
{
	uint64_t left;
	int r = daemon_client_left(&q->talk, MESSAGE_STOP, STOP_MS, &left);

	if (r == ERR_MISS) {
		puts("not running");
		return CMD_OK;
	}
	if (r < 0) {
		say_failed("stop", r);
		print_spool(&q->talk);
		return CMD_FAILED;
	}
	r = daemon_client_gone(&q->talk, GONE_MS);
	if (r < 0)
		return say_failed("it is still there", r);
	printf("stopped; %" PRIu64 " uploads are left for the next one\n",
	       left);
	return CMD_OK;
}

static int
restart(struct request *q)
{
	int status = stop(q);

	return status == CMD_OK ? start_daemon(q) : status;
}

static int
print_raw(const struct daemon_client *t)
{
	struct daemon_client_report r;
	int e = daemon_client_status(t, &r);
	const char *p;

	if (e < 0)
		return say_failed("status", e);
	p = r.lines.p;
	for (size_t i = 0; i < r.count; i++, p += strlen(p) + 1)
		puts(p);
	buf_free(&r.lines);
	return CMD_OK;
}

static int
status(struct request *q)
{
	struct daemon_client_report r;
	int e;

	if (q->raw)
		return print_raw(&q->talk);
	e = daemon_client_status(&q->talk, &r);
	if (e == 0)
		printf("%-16s running\n", "daemon");
	else
		printf("%-16s offline%s%s\n", "daemon",
		       e == ERR_MISS ? "" : ": ",
		       e == ERR_MISS ? "" : err_text(e));
	service_print();
	if (e == 0) {
		view_report(&r, false);
		buf_free(&r.lines);
	} else {
		view_offline(&q->talk);
	}
	print_spool(&q->talk);
	return CMD_OK;
}

static int
run_here(struct request *q)
{
	char path[PATH_MAX];
	int r = spawn_detached_beside("kached", path, sizeof(path));

	(void)q;
	if (r == 0) {
		execl(path, "kached", (char *)NULL);
		r = -errno;
	}
	return say_failed(path, r);
}

static int
show_log(struct request *q)
{
	int r = tail_show(q->talk.log, q->lines, !q->stay);

	return r < 0 ? say_failed(q->talk.log, r) : CMD_OK;
}

static int
install(struct request *q)
{
	return service_install(&q->talk);
}

static int
uninstall(struct request *q)
{
	return service_uninstall(&q->talk);
}

struct verb {
	const char *name;
	int (*run)(struct request *q);
};

static const struct verb verbs[] = {
	{ "status", status },   { "start", start_daemon },  { "stop", stop },
	{ "restart", restart }, { "run", run_here },        { "log", show_log },
	{ "install", install }, { "uninstall", uninstall },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int
take_lines(const char *text, void *request)
{
	struct request *q = request;

	q->lines = atoi(text);
	if (q->lines < 0 || q->lines > LINES_MAX)
		return cmd_usage(&cmd_daemon, "no number: %s", text);
	return CMD_OK;
}

static int
parse_options(int argc, char **argv, struct request *q)
{
	const struct cmd_option options[] = {
		{ .name = "raw", .flag = &q->raw },
		{ .name = "lines", .letter = 'n', .take = take_lines },
		{ .name = "no-follow", .flag = &q->stay },
		{ 0 },
	};

	q->lines = LOG_LINES;
	return cmd_options(&cmd_daemon, argc, argv, options, q, 1);
}

static int
daemon_run(int argc, char **argv)
{
	static struct request q;
	const char *name = "status";
	int r = parse_options(argc, argv, &q);

	if (r != CMD_OK)
		return r;
	if (optind < argc)
		name = argv[optind];
	for (int i = 0; i < VERBS; i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		if (daemon_client_init(&q.talk, "daemon") < 0)
			return CMD_FAILED;
		return verbs[i].run(&q);
	}
	return cmd_usage(&cmd_daemon, "no such thing: %s", name);
}

const struct cmd cmd_daemon = {
	.name = "daemon",
	.args = "[status [--raw] | start | stop | restart | run | log "
		"[-n LINES] [--no-follow] |\n"
		"                     install | uninstall]",
	.summary = "the daemon: is it there, start it, stop it, read its log",
	.help = "Without a word the same as status.\n\n"
		"  status     whether it runs, and all it says of itself;\n"
		"             --raw: lines name=value\n"
		"  start      starts it in the background, returns when it is "
		"ready\n"
		"  stop       ends it after what it uploads just now, at most "
		"30 s\n"
		"  restart    both\n"
		"  run        runs it in the foreground\n"
		"  log        the end of its log, and what is added; -n "
		"LINES:\n"
		"             so many; --no-follow: not what is added\n"
		"  install    makes it a service of systemd for this user\n"
		"  uninstall  removes that\n",
	.run = daemon_run,
};
