/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli/service.h"

#include "base/buf.h"
#include "base/spawn.h"
#include "base/spawn_detached.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/cmd.h"
#include "cli/daemon_client.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVICE, SOCKET, UNITS };

/* What a socket address of systemd can hold. */
enum {
	SOCKET_PATH_MAX = 107,
	STOP_MS = 30000,
	SAID_MAX = 1 << 20,
	SYSTEMCTL_MS = 120000
};

static const char *const unit_name[] = { "kache.service", "kache.socket" };

/* As a word of systemd.syntax(7): quoted, without specifiers; in a command
 * line without variables, too. */
static void
add_quoted(struct buf *b, const char *s, bool command)
{
	buf_char(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_char(b, '\\');
		if (*s == '%' || (*s == '$' && command))
			buf_char(b, *s);
		buf_char(b, *s);
	}
	buf_char(b, '"');
}

void
service_unit(const char *program, char *const *env, struct buf *out)
{
	buf_str(out, "[Unit]\n"
		     "Description=kache: background work of the build cache\n"
		     "Documentation=man:kached(1)\n\n"
		     "[Service]\n"
		     "ExecStart=");
	add_quoted(out, program, true);
	buf_char(out, '\n');
	for (; *env; env++) {
		/* A value with a line end would be more than one line. */
		if (strncmp(*env, "KACHE_", 6) || strchr(*env, '\n'))
			continue;
		buf_str(out, "Environment=");
		add_quoted(out, *env, false);
		buf_char(out, '\n');
	}
	buf_str(out, "Restart=on-failure\n"
		     "TimeoutStopSec=40\n\n"
		     "[Install]\n"
		     "WantedBy=default.target\n");
}

void
service_socket(const char *path, struct buf *out)
{
	buf_str(out, "[Unit]\n"
		     "Description=kache: socket of the build cache's daemon\n"
		     "Documentation=man:kached(1)\n\n"
		     "[Socket]\n"
		     "ListenStream=");
	for (; *path; path++) {
		if (*path == '%')
			buf_char(out, '%');
		buf_char(out, *path);
	}
	buf_str(out, "\n"
		     "SocketMode=0600\n"
		     "DirectoryMode=0700\n\n"
		     "[Install]\n"
		     "WantedBy=sockets.target\n");
}

/* The path of UNIT's file.  0, ERR_MISS (no home) or ERR_TOOBIG. */
static int
unit_path(int unit, char *out, size_t room)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && *xdg == '/')
		n = snprintf(out, room, "%s/systemd/user/%s", xdg,
			     unit_name[unit]);
	else if (home && *home == '/')
		n = snprintf(out, room, "%s/.config/systemd/user/%s", home,
			     unit_name[unit]);
	else
		return ERR_MISS;
	return n < (int)room ? 0 : ERR_TOOBIG;
}

static int
write_unit(int unit, const struct buf *text)
{
	char path[PATH_MAX], dir[PATH_MAX], tmp[PATH_MAX];
	int r = unit_path(unit, path, sizeof(path) - 8);

	if (r == 0 && text->failed)
		r = -ENOMEM;
	if (r == 0) {
		snprintf(dir, sizeof(dir), "%s", path);
		*strrchr(dir, '/') = '\0';
		snprintf(tmp, sizeof(tmp), "%.*s.new", PATH_MAX - 8, path);
		r = file_mkdirs(dir, 0755);
	}
	if (r == 0)
		r = file_publish(AT_FDCWD, tmp, path, text->p, text->len);
	if (r < 0)
		fprintf(stderr, "kache daemon: %s: %s\n", unit_name[unit],
			err_text(r));
	else
		printf("%-10s %s\n", "wrote", path);
	return r;
}

/* Runs `systemctl --user WORDS`.  True if it succeeded; SAID gets the first
 * line of what it says, or nothing. */
