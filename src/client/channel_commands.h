/* SPDX-License-Identifier: MIT */
/* What is done with a client's messages about channels, by their type: proto/message.def. The clients' thread. */
#ifndef WSD_CLIENT_CHANNEL_COMMANDS_H
#define WSD_CLIENT_CHANNEL_COMMANDS_H

#include <stdint.h>

#include "base/slice.h"

struct client;
struct clients;
struct message;

void channel_subscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_unsubscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_publish(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_presence(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_history(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);

/* A backend subscribes it, whatever it may do by itself; it is told as if it had asked. recover: a valid position as
 * in a message, or "". WSD_OK, also if it is subscribed already; WSD_E_FULL, WSD_E_UNKNOWN (no such namespace),
 * WSD_E_CLOSED (there are no channels) or -ENOMEM. */
int channel_subscribe_for(struct clients *all, struct client *c, struct slice channel, struct slice recover);

#endif
