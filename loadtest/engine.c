/* SPDX-License-Identifier: MIT */
/*
 * The loop of a load process. One thread and epoll directly: a load generator has to be cheaper than the
 * server, and a message costs it one recv and one send. More CPUs are used by more processes, which share
 * nothing but their results.
 */
#include "loadtest/engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "loadtest/client.h"
#include "loadtest/plan.h"
#include "loadtest/procstat.h"
#include "loadtest/request.h"
#include "loadtest/shared.h"

#define EVENTS         512
#define SWEEP_NS       (10 * CLOCK_NS_PER_MS)
#define SWEEP_PARTS    10 /* every client is looked at once in so many sweeps */
#define RETURN_NS      (2 * CLOCK_NS_PER_MS)
#define STARTS_A_TURN  64
#define SENDS_A_TURN   128      /* so that answers are not left lying while a backlog is sent */
#define GRID_FINE_NS   250000.0 /* see due_time() */
#define GRID_COARSE_NS 1000000.0
#define GRID_MESSAGES  32 /* due at one time, about */
#define WIND_UP_NS     (8 * CLOCK_NS_PER_S)

struct engine {
	struct env env;
	const struct options *o;
	const struct plan *plan;
	struct shared *shared;
	struct client *clients;
	uint32_t n_clients;
	uint32_t active; /* clients that are to be connected: the first so many */
	unsigned phase;  /* index into the plan; plan->n while winding up */
	uint64_t phase_start_ns;
	bool settled, done;
	uint64_t window_cpu_ns;
	double next_send_ns; /* when the next message is due; a fraction counts at high rates */
	uint32_t cursor;     /* whose turn it is */
	uint64_t next_sweep_ns, wind_up_by_ns;
	unsigned sweep_part;
	bool coarse; /* the kernel has no epoll_pwait2 */
};

