/* SPDX-License-Identifier: MIT */
/*
 * Ring of the times at which messages were due. Ring value 0 is an answered message; the top bit marks one
 * that was given up. Given-up messages stay known for a while, so that an answer that does come is called
 * late and not repeated.
 */
#include "loadtest/track.h"

#include <stdlib.h>

#define GIVEN_UP   (1ull << 63)
#define RING_FIRST 4u
#define RING_IDLE  256u /* given-up messages are remembered this far back */

void
track_init(struct track *t)
{
	*t = (struct track){ .base = 1, .next = 1, .highest = 1 };
}

void
track_deinit(struct track *t)
{
	free(t->ring);
	t->ring = NULL;
	t->mask = 0;
}

static uint64_t *
slot(struct track *t, uint32_t id)
{
	return t->ring ? &t->ring[id & t->mask] : &t->single;
}

static void
drop_settled(struct track *t)
{
	while (t->base != t->next && *slot(t, t->base) == 0)
		t->base++;
}

static bool
grow(struct track *t)
{
	uint32_t size = t->ring ? (t->mask + 1) * 2 : RING_FIRST;
	uint64_t *ring;

	if (size > TRACK_MOST)
		return false;
	ring = calloc(size, sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t id = t->base; id != t->next; id++)
		ring[id & (size - 1)] = *slot(t, id);
	free(t->ring);
	t->ring = ring;
	t->mask = size - 1;
	return true;
}

bool
track_send(struct track *t, uint64_t due_ns)
{
	uint32_t room = t->ring ? t->mask + 1 : 1;

	while (t->next - t->base >= room) {
		if (room >= RING_IDLE && (*slot(t, t->base) & GIVEN_UP)) {
			*slot(t, t->base++) = 0;
			drop_settled(t);
			continue;
		}
		if (!grow(t))
			return false;
		room = t->mask + 1;
	}
	*slot(t, t->next++) = due_ns;
	t->open++;
	return true;
}

enum track_answer
track_answer(struct track *t, uint64_t id, uint64_t *due_ns)
{
	enum track_answer kind = TRACK_IN_ORDER;
	uint64_t *at;

	if (id == 0 || id >= t->next)
		return TRACK_UNKNOWN;
	if (id < t->base)
		return TRACK_REPEATED;
	at = slot(t, (uint32_t)id);
	if (*at == 0)
		return TRACK_REPEATED;
	if (*at & GIVEN_UP)
		kind = TRACK_LATE;
	else if (id < t->highest)
		kind = TRACK_OUT_OF_ORDER;
	if (kind != TRACK_LATE)
		t->open--;
	*due_ns = *at & ~GIVEN_UP;
	*at = 0;
	if (id >= t->highest)
		t->highest = (uint32_t)id + 1;
	if (id == t->base)
		drop_settled(t);
	return kind;
}

uint32_t
track_expire(struct track *t, uint64_t before_ns, uint64_t overtaken_before_ns)
{
	uint32_t n = 0;

	if (t->open == 0)
		return 0;
	for (uint32_t id = t->base; id != t->next; id++) {
		uint64_t *at = slot(t, id);

		if (*at == 0 || (*at & GIVEN_UP))
			continue;
		if (*at >= (id < t->highest ? overtaken_before_ns : before_ns)) {
			if (id >= t->highest)
				break; /* what follows was due later still */
			continue;
		}
		*at |= GIVEN_UP;
		n++;
	}
	t->open -= n;
	return n;
}

uint32_t
track_oldest(struct track *t)
{
	for (uint32_t id = t->base; id != t->next; id++)
		if (*slot(t, id) != 0 && !(*slot(t, id) & GIVEN_UP))
			return id;
	return 0;
}

uint32_t
track_abandon(struct track *t)
{
	uint32_t n = t->open;

	t->base = t->highest = t->next;
	t->open = 0;
	t->single = 0;
	track_deinit(t);
	return n;
}
