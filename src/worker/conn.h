/* SPDX-License-Identifier: MIT */
/*
 * One connection, from the moment the front desk hands it over until its socket is closed. Its memory is
 * counted: ten thousand idle ones are the normal case, so what most connections do not need (queues, halves
 * of messages) is allocated when it is. Private to worker/; worker's thread, but for what worker.h says.
 */
#ifndef WSD_WORKER_CONN_H
#define WSD_WORKER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libwebsockets.h>

#include "base/addr.h"
#include "base/bucket.h"
#include "loop/wheel.h"
#include "worker/worker.h"

struct assembly;
struct outq;

#define CONN_MAGIC 0x636f6e6eu

/* How often it is looked whether a connection masks its frames, unless one is found to be masked before: half of that
 * upon its first frames, the rest when answers are about to leave, which is when all that was read has been counted. */
#define CONN_MASK_LOOKS 8

/* Of a connection whose bytes were not counted from the beginning: nothing follows from them. */
#define CONN_MASK_UNKNOWN 255

enum conn_phase {
	CONN_SEATED,  /* handed over, handshake not answered yet */
	CONN_OPEN,
	CONN_OFFERED, /* stands still, its state on the way to another process; taken there, or taken up again here */
	CONN_LEAVING, /* goodbye said; to be closed at the end of the loop turn, or when the queue has drained */
	CONN_CLOSING, /* libwebsockets does the closing handshake */
	CONN_GONE,    /* nothing may be sent any more; waiting for libwebsockets to let go */
};

struct conn {
	uint32_t magic;
	uint32_t slot; /* in worker->slots */
	struct lws *wsi;
	uint64_t serial;
	union {
		struct {
			struct wheel_timer timer; /* the next of: heartbeat, idle check, what its token asks for; end
						     of a closing handshake */
			uint64_t heartbeat_ms;	  /* when the next heartbeat is due */
			uint64_t last_rx_ms;	  /* last data or pong, or while it is paused, when it last took
						     something; monotonic */
		};
		struct worker_departure departure; /* once it has been destroyed for libwebsockets */
	};
	uint64_t count; /* messages accepted, over the whole session */
	uint64_t count_at_open;
	uint64_t opened_ms; /* monotonic */
	uint64_t rx_bytes;  /* of the stream: up to the end of the last frame that we know of; see export.c */
	struct outq *outq;	   /* NULL: nothing waits */
	struct assembly *assembly; /* NULL: no message is half received */
	struct bucket bucket;	   /* RATE_LIMIT_MESSAGE */
	struct addr peer;
	uint32_t expires_real_s; /* when its token ends, by the wall clock, which tokens tell it in; 0: it has none */
	uint16_t over_limit; /* messages refused for their rate, less those accepted since */
	uint16_t close_code; /* as sent or received; 0: none yet */
	uint8_t phase;	     /* enum conn_phase */
	uint8_t mask_looks;  /* see conn_rx.c; or CONN_MASK_UNKNOWN */
	bool resumed : 1;
	bool opened : 1;      /* it was established: counted, logged, to be uncounted */
	bool peer_closed : 1; /* its close frame has come */
	bool broke_rules : 1; /* libwebsockets closes it, though the peer is still there */
	bool by_queue : 1; /* answers go through the writeable callback, so that they stay behind a pong that
			      is owed */
	bool binary : 1;      /* the message being refused was binary */
	bool session_over : 1;
	bool close_wanted : 1; /* it is in worker->closing */
	bool moved : 1;	       /* it goes on in another process */
	bool imported : 1;     /* it came from another process */
	bool exporting : 1;    /* it is to be offered as soon as it stands on a frame boundary */
	bool session_only : 1; /* and that is its session alone: it needs no boundary, as it stays */
	bool pinged : 1;       /* for that, a ping was sent whose pong is awaited */
	bool unsure : 1;       /* rx_bytes was set when one was sent, and no pong has confirmed it */
	bool check_wanted : 1; /* it is in worker->export's list */
	bool inside_frame : 1; /* the last piece was not the end of its frame */
	bool off_boundary : 1; /* and it does not stand on one yet */
	bool paused : 1;       /* its input is not read, see conn_pause.c */
	bool warned : 1;       /* of the end of its token */
	char id[]; /* zero-terminated */
};

/* Any thread. Everything set but what needs the worker. NULL: out of memory. */
struct conn *conn_create(const struct worker_guest *guest);
void conn_free(struct conn *c);

/* By the wall clock; 0: never. What is too far away for the field is as good as never. */
void conn_set_expiry(struct conn *c, uint64_t real_ms);

struct adoption;

/* The handshake is done: counts, greets and starts the clocks. */
void conn_opened(struct worker *w, struct conn *c, const struct adoption *how);

/* A piece of a message, as libwebsockets delivers it (conn_rx.c). */
void conn_received(struct worker *w, struct conn *c, const char *data, size_t len);
void conn_assembly_free(struct conn *c);
/* False: a frame has come that was not masked, and it has failed for that. Whoever was seen to mask is only looked at
 * again if so wanted. */
bool conn_check_mask(struct worker *w, struct conn *c, bool again);

/* A pong came. */
void conn_pong(struct worker *w, struct conn *c, const void *payload, size_t len);

/* The peer's close frame. -1: it has been answered, and libwebsockets is to end the connection. */
int conn_peer_closed(struct worker *w, struct conn *c, const uint8_t *payload, size_t len);

/* libwebsockets has begun to close the connection, by itself or because we asked. */
void conn_dropping(struct worker *w, struct conn *c);

/* The socket is closed: counts, logs, and reports the departure. c belongs to the receiver of the departure then. */
void conn_destroyed(struct worker *w, struct conn *c);

/* The connection's deadline has come (conn_timer.c). */
void conn_due(struct worker *w, struct conn *c);
void conn_arm(struct worker *w, struct conn *c);   /* of a new one */
void conn_rearm(struct worker *w, struct conn *c); /* from its clocks as they are */

/* Ends the connection (conn_close.c). Says goodbye and closes when that is written; harmless if it is ending
 * already. */
void conn_bye(struct worker *w, struct conn *c, enum worker_bye bye, uint32_t retry_after_ms);
/* Fails it with a code, without a goodbye: 1002, 1007, 1009, 1011. what: for the log and the close frame; static. */
void conn_fail(struct worker *w, struct conn *c, uint16_t code, const char *what);
/* Drops it without a close frame. */
void conn_kill(struct worker *w, struct conn *c);
/* Drops one that is leaving without waiting for its client: what the socket has taken, a close frame too if there is
 * room for one, still gets there. */
void conn_cut(struct worker *w, struct conn *c);
/* What conn_bye() and conn_fail() put off to the end of the loop turn. */
void conn_close_now(struct worker *w, struct conn *c);

/* Reads on or stops reading, as things are now (conn_pause.c); to be called when any of them has changed. */
void conn_mind_input(struct worker *w, struct conn *c);

/* Hands whole frames to the socket, or to the queue if it does not take them (conn_tx.c); there are LWS_PRE
 * spare bytes before data. The connection may be leaving after this. */
void conn_send(struct worker *w, struct conn *c, char *data, size_t len);
void conn_writeable(struct worker *w, struct conn *c);
/* All that waits leaves before whatever libwebsockets says next: it holds what the socket does not take. */
void conn_send_rest(struct worker *w, struct conn *c);
/* A Close frame of our own. code as in frame_close(). */
void conn_send_close(struct conn *c, uint16_t code);
bool conn_has_queued(const struct conn *c);
size_t conn_queued_bytes(const struct conn *c);
void conn_outq_free(struct worker *w, struct conn *c);

#endif
