/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "daemon/sessions.h"
#include "daemon/conn.h"
#include "daemon/services.h"
#include "daemon/lifecycle.h"
#include "daemon/session_record.h"
#include "daemon/listen.h"
#include "daemon/parts.h"
#include "daemon/prefetch.h"
#include "daemon/requests.h"
#include "daemon/sandbox.h"
#include "daemon/sweeper.h"
#include "daemon/upload_queue.h"
#include "remote/remote.h"
#include "work/flight.h"
#include "work/queue.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

enum { EVENTS = 256, STOP_MS = 30000, LEAVE_MS = 5000 };

static const char usage[] =
	"usage: kached [--on-demand]\n"
	"       kached --version | --help\n\n"
	"The daemon of kache: uploads, remote checks, prefetch and garbage\n"
	"collection in the background.  Runs in the foreground; `kache daemon\n"
	"start` starts it in the background.\n";

struct kached {
	struct services hub;
	struct listen listen;
	struct lifecycle life;
	int epoll;
	int signals;
	int64_t stop_by; /* told to stop: leave at the latest then */
	int64_t look_at; /* when to look whether our directory is there */
	bool lost;       /* it is not */
	bool deaf;       /* nobody is accepted */
	char **argv;
};

/* What epoll gives back for descriptors that are no client's. */
static int mark_listen, mark_mail, mark_signals;

static int
watch(struct kached *k, int fd, void *mark)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = mark };

	return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* Blocked before any thread starts, so that all come by the descriptor. */
static int
open_signals(struct kached *k)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? -errno : 0;
}

static void
raise_limits(void)
{
	struct rlimit r, none = { 0, 0 };

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	/* Credentials are in our memory. */
	setrlimit(RLIMIT_CORE, &none);
	mallopt(M_ARENA_MAX, 2);
}

static void
take_signals(struct kached *k)
{
	struct signalfd_siginfo s;

	while (read(k->signals, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo == SIGHUP) {
			lifecycle_reload(&k->life);
			continue;
		}
		/* The second one is meant. */
		if (k->stop_by)
			k->hub.quit = true;
		log_msg(LOG_INFO, "told to stop by signal %u", s.ssi_signo);
		k->hub.stopping = true;
		k->stop_by = file_monotonic() + STOP_MS * (SECOND / 1000);
		upload_queue_hurry(k->hub.uploads);
		sessions_end(k->hub.builds);
	}
}

