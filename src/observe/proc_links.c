/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/proc_links.h"

#include <fcntl.h>

#include "observe/rawsys.h"

/* More than any name needs: a link of /proc leads out of /proc. */
#define TURNS_MAX 8

/* The next component of the path at s; its length in *n. */
static const char *
component(const char *s, size_t *n)
{
	for (;;) {
		while (*s == '/')
			s++;
		if (s[0] != '.' || (s[1] != '/' && s[1] != '\0'))
			break;
		s++;
	}
	for (*n = 0; s[*n] != '\0' && s[*n] != '/'; ++*n)
		;
	return s;
}

static int
is(const char *s, size_t n, const char *word)
{
	return rawsys_strlen(word) == n && rawsys_equal(s, word, n);
}

static int
is_number(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return 0;
	return n > 0;
}

/* The end of the link that `s`, the rest behind a process's directory, goes
 * through; NULL if it goes through none. */
static const char *
link_end(const char *s)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	size_t n, i;

	s = component(s, &n);
	if (is(s, n, "task")) {
		s = component(s + n, &n);
		if (!is_number(s, n))
			return NULL;
		s = component(s + n, &n);
	}
	for (i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (is(s, n, links[i]))
			return s + n;
	if (!is(s, n, "fd") && !is(s, n, "map_files"))
		return NULL;
	s = component(s + n, &n);
	return n > 0 ? s + n : NULL;
}

/* The same for an absolute name. */
static const char *
magic_end(const char *name)
{
	size_t n;
	const char *s = component(name, &n);

	if (is(s, n, "dev")) {
		s = component(s + n, &n);
		if (is(s, n, "stdin") || is(s, n, "stdout") ||
		    is(s, n, "stderr"))
			return s + n;
		if (!is(s, n, "fd"))
			return NULL;
		s = component(s + n, &n);
		return n > 0 ? s + n : NULL;
	}
	if (!is(s, n, "proc"))
		return NULL;
	s = component(s + n, &n);
	if (!is(s, n, "self") && !is(s, n, "thread-self") && !is_number(s, n))
		return NULL;
	return link_end(s + n);
}

/* No pipe, no terminal, and nothing that was removed. */
static int
is_file(const char *name, size_t n)
{
	static const char gone[] = " (deleted)";
	const size_t k = sizeof(gone) - 1;

	return name[0] == '/' && !rawsys_starts(name, "/dev/") &&
	       (n < k || !rawsys_equal(name + n - k, gone, k));
}

/* What the link that the first n bytes of name spell leads to. */
static size_t
follow(const char *name, size_t n, char *to)
{
	char link[PROC_LINKS_MAX];
	long len;

	if (n >= sizeof(link))
		return 0;
	*rawsys_put(link, name, n) = '\0';
	/* Those in /dev are links to the links. */
	if (rawsys_starts(link, "/dev/std"))
		rawsys_put(link,
			   link[8] == 'i'   ? "/proc/self/fd/0"
			   : link[8] == 'o' ? "/proc/self/fd/1"
					    : "/proc/self/fd/2",
			   sizeof "/proc/self/fd/0");
	len = rawsys4(SYS_readlinkat, AT_FDCWD, (long)link, (long)to,
		      PROC_LINKS_MAX - 1);
	if (len <= 0 || len >= PROC_LINKS_MAX - 1)
		return 0;
	to[len] = '\0';
	return is_file(to, (size_t)len) ? (size_t)len : 0;
}

/* One link.  0: there is none to take. */
static int
turn(const char *name, char *to)
{
	char found[PROC_LINKS_MAX];
	const char *end = magic_end(name);
	size_t n, rest;

	if (!end)
		return 0;
	n = follow(name, (size_t)(end - name), found);
	rest = rawsys_strlen(end);
	if (n == 0 || n + rest >= PROC_LINKS_MAX)
		return 0;
	/* "/" and what follows. */
	if (n == 1 && rest > 0)
		n = 0;
	rawsys_put(rawsys_put(to, found, n), end, rest + 1);
	return 1;
}

int
proc_links_resolve(const char *name, char *to)
{
	char old[PROC_LINKS_MAX];
	int i;

	if (!turn(name, to))
		return 0;
	for (i = 0; i < TURNS_MAX; i++) {
		rawsys_put(old, to, rawsys_strlen(to) + 1);
		if (!turn(old, to))
			break;
	}
	return 1;
}
