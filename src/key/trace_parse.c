/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "key/trace_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/strset.h"
#include "key/clock_readers.h"
#include "base/hashset.h"
#include "observe/obs.h"

#define NONE UINT32_MAX
#define MAX_STRINGS 2

/* What only the decoder needs to know of a process. */
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
	size_t room;         /* records */
	size_t events_room;  /* slots of t->events */
	struct hashset seen; /* events that were there before */
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
	[OBS_HOST] = { TRACE_HOST, 0 },
	[OBS_NATIVE] = { TRACE_NATIVE, 0 },
	[OBS_TOLD_TIMES] = { TRACE_TOLD_TIMES, 0 },
	[OBS_SETS] = { TRACE_SETS, 0 },
	[OBS_ASK] = { TRACE_ASK, 1 },
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

	if (size - at < sizeof(*h))
		return 0;
	memcpy(h, data + at, sizeof(*h));
	if (h->size < sizeof(*h) || h->size > OBS_SIZE_MAX)
		return 0;
	if (h->size > size - at)
		return 0;
	if (h->type == 0 || h->type >= OBS_TYPES)
		return 0;
	body = h->size - sizeof(*h);
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

/* How much there may be of what the decoder makes. */
struct counts {
	size_t records;
	size_t processes;
	size_t children;
};

static void
count_records(const struct trace_parts *p, struct counts *c)
{
	struct hashset pids = { 0 };
	struct obs_head h;
	size_t at, step, i;

	*c = (struct counts){ 0 };
	for (i = 0; i < 2; i++)
		for (at = 0; at < p->size[i] && c->records < TRACE_RECORDS_MAX;
		     c->records++) {
			step = head_at(p->data[i], p->size[i], at, &h);
			if (step == 0)
				break;
			at += step;
			c->processes += h.type == OBS_START;
			c->processes += h.type == OBS_FORK;
			c->processes +=
				hashset_add(&pids, (uint64_t)h.pid + 1) ? 1 : 0;
			c->children +=
				h.type == OBS_FORK || h.type == OBS_SPAWN;
		}
	hashset_free(&pids);
}

static uint32_t *
pid_slot(struct decoder *d, uint32_t pid)
{
	uint32_t i = pid * 2654435761u & d->mask;

	while (d->pids[i] != NONE && d->t->processes[d->pids[i]].pid != pid)
		i = (i + 1) & d->mask;
	return &d->pids[i];
}

/* Never more than were counted: one a START, a FORK and a pid. */
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
process_index(struct decoder *d, uint32_t pid)
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
	p->no_syscall = (h->flags & OBS_NO_SYSCALL) != 0;
	p->no_cpuid = (h->flags & OBS_NO_CPUID) != 0;
	p->dispatched = (h->flags & OBS_DISPATCHED) != 0;
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
	p = process_index(d, h->pid);
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

	memcpy(&st, from, sizeof(st));
	to->dev = st.dev;
	to->ino = st.ino;
	to->size = st.size;
	to->mtime_ns = st.mtime_ns;
	to->ctime_ns = st.ctime_ns;
	to->mode = st.mode;
	to->seen_ns = (int64_t)seen;
}

static int
known_how(const struct obs_head *h)
{
	return h->aux >= OBS_BY_STAT && h->aux <= OBS_BY_OPEN;
}

/* The kernel's copy of a process's variables: getenv records nothing of it. */
static int
is_environment(const struct trace_event *e)
{
	const char *base = strrchr(e->name, '/');

	return e->kind == TRACE_READ && strncmp(e->name, "/proc/", 6) == 0 &&
	       strcmp(base, "/environ") == 0;
}

/*
 * Whom libc asks for users and logs to, when one of its functions is called,
 * is none of what a program does.  Any other peer may tell anything.
 */
static int
is_networking(const struct obs_head *h, const char *name)
{
	static const char *const own[] = {
		"/run/systemd/userdb/", "/run/nscd/", "/var/run/nscd/",
		"/var/lib/sss/pipes/",  "/dev/log",   "/run/systemd/journal/",
	};
	size_t i;

	if (h->type != OBS_SOCKET)
		return 0;
	if (h->aux != AF_UNIX)
		return 1;
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strncmp(name, own[i], strlen(own[i])) == 0)
			return 0;
	return h->flags & OBS_CONNECTS;
}

/* A new event at the end, or NULL. */
static struct trace_event *
add_event(struct decoder *d)
{
	size_t more = d->events_room ? d->events_room * 2 : 1024;
	struct trace_event *events;

	if (d->t->nevents == d->events_room) {
		events = realloc(d->t->events, more * sizeof(*events));
		if (!events)
			return NULL;
		d->t->events = events;
		d->events_room = more;
	}
	return &d->t->events[d->t->nevents++];
}

