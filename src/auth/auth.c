/* SPDX-License-Identifier: MIT */
/*
 * A token is judged from the outside in: form, header, signature, and only then what it claims. What is checked before
 * the signature is pure and bounded; it also keeps from libjwt what its decoder takes and should not (empty parts,
 * foreign characters). Any thread, but for the creation.
 */
#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/auth_priv.h"
#include "base/check.h"
#include "base/err.h"
#include "proto/json_scan.h"

int
auth_create(struct auth **out, const struct conf *conf, char *why, size_t why_size)
{
	struct auth *auth;
	int rc;

	*out = NULL;
	if (conf->auth == CONF_AUTH_OFF)
		return WSD_OK;
	auth = calloc(1, sizeof(*auth));
	if (!auth)
		return -ENOMEM;
	auth->magic = AUTH_MAGIC;
	auth->conf = conf;
	rc = key_take(auth, why, why_size);
	if (rc == WSD_OK)
		*out = auth;
	else
		auth_destroy(&auth);
	return rc;
}

void
auth_destroy(struct auth **auth)
{
	struct auth *a = *auth;

	if (!a)
		return;
	CHECK_MAGIC(a, AUTH_MAGIC);
	key_drop(a);
	a->magic = 0;
	free(a);
	*auth = NULL;
}

/* ---- form and header ------------------------------------------------------------------------- */

struct parts {
	struct slice head, payload, signature; /* still encoded */
};

static bool
split(struct parts *out, struct slice token)
{
	struct slice rest = token;

	return token.len <= AUTH_TOKEN_MAX && slice_cut(&rest, '.', &out->head) &&
	       slice_cut(&rest, '.', &out->payload) && slice_cut(&rest, '.', &out->signature) && rest.len == 0 &&
	       token.at[token.len - 1] != '.' && out->head.len > 0 && out->payload.len > 0 && out->signature.len > 0;
}

static bool
decode(struct slice *out, char *room, struct slice part)
{
	int len = base64url_decode(room, part);

	*out = (struct slice){ room, len < 0 ? 0 : (size_t)len };
	return len > 0;
}

static bool
typ_allowed(struct slice raw)
{
	/* libjwt 1.10 takes no other */
	return raw.len == 0 || (raw.len == 5 && strncasecmp(raw.at, "\"JWT\"", 5) == 0);
}

static enum auth_verdict
judge_head(const struct auth *auth, struct slice json)
{
	static const char *const names[] = { [CONF_HS256] = "HS256", [CONF_RS256] = "RS256", [CONF_ES256] = "ES256" };
	struct token_head head;

	if (!claims_read_head(&head, json) || !typ_allowed(head.typ))
		return AUTH_MALFORMED;
	if (head.crit.len > 0) /* names extensions that must be understood: RFC 7515, 4.1.11 */
		return AUTH_MALFORMED;
	return claims_has(head.alg, names[auth->conf->jwt_algorithm], false) ? AUTH_GOOD : AUTH_ALGORITHM;
}

/* ---- claims ---------------------------------------------------------------------------------- */

struct dates {
	uint64_t exp_ms, nbf_ms;
};

/* When it was issued does not matter, but has to be a date as well: RFC 7519, 4.1.6. */
static bool
read_dates(struct dates *out, const struct token_claims *c)
{
	uint64_t iat_ms;

	out->nbf_ms = 0;
	return claims_date(&out->exp_ms, c->exp) && (c->nbf.len == 0 || claims_date(&out->nbf_ms, c->nbf)) &&
	       (c->iat.len == 0 || claims_date(&iat_ms, c->iat));
}

static enum auth_verdict
judge_times(const struct auth *auth, const struct dates *dates, uint64_t now_real_ms, uint64_t *expires_real_ms)
{
	uint64_t leeway_ms = auth->conf->jwt_leeway_s * 1000ull;

	*expires_real_ms = dates->exp_ms + leeway_ms;
	if (now_real_ms >= *expires_real_ms)
		return AUTH_EXPIRED;
	return now_real_ms + leeway_ms < dates->nbf_ms ? AUTH_EARLY : AUTH_GOOD;
}

static enum auth_verdict
judge_names(const struct auth *auth, const struct token_claims *c, const char *id)
{
	const struct conf *conf = auth->conf;

	if (c->sub.len > 0 && !claims_string(c->sub))
		return AUTH_MALFORMED;
	if (c->connection_id.len > 0 && !claims_string(c->connection_id))
		return AUTH_MALFORMED;
	if (conf->jwt_issuer && !claims_has(c->iss, conf->jwt_issuer, false))
		return AUTH_CLAIMS;
	if (conf->jwt_audience && !claims_has(c->aud, conf->jwt_audience, true))
		return AUTH_CLAIMS;
	return c->connection_id.len > 0 && !claims_has(c->connection_id, id, false) ? AUTH_OTHER_ID : AUTH_GOOD;
}

/* For the log: no more than fits, and no half character. */
static void
copy_subject(char out[SUBJECT_MAX + 1], struct slice raw)
{
	size_t len = raw.len >= 2 ? raw.len - 2 : 0;

	if (len > SUBJECT_MAX)
		for (len = SUBJECT_MAX; len > 0 && ((unsigned char)raw.at[1 + len] & 0xc0) == 0x80;)
			len--;
	if (len > 0)
		memcpy(out, raw.at + 1, len);
	out[len] = '\0';
}

/* For channels: whole, or not at all. */
static void
copy_user(char out[SUBJECT_MAX + 1], struct slice raw)
{
	size_t len = raw.len >= 2 ? json_string_text(raw, out, SUBJECT_MAX) : 0;

	out[len != JSON_NO_TEXT && !memchr(out, '\0', len) ? len : 0] = '\0';
}

enum auth_verdict
auth_check(const struct auth *auth, struct slice token, const char *id, uint64_t now_real_ms, struct auth_claims *out)
{
	char text[AUTH_TOKEN_MAX + 1], rooms[3][AUTH_TOKEN_MAX];
	struct slice head, payload, signature;
	struct token_claims claims;
	enum auth_verdict verdict;
	struct dates dates;
	struct parts parts;

	CHECK_MAGIC(auth, AUTH_MAGIC);
	if (!split(&parts, token) || !decode(&head, rooms[0], parts.head) ||
	    !decode(&payload, rooms[1], parts.payload) || !decode(&signature, rooms[2], parts.signature))
		return AUTH_MALFORMED;
	verdict = judge_head(auth, head);
	if (verdict != AUTH_GOOD)
		return verdict;
	if (!claims_read(&claims, payload) || !read_dates(&dates, &claims)) /* before libjwt reads it, too */
		return AUTH_MALFORMED;
	memcpy(text, token.at, token.len);
	text[token.len] = '\0';
	if (!signature_good(auth, text, parts.head.len + 1 + parts.payload.len, signature))
		return AUTH_SIGNATURE;
	verdict = judge_times(auth, &dates, now_real_ms, &out->expires_real_ms);
	if (verdict == AUTH_GOOD)
		verdict = judge_names(auth, &claims, id);
	copy_subject(out->subject, claims.sub);
	copy_user(out->user, claims.sub);
	return verdict;
}
