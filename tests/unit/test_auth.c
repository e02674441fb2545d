/* SPDX-License-Identifier: MIT */
/* Tokens of all three algorithms: what is good, and each way in which one is not. */
#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/conf.h"
#include "support/exact.h"
#include "support/token_maker.h"

#define NOW_S  1700000000ull
#define SECRET "0123456789abcdef0123456789abcdef"
#define GOOD   "{\"exp\":1700000060,\"sub\":\"al\"}"

static const char *const heads[] = {
	[CONF_HS256] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
	[CONF_RS256] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
	[CONF_ES256] = "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
};

static struct rig {
	EVP_PKEY *rsa, *ec;
	char *rsa_pem, *ec_pem;
	struct conf conf[4];
	struct auth *auth[4]; /* by enum conf_algorithm */
	struct auth_claims claims;
	char token[TOKEN_ROOM];
} rig;

static int
setup(void **state)
{
	rig.rsa = token_rsa(2048);
	rig.ec = token_ec("P-256");
	rig.rsa_pem = token_pem(rig.rsa, false);
	rig.ec_pem = token_pem(rig.ec, false);
	for (int i = CONF_HS256; i <= CONF_ES256; i++) {
		char *keys[] = { NULL, (char *)SECRET, rig.rsa_pem, rig.ec_pem }, why[200] = "";

		rig.conf[i] = (struct conf){ .auth = CONF_AUTH_JWT,
					     .jwt_algorithm = i,
					     .jwt_leeway_s = 30,
					     .jwt_key = keys[i],
					     .jwt_key_len = strlen(keys[i]) };
		if (auth_create(&rig.auth[i], &rig.conf[i], why, sizeof(why)) != WSD_OK)
			fail_msg("%s", why);
	}
	return 0;
}

static int
teardown(void **state)
{
	for (int i = CONF_HS256; i <= CONF_ES256; i++)
		auth_destroy(&rig.auth[i]);
	EVP_PKEY_free(rig.rsa);
	EVP_PKEY_free(rig.ec);
	free(rig.rsa_pem);
	free(rig.ec_pem);
	return 0;
}

static enum auth_verdict
check_at(int algorithm, const char *token, size_t len, uint64_t now_ms)
{
	char *copy = exact_copy(token, len);
	enum auth_verdict verdict =
		auth_check(rig.auth[algorithm], (struct slice){ copy, len }, "alice", now_ms, &rig.claims);

	free(copy);
	return verdict;
}

static enum auth_verdict
check(int algorithm, const char *token)
{
	return check_at(algorithm, token, strlen(token), NOW_S * 1000);
}

/* An HS256 token with these claims, signed rightly. */
static const char *
with_claims(const char *payload)
{
	return token_hmac(rig.token, heads[CONF_HS256], payload, strlen(payload), SECRET, strlen(SECRET));
}

static const char *
with_head(const char *head)
{
	return token_hmac(rig.token, head, GOOD, strlen(GOOD), SECRET, strlen(SECRET));
}

static const char *
made(int algorithm, const char *head)
{
	if (algorithm == CONF_HS256)
		return with_head(head);
	return token_signed(rig.token, head, GOOD, strlen(GOOD), algorithm == CONF_RS256 ? rig.rsa : rig.ec);
}

static void
test_each_algorithm_takes_its_own(void **state)
{
	for (int i = CONF_HS256; i <= CONF_ES256; i++) {
		memset(&rig.claims, 0x55, sizeof(rig.claims));
		assert_int_equal(check(i, made(i, heads[i])), AUTH_GOOD);
		assert_int_equal(rig.claims.expires_real_ms, (NOW_S + 60 + 30) * 1000);
		assert_string_equal(rig.claims.subject, "al");
	}
}

