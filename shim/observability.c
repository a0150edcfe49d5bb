/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim/observability.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/record_type.h"
#include "base/strset.h"
#include "key/attributes.h"
#include "key/classify.h"
#include "key/clock_readers.h"
#include "key/trace.h"
#include "shim/invocation.h"
#include "shim/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct observability_state {
	struct invocation *job;
	const struct trace *trace;
	struct strset seen; /* value: its traits */
	struct observability out;
	int told; /* somebody was, to look at the times of files */
	char *reason;
	size_t room;
};

/* It makes system calls of its own: seen where they are dispatched to us. */
enum { RAW = 1 << (CLASSIFY_TRAITS - 1) };

/* What strset holds of traits: a pointer to one of these. */
static const char marks[2 * RAW];

static void
name_of(const char *path, enum provenance_place place, const struct file_id *id,
	char name[STORE_NAME])
{
	uint64_t st[5] = { id->dev, id->ino, id->size, (uint64_t)id->mtime,
			   (uint64_t)id->ctime };
	struct digest_ctx c;
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_init(&c);
	digest_str(&c, "class-4");
	digest_str(&c, path);
	digest_str(&c, classify_place_word(place));
	digest_add(&c, st, sizeof(st));
	digest_end(&c, &d);
	digest_hex(&d, hex);
	snprintf(name, STORE_NAME, "ids/%s", hex);
}

static const struct record_field fields[] = {
	RECORD_FIELD(U32, classified, class, CLASSIFY_CLASSES - 1),
	RECORD_FIELD(U32, classified, traits, RAW - 1),
	RECORD_LAST,
};

static const struct record_type type = {
	.letter = 'i',
	.version = 1,
	.fields = fields,
};

static struct classified
decide(const struct observability_state *v, const char *path,
       enum provenance_place place)
{
	struct classified file = classify_file(path, place);
	char helper[4200];

	if (file.class != CLASSIFY_ASK)
		return file;
	snprintf(helper, sizeof(helper), "%s/kache-classify", v->job->libexec);
	if (classify_ask(helper, place, &path, 1, &file) < 0)
		file.class = CLASSIFY_UNREADABLE;
	return file;
}

/* The observer and what is installed with it. */
static bool
is_ours(const struct observability_state *v, const char *path)
{
	size_t n = strlen(v->job->libexec);

	return !strncmp(path, v->job->libexec, n) && path[n] == '/';
}

/* Looks at a file that ran for the first time. */
static bool
look(struct observability_state *v, const char *path, unsigned *traits)
{
	struct classified file;
	enum provenance_place place;
	char name[STORE_NAME];
	struct file_id id;

	if (path[0] != '/' || is_ours(v, path))
		return true;
	if (file_id_at(AT_FDCWD, path, &id) < 0) {
		snprintf(v->reason, v->room, "unseen:gone:%s", path);
		return false;
	}
	place = provenance_place(&v->job->system, path);
	name_of(path, place, &id, name);
	if (store_load(&v->job->store, name, &type, &file) < 0) {
		file = decide(v, path, place);
		if (file.class != CLASSIFY_UNREADABLE)
			store_save(&v->job->store, name, &type, &file);
	}
	*traits = file.traits;
	if (file.class == CLASSIFY_RAW_SYSCALL)
		*traits |= RAW;
	if (classify_is_seen(file.class) || file.class == CLASSIFY_RAW_SYSCALL)
		return true;
	snprintf(v->reason, v->room, "unseen:%s:%s", classify_word(file.class),
		 path);
	return false;
}

/* PATH ran in the process P. */
static bool
traits_of(struct observability_state *v, const struct trace_process *p,
	  const char *path, unsigned *traits)
{
	const char *mark = strset_get(&v->seen, path);

	*traits = 0;
	if (mark)
		*traits = (unsigned)(mark - marks);
	else if (!look(v, path, traits))
		return false;
	else
		strset_add(&v->seen, path, (void *)(marks + *traits));
	if (!(*traits & RAW) || p->dispatched)
		return true;
	snprintf(v->reason, v->room, "unseen:%s:%s",
		 classify_word(CLASSIFY_RAW_SYSCALL), path);
	return false;
}

/* The same of a program's or a macro's own code. */
static unsigned
uses_of_code(unsigned traits)
{
	static const unsigned pairs[][2] = {
		{ CLASSIFY_MODE, ATTRIBUTES_MODE },
		{ CLASSIFY_TIMES, ATTRIBUTES_TIMES },
		{ CLASSIFY_CLOCKS, ATTRIBUTES_CLOCKS },
		{ CLASSIFY_OWNER, ATTRIBUTES_OWNER },
		{ CLASSIFY_OPAQUE, ATTRIBUTES_MODE | ATTRIBUTES_TIMES |
					   ATTRIBUTES_OWNER |
					   ATTRIBUTES_TESTED },
	};
	unsigned uses = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (traits & pairs[i][0])
			uses |= pairs[i][1];
	return uses;
}

