/* SPDX-License-Identifier: MIT */
/*
 * A worker's thread, its loop and its mailbox. The loop is initialised and its mailbox opened by main, before
 * the thread runs, so that main can always post; from then on everything but the mailbox and `ticks` belongs
 * to the thread.
 */
#include "worker/worker_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "client/subscriptions.h"
#include "loop/reserve.h"

#define MAILS_MOST 65536 /* connections on their way to this worker; the front desk answers 503 beyond */

struct seat_mail {
	struct mail mail;
	struct client *client;
	int fd;
	struct client_opening how;
};

struct dismiss_mail {
	struct mail mail;
	struct worker_question *question;
	enum client_bye bye;
};

/* ---- what the clients come to ---------------------------------------------------------------- */

static void
on_newcomer(struct clients *all, struct client *c)
{
	export_newcomer(worker_of(all), c);
}

static void
on_boundary(struct clients *all, struct client *c)
{
	export_look(worker_of(all), c);
}

static void
on_left(struct clients *all, struct client *c, struct client_departure *departure)
{
	struct worker *w = worker_of(all);

	if (slots_find(&w->slots, c->slot, c->serial)) /* not of one that was refused */
		slots_remove(&w->slots, c);
	w->ops->left(w->ops->arg, departure);
}

const struct clients_ops worker_clients_ops = { .newcomer = on_newcomer, .boundary = on_boundary, .left = on_left };

bool
worker_take_up(struct worker *w, struct client *c, int fd)
{
	if (!w->stopping && wire_hub_serves(w->clients.hub) && slots_put(&w->slots, c) == WSD_OK)
		return true;
	fd_close(&fd);
	client_refused(&w->clients, c);
	return false;
}

/* ---- the loop turn --------------------------------------------------------------------------- */

static void
on_clock(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	CHECK_MAGIC(w, WORKER_MAGIC);
	atomic_fetch_add_explicit(&w->ticks, 1, memory_order_relaxed);
	clients_tick(&w->clients);
}

static void
end_turn(struct worker *w)
{
	CHECK_MAGIC(w, WORKER_MAGIC);
	wire_hub_end_turn(w->clients.hub);
}

static void
on_before_poll(uv_prepare_t *handle)
{
	end_turn(handle->data); /* for what the timers did */
}

static void
on_after_poll(uv_check_t *handle)
{
	end_turn(handle->data);
}

/* ---- mails ----------------------------------------------------------------------------------- */

static void
run_seat(struct mail *mail, void *owner)
{
	struct seat_mail *seat = (struct seat_mail *)mail;
	struct worker *w = owner;

	CHECK_MAGIC(w, WORKER_MAGIC);
	if (worker_take_up(w, seat->client, seat->fd))
		client_adopt(&w->clients, seat->client, seat->fd, &seat->how);
	free(seat);
}

static void
fill_answer(struct worker *w, struct worker_question *q, const struct client *c)
{
	uint64_t now_ms = clients_now_ms(&w->clients);

	q->known = true;
	q->resumed = c->resumed;
	q->peer = c->peer;
	q->count = c->count;
	q->opened_real_ms = c->opened_ms + w->clients.real_offset_ms;
	q->idle_ms = now_ms - c->last_rx_ms;
	q->queued_bytes = wire_queued(&c->wire);
}

static void
run_ask(struct mail *mail, void *owner)
{
	struct worker_question *q = (struct worker_question *)mail;
	struct worker *w = owner;
	struct client *c = slots_find(&w->slots, q->slot, q->serial);

	q->found = c && c->opened;
	if (q->found)
		fill_answer(w, q, c);
	q->answered(q);
}

static void
run_dismiss(struct mail *mail, void *owner)
{
	struct dismiss_mail *dismiss = (struct dismiss_mail *)mail;
	struct worker_question *q = dismiss->question;
	struct worker *w = owner;
	struct client *c = slots_find(&w->slots, q->slot, q->serial);

	q->found = c && client_is_open(c);
	if (c && c->opened)
		fill_answer(w, q, c);
	if (q->found)
		client_bye(&w->clients, c, dismiss->bye, 0);
	free(dismiss);
	q->answered(q);
}

static void
run_release(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct worker *w = owner;
	struct client *c = slots_find(&w->slots, offer->slot, offer->serial);

	if (c && client_is_held(c))
		export_release(w, c);
	free(offer);
}

static void
run_keep(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct worker *w = owner;
	struct client *c = slots_find(&w->slots, offer->slot, offer->serial);

	if (c && client_is_held(c)) {
		export_keep(w, c);
		if (offer->bye != CLIENT_BYES)
			client_bye(&w->clients, c, offer->bye, clients_random(&w->clients, offer->retry_ms + 1));
	}
	free(offer);
}

/* ---- start and stop -------------------------------------------------------------------------- */

static void
close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
close_walked(uv_handle_t *handle, void *arg)
{
	close_handle(handle);
}

/* Of those that are still here: nothing of the broker may come when the loop has ended. */
static void
end_subscriptions(struct worker *w)
{
	for (uint32_t slot = 0; slot < w->slots.n_room; slot++)
		if (w->slots.clients[slot])
			subscriptions_end(&w->clients, w->slots.clients[slot], true);
	channels_stop(&w->clients);
}

/* Runs from the mailbox, which is no event of a wire: doc/libwebsockets.md. */
static void
run_stop(struct mail *mail, void *owner)
{
	struct worker *w = owner;

	w->stopping = true;
	end_subscriptions(w);
	end_turn(w);
	mailbox_close(&w->box, NULL);
	close_handle((uv_handle_t *)&w->clock);
	close_handle((uv_handle_t *)&w->before_poll);
	close_handle((uv_handle_t *)&w->after_poll);
	close_handle((uv_handle_t *)&w->drain.timer);
	close_handle((uv_handle_t *)&w->export.timer);
	wire_hub_stop(w->clients.hub); /* drops the connections; ends when the loop has run out of handles */
}

