/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_DERIVE_INTERNAL_H
#define KEY_DERIVE_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strset.h" /* allow: value */
#include "key/trace.h"   /* allow: value */

struct file_id;
struct derive;
struct inputs;

/* The working state of one derive_inputs, shared by its parts:
 * derive_base   names, what is left out, how a refusal is said
 * derive_own    what the work made itself
 * derive_race   the race guard
 * derive_read   files, programs and objects
 * derive_name   listings, absent and present names
 * derive_stat   what else stat and its likes answer
 * derive_proc   what may not be asked, and names in /proc
 * derive_env    variables, and what else is around
 * derive_declared  what a user says a run depends on
 * derive_compile, derive_clippy, derive_run  the rules of each kind of work */
struct work {
	struct derive *l;
	struct inputs *inputs;
	struct strset own;     /* made by this unit's processes */
	struct strset files;   /* read; value: struct trace_event */
	struct strset implied; /* above a recorded name */
	struct strset listed;  /* directories whose names and types are items */
	struct strset absent;
	struct strset externs;   /* value: identity before the compile */
	struct strset search;    /* directories of PATH */
	struct strset places;    /* variables that serve includes only */
	char real_out[PATH_MAX]; /* --out-dir, if links lead elsewhere */
	char state[PATH_MAX];    /* -C incremental with links resolved, or "" */
};

/*
 * What is special about a kind of work.  Functions that give an int return 0
 * or a negative code; those that may be NULL stand for nothing to do, or for
 * false.
 */
struct derive_rules {
	bool compiles; /* process 0 is a compiler: what it asks is known, but
			* macros may act in it */
	bool walks;    /* along PATH, by itself: what lies in one of its
			* directories counts as found over it only if a walk
			* gets there */
	/* Before anything is read: refuses what a hit could not repeat, and
	 * notes what the work made itself.  Not NULL. */
	int (*begin)(struct work *w);
	/* After all that was read: inputs that no event names. */
	int (*end)(struct work *w);
	/* A variable that somebody asked for.  Not NULL. */
	int (*env)(struct work *w, const struct trace_event *e);
	/* A variable by which it finds its own configuration. */
	bool (*is_place)(const char *name);
	/* A program, a listing, an absent name that is no input. */
	bool (*skips_program)(const struct trace_event *e);
	bool (*skips_listing)(const struct work *w, const struct trace_event *e,
			      const char *path);
	bool (*knows_absent)(const struct work *w, const char *path);
	/* A source in the dep-info that nobody read. */
	bool (*tracks_source)(const struct work *w, const char *path);
	/* A name that is there: items for where it leads.  Not NULL. */
	int (*resolved)(struct work *w, const struct trace_event *e,
			const char *path);
	/* That a name is no link can be in the result.  Not NULL. */
	bool (*tells_links)(const struct work *w, const struct trace_event *e,
			    const char *path);
	/* No attribute of the file can be in the result. */
	bool (*hides_attributes)(const struct work *w,
				 const struct trace_event *e, const char *path);
};

/* Sets the reason, if none is set, to "why:what"; gives CODE. */
int derive_refuse(struct work *w, int code, const char *why, const char *what);

bool derive_below(const char *path, const char *dir);
const char *derive_base_name(const char *path);
bool derive_has_suffix(const char *name, const char *end);

/* PATH, absolute (below CWD if it is not), without empty and "." parts.
 * ".." stays: it means what the links on the way say. */
int derive_tidy(const char *cwd, const char *path, char out[PATH_MAX]);

/* True for files that are in the toolchain's identity. */
bool derive_in_toolchain(const struct derive *l, const char *path);
bool derive_is_noise(const char *path);

/* Noise only as long as compilers and their like read it. */
bool derive_is_tools_noise(const char *path);
bool derive_is_proc(const char *path);

/* Written to without a trace that outlives the process: devices, /proc. */
bool derive_is_sink(const char *path);

