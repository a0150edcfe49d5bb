/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config/config.h"

#include "base/err.h"
#include "base/ini.h"
#include "config/config_parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct config_key config_keys[CONFIG_KEYS] = {
#define KEY(id, ...) [CONFIG_##id] = { __VA_ARGS__ },
#include "config/config_keys.def"
#undef KEY
};

static const char *const type_text[] = {
	[CONFIG_STRING] = "text",
	[CONFIG_PATH] = "an absolute path, or one that begins with ~/",
	[CONFIG_BOOL] = "yes or no",
	[CONFIG_CHOICE] = "one of ",
	[CONFIG_SIZE] = "a size such as 500M or 50G",
	[CONFIG_SHARE] = "a size such as 2G, or a share such as 5%",
	[CONFIG_DURATION] = "a time such as 3s, 5m or 6h",
	[CONFIG_COUNT] = "a number or auto",
	[CONFIG_URL] = "s3://bucket/prefix or file:///directory",
	[CONFIG_HTTP] = "http://host or https://host, with or without a path",
};

/* Names without a key of their own: another key's, or handled apart. */
struct alias {
	const char *name;
	int id;
};

static const struct alias aliases[] = {
	{ "KACHE_CACHE_DIR", CONFIG_STORE_DIR },
	{ "KACHE_LOG", CONFIG_SHIM_LOG },
	{ "KACHE_CONFIG", -1 },
	{ "KACHE_DISABLED", -1 },
	{ "KACHE_OBSERVE", -1 },
};

enum { ALIASES = sizeof(aliases) / sizeof(aliases[0]) };

static const char env_prefix[] = "KACHE_";

enum { ENV_PREFIX_LEN = sizeof(env_prefix) - 1 };

