/* SPDX-License-Identifier: MIT */
/*
 * The coordinator. It is a process of its own even with one load process, so that looking at the server and
 * drawing the progress line never delays a message.
 */
#include "loadtest/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/inherited.h"
#include "loadtest/engine.h"
#include "loadtest/progress.h"
#include "loadtest/shared.h"

#define SPARE_FILES   32
#define POLL_NS       (100 * CLOCK_NS_PER_MS)
#define SLOT_LEAST_NS (100 * CLOCK_NS_PER_MS)
#define PORTS_SAFE    20000 /* connections from one address to one port, of the kernel's 28,000 */

struct coordinator {
	struct options *o;
	const struct plan *plan;
	struct results *r;
	struct shared *shared;
	size_t shared_size;
	pid_t pids[OPTIONS_PROCESSES];
	unsigned running;
	bool failed;
	struct progress progress;
	struct procstat_sample first, latest, previous; /* of the server in the window; of the latest slot */
	uint64_t first_answered, latest_answered;
	sigset_t watched;
};

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "wsload: %s: %s\n", what, why);
	return WSD_E_LIBRARY;
}

/* With source addresses only those that can be reached from them. */
static int
resolve_all(struct options *o)
{
	int family = o->n_sources > 0 ? o->sources[0].ss_family : AF_UNSPEC;

	for (unsigned k = 1; k < o->n_sources; k++)
		if (o->sources[k].ss_family != family)
			return fail("--source", "the addresses are of both IP versions");
	for (unsigned i = 0; i < o->n_urls; i++) {
		const char *why;
		int rc = url_resolve(&o->urls[i], family, &why);

		if (rc == WSD_E_UNSUPPORTED)
			why = "the source addresses are of the other IP version";
		if (rc != WSD_OK)
			return fail(o->urls[i].host, why);
	}
	return WSD_OK;
}

static bool
is_loopback_v4(const struct sockaddr_storage *addr)
{
	return ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr) >> 24 == 127;
}

/* It has IPv4 addresses, and all of these are loopback ones. */
static bool
on_loopback_v4(const struct url *u)
{
	bool any = false;

	for (unsigned i = 0; i < u->n_addresses; i++) {
		if (u->addresses[i].addr.ss_family != AF_INET)
			continue;
		if (!is_loopback_v4(&u->addresses[i].addr))
			return false;
		any = true;
	}
	return any;
}

/* Towards an IPv4 loopback address, more local addresses are to be had for nothing when ports would run out.
 */
static void
add_sources(struct options *o)
{
	unsigned need = o->connections / o->n_urls / PORTS_SAFE + 1;

	if (o->n_sources > 0 || need == 1)
		return;
	for (unsigned i = 0; i < o->n_urls; i++)
		if (!on_loopback_v4(&o->urls[i]))
			return;
	for (unsigned i = 0; i < need && i < OPTIONS_SOURCES; i++) {
		struct sockaddr_in *in = (struct sockaddr_in *)&o->sources[o->n_sources++];

		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(0x7f000001u + i);
	}
}

static int
raise_file_limit(const struct options *o)
{
	struct rlimit limit;
	uint64_t need = plan_share(o->connections, 0, o->processes) + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return fail("open files", strerror(errno));
	if (limit.rlim_max < need) {
		fprintf(stderr,
			"wsload: %u connections in %u process(es) need %llu open files each, the limit is "
			"%llu; "
			"try --processes %llu\n",
			o->connections, o->processes, (unsigned long long)need, (unsigned long long)limit.rlim_max,
			(unsigned long long)(o->connections /
						     (limit.rlim_max > SPARE_FILES ? limit.rlim_max - SPARE_FILES : 1) +
					     1));
		return WSD_E_RANGE;
	}
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? WSD_OK : fail("open files", strerror(errno));
}

