/* SPDX-License-Identifier: MIT */
/* UTF-8 validation, RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Pure; any thread. */
#ifndef WSD_PROTO_UTF8_H
#define WSD_PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *text, size_t len);

#endif
