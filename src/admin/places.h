/* SPDX-License-Identifier: MIT */
/*
 * The places of a daemon's connections: so many in all, and so many for one client address, that no client can keep all
 * others out. IPv6 clients are taken by their /64, since that is what one host has. Locked: any thread.
 */
#ifndef WSD_ADMIN_PLACES_H
#define WSD_ADMIN_PLACES_H

#include <pthread.h>

#include "base/addr.h"

struct places {
	pthread_mutex_t lock;
	struct addr *holders; /* of the places that are taken, in no order */
	unsigned n;
	unsigned most;        /* [const after init] */
	unsigned most_of_one; /* [const after init] */
};

/* WSD_OK or -ENOMEM. */
int places_init(struct places *places, unsigned most, unsigned most_of_one);
/* Accepts one that is all zero. */
void places_deinit(struct places *places);

/* Takes a place for a client, or with ADDR_NONE or ADDR_UNIX for one that is not counted by address. WSD_OK,
 * WSD_E_FULL (none is left) or WSD_E_BUSY (this client has as many as one may have). */
int places_take(struct places *places, const struct addr *client);
/* Gives back what was taken for the same address. */
void places_give_back(struct places *places, const struct addr *client);

#endif
