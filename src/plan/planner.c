/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/planner.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "plan/packages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A crate's name and where it stands in the topological order. */
struct name {
	char text[PACKAGES_NAME];
	uint32_t at;
	bool again; /* another version of it came before */
};

static int
by_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	return r ? r : (x->at > y->at) - (x->at < y->at);
}

static int
by_place(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* Each name once, dependencies first.  *COUNT of them, or NULL. */
static struct name *
names_of(const struct packages *p, size_t *count)
{
	struct name *list = calloc(p->count + 1, sizeof(*list));
	uint32_t *order = NULL;
	size_t n = 0;

	if (!list || packages_order(p, &order) < 0) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < p->count; i++) {
		if (!packages_crate(p->p[order[i]].name, list[n].text))
			continue;
		list[n++].at = (uint32_t)i;
	}
	free(order);
	qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 1; i < n; i++)
		list[i].again = !strcmp(list[i].text, list[i - 1].text);
	qsort(list, n, sizeof(*list), by_place);
	*count = n;
	return list;
}

static void
put_namespace(const struct digest *toolchain, const char *scope,
	      struct buf *out)
{
	char hex[DIGEST_HEX + 1];
	struct buf text = { 0 };

	if (!toolchain) {
		buf_str(out, "null");
		return;
	}
	digest_hex(toolchain, hex);
	buf_fmt(&text, "%.16s/%s", hex, scope);
	out->failed |= text.failed;
	if (!text.failed)
		json_quote(out, text.p);
	buf_free(&text);
}

int
planner_request(const struct packages *p, const struct digest *toolchain,
		const char *scope, struct buf *out)
{
	size_t before = out->len, n;
	struct name *names = names_of(p, &n);
	const char *comma = "";

	if (!names)
		return -ENOMEM;
	buf_str(out, "{\"crate_names\":[");
	for (size_t i = 0; i < n; i++) {
		if (names[i].again)
			continue;
		buf_str(out, comma);
		json_quote(out, names[i].text);
		comma = ",";
	}
	free(names);
	buf_str(out, "],\"namespace\":");
	put_namespace(toolchain, scope, out);
	buf_str(out, ",\"cargo_lock_deps\":[");
	for (size_t i = 0; i < p->count; i++) {
		buf_str(out, i ? ",[" : "[");
		json_quote(out, p->p[i].name);
		buf_char(out, ',');
		json_quote(out, p->p[i].version);
		buf_char(out, ']');
	}
	buf_str(out, "]}");
	if (!out->failed)
		return 0;
	out->len = before;
	return -ENOMEM;
}

/* A number that may be missing or null. */
static int
optional_number(const struct json *j, const char *key, uint64_t absent,
		uint64_t *out)
{
	int64_t n;

	*out = absent;
	if (json_absent(json_get(j, key)))
		return 0;
	if (!json_int(j, key, &n) || n < 0)
		return ERR_CORRUPT;
	*out = (uint64_t)n;
	return 0;
}

static int
candidate(const struct json *j, struct planner_candidate *c)
{
	const char *key = json_text(j, "cache_key");
	const char *crate = json_text(j, "crate_name");
	int r;

	if (!key || !crate || !packages_is_crate(crate, strlen(crate)))
		return ERR_CORRUPT;
	memcpy(c->crate, crate, strlen(crate) + 1);
	r = digest_parse(key, strlen(key), &c->key);
	r = r ? r : optional_number(j, "compile_time_ms", 0, &c->compile_ms);
	r = r ? r : optional_number(j, "size_bytes", 0, &c->bytes);
	return r ? r
		 : optional_number(j, "demand_index", UINT64_MAX, &c->order);
}

static int
disposition(const struct json *root, enum planner_disposition *out)
{
	static const char *const words[] = {
		[PLANNER_EXECUTE] = "execute",
		[PLANNER_FALLBACK] = "use_fallback",
		[PLANNER_NOTHING] = "do_nothing",
	};
	const char *word = json_text(root, "disposition");

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(word, words[i])) {
			*out = (enum planner_disposition)i;
			return 0;
		}
	}
	return ERR_CORRUPT;
}

/* Where the order is the same, as given: qsort alone is not stable. */
struct place {
	struct planner_candidate c;
	size_t at;
};

static int
by_demand(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->c.order != y->c.order)
		return x->c.order < y->c.order ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static int
candidates(const struct json *list, struct planner_plan *plan)
{
	size_t n = json_len(list);
	struct place *all;
	int r = 0;

	if (!json_is_list(list))
		return ERR_CORRUPT;
	if (n > PLANNER_MAX)
		return ERR_TOOBIG;
	all = calloc(n + 1, sizeof(*all));
	plan->list = calloc(n + 1, sizeof(*plan->list));
	if (!all || !plan->list)
		r = -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		all[i].at = i;
		r = candidate(json_at(list, i), &all[i].c);
	}
	if (r == 0) {
		qsort(all, n, sizeof(*all), by_demand);
		for (size_t i = 0; i < n; i++)
			plan->list[i] = all[i].c;
		plan->count = n;
	}
	free(all);
	return r;
}

int
planner_parse(const char *text, size_t n, struct planner_plan *out)
{
	struct planner_plan plan = { 0 };
	struct json *root = NULL;
	int r = json_parse(text, n, PLANNER_ANSWER_MAX, &root);

	if (r < 0)
		return r;
	r = disposition(root, &plan.disposition);
	if (r == 0 && plan.disposition == PLANNER_EXECUTE) {
		r = candidates(json_get(root, "candidates"), &plan);
		if (plan.count == 0)
			plan.disposition = PLANNER_FALLBACK;
	}
	json_release(root);
	if (r < 0)
		planner_release(&plan);
	else
		*out = plan;
	return r;
}

void
planner_release(struct planner_plan *p)
{
	free(p->list);
	memset(p, 0, sizeof(*p));
}
