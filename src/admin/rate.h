/* SPDX-License-Identifier: MIT */
/*
 * A token bucket for each client address, in a table of fixed size: whoever comes from more addresses than
 * fit makes others' buckets be forgotten (which lets these through sooner), never memory grow. IPv6 clients
 * are taken by their /64, since that is what one host has. Not locked: one thread.
 */
#ifndef WSD_ADMIN_RATE_H
#define WSD_ADMIN_RATE_H

#include <stdint.h>

#include "base/addr.h"

struct rate_table;

struct rate_table *rate_create(uint32_t rate, uint32_t burst); /* NULL: out of memory */
void rate_destroy(struct rate_table **table);

/* Takes a token of the client: 0, or after how many ns one comes. Unix-domain peers are not limited. */
uint64_t rate_take(struct rate_table *table, const struct addr *client, uint64_t now_ns);

#endif
