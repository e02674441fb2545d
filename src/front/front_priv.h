/* SPDX-License-Identifier: MIT */
/* What the files of front/ share. Main thread. */
#ifndef WSD_FRONT_FRONT_PRIV_H
#define WSD_FRONT_FRONT_PRIV_H

#include <netinet/in.h>

#include <uv.h>

#include "auth/auth.h"
#include "base/list.h"
#include "conf/conf.h"
#include "front/front.h"
#include "front/peers.h"
#include "front/request.h"
#include "front/seats.h"
#include "front/sessions.h"
#include "loop/wheel.h"
#include "metrics/metrics.h"

#define FRONT_MAGIC     0x66726f6eu
#define FRONT_LISTENERS 32

/* The visitors of one side. Each side has a bound of its own, so that nobody on the public port can keep an
 * operator out. */
struct lobby {
	struct list visitors; /* oldest first */
	uint32_t n_visitors, most;
	bool full; /* accepting stands still */
	bool admin;
};

struct listener {
	uv_poll_t poll;
	struct front *front;
	struct lobby *lobby;
	int fd;
	bool watching;
};

enum visitor_state {
	VISITOR_READING,   /* the request is not complete */
	VISITOR_WAITING,   /* for the connection that it replaces to be let go */
	VISITOR_LINGERING, /* answered; reading until the client has our answer and closes */
	VISITOR_CLOSING,   /* the loop is letting go of the handle */
};

#define VISITOR_MAGIC 0x76697369u

/* An accepted connection that nobody else owns yet. */
struct visitor {
	uint32_t magic;
	uint8_t state; /* enum visitor_state */
	bool polled;   /* the handle is initialised */
	bool unpolled; /* and closing or closed */
	bool resting;  /* its readiness says nothing; the clock looks again */
	int fd;        /* -1: given away */
	struct front *front;
	struct lobby *lobby;
	struct list node; /* in lobby->visitors */
	struct wheel_timer timer;
	uint64_t since_ms;
	int seen;          /* bytes of the request when last looked at */
	uint32_t lingered; /* bytes thrown away */
	uv_poll_t poll;
	socklen_t peer_len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} peer;
	/* VISITOR_WAITING */
	struct front_guest *guest; /* owned */
	struct session *session;   /* whose successor this is to be */
	struct visitor *behind;    /* who waits for the same session, and came later */
	struct peer *client;       /* counted there already; may be NULL */
};

struct front {
	uint32_t magic;
	const struct conf *conf;
	const struct front_ops *ops;
	const struct auth *auth;
	struct notes *notes;
	uv_loop_t *loop;
	struct metrics_shard *shard;
	enum front_mode mode;
	struct listener listeners[FRONT_LISTENERS];
	unsigned n_listeners;
	bool resting; /* accept(2) failed for want of something; the retry timer runs */
	uv_timer_t clock;
	uv_timer_t retry;
	struct wheel wheel;
	struct lobby public, admin;
	struct sessions sessions;
	struct peers peers;
	struct seats seats;
	uint64_t next_serial;
	unsigned open_handles; /* that the loop has not let go of */
	void (*on_closed)(void *arg);
	void *on_closed_arg;
	char head[REQUEST_HEAD_MAX + 1]; /* what is being peeked at */
};

/* front.c: one of open_handles is closed; the last one ends front_close(). */
void front_handle_closed(struct front *f);

/* acceptor.c */
void acceptor_update(struct front *f); /* watch or not, as mode, room and luck say */
void acceptor_close(struct front *f);

/* visitor.c */
void visitor_welcome(struct front *f, struct lobby *lobby, int fd, const struct sockaddr *peer, socklen_t peer_len);
void visitor_hear(struct visitor *v); /* one that stood still during FRONT_PARKING */
void visitor_due(struct visitor *v);
void visitor_answer(struct visitor *v, const char *answer, size_t len); /* sends, then lingers */
/* Takes the socket out of the loop's hands, before somebody else may close it; visitor_done() or
 * visitor_answer() must follow in the same callback. */
void visitor_unpoll(struct visitor *v);
void visitor_done(struct visitor *v); /* closes its fd, if it still has one */
void visitor_wait(struct visitor *v);
void visitor_evict_oldest(struct front *f, struct lobby *lobby);
void visitor_look_again(struct lobby *lobby); /* at those that no event tells of */

/* admission.c: the request is a correct handshake; seats the visitor, refuses it, or has it wait. */
void admission_decide(struct visitor *v, const struct request *r);
/* v, which waited for a session, has gone away. */
void admission_given_up(struct visitor *v);

/* answer.c: a refusal. retry_after_s 0: none. counter: METRICS for none. */
void answer_refuse(struct visitor *v, const struct request *r, int status, const char *code, const char *why,
		   unsigned retry_after_s);

/* credentials.c: whether the client may connect with the token it shows, which is described then. Else it has been
 * refused. */
bool credentials_judge(struct visitor *v, const struct request *r, struct auth_claims *out);

enum credentials { CREDENTIALS_NONE, CREDENTIALS_ONE, CREDENTIALS_CONFLICT };
/* The token of a request; room has AUTH_TOKEN_MAX + 1 bytes, and may hold it. */
enum credentials credentials_find(const struct request *r, char *room, struct slice *token);
/* Whether an offered subprotocol carries such a token: it is never to be repeated. */
bool credentials_is_token(struct slice subprotocol);

/* subprotocol.c: the one to be answered, "wsd" first; len 0: none. allowed: conf.h, subprotocols. */
struct slice subprotocol_choose(const char *allowed, const struct request_list *offered);

/* origin.c: whether a browser's Origin may connect. */
bool origin_allowed(const char *allowed, struct slice origin);

#endif
