/* SPDX-License-Identifier: MIT */
#include "channel/rules.h"

#include <stdlib.h>

#include "channel/rules_priv.h"

struct channel_rules *
channel_rules_get(struct channel_rules *rules)
{
	if (rules)
		atomic_fetch_add_explicit(&rules->refs, 1, memory_order_relaxed);
	return rules;
}

void
channel_rules_put(struct channel_rules **owned)
{
	struct channel_rules *rules = *owned;

	*owned = NULL;
	if (!rules || atomic_fetch_sub_explicit(&rules->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < rules->n; i++)
		free(rules->options[i].ns);
	free(rules);
}

const struct channel_options *
channel_rules_find(const struct channel_rules *rules, const struct channel_name *name)
{
	if (!rules)
		return NULL;
	for (uint32_t i = 0; i < rules->n; i++)
		if (slice_equal(name->ns, rules->options[i].ns))
			return &rules->options[i];
	return NULL;
}
