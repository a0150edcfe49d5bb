/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/learn.h"

#include "base/err.h"
#include "base/file.h"
#include "key/learn_internal.h"
#include "key/shape.h"
#include "key/trace.h"
#include "rustc/args.h"
#include "rustc/toolchain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void
learn_places(struct work *w)
{
	const struct learn *l = w->l;
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
int
learn_reads(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind == TRACE_READ)
			r = learn_read(w, e);
		else if (e->kind == TRACE_EXEC || e->kind == TRACE_EXEC_FAIL)
			r = learn_program(w, i);
	}
	if (r == 0)
		r = trace_each_object(t, learn_object, w);
	return r ? r : learn_sources(w);
}

static int
learn_names(struct work *w, enum trace_kind kind)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++) {
		const struct trace_event *e = &t->events[i];

		if (e->kind != kind)
			continue;
		if (kind == TRACE_LIST)
			r = learn_listing(w, e);
		else if (kind == TRACE_ABSENT)
			r = learn_absent(w, e);
		else if (kind == TRACE_PRESENT)
			r = learn_present(w, e);
		else if (kind == TRACE_GETENV)
			r = learn_env(w, e);
	}
	return r;
}

int
learn_begin(struct work *w)
{
	const struct trace *t = w->l->trace;

	if (!realpath(w->l->args->out_dir, w->real_out) ||
	    !strcmp(w->real_out, w->l->args->out_dir))
		w->real_out[0] = '\0';
	learn_split_path(w);
	if (t->gap != TRACE_WHOLE && !w->l->declared) {
		trace_say_gap(t, w->l->reason, sizeof(w->l->reason));
		return ERR_REFUSED;
	}
	return t->uses_network ? learn_refuse(w, ERR_REFUSED, "network", NULL)
			       : 0;
}

int
learn_rest(struct work *w)
{
	int r = learn_files(w);

	learn_places(w);
	r = r ? r : learn_names(w, TRACE_LIST);
	r = r ? r : learn_names(w, TRACE_ABSENT);
	r = r ? r : learn_names(w, TRACE_PRESENT);
	r = r ? r : learn_declared_env(w);
	r = r ? r : learn_names(w, TRACE_GETENV);
	r = r ? r : learn_surroundings(w);
	if (r == 0 && (w->own.failed || w->files.failed || w->implied.failed ||
		       w->listed.failed || w->absent.failed))
		r = -ENOMEM;
	return r ? r : shape_finish(w->shape);
}

static int
run(struct work *w)
{
	int r = learn_begin(w);

	if (r < 0)
		return r;
	if (w->l->args->incremental &&
	    !realpath(w->l->args->incremental, w->state))
		w->state[0] = '\0';
	r = learn_questions(w);
	if (r == 0 && w->l->driver)
		r = learn_clippy_begin(w);
	r = r ? r : learn_externs(w);
	r = r ? r : learn_own(w);
	r = r ? r : learn_effects(w);
	r = r ? r : learn_reads(w);
	return r ? r : learn_rest(w);
}

int
learn_shape(struct learn *l, struct shape *out)
{
	struct shape shape = { 0 };
	struct work w = { .l = l, .shape = &shape };
	int r;

	l->reason[0] = '\0';
	r = l->run ? learn_run(&w) : run(&w);
	if (l->run)
		l->made = w.own;
	else
		strset_free(&w.own);
	l->inputs = w.files;
	strset_free(&w.implied);
	strset_free(&w.listed);
	strset_free(&w.absent);
	strset_free(&w.externs);
	strset_free(&w.search);
	strset_free(&w.places);
	if (r == ERR_TOOBIG && !l->declared)
		r = learn_refuse(&w, ERR_REFUSED, "too-many-inputs", NULL);
	if (r < 0)
		shape_free(&shape);
	else
		*out = shape;
	return r;
}

int
learn_verify(struct learn *l)
{
	struct work w = { .l = l };
	int r = learn_externs(&w);

	strset_free(&w.externs);
	for (size_t i = 0; i < l->inputs.cap && r == 0; i++) {
		const struct strset_slot *slot = &l->inputs.slots[i];
		struct file_id id;

		if (!slot->key)
			continue;
		if (slot->val)
			r = learn_race(&w, slot->val, slot->key);
		else if (file_id_at(AT_FDCWD, slot->key, &id) < 0 ||
			 !learn_settled(&w, slot->key, &id, l->started))
			r = learn_refuse(&w, ERR_CHANGED, "raced", slot->key);
	}
	return r;
}

void
learn_release(struct learn *l)
{
	strset_free(&l->inputs);
	strset_free(&l->made);
}
