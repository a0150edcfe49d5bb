/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "classify/elfimage.h"
#include "classify/envscan.h"
#include "key/classify.h"
#include "classify/elf.h"
#include "key/trace.h"
#include "classify/rawcall.h"
#include "classify/statscan.h"

/*
 * kache-classify [--place WORD | --sysroot DIR] FILE...: says what the
 * observer can see of each file, where classify_file needs more than a look.
 * One line for each, in their order: name, a word of classify_word, letters of
 * its traits (s of the system, t a tool, e reads the environment as a whole, c
 * asks the CPU, n holds the crate cc; of files m makes use of permissions, w of
 * when they were written, a of their other times, o of owners and links, u of
 * nobody knows what) or "-", and details, separated by tabs.
 * Whose the files are a word of classify_place_word says, else where they lie;
 * all below DIR is the toolchain's.
 *
 * kache-classify --trace FILE: prints an observation file, a record a line;
 * behind a process's number '*' marks what it did for code that it loaded.
 * kache-classify --create FILE: makes a new one; --create-strict FILE: for
 * strict observation.
 */

static const char *const usage =
	"usage: kache-classify [--place WORD | --sysroot DIR] FILE...\n"
	"       kache-classify --trace FILE\n"
	"       kache-classify --create FILE\n"
	"       kache-classify --create-strict FILE\n";

static const char *sysroot;

/* The inputs of a program or library that is not the system's.  0, or -1 if one
 * cannot tell. */
static int
find_traits(const struct elfimage *im, int is_program, unsigned *traits,
	    const char **who)
{
	uint64_t address = 0;
	int rc = rawcall_find(im, RAWCALL_CPUID, &address);

	if (rc < 0)
		return -1;
	if (rc > 0)
		*traits |= CLASSIFY_CPU;
	*traits |= statscan_run(im, is_program);
	switch (envscan_run(im, is_program, who)) {
	case ENVSCAN_NO:
		return 0;
	case ENVSCAN_CC:
		*traits |= CLASSIFY_CC;
		return 0;
	case ENVSCAN_FAILED:
		return -1;
	default:
		*traits |= CLASSIFY_ENVIRONMENT;
		return 0;
	}
}

static enum classify_class
disassemble_file(const char *path, const struct elf_info *info, int trusted,
		 unsigned *traits, char detail[256])
{
	enum classify_class c = CLASSIFY_OBSERVABLE;
	const struct elfimage_function *f;
	const char *who = "";
	uint64_t address = 0;
	struct elfimage im;
	int rc;

	if (elfimage_open(path, &im) != 0)
		return CLASSIFY_UNREADABLE;
	rc = rawcall_find(&im, RAWCALL_SYSCALL, &address);
	if (rc != 0) {
		f = elfimage_named_at(&im, address);
		snprintf(detail, 256, "0x%llx in %.200s",
			 (unsigned long long)address, f ? f->name : "?");
		c = rc < 0 ? CLASSIFY_UNREADABLE : CLASSIFY_RAW_SYSCALL;
	}
	if (rc >= 0 && !trusted) {
		if (find_traits(&im, info->form == ELF_PROGRAM, traits, &who) !=
		    0)
			c = CLASSIFY_UNREADABLE;
		if (rc == 0)
			snprintf(detail, 256, "%.200s", who);
	}
	elfimage_close(&im);
	return c;
}

static void
classify_one(const char *path, enum provenance_place place)
{
	struct classified c = classify_file(path, place);
	char detail[256] = "", traits[CLASSIFY_TRAITS];
	struct elf_info info = { .form = ELF_NOT };

	if (c.class == CLASSIFY_ASK) {
		if (elf_inspect(path, 0, &info) != 0)
			c.class = CLASSIFY_UNREADABLE;
		else
			c.class = disassemble_file(
				path, &info, place >= PROVENANCE_TOOLCHAIN,
				&c.traits, detail);
	}
	classify_spell_traits(c.traits, traits);
	printf("%s\t%s\t%s%s%s\n", path, classify_word(c.class), traits,
	       *detail ? "\t" : "", detail);
}