/* Whatever a token says of its algorithm, and whatever it was made with: only the configured one counts. */
static void
test_no_other_algorithm_is_taken(void **state)
{
	static const char *const others[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\"}",
		"{\"alg\":\"NONE\"}",
		"{\"alg\":\"\"}",
		"{\"alg\":null}",
		"{\"alg\":[\"HS256\"]}",
		"{\"alg\":1}",
		"{}",
		"{\"alg\":\"hs256\"}",
		"{\"alg\":\"rs256\"}",
		"{\"alg\":\"HS512\"}",
		"{\"alg\":\"HS384\"}",
		"{\"alg\":\"RS512\"}",
		"{\"alg\":\"PS256\"}",
		"{\"alg\":\"ES384\"}",
		"{\"alg\":\"ES256K\"}",
		"{\"alg\":\"HS256\\u0000\"}",
		"{\"alg\":\" HS256\"}",
		"{\"alg\":\"EdDSA\"}",
	};

	for (int i = CONF_HS256; i <= CONF_ES256; i++) {
		for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
			assert_int_equal(check(i, made(i, others[k])), AUTH_ALGORITHM);
		for (int k = CONF_HS256; k <= CONF_ES256; k++) {
			if (k == i)
				continue;
			assert_int_equal(check(i, made(k, heads[k])), AUTH_ALGORITHM);
			assert_int_equal(check(i, made(k, heads[i])), AUTH_SIGNATURE);
		}
	}
}

/* The public key is known to all; as the secret of an HMAC it must open nothing. */
static void
test_public_key_is_no_secret(void **state)
{
	const char *pems[] = { [CONF_RS256] = rig.rsa_pem, [CONF_ES256] = rig.ec_pem };

	for (int i = CONF_RS256; i <= CONF_ES256; i++) {
		size_t len = strlen(pems[i]);

		for (int k = CONF_HS256; k <= CONF_ES256; k++) {
			token_hmac(rig.token, heads[k], GOOD, strlen(GOOD), pems[i], len);
			assert_int_equal(check(i, rig.token), k == i ? AUTH_SIGNATURE : AUTH_ALGORITHM);
		}
	}
}

static void
test_unsigned_tokens(void **state)
{
	token_unsigned(rig.token, "{\"alg\":\"none\"}", GOOD, strlen(GOOD));
	for (int i = CONF_HS256; i <= CONF_ES256; i++)
		assert_int_equal(check(i, rig.token), AUTH_MALFORMED); /* nothing behind the last dot */
	strcat(rig.token, "AA");
	for (int i = CONF_HS256; i <= CONF_ES256; i++)
		assert_int_equal(check(i, rig.token), AUTH_ALGORITHM);
	for (int i = CONF_HS256; i <= CONF_ES256; i++) {
		token_unsigned(rig.token, heads[i], GOOD, strlen(GOOD));
		strcat(rig.token, "AA");
		assert_int_equal(check(i, rig.token), AUTH_SIGNATURE);
	}
}

static void
test_other_keys(void **state)
{
	EVP_PKEY *rsa = token_rsa(2048), *ec = token_ec("P-256"), *larger = token_ec("P-384");

	token_hmac(rig.token, heads[CONF_HS256], GOOD, strlen(GOOD), "X" SECRET, strlen(SECRET));
	assert_int_equal(check(CONF_HS256, rig.token), AUTH_SIGNATURE);
	token_hmac(rig.token, heads[CONF_HS256], GOOD, strlen(GOOD), SECRET, strlen(SECRET) - 1);
	assert_int_equal(check(CONF_HS256, rig.token), AUTH_SIGNATURE);
	token_hmac(rig.token, heads[CONF_HS256], GOOD, strlen(GOOD), "", 0);
	assert_int_equal(check(CONF_HS256, rig.token), AUTH_SIGNATURE);
	token_signed(rig.token, heads[CONF_RS256], GOOD, strlen(GOOD), rsa);
	assert_int_equal(check(CONF_RS256, rig.token), AUTH_SIGNATURE);
	token_signed(rig.token, heads[CONF_ES256], GOOD, strlen(GOOD), ec);
	assert_int_equal(check(CONF_ES256, rig.token), AUTH_SIGNATURE);
	token_signed(rig.token, heads[CONF_ES256], GOOD, strlen(GOOD), larger);
	assert_int_equal(check(CONF_ES256, rig.token), AUTH_SIGNATURE);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(larger);
}

