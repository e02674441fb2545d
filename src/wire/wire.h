/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket on a socket: adopted, read, written, paused, moved and closed. Whoever uses it knows nothing of
 * libwebsockets; what that library does not tell (whether frames are masked, where they end, whether a pong is owed,
 * how much it has read and not delivered) is found out behind this header, and nowhere else.
 *
 * A hub is what the wires of one thread share: the library's context, the buffer that output is gathered in, the wires
 * to be attended to when a loop turn ends. All calls are made on that thread, but for those that say otherwise.
 *
 *	NEW ── wire_adopt() ──► OPEN ── wire_close() ──► LEAVING ── all is written ──► CLOSING ──► gone
 *	                        │  │                        │                          ▲
 *	                        │  └─ the peer or the library closes ──────────────────┤
 *	                        │                           └─ the peer closes ────────┘
 *	                        └─ wire_hold() ──► HELD ── wire_give_away() ──► GONE ── end of the turn ──► gone
 *	                                            └──── wire_resume() ──► OPEN
 *
 * wire_kill(), and a socket that cannot be written to, lead from any of them to GONE; wire_cut() from LEAVING.
 */
#ifndef WSD_WIRE_WIRE_H
#define WSD_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct lws;
struct metrics_shard;
struct note;
struct outq;
struct wire_frames;
struct wire_hub;

enum wire_state {
	WIRE_NEW, /* the handshake is not answered yet */
	WIRE_OPEN,
	WIRE_HELD,    /* it stands still: nothing is read, and nothing written */
	WIRE_LEAVING, /* to be closed at the end of the loop turn, or when the queue has drained */
	WIRE_CLOSING, /* the closing handshake is under way; nothing can be sent any more */
	WIRE_GONE,    /* nothing may be sent any more; waiting for libwebsockets to let go */
};

/* How it came to its end. */
enum wire_ender {
	WIRE_BY_US,      /* or by nobody: the network */
	WIRE_BY_PEER,    /* whose close frame came first */
	WIRE_BY_LIBRARY, /* for a broken frame */
	WIRE_GIVEN_AWAY, /* it goes on in another process */
};

/* Made a part of what uses it; its members are this folder's own. Its memory is that of each connection: it counts. */
struct wire {
	uint32_t magic;
	uint32_t state : 3;          /* enum wire_state */
	uint32_t ender : 2;          /* enum wire_ender */
	uint32_t close_code : 13;    /* as sent or received; 0: none yet */
	uint32_t mask_looks : 4;     /* receive.c */
	uint32_t by_queue : 1;       /* what is sent goes by the queue, so that it stays behind a pong that is owed */
	uint32_t paused : 1;         /* its input is not read: pause.c */
	uint32_t inside_frame : 1;   /* the last piece was not the end of its frame, */
	uint32_t inside_message : 1; /* or of its message */
	uint32_t seeking : 1;        /* a frame boundary is looked for: boundary.c */
	uint32_t off_boundary : 1;   /* and it does not stand on one yet */
	uint32_t pinged : 1;         /* for that, a ping was sent whose pong is awaited */
	uint32_t unsure : 1;         /* read_bytes was set when one was sent, and no pong has confirmed it */
	uint32_t look_wanted : 1;    /* at the end of the turn: due.c */
	uint32_t close_wanted : 1;   /* the same */
	struct lws *lws;
	uint64_t read_bytes; /* of the stream: up to the end of the last frame that we know of */
	struct outq *queue;  /* NULL: nothing waits */
	struct note *note;   /* for the next process; NULL: none */
};

/* A part of a message, as it came; a message comes in any number of them, and most in one. */
struct wire_piece {
	const char *data;
	size_t len;
	size_t rest;     /* of its frame, that is still to come */
	uint64_t now_ns; /* when it was read: clock_mono_ns() */
	bool first;      /* of its message */
	bool last;       /* of its message; a frame that ends without being the last has more to follow */
	bool binary;     /* valid with the first */
};

struct wire_end {
	uint16_t code; /* RFC 6455, 7.1.5: of the first close frame, sent or received; 1006: there was none */
	enum wire_ender by;
};