/*
 * Every compiler of a large build looks for the same headers.  What a program
 * did once need not be said again of its next process; of what it read the
 * first opening has the strictest time.
 */
static int
is_repeated(struct decoder *d, const struct trace_event *e)
{
	const struct trace_process *p = &d->t->processes[e->process];
	uint64_t key[7] = { e->kind,
			    e->how,
			    e->number,
			    e->set | e->guest << 1 | e->write << 2 |
				    e->no_times << 3 | e->by_cwd << 4,
			    e->process == 0,
			    e->kind == TRACE_READ ? e->st.ino : 0,
			    e->kind == TRACE_READ
				    ? (uint64_t)e->st.mtime_ns ^ e->st.size
				    : 0 };
	uint64_t h;

	switch (e->kind) {
	case TRACE_READ:
	case TRACE_LIST:
	case TRACE_ABSENT:
	case TRACE_PRESENT:
	case TRACE_GETENV:
		break;
	default:
		return 0;
	}
	if (!p->started)
		return 0;
	h = hashset_hash(0, key, sizeof(key));
	h = hashset_hash(h, p->exe, strlen(p->exe));
	h = hashset_hash(h, e->name, strlen(e->name));
	h = hashset_hash(h, e->other, strlen(e->other));
	return !hashset_add(&d->seen, h);
}

/* Decodes one record; -EBADMSG if its strings are not what its type needs. */
static int
on_record(struct decoder *d, const struct obs_head *h, const char *rec)
{
	const char *end = rec + h->size, *s = rec + sizeof(*h);
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
	e = add_event(d);
	if (!e)
		return -ENOMEM;
	*e = (struct trace_event){
		.kind = kinds[h->type].kind,
		.process = process_index(d, h->pid),
		.number = h->aux,
		.creates = h->type == OBS_WRITE && (h->flags & OBS_CREATES),
		.set = h->type == OBS_GETENV && (h->flags & OBS_IS_SET),
		.name = s < end ? s : "",
		.other = other,
	};
	e->guest = (h->flags & OBS_BY_GUEST) != 0;
	e->by_cwd = (h->flags & OBS_BY_CWD) != 0;
	if (h->type == OBS_PRESENT) {
		e->how = (enum obs_how)h->aux;
		e->write = (h->flags & OBS_ASKS_WRITE) != 0;
		e->no_times = (h->flags & OBS_NO_TIMES) != 0;
	}
	if (h->flags & OBS_HAS_STAT)
		copy_stat(&e->st, rec + sizeof(*h), h->value);
	if (is_environment(e))
		set_gap(d->t, TRACE_UNSEEN, "environ", e->name);
	d->t->native |= e->kind == TRACE_NATIVE;
	d->t->told_times |= e->kind == TRACE_TOLD_TIMES;
	if (is_networking(h, e->name))
		d->t->uses_network = 1;
	d->t->nevents -= is_repeated(d, e) ? 1 : 0;
	return 0;
}

/* 0 if the part was decoded to its end, else -EBADMSG or -ENOMEM. */
static int
walk_part(struct decoder *d, const char *data, size_t size)
{
	struct obs_head h;
	size_t at = 0, step;
	int rc;

	while (at < size && d->room > 0) {
		step = head_at(data, size, at, &h);
		if (step == 0)
			return -EBADMSG;
		rc = on_record(d, &h, data + at);
		if (rc != 0)
			return rc;
		d->room--;
		at += step;
	}
	return at == size ? 0 : -EBADMSG;
}

