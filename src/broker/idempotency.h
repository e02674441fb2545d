/* SPDX-License-Identifier: MIT */
/*
 * Idempotency keys: with which position a publication has been answered, for five minutes. Of channel and key only a
 * hash of 128 bits is kept, so that each costs the same. Bounded in number: over it, the oldest go.
 *
 * Not locked: one thread at a time, which is the broker's lock.
 */
#ifndef WSD_BROKER_IDEMPOTENCY_H
#define WSD_BROKER_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "broker/broker.h"
#include "broker/hash.h"

#define IDEMPOTENCY_TTL_MS (5 * 60 * 1000u)
#define IDEMPOTENCY_MOST   262144 /* of some 64 bytes: 870 publications with a key a second */

struct idempotency_key;

struct idempotency {
	struct hash_key secrets[2];
	struct idempotency_key **buckets;
	struct idempotency_key *oldest, **youngest; /* youngest: where the next one is to be hung */
	uint32_t n;
};

/* WSD_OK or -ENOMEM. */
int idempotency_init(struct idempotency *keys);
void idempotency_deinit(struct idempotency *keys); /* a zeroed one is fine */

/* Whether there was such a publication, and then its position. */
bool idempotency_find(const struct idempotency *keys, struct slice channel, struct slice text, uint64_t now_ms,
		      struct broker_position *at);

/* In two steps, of which the second cannot fail. NULL: out of memory; else it is for idempotency_add(), or free(). */
struct idempotency_key *idempotency_make(const struct idempotency *keys, struct slice channel, struct slice text);
/* used_ms: when; by and by. */
void idempotency_add(struct idempotency *keys, struct idempotency_key *key, uint64_t used_ms, const char *epoch,
		     uint64_t offset);

/* Forgets what has expired, at most so many. False: there was less. */
bool idempotency_expire(struct idempotency *keys, uint64_t now_ms, uint32_t most);

#endif
