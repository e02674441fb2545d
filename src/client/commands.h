/* SPDX-License-Identifier: MIT */
/* What is done with a client's message, by its type: proto/message.def. The clients' thread. */
#ifndef WSD_CLIENT_COMMANDS_H
#define WSD_CLIENT_COMMANDS_H

#include <stdint.h>

#include "base/slice.h"
#include "metrics/metrics.h"

struct client;
struct clients;
struct message;

/* Acts on a message that is in order, and answers it. now_ns: as of its arrival. */
void command_run(struct clients *all, struct client *c, const struct message *m, uint64_t now_ns);

/* Answers a message that is not accepted, and counts it. code: of the protocol's errors; why: at most 128 characters;
 * both static. id: the message's, or empty. */
void command_refuse(struct clients *all, struct client *c, enum metric counter, const char *code, const char *why,
		    struct slice id);

#endif
