/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/ini.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ini_reader_state {
	const char *at;
	const char *end;
	int line;
	const struct ini_sink *sink;
};

static size_t
skip_blanks(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i;
}

/*
 * inih's fgets: gives one line a call, so that inih's count of lines and ours
 * agree.  A line that does not fit is reported and handed on as an empty one.
 * Leading blanks are taken off because inih reads them as a continuation.
 */
static char *
next_line(char *to, int room, void *stream)
{
	struct ini_reader_state *s = stream;
	size_t left = (size_t)(s->end - s->at);
	const char *nl = left > 0 ? memchr(s->at, '\n', left) : NULL;
	size_t n = nl ? (size_t)(nl - s->at) : left;
	const char *from = s->at;
	const char *wrong = NULL;
	size_t skip;

	if (left == 0)
		return NULL;
	s->at = nl ? nl + 1 : s->end;
	s->line++;
	if (n > INI_LINE_LEN || n + 2 > (size_t)room)
		wrong = "line is too long and was ignored";
	else if (memchr(from, '\0', n))
		wrong = "line holds a NUL byte and was ignored";
	if (wrong) {
		s->sink->problem(s->sink->ctx, s->line, wrong);
		n = 0;
	}
	skip = skip_blanks(from, n);
	memcpy(to, from + skip, n - skip);
	memcpy(to + n - skip, "\n", 2);
	return to;
}

static int
pass_on(void *user, const char *section, const char *key, const char *value)
{
	struct ini_reader_state *s = user;

	s->sink->value(s->sink->ctx, s->line, section, key, value);
	return 1;
}

void
ini_text(const char *text, size_t n, const struct ini_sink *sink)
{
	struct ini_reader_state s = { .at = text,
				      .end = text + n,
				      .sink = sink };
	int bad = 0;

	if (n > 0)
		bad = ini_parse_stream(next_line, &s, pass_on, &s);
	if (bad > 0)
		sink->problem(sink->ctx, bad,
			      "neither [section] nor key = value");
	else if (bad < 0)
		sink->problem(sink->ctx, s.line, "out of memory");
}

int
ini_load(const char *path, const struct ini_sink *sink)
{
	/* O_NONBLOCK: a FIFO of that name must not hold up a build. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct buf b = { 0 };
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else
		r = file_read_fd(fd, INI_FILE_LEN, &b);
	close(fd);
	if (r == 0)
		ini_text(b.p ? b.p : "", b.len, sink);
	buf_free(&b);
	return r;
}
