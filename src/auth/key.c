/* SPDX-License-Identifier: MIT */
/* The key that tokens are checked with: it must be of the kind that the algorithm asks for, and strong enough. Main
 * thread. */
#include "auth/auth_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "config.h"

#ifdef HAVE_LIBJWT

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define SECRET_MIN   32   /* RFC 7518, 3.2 */
#define RSA_BITS_MIN 2048 /* RFC 7518, 3.3 */

static int
refuse(const struct auth *auth, const char *what, char *why, size_t why_size)
{
	const struct conf *conf = auth->conf;

	if (conf->jwt_key_file)
		snprintf(why, why_size, "JWT_KEY_FILE=\"%s\": %s", conf->jwt_key_file, what);
	else
		snprintf(why, why_size, "the credential jwt-key: %s", what);
	return WSD_E_MALFORMED;
}

static bool
holds(const struct conf *conf, const char *text)
{
	return memmem(conf->jwt_key, conf->jwt_key_len, text, strlen(text)) != NULL;
}

static int
take_secret(struct auth *auth, char *why, size_t why_size)
{
	const struct conf *conf = auth->conf;

	if (holds(conf, "-----BEGIN "))
		return refuse(auth, "HS256 needs a secret, and this is a PEM file", why, why_size);
	if (conf->jwt_key_len < SECRET_MIN)
		return refuse(auth, "HS256 needs a secret of at least 32 bytes", why, why_size);
	return WSD_OK;
}

/* Else OpenSSL would ask on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	return 0;
}

static EVP_PKEY *
parse(const struct conf *conf)
{
	BIO *bio = BIO_new_mem_buf(conf->jwt_key, (int)conf->jwt_key_len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return key;
}

/* NULL, or what is wrong. */
static const char *
judge(const EVP_PKEY *key, enum conf_algorithm algorithm)
{
	char curve[32] = "";
	size_t len;

	if (algorithm == CONF_RS256)
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN
			       ? NULL
			       : "RS256 needs an RSA key of at least 2048 bits";
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) == 1 &&
			       strcmp(curve, "prime256v1") == 0
		       ? NULL
		       : "ES256 needs a key of the curve P-256 (prime256v1)";
}

static int
take_public_key(struct auth *auth, char *why, size_t why_size)
{
	const struct conf *conf = auth->conf;
	const char *what;

	if (holds(conf, "PRIVATE KEY-----"))
		return refuse(auth, "this is a private key, and the public one is needed", why, why_size);
	auth->public_key = parse(conf);
	ERR_clear_error();
	what = auth->public_key ? judge(auth->public_key, (enum conf_algorithm)conf->jwt_algorithm)
				: "a public key in PEM form is needed";
	return what ? refuse(auth, what, why, why_size) : WSD_OK;
}

void
key_drop(struct auth *auth)
{
	EVP_PKEY_free(auth->public_key);
}

int
key_take(struct auth *auth, char *why, size_t why_size)
{
	return auth->conf->jwt_algorithm == CONF_HS256 ? take_secret(auth, why, why_size)
						       : take_public_key(auth, why, why_size);
}

#else

int
key_take(struct auth *auth, char *why, size_t why_size)
{
	snprintf(why, why_size, "AUTH=\"jwt\": this wsd was built without libjwt; only off can be used");
	return WSD_E_UNSUPPORTED;
}

void
key_drop(struct auth *auth)
{
}

#endif