/* No character of a token may be another one; no end may be missing; nothing may follow. */
static void
test_every_character_counts(void **state)
{
	for (int i = CONF_HS256; i <= CONF_ES256; i++) {
		static const char more[] = "A.= "; /* and a zero */
		size_t len = strlen(made(i, heads[i]));
		char token[TOKEN_ROOM];

		for (size_t at = 0; at < len; at++) {
			memcpy(token, rig.token, len);
			token[at] = token[at] == 'A' ? 'B' : 'A';
			if (check_at(i, token, len, NOW_S * 1000) == AUTH_GOOD)
				fail_msg("character %zu of %zu", at, len);
			if (i != CONF_HS256)
				at += 6; /* they take longer */
		}
		for (size_t cut = 0; cut < len; cut += i == CONF_HS256 ? 1 : 9)
			assert_int_not_equal(check_at(i, rig.token, cut, NOW_S * 1000), AUTH_GOOD);
		memcpy(token, rig.token, len);
		for (size_t k = 0; k < sizeof(more); k++) {
			token[len] = more[k];
			assert_int_not_equal(check_at(i, token, len + 1, NOW_S * 1000), AUTH_GOOD);
		}
		assert_int_equal(check(i, rig.token), AUTH_GOOD);
	}
}

static void
test_garbage(void **state)
{
	static const char *const garbage[] = { "",
					       ".",
					       "..",
					       "...",
					       "a",
					       "a.b",
					       "a.b.c",
					       "a.b.c.d",
					       "AA.AA.AA",
					       " ",
					       "e30.e30.e30",
					       "Bearer x.y.z",
					       "\xff\xff.\xff.\xff" };
	char huge[3 * AUTH_TOKEN_MAX];

	for (int i = CONF_HS256; i <= CONF_ES256; i++)
		for (size_t k = 0; k < sizeof(garbage) / sizeof(*garbage); k++)
			assert_true(check(i, garbage[k]) == AUTH_MALFORMED || check(i, garbage[k]) == AUTH_ALGORITHM);
	memset(huge, 'A', sizeof(huge));
	assert_int_equal(check_at(CONF_HS256, huge, sizeof(huge), NOW_S * 1000), AUTH_MALFORMED);
	huge[10] = huge[2000] = '.';
	assert_int_equal(check_at(CONF_HS256, huge, AUTH_TOKEN_MAX, NOW_S * 1000), AUTH_MALFORMED);
	/* embedded zeros, in the text and in what it stands for */
	assert_int_equal(check_at(CONF_HS256, "e30\0.e30.AA", 11, NOW_S * 1000), AUTH_MALFORMED);
	token_hmac(rig.token, heads[CONF_HS256], "{\"exp\":1700000060}\0{}", 21, SECRET, strlen(SECRET));
	assert_int_equal(check(CONF_HS256, rig.token), AUTH_MALFORMED);
}

/* The longest that fits, and one that is just too long. */
static void
test_long_tokens(void **state)
{
	char payload[4096], filler[3200];
	size_t len;

	memset(filler, 'x', sizeof(filler));
	for (int n = 2800; n < 3100; n++) {
		snprintf(payload, sizeof(payload), "{\"exp\":1700000060,\"x\":\"%.*s\"}", n, filler);
		len = strlen(with_claims(payload));
		assert_int_equal(check(CONF_HS256, rig.token), len <= AUTH_TOKEN_MAX ? AUTH_GOOD : AUTH_MALFORMED);
	}
}

static void
test_headers(void **state)
{
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\"}")), AUTH_GOOD);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\",\"typ\":\"jwt\",\"kid\":\"1\"}")), AUTH_GOOD);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\",\"typ\":\"x\"}")), AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}")),
			 AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\",\"alg\":\"HS256\"}")), AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"none\",\"alg\":\"HS256\"}")), AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}")), AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("[\"HS256\"]")), AUTH_MALFORMED);
	assert_int_equal(check(CONF_HS256, with_head("HS256")), AUTH_MALFORMED);
}

