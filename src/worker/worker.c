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
#include "conf/conf.h"
#include "loop/reserve.h"

#define MAILS_MOST 65536 /* connections on their way to this worker; the front desk answers 503 beyond */

/* Fine enough for the shortest interval, and seldom enough to cost nothing when all are idle. */
#define TICK_MS_MIN    5
#define TICK_MS_MOST   100
#define STOOD_STILL_MS 1000 /* a tick as late: the machine was paused, or something else kept us from listening */

struct seat_mail {
	struct mail mail;
	struct conn *conn;
	int fd;
	struct seating how;
};

struct dismiss_mail {
	struct mail mail;
	struct worker_question *question;
	enum worker_bye bye;
};

/* ---- time and chance ------------------------------------------------------------------------- */

uint64_t
worker_now_ms(const struct worker *w)
{
	return uv_now(&w->loop);
}

const char *
worker_stamp(struct worker *w, uint64_t now_ns)
{
	uint64_t mono_ms = now_ns ? now_ns / CLOCK_NS_PER_MS : worker_now_ms(w);
	uint64_t real_ms = mono_ms + w->real_offset_ms;

	if (real_ms != w->stamp_ms) {
		w->stamp_ms = real_ms;
		clock_iso8601(w->stamp, real_ms);
	}
	return w->stamp;
}