static void
accept_all(struct kached *k)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(k->listen.fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			conn_accept(&k->hub, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			log_msg(LOG_ERROR, "accept: %s", strerror(errno));
			usleep(10000);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void
handle(struct kached *k, struct epoll_event *e)
{
	if (e->data.ptr == &mark_listen)
		accept_all(k);
	else if (e->data.ptr == &mark_signals)
		take_signals(k);
	else if (e->data.ptr != &mark_mail)
		conn_ready(e->data.ptr, e->events);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return b && b < a ? b : a;
}

/* A removed directory: whoever comes finds another daemon, or starts it. */
static void
look_at_place(struct kached *k, int64_t now)
{
	if (now < k->look_at)
		return;
	k->look_at = now + SECOND;
	k->lost = listen_lost(&k->listen, k->hub.cache_dir);
	k->hub.quit = k->hub.quit || k->lost;
}

/* What a stop waits for. */
static bool
has_work(struct services *h)
{
	return session_record_left(h) || (upload_queue_left(h->uploads) &&
					  !upload_queue_stuck(h->uploads));
}

/* All that depends on time.  Gives milliseconds until the next look. */
static int
tick(struct kached *k)
{
	int64_t now = file_monotonic(), at = now + SECOND;

	look_at_place(k, now);
	at = sooner(at, lifecycle_tick(&k->life, now));
	if (k->life.quiet_by && !k->deaf)
		k->deaf = epoll_ctl(k->epoll, EPOLL_CTL_DEL, k->listen.fd,
				    NULL) == 0;
	at = sooner(at, upload_queue_tick(k->hub.uploads, now));
	at = sooner(at, conn_tick(&k->hub, now));
	at = sooner(at, sessions_tick(k->hub.builds, now));
	at = sooner(at, prefetch_tick(k->hub.prefetches, now));
	at = sooner(at, sweeper_tick(k->hub.sweeper, now));
	if (k->stop_by && (now >= k->stop_by || !has_work(&k->hub)))
		k->hub.quit = true;
	if (at <= now)
		return 0;
	return (int)((at - now + 999999) / 1000000);
}

/* A client may be dropped by what happens to another one, but only by its
 * own event or a tick: no event of this round is stale. */
static void
loop(struct kached *k)
{
	struct epoll_event e[EVENTS];

	for (;;) {
		int ms = tick(k), n;

		/* Before anybody else is accepted. */
		if (k->hub.quit || k->life.exec_now)
			return;
		n = epoll_wait(k->epoll, e, EVENTS, ms);
		for (int i = 0; i < n; i++)
			handle(k, &e[i]);
		mailbox_open(&k->hub.mail);
	}
}

/* Everything that is under way ends: first what is wanted, then its jobs. */
static int
wind_down(struct kached *k)
{
	struct services *h = &k->hub;
	int r;

	sweeper_stop(h->sweeper);
	upload_queue_stop(h->uploads, true);
	prefetch_stop(h->prefetches);
	conn_close_all(h);
	flight_close(h->units);
	flight_close(h->packs);
	queue_close(h->queue, QUEUE_DEMAND);
	queue_close(h->queue, QUEUE_BACKGROUND);
	queue_drop(h->queue, QUEUE_BACKGROUND);
	r = queue_drain(h->queue, LEAVE_MS);
	r = r ? r : sweeper_join(h->sweeper, LEAVE_MS);
	mailbox_open(&h->mail);
	if (r == 0) {
		services_replace(h, NULL);
		mailbox_open(&h->mail);
	}
	return r;
}

static int
set_paths(struct kached *k, const struct config *c)
{
	struct services *h = &k->hub;
	const char *dir = c->v[CONFIG_STORE_DIR].text;
	ssize_t n;
	int r;

	if (!dir[0] || strlen(dir) >= sizeof(h->cache_dir))
		return ERR_MISS;
	memcpy(h->cache_dir, dir, strlen(dir) + 1);
	snprintf(h->log, sizeof(h->log), "%s/daemon.log", dir);
	r = config_socket(c, dir, h->socket, sizeof(h->socket));
	n = readlink("/proc/self/exe", h->program, sizeof(h->program) - 1);
	if (n > 0)
		h->program[n] = '\0';
	return r;
}

/* Signals are blocked and foreign descriptors closed before the remote, which
 * has threads of its own. */
static int
start(struct kached *k, int on_demand)
{
	struct services *h = &k->hub;
	struct services_setup *s;
	int r;

	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = k->epoll < 0 ? -errno : 0;
	r = r ? r : open_signals(k);
	r = r ? r : services_load(h, &s);
	r = r ? r : parts_open(h, &s->config);
	if (r < 0)
		return r;
	services_replace(h, s);
	r = services_store(h) ? 0 : -EACCES;
	r = r ? r : conn_open(h, k->epoll, &requests_ops);
	r = r ? r : watch(k, k->listen.fd, &mark_listen);
	r = r ? r : watch(k, h->mail.fd, &mark_mail);
	r = r ? r : watch(k, k->signals, &mark_signals);
	if (r == 0)
		lifecycle_init(&k->life, h, on_demand);
	return r;
}

static void
complain(const struct kached *k, int r)
{
	const char *what =
		k->hub.cache_dir[0] ? k->hub.cache_dir : "no cache directory";

	log_msg(LOG_ERROR, "cannot start: %s: %s", what, err_text(r));
	fprintf(stderr, "kached: %s: %s\n", what, err_text(r));
}

/* Does not come back if the new program could be started. */
static void
become_new(struct kached *k)
{
	int r = listen_exec(&k->listen, k->hub.program, k->argv);

	log_msg(LOG_ERROR, "%s: %s", k->hub.program, err_text(r));
}

/* Before any thread starts; one that cannot have it works without. */
static void
enter_sandbox(const struct config *c)
{
	int r = c->v[CONFIG_DAEMON_SANDBOX].num ? sandbox_enter() : 0;

	if (r < 0)
		log_msg(LOG_WARN, "no sandbox: %s", err_text(r));
}

static int
serve(struct kached *k, int on_demand)
{
	int r = listen_open(&k->listen, k->hub.cache_dir, k->hub.socket);

	if (r == ERR_BUSY) {
		log_msg(LOG_INFO, "another daemon runs");
		return 0;
	}
	r = r ? r : start(k, on_demand);
	if (r < 0) {
		complain(k, r);
		return 1;
	}
	log_msg(LOG_INFO, "kached %s serves %s", KACHE_VERSION, k->hub.socket);
	loop(k);
	if (wind_down(k) < 0)
		log_msg(LOG_WARN, "left with work that does not end");
	else if (k->life.exec_now)
		become_new(k);
	/* The socket there may be a successor's. */
	listen_close(&k->listen, k->lost ? NULL : k->hub.socket);
	if (!k->lost)
		log_msg(LOG_INFO, "stopped");
	/* What does not end would be waited for by an orderly end. */
	if (k->hub.setup)
		_exit(0);
	parts_close(&k->hub);
	return 0;
}

static int
option(const char *arg)
{
	if (!strcmp(arg, "--version")) {
		puts("kached " KACHE_VERSION);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	fputs(usage, strcmp(arg, "--help") ? stderr : stdout);
	return strcmp(arg, "--help") ? 2 : 0;
}

/* Makes the store, and refuses a directory that is not ours before anything
 * is written into it. */
static int
prepare_dir(const char *path)
{
	struct store s;
	int r = store_open(&s, path);

	if (r == 0)
		store_close(&s);
	return r;
}

static enum log_level
log_level(const struct config *c)
{
	enum log_level level = (enum log_level)c->v[CONFIG_SHIM_LOG].num;

	return level > LOG_INFO ? level : LOG_INFO;
}

int
main(int argc, char **argv)
{
	static struct kached k;
	static struct config c;
	int on_demand = argc == 2 && !strcmp(argv[1], "--on-demand"), r;

	process_begin();
	if (argc > 2 || (argc == 2 && !on_demand))
		return option(argv[argc - 1]);
	k.argv = argv;
	raise_limits();
	services_config(&c);
	r = set_paths(&k, &c);
	if (r == 0)
		r = prepare_dir(k.hub.cache_dir);
	if (r < 0) {
		complain(&k, r);
		return 1;
	}
	log_open(k.hub.log, log_level(&c));
	enter_sandbox(&c);
	return serve(&k, on_demand);
}
