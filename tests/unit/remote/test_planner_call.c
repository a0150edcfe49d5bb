/* SPDX-License-Identifier: Apache-2.0 */
/* Against tests/planner-server.py. */
#define _GNU_SOURCE
#include "remote/planner_call.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "plan/packages.h"
#include "plan/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/kache-planner.XXXXXX";
static char log_path[64], token_path[64];
static pid_t server;
static int port;

static int
start(void **state)
{
	const char *srcdir = getenv("srcdir");
	char script[512], text[16] = { 0 };
	int out[2];

	(void)state;
	if (!mkdtemp(dir) || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(token_path, sizeof(token_path), "%s/token", dir);
	snprintf(script, sizeof(script), "%s/tests/planner-server.py",
		 srcdir ? srcdir : ".");
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		execlp("python3", "python3", script, log_path, NULL);
		_exit(127);
	}
	close(out[1]);
	for (size_t n = 0; n < sizeof(text) - 1 && !strchr(text, '\n'); n++)
		if (read(out[0], text + n, 1) != 1)
			break;
	port = atoi(text);
	close(out[0]);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	unlink(log_path);
	unlink(token_path);
	rmdir(dir);
	return 0;
}

static const char *
no_proxy(const char *name)
{
	(void)name;
	return NULL;
}

static void
request(struct buf *b)
{
	struct packages p = { 0 };

	assert_int_equal(packages_add(&p, "serde-json", "1.0.0", "r"), 0);
	assert_int_equal(planner_request(&p, NULL, "default", b), 0);
	packages_release(&p);
}

/* Asks WAY; the answer is in OUT. */
static int
ask(const char *way, const char *token, struct buf *out)
{
	struct buf body = { 0 };
	char endpoint[100];
	struct planner_call c = { .get = no_proxy,
				  .endpoint = endpoint,
				  .token_file = token,
				  .max = PLANNER_ANSWER_MAX,
				  .timeout_ms = 750 };
	int r;

	if (!port)
		skip();
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d/%s", port,
		 way);
	unlink(log_path);
	request(&body);
	c.body = body.p;
	buf_reset(out);
	r = planner_call(&c, out);
	assert_true(r == 0 || out->len == 0);
	buf_free(&body);
	return r;
}

static void
put_token(const char *text)
{
	FILE *f = fopen(token_path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
a_plan_comes_back(void **state)
{
	struct planner_plan p = { 0 };
	struct buf out = { 0 }, log = { 0 };

	(void)state;
	assert_int_equal(ask("execute", "", &out), 0);
	assert_int_equal(planner_parse(out.p, out.len, &p), 0);
	assert_int_equal(p.disposition, PLANNER_EXECUTE);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.list[0].crate, "serde_json");
	planner_release(&p);
	assert_int_equal(file_read(AT_FDCWD, log_path, 4096, &log), 0);
	assert_string_equal(log.p, "/execute/v2/prefetch-plan\t-\t"
				   "{\"crate_names\":[\"serde_json\"],"
				   "\"namespace\":null,\"cargo_lock_deps\":"
				   "[[\"serde-json\",\"1.0.0\"]]}\n");
	buf_free(&log);
	buf_free(&out);
}

static void
other_dispositions(void **state)
{
	struct planner_plan p = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(ask("use_fallback", "", &out), 0);
	assert_int_equal(planner_parse(out.p, out.len, &p), 0);
	assert_int_equal(p.disposition, PLANNER_FALLBACK);
	planner_release(&p);
	assert_int_equal(ask("do_nothing/", "", &out), 0);
	assert_int_equal(planner_parse(out.p, out.len, &p), 0);
	assert_int_equal(p.disposition, PLANNER_NOTHING);
	planner_release(&p);
	assert_int_equal(ask("garbage", "", &out), 0);
	assert_int_equal(planner_parse(out.p, out.len, &p), ERR_CORRUPT);
	buf_free(&out);
}

static void
trouble_is_an_error(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(ask("huge", "", &out), ERR_TOOBIG);
	assert_int_equal(ask("slow", "", &out), ERR_TIMEOUT);
	assert_int_equal(ask("stall", "", &out), ERR_TIMEOUT);
	assert_int_equal(ask("cut", "", &out), ERR_CORRUPT);
	assert_int_equal(ask("redirect", "", &out), ERR_REFUSED);
	assert_int_equal(ask("unknown", "", &out), ERR_REFUSED);
	buf_free(&out);
}

static void
the_token_is_sent(void **state)
{
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(ask("token", "", &out), ERR_REFUSED);
	put_token(" secret \r\n");
	assert_int_equal(ask("token", token_path, &out), 0);
	put_token("other");
	assert_int_equal(ask("token", token_path, &out), ERR_REFUSED);
	/* Without its token it is not asked at all. */
	put_token("two\r\nX-Header: lines");
	assert_int_equal(ask("token", token_path, &out), ERR_MISS);
	put_token("\n");
	assert_int_equal(ask("token", token_path, &out), ERR_MISS);
	unlink(token_path);
	assert_int_equal(ask("token", token_path, &out), ERR_MISS);
	assert_int_equal(access(log_path, F_OK), -1);
	buf_free(&out);
}

static void
nobody_listens(void **state)
{
	struct planner_call c = { .get = no_proxy,
				  .endpoint = "http://127.0.0.1:1",
				  .token_file = "",
				  .body = "{}",
				  .max = PLANNER_ANSWER_MAX,
				  .timeout_ms = 750 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(planner_call(&c, &out), -ECONNREFUSED);
	buf_free(&out);
}

static void
addresses(void **state)
{
	static const char *const want[][2] = {
		{ "http://h", "http://h/v2/prefetch-plan" },
		{ "http://h/", "http://h/v2/prefetch-plan" },
		{ "https://h:1/a//", "https://h:1/a/v2/prefetch-plan" },
		{ "https://h/v2/prefetch-plan", "https://h/v2/prefetch-plan" },
		{ "https://h/x/v1/plan", "https://h/x/v1/plan" },
		{ "https://v2/", "https://v2/v2/prefetch-plan" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct buf b = { 0 };

		planner_call_url(want[i][0], &b);
		assert_string_equal(b.p, want[i][1]);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_comes_back),
		cmocka_unit_test(other_dispositions),
		cmocka_unit_test(trouble_is_an_error),
		cmocka_unit_test(the_token_is_sent),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
