/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/planner_call.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "remote/xfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

enum { TOKEN_MAX = 16 << 10 };

void
planner_call_url(const char *endpoint, struct buf *url)
{
	const char *host = strstr(endpoint, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;
	size_t n = strlen(endpoint);

	if (path && (strstr(path, "/v1/") || strstr(path, "/v2/"))) {
		buf_str(url, endpoint);
		return;
	}
	while (n && endpoint[n - 1] == '/')
		n--;
	buf_add(url, endpoint, n);
	buf_str(url, "/v2/prefetch-plan");
}

/* A token that could end its header and begin another is none. */
static bool
is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] == 0x7f)
			return false;
	return n > 0;
}

static int
add_token(const char *path, struct buf *line)
{
	struct buf b = { 0 };
	size_t from = 0, to;
	int r = file_read(AT_FDCWD, path, TOKEN_MAX, &b);

	if (r < 0)
		return ERR_MISS;
	to = b.len;
	while (to > 0 && strchr(" \t\r\n", b.p[to - 1]))
		to--;
	while (from < to && strchr(" \t\r\n", b.p[from]))
		from++;
	if (b.p && is_token(b.p + from, to - from)) {
		buf_str(line, "Authorization: Bearer ");
		buf_add(line, b.p + from, to - from);
	} else {
		r = ERR_MISS;
	}
	buf_free(&b);
	return r;
}

static int
ask_planner(const struct planner_call *c, const char *url, const char *token,
	    struct buf *out)
{
	const char *headers[] = { "Content-Type: application/json",
				  "Accept: application/json", token, NULL };
	struct xfer_opts o = { .transfers = 2 };
	struct xfer_fetch f = {
		.verb = XFER_POST,
		.url = url,
		.headers = headers,
		.body = c->body,
		.connect_ms = c->timeout_ms,
		.timeout_ms = c->timeout_ms,
		.max = c->max,
	};
	size_t before = out->len;
	struct xfer *x;
	int r;

	xfer_env(&o, c->get);
	r = xfer_open(&o, &x);
	if (r < 0)
		return r;
	r = xfer_fetch(x, &f, out);
	xfer_stop(x);
	xfer_free(x);
	if (r == 200)
		return 0;
	out->len = before;
	return r < 0 ? r : ERR_REFUSED;
}

int
planner_call(const struct planner_call *c, struct buf *out)
{
	struct buf url = { 0 }, token = { 0 };
	int r = 0;

	planner_call_url(c->endpoint, &url);
	if (*c->token_file)
		r = add_token(c->token_file, &token);
	if (r == 0 && (url.failed || token.failed))
		r = -ENOMEM;
	if (r == 0)
		r = ask_planner(c, url.p, token.p, out);
	if (token.p)
		explicit_bzero(token.p, token.len);
	buf_free(&token);
	buf_free(&url);
	return r;
}