static int
walk_records(struct decoder *d, const struct trace_parts *p)
{
	size_t i;
	int rc;

	for (i = 0; i < 2; i++) {
		rc = walk_part(d, p->data[i], p->size[i]);
		if (rc == -ENOMEM)
			return rc;
		if (rc != 0)
			set_gap(d->t, TRACE_BROKEN, "", "");
	}
	return 0;
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
		i = process_index(d, c->pid);
		d->lives[i].claimed = 1;
		if (!d->t->processes[i].started) {
			d->t->processes[i].exe = d->t->processes[c->parent].exe;
			d->t->processes[i].parent =
				d->t->processes[c->parent].pid;
			d->t->processes[i].no_syscall =
				d->t->processes[c->parent].no_syscall;
			d->t->processes[i].no_cpuid =
				d->t->processes[c->parent].no_cpuid;
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

/* Programs of a build are few, and run often. */
static void
mark_known(struct trace *t, bool (*knows)(void *ctx, const char *exe),
	   void *ctx)
{
	struct strset seen = { 0 };

	for (size_t i = 0; i < t->nprocesses; i++) {
		struct trace_process *p = &t->processes[i];
		const struct trace_process *as = strset_get(&seen, p->exe);

		if (as)
			p->known = as->known;
		else
			p->known = p->exe[0] && (!knows || knows(ctx, p->exe));
		/* Without memory for it: asked again. */
		if (!as)
			strset_add(&seen, p->exe, p);
	}
	strset_free(&seen);
}

void
trace_drop_habits(struct trace *t, bool (*knows)(void *ctx, const char *exe),
		  void *ctx)
{
	size_t kept = 0;

	mark_known(t, knows, ctx);
	for (size_t i = 0; i < t->nevents; i++) {
		const struct trace_event *e = &t->events[i];
		const struct trace_process *p = &t->processes[e->process];

		if ((e->kind == TRACE_CLOCK || e->kind == TRACE_HOST) &&
		    !e->guest && p->known && clock_readers_is(p->exe, e))
			continue;
		t->events[kept++] = *e;
	}
	t->nevents = kept;
}

static void
close_decoder(struct decoder *d)
{
	free(d->lives);
	free(d->children);
	free(d->pids);
	hashset_free(&d->seen);
}

static int
open_decoder(struct decoder *d, struct trace *t, const struct counts *c)
{
	size_t slots = 64;

	while (slots < 2 * c->processes)
		slots *= 2;
	*d = (struct decoder){ .t = t,
			       .mask = (uint32_t)slots - 1,
			       .room = c->records };
	t->processes = calloc(c->processes + 1, sizeof(*t->processes));
	d->lives = calloc(c->processes + 1, sizeof(*d->lives));
	d->children = calloc(c->children + 1, sizeof(*d->children));
	d->pids = malloc(slots * sizeof(*d->pids));
	if (!t->processes || !d->lives || !d->children || !d->pids)
		return -ENOMEM;
	memset(d->pids, 0xff, slots * sizeof(*d->pids));
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
	for (; OBS_AREA - at >= sizeof(h); at += step) {
		step = head_at(area, OBS_AREA, at, &h);
		if (step == 0)
			return OBS_AREA;
		if (h.type == OBS_GAP)
			break;
	}
	return at;
}

void
trace_free(struct trace *t)
{
	free(t->events);
	free(t->processes);
	free(t->owned);
	*t = (struct trace){ .gap_reason = "", .gap_name = "" };
}

int
trace_parse_parts(const struct trace_parts *p, struct trace *t)
{
	struct trace got = { .gap_reason = "", .gap_name = "" };
	struct counts counts;
	struct decoder d;

	count_records(p, &counts);
	if (open_decoder(&d, &got, &counts) != 0) {
		close_decoder(&d);
		trace_free(&got);
		return -ENOMEM;
	}
	got.lost = p->lost;
	got.bytes = p->size[0] + p->size[1];
	if (p->broken)
		set_gap(&got, TRACE_BROKEN, "", "");
	if (got.lost > 0)
		set_gap(&got, TRACE_LOST, "", "");
	if (walk_records(&d, p) != 0) {
		close_decoder(&d);
		trace_free(&got);
		return -ENOMEM;
	}
	check_lives(&d);
	close_decoder(&d);
	*t = got;
	return 0;
}

size_t
trace_parse_page(const void *bytes, struct trace_parts *p)
{
	struct obs_page page;

	memcpy(&page, bytes, sizeof(page));
	p->lost = page.lost;
	if (memcmp(page.magic, OBS_MAGIC, sizeof(page.magic)) != 0)
		p->broken = 1;
	if (page.area != OBS_AREA)
		return 0;
	p->size[0] = page.used < OBS_AREA ? page.used : OBS_AREA;
	return OBS_AREA;
}

void
trace_parse_cut(struct trace_parts *p)
{
	p->size[0] = area_end(p->data[0], p->size[0]);
	if (p->size[1] > TRACE_BYTES_MAX) {
		p->size[1] = TRACE_BYTES_MAX;
		p->broken = 1;
	}
}

int
trace_parse(const void *data, size_t size, struct trace *t)
{
	struct trace_parts p = { .data = { "", "" } };
	const char *bytes = data;
	size_t area = 0;

	p.broken = size < OBS_PAGE;
	if (!p.broken) {
		area = trace_parse_page(data, &p);
		p.broken |= size - OBS_PAGE < area;
	}
	if (p.broken) {
		p.size[0] = 0;
	} else {
		p.data[0] = bytes + OBS_PAGE;
		p.data[1] = bytes + OBS_PAGE + area;
		p.size[1] = size - OBS_PAGE - area;
	}
	trace_parse_cut(&p);
	return trace_parse_parts(&p, t);
}
