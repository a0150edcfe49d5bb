/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/build_script_store.h"

#include "base/err.h"
#include "base/log.h"
#include "base/memfind.h"
#include "key/input_kind.h"
#include "key/secret_name.h"
#include "key/witness.h"
#include "rustc/relocatable.h"
#include "shim/compile.h"
#include "shim/invocation.h"
#include "shim/path_bound.h"
#include "shim/store_result.h"
#include "store/blob.h"
#include "store/outdir_archive.h"
#include "store/publish.h"
#include "store/rerun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT_PATH = 8, SLOW_US = 500000 };

extern char **environ;

struct script_result {
	char tags[WITNESS_PLACES + 1];
	struct roots keyed; /* those of the tags */
	char archive[4200]; /* the file it is made in; "" without one */
	const char *path;   /* PATH, if it is long enough to be told apart */
	bool names_path;    /* the result spells it */
	bool first;         /* nobody bore witness before */
};

uint32_t
build_script_out_mode(const struct invocation *j)
{
	struct stat st;

	return lstat(j->args.out_dir, &st) < 0 ? 0 : st.st_mode;
}

/* An archive holds what is in it, and cargo makes it. */
static const char *
refuses(const struct result *r)
{
	return build_script_out_mode(r->job) == r->compile->out_mode
		       ? NULL
		       : "out-dir";
}

/* As rustc would call it: `kache purge` takes either. */
static void
name_crate(struct buf *to, const char *package)
{
	for (; *package; package++)
		buf_char(to, *package == '-' ? '_' : *package);
}

static int
describe(struct result *r, struct derive *d)
{
	d->rules = &derive_run_rules;
	d->was_empty = r->compile->was_empty;
	d->program = r->compile->command.program;
	d->declared = r->job->declared;
	return 0;
}

static const char *
changed(struct result *r)
{
	const char *rustc = getenv("RUSTC");

	return invocation_same_toolchain(r->job, rustc,
					 r->job->toolchain.target, NULL)
		       ? NULL
		       : rustc;
}

static bool
is_own(void *ctx, const char *path)
{
	const struct result *r = ctx;

	return derive_made(&r->derive, path);
}

/* PATH itself is in no key, only the programs found over it are. */
static void
see(void *ctx, const char *p, size_t n)
{
	const struct result *r = ctx;
	struct script_result *s = r->own;

	if (s->path && memfind(p, n, s->path, strlen(s->path)))
		s->names_path = true;
}

static int
pack_into(struct result *r, int fd)
{
	struct script_result *s = r->own;
	char bad[120] = "", why[160];
	struct outdir_in in = { .dir = r->job->args.out_dir,
				.roots = &s->keyed,
				.is_own = r->compile->was_empty ? NULL : is_own,
				.since = r->compile->watched.started,
				.see = see,
				.ctx = r,
				.bad = bad,
				.bad_room = sizeof(bad) };
	int e = outdir_pack(&in, fd);

	snprintf(why, sizeof(why), "%s%s%s", err_text(e), bad[0] ? ":" : "",
		 bad);
	return e < 0 ? result_refuse(r, e, "archive", why) : 0;
}

