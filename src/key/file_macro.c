/* SPDX-License-Identifier: Apache-2.0 */
#include "key/file_macro.h"

#include "base/memfind.h"
#include "key/rustlex.h"

#include <stdio.h>
#include <string.h>

enum { NAME_LEN = 128 };

/* The last words read, the newest first. */
struct trail {
	struct rustlex_token t[4];
};

static void
push_token(struct trail *w, const struct rustlex_token *t)
{
	memmove(w->t + 1, w->t, sizeof(w->t) - sizeof(w->t[0]));
	w->t[0] = *t;
}

/* `macro_rules ! name` was read, and what opens its body. */
static bool
begins_rules(const struct trail *w)
{
	return rustlex_opens(&w->t[0]) && rustlex_is(&w->t[2], "!") &&
	       rustlex_is(&w->t[3], "macro_rules");
}

/* The name of the macro that is used here, or NULL: `name ! (`; and, to use
 * it by another name, `use core::file as`. */
static const struct rustlex_token *
used_macro(const struct trail *w)
{
	if (rustlex_opens(&w->t[0]) && rustlex_is(&w->t[1], "!") &&
	    w->t[2].kind == RUSTLEX_WORD)
		return &w->t[2];
	if (rustlex_is(&w->t[0], "as") && rustlex_is(&w->t[1], "file") &&
	    rustlex_is(&w->t[2], ":"))
		return &w->t[1];
	return NULL;
}

static void
spell_token(char out[NAME_LEN], const struct rustlex_token *t)
{
	size_t n = t->n;

	if (n > 2 && !memcmp(t->p, "r#", 2))
		snprintf(out, NAME_LEN, "%.*s", (int)(n - 2), t->p + 2);
	else
		snprintf(out, NAME_LEN, "%.*s", (int)n, t->p);
}

static void
note_use(struct file_macro *f, const char *body, const struct rustlex_token *t)
{
	char name[NAME_LEN], both[2 * NAME_LEN + 1];

	spell_token(name, t);
	if (!body[0]) {
		f->direct |= !strcmp(name, "file");
		strset_add(&f->used, name, NULL);
		return;
	}
	snprintf(both, sizeof(both), "%s %s", body, name);
	strset_add(&f->bodies, both, NULL);
}

void
file_macro_look(struct file_macro *f, const char *p, size_t n)
{
	struct rustlex l = { p, p + n };
	struct trail last = { 0 };
	char body[NAME_LEN] = "";
	size_t depth = 0;

	for (;;) {
		struct rustlex_token t = rustlex_next(&l);
		const struct rustlex_token *used;

		if (t.kind == RUSTLEX_END)
			return;
		push_token(&last, &t);
		used = used_macro(&last);
		if (used)
			note_use(f, body, used);
		if (body[0]) {
			depth += rustlex_opens(&t);
			depth -= rustlex_closes(&t);
			if (depth == 0)
				body[0] = '\0';
		} else if (begins_rules(&last)) {
			spell_token(body, &last.t[1]);
			depth = 1;
		}
	}
}

bool
file_macro_is_worth(const char *p, size_t n)
{
	const char *end = p + n;

	for (;;) {
		p = memfind(p, (size_t)(end - p), "file", 4);
		if (!p)
			return false;
		for (p += 4; p < end && *p && strchr(" \t\r\n/", *p); p++)
			;
		if (p < end && (*p == '!' || *p == 'a' || *p == '*'))
			return true;
	}
}

/* Adds to REACHED what the bodies of those in it use; true if it grew. */
static bool
extend_reached(const struct file_macro *f, struct strset *reached)
{
	bool grew = false;

	for (size_t i = 0; i < f->bodies.cap; i++) {
		const char *both = f->bodies.slots[i].key;
		const char *blank = both ? strchr(both, ' ') : NULL;
		char name[NAME_LEN];

		if (!blank)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(blank - both), both);
		if (strset_has(reached, name) &&
		    !strset_has(reached, blank + 1))
			grew |= strset_add(reached, blank + 1, NULL);
	}
	return grew && !reached->failed;
}

bool
file_macro_judge(const struct file_macro *f)
{
	struct strset reached = { 0 };
	bool says;

	for (size_t i = 0; i < f->used.cap; i++)
		if (f->used.slots[i].key)
			strset_add(&reached, f->used.slots[i].key, NULL);
	while (extend_reached(f, &reached))
		;
	says = f->direct || strset_has(&reached, "file") || reached.failed ||
	       f->used.failed || f->bodies.failed;
	strset_free(&reached);
	return says;
}

void
file_macro_release(struct file_macro *f)
{
	strset_free(&f->used);
	strset_free(&f->bodies);
}
