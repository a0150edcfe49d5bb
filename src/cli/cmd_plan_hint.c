/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/cmd.h"

#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/spawn.h"
#include "cli/daemon_client.h"
#include "plan/cargo_lock.h"
#include "plan/metadata.h"
#include "plan/packages.h"
#include "wire/client.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The shim starts this at the first miss of a build session and forgets it.
 * It runs beside the build: politely, and not for long.
 */
enum {
	NICE = 10,
	METADATA_MS = 5000,
	GIT_MS = 1000,
	DELIVER_MS = 5000,
	RETRY_MS = 20,
	REVISIONS = 8,
	COMMITS = 9,     /* the newest is often what lies here */
	COMMIT_HEX = 64, /* SHA-256 repositories */
	ITEM_MAX = 128,  /* PROTOCOL's */
	ITEMS_MAX = 8192,
	ITEMS_BYTES = 900 << 10 /* of the frame's 1 MiB */
};

#define MS INT64_C(1000000)

struct hint {
	struct daemon_client talk;
	uint64_t session;
	int pid;
	const char *workspace;
	struct digest lock;
	struct digest toolchain;
	bool tell;
	uint64_t flags; /* of the SESSION to tell */
	char found[PATH_MAX];
	struct buf items;
	uint64_t count;
};

static int
parse_number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || *end || end == s || *s == '-' || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static int
parse_option(struct hint *h, int opt)
{
	uint64_t n = 0;
	int r = 0;

	switch (opt) {
	case 's':
		return parse_number(optarg, UINT64_MAX, &h->session);
	case 'p':
		r = parse_number(optarg, INT_MAX, &n);
		h->pid = (int)n;
		return r;
	case 'w':
		h->workspace = optarg;
		return *optarg == '/' ? 0 : -EINVAL;
	case 't':
		return digest_parse(optarg, strlen(optarg), &h->toolchain);
	case 'l':
		h->tell = true;
		return parse_number(optarg, 3, &h->flags);
	default:
		return -EINVAL;
	}
}

static int
parse_options(struct hint *h, int argc, char **argv)
{
	static const struct option options[] = {
		{ "session", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, 'p' },
		{ "workspace", required_argument, NULL, 'w' },
		{ "toolchain", required_argument, NULL, 't' },
		{ "tell", required_argument, NULL, 'l' },
		{ 0 },
	};
	int opt = getopt_long(argc, argv, "", options, NULL);

	for (; opt != -1; opt = getopt_long(argc, argv, "", options, NULL))
		if (parse_option(h, opt) < 0)
			return cmd_usage(&cmd_plan_hint, "wrong option");
	if (optind < argc || !h->session || !h->pid)
		return cmd_usage(&cmd_plan_hint, "not for people");
	return CMD_OK;
}

static int
find_workspace(struct hint *h)
{
	char path[PATH_MAX + 16];
	ssize_t n;

	if (h->workspace)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/cwd", h->pid);
	n = readlink(path, h->found, sizeof(h->found) - 1);
	if (n <= 0)
		return -errno;
	h->found[n] = '\0';
	while (h->found[0] == '/' && h->found[1]) {
		snprintf(path, sizeof(path), "%s/Cargo.lock", h->found);
		if (access(path, F_OK) == 0) {
			h->workspace = h->found;
			return 0;
		}
		*strrchr(h->found, '/') = '\0';
	}
	return -ENOENT;
}

/* cargo's configuration depends on where it stands. */
static int
go_where_cargo_is(const struct hint *h)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cwd", h->pid);
	if (chdir(path) == 0 || chdir(h->workspace) == 0)
		return 0;
	return -errno;
}

/* The very cargo that runs, else one of PATH. */
static void
choose_cargo(const struct hint *h, char *out, size_t room)
{
	char path[64];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", h->pid);
	n = readlink(path, out, room - 1);
	if (n > 0) {
		out[n] = '\0';
		slash = strrchr(out, '/');
		if (slash && !strcmp(slash + 1, "cargo") &&
		    access(out, X_OK) == 0)
			return;
	}
	snprintf(out, room, "cargo");
}

