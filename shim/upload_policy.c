/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/upload_policy.h"

#include "base/err.h"
#include "base/log.h"
#include "key/ambient.h"
#include "key/input_kind.h"
#include "key/input_policy.h"
#include "key/inputs.h"
#include "key/secret_name.h"
#include "shim/remote_query.h"
#include "shim/invocation.h"
#include "shim/kind.h"
#include "shim/store_result.h"
#include "store/entry.h"
#include "store/upload_intent.h"

#include <string.h>

extern char **environ;

enum { WRITE_AUTO, WRITE_YES, WRITE_NO };
enum { MODE_RW, MODE_RO, MODE_WO };

typedef const char *getter(void *ctx, const char *name);

static bool
is(getter *get, void *ctx, const char *name, const char *value)
{
	const char *v = get(ctx, name);

	return v && !strcmp(v, value);
}

static bool
begins(getter *get, void *ctx, const char *name, const char *value)
{
	const char *v = get(ctx, name);

	return v && !strncmp(v, value, strlen(value));
}

/* A pull request runs code that nobody has looked at yet: what it compiles is
 * not for others.  CI that we do not know might be doing just that. */
bool
upload_policy_auto(getter *get, void *ctx)
{
	const char *ci = get(ctx, "CI");

	if (is(get, ctx, "GITHUB_ACTIONS", "true"))
		return is(get, ctx, "GITHUB_REF_PROTECTED", "true") &&
		       !begins(get, ctx, "GITHUB_EVENT_NAME", "pull_request");
	if (is(get, ctx, "GITLAB_CI", "true"))
		return is(get, ctx, "CI_COMMIT_REF_PROTECTED", "true") &&
		       !is(get, ctx, "CI_PIPELINE_SOURCE",
			   "merge_request_event");
	return !ci || !*ci || !strcmp(ci, "false") || !strcmp(ci, "0");
}

bool
upload_policy_wanted(const struct invocation *j)
{
	const struct config_value *v = j->config.v;

	if (j->islanded || !v[CONFIG_REMOTE_URL].text[0] ||
	    v[CONFIG_REMOTE_MODE].num == MODE_RO ||
	    v[CONFIG_REMOTE_WRITE].num == WRITE_NO)
		return false;
	return v[CONFIG_REMOTE_WRITE].num == WRITE_YES ||
	       upload_policy_auto(cargo_env_get, (void *)&j->trust);
}

/* A secret is set: the whole environment is a matter of our own. */
static bool
holds_secret(bool cc, const char *more)
{
	char name[256];

	for (char **v = environ; *v; v++) {
		size_t n = strcspn(*v, "=");

		if (n >= sizeof(name))
			continue;
		memcpy(name, *v, n);
		name[n] = '\0';
		if ((!cc || ambient_is_cc(name)) && secret_name_is(name, more))
			return true;
	}
	return false;
}

/* A value that the key holds can be guessed by who reads the bucket. */
static bool
names_secret(const struct inputs *s, const char *more)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *item = inputs_item(s, i);

		if (input_kind_is(item, INPUT_VARIABLE) &&
		    secret_name_is(item + 1, more))
			return true;
		if (item[0] == INPUT_ENVIRONMENT &&
		    holds_secret(!strcmp(item, "Ecc"), more))
			return true;
	}
	return false;
}

const char *
upload_policy_refuses(const struct invocation *j, const struct upload_facts *o,
		      const struct inputs *inputs)
{
	const struct config_value *v = j->config.v;

	if (o->secret ||
	    names_secret(inputs, v[CONFIG_PRIVACY_NEVER_UPLOAD].text))
		return "private";
	if ((o->bound || j->mode == ROOTS_NONE) &&
	    !v[CONFIG_REMOTE_UPLOAD_BOUND].num)
		return "bound";
	if (o->outputs > ENTRY_TRAVEL_MAX)
		return "too-many-outputs";
	/* No reader would look at such names. */
	return input_policy_check(inputs) < 0 ? "foreign-path" : NULL;
}

void
upload_policy_offer(struct invocation *j, const struct result *r)
{
	struct upload_intent_intent i = { .kind = j->kind->intent,
					  .k1 = r->k1,
					  .inputs = r->inputs_id };
	int e = 0;

	if (r->tag)
		i.tag = *r->tag;
	for (size_t k = 0; k < r->nlies && e == 0; k++) {
		i.at = r->lies[k];
		e = upload_intent_add(&j->store, &i);
	}
	if (e < 0) {
		log_msg(LOG_ERROR, "%s: not uploaded: spool: %s",
			j->args.crate_name, err_text(e));
		return;
	}
	for (size_t k = 0; k < r->nlies; k++)
		remote_query_stored(j, &r->lies[k]);
}
