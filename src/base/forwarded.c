/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For, X-Forwarded-Proto. */
#include "base/forwarded.h"

#include <strings.h>

#include "base/err.h"

bool
forwarded_client(struct addr *client, struct slice value, const struct addr_nets *trusted)
{
	size_t end = value.len;

	while (end > 0 && addr_nets_match(trusted, client)) {
		size_t start = end, last = end;

		while (start > 0 && value.at[start - 1] != ',')
			start--;
		end = start > 0 ? start - 1 : 0;
		while (start < last && (value.at[start] == ' ' || value.at[start] == '\t'))
			start++;
		while (last > start && (value.at[last - 1] == ' ' || value.at[last - 1] == '\t'))
			last--;
		if (start == last)
			continue; /* empty list elements mean nothing: RFC 9110, 5.6.1.2 */
		if (addr_parse(client, value.at + start, last - start) != WSD_OK)
			*client = (struct addr){ .family = ADDR_NONE };
	}
	return addr_nets_match(trusted, client);
}

bool
forwarded_tls(const struct addr *peer, struct slice proto, const struct addr_nets *trusted)
{
	return ((proto.len == 5 && strncasecmp(proto.at, "https", 5) == 0) ||
		(proto.len == 3 && strncasecmp(proto.at, "wss", 3) == 0)) &&
	       addr_nets_match(trusted, peer);
}
