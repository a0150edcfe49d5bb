/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/obs.h"

#define NONE UINT32_MAX
#define MAX_STRINGS 2

/* What the decoder needs to know of a process beyond what callers do. */
struct life {
	uint32_t earlier;    /* entry of the same pid before, or NONE */
	const char *execing; /* name of an exec not yet known to fail */
	uint32_t reason;     /* why that program will not be seen, or 0 */
	uint32_t anonymous;  /* children started without a known pid */
	unsigned by_exec:1;  /* its start record follows an exec's */
	unsigned claimed:1;  /* some parent named its pid */
};

struct child {
	uint32_t parent; /* process index */
	uint32_t pid;
	const char *name; /* NULL: forked */
};

struct decoder {
	struct trace *t;
	struct life *lives;
	struct child *children;
	size_t nchildren;
	uint32_t *pids; /* hash of pid to latest process */
	uint32_t mask;
	size_t room;
};

static const struct {
	enum trace_kind kind;
	unsigned min_strings;
} kinds[OBS_TYPES] = {
	[OBS_START] = { TRACE_OTHER, 1 },
	[OBS_OBJECT] = { TRACE_OBJECT, 1 },
	[OBS_DLOPEN] = { TRACE_DLOPEN, 1 },
	[OBS_END] = { TRACE_OTHER, 0 },
	[OBS_FORK] = { TRACE_OTHER, 0 },
	[OBS_EXEC] = { TRACE_EXEC, 2 },
	[OBS_EXEC_FAIL] = { TRACE_EXEC_FAIL, 2 },
	[OBS_SPAWN] = { TRACE_EXEC, 2 },
	[OBS_UNSEEN] = { TRACE_OTHER, 1 },
	[OBS_READ] = { TRACE_READ, 1 },
	[OBS_WRITE] = { TRACE_WRITE, 1 },
	[OBS_LIST] = { TRACE_LIST, 1 },
	[OBS_ABSENT] = { TRACE_ABSENT, 1 },
	[OBS_PRESENT] = { TRACE_PRESENT, 1 },
	[OBS_GETENV] = { TRACE_GETENV, 1 },
	[OBS_RENAME] = { TRACE_RENAME, 2 },
	[OBS_LINK] = { TRACE_LINK, 2 },
	[OBS_SYMLINK] = { TRACE_SYMLINK, 2 },
	[OBS_UNLINK] = { TRACE_UNLINK, 1 },
	[OBS_MKDIR] = { TRACE_MKDIR, 1 },
	[OBS_SOCKET] = { TRACE_SOCKET, 0 },
	[OBS_CLOCK] = { TRACE_CLOCK, 0 },
	[OBS_GAP] = { TRACE_OTHER, 0 },
};

static const char *const reasons[OBS_REASONS] = {
	[OBS_UNREADABLE] = "unreadable",
	[OBS_FOREIGN_CLASS] = "foreign-class",
	[OBS_FOREIGN_LIBC] = "foreign-libc",
	[OBS_STATIC] = "static",
	[OBS_SETUID] = "setuid",
	[OBS_SANITIZER] = "sanitizer",
	[OBS_RAW_CALL] = "raw-call",
	[OBS_TREE_WALK] = "tree-walk",
	[OBS_NO_DIRECTORY] = "no-directory",
	[OBS_NO_PROGRAM] = "no-program",
};

static void
set_gap(struct trace *t, enum trace_gap gap, const char *reason,
	const char *name)
{
	if (t->gap != TRACE_WHOLE)
		return;
	t->gap = gap;
	t->gap_reason = reason;
	t->gap_name = name;
}

static void
set_unseen(struct trace *t, uint32_t reason, const char *name)
{
	const char *word = reason < OBS_REASONS ? reasons[reason] : NULL;

	set_gap(t, TRACE_UNSEEN, word ? word : "unknown", name);
}

/*
 * Reads the head of the record at `at`.  Its size, or 0 if the bytes there
 * cannot be a record.
 */
