/* SPDX-License-Identifier: MIT */
/* SHA-1 of a short text. */
#include "loadtest/sha1.h"

#include <string.h>

#include "base/check.h"

static uint32_t
rotate(uint32_t x, unsigned by)
{
	return (x << by) | (x >> (32 - by));
}

static uint32_t
round_value(int i, uint32_t b, uint32_t c, uint32_t d)
{
	if (i < 20)
		return ((b & c) | (~b & d)) + 0x5a827999u;
	if (i < 40)
		return (b ^ c ^ d) + 0x6ed9eba1u;
	if (i < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
	return (b ^ c ^ d) + 0xca62c1d6u;
}

static void
block_add(uint32_t h[5], const uint8_t *block)
{
	uint32_t w[80], v[5];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 80; i++) {
		uint32_t next = rotate(v[0], 5) + round_value(i, v[1], v[2], v[3]) + v[4] + w[i];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotate(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (int i = 0; i < 5; i++)
		h[i] += v[i];
}

void
sha1_short(uint8_t out[SHA1_LEN], const void *text, size_t len)
{
	uint32_t h[5] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u };
	uint8_t blocks[128] = { 0 };
	size_t padded = len + 9 <= 64 ? 64 : 128;

	CHECK(len <= SHA1_TEXT_MAX);
	memcpy(blocks, text, len);
	blocks[len] = 0x80;
	blocks[padded - 2] = (uint8_t)(len * 8 >> 8);
	blocks[padded - 1] = (uint8_t)(len * 8);
	block_add(h, blocks);
	if (padded == 128)
		block_add(h, blocks + 64);
	for (int i = 0; i < SHA1_LEN; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}
