/* SPDX-License-Identifier: MIT */
/* Prints what judging one token costs, by algorithm, and by where it is refused. Not part of `make check`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "support/token_maker.h"

#define SECRET   "0123456789abcdef0123456789abcdef"
#define ISSUER   "https://id.example"
#define CLAIMS   "{\"iss\":\"" ISSUER "\",\"sub\":\"user-123456\",\"exp\":1700000060,\"connection_id\":\"alice\"}"
#define ROUND_NS (200 * CLOCK_NS_PER_MS)

static void
report(const char *what, const struct conf *conf, const char *token, uint64_t now_ms, enum auth_verdict expected)
{
	struct slice text = { token, strlen(token) };
	uint64_t best = UINT64_MAX;
	struct auth_claims claims;
	struct auth *auth;
	char why[200];

	CHECK(auth_create(&auth, conf, why, sizeof(why)) == WSD_OK);
	for (int round = 0; round < 5; round++) {
		uint64_t start = clock_mono_ns(), took = 0;
		unsigned n = 0;

		for (; took < ROUND_NS; n++) {
			CHECK(auth_check(auth, text, "alice", now_ms, &claims) == expected);
			took = clock_mono_ns() - start;
		}
		best = took / n < best ? took / n : best;
	}
	printf("%-34s %4zu bytes %9.1f us\n", what, text.len, (double)best / 1000);
	auth_destroy(&auth);
}

int
main(void)
{
	EVP_PKEY *rsa = token_rsa(2048), *rsa4096 = token_rsa(4096), *ec = token_ec("P-256");
	struct {
		const char *what;
		int algorithm;
		EVP_PKEY *key;
		const char *head;
	} kinds[] = {
		{ "HS256", CONF_HS256, NULL, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}" },
		{ "RS256, 2048 bits", CONF_RS256, rsa, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}" },
		{ "RS256, 4096 bits", CONF_RS256, rsa4096, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}" },
		{ "ES256", CONF_ES256, ec, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}" },
	};
	char token[TOKEN_ROOM], what[64], *at;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char *key = kinds[i].key ? token_pem(kinds[i].key, false) : strdup(SECRET);
		struct conf conf = { .auth = CONF_AUTH_JWT,
				     .jwt_algorithm = kinds[i].algorithm,
				     .jwt_key = key,
				     .jwt_key_len = strlen(key) };

		if (kinds[i].key)
			token_signed(token, kinds[i].head, CLAIMS, strlen(CLAIMS), kinds[i].key);
		else
			token_hmac(token, kinds[i].head, CLAIMS, strlen(CLAIMS), SECRET, strlen(SECRET));
		report(kinds[i].what, &conf, token, 1700000000000, AUTH_GOOD);
		at = strrchr(token, '.') + 5;
		*at = *at == 'A' ? 'B' : 'A';
		snprintf(what, sizeof(what), "%s, wrong signature", kinds[i].what);
		report(what, &conf, token, 1700000000000, AUTH_SIGNATURE);
		token_hmac(token, "{\"alg\":\"none\"}", CLAIMS, strlen(CLAIMS), SECRET, strlen(SECRET));
		snprintf(what, sizeof(what), "%s, other algorithm", kinds[i].what);
		report(what, &conf, token, 1700000000000, AUTH_ALGORITHM);
		free(key);
	}
	return 0;
}