static int
map_shared(struct coordinator *co)
{
	uint64_t slot = plan_duration_ns(co->plan) / (STATS_SLOTS * 3 / 5);

	co->shared_size = sizeof(struct shared) + co->o->processes * sizeof(struct stats);
	co->shared = mmap(NULL, co->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (co->shared == MAP_FAILED) {
		co->shared = NULL;
		return fail("shared memory", strerror(errno));
	}
	if (slot < SLOT_LEAST_NS)
		slot = SLOT_LEAST_NS;
	slot = (slot + SLOT_LEAST_NS - 1) / SLOT_LEAST_NS * SLOT_LEAST_NS;
	co->shared->start_ns = clock_mono_ns() + 20 * CLOCK_NS_PER_MS;
	for (unsigned i = 0; i < co->o->processes; i++) {
		co->shared->stats[i].slot_ns = slot;
		co->shared->stats[i].start_ns = co->shared->start_ns;
	}
	return WSD_OK;
}

static void
child(struct coordinator *co, unsigned process, pid_t coordinator)
{
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != coordinator) /* it ended before that was said */
		_exit(1);
	rc = engine_run(co->o, co->plan, co->shared, process);
	if (rc != WSD_OK)
		fprintf(stderr, "wsload: could not start: %s\n",
			rc == WSD_E_LIBRARY ? "TLS could not be set up (--ca?)" : wsd_strerror(rc));
	_exit(rc == WSD_OK ? 0 : 1);
}

static int
start_children(struct coordinator *co)
{
	pid_t coordinator = getpid();

	fflush(NULL);
	for (unsigned i = 0; i < co->o->processes; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(co, i, coordinator);
		if (pid == -1) {
			atomic_store(&co->shared->stop, true);
			co->failed = true;
			return fail("fork", strerror(errno));
		}
		co->pids[co->running++] = pid;
	}
	return WSD_OK;
}

static uint64_t
answered_now(const struct coordinator *co)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < co->o->processes; i++)
		n += co->shared->stats[i].answered;
	return n;
}

/* The first and latest sample of the window come each with the number of answers at that time, so nothing
 * need be exact about when they are taken. */
static void
sample_server(struct coordinator *co)
{
	struct procstat_sample s;
	uint64_t into;
	struct server_point *point;
	bool inside =
		atomic_load(&co->shared->measuring) == co->o->processes && atomic_load(&co->shared->measured) == 0;

	if (!co->r->server_measured || procstat_read(&co->o->server, &s) != WSD_OK)
		return;
	if (inside) {
		if (co->first.at_ns == 0) {
			co->first = s;
			co->first_answered = answered_now(co);
		}
		co->latest = s;
		co->latest_answered = answered_now(co);
		if (s.rss_bytes > co->r->server.rss_loaded)
			co->r->server.rss_loaded = s.rss_bytes;
	}
	if (s.rss_bytes > co->r->server.rss_peak)
		co->r->server.rss_peak = s.rss_bytes;
	into = s.at_ns > co->shared->start_ns ? (s.at_ns - co->shared->start_ns) / co->shared->stats[0].slot_ns : 0;
	point = &co->r->server_points[into < STATS_SLOTS ? into : STATS_SLOTS - 1];
	point->rss_bytes = s.rss_bytes;
	if (co->previous.at_ns && s.at_ns > co->previous.at_ns)
		point->cpu_share = (double)(s.cpu_ns - co->previous.cpu_ns) / (double)(s.at_ns - co->previous.at_ns);
	co->previous = s;
}

static void
reap(struct coordinator *co)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < co->o->processes; i++) {
			if (co->pids[i] != pid)
				continue;
			co->pids[i] = 0;
			co->running--;
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
				co->failed = true;
				atomic_store(&co->shared->stop, true);
				if (WIFSIGNALED(status))
					fail("a load process ended", strsignal(WTERMSIG(status)));
			}
		}
	}
	if (pid == -1 && errno == ECHILD && co->running > 0) { /* nobody is left, and how they ended is not known */
		fail("the load processes", strerror(errno));
		co->failed = true;
		co->running = 0;
	}
}

static void
interrupt(struct coordinator *co)
{
	if (!co->r->interrupted) {
		co->r->interrupted = true;
		atomic_store(&co->shared->stop, true);
		return;
	}
	for (unsigned i = 0; i < co->o->processes; i++) /* asked twice */
		if (co->pids[i] > 0)
			kill(co->pids[i], SIGKILL);
}

static void
watch(struct coordinator *co)
{
	struct timespec pause = { 0, POLL_NS };
	uint64_t next = 0;

	while (co->running > 0) {
		int sig = sigtimedwait(&co->watched, NULL, &pause);

		if (sig > 0 && sig != SIGCHLD)
			interrupt(co);
		reap(co);
		if (clock_mono_ns() >= next) {
			next = clock_mono_ns() + POLL_NS;
			sample_server(co);
			progress_show(&co->progress, co->o, co->plan, co->shared);
		}
	}
	progress_end(&co->progress);
}

