/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote/cred_process.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/spawn.h"
#include "remote/cred_file.h"
#include "remote/cred_parse.h"
#include "remote/cred_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* One word from P on, which is no blank; behind it, or NULL: an open quote. */
static const char *
word(const char *p, struct buf *out)
{
	char quote = '\0';

	for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
		if (*p == quote && quote) {
			quote = '\0';
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && p[1] &&
			   (!quote || (quote == '"' && strchr("\"\\", p[1])))) {
			p++;
			buf_char(out, *p);
		} else {
			buf_char(out, *p);
		}
	}
	buf_char(out, '\0');
	return quote ? NULL : p;
}

bool
cred_process_split(const char *command, struct buf *out, size_t *n)
{
	const char *p = command;

	*n = 0;
	for (;;) {
		p += strspn(p, " \t\n");
		if (!*p)
			return *n > 0 && !out->failed;
		p = word(p, out);
		if (!p || *n == CRED_PROCESS_WORDS)
			return false;
		++*n;
	}
}

static int
run_words(const struct cred_opts *o, struct buf *words, size_t n,
	  struct buf *out, int *status)
{
	char *argv[CRED_PROCESS_WORDS + 1] = { NULL };
	struct spawn s = {
		.argv = argv,
		.max = CRED_PROCESS_OUTPUT,
		.timeout_ms =
			o->process_ms ? o->process_ms : CRED_PROCESS_TIMEOUT_MS,
		.stop_fd = o->stop_fd,
	};
	char *p = words->p;
	size_t i;

	for (i = 0; i < n; i++, p += strlen(p) + 1)
		argv[i] = p;
	return spawn_run(&s, out, status);
}

static int
refuse(int rc, int status, char *why, size_t room)
{
	if (rc == ERR_TOOBIG)
		snprintf(why, room, "it printed more than %d bytes",
			 (int)CRED_PROCESS_OUTPUT);
	else if (rc == ERR_TIMEOUT)
		snprintf(why, room, "it did not end in time");
	else if (rc != 0)
		snprintf(why, room, "it cannot be run: %s", err_text(rc));
	else if (WIFSIGNALED(status))
		snprintf(why, room, "it was killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(why, room,
			 "it failed with status %d; run it by hand to see why",
			 WEXITSTATUS(status));
	return rc == -ENOMEM || rc == -ECANCELED ? rc : ERR_REFUSED;
}

static int
run_command(const struct cred_opts *o, const char *command,
	    struct cred_value *out, char *why, size_t room)
{
	struct buf words = { 0 };
	struct buf text = { 0 };
	int status = 0;
	size_t n;
	int rc;

	if (!cred_process_split(command, &words, &n)) {
		snprintf(why, room,
			 "its command has an open quote, no word, "
			 "or too many");
		rc = ERR_REFUSED;
	} else {
		rc = run_words(o, &words, n, &text, &status);
		if (rc != 0 || status != 0)
			rc = refuse(rc, status, why, room);
		else
			rc = cred_parse_json(text.p ? text.p : "", text.len,
					     "SessionToken", out, why, room);
	}
	if (text.p)
		explicit_bzero(text.p, text.cap);
	buf_free(&text);
	buf_free(&words);
	return rc;
}

int
cred_process_load(const struct cred_opts *o, struct cred_value *out, char *why,
		  size_t room)
{
	struct cred_file_profile p;
	int rc = cred_file_read(o, &p, why, room);

	if (rc != 0)
		return rc;
	rc = ERR_MISS;
	if (p.v[CRED_FILE_PROCESS])
		rc = run_command(o, p.v[CRED_FILE_PROCESS], out, why, room);
	cred_file_release(&p);
	return rc;
}
