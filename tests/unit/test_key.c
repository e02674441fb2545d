/* SPDX-License-Identifier: MIT */
/* Keys that are taken, and those that are refused before anybody trusts them. */
#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/conf.h"
#include "support/token_maker.h"

static int
try(enum conf_algorithm algorithm, const char *key, size_t len, char why[256])
{
	struct conf conf = { .auth = CONF_AUTH_JWT,
			     .jwt_algorithm = (int)algorithm,
			     .jwt_key_file = (char *)"/k",
			     .jwt_key = (char *)key,
			     .jwt_key_len = len };
	struct auth *auth;
	int rc;

	why[0] = '\0';
	rc = auth_create(&auth, &conf, why, 256);
	assert_true((rc == WSD_OK) == (auth != NULL));
	auth_destroy(&auth);
	auth_destroy(&auth);
	return rc;
}

static void
takes(enum conf_algorithm algorithm, const char *key)
{
	char why[256];

	if (try(algorithm, key, strlen(key), why) != WSD_OK)
		fail_msg("%s", why);
}

static void
refuses(enum conf_algorithm algorithm, const char *key, const char *expected)
{
	char why[256];

	assert_int_equal(try(algorithm, key, strlen(key), why), WSD_E_MALFORMED);
	assert_string_equal(why, expected);
}

static void
test_off(void **state)
{
	struct conf conf = { .auth = CONF_AUTH_OFF };
	struct auth *auth = (struct auth *)&conf;

	assert_int_equal(auth_create(&auth, &conf, NULL, 0), WSD_OK);
	assert_null(auth);
}

static void
test_secrets(void **state)
{
	char binary[32] = { 0 }, why[256];

	takes(CONF_HS256, "0123456789abcdef0123456789abcdef");
	assert_int_equal(try(CONF_HS256, binary, sizeof(binary), why), WSD_OK);
	refuses(CONF_HS256, "0123456789abcdef0123456789abcde",
		"JWT_KEY_FILE=\"/k\": HS256 needs a secret of at least 32 bytes");
	refuses(CONF_HS256, "", "JWT_KEY_FILE=\"/k\": HS256 needs a secret of at least 32 bytes");
}

static void
test_public_keys(void **state)
{
	static const char not_rsa[] = "JWT_KEY_FILE=\"/k\": RS256 needs an RSA key of at least 2048 bits";
	static const char not_ec[] = "JWT_KEY_FILE=\"/k\": ES256 needs a key of the curve P-256 (prime256v1)";
	static const char private[] = "JWT_KEY_FILE=\"/k\": this is a private key, and the public one is needed";
	static const char no_key[] = "JWT_KEY_FILE=\"/k\": a public key in PEM form is needed";
	EVP_PKEY *rsa = token_rsa(2048), *weak = token_rsa(1024), *ec = token_ec("P-256"), *other = token_ec("P-384");
	char *rsa_pem = token_pem(rsa, false), *weak_pem = token_pem(weak, false), *ec_pem = token_pem(ec, false);
	char *rsa_private = token_pem(rsa, true), *ec_private = token_pem(ec, true);
	char *other_pem = token_pem(other, false);
	char *cut = strdup(rsa_pem);

	takes(CONF_RS256, rsa_pem);
	takes(CONF_ES256, ec_pem);
	refuses(CONF_RS256, weak_pem, not_rsa);
	refuses(CONF_RS256, ec_pem, not_rsa);
	refuses(CONF_ES256, rsa_pem, not_ec);
	refuses(CONF_ES256, other_pem, not_ec);
	refuses(CONF_RS256, rsa_private, private);
	refuses(CONF_ES256, ec_private, private);
	refuses(CONF_HS256, rsa_pem, "JWT_KEY_FILE=\"/k\": HS256 needs a secret, and this is a PEM file");
	refuses(CONF_RS256, "0123456789abcdef0123456789abcdef", no_key);
	refuses(CONF_RS256, "", no_key);
	cut[strlen(cut) / 2] = '\0';
	refuses(CONF_RS256, cut, no_key);
	free(cut);
	free(rsa_pem);
	free(weak_pem);
	free(ec_pem);
	free(other_pem);
	free(rsa_private);
	free(ec_private);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_public_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
