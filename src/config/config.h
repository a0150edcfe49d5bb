/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The configuration from kache.ini and the KACHE_ environment, by one table of
 * keys (config_keys.def).  Later layers win:
 *
 *   default < SYSCONFDIR/kache/kache.ini < $XDG_CONFIG_HOME/kache/kache.ini
 *   < the file named by KACHE_CONFIG < KACHE_<SECTION>_<KEY>
 *
 * Loading cannot fail: a mistake is recorded as a problem with its place, and
 * the value of the layer below stays.  This room knows nothing of stores,
 * daemons and remotes.
 * Threads: any for loading into one's own struct; a loaded one is read-only.
 */

enum config_id {
#define KEY(id, ...) CONFIG_##id,
#include "config/config_keys.def" /* allow: value */
#undef KEY
	CONFIG_KEYS
};

enum config_type {
	CONFIG_STRING,   /* text as written */
	CONFIG_PATH,     /* absolute, ~ stands for $HOME */
	CONFIG_BOOL,     /* yes no true false on off 1 0 */
	CONFIG_CHOICE,   /* one of config_key.choices; num is its index */
	CONFIG_SIZE,     /* bytes; K M G T are powers of 1024 */
	CONFIG_SHARE,    /* as CONFIG_SIZE, or N% of what there is */
	CONFIG_DURATION, /* milliseconds; ms s m h d; a bare number: s */
	CONFIG_COUNT,    /* a number, or `auto` (num -1) */
	CONFIG_URL,      /* s3://bucket[/prefix], file:///dir or nothing */
	CONFIG_HTTP      /* http://host..., https://host... or nothing */
};

/* A row of the table.  All strings are static. */
struct config_key {
	const char *section;
	const char *name;
	enum config_type type;
	const char *def;     /* default, in the syntax of the file */
	const char *choices; /* CONFIG_CHOICE: `a|b|c` */
	bool later;          /* accepted and checked, no effect yet */
	const char *help;
};

extern const struct config_key config_keys[CONFIG_KEYS];

enum config_origin { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV };

struct config_value {
	const char *text; /* as written, ~ expanded; never NULL */
	int64_t num;      /* bytes, ms, 0/1, index or count by type */
	bool percent;     /* CONFIG_SHARE: num is per cent */
	enum config_origin origin;
	const char *where; /* file path or variable name, "" for default */
	int line;          /* in that file */
};

/* The values of CONFIG_STORE_PORTABLE, _VERIFY and CONFIG_REMOTE_MODE, by
 * index. */
enum config_portable {
	CONFIG_PORTABLE_AUTO,
	CONFIG_PORTABLE_YES,
	CONFIG_PORTABLE_NO
};
enum config_verify {
	CONFIG_VERIFY_ALWAYS,
	CONFIG_VERIFY_SCRUB,
	CONFIG_VERIFY_NO
};
enum config_mode { CONFIG_MODE_RW, CONFIG_MODE_RO, CONFIG_MODE_WO };

enum {
	CONFIG_POOL = 6144, /* bytes for all texts that are not defaults */
	CONFIG_PROBLEM_LEN = 400,
	CONFIG_PROBLEMS = 8,
	CONFIG_FILES = 3
};

struct config_file {
	const char *path; /* NULL: this layer has no file */
	int status;       /* 0 read, else the error; -ENOENT is normal */
};

/* About 10 kB.  Holds no other memory.  Do not copy it: texts point into it. */
struct config {
	struct config_value v[CONFIG_KEYS];
	struct config_file file[CONFIG_FILES];
	bool disabled;     /* KACHE_DISABLED is set and not 0 */
	int problem_count; /* may exceed CONFIG_PROBLEMS: rest dropped */
	char problem[CONFIG_PROBLEMS][CONFIG_PROBLEM_LEN];
	char pool[CONFIG_POOL];
	size_t pool_len;
};

/*
 * Where the environment comes from.  GET answers for one name, NULL if unset;
 * the answer is borrowed until config_load returns.  NAMES is the NULL-ended
 * `NAME=value` list that says which names to ask for at all: the caller's own
 * environ.  Asking GET and not taking the value from NAMES lets the shim
 * answer for guarded names (config_guarded) with what cargo was started with.
 */
struct config_source {
	const char *(*get)(void *ctx, const char *name);
	void *ctx;
	char *const *names;
	const char *sysconfdir; /* NULL: the configured one */
};

/* Fills C from nothing.  Opens at most three files. */
void config_load(struct config *c, const struct config_source *src);

/* True if a repository's [env] table must not set NAME: it moves the store,
 * the configuration, the remote, trust or the daemon, or tells who we are. */
bool config_guarded(const char *name);

/* A CONFIG_DURATION in nanoseconds.  At most 146 years, which may be added to
 * any clock without overflow. */
int64_t config_nanoseconds(const struct config_value *v);

/* Text of one problem, I < min(problem_count, CONFIG_PROBLEMS). */
const char *config_problem(const struct config *c, int i);

/* Whether a remote is configured, and may be read or written. */
bool config_remote(const struct config *c);
bool config_remote_reads(const struct config *c);
bool config_remote_writes(const struct config *c);

/* The socket of the daemon whose store is CACHE_DIR.  0 or ERR_TOOBIG. */
int config_socket(const struct config *c, const char *cache_dir, char *out,
		  size_t room);

/* The store's directory without configuration, by operating system name
 * ("linux", "darwin").  Pure.  0 or ERR_TOOBIG / ERR_MISS (no home known). */
int config_cache_home(const char *os, const char *xdg_cache_home,
		      const char *home, char *out, size_t room);

#endif
