/* SPDX-License-Identifier: MIT */
/* Workers without threads. */
#include "support/fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"

struct worker {
	uint32_t index;
};

struct fake_worker fake_workers[FAKE_WORKERS];

static struct fake_worker *
of(const struct worker *w)
{
	assert_non_null(w);
	return &fake_workers[w->index];
}

void
fake_worker_offers(struct fake_worker *fake, const char *id, int fd)
{
	struct worker_offer *offer = calloc(1, sizeof(*offer));

	assert_non_null(offer);
	offer->fd = fd;
	offer->serial = fake->arrival.serial;
	offer->worker = fake->worker->index;
	offer->slot = fake->arrival.slot;
	strcpy(offer->state.id, id);
	fake->ops->offer(fake->ops->arg, offer);
}

/* ---- worker.h -------------------------------------------------------------------------------- */

void
worker_library_init(void)
{
}

int
worker_start(struct worker **out, const struct worker_setup *setup)
{
	struct worker *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_in_range(setup->index, 0, FAKE_WORKERS - 1);
	w->index = setup->index;
	fake_workers[w->index] = (struct fake_worker){ .worker = w, .ops = setup->ops };
	gate_report(setup->gate, WSD_OK);
	*out = w;
	return WSD_OK;
}

void
worker_stop(struct worker *w)
{
}

void
worker_join(struct worker **w)
{
	of(*w)->worker = NULL;
	free(*w);
	*w = NULL;
}

int
worker_seat(struct worker *w, const struct client_guest *guest)
{
	return WSD_E_FULL;
}

int
worker_ask(struct worker *w, struct worker_question *q)
{
	return WSD_E_CLOSED;
}

int
worker_dismiss(struct worker *w, struct worker_question *q, enum client_bye bye)
{
	return WSD_E_CLOSED;
}

int
worker_drain(struct worker *w, enum client_bye bye, uint32_t spread_ms, uint32_t retry_ms)
{
	of(w)->drains++;
	of(w)->bye = bye;
	of(w)->spread_ms = spread_ms;
	return of(w)->order_rc;
}

int
worker_drain_stop(struct worker *w)
{
	of(w)->drain_stops++;
	return of(w)->order_rc;
}

int
worker_export(struct worker *w, uint32_t patience_ms, bool sessions)
{
	of(w)->exports++;
	return of(w)->order_rc;
}

int
worker_export_ask(struct worker *w, uint32_t patience_ms)
{
	of(w)->asks++;
	return of(w)->order_rc;
}

int
worker_export_last(struct worker *w, uint32_t grace_ms)
{
	of(w)->last_exports++;
	return of(w)->order_rc;
}

int
worker_export_sessions(struct worker *w, uint32_t spread_ms)
{
	of(w)->session_exports++;
	of(w)->spread_ms = spread_ms;
	return of(w)->order_rc;
}

int
worker_command(struct worker *w, struct worker_command *command)
{
	struct fake_worker *fake = of(w);

	if (fake->order_rc != WSD_OK)
		return fake->order_rc;
	fake->commands++;
	fake->seat = (struct fake_seat){ command->serial, command->slot };
	command->result = fake->result;
	command->answered(command);
	return WSD_OK;
}

int
worker_reload(struct worker *w)
{
	of(w)->reloads++;
	return of(w)->order_rc;
}

int
worker_export_stop(struct worker *w)
{
	of(w)->export_stops++;
	return of(w)->order_rc;
}

int
worker_release(struct worker *w, struct worker_offer *offer)
{
	of(w)->released++;
	free(offer);
	return WSD_OK;
}

int
worker_keep(struct worker *w, struct worker_offer *offer, enum client_bye bye, uint32_t retry_ms)
{
	of(w)->kept++;
	of(w)->bye = bye;
	free(offer);
	return WSD_OK;
}

int
worker_import(struct worker *w, const struct worker_arrival *arrival, bool (*claim)(void *arg), void *claim_arg)
{
	struct fake_worker *fake = of(w);
	int fd = arrival->fd;

	if (fake->import_rc != WSD_OK)
		return fake->import_rc;
	if (claim && !claim(claim_arg))
		return WSD_E_CLOSED;
	fake->imports++;
	fake->arrival = *arrival;
	fd_close(&fd);
	return WSD_OK;
}

__attribute__((weak)) void /* client/ has the same, for who needs more of it */
client_departure_free(struct client_departure *departure)
{
	free(departure);
}

uint64_t
worker_ticks(const struct worker *w)
{
	return 0;
}
