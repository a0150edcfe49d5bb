/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEY_LEARN_INTERNAL_H
#define KEY_LEARN_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strset.h" /* allow: value */
#include "key/trace.h"   /* allow: value */

struct file_id;
struct learn;
struct shape;

/* The working state of one learn_shape, shared by its parts:
 * learn_base   names, what is left out, how a refusal is said
 * learn_own    what the unit made itself, and effects a hit would lose
 * learn_read   files, programs and objects, and the race guard
 * learn_name   listings, absent and present names
 * learn_stat   what else stat and its likes answer
 * learn_proc   what may not be asked, and names in /proc
 * learn_env    variables, and what else is around
 * learn_declared  what a user says a run depends on
 * learn_clippy  what clippy-driver does besides compiling
 * learn_run    what is different for runs of build scripts */
struct work {
	struct learn *l;
	struct shape *shape;
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
int learn_refuse(struct work *w, int code, const char *why, const char *what);

bool learn_below(const char *path, const char *dir);
const char *learn_base_name(const char *path);
bool learn_has_suffix(const char *name, const char *end);

/* PATH, absolute (below CWD if it is not), without empty and "." parts.
 * ".." stays: it means what the links on the way say. */
int learn_tidy(const char *cwd, const char *path, char out[PATH_MAX]);

/* True for files that are in the toolchain's identity. */
bool learn_in_toolchain(const struct learn *l, const char *path);
bool learn_is_noise(const char *path);

/* Noise only as long as compilers and their like read it. */
bool learn_is_tools_noise(const char *path);
bool learn_is_proc(const char *path);

/* Written to without a trace that outlives the process: devices, /proc. */
bool learn_is_sink(const char *path);

/* Below -C incremental, which rustc resolves links of. */
bool learn_is_state(const struct work *w, const char *path);

/* Nothing to record about PATH: not outside, no input, or known. */
bool learn_skips(const struct work *w, const char *path);
int learn_add_path(struct work *w, char kind, const char *path);

int learn_own(struct work *w);
int learn_effects(struct work *w);

/* True for names below target and OUT_DIR, whose files cargo and we link:
 * that moves their ctime. */
bool learn_is_linked(const struct work *w, const char *path);

/* PATH was old enough at WHEN that its stat proves its bytes: from an earlier
 * tick, or written whole by one of us, who took its digest. */
bool learn_settled(const struct work *w, const char *path,
		   const struct file_id *id, int64_t when);
int learn_race(struct work *w, const struct trace_event *e, const char *path);
bool learn_candidate(const struct work *w, const struct trace_event *e,
		     const char *path);
int learn_externs(struct work *w);
int learn_read(struct work *w, const struct trace_event *e);
int learn_object(void *work, const char *name);
int learn_program(struct work *w, size_t event);
int learn_sources(struct work *w);
int learn_files(struct work *w);
void learn_split_path(struct work *w);
bool learn_path_search(struct work *w, const struct trace_event *e,
		       const char *path);

int learn_listing(struct work *w, const struct trace_event *e);
int learn_absent(struct work *w, const struct trace_event *e);
int learn_present(struct work *w, const struct trace_event *e);

int learn_begin(struct work *w);
int learn_reads(struct work *w);

/* After what was read is known: its items, names, variables, what is around;
 * the finished shape. */
int learn_rest(struct work *w);
int learn_run(struct work *w);

/* Items for l->declared: files by content, directories by names and all that
 * is in them, absent names. */
int learn_declared(struct work *w);
/* The program whose event E is, by path: a forked child that executes nothing
 * is its parent's. */
const char *learn_program_of(const struct work *w, const struct trace_event *e);
/* What tools_look says of that program, if it is the system's. */
unsigned learn_tool_of(const struct work *w, const struct trace_event *e);
int learn_run_env(struct work *w, const struct trace_event *e);

int learn_env(struct work *w, const struct trace_event *e);
int learn_declared_env(struct work *w);

/* Refuses if clippy started a cargo to learn of the dependency graph. */
int learn_clippy_begin(struct work *w);

/* True for an absent name of its configuration that is in K0. */
bool learn_clippy_knows(const struct work *w, const char *path);

/* True for a source of clippy's that it did not read, but made an input. */
bool learn_clippy_tracks(const struct work *w, const char *path);

/* Links that PATH was resolved through. */
int learn_clippy_links(struct work *w, const char *path);

/* Links in the directories that lead to PATH. */
int learn_links(struct work *w, const char *path);

/*
 * Whether what the event E was answered can be in a result beyond what any
 * compiler looks at: by a macro, a build script, or a program that one of
 * these started.
 */
bool learn_is_curious(const struct work *w, const struct trace_event *e);

/* Items for the attributes of PATH that who asked makes use of. */
int learn_attributes(struct work *w, const struct trace_event *e,
		     const char *path);

/* Items for where PATH really lies, or for its being no link. */
int learn_real(struct work *w, const char *path);
int learn_no_link(struct work *w, const char *path);

/* ERR_REFUSED for an event that no item can stand for: the clock, the network,
 * what the machine does now, and what /proc says of a process. */
int learn_question(struct work *w, const struct trace_event *e);

/* All events, in compiles, by macros and what they start. */
int learn_questions(struct work *w);

/* Items for what no single name stands for. */
int learn_surroundings(struct work *w);

#endif
