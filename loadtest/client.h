/* SPDX-License-Identifier: MIT */
/*
 * One connection of the load: connecting, handshake, messages, closing, coming back. A few hundred bytes
 * each; buffers for reading and writing are shared by all of them, and a connection has its own only while
 * half a frame waits. One load process, which has one thread.
 */
#ifndef WSLOAD_CLIENT_H
#define WSLOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "loadtest/options.h"
#include "loadtest/payload.h"
#include "loadtest/stats.h"
#include "loadtest/tls.h"
#include "loadtest/track.h"
#include "wsclient/ws_codec.h"

enum client_state {
	CLIENT_IDLE,       /* not begun, or over */
	CLIENT_CONNECTING, /* TCP */
	CLIENT_TLS,
	CLIENT_HANDSHAKE, /* request sent */
	CLIENT_OPEN,      /* upgraded; the server's first message is to come */
	CLIENT_READY,     /* may send */
	CLIENT_CLOSING,   /* our close has been sent */
	CLIENT_WAITING,   /* for the time to come back */
};

struct client_buffer {
	uint8_t *data;
	uint32_t len, room;
};

struct client {
	int fd;
	uint32_t index;    /* among the clients of this process */
	uint32_t ready_at; /* place in env.ready while READY */
	uint8_t state;     /* enum client_state */
	uint8_t failures;  /* attempts that failed in a row */
	uint8_t address;   /* which of its url's; tried counts those tried in this attempt */
	uint8_t tried;
	bool leaving;    /* to be closed as soon as nothing is under way */
	bool want_write; /* EPOLLOUT is on */
	bool close_seen; /* the server has answered our close */
	bool goodbye;    /* it said goodbye ... */
	bool no_return;  /* ... for good */
	bool was_ready;  /* so that the next time it is a reconnect */
	uint32_t unanswered_at_loss;
	uint64_t due_ns;      /* when the attempt was to begin */
	uint64_t deadline_ns; /* of the state */
	uint64_t move_on_ns;  /* CONNECTING: when the next address gets its turn */
	uint64_t lost_at_ns;
	uint64_t retry_after_ns; /* as the goodbye or the refusal had it */
	uint64_t count_latest;
	int64_t count_offset; /* an answer's count less its id, as long as all is well */
	struct track track;
	struct client_buffer in, out, message;
	char *session;
	struct tls_session *tls;
	struct list waiting;
};

/* What the connections of a process share; the engine owns it. */
struct env {
	const struct options *o;
	struct stats *st;
	struct stats_slot *slot;
	struct payload payload;
	struct tls *tls;
	uint8_t addresses[OPTIONS_URLS]; /* of each url: which address to begin with, the last that answered */
	int epoll_fd;
	unsigned process;
	char key[HANDSHAKE_KEY_LEN + 1], accept[WS_ACCEPT_LEN + 1];
	uint8_t mask[4];
	uint8_t *rx, *tx;
	size_t tx_len, tx_room; /* gathered for the connection at hand */
	uint32_t in_flight;     /* closed loop: messages to keep under way; 0: open loop or none */
	bool sending;           /* by the plan */
	bool in_window;
	bool ending; /* nobody comes back any more */
	struct client **ready;
	uint32_t n_ready;
	uint32_t pending; /* attempts under way */
	uint32_t alive;   /* pending, open, closing */
	struct list waiting;
};

#define CLIENT_RX_ROOM   65536
#define CLIENT_FRAME_MAX (16u << 20)

/* The attempt was due at due_ns; the connection time counts from there. */
void client_start(struct env *env, struct client *c, uint64_t due_ns);
void client_on_event(struct env *env, struct client *c, uint32_t events);

/* Sends one message that was due at due_ns (0: now); false if it could not be sent. */
bool client_send(struct env *env, struct client *c, uint64_t due_ns);
/* Closed loop: sends until as many are under way as are to be. */
void client_top_up(struct env *env, struct client *c);

/* Closes it once all is answered. */
void client_leave(struct env *env, struct client *c);

/* Looks after everything that has to do with time; to be called for each client a few times a second. */
void client_check(struct env *env, struct client *c, uint64_t now_ns);

/* Frees what it holds, at the end. */
void client_deinit(struct client *c);

#endif
