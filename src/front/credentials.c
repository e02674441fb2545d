/* SPDX-License-Identifier: MIT */
/*
 * The token that a client shows: where it may stand, and what becomes of one that is not accepted. What is wrong with
 * it goes into counters and the debug log; the client is told no more than it must know to get another. Main thread.
 */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "front/front_priv.h"
#include "log/log.h"

#define SCHEME      "Bearer"
#define SUBPROTOCOL "bearer." /* browsers cannot set headers, but can offer subprotocols */
#define MARK        (sizeof(SUBPROTOCOL) - 1)

/* ---- finding --------------------------------------------------------------------------------- */

bool
credentials_is_token(struct slice subprotocol)
{
	return subprotocol.len >= MARK && memcmp(subprotocol.at, SUBPROTOCOL, MARK) == 0;
}

/* One more place had this token. */
static enum credentials
add(enum credentials so_far, struct slice *token, struct slice another)
{
	if (so_far == CREDENTIALS_NONE) {
		*token = another;
		return CREDENTIALS_ONE;
	}
	if (token->len != another.len || memcmp(token->at, another.at, token->len) != 0)
		return CREDENTIALS_CONFLICT;
	return so_far;
}

/* Other schemes than Bearer are a proxy's business, such as Basic. */
static bool
in_header(const struct request *r, struct slice *token)
{
	struct slice value = r->authorization;
	size_t scheme = sizeof(SCHEME) - 1;

	if (value.len < scheme || strncasecmp(value.at, SCHEME, scheme) != 0)
		return false;
	if (value.len > scheme && value.at[scheme] != ' ' && value.at[scheme] != '\t')
		return false;
	*token = slice_trim((struct slice){ value.at + scheme, value.len - scheme });
	return true;
}

/* What cannot be decoded is shown as an empty token, which is none. */
static bool
in_query(const struct request *r, char *room, struct slice *token)
{
	int len = request_query(r->query, "token", room, AUTH_TOKEN_MAX + 1);

	*token = (struct slice){ room, len > 0 ? (size_t)len : 0 };
	return len != WSD_E_UNKNOWN;
}

enum credentials
credentials_find(const struct request *r, char *room, struct slice *token)
{
	struct request_place place = { 0 };
	struct slice one;
	enum credentials found = CREDENTIALS_NONE;

	*token = (struct slice){ NULL, 0 };
	if (in_header(r, &one))
		found = add(found, token, one);
	while (request_next(&r->subprotocols, &place, &one)) {
		if (credentials_is_token(one))
			found = add(found, token, (struct slice){ one.at + MARK, one.len - MARK });
	}
	if (in_query(r, room, &one))
		found = add(found, token, one);
	return found;
}

/* ---- judging --------------------------------------------------------------------------------- */

#define NOT_ACCEPTED 401, "invalid_token", "the token is not accepted"

static const struct refusal {
	enum metric counter;
	int status;
	const char *code, *why;
	const char *cause; /* for the log */
} refusals[] = {
	[AUTH_MALFORMED] = { METRIC_REFUSED_TOKEN_MALFORMED, NOT_ACCEPTED, "form" },
	[AUTH_ALGORITHM] = { METRIC_REFUSED_TOKEN_ALGORITHM, NOT_ACCEPTED, "algorithm" },
	[AUTH_SIGNATURE] = { METRIC_REFUSED_TOKEN_SIGNATURE, NOT_ACCEPTED, "signature" },
	[AUTH_EXPIRED] = { METRIC_REFUSED_TOKEN_EXPIRED, 401, "token_expired", "the token has expired", "expired" },
	[AUTH_EARLY] = { METRIC_REFUSED_TOKEN_EARLY, NOT_ACCEPTED, "nbf" },
	[AUTH_CLAIMS] = { METRIC_REFUSED_TOKEN_CLAIMS, NOT_ACCEPTED, "iss or aud" },
	[AUTH_OTHER_ID] = { METRIC_REFUSED_TOKEN_ID, 403, "forbidden", "the token is for another connectionId",
			    "connection_id" },
};

static void
refuse(struct visitor *v, const struct request *r, const struct refusal *refusal)
{
	metrics_add(v->front->shard, refusal->counter, 1);
	log_debug("connection %s refused for its token: %s", r->connection_id, refusal->cause);
	answer_refuse(v, r, refusal->status, refusal->code, refusal->why, 0);
}

bool
credentials_judge(struct visitor *v, const struct request *r, struct auth_claims *out)
{
	static const struct refusal none = { METRIC_REFUSED_TOKEN_MISSING, 401, "unauthorized",
					     "a token is needed to connect", "none" };
	static const struct refusal several = { METRIC_REFUSED_TOKEN_MALFORMED, 400, "bad_request",
						"two different tokens", "several" };
	const struct auth *auth = v->front->auth;
	char room[AUTH_TOKEN_MAX + 1];
	enum auth_verdict verdict;
	struct slice token;

	*out = (struct auth_claims){ .subject = "" };
	if (!auth)
		return true;
	switch (credentials_find(r, room, &token)) {
	case CREDENTIALS_NONE:
		refuse(v, r, &none);
		return false;
	case CREDENTIALS_CONFLICT:
		refuse(v, r, &several);
		return false;
	case CREDENTIALS_ONE:
		break;
	}
	verdict = auth_check(auth, token, r->connection_id, clock_real_ms(), out);
	if (verdict == AUTH_GOOD)
		return true;
	refuse(v, r, &refusals[verdict]);
	return false;
}
