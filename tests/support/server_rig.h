/* SPDX-License-Identifier: MIT */
/* The parts of a server in one loop, with fake workers, and without sockets or HTTP. */
#ifndef WSD_TESTS_SERVER_RIG_H
#define WSD_TESTS_SERVER_RIG_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "front/front.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "server/handoff_give.h"
#include "server/import.h"
#include "server/lifecycle.h"
#include "server/lot_fill.h"
#include "server/restart.h"
#include "server/status.h"
#include "server/wiring.h"
#include "server/workers.h"
#include "support/fake_worker.h"
#include "support/lowest_fd.h"

static struct {
	struct conf conf;
	uv_loop_t loop;
	struct metrics_shard *shard;
	struct front *front;
	struct wiring wiring;
	struct workers workers;
	struct status status;
	struct lifecycle lifecycle;
	struct restart restart;
	struct lot_fill fill;
	struct importer importer;
	struct handoff_give give;
	int listener, socket; /* one is connected with the other */
	int lowest_fd;
} rig;

static struct notes *rig_notes; /* set before it starts, if there is to be a keeper */

static inline void
rig_connect_parts(void)
{
	rig.wiring.front = rig.front;
	rig.wiring.workers = &rig.workers;
	rig.wiring.lifecycle = &rig.lifecycle;
	rig.wiring.restart = &rig.restart;
	rig.wiring.fill = &rig.fill;
	rig.wiring.give = &rig.give;
	rig.workers = (struct workers){ .conf = &rig.conf, .ops = &rig.wiring.worker_ops };
	rig.lifecycle = (struct lifecycle){
		.conf = &rig.conf,
		.loop = &rig.loop,
		.front = rig.front,
		.workers = &rig.workers,
		.shard = rig.shard,
		.status = &rig.status,
		.give = &rig.give,
		.restart = &rig.restart,
		.fill = &rig.fill,
	};
	rig.status = (struct status){
		.loop = &rig.loop,
		.front = rig.front,
		.lifecycle = &rig.lifecycle,
		.restart = &rig.restart,
		.shard = rig.shard,
	};
	rig.restart = (struct restart){
		.workers = &rig.workers,
		.lifecycle = &rig.lifecycle,
		.box = &rig.wiring.box,
	};
	rig.fill = (struct lot_fill){
		.conf = &rig.conf,
		.loop = &rig.loop,
		.front = rig.front,
		.workers = &rig.workers,
	};
	rig.importer = (struct importer){
		.front = rig.front,
		.notes = rig_notes,
		.workers = &rig.workers,
		.lifecycle = &rig.lifecycle,
		.shard = rig.shard,
	};
	rig.give = (struct handoff_give){
		.conf = &rig.conf,
		.loop = &rig.loop,
		.front = rig.front,
		.workers = &rig.workers,
		.lifecycle = &rig.lifecycle,
		.shard = rig.shard,
	};
}

static inline int
rig_start(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	memset(&rig, 0, sizeof(rig));
	rig.conf = (struct conf){
		.workers = 2,
		.max_connections = 1000,
		.session_ttl_ms = 60000,
		.drain_timeout_ms = 60000,
		.allowed_origins = "*",
		.handoff_dir = "/nonexistent",
		.instance = "rig",
	};
	log_set_level(LOG_LEVEL_CRIT);
	metrics_init("rig", "0");
	rig.shard = metrics_shard_create();
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	wiring_init(&rig.wiring);
	assert_int_equal(front_create(&rig.front,
				      &(struct front_setup){
					      .conf = &rig.conf,
					      .ops = &rig.wiring.front_ops,
					      .loop = &rig.loop,
					      .notes = rig_notes,
					      .shard = rig.shard,
					      .workers = rig.conf.workers,
					      .most_pending = 10,
				      }),
			 WSD_OK);
	rig_connect_parts();
	assert_int_equal(wiring_start(&rig.wiring, &rig.loop), WSD_OK);
	assert_int_equal(workers_start(&rig.workers), WSD_OK);
	lifecycle_start(&rig.lifecycle);
	status_start(&rig.status);
	rig.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rig.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig.listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(rig.listener, 1), 0);
	assert_int_equal(getsockname(rig.listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(rig.socket, (struct sockaddr *)&at, sizeof(at)), 0);
	rig.lowest_fd = lowest_free_fd();
	return 0;
}

static inline void
rig_closed(void *arg)
{
	*(bool *)arg = true;
}

static inline int
rig_stop(void **state)
{
	bool closed = false;

	assert_int_equal(lowest_free_fd(), rig.lowest_fd);
	handoff_give_abort(&rig.give);
	lifecycle_stop(&rig.lifecycle);
	status_stop(&rig.status);
	workers_stop(&rig.workers);
	wiring_stop(&rig.wiring);
	uv_run(&rig.loop, UV_RUN_NOWAIT); /* at the end of its life the server stops it */
	front_close(rig.front, rig_closed, &closed);
	assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
	assert_true(closed);
	front_destroy(&rig.front);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	metrics_deinit();
	close(rig.listener);
	close(rig.socket);
	return 0;
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_start, rig_stop)

/* A copy of a connected socket. */
static inline int
rig_socket(void)
{
	return dup(rig.socket);
}

static inline struct conn_state
rig_state(const char *id)
{
	struct conn_state state = { .count = 7, .token = "0123456789abcde" };

	strcpy(state.id, id);
	return state;
}

/* A connection; the worker that has it. */
static inline struct fake_worker *
rig_connect(const char *id)
{
	struct conn_state state = rig_state(id);
	struct front_seat seat;

	assert_int_equal(import_connection(&rig.importer, rig_socket(), &state, NULL), WSD_OK);
	assert_true(front_find(rig.front, id, &seat));
	return &fake_workers[seat.worker];
}

/* It leaves. */
static inline void
rig_leave(const char *id)
{
	struct front_seat seat;

	assert_true(front_find(rig.front, id, &seat));
	front_left(rig.front, &seat, 7, true);
	lifecycle_left(&rig.lifecycle);
}

/* What is in main's mailbox is run. */
static inline void
rig_turn(void)
{
	for (int i = 0; i < 3; i++) /* a turn takes 256 */
		uv_run(&rig.loop, UV_RUN_NOWAIT);
}

#endif