static int
pack(struct result *r)
{
	struct script_result *s = r->own;
	char name[STORE_NAME];
	int fd, e;

	store_tmp(&r->job->store, name);
	fd = openat(r->job->store.dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return result_refuse(r, -errno, "archive", strerror(errno));
	snprintf(s->archive, sizeof(s->archive), "%s/%s", r->job->cache_dir,
		 name);
	e = pack_into(r, fd);
	if (close(fd) < 0 && e == 0)
		e = result_refuse(r, -errno, "archive", strerror(errno));
	return e;
}

static int
take_text(struct result *r, const struct buf *from, struct buf *to)
{
	struct script_result *s = r->own;

	if (!from->len)
		return 0;
	if (!relocatable_is_text(from->p, from->len))
		return result_refuse(r, ERR_REFUSED, "output-not-text", NULL);
	see(r, from->p, from->len);
	secret_set_scan(&r->secrets, from->p, from->len);
	/* Entries are read by more than blobs are: by kache verify, and by
	 * whoever looks for what went wrong. */
	if (r->secrets.found)
		return result_refuse(r, ERR_REFUSED, "secret", NULL);
	relocatable_text(&s->keyed, from->p, from->len, to);
	return to->failed ? result_refuse(r, -ENOMEM, "memory", NULL) : 0;
}

static int
find_tags(struct result *r)
{
	struct script_result *s = r->own;
	int e = witness_tags(&r->inputs, &r->job->roots, invocation_getenv,
			     s->tags);

	return e < 0 ? result_refuse(r, e, "memory", NULL) : 0;
}

/* A path that the script did not get from its place, but from a file say, is
 * left as it is: its place is not in the key. */
static int
choose_roots(struct result *r)
{
	const struct roots *all = &r->job->roots;
	struct script_result *s = r->own;
	int e = find_tags(r);

	for (size_t i = 0; i < all->count && e == 0; i++)
		if (strchr(s->tags, all->r[i].tag))
			s->keyed.r[s->keyed.count++] = all->r[i];
	return e;
}

static int
add_path(struct result *r)
{
	int e = inputs_add(&r->inputs, INPUT_NEUTRAL, "PATH", 4);

	e = e ? e : inputs_finish(&r->inputs);
	return e < 0 ? result_refuse(r, e, "input", "PATH") : find_tags(r);
}

static int
collect(struct result *r)
{
	const struct run *run = r->compile->run;
	struct script_result *s = r->own;
	const char *path = getenv("PATH");
	int e;

	name_crate(&r->entry.crate, r->job->event.crate);
	if (r->entry.crate.failed)
		return result_refuse(r, -ENOMEM, "memory", NULL);
	s->path = path && strlen(path) > SHORT_PATH ? path : NULL;
	e = choose_roots(r);
	e = e ? e : take_text(r, &run->out_text, &r->entry.stdout_text);
	e = e ? e : take_text(r, &run->err_text, &r->entry.stderr_text);
	e = e ? e : pack(r);
	return e == 0 && s->names_path ? add_path(r) : e;
}

/* What names this place outside of text, or a secret, stays here. */
static int
look_for_names(struct result *r)
{
	struct script_result *s = r->own;
	struct roots raw = r->job->roots;
	char found[PATH_BOUND_TAGS] = "";
	int e;

	if (!r->offered)
		return 0;
	for (size_t i = 0; i < raw.count; i++)
		raw.r[i].to = "/";
	e = path_bound_scan_file(&raw, &r->secrets, s->archive, found);
	r->bound = found[0] != '\0';
	return e < 0 ? result_refuse(r, e, "archive", err_text(e)) : 0;
}

static int
put(struct result *r)
{
	struct script_result *s = r->own;
	struct entry_output *o = &r->entry.out[0];
	struct blob_put put = { .path = s->archive, .link = true };
	int e = look_for_names(r);

	if (e < 0)
		return e;
	e = blob_put(&r->job->store, &r->job->memo, &put, &o->blob);
	if (e < 0)
		return result_refuse(r, e, "blob", err_text(e));
	/* A pack takes no outputs but those named after their crate. */
	snprintf(o->name, sizeof(o->name), "%s.out", r->entry.crate.p);
	o->role = ENTRY_LINK;
	o->size = put.size;
	r->entry.nout = 1;
	r->duplicate = put.existed;
	r->job->event.bytes = put.size;
	return 0;
}

/* The record of the first run K1 anywhere, which lies at K1 itself. */
static int
first_witness(struct invocation *j, const struct digest *k1,
	      struct witness *out)
{
	struct entry e = { 0 };
	int r = entry_load(&j->store, k1, &e);

	if (r < 0)
		return r;
	r = e.kind == ARGS_RUN && !e.nout && e.depinfo.len
		    ? witness_read(e.depinfo.p, e.depinfo.len, out)
		    : ERR_MISS;
	entry_release(&e);
	return r;
}

static int
save_witness(struct result *r, const struct witness *w)
{
	struct script_result *s = r->own;
	struct entry e = { .stored_ms = r->entry.stored_ms,
			   .kind = ARGS_RUN,
			   .k0 = r->entry.k0,
			   .inputs = r->entry.inputs,
			   .crate = r->entry.crate };
	int n;

	memcpy(e.roots, s->tags, sizeof(s->tags));
	witness_write(w, &e.depinfo);
	n = e.depinfo.failed ? -ENOMEM : entry_save(&r->job->store, &r->k1, &e);
	buf_free(&e.depinfo);
	if (n == 0) {
		result_lies_at(r, &r->k1);
		s->first = true;
	}
	return n;
}

static int
publish_at(struct result *r, int reach)
{
	struct invocation *j = r->job;
	struct script_result *s = r->own;
	const char *paths[] = { s->archive };
	struct digest at;
	int e;

	witness_key(&r->k1, &j->roots, s->tags, reach, &at);
	e = publish_entry(&j->store, &j->memo, &at, &r->entry, paths);
	/* Nobody asks a remote for what a name goes with: shim/build_script. */
	if (e == 0 && reach != WITNESS_NAMED)
		result_lies_at(r, &at);
	return e;
}

static bool
was_contradicted(struct result *r)
{
	struct script_result *s = r->own;
	char name[STORE_NAME];
	struct digest at;

	witness_key(&r->k1, &r->job->roots, s->tags, WITNESS_REACHES, &at);
	store_name("entries", &at, name);
	return faccessat(r->job->store.dir, name, F_OK, 0) == 0;
}

/* What two runs must have made alike: files, and what cargo is told. */
static void
content_of(const struct entry *e, struct digest *out)
{
	struct digest_ctx c;

	digest_init(&c);
	digest_str(&c, "kache-run-content-1");
	digest_sub(&c, &e->out[0].blob);
	if (e->stdout_text.len)
		witness_speech(&c, e->stdout_text.p, e->stdout_text.len);
	digest_end(&c, out);
}

static int
bear_witness(struct result *r)
{
	const struct roots *roots = &r->job->roots;
	struct script_result *s = r->own;
	struct witness first, now;
	struct digest content;
	int e;

	content_of(&r->entry, &content);
	witness_here(roots, s->tags, &content, &now);
	e = first_witness(r->job, &r->k1, &first);
	if (e == ERR_NEWER)
		return e;
	if (e < 0)
		return save_witness(r, &now);
	e = witness_compare(&first, &now, roots);
	if (e == ERR_CHANGED)
		return publish_at(r, WITNESS_REACHES);
	if (e == WITNESS_HERE || was_contradicted(r))
		return 0;
	return publish_at(r, e);
}

static int
publish(struct result *r)
{
	struct script_result *s = r->own;
	int e;

	/* What names a place by its key lies where only who asks can tell
	 * whether it is the one: for remotes it is a bound entry. */
	memcpy(r->entry.roots, s->tags, sizeof(s->tags));
	e = publish_at(r, WITNESS_HERE);
	e = e ? e : bear_witness(r);
	return e < 0 ? result_refuse(r, e, "entry", err_text(e)) : 0;
}

/* The workspace as it is in the roots. */
static const char *
root_path(const struct invocation *j, char tag)
{
	for (size_t i = 0; i < j->roots.count; i++)
		if (j->roots.r[i].tag == tag)
			return j->roots.r[i].path;
	return "";
}

/* The variable NAME alone, or the environment as a whole. */
static bool
takes_variable(const struct inputs *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *item = inputs_item(s, i);

		if (item[0] == INPUT_ENVIRONMENT ||
		    (input_kind_is(item, INPUT_VARIABLE) &&
		     !strcmp(item + 1, name)))
			return true;
	}
	return false;
}

