/* SPDX-License-Identifier: MIT */
/* Who is behind a proxy, and how it came: X-Forwarded-For and -Proto, believed as far as trusted proxies wrote them.
 * Pure; any thread. */
#ifndef WSD_BASE_FORWARDED_H
#define WSD_BASE_FORWARDED_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/slice.h"

/*
 * Walks one field value, "client, proxy1, proxy2", from its end: as long as *client is in trusted, the entry
 * before it is who *client got the request from. *client starts as the peer of the socket. True if all of the
 * value was taken and *client is still trusted: an earlier field line may then say more. An entry that is no
 * address ("unknown") makes *client ADDR_NONE, which no list of networks matches.
 */
bool forwarded_client(struct addr *client, struct slice value, const struct addr_nets *trusted);

/* Whether the client spoke TLS: the last entry of X-Forwarded-Proto is https or wss, and a trusted peer wrote it. */
bool forwarded_tls(const struct addr *peer, struct slice proto, const struct addr_nets *trusted);

#endif
