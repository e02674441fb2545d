/* SPDX-License-Identifier: MIT */
/* What backends do with a client. The clients' thread. */
#ifndef WSD_CLIENT_BACKEND_H
#define WSD_CLIENT_BACKEND_H

#include <stdbool.h>

struct channel_command;
struct channel_command_result;
struct client;
struct clients;

/* Whether it is for this client, by its user and its id. */
bool backend_means(const struct client *c, const struct channel_command *command);

/* Does it, and adds what came of it. */
void backend_run(struct clients *all, struct client *c, const struct channel_command *command,
		 struct channel_command_result *result);

#endif
