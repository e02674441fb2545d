/* SPDX-License-Identifier: MIT */
/* What the files of server/ share. Main thread, but for what is marked. */
#ifndef WSD_SERVER_SERVER_PRIV_H
#define WSD_SERVER_SERVER_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "admin/admin.h"
#include "conf/conf.h"
#include "front/front.h"
#include "loop/mailbox.h"
#include "loop/thread.h"
#include "metrics/metrics.h"
#include "sysd/sysd.h"
#include "worker/worker.h"

#define SERVER_MAGIC 0x73727672u

struct lot;
struct receiver;
struct sender;
struct watchdog;

/*
 *   STARTING ──► RUNNING ◄──► STANDBY        accept on/off (admin)
 *                   └────┬───────┘           a restart begins in these, and goes on to STOPPING: restart.c
 *                        ▼
 *                    DRAINING                drain (admin): back to RUNNING by accept on
 *                        │ signal
 *                        ▼
 *                    STOPPING ──► the process ends when all have left, at the latest after DRAIN_TIMEOUT
 */
enum server_state { STATE_STARTING, STATE_RUNNING, STATE_STANDBY, STATE_DRAINING, STATE_STOPPING };

/* The beginning of a restart: restart.c. */
struct restarting {
	bool asking;
	uint32_t rounds;
	uint64_t round_since_ms;
	int64_t unmovable_before; /* by earlier handoffs */
	_Atomic uint32_t n_asked; /* [atomic] workers that have not answered yet */
	struct mail mail;         /* of the last that does */
};

struct server {
	uint32_t magic;
	const struct conf *conf;
	const struct auth *auth; /* [const after start] NULL: clients need no token */
	uv_loop_t loop;
	struct mailbox box; /* [lock: its own] */
	bool box_closed;
	_Atomic int state;   /* [atomic] enum server_state; written by main */
	uint64_t started_ms; /* [const after start] */

	struct front_ops front_ops;   /* [const after start] */
	struct worker_ops worker_ops; /* [const after start] */
	struct admin_ops admin_ops;   /* [const after start] */
	struct front *front;
	struct admin *admin;
	struct worker **workers; /* [const after start] */
	uint32_t n_workers;      /* of them started */
	struct gate gate;
	struct metrics_shard *shard, *public_shard, *admin_shard;
	struct sysd_listeners listeners; /* until the front desk has them */
	uint32_t most_pending, most_fds;

	int signal_fd;
	uv_poll_t signals;
	uv_timer_t pulse;          /* each second: status, drain progress */
	struct watchdog *watchdog; /* NULL: none is wanted */
	uv_timer_t deadline;       /* of the drain */
	uint64_t drain_since_ms;
	uint32_t drain_left;                 /* connections at the last pulse */
	int64_t messages_seen;               /* at the last pulse */
	_Atomic int64_t messages_per_second; /* as of the last pulse; written by main */

	struct receiver *receiver; /* NULL: there is no handoff socket */
	struct sender *sender;     /* NULL: nothing is being handed over */
	bool sender_open;
	bool sender_sessions;         /* the other side takes sessions alone */
	uint32_t handoff_retry_ms;    /* within which those who are told come back */
	struct admin_handoff handoff; /* the last one, or the present one */
	uint64_t handoff_since_ms;
	enum server_state handoff_before; /* what to go back to if it fails */

	struct restarting restart;
	struct lot *lot; /* NULL: connections are not kept over a restart */
	bool parking;
	uv_timer_t park_flush;
	struct worker_offer **parked; /* put into the lot, but not flushed yet */
	uint32_t n_parked, total_parked;
};

static inline enum server_state
server_state(const struct server *s)
{
	return (enum server_state)atomic_load_explicit(&s->state, memory_order_acquire);
}

/* starting.c: logs why the server does not start, and has systemd show it as its status. */
void starting_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* limits.c: decides how many descriptors are needed and sets RLIMIT_NOFILE. WSD_OK, or WSD_E_RANGE or a negative errno,
 * and then it was told why. */
int limits_start(struct server *s);