static size_t
head_at(const char *data, size_t size, size_t at, struct obs_head *h)
{
	size_t body;

	if (size - at < sizeof *h)
		return 0;
	memcpy(h, data + at, sizeof *h);
	if (h->size < sizeof *h || h->size > OBS_SIZE_MAX)
		return 0;
	if (h->size > size - at)
		return 0;
	if (h->type == 0 || h->type >= OBS_TYPES)
		return 0;
	body = h->size - sizeof *h;
	if (h->flags & OBS_HAS_STAT) {
		if (body < sizeof(struct obs_stat))
			return 0;
		body -= sizeof(struct obs_stat);
	}
	if (body > 0 && data[at + h->size - 1] != '\0')
		return 0;
	if (body == 0 && kinds[h->type].min_strings > 0)
		return 0;
	return h->size;
}

/* Where records stand: in the used part of the area, and in the tail. */
struct parts {
	const char *data[2];
	size_t size[2];
};

static size_t
count_records(const struct parts *p)
{
	struct obs_head h;
	size_t at, n = 0, step, i;

	for (i = 0; i < 2; i++)
		for (at = 0; at < p->size[i] && n < TRACE_EVENTS_MAX; n++) {
			step = head_at(p->data[i], p->size[i], at, &h);
			if (step == 0)
				break;
			at += step;
		}
	return n;
}

static uint32_t *
pid_slot(struct decoder *d, uint32_t pid)
{
	uint32_t i = pid * 2654435761u & d->mask;

	while (d->pids[i] != NONE && d->t->processes[d->pids[i]].pid != pid)
		i = (i + 1) & d->mask;
	return &d->pids[i];
}

/* There are never more processes than records plus forked children. */
static uint32_t
add_process(struct decoder *d, uint32_t pid)
{
	uint32_t *slot = pid_slot(d, pid);
	uint32_t i = (uint32_t)d->t->nprocesses++;

	d->t->processes[i] =
		(struct trace_process){ .pid = pid, .exe = "", .objects = "" };
	d->lives[i] = (struct life){ .earlier = *slot };
	*slot = i;
	return i;
}

static uint32_t
process_of(struct decoder *d, uint32_t pid)
{
	uint32_t i = *pid_slot(d, pid);

	return i == NONE ? add_process(d, pid) : i;
}

static void
on_start(struct decoder *d, const struct obs_head *h, const char *s,
	 const char *end)
{
	uint32_t old = *pid_slot(d, h->pid), i;
	int by_exec = old != NONE && d->lives[old].execing;
	struct trace_process *p;

	if (by_exec) {
		d->lives[old].execing = NULL;
		d->t->processes[old].ended = 1;
	}
	i = add_process(d, h->pid);
	d->lives[i].by_exec = (unsigned)by_exec;
	p = &d->t->processes[i];
	p->parent = h->aux;
	p->start_ns = h->value;
	p->started = 1;
	p->exe = s;
	p->objects = s + strlen(s) + 1;
	for (s = p->objects; s < end; s += strlen(s) + 1)
		p->nobjects++;
}

static void
add_child(struct decoder *d, const struct obs_head *h, uint32_t parent,
	  const char *name)
{
	if (h->aux == 0 && name) {
		d->lives[parent].anonymous++;
		return;
	}
	d->children[d->nchildren++] =
		(struct child){ .parent = parent, .pid = h->aux, .name = name };
}

/* The part of a record that concerns the tree of processes. */
static void
on_life(struct decoder *d, const struct obs_head *h, const char *s,
	const char *end)
{
	uint32_t p;

	if (h->type == OBS_START) {
		on_start(d, h, s, end);
		return;
	}
	p = process_of(d, h->pid);
	switch (h->type) {
	case OBS_END:
		d->t->processes[p].ended = 1;
		break;
	case OBS_EXEC:
		d->lives[p].execing = s;
		d->lives[p].reason = h->aux;
		break;
	case OBS_EXEC_FAIL:
		d->lives[p].execing = NULL;
		break;
	case OBS_FORK:
		add_child(d, h, p, NULL);
		break;
	case OBS_SPAWN:
		add_child(d, h, p, s);
		break;
	case OBS_UNSEEN:
		set_unseen(d->t, h->aux, s);
		break;
	}
}

