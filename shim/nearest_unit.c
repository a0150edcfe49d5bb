/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/nearest_unit.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mp.h"
#include "base/record.h"
#include "key/unit.h"
#include "rustc/args.h"
#include "rustc/roots.h"
#include "shim/compiler.h"
#include "shim/invocation.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1,
	KNOWN_MAX = 4,
	TEXT_MAX = 200, /* of an argument; of a longer one its digest */
	NAMED_MAX = 6
};

static void
add_mark(struct buf *out, const void *p, size_t n)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_bytes(p, n, &d);
	digest_hex(&d, hex);
	buf_fmt(out, "%.8s", hex);
}

static void
end_part(struct buf *out)
{
	buf_add(out, "", 1);
}

static void
add_value(struct buf *out, const char *p, size_t n)
{
	buf_add(out, p, n < TEXT_MAX ? n : TEXT_MAX / 2);
	if (n >= TEXT_MAX) {
		buf_str(out, "... #");
		add_mark(out, p, n);
	}
}

static void
add_path(const struct invocation *j, const char *path, struct buf *out)
{
	struct buf enc = { 0 };

	if (path[0] == '/' && roots_encode(&j->roots, path, &enc) == 0 &&
	    enc.len)
		add_value(out, enc.p, enc.len);
	else
		add_value(out, path, strlen(path));
	buf_free(&enc);
}

static void
add_search(const struct invocation *j, const struct args_search *s,
	   struct buf *out)
{
	/* What is dropped from the key: see key/unit. */
	if (s->kind_len == 10)
		return;
	buf_fmt(out, "A-L %.*s=", (int)s->kind_len, s->kind);
	add_path(j, s->path, out);
	end_part(out);
}

static void
add_item(const struct invocation *j, const struct args_item *it,
	 size_t *nsearch, size_t *nextern, struct buf *out)
{
	const struct args_extern *e;

	switch (it->role) {
	case ARGS_KEY:
		buf_fmt(out, "A%s%s", it->opt, it->val ? " " : "");
		if (it->val)
			add_value(out, it->val, strlen(it->val));
		end_part(out);
		return;
	case ARGS_PATH:
		buf_str(out, "A");
		add_path(j, it->val, out);
		end_part(out);
		return;
	case ARGS_SEARCH:
		add_search(j, &j->args.search[(*nsearch)++], out);
		return;
	case ARGS_EXTERN:
		e = &j->args.externs[(*nextern)++];
		buf_fmt(out, "A--extern %.*s", (int)e->name_len, e->name);
		end_part(out);
		return;
	case ARGS_ON:
		buf_fmt(out, "A-C %s", it->val);
		end_part(out);
		return;
	default:
		return;
	}
}

static void
add_variables(const struct invocation *j, struct buf *out)
{
	const char *name, *v;

	for (size_t i = 0;; i++) {
		name = unit_env_keyed(i, j->args.linked);
		if (!name)
			return;
		v = *name ? getenv(name) : NULL;
		if (!v)
			continue;
		buf_fmt(out, "V%s=", name);
		add_mark(out, v, strlen(v));
		end_part(out);
	}
}

static void
add_unit(const struct invocation *j, struct buf *out)
{
	size_t nsearch = 0, nextern = 0;

	buf_fmt(out, "M%d", (int)j->mode);
	for (size_t i = 0; i < j->roots.count; i++)
		if (j->roots.r[i].to)
			buf_fmt(out, " %s", j->roots.r[i].to);
	end_part(out);
	for (size_t i = 0; i < j->args.nitems; i++)
		add_item(j, &j->args.items[i], &nsearch, &nextern, out);
	add_variables(j, out);
	buf_fmt(out, "D%s", j->places ? j->places : "");
	end_part(out);
	if (j->compiler->conf) {
		buf_str(out, "C");
		add_mark(out, j->conf.b, DIGEST_LEN);
		end_part(out);
	}
	if (j->args.by_path) {
		char *real = realpath(j->args.out_dir, NULL);
		const char *const places[] = { j->args.out_dir,
					       real ? real : "",
					       j->toolchain.sysroot };

		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			buf_str(out, "O");
			add_value(out, places[i], strlen(places[i]));
			end_part(out);
		}
		free(real);
	}
}

