/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive.h"

#include "base/err.h"
#include "base/file.h"
#include "key/derive_internal.h"
#include "key/inputs.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void
derive_places(struct work *w)
{
	const struct derive *l = w->l;
	const char *places[] = { l->cwd, l->args->out_dir,
				 l->toolchain->sysroot };

	for (size_t i = 0; i < 3; i++) {
		strset_add(&w->implied, places[i], NULL);
		strset_add_above(&w->implied, places[i]);
	}
	for (size_t i = 0; i < l->args->nsearch; i++) {
		strset_add(&w->implied, l->args->search[i].path, NULL);
		strset_add_above(&w->implied, l->args->search[i].path);
	}
	for (size_t i = 0; i < w->externs.cap; i++)
		if (w->externs.slots[i].key)
			strset_add_above(&w->implied, w->externs.slots[i].key);
}

/* First what was read: later steps leave out what it implies. */
static int
derive_reads(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_READ)
			r = derive_read(w, e);
		else if (e->kind == TRACE_EXEC || e->kind == TRACE_EXEC_FAIL)
			r = derive_program(w, i);
	}
	if (r == 0)
		r = trace_each_object(t, derive_object, w);
	return r ? r : derive_sources(w);
}

static int
derive_names(struct work *w, enum trace_kind kind)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind != kind)
			continue;
		if (kind == TRACE_LIST)
			r = derive_listing(w, e);
		else if (kind == TRACE_ABSENT)
			r = derive_absent(w, e);
		else if (kind == TRACE_PRESENT)
			r = derive_present(w, e);
		else if (kind == TRACE_GETENV && e->name[0])
			r = w->l->rules->env(w, e);
	}
	return r;
}

static int
begin_trace(struct work *w)
{
	const struct trace *t = w->l->trace;

	if (!realpath(w->l->args->out_dir, w->real_out) ||
	    !strcmp(w->real_out, w->l->args->out_dir))
		w->real_out[0] = '\0';
	derive_split_path(w);
	if (t->gap != TRACE_WHOLE && !w->l->declared) {
		trace_say_gap(t, w->l->reason, sizeof(w->l->reason));
		return ERR_REFUSED;
	}
	return t->uses_network ? derive_refuse(w, ERR_REFUSED, "network", NULL)
			       : 0;
}

/* After what was read is known: its items, names, variables, what is around. */
static int
derive_rest(struct work *w)
{
	int r = derive_files(w);

	derive_places(w);
	r = r ? r : derive_names(w, TRACE_LIST);
	r = r ? r : derive_names(w, TRACE_ABSENT);
	r = r ? r : derive_names(w, TRACE_PRESENT);
	r = r ? r : derive_declared_env(w);
	r = r ? r : derive_names(w, TRACE_GETENV);
	r = r ? r : derive_surroundings(w);
	if (r == 0 && (w->own.failed || w->files.failed || w->implied.failed ||
		       w->listed.failed || w->absent.failed))
		r = -ENOMEM;
	return r ? r : inputs_finish(w->inputs);
}

static int
derive_all(struct work *w)
{
	const struct derive_rules *rules = w->l->rules;
	int r = begin_trace(w);

	r = r ? r : rules->begin(w);
	r = r ? r : derive_reads(w);
	if (r == 0 && rules->end)
		r = rules->end(w);
	return r ? r : derive_rest(w);
}

int
derive_inputs(struct derive *l, struct inputs *out)
{
	struct inputs inputs = { 0 };
	struct work w = { .l = l, .inputs = &inputs };
	int r;

	l->reason[0] = '\0';
	r = derive_all(&w);
	l->made = w.own;
	l->inputs = w.files;
	strset_free(&w.implied);
	strset_free(&w.listed);
	strset_free(&w.absent);
	strset_free(&w.externs);
	strset_free(&w.search);
	strset_free(&w.places);
	if (r == ERR_TOOBIG && !l->declared)
		r = derive_refuse(&w, ERR_REFUSED, "too-many-inputs", NULL);
	if (r < 0)
		inputs_free(&inputs);
	else
		*out = inputs;
	return r;
}

int
derive_verify(struct derive *l)
{
	struct work w = { .l = l };
	int r = derive_externs(&w);

	strset_free(&w.externs);
	for (size_t i = 0; i < l->inputs.cap && r == 0; i++) {
		const struct strset_slot *slot = &l->inputs.slots[i];
		struct file_id id;

		if (!slot->key)
			continue;
		if (slot->val)
			r = derive_race(&w, slot->val, slot->key);
		else if (file_id_at(AT_FDCWD, slot->key, &id) < 0 ||
			 !derive_settled(&w, slot->key, &id, l->started))
			r = derive_refuse(&w, ERR_CHANGED, "raced", slot->key);
	}
	return r;
}

void
derive_release(struct derive *l)
{
	strset_free(&l->inputs);
	strset_free(&l->made);
}

bool
derive_made(const struct derive *l, const char *path)
{
	return l->was_empty || strset_has(&l->made, path);
}
