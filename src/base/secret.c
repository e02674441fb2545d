/* SPDX-License-Identifier: MIT */
/* Secrets. */
#include "base/secret.h"

#include <openssl/crypto.h>

bool
secret_equal(struct slice secret, struct slice sent)
{
	bool same_length = secret.len == sent.len;

	return CRYPTO_memcmp(same_length ? secret.at : sent.at, sent.at, sent.len) == 0 && same_length;
}
