/* SPDX-License-Identifier: MIT */
#ifndef WSD_CHANNEL_RULES_PRIV_H
#define WSD_CHANNEL_RULES_PRIV_H

#include <stdatomic.h>

#include "channel/rules.h"

struct channel_rules {
	atomic_uint refs;
	uint32_t n;
	struct channel_options options[]; /* in the order of the file, those without a namespace first */
};

#endif