/* Called on the hub's thread, from within the loop or a call of this interface. Each may end the wire, but `gone`. */
struct wire_events {
	/* The handshake is done. Within wire_adopt() and wire_adopt_live(), with the arg that was given there. */
	void (*opened)(void *owner, struct wire *wire, const void *arg);
	/* In the order of the stream; not after wire_close(), and not while it is held. */
	void (*piece)(void *owner, struct wire *wire, const struct wire_piece *piece);
	/* To any ping of ours. A peer's own pings are answered unseen. */
	void (*pong)(void *owner, struct wire *wire);
	/* It does not take what it was sent, and is not read from until it does: wire_is_stalled(). */
	void (*stalled)(void *owner, struct wire *wire);
	/* Of one that is stalled: it has taken something. */
	void (*took)(void *owner, struct wire *wire);
	/* More would wait for it than queue_most, and is dropped. It has to be ended. */
	void (*overrun)(void *owner, struct wire *wire);
	/* It has broken the protocol and has to be closed with this code. what: for the log; static. */
	void (*broke)(void *owner, struct wire *wire, uint16_t code, const char *what);
	/* Of one that seeks a frame boundary: now is the moment to ask wire_place(). */
	void (*boundary)(void *owner, struct wire *wire);
	/* What the next process is to know of it if this one ends now (kept/notes.h): NOTES_ROWS numbers. */
	void (*rows)(void *owner, struct wire *wire, uint64_t *rows);
	/* The closing handshake has begun. If it is not gone within this time, wire_kill() has to end it. */
	void (*closing)(void *owner, struct wire *wire, uint32_t within_ms);
	/* The socket is closed, and the wire the owner's to free. The last event, and the only one of a wire whose
	 * adoption has failed. */
	void (*gone)(void *owner, struct wire *wire, const struct wire_end *end);
};

/* ---- the hub --------------------------------------------------------------------------------- */

struct wire_hub_setup {
	uv_loop_t *loop;
	struct metrics_shard *shard;      /* of the hub's thread */
	const struct wire_events *events; /* constant */
	void *owner;                      /* passed to the events */
	size_t queue_most;                /* bytes that may wait for one wire: SEND_QUEUE_BYTES */
};

/* Once, before the first hub: process-wide settings of libwebsockets. */
void wire_library_init(void);

/* Any thread, before the hub's runs; the loop is not touched. WSD_OK, -ENOMEM or another negative errno. */
int wire_hub_create(struct wire_hub **out, const struct wire_hub_setup *setup);

/* On the hub's thread, before anything else of the loop is polled. WSD_OK or WSD_E_LIBRARY: then it serves no wires. */
int wire_hub_start(struct wire_hub *hub);
bool wire_hub_serves(const struct wire_hub *hub);

/* To be called when the loop is about to wait, and when it has waited: what was gathered leaves, and what was put off
 * to the end of the turn is done. */
void wire_hub_end_turn(struct wire_hub *hub);

/* Drops all wires. The loop has to run until it has no handles left, and then this is called once more. Not from within
 * an event. */
void wire_hub_stop(struct wire_hub *hub);

/* Accepts NULL; clears the pointer. After the second wire_hub_stop(), on the hub's thread. */
void wire_hub_destroy(struct wire_hub **hub);

/* ---- beginning ------------------------------------------------------------------------------- */

/* Any thread. Before adoption, and after `gone`. */
void wire_init(struct wire *wire);
void wire_deinit(struct wire *wire);

/* Any thread, before adoption: whole frames that wait for the peer already. WSD_OK or -ENOMEM. */
int wire_preload(struct wire *wire, const char *frames, size_t len);

/* Any thread, before adoption: the record in which it is noted for the next process how far it has come. NULL: none. */
void wire_set_note(struct wire *wire, struct note *note);

/* Answers a handshake that has been read and judged: key has HANDSHAKE_KEY_LEN bytes, subprotocol is answered unless it
 * is empty. The fd is the wire's in any case. True: it is open. False: it is not, and `gone` has come or will. */
bool wire_adopt(struct wire_hub *hub, struct wire *wire, int fd, const char *key, const char *subprotocol,
		const void *arg);

/* Goes on with an open WebSocket of another process, which stands on a frame boundary. As above, with `opened` too. */
bool wire_adopt_live(struct wire_hub *hub, struct wire *wire, int fd);

/* ---- what it is like ------------------------------------------------------------------------- */

static inline enum wire_state
wire_state(const struct wire *wire)
{
	return (enum wire_state)wire->state;
}

/* Stalled, or held. */
static inline bool
wire_is_stalled(const struct wire *wire)
{
	return wire->paused;
}

static inline bool
wire_is_seeking(const struct wire *wire)
{
	return wire->seeking;
}