static void
print_process(const struct trace *t, size_t i)
{
	const struct trace_process *p = &t->processes[i];
	const char *s = p->objects;
	uint32_t n;

	printf("process %zu pid %u parent %u%s%s%s %s\n", i, (unsigned)p->pid,
	       (unsigned)p->parent, p->started ? "" : " unstarted",
	       p->ended ? "" : " unended",
	       p->dispatched   ? " dispatched"
	       : p->no_syscall ? " plain"
			       : "",
	       p->exe);
	for (n = 0; n < p->nobjects; n++) {
		printf("%zu start-object %s\n", i, s);
		s += strlen(s) + 1;
	}
}

static void
print_event(const struct trace_event *e)
{
	static const char *const how[] = {
		"", "stat", "lstat", "readlink", "access", "realpath", "open",
	};

	printf("%u%s %s", (unsigned)e->process, e->guest ? "*" : "",
	       trace_kind_word(e->kind));
	if (e->kind == TRACE_PRESENT)
		printf(" by %s", how[e->how]);
	if (e->kind == TRACE_READ || e->kind == TRACE_PRESENT)
		printf(" mode %o size %llu", (unsigned)e->st.mode,
		       (unsigned long long)e->st.size);
	if (e->kind == TRACE_ABSENT || e->kind == TRACE_EXEC_FAIL)
		printf(" errno %u", (unsigned)e->number);
	if (e->kind == TRACE_CLOCK)
		printf(" way %u times %u", (unsigned)TRACE_CLOCK_WAY(e->number),
		       (unsigned)TRACE_CLOCK_TIMES(e->number));
	if (e->kind == TRACE_HOST || e->kind == TRACE_SETS ||
	    e->kind == TRACE_ASK)
		printf(" what %u", (unsigned)e->number);
	if (e->kind == TRACE_SOCKET)
		printf(" family %u", (unsigned)e->number);
	if (e->kind == TRACE_WRITE && e->creates)
		printf(" anew");
	if (e->kind == TRACE_GETENV)
		printf(" %s", e->set ? "set" : "unset");
	printf(" %s%s%s\n", e->name, *e->other ? " -> " : "", e->other);
}

static int
print_trace(const char *path)
{
	struct trace t;
	size_t i;
	int rc = trace_read(path, &t);

	if (rc != 0) {
		fprintf(stderr, "kache-classify: %s: %s\n", path,
			strerror(-rc));
		return 1;
	}
	trace_drop_habits(&t, NULL, NULL);
	printf("trace %s %s %s lost %u bytes %zu alive %u\n",
	       trace_gap_word(t.gap), t.gap_reason, t.gap_name,
	       (unsigned)t.lost, t.bytes, (unsigned)trace_alive(&t));
	if (t.uses_network)
		printf("uses the network\n");
	for (i = 0; i < t.nprocesses; i++)
		print_process(&t, i);
	for (i = 0; i < t.nevents; i++)
		print_event(&t.events[i]);
	trace_free(&t);
	return 0;
}

static int
create_trace(const char *path, int strict)
{
	int rc = trace_create(path, strict);

	if (rc != 0)
		fprintf(stderr, "kache-classify: %s: %s\n", path,
			strerror(-rc));
	return rc != 0;
}

static bool
is_below(const struct toolchain *t, const char *path)
{
	(void)t;
	return strncmp(path, sysroot, strlen(sysroot)) == 0 &&
	       path[strlen(sysroot)] == '/';
}

static void
classify_all(char *const *files, int place)
{
	struct provenance s = { .sysroot = sysroot, .holds = is_below };

	for (; *files; files++)
		classify_one(*files, place >= 0 ? (enum provenance_place)place
						: provenance_place(&s, *files));
}

int
main(int argc, char **argv)
{
	int i = 1, place = -1;

	process_begin();
	if (argc == 3 && strcmp(argv[1], "--trace") == 0)
		return print_trace(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--create") == 0)
		return create_trace(argv[2], 0);
	if (argc == 3 && strcmp(argv[1], "--create-strict") == 0)
		return create_trace(argv[2], 1);
	if (argc > 2 && strcmp(argv[1], "--sysroot") == 0) {
		sysroot = argv[2];
		i = 3;
	} else if (argc > 2 && strcmp(argv[1], "--place") == 0) {
		place = classify_place_from(argv[2]);
		i = place < 0 ? argc : 3;
	}
	if (i >= argc || argv[i][0] == '-') {
		fputs(usage, stderr);
		return 2;
	}
	classify_all(argv + i, place);
	return fflush(stdout) == 0 ? 0 : 1;
}