static uint64_t
own_cpu_ns(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t
own_rss(void)
{
	struct procstat self = { .pids = { getpid() }, .n = 1 };
	struct procstat_sample sample = { 0, 0, 0 };

	procstat_read(&self, &sample);
	return sample.rss_bytes;
}

static const struct phase *
current_phase(const struct engine *e)
{
	return e->phase < e->plan->n ? &e->plan->phases[e->phase] : NULL;
}

/* The connection whose turn it is; one that cannot send is passed over. */
static bool
send_one(struct engine *e, uint64_t due_ns)
{
	for (int tries = 0; tries < 8 && e->env.n_ready > 0; tries++) {
		struct client *c = e->env.ready[e->cursor++ % e->env.n_ready];

		if (!c->leaving && client_send(&e->env, c, due_ns))
			return true;
	}
	return false;
}

/* Nanoseconds between two messages of this process. */
static double
send_period(const struct engine *e)
{
	if (e->o->rate > 0)
		return 1e9 * e->o->processes / e->o->rate;
	return (double)e->o->interval_ns / (e->env.n_ready ? e->env.n_ready : 1);
}

/*
 * When the next message is due. More than 1,000 a second are scheduled in groups, on a grid of 1 ms or finer:
 * to be woken up for each message alone costs several times what the server spends on it. The schedule itself
 * is on the grid, so that no delay is hidden by it.
 */
static double
due_time(const struct engine *e)
{
	double period = send_period(e), grid = GRID_COARSE_NS;

	if (period >= grid)
		return e->next_send_ns;
	while (grid > GRID_FINE_NS && grid > period * GRID_MESSAGES)
		grid /= 2;
	return ceil(e->next_send_ns / grid) * grid;
}

/* What was due until the end of the phase but could not be sent any more: we were too slow, and say so. */
static void
count_backlog(struct engine *e, uint64_t end_ns)
{
	while (e->env.sending && options_open_loop(e->o) && due_time(e) < (double)end_ns) {
		e->next_send_ns += send_period(e);
		e->env.st->missed++;
		e->env.slot->errors++;
	}
}

static void
send_due(struct engine *e, uint64_t now)
{
	const struct phase *p = current_phase(e);
	const struct options *o = e->o;
	double due;
	int sent = 0;

	if (!e->env.sending || !options_open_loop(o))
		return;
	if (o->rate == 0 && e->env.n_ready == 0) {
		e->next_send_ns = (double)now;
		return;
	}
	if (p && p->duration_ns > 0 && now >= e->phase_start_ns + p->duration_ns)
		now = e->phase_start_ns + p->duration_ns - 1;
	while ((due = due_time(e)) <= (double)now && sent++ < SENDS_A_TURN) {
		if (!send_one(e, (uint64_t)due)) {
			e->env.st->missed++;
			e->env.slot->errors++;
		}
		e->next_send_ns += send_period(e);
	}
}

static void
open_window(struct engine *e, uint64_t now)
{
	e->env.in_window = true;
	e->env.st->window.start_ns = now;
	e->window_cpu_ns = own_cpu_ns();
	atomic_fetch_add(&e->shared->own_rss_loaded, own_rss());
	atomic_fetch_add(&e->shared->measuring, 1);
}

static void
close_window(struct engine *e, uint64_t now)
{
	e->env.in_window = false;
	e->env.st->window.end_ns = now;
	e->env.st->window.cpu_ns = own_cpu_ns() - e->window_cpu_ns;
	atomic_fetch_add(&e->shared->measured, 1);
}

static void
top_up_all(struct engine *e)
{
	for (uint32_t i = 0; i < e->env.n_ready; i++)
		client_on_event(&e->env, e->env.ready[i], 0);
}

static void
wind_up(struct engine *e, uint64_t now)
{
	e->env.ending = true;
	e->wind_up_by_ns = now + WIND_UP_NS + e->o->answer_timeout_ns;
	for (uint32_t i = 0; i < e->n_clients; i++)
		client_leave(&e->env, &e->clients[i]);
	e->active = 0;
}

static void
enter_phase(struct engine *e, unsigned phase, uint64_t now)
{
	const struct phase *p;

	e->phase = phase;
	e->phase_start_ns = now;
	p = current_phase(e);
	if (!p || !p->send)
		count_backlog(e, now);
	if (e->env.in_window && (!p || !p->measure))
		close_window(e, now);
	if (p && p->measure && !e->env.in_window)
		open_window(e, now);
	if (p && p->send && !e->env.sending)
		e->next_send_ns = (double)now;
	e->env.sending = p && p->send;
	if (e->env.process == 0) {
		atomic_store(&e->shared->phase_start_ns, now);
		atomic_store(&e->shared->phase, p ? phase : SHARED_PHASE_END);
	}
	if (!p)
		wind_up(e, now);
	else if (e->env.sending)
		top_up_all(e);
}

/* All processes go on from here at one time, which the last to arrive sets. */
static bool
settle(struct engine *e, uint64_t now)
{
	uint64_t go;

	if (!e->settled) {
		if (e->active < e->n_clients || e->env.pending > 0)
			return false;
		e->settled = true;
		if (atomic_fetch_add(&e->shared->settled, 1) + 1 == e->o->processes)
			atomic_store(&e->shared->go_ns, now + 5 * CLOCK_NS_PER_MS);
	}
	go = atomic_load(&e->shared->go_ns);
	return go != 0 && now >= go;
}

static void
follow_plan(struct engine *e, uint64_t now)
{
	const struct phase *p = current_phase(e);

	if (p && atomic_load_explicit(&e->shared->stop, memory_order_relaxed)) {
		enter_phase(e, e->plan->n, now);
		return;
	}
	while ((p = current_phase(e)) != NULL && now - e->phase_start_ns >= p->duration_ns) {
		if (p->settle && !settle(e, now))
			return;
		enter_phase(e, e->phase + 1, p->settle ? now : e->phase_start_ns + p->duration_ns);
	}
	if (!p && !e->done)
		e->done = e->env.alive == 0 || now >= e->wind_up_by_ns;
}

static void
adjust_connections(struct engine *e, uint64_t now)
{
	const struct phase *p = current_phase(e);
	bool parallel = e->o->connect_parallel > 0;
	uint32_t target, started = 0, room = plan_share(e->o->connect_parallel, e->env.process, e->o->processes);

	if (!p)
		return;
	target = plan_share(phase_target(p, now - e->phase_start_ns), e->env.process, e->o->processes);
	while (e->active < target && started++ < STARTS_A_TURN && (!parallel || e->env.pending < room)) {
		uint32_t nth = e->active * e->o->processes + e->env.process + 1;
		uint64_t due = parallel ? now : e->phase_start_ns + phase_due_ns(p, nth);

		client_start(&e->env, &e->clients[e->active++], due < now ? due : now);
	}
	while (e->active > target && p->to < p->from)
		client_leave(&e->env, &e->clients[--e->active]);
}

static void
sweep(struct engine *e, uint64_t now)
{
	if (now < e->next_sweep_ns)
		return;
	e->next_sweep_ns = now + SWEEP_NS;
	for (uint32_t i = e->sweep_part; i < e->n_clients; i += SWEEP_PARTS)
		client_check(&e->env, &e->clients[i], now);
	e->sweep_part = (e->sweep_part + 1) % SWEEP_PARTS;
}

static void
take_back(struct engine *e, uint64_t now)
{
	list_foreach (node, &e->env.waiting) {
		struct client *c = LIST_ENTRY(node, struct client, waiting);

		if (now < c->deadline_ns)
			continue;
		list_unlink(&c->waiting);
		client_start(&e->env, c, c->deadline_ns);
	}
}

static void
take_min(uint64_t *at, uint64_t value)
{
	if (value < *at)
		*at = value;
}

/* When there is something to do without an event. */
static uint64_t
next_turn(const struct engine *e, uint64_t now)
{
	const struct phase *p = current_phase(e);
	uint64_t at = e->next_sweep_ns;

	if (!list_empty(&e->env.waiting))
		take_min(&at, now + RETURN_NS);
	if (e->env.sending && options_open_loop(e->o) && (e->o->rate > 0 || e->env.n_ready > 0))
		take_min(&at, (uint64_t)due_time(e) + 1);
	if (p && e->active < e->n_clients && p->to > p->from && e->o->connect_parallel == 0)
		take_min(&at, e->phase_start_ns + phase_due_ns(p, e->active * e->o->processes + e->env.process + 1));
	if (p && p->duration_ns > 0 && now < e->phase_start_ns + p->duration_ns)
		take_min(&at, e->phase_start_ns + p->duration_ns);
	return at;
}

static int
wait_events(struct engine *e, struct epoll_event *events, uint64_t now, uint64_t until)
{
	uint64_t ns = until > now ? until - now : 0;
	struct timespec ts = { (time_t)(ns / CLOCK_NS_PER_S), (long)(ns % CLOCK_NS_PER_S) };
	int n;

	if (!e->coarse) {
		n = epoll_pwait2(e->env.epoll_fd, events, EVENTS, &ts, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		e->coarse = true;
	}
	return epoll_wait(e->env.epoll_fd, events, EVENTS, (int)(ns / CLOCK_NS_PER_MS));
}

static void
turn(struct engine *e, struct epoll_event *events)
{
	uint64_t now = clock_mono_ns();
	int n = wait_events(e, events, now, next_turn(e, now));

	CHECK(n >= 0 || errno == EINTR);
	e->env.slot = stats_slot_at(e->env.st, clock_mono_ns());
	for (int i = 0; i < n; i++)
		client_on_event(&e->env, events[i].data.ptr, events[i].events);
	now = clock_mono_ns();
	send_due(e, now); /* before the phase may end */
	follow_plan(e, now);
	adjust_connections(e, now);
	take_back(e, now);
	sweep(e, now);
	e->env.slot->open = e->env.st->open;
}

static int
env_init(struct engine *e, unsigned process)
{
	struct env *env = &e->env;
	uint8_t nonce[16];
	bool tls = false;
	int rc;

	env->o = e->o;
	env->st = &e->shared->stats[process];
	env->process = process;
	env->in_flight = options_open_loop(e->o) ? 0 : e->o->in_flight;
	list_init(&env->waiting);
	fd_random(nonce, sizeof(nonce));
	fd_random(env->mask, sizeof(env->mask));
	srandom((unsigned)nonce[0] << 8 | nonce[1]);
	request_key(env->key, env->accept, e->o, nonce);
	rc = payload_init(&env->payload, e->o, env->mask);
	if (rc != WSD_OK)
		return rc;
	for (unsigned i = 0; i < e->o->n_urls; i++)
		tls = tls || e->o->urls[i].tls;
	if (tls) {
		env->tls = tls_create(e->o->ca_file, e->o->insecure);
		if (!env->tls)
			return WSD_E_LIBRARY;
	}
	env->tx_room = CLIENT_RX_ROOM + env->payload.len;
	env->rx = malloc(CLIENT_RX_ROOM);
	env->tx = malloc(env->tx_room);
	env->ready = calloc(e->n_clients, sizeof(struct client *));
	env->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return env->rx && env->tx && env->ready && env->epoll_fd != -1 ? WSD_OK : -ENOMEM;
}

static void
engine_deinit(struct engine *e)
{
	for (uint32_t i = 0; e->clients && i < e->n_clients; i++)
		client_deinit(&e->clients[i]);
	free(e->clients);
	free(e->env.rx);
	free(e->env.tx);
	free(e->env.ready);
	payload_deinit(&e->env.payload);
	tls_destroy(&e->env.tls);
	fd_close(&e->env.epoll_fd);
}

static void
sleep_until(uint64_t at_ns)
{
	struct timespec ts = { (time_t)(at_ns / CLOCK_NS_PER_S), (long)(at_ns % CLOCK_NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int
engine_run(const struct options *o, const struct plan *plan, struct shared *shared, unsigned process)
{
	struct engine e = { .o = o, .plan = plan, .shared = shared, .env.epoll_fd = -1 };
	struct epoll_event events[EVENTS];
	int rc;

	e.n_clients = plan_share(o->connections, process, o->processes);
	rc = env_init(&e, process);
	if (rc != WSD_OK)
		goto out;
	atomic_fetch_add(&shared->own_rss_before, own_rss());
	e.clients = calloc(e.n_clients, sizeof(*e.clients));
	if (!e.clients) {
		rc = -ENOMEM;
		goto out;
	}
	for (uint32_t i = 0; i < e.n_clients; i++) {
		e.clients[i].fd = -1;
		e.clients[i].index = i;
		e.clients[i].ready_at = UINT32_MAX;
		list_init(&e.clients[i].waiting);
		track_init(&e.clients[i].track);
	}
	prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul); /* messages are due to the microsecond */
	e.env.slot = stats_slot_at(e.env.st, shared->start_ns);
	sleep_until(shared->start_ns);
	enter_phase(&e, 0, shared->start_ns);
	while (!e.done)
		turn(&e, events);
	for (uint32_t i = 0; i < e.n_clients; i++) /* those that did not close in time */
		e.env.st->left_dirty += e.clients[i].state == CLIENT_CLOSING;
out:
	engine_deinit(&e);
	return rc;
}
