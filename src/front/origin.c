/* SPDX-License-Identifier: MIT */
/* ALLOWED_ORIGINS: which pages may connect. Browsers send Origin (RFC 6454); other clients need not, and are let in. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "front/front_priv.h"

/* "host" ends with ".domain" of the pattern "*.domain", with something before it. */
static bool
under_domain(struct slice host, const char *domain, size_t len)
{
	return host.len > len && strncasecmp(host.at + host.len - len, domain, len) == 0;
}

static struct slice
host_of(struct slice origin)
{
	const char *sep = memmem(origin.at, origin.len, "://", 3);
	struct slice host = { NULL, 0 };

	if (!sep)
		return host;
	host.at = sep + 3;
	host.len = (size_t)(origin.at + origin.len - host.at);
	for (size_t i = host.len; i > 0 && (isdigit((unsigned char)host.at[i - 1]) || host.at[i - 1] == ':'); i--) {
		if (host.at[i - 1] == ':') {
			host.len = i - 1;
			break;
		}
	}
	return host;
}

static bool
matches(const char *entry, size_t len, struct slice origin)
{
	const char *star = memchr(entry, '*', len);
	size_t before;

	if (!star)
		return origin.len == len && strncasecmp(entry, origin.at, len) == 0;
	before = (size_t)(star - entry); /* "" or "https://" */
	if (origin.len <= before || strncasecmp(entry, origin.at, before) != 0)
		return false;
	/* without a scheme any port will do; with one the port must be the pattern's, or none */
	return under_domain(before == 0 ? host_of(origin) : (struct slice){ origin.at + before, origin.len - before },
			    star + 1, len - before - 1);
}

bool
origin_allowed(const char *allowed, struct slice origin)
{
	struct slice rest = slice_of(allowed), entry;

	if (origin.len == 0 || strcmp(allowed, "*") == 0)
		return true;
	while (slice_cut(&rest, ',', &entry))
		if (matches(entry.at, entry.len, origin))
			return true;
	return false;
}
