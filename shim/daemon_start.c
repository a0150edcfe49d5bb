/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/daemon_start.h"

#include "base/buf.h"
#include "base/spawn_detached.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/invocation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names that pass; with '*' at the beginning or end: all such names. */
static const char *const wanted[] = {
	"HOME",
	"PATH",
	"USER",
	"LOGNAME",
	"LANG",
	"LC_*",
	"TZ",
	"TMPDIR",
	"XDG_*",
	"KACHE_*",
	"AWS_*",
	"*_PROXY",
	"*_proxy",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"CURL_CA_BUNDLE",
	"ACTIONS_ID_TOKEN_*",
};

static bool
matches(const char *row, const char *name, size_t n)
{
	size_t len = strlen(row);

	if (row[0] == '*')
		return n >= len - 1 &&
		       !memcmp(name + n - (len - 1), row + 1, len - 1);
	if (row[len - 1] == '*')
		return n >= len - 1 && !memcmp(name, row, len - 1);
	return n == len && !memcmp(name, row, n);
}

bool
daemon_start_wanted(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (matches(wanted[i], name, n))
			return true;
	return false;
}

/* The environment cargo was started with: an [env] table of a project does
 * not reach a daemon that serves others, too.  Without cargo our own. */
static char **
choose_env(struct invocation *j)
{
	const struct buf *e = &j->trust.env;
	const char *end = e->p + e->len;
	size_t room = 2, k = 0;
	char **env;

	for (char **p = environ; *p; p++)
		room++;
	for (size_t i = 0; i < e->len; i++)
		room += e->p[i] == '\0';
	env = calloc(room, sizeof(char *));
	if (!env)
		return NULL;
	if (!j->trust.pid) {
		for (char **p = environ; *p; p++)
			if (daemon_start_wanted(*p, strcspn(*p, "=")))
				env[k++] = *p;
	} else if (e->p) {
		for (char *p = e->p; p < end; p += strlen(p) + 1)
			if (daemon_start_wanted(p, strcspn(p, "=")))
				env[k++] = p;
	}
	return env;
}

static void
start(struct invocation *j)
{
	char *argv[] = { (char *)"kached", (char *)"--on-demand", NULL };
	char path[PATH_MAX];
	char **env;
	int r = spawn_detached_beside("kached", path, sizeof(path));

	if (r == 0) {
		env = choose_env(j);
		r = env ? spawn_detached(path, argv, env) : -ENOMEM;
		free(env);
	}
	if (r < 0)
		log_msg(LOG_DEBUG, "%s: not started: %s", path, err_text(r));
}

void
daemon_start(struct invocation *j)
{
	int fd = openat(j->store.dir, "daemon.lock",
			O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	if (file_lock(fd, 1, true, 0) == 0)
		start(j);
	/* The lock stays ours while we live: nobody starts another one before
	 * this one runs, and one that cannot run is not tried at once again. */
}
