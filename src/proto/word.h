/* SPDX-License-Identifier: MIT */
/*
 * Eight bytes of text at a time: the parsers of the hot path look for the first byte of a kind in a word. A
 * mask from here has the top bit of that byte set; bits above it may be wrong, so only the lowest counts.
 * Pure; any thread.
 */
#ifndef WSD_PROTO_WORD_H
#define WSD_PROTO_WORD_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_SIZE     8
#define WORD_ONES     0x0101010101010101ull
#define WORD_HIGHS    0x8080808080808080ull
#define WORD_OF(byte) (WORD_ONES * (byte))

/* The byte at the lowest address becomes the lowest of the word, on any machine. */
static inline uint64_t
word_load(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

static inline uint64_t
word_below(uint64_t word, uint8_t limit) /* limit at most 0x80 */
{
	return (word - WORD_OF(limit)) & ~word & WORD_HIGHS;
}

static inline uint64_t
word_equal(uint64_t word, uint8_t byte)
{
	word ^= WORD_OF(byte);
	return (word - WORD_ONES) & ~word & WORD_HIGHS;
}

/* Index of the first byte marked in a mask that is not 0. */
static inline size_t
word_first(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask) / 8;
}

#endif