static int
serve(struct worker *w)
{
	int rc = wire_hub_start(w->clients.hub);

	/* without a context the loop still runs, for the mail that stops it */
	gate_report(w->gate, rc);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	wire_hub_stop(w->clients.hub); /* frees what the first call could not */
	return rc;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	CHECK_MAGIC(w, WORKER_MAGIC);
	uv_update_time(&w->loop);
	serve(w);
	CHECK_ZERO(uv_loop_close(&w->loop));
	slots_deinit(&w->slots);
	clients_deinit(&w->clients);
	return NULL;
}

static void
init_handles(struct worker *w)
{
	uint32_t tick = clients_tick_ms(w->clients.conf);

	w->clock.data = w->before_poll.data = w->after_poll.data = w;
	CHECK_ZERO(uv_timer_init(&w->loop, &w->clock));
	CHECK_ZERO(uv_timer_start(&w->clock, on_clock, tick, tick));
	CHECK_ZERO(uv_prepare_init(&w->loop, &w->before_poll));
	CHECK_ZERO(uv_prepare_start(&w->before_poll, on_before_poll));
	CHECK_ZERO(uv_check_init(&w->loop, &w->after_poll));
	CHECK_ZERO(uv_check_start(&w->after_poll, on_after_poll));
	drain_init(w);
	export_init(w);
}

int
worker_start(struct worker **out, const struct worker_setup *setup)
{
	struct worker *w = calloc(1, sizeof(*w));
	char name[THREAD_NAME_MAX + 1];
	int rc;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	w->magic = WORKER_MAGIC;
	w->ops = setup->ops;
	w->gate = setup->gate;
	rc = uv_loop_init(&w->loop);
	if (rc != 0)
		goto no_loop;
	rc = clients_init(&w->clients, &(struct clients_setup){
					       .loop = &w->loop,
					       .conf = setup->conf,
					       .auth = setup->auth,
					       .broker = setup->broker,
					       .rules = setup->rules,
					       .ops = &worker_clients_ops,
					       .shard = setup->shard,
					       .index = setup->index,
				       });
	if (rc != WSD_OK)
		goto no_clients;
	rc = loop_reserve(&w->loop);
	if (rc != WSD_OK)
		goto no_mailbox;
	rc = mailbox_init(&w->box, &w->loop, w, MAILS_MOST);
	if (rc != WSD_OK)
		goto no_mailbox;
	init_handles(w);
	snprintf(name, sizeof(name), "worker-%" PRIu32, setup->index);
	rc = thread_start(&w->thread, name, worker_main, w);
	if (rc == WSD_OK) {
		*out = w;
		return WSD_OK;
	}
	uv_walk(&w->loop, close_walked, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	mailbox_deinit(&w->box);
no_mailbox:
	clients_deinit(&w->clients);
no_clients:
	uv_loop_close(&w->loop);
no_loop:
	free(w);
	return rc;
}

void
worker_stop(struct worker *w)
{
	w->stop.run = run_stop;
	CHECK(mailbox_return(&w->box, &w->stop) == WSD_OK);
}

void
worker_join(struct worker **worker)
{
	struct worker *w = *worker;

	if (!w)
		return;
	thread_join(w->thread);
	mailbox_deinit(&w->box);
	w->magic = 0;
	free(w);
	*worker = NULL;
}

uint64_t
worker_ticks(const struct worker *w)
{
	return atomic_load_explicit(&w->ticks, memory_order_relaxed);
}

void
worker_library_init(void)
{
	wire_library_init();
}

/* ---- what main asks for ---------------------------------------------------------------------- */

int
worker_seat(struct worker *w, const struct client_guest *guest)
{
	struct seat_mail *seat = malloc(sizeof(*seat));
	int rc = -ENOMEM;

	if (!seat)
		return rc;
	seat->mail.run = run_seat;
	seat->fd = guest->fd;
	memcpy(seat->how.key, guest->key, sizeof(seat->how.key));
	memcpy(seat->how.token, guest->token, sizeof(seat->how.token));
	snprintf(seat->how.subprotocol, sizeof(seat->how.subprotocol), "%s", guest->subprotocol);
	snprintf(seat->how.subject, sizeof(seat->how.subject), "%s", guest->subject ? guest->subject : "");
	seat->client = client_create(guest);
	if (seat->client) {
		rc = mailbox_post(&w->box, &seat->mail);
		if (rc == WSD_OK)
			return rc;
		client_free(seat->client);
	}
	free(seat);
	return rc;
}

int
worker_ask(struct worker *w, struct worker_question *q)
{
	q->mail.run = run_ask;
	return mailbox_return(&w->box, &q->mail);
}

int
worker_dismiss(struct worker *w, struct worker_question *q, enum client_bye bye)
{
	struct dismiss_mail *dismiss = malloc(sizeof(*dismiss));
	int rc;

	if (!dismiss)
		return -ENOMEM;
	*dismiss = (struct dismiss_mail){ .mail.run = run_dismiss, .question = q, .bye = bye };
	rc = mailbox_return(&w->box, &dismiss->mail);
	if (rc != WSD_OK)
		free(dismiss);
	return rc;
}

int
worker_release(struct worker *w, struct worker_offer *offer)
{
	offer->mail.run = run_release;
	return mailbox_return(&w->box, &offer->mail);
}

int
worker_keep(struct worker *w, struct worker_offer *offer, enum client_bye bye, uint32_t retry_ms)
{
	offer->mail.run = run_keep;
	offer->bye = bye;
	offer->retry_ms = retry_ms;
	return mailbox_return(&w->box, &offer->mail);
}
