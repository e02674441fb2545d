/* SPDX-License-Identifier: MIT */
/* SipHash-1-3: where what clients choose, such as names of channels, lands in a table is not for them to know. Pure. */
#ifndef WSD_BROKER_HASH_H
#define WSD_BROKER_HASH_H

#include <stdint.h>

#include "base/le.h"
#include "base/slice.h"

struct hash_key {
	uint64_t words[2]; /* random */
};

static inline uint64_t
hash_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void
hash_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = hash_rotate(v[1], 13) ^ v[0], v[0] = hash_rotate(v[0], 32);
	v[2] += v[3], v[3] = hash_rotate(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = hash_rotate(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = hash_rotate(v[1], 17) ^ v[2], v[2] = hash_rotate(v[2], 32);
}

static inline void
hash_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	hash_round(v);
	v[0] ^= word;
}

static inline uint64_t
hash_slice(const struct hash_key *key, struct slice s)
{
	uint64_t v[4] = { key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
			  key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u };
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8)
		hash_word(v, le_get(s.at + i, 8));
	hash_word(v, le_get(s.at + i, s.len - i) | (uint64_t)s.len << 56);
	v[2] ^= 0xff;
	for (int n = 0; n < 3; n++)
		hash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