/* What the run can have used: what it asked for, what cargo sets, and all if
 * it took in all; never what looks like a secret, nor an address with one. */
static bool
may_be_noted(const struct result *r, const char *var)
{
	static const char *const begins[] = { "CARGO", "RUST", "DEP_", "KACHE_",
					      "LC_" };
	static const char *const names[] = {
		"PATH",     "HOME",    "OUT_DIR", "HOST",
		"TARGET",   "PROFILE", "DEBUG",   "OPT_LEVEL",
		"NUM_JOBS", "TMPDIR",  "LANG",    "LD_LIBRARY_PATH"
	};
	const char *more = r->job->config.v[CONFIG_PRIVACY_NEVER_UPLOAD].text;
	const char *scheme = strstr(var, "://");
	size_t n = strcspn(var, "=");
	char name[256];
	bool wanted;

	if (n >= sizeof(name) || (scheme && strchr(scheme, '@')))
		return false;
	memcpy(name, var, n);
	name[n] = '\0';
	wanted = takes_variable(&r->inputs, name);
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins) && !wanted; i++)
		wanted = !strncmp(name, begins[i], strlen(begins[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !wanted; i++)
		wanted = !strcmp(name, names[i]);
	return wanted && !secret_name_is(name, more);
}

/* For `kache drain`, which bears witness of what was slow.  A secret is not
 * written down: a script that asks for one then has another key. */
static void
note_rerun(struct result *r)
{
	struct script_result *s = r->own;
	struct invocation *j = r->job;
	struct rerun note = { 0 };

	if (!s->first || r->entry.compile_us < SLOW_US)
		return;
	buf_str(&note.program, j->argv[1]);
	buf_str(&note.argv0, r->compile->command.argv[0]);
	buf_str(&note.cwd, j->cwd);
	buf_str(&note.out_dir, j->args.out_dir);
	buf_str(&note.target, j->target);
	buf_str(&note.workspace, root_path(j, 'W'));
	for (char *const *e = environ; *e; e++)
		if (may_be_noted(r, *e))
			buf_add(&note.env, *e, strlen(*e) + 1);
	if (!note.env.failed && rerun_save(&j->store, &r->k1, &note) < 0)
		log_msg(LOG_INFO, "%s: cannot be noted to be run again",
			j->event.crate);
	rerun_release(&note);
}

static void
release(struct result *r)
{
	struct script_result *s = r->own;

	if (s->archive[0])
		unlink(s->archive);
}

const struct kind_store build_script_store = {
	.own_size = sizeof(struct script_result),
	.refuses = refuses,
	.describe = describe,
	.changed = changed,
	.collect = collect,
	.put = put,
	.publish = publish,
	.travels = note_rerun,
	.release = release,
};