uint32_t
worker_random(struct worker *w, uint32_t below)
{
	/* splitmix64: spreads deadlines, keeps no secrets */
	uint64_t z = (w->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return below ? (uint32_t)((z ^ (z >> 31)) % below) : 0;
}

static void
on_due(struct wheel_timer *timer, void *arg)
{
	conn_due(arg, LIST_ENTRY(timer, struct conn, timer));
}

static void
on_clock(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	CHECK_MAGIC(w, WORKER_MAGIC);
	atomic_fetch_add_explicit(&w->ticks, 1, memory_order_relaxed);
	w->real_offset_ms = clock_real_ms() - clock_mono_ms();
	if (worker_now_ms(w) - w->ticked_ms >= STOOD_STILL_MS)
		w->awake_ms = worker_now_ms(w);
	w->ticked_ms = worker_now_ms(w);
	wheel_run(&w->wheel, worker_now_ms(w));
}

/* ---- the loop turn --------------------------------------------------------------------------- */

static void
end_turn(struct worker *w)
{
	CHECK_MAGIC(w, WORKER_MAGIC);
	wire_hub_end_turn(w->hub);
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
	struct conn *c = seat->conn;

	CHECK_MAGIC(w, WORKER_MAGIC);
	if (w->stopping || !wire_hub_serves(w->hub) || slots_put(&w->slots, c) != WSD_OK) {
		fd_close(&seat->fd);
		conn_refused(w, c);
	} else {
		wire_adopt(w->hub, &c->wire, seat->fd, seat->how.key, seat->how.subprotocol, &seat->how);
	}
	free(seat);
}

static void
fill_answer(struct worker *w, struct worker_question *q, const struct conn *c)
{
	uint64_t now_ms = worker_now_ms(w);

	q->known = true;
	q->resumed = c->resumed;
	q->peer = c->peer;
	q->count = c->count;
	q->opened_real_ms = c->opened_ms + w->real_offset_ms;
	q->idle_ms = now_ms - c->last_rx_ms;
	q->queued_bytes = wire_queued(&c->wire);
}

static void
run_ask(struct mail *mail, void *owner)
{
	struct worker_question *q = (struct worker_question *)mail;
	struct worker *w = owner;
	struct conn *c = slots_find(&w->slots, q->slot, q->serial);

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
	struct conn *c = slots_find(&w->slots, q->slot, q->serial);

	q->found = c && conn_is_open(c);
	if (c && c->opened)
		fill_answer(w, q, c);
	if (q->found)
		conn_bye(w, c, dismiss->bye, 0);
	free(dismiss);
	q->answered(q);
}

static void
run_release(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct worker *w = owner;
	struct conn *c = slots_find(&w->slots, offer->slot, offer->serial);

	if (c && wire_state(&c->wire) == WIRE_HELD)
		export_release(w, c);
	free(offer);
}

static void
run_keep(struct mail *mail, void *owner)
{
	struct worker_offer *offer = (struct worker_offer *)mail;
	struct worker *w = owner;
	struct conn *c = slots_find(&w->slots, offer->slot, offer->serial);

	if (c && wire_state(&c->wire) == WIRE_HELD) {
		export_keep(w, c);
		if (offer->bye != WORKER_BYES)
			conn_bye(w, c, offer->bye, worker_random(w, offer->retry_ms + 1));
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

/* Runs from the mailbox, which is no event of a wire: doc/libwebsockets.md. */
static void
run_stop(struct mail *mail, void *owner)
{
	struct worker *w = owner;

	w->stopping = true;
	end_turn(w);
	mailbox_close(&w->box, NULL);
	close_handle((uv_handle_t *)&w->clock);
	close_handle((uv_handle_t *)&w->before_poll);
	close_handle((uv_handle_t *)&w->after_poll);
	close_handle((uv_handle_t *)&w->drain.timer);
	close_handle((uv_handle_t *)&w->export.timer);
	wire_hub_stop(w->hub); /* drops the connections; ends when the loop has run out of handles */
}

static int
serve(struct worker *w)
{
	int rc = wire_hub_start(w->hub);

	/* without a context the loop still runs, for the mail that stops it */
	gate_report(w->gate, rc);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	wire_hub_stop(w->hub); /* frees what the first call could not */
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
	wire_hub_destroy(&w->hub);
	return NULL;
}

static uint32_t
tick_ms(const struct conf *conf)
{
	uint32_t ms = conf->heartbeat_interval_ms;

	if (ms > conf->connection_timeout_ms)
		ms = conf->connection_timeout_ms;
	if (ms > conf->send_timeout_ms)
		ms = conf->send_timeout_ms;
	ms /= 20;

	return ms < TICK_MS_MIN ? TICK_MS_MIN : ms > TICK_MS_MOST ? TICK_MS_MOST : ms;
}

static void
init_handles(struct worker *w)
{
	uint32_t tick = tick_ms(w->conf);

	w->ticked_ms = w->awake_ms = worker_now_ms(w);
	wheel_init(&w->wheel, tick, worker_now_ms(w), on_due, w);
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
	w->index = setup->index;
	w->conf = setup->conf;
	w->ops = setup->ops;
	w->auth = setup->auth;
	w->shard = setup->shard;
	w->gate = setup->gate;
	w->real_offset_ms = clock_real_ms() - clock_mono_ms();
	fd_random(&w->random, sizeof(w->random));

	rc = wire_hub_create(&w->hub, &(struct wire_hub_setup){
					      .loop = &w->loop,
					      .shard = w->shard,
					      .events = &conn_events,
					      .owner = w,
					      .queue_most = w->conf->send_queue_bytes,
				      });
	if (rc != WSD_OK)
		goto no_loop;
	rc = uv_loop_init(&w->loop);
	if (rc != 0)
		goto no_loop;
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
	uv_loop_close(&w->loop);
no_loop:
	wire_hub_destroy(&w->hub);
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
worker_seat(struct worker *w, const struct worker_guest *guest)
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
	seat->conn = conn_create(guest);
	if (seat->conn) {
		rc = mailbox_post(&w->box, &seat->mail);
		if (rc == WSD_OK)
			return rc;
		conn_free(seat->conn);
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
worker_dismiss(struct worker *w, struct worker_question *q, enum worker_bye bye)
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
worker_keep(struct worker *w, struct worker_offer *offer, enum worker_bye bye, uint32_t retry_ms)
{
	offer->mail.run = run_keep;
	offer->bye = bye;
	offer->retry_ms = retry_ms;
	return mailbox_return(&w->box, &offer->mail);
}

int
worker_import(struct worker *w, const struct worker_arrival *arrival, bool (*claim)(void *arg), void *claim_arg)
{
	struct import_mail *mail;
	int rc;

	rc = import_mail_create(&mail, arrival);
	if (rc != WSD_OK)
		return rc;
	if (claim && !claim(claim_arg)) {
		import_mail_free(mail);
		return WSD_E_CLOSED;
	}
	/* without a bound: what was claimed must not be lost; the sender's window bounds it */
	rc = mailbox_return(&w->box, &mail->mail);
	if (rc != WSD_OK)
		import_mail_free(mail);
	return rc;
}
