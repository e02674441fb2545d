/* SPDX-License-Identifier: MIT */
/* Who is offered to another process, when, and what becomes of those that are not. */
#include "support/worker_rig.h"

#define AT_MOST 256 /* that stand still at one time */
#define LONG    100000

/* The loop waits for the export's timer, which is its only one. */
static void
wait_for_timer(void)
{
	rig_wait_for(&rig.w.export.timer);
	rig_end_turn();
}

static void
test_offered_on_a_boundary(void **state)
{
	struct client *c = rig_client();

	c->count = 17;
	export_start(&rig.w, LONG, false);
	rig_end_turn();
	assert_int_equal(rig.n_offers, 0); /* it stands within something */

	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	rig_wire(c)->queue = "frames";
	fake_text(&c->wire, "{\"type\":\"ping\"}");
	rig_end_turn();
	assert_int_equal(rig.n_offers, 1);
	assert_int_equal(rig.offers[0]->fd, wire_fd(&c->wire));
	assert_int_equal(rig.offers[0]->state.count, 17);
	assert_string_equal(rig.offers[0]->state.id, "ann");
	assert_int_equal(rig.offers[0]->state.queue_len, 6);
	assert_memory_equal(rig.offers[0]->state.queue, "frames", 6);
	assert_int_equal(wire_state(&c->wire), WIRE_HELD);

	rig_pass(10 * RIG_MINUTE_MS); /* none of its clocks runs */
	assert_int_equal(rig_wire(c)->pings, 0);
	assert_int_equal(wire_state(&c->wire), WIRE_HELD);
}

static void
test_released(void **state)
{
	struct client *c = rig_client();

	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	export_start(&rig.w, LONG, false);
	rig_end_turn();
	export_release(&rig.w, c);
	rig_end_turn();
	assert_int_equal(rig.left, 1);
	assert_true(rig.session_over); /* here: it goes on over there */
	assert_int_equal(metrics_sum(METRIC_MOVED_OUT), 1);
	assert_int_equal(metrics_sum(METRIC_CLOSED_1006), 0);
}

static void
test_kept(void **state)
{
	struct client *c = rig_client();

	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	export_start(&rig.w, LONG, false);
	rig_end_turn();
	export_keep(&rig.w, c);
	assert_true(rig_wire(c)->resumed);
	fake_text(&c->wire, "{\"type\":\"message\",\"data\":1}");
	assert_said(c, "\"count\":1");
	rig_pass(RIG_MINUTE_MS + 100);
	assert_int_equal(rig_wire(c)->pings, 1); /* its clocks run */
	assert_int_equal(rig.n_offers, 1);       /* and nobody offers it again */
}

static void
test_cannot_be_moved(void **state)
{
	struct client *unix_socket = rig_client(), *within = rig_client();

	rig_wire(unix_socket)->place = WIRE_NOWHERE;
	export_start(&rig.w, 1, false);
	rig_end_turn();
	assert_said(unix_socket, "\"reason\":\"restart\"");
	assert_int_equal(rig_wire(unix_socket)->close_code, 1012);
	assert_int_equal(metrics_sum(METRIC_UNMOVABLE_KIND), 1);
	assert_true(client_is_open(within));
	wait_for_timer();
	assert_said(within, "\"reason\":\"restart\"");
	assert_int_equal(metrics_sum(METRIC_UNMOVABLE_BUSY), 1);
	assert_int_equal(rig.n_offers, 0);
}

static void
test_sessions_of_those_that_cannot(void **state)
{
	struct client *unix_socket = rig_client(), *within = rig_client();

	rig_wire(unix_socket)->place = WIRE_NOWHERE;
	rig_wire(unix_socket)->queue = "stays";
	export_start(&rig.w, 1, true);
	rig_end_turn();
	assert_int_equal(rig.n_offers, 1);
	assert_int_equal(rig.offers[0]->fd, -1);
	assert_int_equal(rig.offers[0]->state.queue_len, 0);
	wait_for_timer();
	assert_int_equal(rig.n_offers, 2);
	assert_int_equal(rig.offers[1]->fd, -1);
	assert_int_equal(rig.offers[1]->slot, within->slot);
	assert_int_equal(rig_wire(within)->close_code, 0); /* its goodbye is main's to order */
}

static void
test_so_many_stand_still_at_one_time(void **state)
{
	struct client *conns[AT_MOST + 50];

	for (unsigned i = 0; i < AT_MOST + 50; i++) {
		conns[i] = rig_client();
		rig_wire(conns[i])->place = WIRE_ON_BOUNDARY;
	}
	export_start(&rig.w, LONG, false);
	rig_end_turn();
	assert_int_equal(rig.n_offers, AT_MOST);
	for (unsigned i = 0; i < AT_MOST / 2; i++)
		export_release(&rig.w, conns[i]);
	rig_end_turn();
	rig_end_turn();
	assert_int_equal(rig.n_offers, AT_MOST + 50);
}

/* A restart: when this process ends next, nobody is held back. */
static void
test_all_at_once_at_last(void **state)
{
	struct client *leaving = rig_client();
	struct fake_wire *of_leaving = rig_wire(leaving);

	client_bye(&rig.w.clients, leaving, CLIENT_BYE_OPERATOR, 0);
	for (unsigned i = 0; i < AT_MOST + 50; i++)
		rig_wire(rig_client())->place = WIRE_ON_BOUNDARY;
	export_last(&rig.w, 1);
	rig_end_turn();
	assert_int_equal(rig.n_offers, AT_MOST + 50);
	wait_for_timer();
	assert_true(of_leaving->cut);
	assert_int_equal(rig.left, 1);
}

static void
test_asking(void **state)
{
	struct client *ready = rig_client(), *within = rig_client();

	rig_wire(ready)->place = WIRE_ON_BOUNDARY;
	export_ask(&rig.w, LONG);
	rig_end_turn();
	wait_for_timer();
	assert_int_equal(rig.asked, 0);
	fake_text(&ready->wire, "{\"type\":\"message\",\"data\":1}");
	assert_said(ready, "\"count\":1"); /* it goes on, and is not looked at again */
	assert_false(wire_is_seeking(&ready->wire));

	rig_wire(within)->place = WIRE_ON_BOUNDARY;
	fake_text(&within->wire, "{\"type\":\"ping\"}");
	rig_end_turn();
	wait_for_timer();
	assert_int_equal(rig.asked, 1);
	assert_int_equal(rig.n_offers, 0);
}

static void
test_no_more_offers(void **state)
{
	struct client *c = rig_client();

	export_start(&rig.w, LONG, false);
	rig_end_turn();
	export_stop(&rig.w);
	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	fake_text(&c->wire, "{\"type\":\"ping\"}");
	rig_end_turn();
	assert_int_equal(rig.n_offers, 0);
	assert_true(client_is_open(c));
}

static void
test_newcomers_are_offered_too(void **state)
{
	struct client *c;

	export_start(&rig.w, LONG, false);
	c = rig_client();
	rig_wire(c)->place = WIRE_ON_BOUNDARY;
	rig_end_turn();
	assert_int_equal(rig.n_offers, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_offered_on_a_boundary),
		RIG_TEST(test_released),
		RIG_TEST(test_kept),
		RIG_TEST(test_cannot_be_moved),
		RIG_TEST(test_sessions_of_those_that_cannot),
		RIG_TEST(test_so_many_stand_still_at_one_time),
		RIG_TEST(test_all_at_once_at_last),
		RIG_TEST(test_asking),
		RIG_TEST(test_no_more_offers),
		RIG_TEST(test_newcomers_are_offered_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