static void
add_run(struct invocation *j, struct buf *out)
{
	struct file_id id;
	struct digest d;

	if (digest_cache_digest(&j->memo, AT_FDCWD, j->argv[1], &d, &id) == 0) {
		buf_str(out, "P");
		add_mark(out, d.b, DIGEST_LEN);
		end_part(out);
	}
	buf_fmt(out, "D%s", j->declared ? j->declared : "");
	if (j->islanded)
		add_mark(out, j->project.id, sizeof(j->project.id));
	end_part(out);
}

static void
make_parts(struct invocation *j, struct buf *out)
{
	buf_str(out, "T");
	add_mark(out, j->toolchain.id.b, DIGEST_LEN);
	end_part(out);
	if (j->args.kind == ARGS_RUN)
		add_run(j, out);
	else
		add_unit(j, out);
}

static void
name_of(const struct invocation *j, char name[STORE_NAME])
{
	const char *dir = getenv("CARGO_MANIFEST_DIR");
	const char *const words[] = {
		"parts-1",
		j->event.package,
		j->event.version,
		j->args.kind == ARGS_RUN ? "" : j->args.crate_name,
		args_kind_name(j->args.kind),
		j->event.profile,
	};
	struct buf where = { 0 };
	struct digest_ctx c;
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_init(&c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		digest_str(&c, words[i] ? words[i] : "");
	add_path(j, dir ? dir : "", &where);
	/* The kind of what is only checked does not tell it from others. */
	if (j->args.kind == ARGS_CHECK) {
		add_path(j, j->args.source, &where);
		digest_u64(&c, j->args.test);
	}
	digest_field(&c, where.p ? where.p : "", where.len);
	digest_end(&c, &d);
	buf_free(&where);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

struct known {
	struct digest k0;
	const char *p; /* parts, each with its NUL */
	size_t n;
};

/* What is remembered, newest first; points into B. */
static size_t
load(struct invocation *j, const char *name, struct buf *b, struct known *to)
{
	const char *p;
	struct mp_doc doc;
	struct mp_list l;
	size_t n, count = 0;

	if (record_read(j->store.dir, name, 'i', VERSION, b, &p, &n) < 0 ||
	    mp_open(&doc, p, n) < 0)
		return 0;
	l = mp_root(&doc);
	while (count < KNOWN_MAX &&
	       mp_next_fixed(&l, to[count].k0.b, DIGEST_LEN) == 0 &&
	       mp_next_bin(&l, &to[count].p, &to[count].n) == 0 &&
	       to[count].n && !to[count].p[to[count].n - 1])
		count++;
	mp_close(&doc);
	return count;
}

static void
save(struct invocation *j, const char *name, const struct known *known,
     size_t n)
{
	struct buf b = { 0 }, out = { 0 };
	char tmp[STORE_NAME];

	mp_put_list(&b, (uint32_t)n * 2);
	for (size_t i = 0; i < n; i++) {
		mp_put_bin(&b, known[i].k0.b, DIGEST_LEN);
		mp_put_bin(&b, known[i].p, known[i].n);
	}
	if (!b.failed)
		record_seal(&out, 'i', VERSION, b.p, b.len);
	store_tmp(&j->store, tmp);
	/* Without it the next miss is not explained. */
	if (!b.failed && !out.failed &&
	    !record_is_newer(j->store.dir, name, 'i', VERSION))
		file_publish(j->store.dir, tmp, name, out.p, out.len);
	buf_free(&b);
	buf_free(&out);
}

void
nearest_unit_remember(struct invocation *j, const struct digest *k0)
{
	struct known old[KNOWN_MAX], now[KNOWN_MAX];
	struct buf b = { 0 }, parts = { 0 };
	char name[STORE_NAME];
	size_t n, kept = 1;

	make_parts(j, &parts);
	name_of(j, name);
	n = load(j, name, &b, old);
	now[0] = (struct known){ *k0, parts.p, parts.len };
	for (size_t i = 0; i < n && kept < KNOWN_MAX; i++)
		if (memcmp(&old[i].k0, k0, sizeof(*k0)) != 0)
			now[kept++] = old[i];
	/* An unchanged list is not written again. */
	if (!parts.failed && (n == 0 || memcmp(&old[0].k0, k0, sizeof(*k0))))
		save(j, name, now, kept);
	buf_free(&b);
	buf_free(&parts);
}

/* cargo derives these from everything else; they tell nothing. */
static bool
is_hash(const char *part)
{
	return !strncmp(part, "A-C metadata=", 13) ||
	       !strncmp(part, "A-C extra-filename=", 19);
}

static bool
has_part(const char *p, size_t n, const char *part)
{
	for (const char *end = p + n; p < end; p += strlen(p) + 1)
		if (!strcmp(p, part))
			return true;
	return false;
}

struct diff {
	struct buf text;
	size_t count; /* named ones are at most NAMED_MAX */
	bool hash;
};

/* One name for both sides: a variable, the toolchain. */
static bool
is_named(const struct buf *text, const char *name, size_t n)
{
	const char *p = text->len ? text->p : "";

	for (; *p; p += strcspn(p, "|"), p += *p ? 2 : 0) {
		size_t k = strcspn(p, "|");

		k -= p[k] != '\0';
		if (k == n && !memcmp(p, name, n))
			return true;
	}
	return false;
}

static void
add_diff(struct diff *d, char side, const char *part)
{
	size_t n = *part == 'V' ? strcspn(part, "=") : 1;

	if (is_hash(part)) {
		d->hash = true;
		return;
	}
	if (*part != 'A' && is_named(&d->text, part, n))
		return;
	if (d->count++ >= NAMED_MAX)
		return;
	buf_str(&d->text, d->text.len ? " | " : "");
	if (*part == 'A')
		buf_fmt(&d->text, "%c%s", side, part);
	else
		buf_add(&d->text, part, n);
}

static void
differences(const struct known *k, const struct buf *parts, struct diff *d)
{
	const char *p;

	for (p = parts->p; p < parts->p + parts->len; p += strlen(p) + 1)
		if (!has_part(k->p, k->n, p))
			add_diff(d, '>', p);
	for (p = k->p; p < k->p + k->n; p += strlen(p) + 1)
		if (!has_part(parts->p, parts->len, p))
			add_diff(d, '<', p);
	if (!d->count)
		buf_str(&d->text, d->hash ? "H" : "R");
	if (d->count > NAMED_MAX)
		buf_fmt(&d->text, " | +%zu", d->count - NAMED_MAX);
}

void
nearest_unit_compare(struct invocation *j, struct buf *out)
{
	struct known known[KNOWN_MAX];
	struct buf b = { 0 }, parts = { 0 };
	struct diff best = { 0 };
	char name[STORE_NAME];
	size_t n;

	make_parts(j, &parts);
	name_of(j, name);
	n = parts.failed ? 0 : load(j, name, &b, known);
	for (size_t i = 0; i < n; i++) {
		struct diff d = { 0 };

		/* The very one, and still nothing of it is there. */
		if (!memcmp(&known[i].k0, &j->k0, sizeof(j->k0))) {
			buf_str(out, "!");
			break;
		}
		differences(&known[i], &parts, &d);
		if (i > 0 && d.count >= best.count) {
			buf_free(&d.text);
			continue;
		}
		buf_free(&best.text);
		best = d;
	}
	if (best.text.len && (!out->len || out->p[out->len - 1] != '!'))
		buf_add(out, best.text.p, best.text.len);
	buf_free(&best.text);
	buf_free(&b);
	buf_free(&parts);
}
