/* SPDX-License-Identifier: MIT */
/* What a channel is called: "namespace:rest", of which "$..." needs a subscription token, "...#user1,user2" is for
 * these users only, and "#user" is one user's own. Pure; any thread. */
#ifndef WSD_CHANNEL_NAME_H
#define WSD_CHANNEL_NAME_H

#include <stdbool.h>

#include "base/slice.h"

#define CHANNEL_NAME_MAX 255 /* bytes */

struct channel_name {
	struct slice text;  /* all of it */
	struct slice ns;    /* without the colon, and without a leading "$"; len 0: none */
	struct slice users; /* after the "#"; at NULL: it has none */
	bool is_private;    /* begins with "$" */
};

/* The slices point into text. WSD_OK; WSD_E_TOO_LARGE; or WSD_E_MALFORMED: it is empty, no UTF-8, or has a control
 * character, a quote or a backslash, which JSON would have to escape. */
int channel_name_parse(struct slice text, struct channel_name *out);

/* Whether the users listed after "#" include this one; true if the name lists none. An empty user is nobody. */
bool channel_name_is_for(const struct channel_name *name, struct slice user);

#endif
