/* SPDX-License-Identifier: MIT */
/*
 * A worker: one thread with a loop and the clients it was given, and who of them moves when; what each of them does is
 * client/'s. Everything here may be called from the main thread (it posts to the worker's mailbox) unless it says
 * otherwise; a connection never changes its worker.
 */
#ifndef WSD_WORKER_WORKER_H
#define WSD_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "channel/command.h"
#include "client/guest.h"
#include "loop/mailbox.h"
#include "loop/thread.h"
#include "proto/state.h"

struct auth;
struct broker;
struct channel_rules_now;
struct conf;
struct metrics_shard;
struct note;
struct worker;

/* What a worker is asked about one connection, and what it answers. The mail goes back through `answered`. */
struct worker_question {
	struct mail mail;
	uint64_t serial;
	uint32_t slot;
	/* On the worker's thread, after the fields below have been filled; owns the question. */
	void (*answered)(struct worker_question *q);
	bool found;
	bool known; /* count is that of a connection which has begun to close, or of one that was found */
	bool resumed;
	struct addr peer;
	uint64_t count;
	uint64_t opened_real_ms;
	uint64_t idle_ms;
	uint64_t queued_bytes;
};

/* What a backend wants of this worker's clients. The mail goes back through `answered`. */
struct worker_command {
	struct mail mail;
	const struct channel_command *what; /* lasts until it is answered */
	uint64_t serial;                    /* 0: all that it is for; else the one in this seat */
	uint32_t slot;
	/* On the worker's thread, after the result has been filled; owns the command. */
	void (*answered)(struct worker_command *command);
	struct channel_command_result result;
};

/* A connection that stands still and can go on in another process. Its socket is still the worker's: it may
 * be sent with SCM_RIGHTS, but not closed. The receiver owns the offer, and ends it with worker_release() or
 * worker_keep(). With fd -1 only its session can: the connection stays, its count has stopped, and
 * worker_keep() is how it ends. */
struct worker_offer {
	struct mail mail;
	int fd;
	uint64_t serial;
	uint32_t worker;
	uint32_t slot;
	enum client_bye bye; /* of worker_keep() */
	uint32_t retry_ms;
	struct conn_state state; /* but for the token; what is not owned by it is in room */
	char room[];
};

/* A connection from another process. */
struct worker_arrival {
	int fd;
	uint64_t serial;
	uint32_t slot;
	const struct conn_state *state; /* copied */
	struct note *note;              /* in which the next process finds it; NULL: there is no keeper */
	bool noted;                     /* by the process before, which has crashed */
	uint32_t word;                  /* of the arbiter, that tells whether a claim was won; else nothing */
};

/* Called on the worker's thread. */
struct worker_ops {
	void *arg;
	/* The receiver owns the departure and ends it with client_departure_free(). */
	void (*left)(void *arg, struct client_departure *departure);
	void (*offer)(void *arg, struct worker_offer *offer);
	void (*asked)(void *arg); /* worker_export_ask() is done with */
};

struct worker_setup {
	const struct conf *conf;
	const struct worker_ops *ops;
	const struct auth *auth; /* NULL: clients need no token */
	struct broker *broker;   /* NULL, and the rules too: there are no channels */
	struct channel_rules_now *rules;
	struct metrics_shard *shard; /* this worker's own */
	struct gate *gate;           /* reported to once when it serves, or could not start */
	uint32_t index;
};

/* Once in main, before the first worker: process-wide settings of libwebsockets. */
void worker_library_init(void);

/* Starts the thread. What setup points at must outlive the worker. WSD_OK, or -ENOMEM or what
 * pthread_create(3) said; then no report reaches the gate. */
int worker_start(struct worker **out, const struct worker_setup *setup);

/* Asks the thread to drop what is left and end; connections get no goodbye (drain first). */
void worker_stop(struct worker *worker);

/* Waits for the thread after worker_stop(), and frees it. Accepts NULL. */
void worker_join(struct worker **worker);

