/* SPDX-License-Identifier: MIT */
/* A client of another process goes on here as it was there, or its socket stays with who brought it. */
#include "support/worker_rig.h"

#include <fcntl.h>
#include <unistd.h>

#define AGE_MS 5000 /* less than any machine has run */
#define LONG   100000

static const struct conn_state bob = {
	.id = "bob",
	.count = 41,
	.count_at_open = 30,
	.age_ms = AGE_MS,
	.idle_ms = 1000,
	.heartbeat_in_ms = 7000,
	.resumed = true,
	.queue = "frames",
	.queue_len = 6,
};

static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool
is_closed(int fd)
{
	return fcntl(fd, F_GETFD) == -1;
}

static bool
say(void *answer)
{
	return *(bool *)answer;
}

static int
import(const struct conn_state *state, int fd, bool ours)
{
	struct worker_arrival arrival = { .fd = fd, .serial = rig.slots + 1, .slot = rig.slots, .state = state };
	int rc = worker_import(&rig.w, &arrival, say, &ours);

	rig.slots += rc == WSD_OK;
	return rc;
}

static struct client *
imported(const struct conn_state *state)
{
	struct client *c;

	assert_int_equal(import(state, some_fd(), true), WSD_OK);
	rig_deliver();
	c = slots_find(&rig.w.slots, rig.slots - 1, rig.slots);
	assert_non_null(c);
	return c;
}

static void
test_goes_on_as_it_was(void **state)
{
	struct client *c = imported(&bob);

	assert_true(client_is_open(c));
	assert_true(rig_wire(c)->live);
	assert_int_equal(rig_wire(c)->texts, 0); /* it is not greeted again */
	assert_string_equal(rig_wire(c)->queue, "frames");
	assert_string_equal(c->id, "bob");
	assert_true(c->resumed);
	assert_in_range(rig_now_ms() - c->opened_ms, AGE_MS - 10, AGE_MS + RIG_MINUTE_MS);
	assert_int_equal(metrics_sum(METRIC_CONNECTIONS), 1);
	assert_int_equal(metrics_sum(METRIC_MOVED_IN), 1);
	assert_int_equal(metrics_sum(METRIC_OPENED), 0);
	fake_text(&c->wire, "{\"type\":\"message\",\"data\":1}");
	assert_said(c, "\"count\":42");
}

/* What arrives is what would leave again, but for the time that has passed. */
static void
test_leaves_as_it_came(void **state)
{
	struct conn_state came = bob;
	struct client *c;

	came.rate_spent = 123;
	came.over_limit = 4;
	came.token_expires_real_ms = 2000000000000;
	came.token_warned = true;
	c = imported(&came);
	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	export_start(&rig.w, LONG, false);
	rig_end_turn();
	assert_int_equal(rig.n_offers, 1);
#define STATE_NUMBER(tag, type, name, most, member) assert_int_equal(rig.offers[0]->state.name, came.name);
#define STATE_SINCE(tag, name, member) \
	assert_in_range(rig.offers[0]->state.name, came.name - 10, came.name + RIG_MINUTE_MS);
#define STATE_UNTIL(tag, name, member)  assert_in_range(rig.offers[0]->state.name, 0, came.name + 10);
#define STATE_SECOND(tag, name, member) assert_int_equal(rig.offers[0]->state.name, came.name);
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	assert_string_equal(rig.offers[0]->state.id, "bob");
	assert_int_equal(rig.offers[0]->state.queue_len, 6);
	assert_memory_equal(rig.offers[0]->state.queue, "frames", 6);
}

/* Its heartbeat is due when it would have been there, */
static void
test_heartbeat(void **state)
{
	struct client *c = imported(&bob);

	rig_pass(5000);
	assert_int_equal(rig_wire(c)->pings, 0);
	rig_pass(3000);
	assert_int_equal(rig_wire(c)->pings, 1);
}

/* and its silence is as old as it was. */
static void
test_silence(void **state)
{
	struct client *c;

	rig.conf.connection_timeout_ms = 4000;
	c = imported(&bob);
	rig.w.clients.awake_ms = 0; /* the loop has run as long */
	rig_pass(2000);
	assert_true(client_is_open(c));
	rig_pass(1200);
	assert_said(c, "\"reason\":\"timeout\"");
}

/* Whatever fails before it is posted, its socket is the caller's. */
static void
test_not_taken_by_the_worker(void **state)
{
	int fd = some_fd();

	assert_int_equal(import(&bob, fd, false), WSD_E_CLOSED);
	fake_preloads(false);
	assert_int_equal(import(&bob, fd, true), -ENOMEM);
	fake_preloads(true);
	rig.w.box.closed = true;
	assert_int_equal(import(&bob, fd, true), WSD_E_CLOSED);
	rig.w.box.closed = false;
	assert_false(is_closed(fd));
	close(fd);
	rig_deliver();
	assert_int_equal(rig.left, 0);
}

/* From then on it is the worker's, which reports each that it does not serve. */
static void
test_not_served(void **state)
{
	int refused = some_fd(), late = some_fd();

	fake_adopts(false);
	assert_int_equal(import(&bob, refused, true), WSD_OK);
	rig_deliver();
	assert_true(is_closed(refused));
	assert_int_equal(rig.left, 1);
	assert_false(rig.session_over);

	rig.w.stopping = true;
	assert_int_equal(import(&bob, late, true), WSD_OK);
	rig_deliver();
	assert_true(is_closed(late));
	assert_int_equal(rig.left, 2);
	assert_int_equal(metrics_sum(METRIC_REFUSED_INTERNAL), 2);
	assert_int_equal(metrics_sum(METRIC_MOVED_IN), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_goes_on_as_it_was), RIG_TEST(test_leaves_as_it_came),       RIG_TEST(test_heartbeat),
		RIG_TEST(test_silence),           RIG_TEST(test_not_taken_by_the_worker), RIG_TEST(test_not_served),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
