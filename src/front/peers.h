/* SPDX-License-Identifier: MIT */
/*
 * What is counted for each client address: connections, and the rate of new ones. IPv6 clients are counted by
 * /64, the smallest network that one of them can be expected to have all to itself (RFC 6177). The table is
 * bounded: in a flood of addresses the ones that nothing is counted for are forgotten, and beyond that new
 * ones go uncounted. Main thread.
 */
#ifndef WSD_FRONT_PEERS_H
#define WSD_FRONT_PEERS_H

#include <stdint.h>

#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1 /* what there was no memory to add has no hh.tbl; else uthash would exit(3) */
#endif
#include <uthash.h>

#include "base/addr.h"
#include "base/bucket.h"

struct peer_key {
	uint8_t prefix[8];
	uint8_t family;
	uint8_t zero[7]; /* uthash compares all bytes */
};

struct peer {
	struct peer_key key;
	UT_hash_handle hh;
	struct bucket connects;
	uint32_t connections;
};

struct peers {
	struct peer *by_key; /* in order of arrival */
	uint32_t most;
};

void peers_init(struct peers *p, uint32_t most);
void peers_deinit(struct peers *p);

/* The entry of this address, made if need be. NULL: the table is full of addresses in use, or there is no
 * memory. It stays until the next call of peers_get() at least, and as long as connections is not 0. */
struct peer *peers_get(struct peers *p, const struct addr *a, uint32_t rate, uint64_t now_ns);

#endif