static void
copy_stat(struct trace_stat *to, const char *from, uint64_t seen)
{
	struct obs_stat st;

	memcpy(&st, from, sizeof st);
	to->dev = st.dev;
	to->ino = st.ino;
	to->size = st.size;
	to->mtime_ns = st.mtime_ns;
	to->mode = st.mode;
	to->seen_ns = (int64_t)seen;
}

static int
known_how(const struct obs_head *h)
{
	return h->aux >= OBS_BY_STAT && h->aux <= OBS_BY_OPEN;
}

/* Decodes one record; -EBADMSG if its strings are not what its type needs. */
static int
on_record(struct decoder *d, const struct obs_head *h, const char *rec)
{
	const char *end = rec + h->size, *s = rec + sizeof *h;
	const char *other = "";
	struct trace_event *e;

	if (h->flags & OBS_HAS_STAT)
		s += sizeof(struct obs_stat);
	if (s < end && s + strlen(s) + 1 < end)
		other = s + strlen(s) + 1;
	else if (kinds[h->type].min_strings > 1)
		return -EBADMSG;
	if (h->type == OBS_PRESENT && !known_how(h))
		return -EBADMSG;
	on_life(d, h, s, end);
	if (kinds[h->type].kind == TRACE_OTHER)
		return 0;
	e = &d->t->events[d->t->nevents++];
	*e = (struct trace_event){
		.kind = kinds[h->type].kind,
		.process = process_of(d, h->pid),
		.number = h->aux,
		.creates = h->type == OBS_WRITE && (h->flags & OBS_CREATES),
		.set = h->type == OBS_GETENV && (h->flags & OBS_IS_SET),
		.name = s < end ? s : "",
		.other = other,
	};
	if (h->type == OBS_PRESENT)
		e->how = (enum trace_how)h->aux;
	if (h->flags & OBS_HAS_STAT)
		copy_stat(&e->st, rec + sizeof *h, h->value);
	d->t->reads_clock |= e->kind == TRACE_CLOCK;
	d->t->uses_network |= e->kind == TRACE_SOCKET && h->aux != AF_UNIX;
	return 0;
}

/* 1 if the part was decoded to its end. */
static int
walk_part(struct decoder *d, const char *data, size_t size)
{
	struct obs_head h;
	size_t at = 0, step;

	while (at < size && d->room > 0) {
		step = head_at(data, size, at, &h);
		if (step == 0 || on_record(d, &h, data + at) != 0)
			return 0;
		d->room--;
		at += step;
	}
	return at == size;
}

static void
walk_records(struct decoder *d, const struct parts *p)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (!walk_part(d, p->data[i], p->size[i]))
			set_gap(d->t, TRACE_BROKEN, "", "");
}

/* The start of pid that no exec explains, or NONE. */
static uint32_t
born_as(const struct decoder *d, uint32_t i)
{
	while (i != NONE) {
		if (d->t->processes[i].started && !d->lives[i].by_exec)
			return i;
		i = d->lives[i].earlier;
	}
	return NONE;
}

static void
check_child(struct decoder *d, const struct child *c)
{
	uint32_t i;

	if (!c->name) {
		i = process_of(d, c->pid);
		d->lives[i].claimed = 1;
		if (!d->t->processes[i].started) {
			d->t->processes[i].exe = d->t->processes[c->parent].exe;
			d->t->processes[i].parent =
				d->t->processes[c->parent].pid;
		}
		return;
	}
	i = born_as(d, *pid_slot(d, c->pid));
	if (i == NONE)
		set_gap(d->t, TRACE_NO_START, "no-start", c->name);
	else
		d->lives[i].claimed = 1;
}