/* Hands a connection over. WSD_OK: the worker owns the fd and will report a departure for it, whatever becomes of it.
 * WSD_E_FULL, WSD_E_CLOSED or -ENOMEM: the fd is still the caller's and nothing will be reported. */
int worker_seat(struct worker *worker, const struct client_guest *guest);

/* Fills in the answer and calls q->answered on the worker's thread. WSD_OK or WSD_E_CLOSED (the caller owns q). */
int worker_ask(struct worker *worker, struct worker_question *q);

/* Ends the connection with a goodbye, then answers as worker_ask() does; found is false if there is no such
 * connection or it was ending already (then the fields are filled all the same). Messages that arrive later
 * are not counted. */
int worker_dismiss(struct worker *worker, struct worker_question *q, enum client_bye bye);

/* Does it, and calls command->answered on the worker's thread. If it is for all of a user's clients, it looks at
 * every client of the worker. WSD_OK or WSD_E_CLOSED (the caller owns the command). */
int worker_command(struct worker *worker, struct worker_command *command);

/* Orders, up to worker_export_stop(), need no memory: WSD_OK, WSD_E_CLOSED, or WSD_E_FULL if the worker has not looked
 * at a number of them yet. */

/* Says goodbye to all connections, spread evenly over spread_ms; the clients are advised to come back within
 * retry_ms, each at a moment of its own. A later call hastens the one before. */
int worker_drain(struct worker *worker, enum client_bye bye, uint32_t spread_ms, uint32_t retry_ms);

/* No more goodbyes; connections that were not told yet just go on. */
int worker_drain_stop(struct worker *worker);

/* Offers every connection, each as soon as it stands on a frame boundary. Those that do not within
 * patience_ms, or longer while too many are offered, are told CLIENT_BYE_RESTART and leave; or their sessions are
 * offered alone, if sessions is true. WSD_OK, WSD_E_CLOSED or WSD_E_FULL. */
int worker_export(struct worker *worker, uint32_t patience_ms, bool sessions);

/* Finds out who could be moved. All are served meanwhile, and nobody stands still; those that stand on no frame
 * boundary within patience_ms are told CLIENT_BYE_RESTART, and closed. Then calls ops->asked once, unless another order
 * came. */
int worker_export_ask(struct worker *worker, uint32_t patience_ms);

/* As worker_export(), when the process ends next and nobody is served any more: whoever cannot be offered within
 * grace_ms, or is leaving, is closed, and nothing of a client is waited for. */
int worker_export_last(struct worker *worker, uint32_t grace_ms);

/* Offers the session of every connection alone, spread evenly over spread_ms. As above. */
int worker_export_sessions(struct worker *worker, uint32_t spread_ms);

/* No more offers; connections that were not offered yet just go on. */
int worker_export_stop(struct worker *worker);

/* The rules of channels have changed. As above. */
int worker_reload(struct worker *worker);

/* The other process has the connection: it leaves here, unseen by its client, and its departure is reported.
 * The offer is freed. WSD_OK or WSD_E_CLOSED (the caller still owns the offer). */
int worker_release(struct worker *worker, struct worker_offer *offer);

/* The other process does not have the connection: it goes on here; if bye is not CLIENT_BYES, only to be told
 * that, with the advice to come back within retry_ms, at a moment of its own. As above. */
int worker_keep(struct worker *worker, struct worker_offer *offer, enum client_bye bye, uint32_t retry_ms);

/* Takes over a connection, if claim (may be NULL), called when nothing can fail any more, says that it is
 * ours. WSD_OK: the worker owns the fd, and will report a departure. WSD_E_CLOSED: it is not ours; or
 * -ENOMEM: the fd is still the caller's. */
int worker_import(struct worker *worker, const struct worker_arrival *arrival, bool (*claim)(void *arg),
		  void *claim_arg);

/* Any thread: how often the loop's clock has ticked; it stands still when the loop is stuck. */
uint64_t worker_ticks(const struct worker *worker);

#endif
