/* SPDX-License-Identifier: MIT */
/* Pages of the live connections in order of their ids. They are kept unordered, so that each page looks at
 * all of them. */
#include <stdlib.h>
#include <string.h>

#include "front/front_priv.h"

/* Keeps out[] sorted and at most `most` long; *n is its length. */
static void
insert(struct front_entry *out, uint32_t *n, uint32_t most, const struct session *session)
{
	uint32_t low = 0, high = *n, last;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(out[middle].id, session->id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == most)
		return;
	last = *n < most ? (*n)++ : most - 1;
	memmove(out + low + 1, out + low, (last - low) * sizeof(*out));
	out[low] = (struct front_entry){ .id = session->id, .seat = session->seat };
}

uint32_t
front_list(const struct front *f, const char *after, const char *prefix, struct front_entry *out, uint32_t most,
	   bool *more)
{
	size_t prefix_len = strlen(prefix);
	uint32_t n = 0, fitting = 0;

	for (const struct session *s = f->sessions.by_id; s; s = s->hh.next) {
		if (s->state != SESSION_LIVE || strcmp(s->id, after) <= 0 || strncmp(s->id, prefix, prefix_len) != 0)
			continue;
		fitting++;
		if (n < most || strcmp(s->id, out[n - 1].id) < 0)
			insert(out, &n, most, s);
	}
	*more = fitting > n;
	return n;
}