/*
 * system and popen do not tell their child's pid: each must be explained by
 * a start record below this process that nothing else explains.
 */
static void
check_anonymous(struct decoder *d)
{
	struct trace *t = d->t;
	size_t i;
	uint32_t parent;

	for (i = 0; i < t->nprocesses; i++) {
		if (!t->processes[i].started || d->lives[i].by_exec ||
		    d->lives[i].claimed)
			continue;
		parent = *pid_slot(d, t->processes[i].parent);
		while (parent != NONE && d->lives[parent].anonymous == 0)
			parent = d->lives[parent].earlier;
		if (parent != NONE)
			d->lives[parent].anonymous--;
	}
	for (i = 0; i < t->nprocesses; i++)
		if (d->lives[i].anonymous > 0)
			set_gap(t, TRACE_NO_START, "no-start", "/bin/sh");
}

static void
check_lives(struct decoder *d)
{
	struct trace *t = d->t;
	size_t i, started = 0;

	for (i = 0; i < d->nchildren; i++)
		check_child(d, &d->children[i]);
	check_anonymous(d);
	for (i = 0; i < t->nprocesses; i++) {
		started += t->processes[i].started;
		if (d->lives[i].execing && d->lives[i].reason)
			set_unseen(t, d->lives[i].reason, d->lives[i].execing);
		else if (d->lives[i].execing)
			set_gap(t, TRACE_NO_START, "no-start",
				d->lives[i].execing);
	}
	if (started == 0)
		set_gap(t, TRACE_NO_RECORDS, "", "");
}

static void
close_decoder(struct decoder *d)
{
	free(d->lives);
	free(d->children);
	free(d->pids);
}

/* n: records in the file.  Each may bring a process and name a second. */
static int
open_decoder(struct decoder *d, struct trace *t, size_t n)
{
	size_t slots = 64;

	while (slots < 4 * n)
		slots *= 2;
	*d = (struct decoder){ .t = t, .mask = (uint32_t)slots - 1, .room = n };
	t->events = calloc(n + 1, sizeof *t->events);
	t->processes = calloc(2 * n + 1, sizeof *t->processes);
	d->lives = calloc(2 * n + 1, sizeof *d->lives);
	d->children = calloc(n + 1, sizeof *d->children);
	d->pids = malloc(slots * sizeof *d->pids);
	if (!t->events || !t->processes || !d->lives || !d->children ||
	    !d->pids)
		return -ENOMEM;
	memset(d->pids, 0xff, slots * sizeof *d->pids);
	return 0;
}

/*
 * The end of the area's records: a gap stands there only if a record did not
 * fit, and then less than a head's size may be left without one.
 */
static size_t
area_end(const char *area, size_t used)
{
	struct obs_head h;
	size_t at = 0, step;

	if (used < OBS_AREA)
		return used;
	for (; OBS_AREA - at >= sizeof h; at += step) {
		step = head_at(area, OBS_AREA, at, &h);
		if (step == 0)
			return OBS_AREA;
		if (h.type == OBS_GAP)
			break;
	}
	return at;
}

static int
parse(const struct obs_page *page, const struct parts *p, struct trace *t)
{
	struct trace got = { .gap_reason = "", .gap_name = "" };
	struct decoder d;

	if (open_decoder(&d, &got, count_records(p)) != 0) {
		close_decoder(&d);
		trace_free(&got);
		return -ENOMEM;
	}
	got.lost = page->lost;
	got.bytes = p->size[0] + p->size[1];
	if (memcmp(page->magic, OBS_MAGIC, sizeof page->magic) != 0)
		set_gap(&got, TRACE_BROKEN, "", "");
	if (got.lost > 0)
		set_gap(&got, TRACE_LOST, "", "");
	walk_records(&d, p);
	check_lives(&d);
	close_decoder(&d);
	*t = got;
	return 0;
}

