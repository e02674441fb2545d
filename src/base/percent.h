/* SPDX-License-Identifier: MIT */
/* Escapes of URLs (RFC 3986, 2.1). A plus sign stays one: tokens may hold it. Pure; any thread. */
#ifndef WSD_BASE_PERCENT_H
#define WSD_BASE_PERCENT_H

#include "base/slice.h"

/* Undoes them; zero-terminated. The length, WSD_E_TOO_LARGE or WSD_E_MALFORMED (bad escape, a zero); then out is "". */
int percent_decode(struct slice text, char *out, size_t size);

#endif
