/* SPDX-License-Identifier: MIT */
/*
 * Token bucket: `rate` tokens a second, at most `burst` saved up. What was spent is kept, not what is left,
 * in billionths of a token, so that a zeroed bucket is a full one and refilling is exact: a nanosecond gives
 * back `rate` of them. Pure; not locked: one thread at a time.
 */
#ifndef WSD_BASE_BUCKET_H
#define WSD_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_TOKEN 1000000000ull

struct bucket {
	uint64_t spent; /* of a token's BUCKET_TOKEN parts; at most burst tokens */
	uint64_t at_ns; /* when that was so */
};

/* Gives back what has come in until now. A clock that stands still or goes back gives nothing. */
static inline void
bucket_refill(struct bucket *b, uint32_t rate, uint64_t now_ns)
{
	uint64_t elapsed = now_ns > b->at_ns ? now_ns - b->at_ns : 0;
	uint64_t gain;

	/* not by division, which would be the dearest part of a message's limit */
	if (__builtin_mul_overflow(elapsed, (uint64_t)rate, &gain) || gain > b->spent)
		b->spent = 0;
	else
		b->spent -= gain;
	b->at_ns += elapsed;
}

/* Takes one token if there is one. A rate of 0 means no limit; a burst of 0 counts as 1. */
static inline bool
bucket_take(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	uint64_t room = (burst > 0 ? burst : 1) * BUCKET_TOKEN;

	if (rate == 0)
		return true;
	bucket_refill(b, rate, now_ns);
	if (b->spent > room - BUCKET_TOKEN)
		return false;
	b->spent += BUCKET_TOKEN;
	return true;
}

/* How long after the last bucket_take() the next token is there; 0: it is there already. The smallest ns that
 * suffices. */
static inline uint64_t
bucket_wait_ns(const struct bucket *b, uint32_t rate, uint32_t burst)
{
	uint64_t room = (burst > 0 ? burst : 1) * BUCKET_TOKEN;

	if (rate == 0 || b->spent <= room - BUCKET_TOKEN)
		return 0;
	return (b->spent - (room - BUCKET_TOKEN) + rate - 1) / rate;
}

/* True if the bucket is as good as a new one and can be forgotten. */
static inline bool
bucket_full(struct bucket *b, uint32_t rate, uint64_t now_ns)
{
	bucket_refill(b, rate, now_ns);
	return b->spent == 0;
}

#endif