/* The bytes of the area that may hold records. */
static size_t
area_used(const struct obs_page *page)
{
	if (page->area != OBS_AREA)
		return 0;
	return page->used < OBS_AREA ? page->used : OBS_AREA;
}

int
trace_parse(const void *data, size_t size, struct trace *t)
{
	const char *bytes = data;
	struct obs_page page = { .lost = 0 };
	struct parts p = { .data = { "", "" }, .size = { 0, 0 } };
	size_t head = OBS_PAGE;

	if (size >= OBS_PAGE)
		memcpy(&page, bytes, sizeof page);
	if (page.area == OBS_AREA && size - OBS_PAGE >= OBS_AREA) {
		head += OBS_AREA;
		p.data[0] = bytes + OBS_PAGE;
		p.size[0] = area_end(p.data[0], area_used(&page));
	}
	if (size > head) {
		p.data[1] = bytes + head;
		p.size[1] = size - head;
	}
	/* A byte too many makes the last record undecodable. */
	if (p.size[1] > TRACE_BYTES_MAX)
		p.size[1] = TRACE_BYTES_MAX + 1;
	return parse(&page, &p, t);
}

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Without room for the area its size is 0, and all records are appended. */
static int
fill_new(int fd)
{
	struct obs_page page = { .magic = OBS_MAGIC };
	char bytes[OBS_PAGE] = "";

	if (posix_fallocate(fd, 0, OBS_PAGE + OBS_AREA) == 0)
		page.area = OBS_AREA;
	else if (ftruncate(fd, 0) != 0)
		return -errno;
	memcpy(bytes, &page, sizeof page);
	return write_all(fd, bytes, sizeof bytes);
}

int
trace_create(const char *path)
{
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fill_new(fd);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		unlink(path);
	return rc;
}