/* listen.c: takes over or binds the listening sockets; then gives them to the front desk. Failures are logged. */
int listen_prepare(struct server *s);
int listen_start(struct server *s);
void listen_stop(struct server *s);

/* listen_handoff.c: makes the handoff socket, if there is a place for it. */
void listen_handoff(struct server *s);

/* signals.c */
void signals_block(void);
int signals_start(struct server *s);
void signals_stop(struct server *s);

/* lifecycle.c */
int lifecycle_start(struct server *s);
void lifecycle_stop(struct server *s);
int lifecycle_ready(struct server *s);
void lifecycle_signal(struct server *s, int signo);
void lifecycle_left(struct server *s);        /* a connection is gone */
void lifecycle_stand_still(struct server *s); /* a restart has come so far that nobody is served any more */
int lifecycle_drain(struct server *s);
int lifecycle_accept(struct server *s, bool on);
void lifecycle_set_state(struct server *s, enum server_state state);
uint32_t lifecycle_spread_ms(const struct server *s); /* over which all connections are to be told to go */
uint32_t lifecycle_retry_ms(const struct server *s);  /* within which they are then to come back */

/* parking.c */
int parking_open(struct server *s);
void parking_close(struct server *s);
uint32_t parking_count(const struct server *s); /* connections that wait in the lot */
int parking_take(struct server *s);
void parking_clear(struct server *s);
void parking_begin(struct server *s); /* there is a lot, and nobody is served any more */
void parking_offer(struct server *s, struct worker_offer *offer);
void parking_finish(struct server *s);

/* restart.c: from the signal until everybody stands still. */
void restart_begin(struct server *s);         /* there is a lot */
int64_t restart_told(const struct server *s); /* connections that could not be parked, so far */
void restart_asked(struct server *s);         /* each worker has answered */
void restart_hurry(struct server *s);
void restart_give_up(struct server *s); /* another end was asked for; harmless if no restart has begun */

/* moving.c: a new buffer, which the caller frees; NULL: out of memory, or the session has gone. */
char *offer_encode(struct front *front, struct worker_offer *offer, size_t *len);
/* The same of its session alone; ttl_ms: for which it may be resumed once it has closed. */
char *offer_encode_session(struct front *front, struct worker_offer *offer, uint64_t ttl_ms, size_t *len);
/* The resumable sessions that no other instance has been told of, as proto/state.h lists them; NULL if there
 * are none. */
char *sessions_gather(const struct front *front, size_t *len);

/* crashes.c: how the process before ended. A note of ours lies in the lot until an orderly end takes it out. */
int crashes_start(struct server *s);
void crashes_stuck(struct server *s); /* by the watchdog's thread, which is about to end the process */
void crashes_end(struct server *s);

/* watchdog.c: ends the process if a loop is stuck for WatchdogSec=; without that it does nothing. */
int watchdog_start(struct server *s);
void watchdog_stop(struct server *s);

/* handing.c: handing over to another instance, and taking over from one. */
int handing_listen(struct server *s);
void handing_close(struct server *s);
/* WSD_OK, WSD_E_BUSY, or why the other cannot be reached. close: nothing moves, the clients are told to come back
 * as soon as the other has their session. */
int handing_begin(struct server *s, const char *to, bool close);
void handing_offer(struct server *s, struct worker_offer *offer);
void handing_left(struct server *s); /* a connection is gone */

/* wiring.c: fills the three ops. */
void wiring_init(struct server *s);

#define QUERY_PATIENCE_MS 2000
#define QUERY_NAME_MAX    32 /* of an instance */

/* queries_connections.c: what the HTTP threads ask. Any thread. */
int query_page(void *arg, struct admin_page *page);
int query_find(void *arg, const char *id, struct admin_connection *out);
int query_disconnect(void *arg, const char *id);

/* queries.c: the same */
int query_drain(void *arg);
int query_accept(void *arg, bool on);
int query_handoff(void *arg, const char *to, bool close);
int query_handoff_status(void *arg, struct admin_handoff *out);
void query_health(void *arg, struct admin_health *out);

#endif
