/* SPDX-License-Identifier: MIT */
/* Reading what was published before. The clients' thread. */
#include "client/recovery.h"

#include <string.h>

#include "base/err.h"
#include "client/channels.h"
#include "client/client_priv.h"
#include "metrics/metrics.h"
#include "proto/message.h"
#include "proto/reply_channel.h"

#define RECOVERY_MOST 300 /* publications */

_Static_assert(MESSAGE_EPOCH_MAX == BROKER_EPOCH_LEN, "an epoch of ours can be given back");

void
recovery_position(struct slice raw, struct broker_position *out)
{
	struct message_position position;

	message_position(raw, &position);
	memcpy(out->epoch, position.epoch, sizeof(out->epoch));
	out->offset = position.offset;
}

struct reading {
	struct text *text;
	size_t most;
	uint64_t first, last; /* offsets; 0: none yet */
	uint32_t n;
	bool broken; /* one is missing in between */
};

static void
add(void *arg, const struct broker_event *event)
{
	struct reading *r = arg;
	struct reply_publication p;

	if (r->n++ == 0)
		r->first = event->offset;
	else
		r->broken = r->broken || event->offset != r->last + 1;
	r->last = event->offset;
	if (r->text->len > r->most)
		return;
	fanout_publication(&p, event);
	reply_publications_add(r->text, &p);
}

/* What was added is taken back unless all is well. */
static int
read_range(struct clients *all, const struct client *c, struct slice channel, const struct channel_options *options,
	   struct broker_range range, struct reading *r, struct broker_position *top)
{
	size_t before = r->text->len;
	int rc;

	r->most = before + client_room(all, c);
	range.bytes_most = r->most;
	rc = broker_history(all->channels.broker, channel, options, &range, add, r, top);
	if (rc == WSD_OK && r->text->len > r->most)
		rc = WSD_E_TOO_LARGE;
	if (rc != WSD_OK)
		r->text->len = before;
	return rc;
}

int
recovery_read(struct clients *all, const struct client *c, struct slice channel, const struct channel_options *options,
	      const struct broker_range *range, struct text *t, struct broker_position *top)
{
	struct reading r = { .text = t };

	return read_range(all, c, channel, options, *range, &r, top);
}

/* ---- recovery -------------------------------------------------------------------------------- */

static bool
is_same_epoch(const struct broker_position *since, const struct broker_position *top)
{
	return since->epoch[0] == '\0' || strcmp(since->epoch, top->epoch) == 0;
}

/* All that came after the position. */
static bool
add_stream(struct clients *all, const struct client *c, const struct channel *ch, const struct broker_position *since,
	   struct reading *r, struct broker_position *at)
{
	struct broker_range range = { .since_given = true, .since = *since, .limit = RECOVERY_MOST };

	if (read_range(all, c, channel_slice(ch), ch->options, range, r, at) != WSD_OK || !is_same_epoch(since, at))
		return false;
	if (r->n == 0)
		return at->offset == since->offset;
	return !r->broken && r->first == since->offset + 1 && r->last == at->offset;
}

/* The last publication, if it is still there; unless that is the one it had. */
static bool
add_cached(struct clients *all, const struct client *c, const struct channel *ch, const struct broker_position *since,
	   struct reading *r, struct broker_position *at)
{
	struct broker_range range = { .limit = 1, .reverse = true };
	size_t before = r->text->len;

	if (read_range(all, c, channel_slice(ch), ch->options, range, r, at) != WSD_OK || r->n == 0 ||
	    r->last != at->offset)
		return false;
	if (since->offset == at->offset && strcmp(since->epoch, at->epoch) == 0)
		r->text->len = before;
	return true;
}

bool
recovery_add(struct clients *all, const struct client *c, const struct channel *ch, struct slice raw, struct text *t,
	     struct broker_position *at)
{
	const struct channel_options *o = ch->options;
	struct reading r = { .text = t };
	struct broker_position since;
	size_t before = t->len;
	bool recovered = false;

	recovery_position(raw, &since);
	if ((o->force_recovery || o->allow_recovery) && channel_has_history(o))
		recovered = (o->force_recovery_mode == CHANNEL_RECOVERY_CACHE ? add_cached
									      : add_stream)(all, c, ch, &since, &r, at);
	if (!recovered) {
		t->len = before;
		broker_interest_top(ch->interest, at);
	}
	metrics_add(all->shard, recovered ? METRIC_RECOVERED : METRIC_NOT_RECOVERED, 1);
	return recovered;
}
