/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/log.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOG_ROTATE = 8 << 20 };

static const char *log_path;
static enum log_level log_limit = LOG_ERROR;

static const char *const names[] = { "error", "warn", "info", "debug" };

void
log_open(const char *path, enum log_level level)
{
	log_path = path;
	log_limit = level;
}

static int
open_file(void)
{
	int flags = O_WRONLY | O_APPEND | O_NONBLOCK;
	int fd = file_open_own(AT_FDCWD, log_path, flags);
	char old[4096];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < LOG_ROTATE)
		return fd;
	if (snprintf(old, sizeof(old), "%s.1", log_path) >= (int)sizeof(old))
		return fd;
	close(fd);
	rename(log_path, old);
	return file_open_own(AT_FDCWD, log_path, flags);
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	char line[2048];
	time_t now = time(NULL);
	struct tm tm;
	va_list ap;
	int n, m, fd;

	if (!log_path || level > log_limit)
		return;
	gmtime_r(&now, &tm);
	n = snprintf(line, 64, "%04d-%02d-%02dT%02d:%02d:%02dZ %s [%d] ",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		     tm.tm_min, tm.tm_sec, names[level], (int)getpid());
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	if ((size_t)(n + m) > sizeof(line) - 2)
		m = (int)sizeof(line) - 2 - n;
	for (int i = n; i < n + m; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n + m] = '\n';
	fd = open_file();
	if (fd < 0)
		return;
	if (write(fd, line, (size_t)(n + m) + 1) < 0)
		log_path = NULL;
	close(fd);
}
