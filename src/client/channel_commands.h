/* SPDX-License-Identifier: MIT */
/* What is done with a client's messages about channels, by their type: proto/message.def. The clients' thread. */
#ifndef WSD_CLIENT_CHANNEL_COMMANDS_H
#define WSD_CLIENT_CHANNEL_COMMANDS_H

#include <stdint.h>

struct client;
struct clients;
struct message;

void channel_subscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_unsubscribe(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_publish(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_presence(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);
void channel_history(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);

#endif