static void
test_times(void **state)
{
	static const struct {
		const char *payload;
		enum auth_verdict verdict;
	} cases[] = {
		{ "{\"exp\":1700000001}", AUTH_GOOD },
		{ "{\"exp\":1699999971}", AUTH_GOOD }, /* the leeway */
		{ "{\"exp\":1699999970}", AUTH_EXPIRED },
		{ "{\"exp\":1699999970.001}", AUTH_GOOD }, /* a fraction counts: RFC 7519, 2 */
		{ "{\"exp\":1699999969.999}", AUTH_EXPIRED },
		{ "{\"exp\":1.70000006e+09}", AUTH_GOOD },
		{ "{\"exp\":1.6E9}", AUTH_EXPIRED },
		{ "{\"exp\":1.70000006e9,\"nbf\":1.7e9,\"iat\":1.7e+09}", AUTH_GOOD },
		{ "{\"exp\":1700000060,\"nbf\":1.700000031e9}", AUTH_EARLY },
		{ "{\"exp\":1700000060,\"iat\":1800000000}", AUTH_GOOD },
		{ "{\"exp\":1700000060,\"iat\":\"now\"}", AUTH_MALFORMED },
		{ "{\"exp\":1700000060,\"iat\":1e400}", AUTH_MALFORMED },
		{ "{\"exp\":1700000060,\"iat\":1,\"iat\":1}", AUTH_MALFORMED },
		{ "{\"exp\":1e400}", AUTH_MALFORMED },
		{ "{\"exp\":0}", AUTH_EXPIRED },
		{ "{\"exp\":999999999999}", AUTH_GOOD },
		{ "{\"exp\":1000000000000}", AUTH_MALFORMED },
		{ "{\"exp\":9223372036854775807}", AUTH_MALFORMED },
		{ "{\"exp\":1e30}", AUTH_MALFORMED },
		{ "{\"exp\":-1}", AUTH_MALFORMED },
		{ "{\"exp\":\"1700000060\"}", AUTH_MALFORMED },
		{ "{\"exp\":null}", AUTH_MALFORMED },
		{ "{\"exp\":true}", AUTH_MALFORMED },
		{ "{\"exp\":[1700000060]}", AUTH_MALFORMED },
		{ "{}", AUTH_MALFORMED },
		{ "{\"iat\":1700000000}", AUTH_MALFORMED },
		{ "{\"exp\":1700000060,\"exp\":1700000060}", AUTH_MALFORMED },
		{ "{\"exp\":1700000060,\"nbf\":1700000030}", AUTH_GOOD },
		{ "{\"exp\":1700000060,\"nbf\":1700000031}", AUTH_EARLY },
		{ "{\"exp\":1700000060,\"nbf\":999999999999}", AUTH_EARLY },
		{ "{\"exp\":1700000060,\"nbf\":\"now\"}", AUTH_MALFORMED },
		{ "{\"exp\":1699990000,\"nbf\":1700009999}", AUTH_EXPIRED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (check(CONF_HS256, with_claims(cases[i].payload)) != cases[i].verdict)
			fail_msg("%s", cases[i].payload);
	with_claims("{\"exp\":1700000000}");
	assert_int_equal(check_at(CONF_HS256, rig.token, strlen(rig.token), 1700000029999), AUTH_GOOD);
	assert_int_equal(check_at(CONF_HS256, rig.token, strlen(rig.token), 1700000030000), AUTH_EXPIRED);
	rig.conf[CONF_HS256].jwt_leeway_s = 0;
	assert_int_equal(check_at(CONF_HS256, rig.token, strlen(rig.token), 1699999999999), AUTH_GOOD);
	assert_int_equal(check_at(CONF_HS256, rig.token, strlen(rig.token), 1700000000000), AUTH_EXPIRED);
	rig.conf[CONF_HS256].jwt_leeway_s = 30;
}

static void
test_connection_ids(void **state)
{
	static const struct {
		const char *payload;
		enum auth_verdict verdict;
	} cases[] = {
		{ "{\"exp\":1700000060,\"connection_id\":\"alice\"}", AUTH_GOOD },
		{ "{\"exp\":1700000060,\"connection_id\":\"\\u0061lice\"}", AUTH_GOOD },
		{ "{\"exp\":1700000060,\"connection_id\":\"bob\"}", AUTH_OTHER_ID },
		{ "{\"exp\":1700000060,\"connection_id\":\"\"}", AUTH_OTHER_ID },
		/* libjwt takes no zeros */
		{ "{\"exp\":1700000060,\"connection_id\":\"alice\\u0000\"}", AUTH_SIGNATURE },
		{ "{\"exp\":1700000060,\"connection_id\":\"alice2\"}", AUTH_OTHER_ID },
		{ "{\"exp\":1700000060,\"connection_id\":[\"alice\"]}", AUTH_MALFORMED },
		{ "{\"exp\":1700000060,\"connection_id\":null}", AUTH_MALFORMED },
		{ "{\"exp\":1699990000,\"connection_id\":\"bob\"}", AUTH_EXPIRED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (check(CONF_HS256, with_claims(cases[i].payload)) != cases[i].verdict)
			fail_msg("%s", cases[i].payload);
}

static void
test_issuer_and_audience(void **state)
{
	struct conf *conf = &rig.conf[CONF_HS256];

	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":1,\"aud\":2}")), AUTH_GOOD);
	conf->jwt_issuer = (char *)"https://id.example";
	conf->jwt_audience = (char *)"chat";
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":\"https://id.example\","
						       "\"aud\":\"chat\"}")),
			 AUTH_GOOD);
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":\"https:\\/\\/id.example\","
						       "\"aud\":[\"x\",\"chat\"]}")),
			 AUTH_GOOD);
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":\"https://id.example\"}")),
			 AUTH_CLAIMS);
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"aud\":\"chat\"}")), AUTH_CLAIMS);
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":[\"https://id.example\"],"
						       "\"aud\":\"chat\"}")),
			 AUTH_CLAIMS);
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"iss\":\"https://id.example\","
						       "\"aud\":[\"x\"]}")),
			 AUTH_CLAIMS);
	conf->jwt_issuer = conf->jwt_audience = NULL;
}

