/* SPDX-License-Identifier: MIT */
/* What a connection takes along when it changes its process: the fields of proto/state.def. */
#include "worker/travel.h"

#include <string.h>

#include "proto/state.h"
#include "worker/conn.h"

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
travel_leave(const struct conn *c, struct conn_state *s, uint64_t now_ms)
{
	strcpy(s->id, c->id);
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

/* What is too far away for the field is as good as never. */
static uint32_t
in_seconds(uint64_t ms)
{
	return ms / 1000 < UINT32_MAX ? (uint32_t)(ms / 1000) : 0;
}

void
travel_arrive(struct conn *c, const struct conn_state *s, uint64_t now_ms)
{
#define STATE_NUMBER(tag, type, name, most, member) c->member = s->name;
#define STATE_SINCE(tag, name, member)              c->member = moment_before(now_ms, s->name);
#define STATE_UNTIL(tag, name, member)              c->member = now_ms + s->name;
#define STATE_SECOND(tag, name, member)             c->member = in_seconds(s->name);
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
}
