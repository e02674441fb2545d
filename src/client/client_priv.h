/* SPDX-License-Identifier: MIT */
/* What the files of client/ share. The clients' thread. */
#ifndef WSD_CLIENT_CLIENT_PRIV_H
#define WSD_CLIENT_CLIENT_PRIV_H

#include "base/check.h"
#include "client/client.h"
#include "client/clients.h"

#define CLIENTS_MAGIC 0x636c6e74u

struct text;

/* What wires tell; their hub's owner is a struct clients. */
extern const struct wire_events client_events;

static inline struct clients *
clients_of(void *owner)
{
	struct clients *all = owner;

	CHECK_MAGIC(all, CLIENTS_MAGIC);
	return all;
}

/* receive.c: a piece of a message, as the wire delivers it. */
void client_received(void *owner, struct wire *wire, const struct wire_piece *piece);
void client_assembly_free(struct client *c);

/* clock.c: its time has come. */
void client_due(struct clients *all, struct client *c);
void client_arm(struct clients *all, struct client *c);   /* of a new one */
void client_rearm(struct clients *all, struct client *c); /* from its clocks as they are */

/* close.c. Fails it with a code, without a goodbye: 1002, 1007, 1009, 1011. what: for the log; static. */
void client_fail(struct clients *all, struct client *c, uint16_t code, const char *what);
/* Its closing took too long. */
void client_kill(struct clients *all, struct client *c);
void client_closing(void *owner, struct wire *wire, uint32_t within_ms);
void client_gone(void *owner, struct wire *wire, const struct wire_end *end);

/* Where a reply's payload is written, at most REPLY_MAX bytes, and then how many they are. NULL: the client takes
 * nothing more. */
char *client_text(struct clients *all, struct client *c);
void client_text_end(struct clients *all, size_t len);

/* The same of one that is as long as it is. What there was no memory for ends the client. */
void client_say(struct clients *all, struct client *c, const struct text *t);
#define CLIENT_TEXT_KEEP 65536 /* memory for texts that is kept from one to the next */

/* How long such a text may be, so that it does not overrun what may wait for the client. */
size_t client_room(const struct clients *all, const struct client *c);

/* Of a moment by the wall clock; 0: never. What is too far away for the field is as good as never. */
static inline uint32_t
client_seconds(uint64_t real_ms)
{
	return real_ms / 1000 < UINT32_MAX ? (uint32_t)(real_ms / 1000) : 0;
}

#endif
