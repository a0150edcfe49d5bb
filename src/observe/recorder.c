/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "observe/recorder.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "observe/obs.h"
#include "observe/rawsys.h"

#define LIBRARY "libkache-observe.so"
#define VARIABLE "KACHE_OBSERVE="
#define PRELOAD "LD_PRELOAD="
#define NAME_MAX_BYTES 4096

extern char **__environ __attribute__((weak));
/* What RECORDER_BEGINS has put there, by the linker. */
extern recorder_begins *const __start_kache_on[]
	__attribute__((visibility("hidden")));
extern recorder_begins *const __stop_kache_on[]
	__attribute__((visibility("hidden")));

enum { FRESH, BEGINNING, ON, OFF };

static int state;
static int descriptor = -1;
static uint64_t file_dev, file_ino;
static struct obs_page *page;
static char *area; /* OBS_AREA bytes, or NULL */
static char variable[sizeof(VARIABLE) + NAME_MAX_BYTES];
static char library[NAME_MAX_BYTES];

static const char *
file_name(void)
{
	return variable + sizeof(VARIABLE) - 1;
}

int
recorder_is_strict(void)
{
	return page && page->flags & OBS_STRICT;
}

void
recorder_lost(void)
{
	if (page)
		__atomic_fetch_add(&page->lost, 1, __ATOMIC_RELAXED);
}

char *
recorder_variable(void)
{
	return variable;
}

const char *
recorder_library(void)
{
	return library;
}

/* Programs close low descriptors, and shells number theirs upwards. */
static int
move_high(int fd)
{
	static const int places[] = { 500, 200, 60, 20 };
	size_t i;
	long high;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		high = rawsys4(SYS_fcntl, fd, F_DUPFD_CLOEXEC, places[i], 0);
		if (high < 0)
			continue;
		rawsys2(SYS_close, fd, 0);
		return (int)high;
	}
	return fd;
}

static int
is_our_file(long fd)
{
	struct stat st;

	return rawsys2(SYS_fstat, fd, (long)&st) == 0 &&
	       st.st_dev == file_dev && st.st_ino == file_ino;
}

static long
open_file(void)
{
	return rawsys4(SYS_openat, AT_FDCWD, (long)file_name(),
		       O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		       0);
}

/*
 * The descriptor, checked: a program may have closed all of them, and got the
 * same number again for a file of its own.
 */
