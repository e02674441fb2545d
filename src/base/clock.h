/* SPDX-License-Identifier: MIT */
/* Time: a monotonic clock for durations, the wall clock for what people read. Any thread. */
#ifndef WSD_BASE_CLOCK_H
#define WSD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS 1000000ull
#define CLOCK_NS_PER_S  1000000000ull

/* "2026-11-23T18:46:00.123Z", without the terminating zero */
#define CLOCK_ISO8601_LEN 24

uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);

/* So much later, by the monotonic clock; for pthread_cond_clockwait(). */
struct timespec clock_in_ms(uint64_t ms);

/* ms since 1970-01-01 UTC; follows every step of the wall clock */
uint64_t clock_real_ms(void);

/* Writes exactly CLOCK_ISO8601_LEN characters (ISO 8601, UTC, ms), no terminating zero; years 1970 to 9999. */
void clock_iso8601(char *out, uint64_t real_ms);

#endif
