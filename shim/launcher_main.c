/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/launcher.h"
#include "shim/exec_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stands in the place of a build script's program; see launch.h. */

extern char **environ;

static char trail[LAUNCHER_TRAIL + 1];
static char self[4096];
static char name[4096]; /* of our own file */
static char real[8192];
static char program[8500];

static int
read_trail(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0 && lseek(fd, -LAUNCHER_TRAIL, SEEK_END) >= 0)
		n = read(fd, trail, LAUNCHER_TRAIL);
	if (fd >= 0)
		close(fd);
	return n == LAUNCHER_TRAIL &&
	       !strncmp(trail, LAUNCHER_MAGIC, strlen(LAUNCHER_MAGIC));
}

/*
 * cargo gives the program a second name, in newer layouts of target/ in the
 * directory above; and target/ may have been moved since.
 */
static int
find_real(void)
{
	static const char *const from[] = { "", "../", "out/", "deps/" };
	const char *file = trail + strlen(LAUNCHER_MAGIC);
	const char *whole = file + strlen(file) + 1;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	snprintf(name, sizeof(name), "%s", exec_dir_base(self));
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		snprintf(real, sizeof(real), "%s%s%s", self, from[i], file);
		if (access(real, X_OK) == 0)
			return 1;
	}
	snprintf(real, sizeof(real), "%s", whole);
	return access(real, X_OK) == 0;
}

static int
is_ours(const char *wrapper)
{
	return !strcmp(exec_dir_base(wrapper), "kache-shim");
}

int
main(int argc, char **argv)
{
	char *wrapper = getenv("RUSTC_WRAPPER");

	if (!read_trail() || !find_real()) {
		fprintf(stderr,
			"%s: the build script's program is gone; build it "
			"again (touch build.rs)\n",
			argc ? argv[0] : "kache-launch");
		return 127;
	}
	/* cargo passes no arguments, and calls a program by its name; whoever
	 * does otherwise wants the script itself. */
	if (wrapper && is_ours(wrapper) && argc == 1 &&
	    !strcmp(exec_dir_base(argv[0]), name)) {
		char *words[] = { wrapper, real, argv[0], NULL };

		execvp(wrapper, words);
	}
	exec_dir_program(real, name, program, sizeof(program));
	execve(program, argv, environ);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	return 126;
}
