/* SPDX-License-Identifier: MIT */
/* What reaches main at the wrong moment: questions and signals while the server is not whole yet, or not any
 * more. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "server/server_priv.h"

static struct server server;
static struct conf conf;
static struct front_guest seated;
static unsigned n_seated;

static int
seat(void *arg, const struct front_guest *guest)
{
	seated = *guest;
	n_seated++;
	return WSD_OK;
}

static const struct front_ops front_ops = { .seat = seat };

/* A server with its front desk, and with the table of its workers, but none in it. */
static void
start(struct worker **workers)
{
	server = (struct server){ .magic = SERVER_MAGIC, .conf = &conf, .workers = workers, .signal_fd = -1 };
	conf = (struct conf){ .workers = 1, .max_connections = 10, .allowed_origins = "*", .drain_timeout_ms = 1000 };
	n_seated = 0;
	metrics_init("test", "0");
	server.shard = metrics_shard_create();
	assert_non_null(server.shard);
	assert_int_equal(uv_loop_init(&server.loop), 0);
	assert_int_equal(mailbox_init(&server.box, &server.loop, &server, 100), WSD_OK);
	assert_int_equal(front_create(&server.front,
				      &(struct front_setup){
					      .conf = &conf,
					      .ops = &front_ops,
					      .loop = &server.loop,
					      .shard = server.shard,
					      .workers = 1,
					      .most_pending = 10,
				      }),
			 WSD_OK);
}

static void
finish(void)
{
	front_close(server.front, NULL, NULL);
	mailbox_close(&server.box, NULL);
	assert_int_equal(uv_run(&server.loop, UV_RUN_DEFAULT), 0);
	front_destroy(&server.front);
	mailbox_deinit(&server.box);
	assert_int_equal(uv_loop_close(&server.loop), 0);
	metrics_deinit();
}

/* A live connection "a". */
static void
connect_one(void)
{
	static const char handshake[] =
		"GET /ws/chat/a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(front_listen(server.front, false, listener), WSD_OK);
	front_set_mode(server.front, FRONT_OPEN);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(fd_write_all(fd, handshake, sizeof(handshake) - 1), WSD_OK);
	while (n_seated == 0)
		uv_run(&server.loop, UV_RUN_ONCE);
	fd_close(&seated.fd);
	fd_close(&fd);
}

struct asker {
	int find_rc, disconnect_rc, page_rc;
	uint32_t n;
	uint64_t total;
	_Atomic bool done;
};

static void *
ask_all(void *arg)
{
	struct asker *asker = arg;
	struct admin_connection connection, items[10];
	struct admin_page page = { .after = "", .prefix = "", .limit = 10, .items = items };

	asker->find_rc = query_find(&server, "a", &connection);
	asker->disconnect_rc = query_disconnect(&server, "a");
	asker->page_rc = query_page(&server, &page);
	asker->n = page.n;
	asker->total = page.total;
	atomic_store(&asker->done, true);
	return NULL;
}

/* The workers have been joined, but main has not heard yet that their connections have gone. */
static void
test_questions_after_the_workers(void **state)
{
	struct worker *workers[1] = { NULL };
	struct asker asker = { .find_rc = 1 };
	pthread_t thread;

	start(workers);
	connect_one();
	assert_int_equal(pthread_create(&thread, NULL, ask_all, &asker), 0);
	while (!atomic_load(&asker.done)) /* the front desk's clock ends each turn */
		uv_run(&server.loop, UV_RUN_ONCE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(asker.find_rc, WSD_E_UNKNOWN);
	assert_int_equal(asker.disconnect_rc, WSD_E_UNKNOWN);
	assert_int_equal(asker.page_rc, WSD_OK);
	assert_int_equal(asker.n, 0);
	assert_int_equal(asker.total, 1);
	front_left(server.front, &seated.seat, 0, false);
	finish();
}

/* A start that failed half-way: there are no timers and no listeners to stop. */
static void
test_signals_before_the_start(void **state)
{
	start(NULL);
	lifecycle_signal(&server, SIGTERM);
	lifecycle_signal(&server, SIGUSR2);
	lifecycle_signal(&server, SIGHUP);
	assert_int_equal(server_state(&server), STATE_STARTING);
	assert_int_equal(lifecycle_drain(&server), WSD_E_BUSY);
	assert_int_equal(lifecycle_accept(&server, true), WSD_E_BUSY);
	finish();
}

/* A signal more while the last connections go, when the workers have been joined. */
static void
test_signals_after_the_workers(void **state)
{
	start(NULL);
	atomic_store(&server.state, STATE_STOPPING);
	lifecycle_signal(&server, SIGTERM);
	lifecycle_signal(&server, SIGUSR2);
	assert_int_equal(server_state(&server), STATE_STOPPING);
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions_after_the_workers),
		cmocka_unit_test(test_signals_before_the_start),
		cmocka_unit_test(test_signals_after_the_workers),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
