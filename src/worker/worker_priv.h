/* SPDX-License-Identifier: MIT */
/* What the files of worker/ share about a worker. Worker's thread, but for what is marked. */
#ifndef WSD_WORKER_WORKER_PRIV_H
#define WSD_WORKER_WORKER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "base/check.h"
#include "base/list.h"
#include "client/client.h"
#include "client/clients.h"
#include "loop/mailbox.h"
#include "wire/wire.h"
#include "worker/worker.h"

#define WORKER_MAGIC 0x776f726bu

/* Connections by the slot that main gave them, so that all can be walked, and one found, without links in each. */
struct slots {
	struct client **clients;
	uint32_t n_used, n_room;
};

/* Walking through all connections, a few at a time. */
struct drain {
	uv_timer_t timer;
	void (*tell)(struct worker *w, struct client *c);
	enum client_bye bye; /* of drain_start() */
	uint32_t next_slot;
	uint64_t from_ms, until_ms;
	uint32_t at_start; /* connections to be told */
	uint32_t told;
	uint32_t retry_ms; /* of drain_start() */
};

/* What is wanted of all connections. */
enum export_aim {
	EXPORT_NONE,
	EXPORT_ASK,      /* to know who could be moved; nobody stands still for that */
	EXPORT_MOVE,     /* to offer them */
	EXPORT_LAST,     /* the same, when this process ends next and nobody is served any more */
	EXPORT_SESSIONS, /* to offer their sessions alone */
};

/* Offering all connections, or their sessions alone, to another process. */
struct export
{
	enum export_aim aim;
	bool sessions;       /* those that cannot be moved are told nothing: their sessions are offered */
	uv_timer_t timer;    /* for those that cannot go */
	uint64_t patient_ms; /* of EXPORT_ASK: until when they may stay, */
	uint64_t cut_ms;     /* and until when who leaves may take its time */
	uint32_t next_slot;  /* all before it are decided on */
	uint32_t offered;    /* and neither released nor kept yet */
	bool held_back;      /* some were ready, but too many are offered already */
};

/* What main wants of all connections of a worker. */
struct order {
	struct mail mail;
	_Atomic bool taken; /* [atomic] by main, until the worker has read it */
	bool sessions;
	enum client_bye bye;
	uint32_t ms, retry_ms; /* ms: patience, or what goodbyes and offers are spread over */
};

#define WORKER_ORDERS 16 /* that the worker has not come to yet */

struct worker {
	uint32_t magic;
	struct clients clients;
	const struct worker_ops *ops; /* [const after start] */
	struct gate *gate;            /* [const after start] */
	pthread_t thread;             /* main's */
	struct mailbox box;           /* [lock: its own] */
	struct mail stop;             /* so that stopping needs no memory, nor do orders */
	struct order orders[WORKER_ORDERS];
	_Atomic uint64_t ticks; /* [atomic] */

	uv_loop_t loop;
	uv_timer_t clock;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	bool stopping;

	struct slots slots;
	struct drain drain;
	struct export export;
};

static inline struct worker *
worker_of(struct clients *all)
{
	struct worker *w = LIST_ENTRY(all, struct worker, clients);

	CHECK_MAGIC(w, WORKER_MAGIC);
	return w;
}

/* slots.c: WSD_OK or -ENOMEM. */
int slots_put(struct slots *slots, struct client *c);
void slots_remove(struct slots *slots, struct client *c);
struct client *slots_find(const struct slots *slots, uint32_t slot, uint64_t serial);
void slots_deinit(struct slots *slots);

/* export.c */
void export_init(struct worker *w);
void export_start(struct worker *w, uint32_t patience_ms, bool sessions);
void export_ask(struct worker *w, uint32_t patience_ms);
void export_last(struct worker *w, uint32_t grace_ms);
void export_start_sessions(struct worker *w, uint32_t spread_ms);
void export_stop(struct worker *w);
void export_newcomer(struct worker *w, struct client *c);
void export_look(struct worker *w, struct client *c); /* it may stand on a boundary */
void export_release(struct worker *w, struct client *c);
void export_keep(struct worker *w, struct client *c);

/* worker.c */
extern const struct clients_ops worker_clients_ops;
/* Gives the new client its slot. False: it cannot be served; then it has been refused, and the fd closed. */
bool worker_take_up(struct worker *w, struct client *c, int fd);

/* drain.c */
void drain_init(struct worker *w);
void drain_stop(struct worker *w);
void drain_start(struct worker *w, enum client_bye bye, uint32_t spread_ms, uint32_t retry_ms);
/* Calls tell for each connection, spread evenly over spread_ms. */
void drain_walk(struct worker *w, void (*tell)(struct worker *w, struct client *c), uint32_t spread_ms);

#endif
