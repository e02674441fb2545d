/* SPDX-License-Identifier: MIT */
/*
 * Tokens that clients show: is one signed with our key, by the one algorithm that the configuration names, is it in
 * force, and does it fit the connection that it is shown for (RFC 7519, RFC 7515, RFC 8725). Created on the main
 * thread, then constant; any thread may check.
 */
#ifndef WSD_AUTH_AUTH_H
#define WSD_AUTH_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "base/slice.h"

struct auth;
struct conf;

#define AUTH_TOKEN_MAX 4096 /* bytes of a token; a request's head has 8192 */

enum auth_verdict {
	AUTH_GOOD,
	AUTH_MALFORMED, /* no token, or claims that are not what they should be */
	AUTH_ALGORITHM, /* signed in another way than the configuration says, or not at all */
	AUTH_SIGNATURE,
	AUTH_EXPIRED,
	AUTH_EARLY,    /* nbf */
	AUTH_CLAIMS,   /* for somebody else, or made by somebody else: aud, iss */
	AUTH_OTHER_ID, /* for another connectionId */
};

struct auth_claims {
	uint64_t expires_real_ms;      /* when a connection must end: exp and the leeway */
	char subject[SUBJECT_MAX + 1]; /* sub as it stands in the token, cut if it is longer; "": none */
	char user[SUBJECT_MAX + 1];    /* what sub says; "": nothing, or it is longer, and so nobody */
};

/* WSD_OK, and *out is NULL if clients need no token. Else WSD_E_MALFORMED, WSD_E_RANGE, WSD_E_UNSUPPORTED or -ENOMEM
 * with one line in why. conf must outlive it. */
int auth_create(struct auth **out, const struct conf *conf, char *why, size_t why_size);

/* Accepts NULL. */
void auth_destroy(struct auth **auth);

/* Judges a token that is shown for the connection id at this moment of the wall clock. *out is set if it is good. */
enum auth_verdict auth_check(const struct auth *auth, struct slice token, const char *id, uint64_t now_real_ms,
			     struct auth_claims *out);

#endif
