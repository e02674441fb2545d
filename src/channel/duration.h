/* SPDX-License-Identifier: MIT */
/* Durations as Centrifugo's configuration has them, which are Go's: "300s", "1h30m", "1.5s", "250ms". Pure; any
 * thread. */
#ifndef WSD_CHANNEL_DURATION_H
#define WSD_CHANNEL_DURATION_H

#include <stdint.h>

#include "base/slice.h"

#define DURATION_MOST_MS (UINT64_C(100) * 365 * 24 * 3600 * 1000)

/* Milliseconds, parts of one cut off; at most DURATION_MOST_MS. "0" needs no unit. WSD_OK, WSD_E_MALFORMED or
 * WSD_E_RANGE. */
int duration_parse(struct slice text, uint64_t *out_ms);

#endif
