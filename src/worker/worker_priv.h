/* SPDX-License-Identifier: MIT */
/* What the files of worker/ share about a worker. Worker's thread, but for what is marked. */
#ifndef WSD_WORKER_WORKER_PRIV_H
#define WSD_WORKER_WORKER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "base/clock.h"
#include "loop/mailbox.h"
#include "loop/wheel.h"
#include "wire/wire.h"
#include "worker/conn.h"
#include "worker/worker.h"

#define WORKER_MAGIC 0x776f726bu

/* What a connection begins with, beside what travels. */
struct seating {
	char key[HANDSHAKE_KEY_LEN];
	uint8_t token[SESSION_TOKEN_BYTES];
	char subject[SUBJECT_MAX + 1];
	char subprotocol[SUBPROTOCOL_MAX + 1]; /* "": none */
};

/* Connections by the slot that main gave them, so that all can be walked, and one found, without links in each. */
struct slots {
	struct conn **conns;
	uint32_t n_used, n_room;
};

/* Walking through all connections, a few at a time. */
struct drain {
	uv_timer_t timer;
	void (*tell)(struct worker *w, struct conn *c);
	enum worker_bye bye; /* of drain_start() */
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
	enum worker_bye bye;
	uint32_t ms, retry_ms; /* ms: patience, or what goodbyes and offers are spread over */
};

#define WORKER_ORDERS 16 /* that the worker has not come to yet */

struct worker {
	uint32_t magic;
	uint32_t index;               /* [const after start] */
	const struct conf *conf;      /* [const after start] */
	const struct worker_ops *ops; /* [const after start] */
	const struct auth *auth;      /* [const after start] */
	struct metrics_shard *shard;
	struct gate *gate;  /* [const after start] */
	pthread_t thread;   /* main's */
	struct mailbox box; /* [lock: its own] */
	struct mail stop;   /* so that stopping needs no memory, nor do orders */
	struct order orders[WORKER_ORDERS];
	_Atomic uint64_t ticks; /* [atomic] */

	uv_loop_t loop;
	uv_timer_t clock;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	unsigned handles;     /* of ours, still to be closed */
	struct wire_hub *hub; /* its end is the thread's */
	bool stopping;

	struct slots slots;
	struct wheel wheel;
	struct drain drain;
	struct export export;

	uint64_t real_offset_ms; /* wall clock less monotonic clock, renewed at each tick */
	uint64_t ticked_ms;      /* the last tick */
	uint64_t awake_ms;       /* since when the loop has run without standing still */
	uint64_t stamp_ms;       /* what stamp says */
	char stamp[CLOCK_ISO8601_LEN];
	uint64_t random;
};

/* slots.c: WSD_OK or -ENOMEM. */
int slots_put(struct slots *slots, struct conn *c);
void slots_remove(struct slots *slots, struct conn *c);
struct conn *slots_find(const struct slots *slots, uint32_t slot, uint64_t serial);
void slots_deinit(struct slots *slots);

/* export.c */
void export_init(struct worker *w);
void export_start(struct worker *w, uint32_t patience_ms, bool sessions);
void export_ask(struct worker *w, uint32_t patience_ms);
void export_last(struct worker *w, uint32_t grace_ms);
void export_start_sessions(struct worker *w, uint32_t spread_ms);
void export_stop(struct worker *w);
void export_newcomer(struct worker *w, struct conn *c);
void export_look(struct worker *w, struct conn *c); /* it may stand on a boundary */
void export_release(struct worker *w, struct conn *c);
void export_keep(struct worker *w, struct conn *c);

/* import.c. Any thread: the mail that carries an arrival; freeing it leaves the fd alone. WSD_OK or -ENOMEM. */
struct import_mail {
	struct mail mail;
	struct conn *conn;
	int fd;
};
int import_mail_create(struct import_mail **out, const struct worker_arrival *arrival);
void import_mail_free(struct import_mail *mail);

/* worker.c */
uint64_t worker_now_ms(const struct worker *w);              /* monotonic, cached by the loop */
const char *worker_stamp(struct worker *w, uint64_t now_ns); /* the wall clock, ISO 8601; 0: the loop's time */
uint32_t worker_random(struct worker *w, uint32_t below);    /* not for secrets */

/* drain.c */
void drain_init(struct worker *w);
void drain_stop(struct worker *w);
void drain_start(struct worker *w, enum worker_bye bye, uint32_t spread_ms, uint32_t retry_ms);
/* Calls tell for each connection, spread evenly over spread_ms. */
void drain_walk(struct worker *w, void (*tell)(struct worker *w, struct conn *c), uint32_t spread_ms);

#endif
