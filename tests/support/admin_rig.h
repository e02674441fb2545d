/* SPDX-License-Identifier: MIT */
/* The real HTTP daemons before a scripted server, and a client that speaks raw HTTP over socket pairs. For
 * cmocka tests: one rig at a time, which every call means. */
#ifndef WSD_TESTS_SUPPORT_ADMIN_RIG_H
#define WSD_TESTS_SUPPORT_ADMIN_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/admin_priv.h"
#include "channel/command.h"
#include "conf/conf.h"

/* What the ops answer, and what they were asked. Set before and read after a request; the answer lies in
 * between. */
struct admin_script {
	_Atomic int rc; /* of every op */
	struct admin_health health;
	_Atomic int drains, disconnects, finds, pages, accepts, commands;
	_Atomic int accept_on;
	char id[129]; /* of the last find or disconnect */
	char after[129], prefix[129];
	unsigned limit;
	char command[512];                    /* the last, as text */
	struct channel_command_result result; /* of every command */
	unsigned have;                        /* connections that exist: c00, c01, ... */
};

struct admin_rig {
	struct conf conf;
	struct admin *admin;
	struct metrics_shard *shards[ADMIN_SIDES];
	struct admin_script script;
};

extern struct admin_rig rig;

/* limits NULL: the usual ones. With metrics_init(). */
void admin_rig_start(const char *token, const struct admin_limits *limits);
void admin_rig_start_rated(struct conf_rate rate);

/* Fixtures: without a token, with the usual limits. */
int admin_rig_set_up(void **state);
int admin_rig_tear_down(void **state);
#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown(name, admin_rig_set_up, admin_rig_tear_down)

/* A new connection as from peer: "unix" or an address; the client's end of it. */
int admin_rig_connect(enum admin_side side, const char *peer);

struct http_answer {
	char *text; /* all of it; "" if the connection was closed without one */
	size_t len;
	int status;       /* 0: none */
	const char *body; /* within text */
	size_t body_len;
};

void http_write(int fd, const char *data, size_t len);
/* Reads to the end and closes; the caller frees the answer. */
struct http_answer http_read(int fd);
void http_free(struct http_answer *answer);

/* Connects, sends "request\r\n" headers "\r\n" body and reads the answer, which the caller frees. */
struct http_answer http_send(enum admin_side side, const char *peer, const char *request_line, const char *headers,
			     const char *body);
/* Without headers or body. */
struct http_answer http_ask(enum admin_side side, const char *peer, const char *request_line);

/* The value of a header field, or NULL; valid until the next call. */
const char *http_header(const struct http_answer *answer, const char *name);

/* Every answer has these. */
void http_check_headers(const struct http_answer *answer);

/* It has this status, all headers, and a JSON body that holds this text; frees it. */
void http_is(struct http_answer answer, int status, const char *part);
/* So does what is still to be read there; status 0: nothing is. Closes. */
void http_expect(int fd, int status, const char *part);

#endif
