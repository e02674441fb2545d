/* SPDX-License-Identifier: MIT */
/* The real HTTP daemons before a scripted server, and a client that speaks raw HTTP over socket pairs. For
 * cmocka tests. */
#ifndef WSD_TESTS_SUPPORT_ADMIN_RIG_H
#define WSD_TESTS_SUPPORT_ADMIN_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/admin_priv.h"
#include "conf/conf.h"

/* What the ops answer, and what they were asked. Set before and read after a request; the answer lies in
 * between. */
struct admin_script {
	_Atomic int rc; /* of every op */
	struct admin_health health;
	_Atomic int drains, disconnects, finds, pages, accepts;
	_Atomic int accept_on;
	char id[129]; /* of the last find or disconnect */
	char after[129], prefix[129];
	unsigned limit;
	unsigned have; /* connections that exist: c00, c01, ... */
};

struct admin_rig {
	struct conf conf;
	struct admin *admin;
	struct metrics_shard *shards[ADMIN_SIDES];
	struct admin_script script;
};

struct http_answer {
	char *text; /* all of it; "" if the connection was closed without one */
	size_t len;
	int status;       /* 0: none */
	const char *body; /* within text */
	size_t body_len;
};

/* limits NULL: the usual ones. With metrics_init(). */
void admin_rig_start(struct admin_rig *rig, const char *token, const struct admin_limits *limits);
void admin_rig_start_rated(struct admin_rig *rig, struct conf_rate rate);
void admin_rig_stop(struct admin_rig *rig);

/* A new connection as from peer: "unix" or an address; the client's end of it. */
int admin_rig_connect(struct admin_rig *rig, enum admin_side side, const char *peer);

void admin_rig_write(int fd, const char *data, size_t len);
/* Reads to the end and closes. */
void admin_rig_read(struct http_answer *out, int fd);
void admin_rig_free(struct http_answer *answer);

/* Connects, sends "request\r\n" headers "\r\n" body and reads the answer. */
void admin_rig_ask(struct admin_rig *rig, struct http_answer *out, enum admin_side side, const char *peer,
		   const char *request_line, const char *headers, const char *body);

/* The value of a header field, or NULL; valid until the next call. */
const char *admin_rig_header(const struct http_answer *answer, const char *name);

/* Every answer has these. */
void admin_rig_check_headers(const struct http_answer *answer);

#endif
