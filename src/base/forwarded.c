/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For, X-Forwarded-Proto. */
#include "base/forwarded.h"

#include "base/err.h"

/* What stands behind the last comma. */
static struct slice
last_entry(struct slice list)
{
	size_t start = list.len;

	while (start > 0 && list.at[start - 1] != ',')
		start--;
	return (struct slice){ list.at + start, list.len - start };
}

bool
forwarded_client(struct addr *client, struct slice value, const struct addr_nets *trusted)
{
	size_t end = value.len;

	while (end > 0 && addr_nets_match(trusted, client)) {
		struct slice entry = last_entry((struct slice){ value.at, end });

		end = entry.at > value.at ? (size_t)(entry.at - value.at) - 1 : 0;
		entry = slice_trim(entry);
		if (entry.len == 0)
			continue; /* empty list elements mean nothing: RFC 9110, 5.6.1.2 */
		if (addr_parse(client, entry.at, entry.len) != WSD_OK)
			*client = (struct addr){ .family = ADDR_NONE };
	}
	return addr_nets_match(trusted, client);
}

bool
forwarded_tls(const struct addr *peer, struct slice proto, const struct addr_nets *trusted)
{
	if (proto.len == 0)
		return false;
	proto = slice_trim(last_entry(proto));
	return (slice_equal_nocase(proto, "https") || slice_equal_nocase(proto, "wss")) &&
	       addr_nets_match(trusted, peer);
}
