/* SPDX-License-Identifier: MIT */
/* What the files of auth/ share. */
#ifndef WSD_AUTH_AUTH_PRIV_H
#define WSD_AUTH_AUTH_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/auth.h"
#include "conf/conf.h"

#define AUTH_MAGIC 0x61757468u

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

struct auth {
	uint32_t magic;
	const struct conf *conf;        /* HS256: the secret is there */
	struct evp_pkey_st *public_key; /* RS256, ES256 */
};

/* key.c: judges the key of the configuration, and takes it. As auth_create(). */
int key_take(struct auth *auth, char *why, size_t why_size);
void key_drop(struct auth *auth);

/* base64url.c: RFC 4648, 5, without padding; only what an encoder makes. out has in.len bytes. The length, or
 * WSD_E_MALFORMED. Pure. */
int base64url_decode(char *out, struct slice in);

/* signature.c: the token as it came, zero-terminated, of the right form and of the configured algorithm; of it the
 * part that is signed; and the signature, decoded. False, too, if memory was short. */
bool signature_good(const struct auth *auth, const char *token, size_t signed_len, struct slice signature);

/* What matters of the header and of the claims: raw JSON values; len 0: not there. */
struct token_head {
	struct slice alg, typ, crit;
};

struct token_claims {
	struct slice exp, nbf, iat, sub, iss, aud, connection_id;
};

/* claims.c. Pure. False: no JSON object, or one of these names twice. */
bool claims_read_head(struct token_head *out, struct slice json);
bool claims_read(struct token_claims *out, struct slice json);
/* A NumericDate (RFC 7519, 2), any JSON number from 0 to below 10^12 seconds; what is less than a millisecond is
 * dropped. False: something else. */
bool claims_date(uint64_t *out_ms, struct slice raw);
bool claims_string(struct slice raw);
/* A string, or with list also an array of values, that has this text. */
bool claims_has(struct slice raw, const char *text, bool list);

#endif
