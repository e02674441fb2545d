/* SPDX-License-Identifier: MIT */
/* Sessions that change their process: who has each at which moment, and with which count. */
#include "front/front.h"
#include "kept/notes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/conf.h"
#include "metrics/metrics.h"

#define TTL_MS 60000

static struct rig {
	struct conf conf;
	struct front_ops ops;
	uv_loop_t loop;
	struct front *front;
	bool closed;
	int claims;
	char listed[200]; /* as list() found them */
} rig;

static const uint8_t token[SESSION_TOKEN_BYTES] = "0123456789abcdef", other[SESSION_TOKEN_BYTES] = "fedcba9876543210";

static int
start(void **state)
{
	rig = (struct rig){ .conf = { .max_connections = 10, .session_ttl_ms = TTL_MS, .allowed_origins = "*" } };
	metrics_init("test", "0");
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	assert_int_equal(front_create(&rig.front,
				      &(struct front_setup){
					      .conf = &rig.conf,
					      .ops = &rig.ops,
					      .loop = &rig.loop,
					      .shard = metrics_shard_create(),
					      .workers = 1,
					      .most_pending = 1,
				      }),
			 WSD_OK);
	return 0;
}

static void
on_closed(void *arg)
{
	rig.closed = true;
}

static int
finish(void **state)
{
	front_close(rig.front, on_closed, NULL);
	assert_int_equal(uv_run(&rig.loop, UV_RUN_DEFAULT), 0);
	assert_true(rig.closed);
	front_destroy(&rig.front);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	metrics_deinit();
	return 0;
}

static void
list_one(void *arg, const char *id, const uint8_t bytes[SESSION_TOKEN_BYTES], uint64_t count, uint64_t expires_in_ms)
{
	size_t len = strlen(rig.listed);

	snprintf(rig.listed + len, sizeof(rig.listed) - len, "%s%s:%d:%d%s", len ? " " : "", id, (int)count,
		 (int)expires_in_ms, memcmp(bytes, token, SESSION_TOKEN_BYTES) == 0 ? "" : "!");
}

/* The resumable sessions: id, count, time left; "!" if the token is another. */
static const char *
list(void)
{
	rig.listed[0] = '\0';
	front_each_session(rig.front, list_one, NULL);
	return rig.listed;
}

static bool
yes(void *arg)
{
	rig.claims++;
	return true;
}

static bool
no(void *arg)
{
	rig.claims++;
	return false;
}

static int
adopt(const char *id, uint64_t count, uint64_t ttl_ms, bool (*claim)(void *))
{
	return front_adopt_session(rig.front, id, token, count, ttl_ms, claim, NULL);
}

static const struct addr nobody = { .family = ADDR_NONE };

static struct front_seat
live(const char *id)
{
	struct front_seat seat;

	assert_int_equal(front_import(rig.front, id, token, 3, &nobody, NOTES_NONE, &seat), WSD_OK);
	return seat;
}

static void
test_adopt(void **state)
{
	assert_int_equal(adopt("a", 7, TTL_MS, yes), WSD_OK);
	assert_int_equal(adopt("b", 8, 1000, yes), WSD_OK);
	assert_int_equal(adopt("c", 9, 10 * TTL_MS, yes), WSD_OK); /* our own rule is the limit */
	assert_int_equal(rig.claims, 3);
	assert_string_equal(list(), "a:7:60000 b:8:1000 c:9:60000");
}

static void
test_adopt_loses_its_claim(void **state)
{
	assert_int_equal(adopt("a", 7, TTL_MS, no), WSD_E_CLOSED);
	assert_string_equal(list(), "");
	assert_int_equal(adopt("a", 8, TTL_MS, yes), WSD_OK);
	assert_string_equal(list(), "a:8:60000");
}

/* Nothing is claimed that cannot be kept. */
static void
test_adopt_is_refused(void **state)
{
	struct front_seat seat = live("a");

	assert_int_equal(adopt("a", 7, TTL_MS, yes), WSD_E_BUSY);
	rig.conf.session_ttl_ms = 0;
	assert_int_equal(adopt("b", 7, TTL_MS, yes), WSD_E_UNSUPPORTED);
	rig.conf.session_ttl_ms = TTL_MS;
	assert_int_equal(rig.claims, 0);
	front_left(rig.front, &seat, 5, false);
	assert_string_equal(list(), "a:5:60000");
}

static void
test_adopted_replaces_a_closed_one(void **state)
{
	front_import_session(rig.front, "a", other, 50, TTL_MS);
	assert_string_equal(list(), "a:50:60000!");
	assert_int_equal(adopt("a", 7, TTL_MS, yes), WSD_OK);
	assert_string_equal(list(), "a:7:60000");
}

static void
test_listed_one_that_is_known(void **state)
{
	struct front_seat seat = live("live");

	front_import_session(rig.front, "live", token, 99, TTL_MS); /* it goes on here: we know best */
	front_import_session(rig.front, "a", token, 5, TTL_MS);
	front_import_session(rig.front, "a", token, 9, TTL_MS);
	front_import_session(rig.front, "a", token, 8, TTL_MS);
	front_import_session(rig.front, "a", other, 99, TTL_MS); /* who was here before, or will be */
	assert_string_equal(list(), "a:9:60000");
	front_left(rig.front, &seat, 4, true);
}

/* A live one is forgotten at once: its connection may take a while to close, and keeps nothing then. */
static void
test_forget(void **state)
{
	struct front_seat seat = live("a"), found, again;
	uint8_t bytes[SESSION_TOKEN_BYTES];

	front_forget_session(rig.front, "a", other);
	assert_true(front_find(rig.front, "a", &found));
	front_forget_session(rig.front, "a", token);
	front_forget_session(rig.front, "a", token);
	assert_false(front_find(rig.front, "a", &found));
	assert_false(front_token(rig.front, &seat, bytes));
	assert_int_equal(front_connections(rig.front), 1);
	again = live("a"); /* it may have come back */
	front_left(rig.front, &seat, 3, false);
	assert_string_equal(list(), "");
	assert_true(front_find(rig.front, "a", &found));
	front_left(rig.front, &again, 4, false);
	assert_string_equal(list(), "a:4:60000");
	front_forget_session(rig.front, "a", token); /* closed meanwhile */
	assert_string_equal(list(), "");
}

static void
test_mark(void **state)
{
	struct front_seat seat = live("b");

	front_import_session(rig.front, "a", token, 1, TTL_MS);
	front_mark_sessions(rig.front, true);
	assert_string_equal(list(), "");
	front_left(rig.front, &seat, 2, false); /* not told of yet */
	assert_string_equal(list(), "b:2:60000");
	front_mark_sessions(rig.front, false);
	assert_string_equal(list(), "a:1:60000 b:2:60000");
	front_mark_sessions(rig.front, true);
	front_forget_sessions(rig.front);
	front_mark_sessions(rig.front, false);
	assert_string_equal(list(), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_adopt),
		TEST(test_adopt_loses_its_claim),
		TEST(test_adopt_is_refused),
		TEST(test_adopted_replaces_a_closed_one),
		TEST(test_listed_one_that_is_known),
		TEST(test_forget),
		TEST(test_mark),
	};

	return cmocka_run_group_tests_name("moving", tests, NULL, NULL);
}
