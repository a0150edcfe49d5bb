/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/derive_internal.h"

#include "base/err.h"
#include "key/attributes.h"
#include "key/derive.h"
#include "key/programs.h"
#include "key/trace.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libc, std, allocators and panics read these of their own process: its layout,
 * and how many CPUs it may use, which is an item (shim/observability). */
static const char *const of_process[] = {
	"auxv",      "cgroup", "exe",  "fd",     "fdinfo", "maps",
	"mountinfo", "smaps",  "stat", "status", "task",   "statm",
};

/* Of a control group what tells the number of CPUs, an item as well. */
static const char *const of_group[] = {
	"cpu.max",
	"cpu.cfs_quota_us",
	"cpu.cfs_period_us",
};

bool
derive_is_curious(const struct work *w, const struct trace_event *e)
{
	const struct derive *l = w->l;

	if (derive_is_compiler(w, e))
		return e->guest;
	return !l->uses || !(l->uses[e->process] & ATTRIBUTES_COMPILES);
}

/* cp and its like load it, and it looks whether it is wanted. */
static bool
loads_selinux(const struct work *w, const struct trace_event *e)
{
	const struct trace_process *p = &w->l->trace->processes[e->process];
	const char *s = p->objects;

	for (uint32_t i = 0; i < p->nobjects; i++, s += strlen(s) + 1)
		if (strstr(s, "/libselinux.so"))
			return true;
	return false;
}

/* cp, ls and tar look for attributes that few files have, and find for what a
 * file system can do. */
static bool
asks_by_habit(const struct work *w, const struct trace_event *e)
{
	unsigned uses = w->l->uses ? w->l->uses[e->process] : 0;

	if (derive_is_compiler(w, e))
		return !e->guest;
	if (uses & ATTRIBUTES_PRINTS)
		return e->number == OBS_ASK_XATTR;
	return uses & ATTRIBUTES_KNOWN || loads_selinux(w, e);
}

/* The compiler's habits do not excuse a macro. */
static unsigned
tool_of(const struct work *w, const struct trace_event *e)
{
	return derive_is_compiler(w, e) ? 0 : derive_tool_of(w, e);
}

static bool
is_one_of(const char *name, size_t n, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == n && !memcmp(list[i], name, n))
			return true;
	return false;
}

/* The part of PATH behind the process below /proc, NULL if there is no process
 * in it.  *PID: which process, 0 for the reader itself. */
static const char *
behind_process(const char *path, unsigned long *pid)
{
	static const char *const own[] = { "/proc/self/",
					   "/proc/thread-self/" };
	char *end;

	*pid = 0;
	for (size_t i = 0; i < 2; i++)
		if (!strncmp(path, own[i], strlen(own[i])))
			return path + strlen(own[i]);
	if (!derive_is_proc(path))
		return NULL;
	*pid = strtoul(path + 6, &end, 10);
	return *end == '/' ? end + 1 : NULL;
}

static bool
is_own_process(const struct work *w, const struct trace_event *e,
	       unsigned long pid)
{
	return pid == 0 || pid == w->l->trace->processes[e->process].pid;
}

static bool
reads_process(const struct work *w, const struct trace_event *e,
	      const char *path)
{
	unsigned long pid;
	const char *rest = behind_process(path, &pid);
	size_t n;

	if (!rest)
		return false;
	if (tool_of(w, e) & PROGRAM_PROC)
		return false;
	n = strcspn(rest, "/");
	return !is_own_process(w, e, pid) || strstr(rest, "..") ||
	       !is_one_of(rest, n, of_process,
			  sizeof(of_process) / sizeof(*of_process));
}

static bool
is_excused(const struct work *w, const struct trace_event *e, const char *path)
{
	const char *base = derive_base_name(path);
	unsigned tool = tool_of(w, e);

	if (!strncmp(path, "/sys/fs/cgroup", 14))
		return is_one_of(base, strlen(base), of_group,
				 sizeof(of_group) / sizeof(*of_group));
	if (!strcmp(path, "/proc/filesystems") ||
	    !strncmp(path, "/sys/fs/selinux", 15))
		return loads_selinux(w, e);
	return tool & PROGRAM_ASKS ||
	       (tool & PROGRAM_SEED && !strcmp(path, "/dev/urandom"));
}

static int
question_read(struct work *w, const struct trace_event *e)
{
	char path[PATH_MAX];

	if (derive_tidy(w->l->cwd, e->name, path) < 0)
		return 0;
	if (reads_process(w, e, path))
		return derive_refuse(w, ERR_REFUSED, "reads", path);
	if (e->kind != TRACE_READ || !derive_is_tools_noise(path) ||
	    is_excused(w, e, path))
		return 0;
	return derive_refuse(w, ERR_REFUSED, "reads", path);
}

static int
question_clock(struct work *w, const struct trace_event *e)
{
	bool macro = derive_is_compiler(w, e);

	if (tool_of(w, e) & PROGRAM_CLOCK)
		return 0;
	return derive_refuse(w, ERR_REFUSED, "clock",
			     macro ? "macro"
				   : derive_base_name(derive_program_of(w, e)));
}

static int
question_ask(struct work *w, const struct trace_event *e)
{
	static const char *const words[] = {
		[OBS_ASK_XATTR] = "xattr", [OBS_ASK_FILE_SYSTEM] = "file-system"
	};
	char path[PATH_MAX];

	if (asks_by_habit(w, e) || derive_tidy(w->l->cwd, e->name, path) < 0 ||
	    derive_is_noise(path))
		return 0;
	return derive_refuse(w, ERR_REFUSED,
			     e->number == OBS_ASK_XATTR ||
					     e->number == OBS_ASK_FILE_SYSTEM
				     ? words[e->number]
				     : "asks",
			     path);
}

int
derive_question(struct work *w, const struct trace_event *e)
{
	switch (e->kind) {
	case TRACE_CLOCK:
		return question_clock(w, e);
	case TRACE_READ:
	case TRACE_LIST:
		return question_read(w, e);
	case TRACE_ASK:
		return question_ask(w, e);
	default:
		return 0;
	}
}

int
derive_questions(struct work *w)
{
	const struct trace *t = w->l->trace;
	int r = 0;

	for (size_t i = 0; i < t->nevents && r == 0; i++)
		if (t->events[i].process != 0 || t->events[i].guest)
			r = derive_question(w, &t->events[i]);
	return r;
}
