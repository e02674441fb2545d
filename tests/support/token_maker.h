/* SPDX-License-Identifier: MIT */
/* Keys and tokens, made with OpenSSL alone: header and claims are any bytes, and so is what a token says of itself. */
#ifndef WSD_TESTS_TOKEN_MAKER_H
#define WSD_TESTS_TOKEN_MAKER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#define TOKEN_ROOM 16384

/* RSA of so many bits, or EC on the named curve. */
EVP_PKEY *token_rsa(unsigned bits);
EVP_PKEY *token_ec(const char *curve);

/* The caller frees it. */
char *token_pem(EVP_PKEY *key, bool private);

/* Each writes head.payload.signature to out, which has TOKEN_ROOM bytes, and returns out. */
const char *token_hmac(char *out, const char *head, const char *payload, size_t payload_len, const void *secret,
		       size_t secret_len);
const char *token_signed(char *out, const char *head, const char *payload, size_t payload_len, EVP_PKEY *key);
const char *token_unsigned(char *out, const char *head, const char *payload, size_t payload_len);

#endif
