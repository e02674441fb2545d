/* SPDX-License-Identifier: MIT */
/*
 * HTTP by libmicrohttpd: the admin interface and the plain requests of the public port. Two daemons of the
 * library, each with a thread and limits of its own, so that nobody on the public port can keep an operator
 * out. The routes are a table (routes.c); what they show comes through struct admin_ops, and state-changing
 * calls are posted to the main thread and waited for.
 *
 * create, add and destroy: main thread. The ops are called on the HTTP threads.
 */
#ifndef WSD_ADMIN_ADMIN_H
#define WSD_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/names.h"

struct broker;
struct channel_command;
struct channel_command_result;
struct channel_rules_now;
struct conf;
struct admin;
struct metrics_shard;

/* Which side a request came in on; decides the route table and what is allowed. */
enum admin_side { ADMIN_SIDE_PUBLIC, ADMIN_SIDE_ADMIN };

struct admin_health {
	const char *state; /* "starting", "running", "standby", "draining", "stopped"; static text */
	/* NULL when ready; else "starting_up", "standby", "draining", "shutting_down"; static text */
	const char *not_ready;
	uint64_t connections;
	uint64_t messages_per_second; /* over the last second */
	uint64_t uptime_ms;
	struct {
		uint64_t n, kept, closed; /* that were survived, and what became of their connections */
		int last_signal;
		uint64_t last_real_ms;
	} crashes;
};

/* One connection as the API shows it. */
struct admin_connection {
	char id[CONNECTION_ID_MAX + 1];
	struct addr peer;
	uint64_t connected_real_ms; /* wall clock when it was established */
	uint64_t idle_ms;           /* since the last byte from the client */
	uint64_t messages;
	uint64_t queued_bytes;
	uint32_t worker;
	bool resumed;
};

/* A page of the connections in order of their ids. */
struct admin_page {
	const char *after;              /* ids greater than this; "" from the start */
	const char *prefix;             /* only ids that start so; "" all */
	uint32_t limit;                 /* 1 to 1000 */
	struct admin_connection *items; /* room for limit */
	uint32_t n;
	uint64_t total; /* connections open now */
	bool more;
};

/*
 * How the HTTP threads reach the server. health() answers at once from atomics. The others wait for the main
 * thread (and a worker), for at most 2 s: WSD_OK, WSD_E_TIMEOUT, WSD_E_UNKNOWN (no such connection),
 * WSD_E_BUSY (already under way) or -ENOMEM.
 */
/* A handoff to another instance: the present one, or the last; to is "" if there was none. */
struct admin_handoff {
	char to[40];
	bool running;
	bool ok;           /* when it has ended */
	bool close;        /* nothing is to be moved: clients are told to come back over there */
	uint64_t at_start; /* connections when it began */
	uint64_t moved;
	uint64_t closed;    /* told to come back, their session being over there already */
	uint64_t refused;   /* by the other instance; told to come back */
	uint64_t unmovable; /* did not stand on a frame boundary in time; told to come back */
	uint64_t kept;      /* the link broke before they were taken: they go on here */
	uint64_t ms;
	char why[128];
};

struct admin_ops {
	void *arg;
	struct broker *broker;           /* NULL, and the rules too: there are no channels */
	struct channel_rules_now *rules; /* in force */
	uint16_t public_port;            /* where WebSockets are served; 0: on no TCP port */
	void (*health)(void *arg, struct admin_health *out);
	int (*page)(void *arg, struct admin_page *page);
	int (*find)(void *arg, const char *id, struct admin_connection *out);
	int (*disconnect)(void *arg, const char *id);
	/* What a backend wants of clients. WSD_OK, also if it is for nobody: see the result. */
	int (*command)(void *arg, const struct channel_command *command, struct channel_command_result *result);
	int (*drain)(void *arg);
	/* Begins: WSD_OK, WSD_E_BUSY, or why the other instance could not be reached (a negative errno). */
	int (*handoff)(void *arg, const char *to, bool close);
	int (*handoff_status)(void *arg, struct admin_handoff *out);
	int (*accept)(void *arg, bool on); /* off: standby, new connections get 503 and readiness too */
};

/*
 * Starts both daemons. The shards are written by their threads alone. On success the caller owns *out and
 * ends it with admin_destroy(); conf and ops must outlive it. WSD_OK, -ENOMEM or WSD_E_LIBRARY.
 */
int admin_create(struct admin **out, const struct conf *conf, const struct admin_ops *ops,
		 struct metrics_shard *public_shard, struct metrics_shard *admin_shard);

/* Stops the threads; requests under way are answered or dropped. Accepts NULL and clears the pointer. */
void admin_destroy(struct admin **admin);

/* A place for one more connection from this peer: WSD_OK, and admin_add() must follow; WSD_E_FULL: all are taken; or
 * WSD_E_BUSY: this client has as many as one may have. */
int admin_reserve(struct admin *admin, enum admin_side side, const struct sockaddr *peer, socklen_t peer_len);

/* Hands an accepted connection over, with all of its bytes unread, after admin_reserve(). The fd is owned by the
 * library in every case: on failure it has been closed. WSD_OK or WSD_E_LIBRARY. */
int admin_add(struct admin *admin, enum admin_side side, int fd, const struct sockaddr *peer, socklen_t peer_len);

#endif
