/* SPDX-License-Identifier: MIT */
/* X-Request-Id. */
#include "base/request_id.h"

#include <stdint.h>
#include <string.h>

#include "base/fd.h"
#include "base/hex.h"

#define OWN_BYTES 16

void
request_id_choose(char out[REQUEST_ID_MAX + 1], struct slice sent)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	uint8_t random[OWN_BYTES];

	if (sent.len >= 1 && sent.len <= REQUEST_ID_MAX) {
		memcpy(out, sent.at, sent.len);
		out[sent.len] = '\0';
		if (strspn(out, allowed) == sent.len)
			return;
	}
	fd_random(random, sizeof(random));
	hex_encode(out, random, sizeof(random));
}
