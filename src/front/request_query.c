/* SPDX-License-Identifier: MIT */
/* Query parameters. Pure; any thread. */
#include "front/request_priv.h"

#include "base/err.h"
#include "base/percent.h"

int
request_query(struct slice query, const char *name, char *out, size_t size)
{
	int found = WSD_E_UNKNOWN;
	struct slice value, key;

	while (slice_cut(&query, '&', &value)) {
		slice_cut(&value, '=', &key);
		if (!slice_equal(key, name))
			continue;
		if (found != WSD_E_UNKNOWN) {
			found = WSD_E_MALFORMED; /* who reads the first and who the last would not agree */
			break;
		}
		found = percent_decode(value, out, size);
	}
	if (found < 0 && size > 0)
		out[0] = '\0';
	return found;
}
