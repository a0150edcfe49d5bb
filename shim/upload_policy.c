/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/upload_policy.h"

#include "base/err.h"
#include "base/log.h"
#include "key/ambient.h"
#include "key/inputs.h"
#include "key/vet.h"
#include "shim/remote_query.h"
#include "shim/invocation.h"
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

	if (!v[CONFIG_REMOTE_URL].text[0] ||
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
		if ((!cc || ambient_is_cc(name)) && vet_secret(name, more))
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

		if (strchr("eivw", item[0]) && vet_secret(item + 1, more))
			return true;
		if (item[0] == 'E' && holds_secret(!strcmp(item, "Ecc"), more))
			return true;
	}
	return false;
}

const char *
upload_policy_refuses(const struct invocation *j, const struct upload_policy *o,
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
	return vet_inputs(inputs) < 0 ? "foreign-path" : NULL;
}

void
upload_policy_make(struct invocation *j, const struct upload_policy *o)
{
	struct upload_intent_intent i = { .kind = UPLOAD_INTENT_UNIT,
					  .at = *o->at,
					  .k1 = *o->k1,
					  .inputs = o->inputs };
	int r;

	if (o->tag)
		i.tag = *o->tag;
	r = upload_intent_add(&j->store, &i);
	if (r == 0 && o->bound) {
		i.at = *o->bound;
		r = upload_intent_add(&j->store, &i);
	}
	if (r < 0) {
		log_msg(LOG_ERROR, "%s: not uploaded: spool: %s",
			j->args.crate_name, err_text(r));
		return;
	}
	if (o->bound)
		remote_query_stored(j, o->bound);
	remote_query_stored(j, o->at);
}

void
upload_policy_runs(struct invocation *j, const struct digest *at, size_t n,
		   const struct digest *k1, const struct digest *inputs)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct upload_intent_intent in = { .kind = UPLOAD_INTENT_RUN,
						   .at = at[i],
						   .k1 = *k1,
						   .inputs = *inputs };

		r = upload_intent_add(&j->store, &in);
	}
	if (r < 0) {
		log_msg(LOG_ERROR, "%s: not uploaded: spool: %s",
			j->args.crate_name, err_text(r));
		return;
	}
	for (size_t i = 0; i < n; i++)
		remote_query_stored(j, &at[i]);
}