static void
note_uses(struct observability_state *v, const struct trace_process *p,
	  unsigned uses)
{
	v->out.uses[p - v->trace->processes] |= (unsigned char)uses;
}

static void
take(struct observability_state *v, unsigned traits)
{
	if (traits & CLASSIFY_ENVIRONMENT) {
		v->out.iterates = true;
		v->out.foreign |= !(traits & CLASSIFY_SYSTEM);
	}
	v->out.cc |= (traits & CLASSIFY_CC) != 0;
	v->out.cpu |= (traits & CLASSIFY_CPU) != 0;
}

/* Of a known tool its libraries are known as well. */
static bool
see_object(struct observability_state *v, const struct trace_process *p,
	   unsigned program, const char *path)
{
	unsigned traits;

	if (!traits_of(v, p, path, &traits))
		return false;
	if (!(program & CLASSIFY_TOOL) || !(traits & CLASSIFY_SYSTEM))
		take(v, traits);
	note_uses(v, p, uses_of_code(traits));
	return true;
}

/*
 * A program that was made, run and removed, as configure scripts do: what its
 * code holds it said itself, and what its main does nobody knows.
 */
static bool
is_gone(const struct trace_process *p, unsigned *traits)
{
	struct file_id id;

	if (!p->no_syscall || file_id_at(AT_FDCWD, p->exe, &id) != -ENOENT)
		return false;
	*traits = CLASSIFY_ENVIRONMENT | CLASSIFY_OPAQUE;
	if (!p->no_cpuid)
		*traits |= CLASSIFY_CPU;
	return true;
}

static bool
program_traits(struct observability_state *v, const struct trace_process *p,
	       unsigned *traits)
{
	return is_gone(p, traits) || traits_of(v, p, p->exe, traits);
}

static bool
see_process(struct observability_state *v, const struct trace_process *p)
{
	const char *s = p->objects;
	unsigned traits;

	if (!p->started)
		return true;
	if (!program_traits(v, p, &traits))
		return false;
	take(v, traits);
	note_uses(v, p,
		  p->known ? attributes_of(p->exe, v->told)
			   : uses_of_code(traits));
	for (uint32_t i = 0; i < p->nobjects; i++) {
		if (!see_object(v, p, traits, s))
			return false;
		s += strlen(s) + 1;
	}
	return true;
}

/* It ran as the shim; only this one is known to step aside. */
static bool
see_program(struct observability_state *v, const struct trace_event *e)
{
	static const char shim[] = "/kache-shim";
	const char *file = *e->other ? e->other : e->name;
	size_t n = strlen(file), k = sizeof(shim) - 1;
	struct file_id a, b;

	if (n < k || strcmp(file + n - k, shim) != 0 ||
	    (file_id_at(AT_FDCWD, "/proc/self/exe", &a) == 0 &&
	     file_id_at(AT_FDCWD, file, &b) == 0 && a.dev == b.dev &&
	     a.ino == b.ino))
		return true;
	snprintf(v->reason, v->room, "unseen:static:%s", file);
	return false;
}

/* Whoever sets an attribute may have copied it; a compiler's own temporary
 * files are nobody's business. */
static void
see_setting(struct observability_state *v, const struct trace_event *e)
{
	static const unsigned uses[] = {
		[OBS_SETS_TIMES] = ATTRIBUTES_TIMES | ATTRIBUTES_TESTED,
		[OBS_SETS_MODE] = ATTRIBUTES_MODE,
		[OBS_SETS_OWNER] = ATTRIBUTES_OWNER,
	};
	const struct trace_process *p = &v->trace->processes[e->process];

	if (e->number < sizeof(uses) / sizeof(*uses) &&
	    (e->guest || e->number != OBS_SETS_MODE ||
	     !(v->out.uses[e->process] & ATTRIBUTES_KNOWN)))
		note_uses(v, p, uses[e->number]);
}

enum { TEXT_MAX = 1 << 20 };

/* Sources that speak of the times of files, and C's only word for it.  What
 * lies in target the build itself wrote. */
static void
see_source(struct observability_state *v, const struct trace_event *e)
{
	const struct trace_process *p = &v->trace->processes[e->process];
	const char *target = v->job->target;
	struct buf text = { 0 };

	if (!p->known || e->process == 0 ||
	    !attributes_want_text(p->exe, e->name) ||
	    (target && !strncmp(e->name, target, strlen(target))) ||
	    provenance_place(&v->job->system, e->name) != PROVENANCE_ELSEWHERE)
		return;
	if (file_read(AT_FDCWD, e->name, TEXT_MAX, &text) < 0)
		note_uses(v, p, attributes_of(p->exe, 1));
	else if (text.len)
		note_uses(v, p, attributes_of_text(p->exe, text.p, text.len));
	buf_free(&text);
}