/* Bytes in its queue; those that libwebsockets holds itself are not known. */
size_t wire_queued(const struct wire *wire);
/* How long the kernel has received nothing; UINT32_MAX: it does not know, as of a unix-domain socket. */
uint32_t wire_silent_ms(const struct wire *wire);
/* Still the wire's: may be sent with SCM_RIGHTS, not read and not closed. */
int wire_fd(const struct wire *wire);

/* ---- writing --------------------------------------------------------------------------------- */

/* Where the payload of a text message is written, at most most bytes (some thousands), and then how many they are: the
 * frame is made around them. NULL: the wire takes nothing more. Nothing else may be sent in between. */
char *wire_text_begin(struct wire_hub *hub, struct wire *wire, size_t most);
void wire_text_end(struct wire_hub *hub, size_t len);

/* The message being answered was read at this time: how long it waits for its answer is observed when that leaves. Only
 * within `piece`. */
void wire_count_message(struct wire_hub *hub, uint64_t read_ns);

/* What follows, with what is gathered already, goes by the queue: the peer has perhaps sent a ping in between its
 * fragments, and its pong has to leave first. */
void wire_behind_pong(struct wire *wire);

/* At most 125 bytes; not none, as empty pongs are not reported. */
void wire_ping(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len);

/*
 * What many wires are sent: messages as one run of frames, made once. The bytes are the same for all, as a server's
 * frames have no mask, and nobody copies them for one that has to wait: its queue refers to them. References are
 * counted without a lock, so that a run belongs to one thread.
 */
enum wire_message {
	WIRE_TEXT,
	WIRE_BINARY,
	WIRE_PING, /* as in wire_ping() */
};

/* Adds a message to the run, which may move; if it is NULL a run begins, whose one reference is the caller's. Only as
 * long as there is no other, so before it is sent. WSD_OK, or -ENOMEM: then the run is as it was. */
int wire_frames_add(struct wire_frames **frames, enum wire_message kind, const void *payload, size_t len);
/* One reference more, and one less; put accepts NULL, and clears the pointer. */
struct wire_frames *wire_frames_get(struct wire_frames *frames);
void wire_frames_put(struct wire_frames **frames);
/* Bytes, with the frames' headers. */
size_t wire_frames_len(const struct wire_frames *frames);

/* Behind all that the wire was sent before; the caller keeps its reference. What has to wait counts in the wire's queue
 * as if it had been copied. False: the wire takes nothing more. */
bool wire_send_frames(struct wire_hub *hub, struct wire *wire, struct wire_frames *frames);

/* What waits in the queue is not sent. */
void wire_drop_queue(struct wire_hub *hub, struct wire *wire);
/* Whole frames, wire_queued() bytes. */
void wire_copy_queue(const struct wire *wire, char *out);

/* ---- ending ---------------------------------------------------------------------------------- */

/* Of an open wire: with a code, when all is written. Nothing more is delivered. */
void wire_close(struct wire_hub *hub, struct wire *wire, uint16_t code);
/* At the end of the turn, without a close frame. */
void wire_kill(struct wire_hub *hub, struct wire *wire);
/* One that is leaving, without waiting for its peer: what the socket has taken, a close frame too if there is room for
 * one, still gets there. */
void wire_cut(struct wire_hub *hub, struct wire *wire);

/* ---- moving ---------------------------------------------------------------------------------- */

/* Pongs to pings that were sent for wires that seek a boundary do not count any more. */
void wire_hub_forget_pings(struct wire_hub *hub);

/* From now on `boundary` is called whenever the wire may stand on one, at the end of this turn for the first time. */
void wire_seek_boundary(struct wire_hub *hub, struct wire *wire);
/* Again at the end of this turn. */
void wire_look_again(struct wire_hub *hub, struct wire *wire);
void wire_stop_seeking(struct wire_hub *hub, struct wire *wire);

enum wire_place {
	WIRE_WITHIN,      /* something, or it cannot be told yet: `boundary` will be called again */
	WIRE_ON_BOUNDARY, /* nothing is half-read or half-written, now */
	WIRE_NOWHERE,     /* not TCP: it can never be told */
};

/* Only within `boundary`. May send a ping. */
enum wire_place wire_place(struct wire_hub *hub, struct wire *wire);

/* It stands still, and seeks no more. On a boundary its socket may be given to another process; elsewhere it can only
 * be resumed. */
void wire_hold(struct wire_hub *hub, struct wire *wire);
void wire_resume(struct wire_hub *hub, struct wire *wire);
/* The other process has its socket: this one closes its own descriptor, and the peer does not notice. */
void wire_give_away(struct wire_hub *hub, struct wire *wire);

#endif
