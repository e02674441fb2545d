/* SPDX-License-Identifier: MIT */
/* The rules in force: a pointer under a lock, which is held for as long as it takes to count a reference. */
#include "channel/rules_priv.h"

#include <pthread.h>
#include <stdlib.h>

struct channel_rules_now {
	pthread_mutex_t lock;
	struct channel_rules *rules; /* [lock] */
};

struct channel_rules_now *
channel_rules_now_create(struct channel_rules *first)
{
	struct channel_rules_now *now = calloc(1, sizeof(*now));

	if (!now)
		return NULL;
	pthread_mutex_init(&now->lock, NULL);
	now->rules = first;
	return now;
}

struct channel_rules *
channel_rules_now_get(struct channel_rules_now *now)
{
	struct channel_rules *rules;

	pthread_mutex_lock(&now->lock);
	rules = channel_rules_get(now->rules);
	pthread_mutex_unlock(&now->lock);
	return rules;
}

void
channel_rules_now_set(struct channel_rules_now *now, struct channel_rules *rules)
{
	struct channel_rules *before;

	pthread_mutex_lock(&now->lock);
	before = now->rules;
	now->rules = rules;
	pthread_mutex_unlock(&now->lock);
	channel_rules_put(&before);
}

void
channel_rules_now_destroy(struct channel_rules_now **owned)
{
	struct channel_rules_now *now = *owned;

	*owned = NULL;
	if (!now)
		return;
	channel_rules_put(&now->rules);
	pthread_mutex_destroy(&now->lock);
	free(now);
}
