/* SPDX-License-Identifier: MIT */
/* SHA-1 (FIPS 180-4), which the WebSocket handshake asks for; no security rests on it. Pure. */
#ifndef WSLOAD_SHA1_H
#define WSLOAD_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_LEN      20
#define SHA1_TEXT_MAX 119 /* two blocks: the handshake needs 60 bytes */

/* len at most SHA1_TEXT_MAX. */
void sha1_short(uint8_t out[SHA1_LEN], const void *text, size_t len);

#endif