static int
checked_descriptor(void)
{
	int old = __atomic_load_n(&descriptor, __ATOMIC_ACQUIRE);
	long fd;

	if (old >= 0 && is_our_file(old))
		return old;
	fd = open_file();
	if (fd < 0)
		return -1;
	if (!is_our_file(fd)) {
		rawsys2(SYS_close, fd, 0);
		return -1;
	}
	fd = move_high((int)fd);
	if (!__atomic_compare_exchange_n(&descriptor, &old, (int)fd, 0,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		rawsys2(SYS_close, fd, 0);
		fd = old;
	}
	return (int)fd;
}

/* All but the first bytes, then those: they are the record's size. */
static void
copy_record(char *to, const struct iovec *pieces, int n, uint32_t size)
{
	char *at = to + sizeof(size);
	int i;

	at = rawsys_put(at, (char *)pieces[0].iov_base + sizeof(size),
			pieces[0].iov_len - sizeof(size));
	for (i = 1; i < n; i++)
		at = rawsys_put(at, pieces[i].iov_base, pieces[i].iov_len);
	__atomic_store_n((uint32_t *)(void *)to, size, __ATOMIC_RELEASE);
}

/* 1 if the record found room in the area. */
static int
put_in_area(const struct iovec *pieces, int n, size_t size)
{
	struct obs_head gap = { .type = OBS_GAP };
	struct iovec piece = { &gap, sizeof(gap) };
	uint32_t at;

	if (!area || __atomic_load_n(&page->used, __ATOMIC_RELAXED) >= OBS_AREA)
		return 0;
	at = __atomic_fetch_add(&page->used, (uint32_t)size, __ATOMIC_RELAXED);
	if (at < OBS_AREA && size <= OBS_AREA - at) {
		copy_record(area + at, pieces, n, (uint32_t)size);
		return 1;
	}
	if (at < OBS_AREA && sizeof(gap) <= OBS_AREA - at)
		copy_record(area + at, &piece, 1, OBS_AREA - at);
	return 0;
}

void
recorder_append(const struct iovec *pieces, int n, size_t size)
{
	int fd;

	if (put_in_area(pieces, n, size))
		return;
	fd = checked_descriptor();
	if (fd < 0 || rawsys4(SYS_writev, fd, (long)pieces, n, 0) != (long)size)
		recorder_lost();
}

static int
is_separator(char c)
{
	return c == ':' || c == ' ';
}

int
recorder_is_library(const char *s, size_t n)
{
	size_t base = sizeof(LIBRARY) - 1;

	if (n < base || !rawsys_equal(s + n - base, LIBRARY, base))
		return 0;
	return n == base || s[n - base - 1] == '/';
}

/*
 * Takes our element out of the value, in place, and keeps it.  1 if nothing
 * is left.
 */
static int
leave_preload(char *value)
{
	char *s = value, *to, *from;
	size_t n;

	while (*s != '\0') {
		for (n = 0; s[n] != '\0' && !is_separator(s[n]); n++)
			;
		if (n < sizeof(library) && recorder_is_library(s, n)) {
			*rawsys_put(library, s, n) = '\0';
			from = s + n + (s[n] != '\0');
			for (to = s; *from != '\0'; from++)
				*to++ = *from;
			*to = '\0';
			if (to > value && to == s && is_separator(to[-1]))
				to[-1] = '\0';
			break;
		}
		s += n + (s[n] != '\0');
	}
	return *value == '\0';
}

/* 1 if the entry shall vanish from the environment. */
static int
take_entry(char *entry, int *found)
{
	size_t n;

	if (rawsys_starts(entry, VARIABLE)) {
		n = rawsys_strlen(entry);
		if (n >= sizeof(variable))
			return 1;
		*rawsys_put(variable, entry, n) = '\0';
		*found = 1;
		return 1;
	}
	if (!rawsys_starts(entry, PRELOAD))
		return 0;
	return leave_preload(entry + sizeof(PRELOAD) - 1) && library[0] != '\0';
}

static int
leave_environment(void)
{
	char **from, **to;
	int found = 0;

	for (from = to = __environ; *from; from++)
		if (!take_entry(*from, &found))
			*to++ = *from;
	*to = NULL;
	return found;
}

static void *
map(long fd, size_t size)
{
	long at = rawsys6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

static int
map_page(long fd)
{
	size_t size = OBS_PAGE;
	struct obs_page *p;
	struct stat st;

	if (rawsys2(SYS_fstat, fd, (long)&st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < OBS_PAGE)
		return 0;
	if (st.st_size >= OBS_PAGE + (off_t)OBS_AREA)
		size += OBS_AREA;
	p = map(fd, size);
	if (!p)
		return 0;
	if (!rawsys_equal(p->magic, OBS_MAGIC, sizeof(p->magic))) {
		rawsys2(SYS_munmap, (long)p, (long)size);
		return 0;
	}
	page = p;
	if (size > OBS_PAGE && p->area == OBS_AREA)
		area = (char *)p + OBS_PAGE;
	file_dev = st.st_dev;
	file_ino = st.st_ino;
	__atomic_fetch_add(&page->writers, 1, __ATOMIC_RELAXED);
	return 1;
}

static int
open_observation(void)
{
	long fd = open_file();

	if (fd < 0)
		return 0;
	if (!map_page(fd)) {
		rawsys2(SYS_close, fd, 0);
		return 0;
	}
	descriptor = move_high((int)fd);
	return 1;
}

/* Other libraries' constructors may come here before ours does. */
static int
begin(void)
{
	recorder_begins *const *on;
	int fresh = FRESH, next;

	if (!&__environ || !__environ)
		return 0;
	if (!__atomic_compare_exchange_n(&state, &fresh, BEGINNING, 0,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh == ON;
	next = leave_environment() && open_observation() ? ON : OFF;
	__atomic_store_n(&state, next, __ATOMIC_RELEASE);
	for (on = __start_kache_on; next == ON && on < __stop_kache_on; on++)
		(*on)();
	return next == ON;
}

int
recorder_on(void)
{
	int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);

	return now == FRESH ? begin() : now == ON;
}
