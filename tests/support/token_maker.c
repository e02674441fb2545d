/* SPDX-License-Identifier: MIT */
#include "support/token_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/check.h"

EVP_PKEY *
token_rsa(unsigned bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	CHECK(key);
	return key;
}

EVP_PKEY *
token_ec(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	CHECK(key);
	return key;
}

char *
token_pem(EVP_PKEY *key, bool private)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *copy;
	long len;

	CHECK(bio);
	CHECK(private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, key));
	len = BIO_get_mem_data(bio, &data);
	copy = calloc(1, (size_t)len + 1);
	CHECK(copy);
	memcpy(copy, data, (size_t)len);
	BIO_free(bio);
	return copy;
}

/* Appends base64url; returns the end. */
static char *
put(char *at, const void *data, size_t len)
{
	int n = EVP_EncodeBlock((unsigned char *)at, data, (int)len);

	while (n > 0 && at[n - 1] == '=')
		n--;
	for (int i = 0; i < n; i++)
		at[i] = (char)(at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i]);
	at[n] = '\0';
	return at + n;
}

static char *
put_signed_part(char *out, const char *head, const char *payload, size_t payload_len)
{
	char *at = put(out, head, strlen(head));

	CHECK((strlen(head) + payload_len) * 4 / 3 + 1024 < TOKEN_ROOM);
	*at++ = '.';
	return put(at, payload, payload_len);
}

const char *
token_unsigned(char *out, const char *head, const char *payload, size_t payload_len)
{
	strcpy(put_signed_part(out, head, payload, payload_len), ".");
	return out;
}

const char *
token_hmac(char *out, const char *head, const char *payload, size_t payload_len, const void *secret, size_t secret_len)
{
	char *end = put_signed_part(out, head, payload, payload_len);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len;

	CHECK(HMAC(EVP_sha256(), secret, (int)secret_len, (unsigned char *)out, (size_t)(end - out), mac, &len));
	*end++ = '.';
	put(end, mac, len);
	return out;
}

/* r and s, 32 bytes each, instead of DER: RFC 7518, 3.4. */
static size_t
flatten(unsigned char *signature, size_t len)
{
	const unsigned char *der = signature;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

	CHECK(pair);
	CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32) == 32);
	CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32) == 32);
	ECDSA_SIG_free(pair);
	return 64;
}

const char *
token_signed(char *out, const char *head, const char *payload, size_t payload_len, EVP_PKEY *key)
{
	char *end = put_signed_part(out, head, payload, payload_len);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[1024];
	size_t len = sizeof(signature);

	CHECK(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1);
	CHECK(EVP_DigestSign(context, signature, &len, (unsigned char *)out, (size_t)(end - out)) == 1);
	EVP_MD_CTX_free(context);
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 256)
		len = flatten(signature, len);
	*end++ = '.';
	put(end, signature, len);
	return out;
}
