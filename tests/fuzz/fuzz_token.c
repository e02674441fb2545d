/* SPDX-License-Identifier: MIT */
/*
 * Tokens. The first byte says as what the rest is taken: a whole token (T), of which the corpus has some that are
 * signed rightly; claims (C), for which json-c is the second opinion; base64url (B), which must come back as it was.
 */
#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth_priv.h"
#include "base/check.h"
#include "base/err.h"
#include "conf/conf.h"
#include "fuzz/fuzz.h"
#include "proto/utf8.h"
#include "support/exact.h"
#include "support/json_c.h"

#define SECRET "the secret of the fuzz target, 32+"
#define NOW_MS 1700000000000ull

static const struct auth *
with_secret(void)
{
	static struct conf conf = {
		.auth = CONF_AUTH_JWT,
		.jwt_algorithm = CONF_HS256,
		.jwt_key = (char *)SECRET,
		.jwt_key_len = sizeof(SECRET) - 1,
		.jwt_leeway_s = 30,
	};
	static struct auth *auth;
	char why[200];

	if (!auth && auth_create(&auth, &conf, why, sizeof(why)) != WSD_OK)
		return NULL; /* built without libjwt */
	return auth;
}

static void
try_token(struct slice text)
{
	const struct auth *auth = with_secret();
	struct auth_claims claims;
	enum auth_verdict verdict;

	if (!auth)
		return;
	verdict = auth_check(auth, text, "alice", NOW_MS, &claims);
	CHECK(verdict <= AUTH_OTHER_ID);
	if (verdict != AUTH_GOOD)
		return;
	CHECK(claims.expires_real_ms > NOW_MS && strlen(claims.subject) <= SUBJECT_MAX);
	CHECK(text.len <= AUTH_TOKEN_MAX && !memchr(text.at, '\0', text.len));
}

/* json-c 0.18 takes no integer that 64 bits may not hold. */
static bool
wide_integer(struct slice text)
{
	unsigned digits = 0;

	for (size_t i = 0; i < text.len && digits < 19; i++)
		digits = text.at[i] >= '0' && text.at[i] <= '9' ? digits + 1 : 0;
	return digits == 19;
}

/* Below a millisecond a date is cut, and a double not exact. */
static void
check_close(uint64_t date_ms, double ms)
{
	CHECK(ms > (double)date_ms - 2 && ms < (double)date_ms + 2);
}

/* What is taken is JSON for json-c, too, and has the same date in it. */
static void
compare(struct slice text, const struct token_claims *claims)
{
	struct json_object *object = json_c_parse(text.at, text.len), *value;
	uint64_t date;

	CHECK(object ? json_object_is_type(object, json_type_object) : wide_integer(text));
	if (object && !memchr(text.at, '\\', text.len)) { /* names may be written with escapes, zeros among them */
		CHECK(json_object_object_get_ex(object, "exp", &value) == (claims->exp.len > 0));
		if (claims_date(&date, claims->exp) && json_object_is_type(value, json_type_int))
			CHECK((uint64_t)json_object_get_int64(value) * 1000 == date);
		else if (claims_date(&date, claims->exp))
			check_close(date, json_object_get_double(value) * 1000);
		CHECK(json_object_object_get_ex(object, "sub", NULL) == (claims->sub.len > 0));
	}
	json_object_put(object);
}

static void
try_claims(struct slice text)
{
	struct token_claims claims;
	struct token_head head;
	char *piece;

	claims_read_head(&head, text);
	if (!claims_read(&claims, text))
		return;
	CHECK(utf8_valid(text.at, text.len));
	compare(text, &claims);
	claims_has(claims.aud, "chat", true);
	CHECK(!claims_has(claims.iss, "a", false) || claims_string(claims.iss));
	/* cut anywhere it is no object any more; white space at the end may go */
	for (size_t len = text.len; len > 0 && text.at[len - 1] != '}'; len--)
		text.len = len - 1;
	CHECK(text.len > 0);
	piece = exact_copy(text.at, text.len - 1);
	CHECK(!claims_read(&claims, (struct slice){ piece, text.len - 1 }));
	free(piece);
}

static void
try_base64url(struct slice text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *out = malloc(text.len ? text.len : 1);
	int len;

	CHECK(out);
	len = base64url_decode(out, text);
	CHECK(len == WSD_E_MALFORMED || (size_t)len == text.len * 3 / 4);
	for (size_t i = 0; len >= 0 && i < text.len; i++) { /* encoded again */
		size_t bit = i * 6, byte = bit / 8;
		unsigned two = (unsigned char)out[byte] << 8;

		if (byte + 1 < (size_t)len)
			two |= (unsigned char)out[byte + 1];
		CHECK(text.at[i] == alphabet[two >> (10 - bit % 8) & 63]);
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data + 1, size - 1 };

	if (size < 2)
		return 0;
	switch (data[0]) {
	case 'T':
		try_token(rest);
		break;
	case 'C':
		try_claims(rest);
		break;
	case 'B':
		try_base64url(rest);
		break;
	}
	return 0;
}