/* Below -C incremental, which rustc resolves links of. */
bool derive_is_state(const struct work *w, const char *path);

/* Nothing to record about PATH: not outside, no input, or known. */
bool derive_skips(const struct work *w, const char *path);
int derive_add_path(struct work *w, char kind, const char *path);

/* True for what the compiler's process did, or a macro in it. */
bool derive_is_compiler(const struct work *w, const struct trace_event *e);

/* The program whose event E is, by path: a forked child that executes nothing
 * is its parent's. */
const char *derive_program_of(const struct work *w,
			      const struct trace_event *e);
/* That program's flags (key/programs), if it is the system's. */
unsigned derive_tool_of(const struct work *w, const struct trace_event *e);

/* The outputs, and what events say was made. */
int derive_own(struct work *w);
int derive_note_own(struct work *w, const char *name);

/* The same place by its real name: programs that walk by descriptors are seen
 * below where the links of --out-dir lead.  False: there is none. */
bool derive_real_name(const struct work *w, const char *path,
		      char out[PATH_MAX]);

/* True for names below target and OUT_DIR, whose files cargo and we link:
 * that moves their ctime. */
bool derive_is_linked(const struct work *w, const char *path);

/* PATH was old enough at WHEN that its stat proves its bytes: from an earlier
 * tick, or written whole by one of us, who took its digest. */
bool derive_settled(const struct work *w, const char *path,
		    const struct file_id *id, int64_t when);
int derive_race(struct work *w, const struct trace_event *e, const char *path);
bool derive_candidate(const struct work *w, const struct trace_event *e,
		      const char *path);
int derive_externs(struct work *w);
int derive_read(struct work *w, const struct trace_event *e);
int derive_object(void *work, const char *name);
int derive_program(struct work *w, size_t event);
int derive_sources(struct work *w);
int derive_files(struct work *w);
void derive_split_path(struct work *w);
bool derive_path_search(struct work *w, const struct trace_event *e,
			const char *path);

int derive_listing(struct work *w, const struct trace_event *e);
int derive_absent(struct work *w, const struct trace_event *e);
int derive_present(struct work *w, const struct trace_event *e);

/* Items for l->declared: files by content, directories by names and all that
 * is in them, absent names. */
int derive_declared(struct work *w);

/* Variables that a compile asked for, and those in the dep-info. */
int derive_env(struct work *w, const struct trace_event *e);
int derive_declared_env(struct work *w);

/* The rules of compiles, which clippy's extend. */
int derive_compile_begin(struct work *w);
int derive_compile_resolved(struct work *w, const struct trace_event *e,
			    const char *path);
bool derive_compile_links(const struct work *w, const struct trace_event *e,
			  const char *path);
bool derive_compile_hides(const struct work *w, const struct trace_event *e,
			  const char *path);

/* Links in the directories that lead to PATH. */
int derive_links(struct work *w, const char *path);

/*
 * Whether the answer to the event E can be in a result in other ways than a
 * compiler's: a macro, a build script, or a program that one of these started
 * asked.
 */
bool derive_is_curious(const struct work *w, const struct trace_event *e);

/* Items for the attributes of PATH that who asked makes use of. */
int derive_attributes(struct work *w, const struct trace_event *e,
		      const char *path);

/* Where PATH leads, if E tells that. */
int derive_where(struct work *w, const struct trace_event *e, const char *path);

/* Items for where PATH really lies, or for its being no link. */
int derive_real(struct work *w, const char *path);
int derive_no_link(struct work *w, const char *path);

/* ERR_REFUSED for an event that no item can stand for: the clock, the network,
 * what the machine does now, and what /proc says of a process. */
int derive_question(struct work *w, const struct trace_event *e);

/* All events, in compiles, by macros and what they start. */
int derive_questions(struct work *w);

/* Items for what no single name stands for. */
int derive_surroundings(struct work *w);

#endif
