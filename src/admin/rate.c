/* SPDX-License-Identifier: MIT */
/* Token buckets by client address: sets of a few places each, chosen by a hash keyed at start. */
#include "admin/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bucket.h"
#include "base/fd.h"

#define SETS 128
#define WAYS 8

struct entry {
	struct addr client; /* without its port; ADDR_NONE: free */
	struct bucket bucket;
};

struct rate_table {
	uint32_t rate, burst;
	uint64_t key;
	struct entry sets[SETS][WAYS];
};

struct rate_table *
rate_create(uint32_t rate, uint32_t burst)
{
	struct rate_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->rate = rate;
	table->burst = burst;
	fd_random(&table->key, sizeof(table->key));
	return table;
}

void
rate_destroy(struct rate_table **table)
{
	free(*table);
	*table = NULL;
}

/* The finalizer of a 64-bit mixing hash: every input bit reaches every output bit. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

static struct entry *
find_set(struct rate_table *table, const struct addr *key)
{
	uint64_t words[2];

	memcpy(words, key->bytes, sizeof(words));
	return table->sets[mix(mix(words[0] ^ table->key) ^ words[1] ^ key->family) % SETS];
}

/* The client's place, or the one that is missed least, made new: a free one, else the least used. */
static struct entry *
find_entry(struct rate_table *table, const struct addr *key, uint64_t now_ns)
{
	struct entry *set = find_set(table, key), *best = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		if (addr_same_client(&set[i].client, key))
			return &set[i];
		if (set[i].client.family != ADDR_NONE)
			bucket_refill(&set[i].bucket, table->rate, now_ns);
		if (!best || set[i].bucket.spent < best->bucket.spent)
			best = &set[i];
	}
	*best = (struct entry){ .client = *key };
	return best;
}

uint64_t
rate_take(struct rate_table *table, const struct addr *client, uint64_t now_ns)
{
	struct addr key = addr_client(client);
	struct entry *entry;

	if (table->rate == 0 || key.family == ADDR_UNIX)
		return 0;
	if (key.family == ADDR_NONE)
		key.family = UINT8_MAX; /* addresses we could not read share one bucket */
	entry = find_entry(table, &key, now_ns);
	if (bucket_take(&entry->bucket, table->rate, table->burst, now_ns))
		return 0;
	return bucket_wait_ns(&entry->bucket, table->rate, table->burst);
}