/* Points between two samples, and after the last one, show what was sampled before. */
static void
fill_points(struct results *r)
{
	for (unsigned i = 1; i < STATS_SLOTS; i++)
		if (r->server_points[i].rss_bytes == 0)
			r->server_points[i] = r->server_points[i - 1];
}

static void
server_results(struct coordinator *co)
{
	struct server_figures *s = &co->r->server;
	uint64_t peak = co->r->stats->open_peak, answers = co->latest_answered - co->first_answered;

	fill_points(co->r);
	if (co->latest.at_ns <= co->first.at_ns)
		return;
	s->cpu_share = (double)(co->latest.cpu_ns - co->first.cpu_ns) / (double)(co->latest.at_ns - co->first.at_ns);
	if (answers > 0)
		s->cpu_per_message_ns = (double)(co->latest.cpu_ns - co->first.cpu_ns) / (double)answers;
	if (peak > 0 && s->rss_loaded > s->rss_before)
		s->memory_per_connection = (double)(s->rss_loaded - s->rss_before) / (double)peak;
}

static void
own_results(struct coordinator *co)
{
	const struct stats *st = co->r->stats;
	const struct stats_window *w = &st->window;
	uint64_t before = atomic_load(&co->shared->own_rss_before), loaded = atomic_load(&co->shared->own_rss_loaded);
	uint64_t lag = hist_percentile(&st->lag, 99), latency = hist_percentile(&st->latency, 99);

	if (loaded > before && st->open_peak > 0)
		co->r->own_memory_per_connection = (double)(loaded - before) / (double)st->open_peak;
	if (w->end_ns > w->start_ns)
		co->r->own_cpu_share = (double)w->cpu_ns / (double)(w->end_ns - w->start_ns) / co->o->processes;
	co->r->client_limited = co->r->own_cpu_share > 0.9 || (lag > CLOCK_NS_PER_MS && lag > latency / 2);
}

static int
merge(struct coordinator *co)
{
	co->r->stats = calloc(1, sizeof(struct stats));
	if (!co->r->stats)
		return fail("results", strerror(ENOMEM));
	for (unsigned i = 0; i < co->o->processes; i++)
		stats_merge(co->r->stats, &co->shared->stats[i]);
	own_results(co);
	server_results(co);
	return WSD_OK;
}

static int
open_server(struct coordinator *co)
{
	struct procstat *server = &co->o->server;
	struct procstat_sample s;
	int rc;

	if (server->n == 0 && !server->unit)
		return WSD_OK;
	rc = procstat_open(server);
	if (rc == WSD_OK)
		rc = procstat_read(server, &s);
	if (rc != WSD_OK)
		return fail("the server to be watched",
			    rc == WSD_E_UNKNOWN ? "no such unit, or it is not running" : wsd_strerror(rc));
	co->r->server_measured = true;
	co->r->server.rss_before = s.rss_bytes;
	return WSD_OK;
}

/* In the load processes, too, which are told when to end by the memory that they share with this one. */
static void
block_signals(struct coordinator *co)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	inherited_respect(&set);
	co->watched = set;
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int
run(struct options *o, const struct plan *plan, struct results *r)
{
	struct coordinator co = { .o = o, .plan = plan, .r = r };
	int rc;

	r->o = o;
	r->plan = plan;
	r->started_real_ms = clock_real_ms();
	rc = resolve_all(o);
	if (rc == WSD_OK)
		rc = raise_file_limit(o);
	if (rc == WSD_OK)
		rc = open_server(&co);
	if (rc == WSD_OK)
		rc = map_shared(&co);
	if (rc != WSD_OK)
		goto out;
	add_sources(o);
	block_signals(&co);
	progress_init(&co.progress, o);
	rc = start_children(&co);
	watch(&co);
	if (rc == WSD_OK)
		rc = merge(&co);
	if (rc == WSD_OK && co.failed)
		rc = WSD_E_LIBRARY;
out:
	if (co.shared)
		munmap(co.shared, co.shared_size);
	return rc;
}

void
results_deinit(struct results *r)
{
	free(r->stats);
	r->stats = NULL;
}
