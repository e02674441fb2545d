/* SPDX-License-Identifier: MIT */
/* A worker without a thread or sockets: fake wires, a clock that is set, and main's side written down. */
#ifndef WSD_TESTS_WORKER_RIG_H
#define WSD_TESTS_WORKER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "client/subscriptions.h"
#include "conf/conf.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "support/fake_wire.h"
#include "worker/worker_priv.h"

#define RIG_MINUTE_MS 60000

static struct {
	struct worker w;
	struct conf conf;
	struct worker_ops ops;
	uint32_t slots; /* given out so far */
	unsigned left, asked, n_offers;
	bool session_over; /* of the last that left */
	struct worker_offer *offers[FAKE_WIRES];
} rig;

/* What a test sets before the rig starts: NULL, there are no channels. */
static struct broker *rig_broker;
static struct channel_rules_now *rig_rules;

static inline void
rig_left(void *arg, struct client_departure *departure)
{
	rig.left++;
	rig.session_over = departure->session_over;
	client_departure_free(departure);
}

static inline void
rig_offer(void *arg, struct worker_offer *offer)
{
	rig.offers[rig.n_offers++] = offer;
}

static inline void
rig_asked(void *arg)
{
	rig.asked++;
}

/* Turns the loop until this timer, its only one, has run; it may turn for nothing before. */
static inline void
rig_wait_for(uv_timer_t *timer)
{
	uint64_t due_ms = uv_now(&rig.w.loop) + uv_timer_get_due_in(timer);

	do
		uv_run(&rig.w.loop, UV_RUN_ONCE);
	while (uv_is_active((uv_handle_t *)timer) && uv_now(&rig.w.loop) + uv_timer_get_due_in(timer) == due_ms);
}

static inline int
rig_start(void **state)
{
	struct worker *w = &rig.w;
	struct clients_setup setup = { .loop = &w->loop,
				       .conf = &rig.conf,
				       .ops = &worker_clients_ops,
				       .broker = rig_broker,
				       .rules = rig_rules };

	memset(&rig, 0, sizeof(rig));
	rig.conf = (struct conf){
		.heartbeat_interval_ms = RIG_MINUTE_MS,
		.connection_timeout_ms = 3 * RIG_MINUTE_MS,
		.send_timeout_ms = 2 * RIG_MINUTE_MS,
		.max_message_bytes = 1024,
		.send_queue_bytes = 4096,
		.channel_limit = 3,
		.instance = "rig",
	};
	rig.ops = (struct worker_ops){ .left = rig_left, .offer = rig_offer, .asked = rig_asked };
	log_set_level(LOG_LEVEL_ERROR); /* each connection would be a line */
	metrics_init("rig", "0");
	w->magic = WORKER_MAGIC;
	w->ops = &rig.ops;
	setup.shard = metrics_shard_create();
	assert_non_null(setup.shard);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(clients_init(&w->clients, &setup), WSD_OK);
	w->clients.real_offset_ms = 0; /* the wall clock is the loop's */
	assert_int_equal(mailbox_init(&w->box, &w->loop, w, FAKE_WIRES), WSD_OK);
	if (rig_broker)
		uv_unref((uv_handle_t *)&w->clients.channels.wake);
	uv_unref((uv_handle_t *)&w->box.wake); /* who runs the loop waits for timers, and not for ever */
	drain_init(w);
	export_init(w);
	assert_int_equal(wire_hub_start(w->clients.hub), WSD_OK);
	return 0;
}

static inline int
rig_stop(void **state)
{
	struct worker *w = &rig.w;

	mailbox_close(&w->box, NULL);
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++)
		if (w->slots.clients[slot])
			subscriptions_end(&w->clients, w->slots.clients[slot], true);
	channels_stop(&w->clients);
	wire_hub_stop(w->clients.hub);
	uv_close((uv_handle_t *)&w->drain.timer, NULL);
	uv_close((uv_handle_t *)&w->export.timer, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	assert_int_equal(rig.left, rig.slots); /* each once */
	assert_int_equal(metrics_sum(METRIC_CONNECTIONS), 0);
	mailbox_deinit(&w->box);
	slots_deinit(&w->slots);
	clients_deinit(&w->clients);
	for (unsigned i = 0; i < rig.n_offers; i++)
		free(rig.offers[i]);
	metrics_deinit();
	return 0;
}

#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_start, rig_stop)

/* A client that has just come, or could not be taken up: then it is no more. */
static inline struct client *
rig_guest(const struct client_guest *guest)
{
	static const struct client_opening how;
	struct client *c = client_create(guest);
	unsigned before = rig.left;

	assert_non_null(c);
	rig.slots++;
	assert_int_equal(slots_put(&rig.w.slots, c), WSD_OK);
	client_adopt(&rig.w.clients, c, -1, &how);
	return rig.left == before ? c : NULL;
}

static inline struct client *
rig_client(void)
{
	struct client *c = rig_guest(&(struct client_guest){ .slot = rig.slots, .serial = rig.slots + 1, .id = "ann" });

	assert_non_null(c);
	return c;
}

static inline struct fake_wire *
rig_wire(const struct client *c)
{
	return fake_of(&c->wire);
}

static inline void
rig_end_turn(void)
{
	wire_hub_end_turn(rig.w.clients.hub);
}

/* What main has posted is read, in a turn of the loop. */
static inline void
rig_deliver(void)
{
	uv_ref((uv_handle_t *)&rig.w.box.wake);
	uv_run(&rig.w.loop, UV_RUN_NOWAIT);
	uv_unref((uv_handle_t *)&rig.w.box.wake);
	rig_end_turn();
}

static inline uint64_t
rig_now_ms(void)
{
	return clients_now_ms(&rig.w.clients);
}

/* Time passes, in steps as the worker's clock has them, and turns of the loop with it. */
static inline void
rig_pass(uint64_t ms)
{
	for (uint64_t step; ms > 0; ms -= step) {
		step = ms < 50 ? ms : 50;
		rig.w.loop.time += step;
		wheel_run(&rig.w.clients.wheel, rig_now_ms());
		rig_end_turn();
	}
}

/* The last that was said to the client. */
#define assert_said(c, part) \
	do { \
		if (!strstr(rig_wire(c)->last, part)) \
			fail_msg("said %s, and not %s", rig_wire(c)->last, part); \
	} while (0)

#endif
