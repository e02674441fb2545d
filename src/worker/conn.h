/* SPDX-License-Identifier: MIT */
/*
 * One connection, from the moment the front desk hands it over until its socket is closed. Its memory is
 * counted: ten thousand idle ones are the normal case, so what most connections do not need (queues, halves
 * of messages) is allocated when it is. The state of its life is its wire's (wire_state()): a connection that is
 * OFFERED stands still there. Private to worker/; worker's thread, but for what worker.h says.
 */
#ifndef WSD_WORKER_CONN_H
#define WSD_WORKER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bucket.h"
#include "loop/wheel.h"
#include "wire/wire.h"
#include "worker/worker.h"

struct assembly;

struct conn {
	struct wire wire; /* and with it the state of its life */
	uint64_t serial;
	union {
		struct {
			struct wheel_timer timer; /* the next of: heartbeat, idle check, what its token asks for; end
						     of a closing handshake */
			uint64_t heartbeat_ms;    /* when the next heartbeat is due */
			uint64_t last_rx_ms;      /* last data or pong, or while it is stalled, when it last took
						     something; monotonic */
		};
		struct worker_departure departure; /* once its wire is gone */
	};
	uint64_t count; /* messages accepted, over the whole session */
	uint64_t count_at_open;
	uint64_t opened_ms;        /* monotonic */
	struct assembly *assembly; /* NULL: no message is half received */
	struct bucket bucket;      /* RATE_LIMIT_MESSAGE */
	struct addr peer;
	uint32_t slot;           /* in worker->slots */
	uint32_t expires_real_s; /* when its token ends, by the wall clock, which tokens tell it in; 0: it has none */
	uint16_t over_limit;     /* messages refused for their rate, less those accepted since */
	bool resumed : 1;
	bool opened : 1; /* it was established: counted, logged, to be uncounted */
	bool binary : 1; /* the message being refused was binary */
	bool session_over : 1;
	bool imported : 1;     /* it came from another process */
	bool session_only : 1; /* while a boundary is sought: its session is offered alone, and needs none */
	bool warned : 1;       /* of the end of its token */
	char id[];             /* zero-terminated */
};

static inline struct conn *
conn_of(struct wire *wire)
{
	return (struct conn *)((char *)wire - offsetof(struct conn, wire));
}

static inline bool
conn_is_open(const struct conn *c)
{
	return wire_state(&c->wire) == WIRE_OPEN;
}

static inline bool
conn_is_ending(const struct conn *c)
{
	return wire_state(&c->wire) == WIRE_LEAVING || wire_state(&c->wire) == WIRE_CLOSING;
}

/* Any thread. Everything set but what needs the worker. NULL: out of memory. */
struct conn *conn_create(const struct worker_guest *guest);
void conn_free(struct conn *c);

/* By the wall clock; 0: never. What is too far away for the field is as good as never. */
void conn_set_expiry(struct conn *c, uint64_t real_ms);

/* What wires tell: conn.c; owner is the worker. */
extern const struct wire_events conn_events;

/* A piece of a message, as the wire delivers it (conn_rx.c). */
void conn_received(void *worker, struct wire *wire, const struct wire_piece *piece);
void conn_assembly_free(struct conn *c);

/* The connection's deadline has come (conn_timer.c). */
void conn_due(struct worker *w, struct conn *c);
void conn_arm(struct worker *w, struct conn *c);   /* of a new one */
void conn_rearm(struct worker *w, struct conn *c); /* from its clocks as they are */

/* Ends the connection (conn_close.c). Says goodbye and closes when that is written; harmless if it is ending
 * already. */
void conn_bye(struct worker *w, struct conn *c, enum worker_bye bye, uint32_t retry_after_ms);
/* Fails it with a code, without a goodbye: 1002, 1007, 1009, 1011. what: for the log; static. */
void conn_fail(struct worker *w, struct conn *c, uint16_t code, const char *what);

/* Where a reply's payload is written, at most REPLY_MAX bytes, and then how many they are. NULL: the connection takes
 * nothing more. */
char *conn_text(struct worker *w, struct conn *c);
void conn_text_end(struct worker *w, size_t len);

/* Reports a connection that was never taken up. */
void conn_refused(struct worker *w, struct conn *c);

#endif