/* Where the number of CPUs can be read, too; the names are noise else. */
static bool
counts_cpus(const struct trace_process *p, const struct trace_event *e)
{
	static const char dir[] = "/sys/devices/system/cpu";
	const struct trace_event asked = { .kind = TRACE_HOST,
					   .number = OBS_HOST_CPUS };

	return (!strncmp(e->name, dir, sizeof(dir) - 1) ||
		!strcmp(e->name, "/proc/self/status")) &&
	       (e->guest || !(p->known && clock_readers_is(p->exe, &asked)));
}

/* A child that executes nothing is its parent's program. */
static void
share_uses(struct observability_state *v)
{
	const struct trace *t = v->trace;

	for (size_t i = 1; i < t->nprocesses; i++) {
		size_t k = i;

		if (t->processes[i].started)
			continue;
		while (k > 0 &&
		       t->processes[k - 1].pid != t->processes[i].parent)
			k--;
		if (k > 0)
			v->out.uses[i] |= v->out.uses[k - 1];
	}
}

static bool
see_event(struct observability_state *v, const struct trace_event *e)
{
	const struct trace_process *p = &v->trace->processes[e->process];
	unsigned traits;

	switch (e->kind) {
	case TRACE_EXEC:
		return see_program(v, e);
	case TRACE_DLOPEN:
		if (e->name[0] != '/')
			return true;
		break;
	case TRACE_OBJECT:
		break;
	case TRACE_HOST:
		if (e->number == OBS_HOST_CPUS)
			v->out.cpus = true;
		else
			v->out.host = true;
		return true;
	case TRACE_SETS:
		see_setting(v, e);
		return true;
	case TRACE_READ:
		see_source(v, e);
		v->out.cpus |= counts_cpus(p, e);
		return true;
	case TRACE_LIST:
		v->out.cpus |= counts_cpus(p, e);
		return true;
	default:
		return true;
	}
	return program_traits(v, p, &traits) &&
	       see_object(v, p, traits, e->name);
}

/* What of a build lies anywhere, and is nobody's but the build's. */
static void
add_places(struct invocation *j)
{
	static const char *const vars[] = { "OUT_DIR", "CARGO_MANIFEST_DIR",
					    "HOME", "CARGO_TARGET_DIR" };
	const char *dirs[] = { j->cwd, j->target, j->args.out_dir,
			       workspace_find(j, j->cwd) };
	const char *cargo;
	char home[4096];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		provenance_add_own(&j->system, dirs[i]);
	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		provenance_add_own(&j->system, getenv(vars[i]));
	for (size_t i = 0; i < j->args.nsearch; i++)
		if (j->args.search[i].kind_len == 10)
			provenance_add_own(&j->system, j->args.search[i].path);
	cargo = invocation_home_dir("CARGO_HOME", ".cargo", home, sizeof(home));
	provenance_add_own(&j->system, cargo);
	provenance_set_cargo_home(&j->system, cargo);
}

static bool
knows(void *system, const char *exe)
{
	return provenance_knows(system, exe);
}

void
observability_prepare(struct invocation *j, struct trace *t)
{
	provenance_release(&j->system);
	j->system.sysroot = j->toolchain.sysroot;
	j->system.toolchain = &j->toolchain;
	j->system.holds = toolchain_holds;
	add_places(j);
	trace_drop_habits(t, knows, &j->system);
}

bool
observability_for(struct invocation *j, const struct trace *t,
		  struct observability *out, char *reason, size_t room)
{
	struct observability_state v = {
		.job = j, .trace = t, .reason = reason, .room = room
	};
	bool seen = t->gap == TRACE_WHOLE;

	if (!seen)
		trace_say_gap(t, reason, room);
	v.told = t->told_times;
	v.out.uses = calloc(t->nprocesses + 1, 1);
	if (seen && !v.out.uses) {
		snprintf(reason, room, "memory");
		seen = false;
	}
	for (size_t i = 0; i < t->nprocesses && seen; i++)
		seen = see_process(&v, &t->processes[i]);
	for (size_t i = 0; i < t->nevents && seen; i++)
		seen = see_event(&v, &t->events[i]);
	strset_free(&v.seen);
	v.out.cpu |= t->native;
	if (seen) {
		share_uses(&v);
		*out = v.out;
	} else {
		observability_release(&v.out);
	}
	return seen;
}

void
observability_release(struct observability *v)
{
	free(v->uses);
	v->uses = NULL;
}