static bool
systemctl(const char *const *words, char *said, size_t room)
{
	char *argv[8] = { (char *)"systemctl", (char *)"--user" };
	struct spawn s = { .argv = argv,
			   .max = SAID_MAX,
			   .timeout_ms = SYSTEMCTL_MS,
			   .stop_fd = -1 };
	struct buf b = { 0 };
	int status, n = 2, r;

	while (*words && n < 7)
		argv[n++] = (char *)*words++;
	said[0] = '\0';
	r = spawn_run(&s, &b, &status);
	if (r == 0 && b.len)
		snprintf(said, room, "%.*s", (int)strcspn(b.p, "\n"), b.p);
	buf_free(&b);
	return r == 0 && status == 0;
}

static bool
works(const char *const *words)
{
	char said[64];

	return systemctl(words, said, sizeof(said));
}

static bool
enable(const char *unit)
{
	const char *reload[] = { "daemon-reload", NULL };
	const char *now[] = { "enable", "--now", unit, NULL };

	return works(reload) && works(now);
}

/* A daemon that runs already would keep the service from its place. */
static void
make_room(const struct daemon_client *t)
{
	uint64_t left;

	if (daemon_client_left(t, MESSAGE_STOP, STOP_MS, &left) == 0)
		daemon_client_gone(t, STOP_MS);
}

int
service_install(const struct daemon_client *t)
{
	bool socket = strlen(t->socket) <= SOCKET_PATH_MAX;
	const char *unit = unit_name[socket ? SOCKET : SERVICE];
	struct buf text[UNITS] = { 0 };
	char program[PATH_MAX];
	int r = spawn_detached_beside("kached", program, sizeof(program));

	if (r < 0) {
		fprintf(stderr, "kache daemon: kached: %s\n", err_text(r));
		return CMD_FAILED;
	}
	service_unit(program, environ, &text[SERVICE]);
	service_socket(t->socket, &text[SOCKET]);
	r = write_unit(SERVICE, &text[SERVICE]);
	if (r == 0 && socket)
		r = write_unit(SOCKET, &text[SOCKET]);
	buf_free(&text[SERVICE]);
	buf_free(&text[SOCKET]);
	if (r < 0)
		return CMD_FAILED;
	if (!socket)
		puts("The socket's path is too long for systemd: the daemon "
		     "is started at login instead\nof when it is needed.");
	make_room(t);
	if (enable(unit))
		printf("%-10s %s\n", "enabled", unit);
	else
		printf("systemctl --user does not work here; run:\n"
		       "  systemctl --user daemon-reload\n"
		       "  systemctl --user enable --now %s\n",
		       unit);
	return CMD_OK;
}

int
service_uninstall(const struct daemon_client *t)
{
	const char *off[] = { "disable", "--now", unit_name[SOCKET],
			      unit_name[SERVICE], NULL };
	const char *reload[] = { "daemon-reload", NULL };
	char path[PATH_MAX];
	int found = 0;

	(void)t;
	works(off);
	for (int i = 0; i < UNITS; i++) {
		if (unit_path(i, path, sizeof(path)) < 0)
			continue;
		if (unlink(path) == 0) {
			printf("%-10s %s\n", "removed", path);
			found++;
		} else if (errno != ENOENT) {
			fprintf(stderr, "kache daemon: %s: %s\n", path,
				strerror(errno));
			return CMD_FAILED;
		}
	}
	works(reload);
	if (!found)
		puts("not installed");
	return CMD_OK;
}

static bool
is_installed(int unit)
{
	char path[PATH_MAX];

	return unit_path(unit, path, sizeof(path)) == 0 &&
	       access(path, F_OK) == 0;
}

void
service_print(void)
{
	int unit = is_installed(SOCKET) ? SOCKET : SERVICE;
	const char *ask[] = { "is-active", unit_name[unit], NULL };
	char said[64];

	if (!is_installed(unit)) {
		printf("%-16s not installed (kache daemon install)\n",
		       "service");
		return;
	}
	systemctl(ask, said, sizeof(said));
	printf("%-16s %s installed, %s\n", "service", unit_name[unit],
	       *said ? said : "systemctl --user does not work here");
}
