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

/* The working state of one derive_shape, shared by its parts:
 * derive_base   names, what is left out, how a refusal is said
 * derive_own    what the unit made itself, and effects a hit would lose
 * derive_read   files, programs and objects, and the race guard
 * derive_name   listings, absent and present names
 * derive_stat   what else stat and its likes answer
 * derive_proc   what may not be asked, and names in /proc
 * derive_env    variables, and what else is around
 * derive_declared  what a user says a run depends on
 * derive_clippy  what clippy-driver does besides compiling
 * derive_run    what is different for runs of build scripts */
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

int derive_own(struct work *w);
int derive_effects(struct work *w);

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

int derive_begin(struct work *w);
int derive_reads(struct work *w);

/* After what was read is known: its items, names, variables, what is around;
 * the finished input list. */
int derive_rest(struct work *w);
int derive_run(struct work *w);

/* Items for l->declared: files by content, directories by names and all that
 * is in them, absent names. */
int derive_declared(struct work *w);
/* The program whose event E is, by path: a forked child that executes nothing
 * is its parent's. */
const char *derive_program_of(const struct work *w,
			      const struct trace_event *e);
/* What tools_look says of that program, if it is the system's. */
unsigned derive_tool_of(const struct work *w, const struct trace_event *e);
int derive_run_env(struct work *w, const struct trace_event *e);

int derive_env(struct work *w, const struct trace_event *e);
int derive_declared_env(struct work *w);

/* Refuses if clippy started a cargo to learn of the dependency graph. */
int derive_clippy_begin(struct work *w);

/* True for an absent name of its configuration that is in K0. */
bool derive_clippy_knows(const struct work *w, const char *path);

/* True for a source of clippy's that it did not read, but made an input. */
bool derive_clippy_tracks(const struct work *w, const char *path);

/* Links that PATH was resolved through. */
int derive_clippy_links(struct work *w, const char *path);

/* Links in the directories that lead to PATH. */
int derive_links(struct work *w, const char *path);

/*
 * Whether what the event E was answered can be in a result beyond what any
 * compiler looks at: by a macro, a build script, or a program that one of
 * these started.
 */
bool derive_is_curious(const struct work *w, const struct trace_event *e);

/* Items for the attributes of PATH that who asked makes use of. */
int derive_attributes(struct work *w, const struct trace_event *e,
		      const char *path);

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
