/* SPDX-License-Identifier: MIT */
/* Who holds a daemon's places. They are few enough to be looked through. */
#include "admin/places.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

int
places_init(struct places *places, unsigned most, unsigned most_of_one)
{
	*places = (struct places){ .most = most, .most_of_one = most_of_one };
	places->holders = calloc(most + 1, sizeof(*places->holders));
	if (!places->holders)
		return -ENOMEM;
	CHECK_ZERO(pthread_mutex_init(&places->lock, NULL));
	return WSD_OK;
}

void
places_deinit(struct places *places)
{
	if (!places->holders)
		return;
	CHECK_ZERO(pthread_mutex_destroy(&places->lock));
	free(places->holders);
	places->holders = NULL;
}

static unsigned
count_of(const struct places *places, const struct addr *key)
{
	unsigned n = 0;

	for (unsigned i = 0; i < places->n; i++)
		n += addr_same_client(&places->holders[i], key);
	return n;
}

int
places_take(struct places *places, const struct addr *client)
{
	struct addr key = addr_client(client);
	bool counted = key.family == ADDR_V4 || key.family == ADDR_V6;
	int rc = WSD_OK;

	CHECK_ZERO(pthread_mutex_lock(&places->lock));
	if (places->n >= places->most)
		rc = WSD_E_FULL;
	else if (counted && count_of(places, &key) >= places->most_of_one)
		rc = WSD_E_BUSY;
	else
		places->holders[places->n++] = key;
	CHECK_ZERO(pthread_mutex_unlock(&places->lock));
	return rc;
}

void
places_give_back(struct places *places, const struct addr *client)
{
	struct addr key = addr_client(client);
	unsigned i = 0;

	CHECK_ZERO(pthread_mutex_lock(&places->lock));
	while (i < places->n && !addr_same_client(&places->holders[i], &key))
		i++;
	CHECK(i < places->n);
	places->holders[i] = places->holders[--places->n];
	CHECK_ZERO(pthread_mutex_unlock(&places->lock));
}