static void
test_subjects(void **state)
{
	char payload[600], longest[SUBJECT_MAX + 1];

	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060}")), AUTH_GOOD);
	assert_string_equal(rig.claims.subject, "");
	assert_string_equal(rig.claims.user, "");
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"sub\":\"a\\\"b\"}")), AUTH_GOOD);
	assert_string_equal(rig.claims.subject, "a\\\"b");
	assert_string_equal(rig.claims.user, "a\"b");
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"sub\":\"\\u00e9\"}")), AUTH_GOOD);
	assert_string_equal(rig.claims.user, "\xc3\xa9");
	assert_int_equal(check(CONF_HS256, with_claims("{\"exp\":1700000060,\"sub\":7}")), AUTH_MALFORMED);
	/* cut before the character that would not fit whole */
	memset(longest, 'y', SUBJECT_MAX);
	longest[SUBJECT_MAX] = '\0';
	longest[SUBJECT_MAX - 1] = '\0';
	snprintf(payload, sizeof(payload), "{\"exp\":1700000060,\"sub\":\"%s\xc3\xab\"}", longest);
	assert_int_equal(check(CONF_HS256, with_claims(payload)), AUTH_GOOD);
	assert_string_equal(rig.claims.subject, longest);
	assert_string_equal(rig.claims.user, ""); /* half of a user would be another one */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_algorithm_takes_its_own),
		cmocka_unit_test(test_no_other_algorithm_is_taken),
		cmocka_unit_test(test_public_key_is_no_secret),
		cmocka_unit_test(test_unsigned_tokens),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_every_character_counts),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_connection_ids),
		cmocka_unit_test(test_issuer_and_audience),
		cmocka_unit_test(test_subjects),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
