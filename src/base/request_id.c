/* SPDX-License-Identifier: MIT */
/* X-Request-Id. */
#include "base/request_id.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/fd.h"
#include "base/hex.h"

#define OWN_BYTES 16

void
request_id_choose(char out[REQUEST_ID_MAX + 1], struct slice sent)
{
	uint8_t random[OWN_BYTES];

	if (sent.len >= 1 && sent.len <= REQUEST_ID_MAX && ascii_all(sent, ascii_is_unreserved) &&
	    !memchr(sent.at, '~', sent.len)) {
		memcpy(out, sent.at, sent.len);
		out[sent.len] = '\0';
		return;
	}
	fd_random(random, sizeof(random));
	hex_encode(out, random, sizeof(random));
}