/* Reads up to `size` bytes; the number read, or -errno. */
static ssize_t
read_all(int fd, char *p, size_t size)
{
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = read(fd, p + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Reads an open file whole, or one byte more than we would decode. */
static int
load(int fd, char **data, size_t *size)
{
	struct stat st;
	size_t want;
	ssize_t n;
	char *p;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	want = TRACE_BYTES_MAX + 1;
	if (st.st_size >= 0 && (size_t)st.st_size < want)
		want = (size_t)st.st_size;
	p = malloc(want + 1);
	if (!p)
		return -ENOMEM;
	n = read_all(fd, p, want);
	if (n < 0) {
		free(p);
		return (int)n;
	}
	*data = p;
	*size = (size_t)n;
	return 0;
}

int
trace_read(const char *path, struct trace *t)
{
	struct trace got;
	char *data = NULL;
	size_t size = 0;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = load(fd, &data, &size);
	close(fd);
	if (rc == 0)
		rc = trace_parse(data, size, &got);
	if (rc != 0) {
		free(data);
		return rc;
	}
	got.owned = data;
	*t = got;
	return 0;
}

void
trace_free(struct trace *t)
{
	free(t->events);
	free(t->processes);
	free(t->owned);
	*t = (struct trace){ .gap_reason = "", .gap_name = "" };
}

/*
 * State letter and start of a process, in ns since boot; -ENOENT if there is
 * none.  The command name before them may hold anything, even ") Z".
 */
static int
read_stat(uint32_t pid, char *state, uint64_t *start_ns)
{
	char path[32], text[1024], *p;
	unsigned long long ticks = 0;
	long hz = sysconf(_SC_CLK_TCK);
	ssize_t n;
	int fd, i;

	snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	n = read_all(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] == '\0' || hz <= 0)
		return -ENOENT;
	*state = p[2];
	for (i = 0; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	*start_ns = (uint64_t)ticks * (1000000000u / (uint64_t)hz);
	return 0;
}

/*
 * A reused pid belongs to a process that began after ours wrote its start
 * record.  Without one (a forked child) the pid alone must do.
 */
static int
lives(const struct trace_process *p)
{
	uint64_t start_ns = 0;
	char state = 0;

	if (p->pid == 0 || p->pid > INT32_MAX)
		return 0;
	if (kill((pid_t)p->pid, 0) != 0 && errno == ESRCH)
		return 0;
	if (read_stat(p->pid, &state, &start_ns) != 0)
		return 0;
	if (state == 'Z' || state == 'X')
		return 0;
	return !p->started || start_ns <= p->start_ns;
}

uint32_t
trace_alive(const struct trace *t)
{
	size_t i;

	for (i = 0; i < t->nprocesses; i++)
		if (!t->processes[i].ended && lives(&t->processes[i]))
			return t->processes[i].pid;
	return 0;
}

const char *
trace_gap_word(enum trace_gap gap)
{
	static const char *const words[TRACE_GAPS] = {
		[TRACE_WHOLE] = "whole",
		[TRACE_NO_RECORDS] = "no-records",
		[TRACE_LOST] = "lost",
		[TRACE_BROKEN] = "broken",
		[TRACE_NO_START] = "no-start",
		[TRACE_UNSEEN] = "unseen",
	};

	return gap < TRACE_GAPS ? words[gap] : "?";
}

const char *
trace_kind_word(enum trace_kind kind)
{
	static const char *const words[TRACE_KINDS] = {
		[TRACE_OTHER] = "other",         [TRACE_READ] = "read",
		[TRACE_WRITE] = "write",         [TRACE_LIST] = "list",
		[TRACE_ABSENT] = "absent",       [TRACE_PRESENT] = "present",
		[TRACE_GETENV] = "getenv",       [TRACE_EXEC] = "exec",
		[TRACE_EXEC_FAIL] = "exec-fail", [TRACE_OBJECT] = "object",
		[TRACE_DLOPEN] = "dlopen",       [TRACE_RENAME] = "rename",
		[TRACE_LINK] = "link",           [TRACE_SYMLINK] = "symlink",
		[TRACE_UNLINK] = "unlink",       [TRACE_MKDIR] = "mkdir",
		[TRACE_SOCKET] = "socket",       [TRACE_CLOCK] = "clock",
	};

	return kind < TRACE_KINDS ? words[kind] : "?";
}

/* A program's own objects: itself and what its start record lists. */
static int
each_of_process(const struct trace_process *p,
		int (*use)(void *ctx, const char *path), void *ctx)
{
	const char *s = p->objects;
	uint32_t i;
	int rc;

	if (!p->started)
		return 0;
	rc = use(ctx, p->exe);
	for (i = 0; rc == 0 && i < p->nobjects; i++) {
		rc = use(ctx, s);
		s += strlen(s) + 1;
	}
	return rc;
}

int
trace_each_object(const struct trace *t,
		  int (*use)(void *ctx, const char *path), void *ctx)
{
	const struct trace_event *e;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < t->nprocesses; i++)
		rc = each_of_process(&t->processes[i], use, ctx);
	for (i = 0; rc == 0 && i < t->nevents; i++) {
		e = &t->events[i];
		if (e->kind == TRACE_OBJECT ||
		    (e->kind == TRACE_DLOPEN && e->name[0] == '/'))
			rc = use(ctx, e->name);
	}
	return rc;
}

static char *
join(const char *a, const char *b, const char *sep, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(sep) + strlen(c) + 1;
	char *s = malloc(size);

	if (s)
		snprintf(s, size, "%s%s%s%s", a, b, sep, c);
	return s;
}

int
trace_environment(const char *file, const char *library, const char *preload,
		  char *out[2])
{
	char *observe, *load_first;

	if (strpbrk(library, " :\t\n"))
		return -EINVAL;
	if (!preload)
		preload = "";
	observe = join("KACHE_OBSERVE=", file, "", "");
	load_first = join("LD_PRELOAD=", library, *preload ? ":" : "", preload);
	if (!observe || !load_first) {
		free(observe);
		free(load_first);
		return -ENOMEM;
	}
	out[0] = observe;
	out[1] = load_first;
	return 0;
}
