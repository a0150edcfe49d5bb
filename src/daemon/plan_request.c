/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/plan_request.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/services.h"
#include "plan/build_manifest.h"
#include "plan/cargo_lock.h"
#include "plan/planner.h"
#include "remote/planner_call.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 750 };

static const char *
ask_env(const char *name)
{
	return getenv(name);
}

static int
make_request(const char *workspace, const struct digest *toolchain,
	     struct buf *out)
{
	struct lockfile f = { 0 };
	struct buf text = { 0 };
	char path[4200];
	int r;

	snprintf(path, sizeof(path), "%s/Cargo.lock", workspace);
	r = file_read(AT_FDCWD, path, CARGO_LOCK_MAX, &text);
	r = r ? r : cargo_lock_read(text.p ? text.p : "", text.len, &f);
	if (r == 0) {
		r = planner_request(&f.packages, toolchain, SERVICES_SCOPE,
				    out);
		cargo_lock_release(&f);
	}
	buf_free(&text);
	return r;
}

/* No edges: the order of the service counts as it is, which longer paths for
 * earlier ones say. */
static int
make_bman(const struct planner_plan *p, struct build_manifest *out)
{
	int r = 0;

	for (size_t i = 0; i < p->count && i < BUILD_MANIFEST_UNITS && r >= 0;
	     i++) {
		const struct planner_candidate *c = &p->list[i];
		struct build_manifest_unit u = {
			.at = c->key,
			.size = c->bytes,
			.compile_us = BUILD_MANIFEST_UNITS - i
		};

		r = build_manifest_add(out, &u, c->crate, "", NULL, 0);
	}
	return r < 0 ? r : 0;
}

/* Silent but for one line: a service that fails is none. */
bool
plan_request_run(const struct config *c, const char *workspace,
		 const struct digest *toolchain, struct build_manifest *out)
{
	struct buf body = { 0 }, answer = { 0 };
	struct planner_plan plan = { 0 };
	struct build_manifest m = { 0 };
	struct planner_call call = {
		.get = ask_env,
		.endpoint = c->v[CONFIG_PREFETCH_PLANNER].text,
		.token_file = c->v[CONFIG_PREFETCH_PLANNER_TOKEN_FILE].text,
		.max = PLANNER_ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};
	bool holds = false;
	int r = make_request(workspace, toolchain, &body);

	call.body = body.p;
	r = r ? r : planner_call(&call, &answer);
	r = r ? r : planner_parse(answer.p ? answer.p : "", answer.len, &plan);
	if (r == 0 && plan.disposition == PLANNER_EXECUTE)
		r = make_bman(&plan, &m);
	if (r == 0 && plan.disposition != PLANNER_FALLBACK) {
		*out = m;
		memset(&m, 0, sizeof(m));
		holds = true;
	}
	if (r < 0)
		log_msg(LOG_DEBUG, "planner: %s", err_text(r));
	build_manifest_release(&m);
	planner_release(&plan);
	buf_free(&body);
	buf_free(&answer);
	return holds;
}
