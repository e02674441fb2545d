/* SPDX-License-Identifier: MIT */
/* Numbers with units as people write them on a command line, and back. Pure. */
#ifndef WSLOAD_UNITS_H
#define WSLOAD_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Each takes the whole text and nothing else: WSD_OK, WSD_E_MALFORMED or WSD_E_RANGE; *out is set only on
 * success. */
int units_count(const char *text, uint64_t min, uint64_t max, uint64_t *out); /* "1000", "10k", "1M" */
int units_size(const char *text, uint64_t max, uint64_t *out);                /* "100", "16k" = 16384 */
int units_duration(const char *text,
		   uint64_t *out_ns);             /* "1.5s", "200ms", "90" (seconds), "4m", "1h", "50us", "1m30s" */
int units_decimal(const char *text, double *out); /* plain decimal, not negative */

#define UNITS_TEXT_MAX 32
/* Three or so significant digits: "27.4 us", "1.02 s", "4m10s" is "250 s". Returns out. */
const char *units_print_ns(char out[UNITS_TEXT_MAX], uint64_t ns);
const char *units_print_bytes(char out[UNITS_TEXT_MAX], double bytes);

#endif
