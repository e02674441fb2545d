/* SPDX-License-Identifier: MIT */
/*
 * Signatures. Any thread.
 *
 * HS256 is libjwt's, by the functions that its versions 1.10 (Debian 12) and 1.17 (Debian 13) have in common. It takes
 * the algorithm from the token and uses the key for whatever that is; so the token's must be known to be the
 * configured one before, and what it says it did is looked at afterwards.
 *
 * RS256 and ES256 are OpenSSL's: libjwt would read the key from its PEM text again for each token, which takes ten
 * times as long as the rest (measured: tests/bench/bench_token.c), on the thread that admits everyone.
 */
#include "auth/auth_priv.h"

#include "config.h"

#ifdef HAVE_LIBJWT

#include <jwt.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define P256_BYTES 32
#define DER_MAX    80 /* of two numbers of so many bytes */

static bool
hmac_good(const struct conf *conf, const char *token)
{
	jwt_t *jwt = NULL;
	bool good;

	good = jwt_decode(&jwt, token, (const unsigned char *)conf->jwt_key, (int)conf->jwt_key_len) == 0 && jwt &&
	       jwt_get_alg(jwt) == JWT_ALG_HS256;
	jwt_free(jwt);
	return good;
}

/* Tokens have r and s as they are (RFC 7518, 3.4), OpenSSL wants them in DER. The length, 0: not such a pair. */
static size_t
encode_pair(unsigned char out[DER_MAX], struct slice pair)
{
	const unsigned char *at = (const unsigned char *)pair.at;
	ECDSA_SIG *sig = pair.len == 2 * P256_BYTES ? ECDSA_SIG_new() : NULL;
	BIGNUM *r, *s;
	int len = 0;

	if (!sig)
		return 0;
	r = BN_bin2bn(at, P256_BYTES, NULL);
	s = BN_bin2bn(at + P256_BYTES, P256_BYTES, NULL);
	if (r && s && ECDSA_SIG_set0(sig, r, s) == 1) { /* owns them then */
		if (i2d_ECDSA_SIG(sig, NULL) <= DER_MAX)
			len = i2d_ECDSA_SIG(sig, &out);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static bool
verify(EVP_PKEY *key, const char *text, size_t len, const unsigned char *signature, size_t signature_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(context, signature, signature_len, (const unsigned char *)text, len) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

bool
signature_good(const struct auth *auth, const char *token, size_t signed_len, struct slice signature)
{
	const unsigned char *bytes = (const unsigned char *)signature.at;
	unsigned char der[DER_MAX];
	size_t len = signature.len;
	bool good;

	switch (auth->conf->jwt_algorithm) {
	case CONF_HS256:
		good = hmac_good(auth->conf, token);
		break;
	case CONF_ES256:
		bytes = der;
		len = encode_pair(der, signature);
		good = len > 0 && verify(auth->public_key, token, signed_len, bytes, len);
		break;
	default:
		good = verify(auth->public_key, token, signed_len, bytes, len);
		break;
	}
	if (!good)
		ERR_clear_error();
	return good;
}

#else

bool
signature_good(const struct auth *auth, const char *token, size_t signed_len, struct slice signature)
{
	return false;
}

#endif
