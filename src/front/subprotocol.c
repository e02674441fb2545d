/* SPDX-License-Identifier: MIT */
/*
 * SUBPROTOCOLS: which of the subprotocols that a client offers is answered. None of them means anything here, but
 * clients that offered some give up a connection for which they got none (browsers do). Pure; any thread.
 */
#include <string.h>

#include "conf/conf.h"
#include "front/front_priv.h"

#define OWN "wsd"

static bool
is_allowed(const char *allowed, struct slice name)
{
	struct slice rest = slice_of(allowed), one;

	if (name.len > SUBPROTOCOL_MAX || credentials_is_token(name))
		return false;
	if (strcmp(allowed, "*") == 0)
		return true;
	while (slice_cut(&rest, ',', &one))
		if (one.len == name.len && memcmp(one.at, name.at, name.len) == 0)
			return true;
	return false;
}

struct slice
subprotocol_choose(const char *allowed, const struct request_list *offered)
{
	struct slice one, chosen = { NULL, 0 };
	struct request_place place = { 0 };

	while (request_next(offered, &place, &one)) {
		if (slice_equal(one, OWN))
			return one;
		if (!chosen.at && allowed && is_allowed(allowed, one))
			chosen = one;
	}
	return chosen;
}
