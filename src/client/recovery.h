/* SPDX-License-Identifier: MIT */
/* What was published in a channel before: as history, and for who has missed something. The clients' thread. */
#ifndef WSD_CLIENT_RECOVERY_H
#define WSD_CLIENT_RECOVERY_H

#include <stdbool.h>

#include "base/slice.h"

struct broker_position;
struct broker_range;
struct channel;
struct channel_options;
struct client;
struct clients;
struct text;

/* From the raw member of a message. */
void recovery_position(struct slice raw, struct broker_position *out);

/* Adds the publications of the range to a list that has begun. As broker_history(); WSD_E_TOO_LARGE also if they are
 * more than the client can be sent. */
int recovery_read(struct clients *all, const struct client *c, struct slice channel,
		  const struct channel_options *options, const struct broker_range *range, struct text *t,
		  struct broker_position *top);

/* Of a client that is subscribed already: what it has missed since the position in the raw member, added to the list.
 * *at: where it stands then. False: it cannot be had, or not all of it; then nothing was added. */
bool recovery_add(struct clients *all, const struct client *c, const struct channel *ch, struct slice raw,
		  struct text *t, struct broker_position *at);

#endif