static void problem(struct config *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
problem(struct config *c, const char *fmt, ...)
{
	va_list ap;

	if (c->problem_count < CONFIG_PROBLEMS) {
		va_start(ap, fmt);
		vsnprintf(c->problem[c->problem_count], CONFIG_PROBLEM_LEN, fmt,
			  ap);
		va_end(ap);
	}
	c->problem_count++;
}

const char *
config_problem(const struct config *c, int i)
{
	return c->problem[i];
}

/* A + B as one string in the pool, or NULL. */
static const char *
keep(struct config *c, const char *a, const char *b)
{
	size_t na = strlen(a);
	size_t nb = strlen(b) + 1;
	char *to = c->pool + c->pool_len;

	if (na + nb > sizeof(c->pool) - c->pool_len)
		return NULL;
	memcpy(to, a, na);
	memcpy(to + na, b, nb);
	c->pool_len += na + nb;
	return to;
}

/* What a load needs at hand: where values come from right now. */
struct loading {
	struct config *c;
	const struct config_source *src;
	const char *home;
	enum config_origin origin;
	const char *where;
};

/* The environment's answer; an empty variable counts as unset. */
static const char *
ask_environment(const struct loading *l, const char *name)
{
	const char *v = l->src->get(l->src->ctx, name);

	return v && *v ? v : NULL;
}

static const char *
ask_absolute(const struct loading *l, const char *name)
{
	const char *v = ask_environment(l, name);

	return v && *v == '/' ? v : NULL;
}

static int
parse_path(const struct loading *l, const char *s, const char **out)
{
	if (*s == '\0' || *s == '/')
		*out = keep(l->c, s, "");
	else if (s[0] == '~' && (s[1] == '/' || s[1] == '\0') && l->home)
		*out = keep(l->c, l->home, s + 1);
	else
		return -EINVAL;
	return *out ? 0 : ERR_TOOBIG;
}

static int
parse_value(const struct loading *l, const struct config_key *k, const char *s,
	    struct config_value *v)
{
	if (k->type == CONFIG_PATH)
		return parse_path(l, s, &v->text);
	v->text = keep(l->c, s, "");
	if (!v->text)
		return ERR_TOOBIG;
	switch (k->type) {
	case CONFIG_BOOL:
		return config_parse_bool(s, &v->num);
	case CONFIG_CHOICE:
		return config_parse_choice(s, k->choices, &v->num);
	case CONFIG_SIZE:
		return config_parse_size(s, &v->num);
	case CONFIG_SHARE:
		return config_parse_share(s, &v->num, &v->percent);
	case CONFIG_DURATION:
		return config_parse_duration(s, &v->num);
	case CONFIG_COUNT:
		return config_parse_count(s, &v->num);
	case CONFIG_URL:
		return config_parse_url(s);
	case CONFIG_HTTP:
		return config_parse_http(s);
	default:
		return 0;
	}
}

static void
note_problem(const struct loading *l, const struct config_key *k, int line,
	     const char *value, int r)
{
	char where[256];

	if (l->origin == CONFIG_FROM_FILE)
		snprintf(where, sizeof(where), "%s:%d: [%s] %s", l->where, line,
			 k->section, k->name);
	else
		snprintf(where, sizeof(where), "%s", l->where);
	if (r == ERR_TOOBIG)
		problem(l->c, "%s: too long", where);
	else
		problem(l->c, "%s: '%.60s' is not %s%s", where, value,
			type_text[k->type], k->choices ? k->choices : "");
}

static void
set(const struct loading *l, int id, int line, const char *text)
{
	const struct config_key *k = &config_keys[id];
	struct config_value v = { .origin = l->origin,
				  .where = l->where,
				  .line = line };
	size_t mark = l->c->pool_len;
	int r = parse_value(l, k, text, &v);

	if (r == 0) {
		l->c->v[id] = v;
		return;
	}
	l->c->pool_len = mark;
	note_problem(l, k, line, text, r);
}

static void
set_defaults(struct config *c)
{
	int id;

	for (id = 0; id < CONFIG_KEYS; id++) {
		const struct config_key *k = &config_keys[id];
		struct loading l = { .c = c, .where = "" };
		size_t mark = c->pool_len;

		parse_value(&l, k, k->def, &c->v[id]);
		c->pool_len = mark;
		c->v[id].text = k->def;
		c->v[id].where = "";
	}
}

static void
file_value(void *ctx, int line, const char *section, const char *key,
	   const char *value)
{
	const struct loading *l = ctx;
	bool known = false;
	int id;

	for (id = 0; id < CONFIG_KEYS; id++) {
		const struct config_key *k = &config_keys[id];

		if (strcmp(section, k->section) != 0)
			continue;
		known = true;
		if (strcmp(key, k->name) == 0) {
			set(l, id, line, value);
			return;
		}
	}
	problem(l->c, "%s:%d: [%s] %s: no such %s", l->where, line, section,
		key, known ? "key" : "section");
}

static void
file_problem(void *ctx, int line, const char *text)
{
	const struct loading *l = ctx;

	problem(l->c, "%s:%d: %s", l->where, line, text);
}

/* DIR + NAME as layer I; NULL DIR: the layer does not exist. */
static void
load_file(struct loading *l, int i, const char *dir, const char *name)
{
	struct config_file *f = &l->c->file[i];
	struct ini_sink sink = { .value = file_value,
				 .problem = file_problem,
				 .ctx = l };

	f->status = -ENOENT;
	if (!dir)
		return;
	f->path = keep(l->c, dir, name);
	if (!f->path) {
		problem(l->c, "%.200s...: path too long", dir);
		f->status = ERR_TOOBIG;
		return;
	}
	l->origin = CONFIG_FROM_FILE;
	l->where = f->path;
	f->status = ini_load(f->path, &sink);
}

/* Only a file that somebody named must be there. */
static void
judge_file(struct loading *l, int i, bool named)
{
	const struct config_file *f = &l->c->file[i];
	bool absent = f->status == -ENOENT || f->status == -ENOTDIR;

	if (f->status == 0 || f->status == ERR_TOOBIG || !f->path)
		return;
	if (absent && !named)
		return;
	problem(l->c, "%s: cannot be read: %s", f->path,
		f->status == -EINVAL ? "not a regular file"
				     : err_text(f->status));
}

static void
load_files(struct loading *l)
{
	const char *sys = l->src->sysconfdir;
	const char *xdg = ask_absolute(l, "XDG_CONFIG_HOME");
	const char *named = ask_environment(l, "KACHE_CONFIG");

	load_file(l, 0, sys ? sys : KACHE_SYSCONFDIR, "/kache/kache.ini");
	judge_file(l, 0, false);
	if (xdg)
		load_file(l, 1, xdg, "/kache/kache.ini");
	else
		load_file(l, 1, l->home, "/.config/kache/kache.ini");
	judge_file(l, 1, false);
	if (named && *named != '/') {
		problem(l->c, "KACHE_CONFIG: '%.60s' is not an absolute path",
			named);
		named = NULL;
	}
	load_file(l, 2, named, "");
	judge_file(l, 2, true);
}

/* Upper case only: config_guarded compares names as they are. */
static bool
is_upper_of(const char *env, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char c = s[i] == ' ' ? '_' : s[i];

		if (c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (env[i] != c)
			return false;
	}
	return true;
}

/* True if NAME (N bytes) is KACHE_<SECTION>_<KEY> of K. */
static bool
env_name_is(const char *name, size_t n, const struct config_key *k)
{
	size_t section = strlen(k->section);
	size_t key = strlen(k->name);

	if (n != ENV_PREFIX_LEN + section + 1 + key)
		return false;
	name += ENV_PREFIX_LEN;
	return is_upper_of(name, k->section, section) && name[section] == '_' &&
	       is_upper_of(name + section + 1, k->name, key);
}

static int
env_alias(const char *name, size_t n)
{
	int i;

	for (i = 0; i < ALIASES; i++) {
		if (strlen(aliases[i].name) == n &&
		    memcmp(aliases[i].name, name, n) == 0)
			return i;
	}
	return -1;
}

static void
load_variable(struct loading *l, int id, const char *name)
{
	const char *value = ask_environment(l, name);

	if (!value)
		return;
	l->origin = CONFIG_FROM_ENV;
	l->where = keep(l->c, name, "");
	if (l->where)
		set(l, id, 0, value);
	else
		problem(l->c, "%s: too long", name);
}

static void
load_name(struct loading *l, const char *name, size_t n)
{
	char own[64];
	int id;

	if (n >= sizeof(own))
		return;
	memcpy(own, name, n);
	own[n] = '\0';
	for (id = 0; id < CONFIG_KEYS; id++) {
		if (env_name_is(own, n, &config_keys[id])) {
			load_variable(l, id, own);
			return;
		}
	}
	problem(l->c, "%s: no such key", own);
}

static void
load_environment(struct loading *l)
{
	char *const *e;
	const char *v;
	int i;

	for (e = l->src->names; e && *e; e++) {
		size_t n = strcspn(*e, "=");

		if (strncmp(*e, env_prefix, ENV_PREFIX_LEN) != 0)
			continue;
		if (env_alias(*e, n) < 0)
			load_name(l, *e, n);
	}
	/* The short names last: they win. */
	for (i = 0; i < ALIASES; i++) {
		if (aliases[i].id >= 0)
			load_variable(l, aliases[i].id, aliases[i].name);
	}
	v = ask_environment(l, "KACHE_DISABLED");
	l->c->disabled = v && strcmp(v, "0") != 0;
}

static void
join(const char *a, const char *b, char *out, size_t room, int *r)
{
	int n = snprintf(out, room, "%s%s", a, b);

	*r = n >= 0 && (size_t)n < room ? 0 : ERR_TOOBIG;
}

int
config_cache_home(const char *os, const char *xdg_cache_home, const char *home,
		  char *out, size_t room)
{
	int r = ERR_MISS;

	if (xdg_cache_home && *xdg_cache_home == '/')
		join(xdg_cache_home, "/kache", out, room, &r);
	else if (home && *home == '/' && strcmp(os, "darwin") == 0)
		join(home, "/Library/Caches/kache", out, room, &r);
	else if (home && *home == '/')
		join(home, "/.cache/kache", out, room, &r);
	return r;
}

static void
default_store(struct loading *l)
{
	struct config_value *v = &l->c->v[CONFIG_STORE_DIR];
	char path[1024];
	int r;

	if (*v->text)
		return;
	r = config_cache_home("linux", ask_environment(l, "XDG_CACHE_HOME"),
			      l->home, path, sizeof(path));
	if (r == 0)
		v->text = keep(l->c, path, "");
	if (r < 0 || !v->text) {
		v->text = "";
		problem(l->c, "no directory for the store: neither HOME nor "
			      "XDG_CACHE_HOME is an absolute path");
	}
}

int64_t
config_nanoseconds(const struct config_value *v)
{
	static const int64_t ms = 1000000;

	return v->num > INT64_MAX / 2 / ms ? INT64_MAX / 2 : v->num * ms;
}

bool
config_remote(const struct config *c)
{
	return c->v[CONFIG_REMOTE_URL].text[0] != '\0';
}

bool
config_remote_reads(const struct config *c)
{
	return config_remote(c) &&
	       c->v[CONFIG_REMOTE_MODE].num != CONFIG_MODE_WO;
}

bool
config_remote_writes(const struct config *c)
{
	return config_remote(c) &&
	       c->v[CONFIG_REMOTE_MODE].num != CONFIG_MODE_RO;
}

int
config_socket(const struct config *c, const char *cache_dir, char *out,
	      size_t room)
{
	const char *own = c->v[CONFIG_DAEMON_SOCKET].text;
	char path[4096];
	int r;

	if (*own)
		join(own, "", path, sizeof(path), &r);
	else
		join(cache_dir, "/daemon.sock", path, sizeof(path), &r);
	if (r == 0 && strlen(path) >= room)
		r = ERR_TOOBIG;
	if (r == 0)
		memcpy(out, path, strlen(path) + 1);
	return r;
}

void
config_load(struct config *c, const struct config_source *src)
{
	struct loading l = { .c = c, .src = src };

	/* The pool and the problems need no clearing. */
	c->disabled = false;
	c->problem_count = 0;
	c->pool_len = 0;
	memset(c->v, 0, sizeof(c->v));
	memset(c->file, 0, sizeof(c->file));
	l.home = ask_absolute(&l, "HOME");
	set_defaults(c);
	load_files(&l);
	load_environment(&l);
	default_store(&l);
}

/* A name that ends in '_' stands for all that begin so. */
bool
config_guarded(const char *name)
{
	static const char *const guarded[] = {
		"KACHE_CACHE_DIR",
		"KACHE_CONFIG",
		"KACHE_STORE_",
		"KACHE_REMOTE_",
		"KACHE_DAEMON_",
		"KACHE_PREFETCH_",
		"KACHE_TRUST_",
		"KACHE_PRIVACY_",
		"KACHE_INPUTS_",
		"XDG_CONFIG_HOME",
		"XDG_CACHE_HOME",
		"HOME",
		"AWS_",
		"GITHUB_",
		"GITLAB_",
		"CI",
		"CI_",
		"ACTIONS_",
		"HTTP_PROXY",
		"HTTPS_PROXY",
		"ALL_PROXY",
		"NO_PROXY",
		"http_proxy",
		"https_proxy",
		"all_proxy",
		"no_proxy",
		"SSL_CERT_FILE",
		"SSL_CERT_DIR",
		"CURL_CA_BUNDLE",
	};
	size_t i;

	for (i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		size_t n = strlen(guarded[i]);

		if (strncmp(name, guarded[i], n) != 0)
			continue;
		if (guarded[i][n - 1] == '_' || name[n] == '\0')
			return true;
	}
	return false;
}