static int
run_program(char **argv, size_t max, int timeout_ms, struct buf *out)
{
	struct spawn s = { .argv = argv,
			   .max = max,
			   .timeout_ms = timeout_ms,
			   .stop_fd = -1 };
	int status, r;

	if (timeout_ms <= 0)
		return ERR_TIMEOUT;
	r = spawn_run(&s, out, &status);
	if (r == 0 && status != 0)
		r = ERR_MISS;
	if (r < 0)
		buf_free(out);
	return r;
}

/* An empty wrapper also switches off one of cargo's configuration files:
 * nothing of this may come back to the shim. */
static int
ask_cargo(const struct hint *h, struct packages *out)
{
	char cargo[PATH_MAX], manifest[PATH_MAX + 16];
	char *argv[] = { cargo,
			 (char *)"metadata",
			 (char *)"--offline",
			 (char *)"--locked",
			 (char *)"--format-version",
			 (char *)"1",
			 (char *)"--manifest-path",
			 manifest,
			 NULL };
	struct buf text = { 0 };
	int r;

	setenv("RUSTC_WRAPPER", "", 1);
	setenv("RUSTC_WORKSPACE_WRAPPER", "", 1);
	setenv("KACHE_DISABLED", "1", 1);
	choose_cargo(h, cargo, sizeof(cargo));
	snprintf(manifest, sizeof(manifest), "%s/Cargo.toml", h->workspace);
	r = run_program(argv, METADATA_MAX, METADATA_MS, &text);
	if (r == 0)
		r = metadata_parse(text.p ? text.p : "", text.len, out);
	buf_free(&text);
	return r;
}

static void
add_item(struct hint *h, const char *text, size_t n)
{
	if (h->count >= ITEMS_MAX || n > ITEM_MAX ||
	    h->items.len + n > ITEMS_BYTES)
		return;
	buf_add(&h->items, text, n);
	buf_char(&h->items, '\0');
	h->count++;
}

static bool
is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

static void
add_packages(struct hint *h, const struct packages *p)
{
	char crate[PACKAGES_NAME], item[ITEM_MAX + 1];
	uint32_t *order;

	if (packages_order(p, &order) < 0)
		return;
	for (size_t i = 0; i < p->count; i++) {
		const struct package *one = &p->p[order[i]];
		int n;

		if (!packages_crate(one->name, crate) ||
		    !is_plain(one->version))
			continue;
		n = snprintf(item, sizeof(item), "%s %s", crate, one->version);
		if (n < (int)sizeof(item))
			add_item(h, item, (size_t)n);
	}
	free(order);
}

/* LOCK is the text of Cargo.lock, for when cargo does not answer. */
static void
add_crates(struct hint *h, const struct buf *lock)
{
	struct packages p = { 0 };
	struct lockfile l = { 0 };

	if (ask_cargo(h, &p) == 0) {
		add_packages(h, &p);
		packages_release(&p);
	} else if (cargo_lock_read(lock->p ? lock->p : "", lock->len, &l) ==
		   0) {
		add_packages(h, &l.packages);
		cargo_lock_release(&l);
	}
}

static int
ms_until(int64_t deadline)
{
	int64_t left = deadline - file_monotonic();

	return left > 0 ? (int)(left / MS) : 0;
}

/* What Cargo.lock was in COMMIT: its bytes as git keeps them, without what a
 * repository's settings may do to text that is shown. */
static void
add_revision(struct hint *h, const char *commit, int64_t deadline)
{
	char name[COMMIT_HEX + 32], item[DIGEST_HEX + 2];
	char *argv[] = { (char *)"git",
			 (char *)"-C",
			 (char *)h->workspace,
			 (char *)"cat-file",
			 (char *)"blob",
			 name,
			 NULL };
	struct buf text = { 0 };
	struct digest d;

	snprintf(name, sizeof(name), "%s:./Cargo.lock", commit);
	if (run_program(argv, CARGO_LOCK_MAX, ms_until(deadline), &text) == 0) {
		digest_bytes(text.p ? text.p : "", text.len, &d);
		item[0] = '@';
		digest_hex(&d, item + 1);
		if (!digest_eq(&d, &h->lock) && h->count < REVISIONS)
			add_item(h, item, DIGEST_HEX + 1);
	}
	buf_free(&text);
}

