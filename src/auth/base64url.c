/* SPDX-License-Identifier: MIT */
/* Base64 as tokens have it. Strict, so that no two texts are the same token. Pure; any thread. */
#include "auth/auth_priv.h"

#include "base/err.h"

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int
base64url_decode(char *out, struct slice in)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	int len = 0;

	if (in.len % 4 == 1)
		return WSD_E_MALFORMED;
	for (size_t i = 0; i < in.len; i++) {
		int value = sextet(in.at[i]);

		if (value < 0)
			return WSD_E_MALFORMED;
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[len++] = (char)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	return bits == 0 ? len : WSD_E_MALFORMED; /* an encoder leaves zeros at the end */
}
