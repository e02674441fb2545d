/* SPDX-License-Identifier: MIT */
/* Counts by client address. */
#include "front/peers.h"

#include <stdlib.h>
#include <string.h>

/* How many of the oldest entries a new one may look at for one that can go. */
#define LOOK_AT 8

void
peers_init(struct peers *p, uint32_t most)
{
	*p = (struct peers){ .most = most };
}

void
peers_deinit(struct peers *p)
{
	struct peer *peer, *next;

	HASH_ITER (hh, p->by_key, peer, next) {
		HASH_DEL(p->by_key, peer);
		free(peer);
	}
}

static void
drop(struct peers *p, struct peer *peer)
{
	HASH_DEL(p->by_key, peer);
	free(peer);
}

/* Forgets some of the oldest that have nothing counted; those in use go to the end. */
static void
tidy(struct peers *p, uint32_t rate, uint64_t now_ns)
{
	bool full = HASH_COUNT(p->by_key) >= p->most;

	for (unsigned i = 0; i < LOOK_AT && p->by_key; i++) {
		struct peer *oldest = p->by_key;

		if (oldest->connections == 0 && (full || bucket_full(&oldest->connects, rate, now_ns))) {
			drop(p, oldest);
			full = false;
		} else if (HASH_COUNT(p->by_key) > 1) { /* so that adding it again needs no memory */
			HASH_DEL(p->by_key, oldest);
			HASH_ADD(hh, p->by_key, key, sizeof(oldest->key), oldest);
		}
	}
}

struct peer *
peers_get(struct peers *p, const struct addr *a, uint32_t rate, uint64_t now_ns)
{
	struct addr client = addr_client(a);
	struct peer_key key = { .family = client.family };
	struct peer *peer;

	memcpy(key.prefix, client.bytes, sizeof(key.prefix)); /* the rest is 0 */
	HASH_FIND(hh, p->by_key, &key, sizeof(key), peer);
	if (peer)
		return peer;
	tidy(p, rate, now_ns);
	if (HASH_COUNT(p->by_key) >= p->most)
		return NULL;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->key = key;
	HASH_ADD(hh, p->by_key, key, sizeof(peer->key), peer);
	if (!peer->hh.tbl) {
		free(peer);
		return NULL;
	}
	return peer;
}
