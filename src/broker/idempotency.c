/* SPDX-License-Identifier: MIT */
#include "broker/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"

#define BUCKETS 131072 /* a power of 2 */

struct idempotency_key {
	struct idempotency_key *in_bucket;
	struct idempotency_key *younger;
	uint64_t hash[2];
	uint64_t until_ms; /* clock_mono_ms() */
	uint64_t offset;
	char epoch[BROKER_EPOCH_LEN];
};

static void
hash_both(const struct idempotency *keys, struct slice channel, struct slice text, uint64_t hash[2])
{
	for (int i = 0; i < 2; i++) {
		struct hash_key of_text = keys->secrets[i];

		of_text.words[0] ^= hash_slice(&keys->secrets[i], channel);
		hash[i] = hash_slice(&of_text, text);
	}
}

int
idempotency_init(struct idempotency *keys)
{
	*keys = (struct idempotency){ .buckets = calloc(BUCKETS, sizeof(struct idempotency_key *)) };
	keys->youngest = &keys->oldest;
	fd_random(keys->secrets, sizeof(keys->secrets));
	return keys->buckets ? WSD_OK : -ENOMEM;
}

static void
forget_oldest(struct idempotency *keys)
{
	struct idempotency_key *key = keys->oldest;
	struct idempotency_key **at = &keys->buckets[key->hash[0] & (BUCKETS - 1)];

	while (*at != key)
		at = &(*at)->in_bucket;
	*at = key->in_bucket;
	keys->oldest = key->younger;
	if (!keys->oldest)
		keys->youngest = &keys->oldest;
	keys->n--;
	free(key);
}

void
idempotency_deinit(struct idempotency *keys)
{
	while (keys->oldest)
		forget_oldest(keys);
	free(keys->buckets);
	*keys = (struct idempotency){ 0 };
}

bool
idempotency_find(const struct idempotency *keys, struct slice channel, struct slice text, uint64_t now_ms,
		 struct broker_position *at)
{
	uint64_t hash[2];
	struct idempotency_key *key;

	hash_both(keys, channel, text, hash);
	key = keys->buckets[hash[0] & (BUCKETS - 1)];
	while (key && (memcmp(key->hash, hash, sizeof(hash)) != 0 || key->until_ms <= now_ms))
		key = key->in_bucket;
	if (!key)
		return false;
	*at = (struct broker_position){ .offset = key->offset };
	memcpy(at->epoch, key->epoch, BROKER_EPOCH_LEN);
	return true;
}

struct idempotency_key *
idempotency_make(const struct idempotency *keys, struct slice channel, struct slice text)
{
	struct idempotency_key *key = calloc(1, sizeof(*key));

	if (key)
		hash_both(keys, channel, text, key->hash);
	return key;
}

void
idempotency_add(struct idempotency *keys, struct idempotency_key *key, uint64_t used_ms, const char *epoch,
		uint64_t offset)
{
	struct idempotency_key **bucket = &keys->buckets[key->hash[0] & (BUCKETS - 1)];

	if (keys->n == IDEMPOTENCY_MOST)
		forget_oldest(keys);
	key->until_ms = used_ms + IDEMPOTENCY_TTL_MS;
	key->offset = offset;
	memcpy(key->epoch, epoch, BROKER_EPOCH_LEN);
	key->in_bucket = *bucket;
	*bucket = key;
	*keys->youngest = key;
	keys->youngest = &key->younger;
	keys->n++;
}

bool
idempotency_expire(struct idempotency *keys, uint64_t now_ms, uint32_t most)
{
	uint32_t n = 0;

	while (n < most && keys->oldest && keys->oldest->until_ms <= now_ms) {
		forget_oldest(keys);
		n++;
	}
	return n == most;
}
