/* SPDX-License-Identifier: MIT */
/*
 * One client, from the moment the front desk hands it over, or another process does, until its socket is closed. Its
 * memory is counted: ten thousand idle ones are the normal case, so what most clients do not need (queues, halves of
 * messages) is allocated when it is. The clients' thread, but for what is marked.
 *
 * The state of its life is its wire's (wire_state()), and each step to another has one function:
 *
 *	client_create(), client_arrive() ──► NEW ── client_adopt(), client_go_on() ──► OPEN
 *
 *	OPEN ── client_hold() ──► HELD ── client_resume() ──► OPEN
 *	OPEN ── client_bye(), client_fail(), or its peer closes ──► ENDING ──► its departure
 *	HELD ── client_give_away() ──► its departure
 *	NEW ── client_refused(), or its adoption fails ──► its departure
 *
 * Its ending is a closing handshake: the goodbye and what else is queued is written, then its peer is waited for, each
 * for a bounded time (close.c). A socket that breaks leads from any of them to the departure.
 */
#ifndef WSD_CLIENT_CLIENT_H
#define WSD_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "base/bucket.h"
#include "base/slice.h"
#include "client/guest.h"
#include "loop/wheel.h"
#include "wire/wire.h"

struct assembly;
struct clients;
struct conn_state;
struct subscriptions;

/* What one begins with that does not come from another process, beside what stays. */
struct client_opening {
	char key[HANDSHAKE_KEY_LEN];
	uint8_t token[SESSION_TOKEN_BYTES];
	char subject[SUBJECT_MAX + 1];
	char subprotocol[SUBPROTOCOL_MAX + 1]; /* "": none */
};

struct client {
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
		struct client_departure departure; /* once its wire is gone */
	};
	uint64_t count; /* messages accepted, over the whole session */
	uint64_t count_at_open;
	uint64_t opened_ms;         /* monotonic */
	struct assembly *assembly;  /* NULL: no message is half received */
	struct subscriptions *subs; /* NULL: none */
	struct bucket bucket;       /* RATE_LIMIT_MESSAGE */
	struct addr peer;
	uint32_t slot;           /* of its worker, which finds it so */
	uint32_t expires_real_s; /* when its token ends, by the wall clock, which tokens tell it in; 0: it has none */
	uint16_t over_limit;     /* messages refused for their rate, less those accepted since */
	bool resumed : 1;
	bool opened : 1; /* it was established: counted, logged, to be uncounted */
	bool session_over : 1;
	bool session_only : 1; /* while a boundary is sought: its session is offered alone, and needs none */
	bool warned : 1;       /* of the end of its token */
	char id[];             /* zero-terminated, and behind it, also zero-terminated, its user */
};

/* "": nobody that is known. */
static inline const char *
client_user(const struct client *c)
{
	return c->id + strlen(c->id) + 1;
}

static inline struct client *
client_of(struct wire *wire)
{
	return (struct client *)((char *)wire - offsetof(struct client, wire));
}

static inline bool
client_is_open(const struct client *c)
{
	return wire_state(&c->wire) == WIRE_OPEN;
}

static inline bool
client_is_held(const struct client *c)
{
	return wire_state(&c->wire) == WIRE_HELD;
}

static inline bool
client_is_ending(const struct client *c)
{
	return wire_state(&c->wire) == WIRE_LEAVING || wire_state(&c->wire) == WIRE_CLOSING;
}

/* Any thread. Everything set but what needs the others of its thread. NULL: out of memory. */
struct client *client_create(const struct client_guest *guest);
void client_free(struct client *c);

/* Answers its handshake, greets it, and serves it. The fd is its own in any case. */
void client_adopt(struct clients *all, struct client *c, int fd, const struct client_opening *how);

/* Reports one that was never taken up; it is the receiver's. */
void client_refused(struct clients *all, struct client *c);

/* It stands still; on a frame boundary its socket may be given to another process. Then it goes on, here or there. */
void client_hold(struct clients *all, struct client *c);
void client_resume(struct clients *all, struct client *c);
void client_give_away(struct clients *all, struct client *c);

/* Says goodbye and closes when that is written; harmless if it is ending already. */
void client_bye(struct clients *all, struct client *c, enum client_bye bye, uint32_t retry_after_ms);
/* The same with a backend's code, 3000 to 4999, and reason (channel/command.h): Centrifugo's clients come back
 * unless it is 3500 to 3999 or from 4500 on, and so do ours. */
void client_dismiss(struct clients *all, struct client *c, uint16_t code, struct slice reason);

#endif
