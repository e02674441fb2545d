/* SPDX-License-Identifier: MIT */
/* What the files of wire/ share; the only place that includes libwebsockets. Hub's thread. */
#ifndef WSD_WIRE_WIRE_PRIV_H
#define WSD_WIRE_WIRE_PRIV_H

#include <libwebsockets.h>
#include <uv.h>

#include "wire/outq.h"
#include "wire/wire.h"

#define WIRE_MAGIC     0x77697265u
#define WIRE_HUB_MAGIC 0x68756275u

/* What libwebsockets takes in with one recv(2), into one buffer for all connections of a context: a message of
 * MAX_MESSAGE_BYTES as it is by default, or many small ones. */
#define WIRE_READ_BYTES 131072

/* Of the block that it asks for under this name for each connection, what it really uses: context.c. */
#define WIRE_CONTROL_REASON "rx_ubuf"
#define WIRE_CONTROL_BYTES  (LWS_PRE + 125 + 1)

#define CORK_BYTES 16384 /* most that one wire gathers */

/* What a wire has to say in this turn of the loop. */
struct cork_piece {
	struct wire *wire; /* NULL: nothing, or gone */
	size_t len;        /* in cork.space */
	uint64_t since_ns; /* when the first of the messages answered here was read */
	uint32_t answers;  /* how many */
};

struct cork {
	struct cork_piece now;
	char space[CORK_BYTES];
};

/* Wires to be attended to at the end of the turn, each once, from first on. */
struct due {
	struct wire **wires;
	uint32_t first, n, room;
};

/* How a socket is taken up. */
struct adoption {
	const char *key;
	const char *subprotocol; /* "": none */
	const void *arg;         /* of `opened` */
	bool live;               /* the socket that counts comes later: live.c */
};

struct wire_hub {
	uint32_t magic;
	uv_loop_t *loop;
	struct metrics_shard *shard;
	const struct wire_events *events;
	void *owner;
	size_t queue_most;

	struct lws_context *context;
	struct lws_vhost *vhost;
	void *foreign_loops[1];

	struct wire *adopted;  /* by adopt(), until it is gone */
	struct wire *adopting; /* during lws_adopt_socket_vhost_readbuf(): whose socket it is */
	const struct adoption *adoption;
	struct wire *resting;   /* paused by what it has just said: libwebsockets keeps the rest of that read next */
	struct wire *writeable; /* whose callback runs: libwebsockets does not want to write to it just now */
	uint32_t n_wires;
	struct due due;
	uint64_t nonce; /* of the pings that seek a boundary */
	int dummy;      /* takes the place of a socket that went away; -1: none */
	struct cork cork;
	char gathered[OUTQ_GATHER]; /* out of a queue, to be written at once */
};

/* context.c */
bool context_has_spare(void); /* memory for what libwebsockets does not survive the lack of */

/* callback.c */
int callback_from_lws(struct lws *lws, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* adopt.c: takes over the fd and answers the handshake; the wire is open, or gone, when this returns. False: gone. */
bool adopt(struct wire_hub *hub, struct wire *wire, int fd, const struct adoption *how);
/* Adds what is ours to the answer that is written at *at, with room bytes left. */
void adopt_add_headers(struct wire_hub *hub, char **at, int room);
/* The loop watches its socket from now on, or it is killed. After adopt(), in the same turn. */
void adopt_watch(struct wire_hub *hub, struct wire *wire);

/* cork.c. now_ns: clock_mono_ns(), or 0 to have it read if need be. */
void cork_enter(struct wire_hub *hub, struct wire *wire, uint64_t now_ns); /* its input is being read */
void cork_flush(struct wire_hub *hub, uint64_t now_ns);                    /* the present wire's */
/* What the wire has to say leaves before libwebsockets says anything by itself. */
void cork_release(struct wire_hub *hub, struct wire *wire);
void cork_drop(struct wire_hub *hub, struct wire *wire); /* what it has to say is not said */

/* Whether it may be sent anything. */
bool cork_takes(const struct wire *wire);
/* To the end of what the wire has to say; false if that is not being gathered, or any more: there is no room. */
bool cork_add(struct wire_hub *hub, struct wire *wire, const char *data, size_t len);

/* send.c: hands whole frames to the socket, or to the queue if it does not take them. The wire may be leaving after
 * this. */
void send_bytes(struct wire_hub *hub, struct wire *wire, const char *data, size_t len);
void send_writeable(struct wire_hub *hub, struct wire *wire);
/* All that waits leaves before whatever libwebsockets says next: it holds what the socket does not take. */
void send_rest(struct wire_hub *hub, struct wire *wire);
void send_close(struct wire *wire, uint16_t code); /* a Close frame of our own; code as in frame_close() */
void send_free_queue(struct wire *wire);           /* which is counted no more */

/* receive.c */
void receive_data(struct wire_hub *hub, struct wire *wire, const char *data, size_t len);
void receive_pong(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len);
void receive_close(struct wire *wire, size_t len); /* counts it */
uint64_t receive_consumed(const struct wire *wire);
void receive_forget_mask(struct wire *wire); /* nothing can be told of it any more */
/* False: a frame has come that was not masked, and the owner was told. Whoever was seen to mask is only looked at again
 * if so wanted. */
bool receive_check_mask(struct wire_hub *hub, struct wire *wire, bool again);

/* pause.c: reads on or stops reading, as things are now; to be called when any of them has changed. */
void pause_mind(struct wire_hub *hub, struct wire *wire);

/* boundary.c */
void boundary_pong(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len);

/* close.c. close_by_peer(): -1: its Close frame has been answered, and libwebsockets is to end the connection. */
int close_by_peer(struct wire_hub *hub, struct wire *wire, const uint8_t *payload, size_t len);
/* libwebsockets has begun to close the connection, by itself or because we asked. */
void close_by_library(struct wire_hub *hub, struct wire *wire);
void close_now(struct wire_hub *hub, struct wire *wire); /* what wire_close() and wire_kill() put off */
void close_gone(struct wire_hub *hub, struct wire *wire);

/* note.c: the handshake is answered; len bytes are about to be written; something waits in the queue, or nothing any
 * more; it is being closed; libwebsockets has perhaps read or written something by itself, and is to be asked at the
 * end of the turn; it is. */
void note_start(struct wire *wire);
void note_write(struct wire_hub *hub, struct wire *wire, size_t len);
void note_queue(struct wire_hub *hub, struct wire *wire, bool waits);
void note_leave(struct wire *wire);
void note_look(struct wire_hub *hub, struct wire *wire);
void note_sync(struct wire_hub *hub, struct wire *wire);
void note_count_anew(struct wire *wire); /* read_bytes has been put right */

/* due.c: room for each wire, WSD_OK or -ENOMEM; to be looked at or closed at the end of the turn. */
int due_reserve(struct wire_hub *hub);
void due_look(struct wire_hub *hub, struct wire *wire);
void due_close(struct wire_hub *hub, struct wire *wire);
void due_forget(struct wire_hub *hub, struct wire *wire);
void due_run(struct wire_hub *hub);
void due_deinit(struct wire_hub *hub);

/* How often it is looked whether a wire's frames are masked, unless one is found to be masked before: half of that
 * upon its first frames, the rest when answers are about to leave, which is when all that was read has been counted. */
#define MASK_LOOKS 8

static inline bool
receive_knows_mask(const struct wire *wire)
{
	return wire->mask_looks >= MASK_LOOKS;
}

#endif
