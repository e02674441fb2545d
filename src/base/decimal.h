/* SPDX-License-Identifier: MIT */
/* Decimal numbers as text. Pure; any thread. */
#ifndef WSD_BASE_DECIMAL_H
#define WSD_BASE_DECIMAL_H

#include <stdint.h>

#include "base/slice.h"

/* Digits and nothing else, not even a sign. WSD_OK, WSD_E_MALFORMED, or WSD_E_RANGE if it is more than most; *out is
 * only set on success. */
int decimal_parse(struct slice text, uint64_t most, uint64_t *out);

#endif