/* Whatever goes wrong here: there are none. */
static void
add_revisions(struct hint *h)
{
	int64_t deadline = file_monotonic() + GIT_MS * MS;
	char many[16];
	char *argv[] = { (char *)"git",
			 (char *)"-C",
			 (char *)h->workspace,
			 (char *)"-c",
			 (char *)"log.showSignature=false",
			 (char *)"log",
			 (char *)"-n",
			 many,
			 (char *)"--format=%H",
			 (char *)"--",
			 (char *)"Cargo.lock",
			 NULL };
	struct buf text = { 0 };
	char *p, *next;

	setenv("GIT_OPTIONAL_LOCKS", "0", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	snprintf(many, sizeof(many), "%d", COMMITS);
	if (run_program(argv, COMMITS * (COMMIT_HEX + 1), GIT_MS, &text) < 0)
		return;
	for (p = text.p; p && *p; p = next) {
		size_t n = strspn(p, "0123456789abcdef");

		if (p[n] != '\n' || n < 40 || n > COMMIT_HEX)
			break;
		p[n] = '\0';
		next = p + n + 1;
		add_revision(h, p, deadline);
	}
	buf_free(&text);
}

/* One that was just started needs a moment until it listens. */
static int
deliver(const struct hint *h, const struct message *m)
{
	int64_t deadline = file_monotonic() + DELIVER_MS * MS;
	struct client c;
	int r = client_open(&c, h->talk.socket, deadline);

	while ((r == ERR_MISS || r == ERR_BUSY) &&
	       file_monotonic() < deadline) {
		poll(NULL, 0, RETRY_MS);
		r = client_open(&c, h->talk.socket, deadline);
	}
	if (r < 0)
		return r;
	r = client_send(&c, m, deadline);
	client_close(&c);
	return r;
}

static void
set_text(struct message_bytes *f, const char *text)
{
	f->p = text;
	f->n = strlen(text);
}

static int
send_session(const struct hint *h)
{
	struct message m = { .type = MESSAGE_SESSION };

	m.session.session = h->session;
	m.session.pid = (uint64_t)h->pid;
	set_text(&m.session.workspace, h->workspace);
	m.session.lock = h->lock;
	m.session.toolchain = h->toolchain;
	m.session.flags = h->flags;
	return deliver(h, &m);
}

static int
send_hint(const struct hint *h)
{
	struct message m = { .type = MESSAGE_PREFETCH_HINT };

	if (h->items.failed)
		return -ENOMEM;
	m.hint.session = h->session;
	set_text(&m.hint.workspace, h->workspace);
	m.hint.lock = h->lock;
	m.hint.toolchain = h->toolchain;
	m.hint.items.p = h->items.p;
	m.hint.items.n = h->items.len;
	m.hint.items.count = h->count;
	return deliver(h, &m);
}

static void
read_lock(struct hint *h, struct buf *lock)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/Cargo.lock", h->workspace);
	if (file_read(AT_FDCWD, path, CARGO_LOCK_MAX, lock) == 0)
		digest_bytes(lock->p ? lock->p : "", lock->len, &h->lock);
}

static int
plan_hint(int argc, char **argv)
{
	static struct hint h;
	struct buf lock = { 0 };
	int r = parse_options(&h, argc, argv);

	if (r != CMD_OK)
		return r;
	setpriority(PRIO_PROCESS, 0, NICE);
	if (daemon_client_init(&h.talk, "plan-hint") < 0 ||
	    find_workspace(&h) < 0 || go_where_cargo_is(&h) < 0)
		return CMD_FAILED;
	read_lock(&h, &lock);
	if (h.tell && send_session(&h) < 0)
		return CMD_FAILED;
	add_revisions(&h);
	add_crates(&h, &lock);
	buf_free(&lock);
	r = send_hint(&h);
	buf_free(&h.items);
	return r < 0 ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_plan_hint = {
	.name = "plan-hint",
	.args = "--session N --pid P [--workspace DIR] --toolchain HEX "
		"[--tell FLAGS]",
	.summary = NULL,
	.help = "Internal: kache-shim runs it at the first miss of a build "
		"session. It asks\ncargo metadata, or Cargo.lock, what the "
		"build that runs as process P is\ngoing to need, and tells "
		"the daemon.\n",
	.run = plan_hint,
};
