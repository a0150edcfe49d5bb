/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/launcher.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "shim/invocation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char program[4200];
	char real[4300];
	char launcher[4200]; /* under a private name */
	char link[4200];
	struct stat st;
};

static void
name_place(const struct invocation *j, struct place *p)
{
	unsigned long long nonce = (unsigned long long)j->store.nonce;
	const char *dir = j->args.out_dir;

	snprintf(p->program, sizeof(p->program), "%s/%s%s", dir,
		 j->args.crate_name, j->args.extra_filename);
	snprintf(p->real, sizeof(p->real), "%s" LAUNCHER_SUFFIX, p->program);
	snprintf(p->launcher, sizeof(p->launcher), "%s/.kache-%016llx-l", dir,
		 nonce);
	snprintf(p->link, sizeof(p->link), "%s/.kache-%016llx-r", dir, nonce);
}

static int
make_trail(const struct place *p, struct buf *out)
{
	const char *name = strrchr(p->real, '/') + 1;
	size_t start = out->len;
	char *to;

	if (strlen(LAUNCHER_MAGIC) + strlen(name) + strlen(p->real) + 3 >
	    LAUNCHER_TRAIL)
		return ERR_TOOBIG;
	to = buf_room(out, LAUNCHER_TRAIL);
	if (!to)
		return -ENOMEM;
	memset(to, 0, LAUNCHER_TRAIL);
	buf_str(out, LAUNCHER_MAGIC);
	buf_add(out, name, strlen(name) + 1);
	buf_add(out, p->real, strlen(p->real) + 1);
	out->len = start + LAUNCHER_TRAIL;
	return 0;
}

static int
write_launcher(struct invocation *j, const struct place *p)
{
	char from[4200];
	struct buf b = { 0 };
	int fd = -1, r;

	invocation_find_libexec(j);
	snprintf(from, sizeof(from), "%s/kache-launch", j->libexec);
	r = file_read(AT_FDCWD, from, LAUNCHER_MAX, &b);
	r = r ? r : make_trail(p, &b);
	if (r == 0) {
		fd = open(p->launcher,
			  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			  0700);
		r = fd < 0 ? -errno : file_write_fd(fd, b.p, b.len);
	}
	if (r == 0 && fchmod(fd, p->st.st_mode & 0777) < 0)
		r = -errno;
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	buf_free(&b);
	return r;
}

/* At every moment the program's name leads to something that runs it. */
static int
swap(const struct place *p)
{
	if (link(p->program, p->link) < 0 || rename(p->link, p->real) < 0 ||
	    rename(p->launcher, p->program) < 0)
		return -errno;
	return 0;
}

void
launcher_install(struct invocation *j)
{
	static struct place p;
	int r = 0;

	/* A program that is only called so has a name for cargo.  Where a
	 * script counts its lines the report needs the program itself, and
	 * no run could be kept: each leaves a profile. */
	if (j->args.kind != ARGS_BUILD_SCRIPT || getenv("CARGO_BIN_NAME") ||
	    j->args.coverage || !j->config.v[CONFIG_SHIM_BUILD_SCRIPTS].num)
		return;
	name_place(j, &p);
	if (lstat(p.program, &p.st) < 0 || !S_ISREG(p.st.st_mode))
		r = -ENOENT;
	r = r ? r : write_launcher(j, &p);
	r = r ? r : swap(&p);
	if (r == 0)
		return;
	unlink(p.launcher);
	unlink(p.link);
	log_msg(LOG_ERROR, "%s: no launcher: %s", p.program, err_text(r));
}
