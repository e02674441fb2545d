/* SPDX-License-Identifier: MIT */
/* What a client takes along when it changes its process: the fields of proto/state.def; and its going on. */
#include "client/travel.h"

#include <string.h>

#include "base/err.h"
#include "client/client_priv.h"
#include "client/subscriptions.h"
#include "kept/notes.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "proto/state.h"

static uint64_t
moment_before(uint64_t now_ms, uint64_t ms)
{
	return now_ms - (ms < now_ms ? ms : now_ms);
}

static uint64_t
left_until(uint64_t moment_ms, uint64_t now_ms)
{
	return moment_ms > now_ms ? moment_ms - now_ms : 0;
}

void
travel_leave(const struct client *c, struct conn_state *s, uint64_t now_ms)
{
	strcpy(s->id, c->id);
	strcpy(s->user, client_user(c));
	s->peer = c->peer;
#define STATE_NUMBER(tag, type, name, most, member) s->name = c->member;
#define STATE_SINCE(tag, name, member)              s->name = now_ms - c->member;
#define STATE_UNTIL(tag, name, member)              s->name = left_until(c->member, now_ms);
#define STATE_SECOND(tag, name, member)             s->name = c->member * 1000ull;
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
}

static void
unpack(struct client *c, const struct conn_state *s, uint64_t now_ms)
{
#define STATE_NUMBER(tag, type, name, most, member) c->member = s->name;
#define STATE_SINCE(tag, name, member)              c->member = moment_before(now_ms, s->name);
#define STATE_UNTIL(tag, name, member)              c->member = now_ms + s->name;
#define STATE_SECOND(tag, name, member)             c->member = client_seconds(s->name);
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
}

size_t
travel_subscriptions(const struct client *c, char *out)
{
	char one[STATE_SUBSCRIPTION_MAX];
	struct state_subscription s;
	size_t len = 0;

	for (uint32_t i = 0; c->subs && i < c->subs->n; i++) {
		subscriptions_describe(&c->subs->list[i], &s);
		len += state_put_subscription(out ? out + len : one, &s);
	}
	return len;
}

/* ---- noted for the next process -------------------------------------------------------------- */

enum row {
#define STATE_NUMBER(tag, type, name, most, member) ROW_##name,
#define STATE_SINCE(tag, name, member)              ROW_##name,
#define STATE_UNTIL(tag, name, member)              ROW_##name,
#define STATE_SECOND(tag, name, member)             ROW_##name,
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	ROWS
};

_Static_assert(ROWS <= NOTES_ROWS, "a record has room for each");
_Static_assert(ROW_count == NOTES_COUNT, "which is what a session has");

void
travel_note(const struct client *c, uint64_t *rows)
{
#define STATE_NUMBER(tag, type, name, most, member) rows[ROW_##name] = c->member;
#define STATE_SINCE(tag, name, member)              rows[ROW_##name] = c->member;
#define STATE_UNTIL(tag, name, member)              rows[ROW_##name] = c->member;
#define STATE_SECOND(tag, name, member)             rows[ROW_##name] = c->member;
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
}

bool
travel_noted(struct conn_state *s, const uint64_t *rows, uint64_t now_ms)
{
	bool sound = true;

#define STATE_NUMBER(tag, type, name, most, member) \
	sound = sound && rows[ROW_##name] <= (most); \
	s->name = (type)rows[ROW_##name];
#define STATE_SINCE(tag, name, member)  s->name = left_until(now_ms, rows[ROW_##name]);
#define STATE_UNTIL(tag, name, member)  s->name = left_until(rows[ROW_##name], now_ms);
#define STATE_SECOND(tag, name, member) s->name = (uint32_t)rows[ROW_##name] * 1000ull;
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	return sound;
}

/* ---- its going on here ------------------------------------------------------------------------ */

struct client *
client_arrive(const struct conn_state *s, uint64_t serial, uint32_t slot, struct note *note)
{
	struct client *c = client_create(&(struct client_guest){
		.serial = serial, .slot = slot, .peer = s->peer, .user = s->user, .id = s->id, .note = note });

	if (!c)
		return NULL;
	c->bucket.at_ns = clock_mono_ns();
	unpack(c, s, clock_mono_ms());
	if (s->queue_len > 0 && wire_preload(&c->wire, s->queue, s->queue_len) != WSD_OK) {
		client_free(c);
		return NULL;
	}
	return c;
}

void
client_go_on(struct clients *all, struct client *c, int fd, bool moved, struct slice subscriptions)
{
	struct state_subscription one;

	if (!wire_adopt_live(all->hub, &c->wire, fd))
		return;
	client_rearm(all, c);
	if (moved)
		metrics_add(all->shard, METRIC_MOVED_IN, 1);
	while (client_is_open(c) && state_next_subscription(&subscriptions, &one) == WSD_OK)
		subscriptions_arrive(all, c, &one);
	log_debug("connection %s goes on here", c->id);
}
