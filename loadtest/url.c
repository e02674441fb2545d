/* SPDX-License-Identifier: MIT */
/* Addresses and path templates. */
#include "loadtest/url.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"

static const char *
take_scheme(struct url *u, const char *text)
{
	static const struct {
		const char *prefix;
		bool tls;
	} schemes[] = { { "ws://", false }, { "wss://", true }, { "http://", false }, { "https://", true } };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t n = strlen(schemes[i].prefix);

		if (strncmp(text, schemes[i].prefix, n) == 0) {
			u->tls = schemes[i].tls;
			return text + n;
		}
	}
	return strstr(text, "://") ? NULL : text;
}

static int
set_port(struct url *u, const char *text, size_t len)
{
	uint64_t value;

	if (len > 5 || decimal_parse((struct slice){ text, len }, 65535, &value) != WSD_OK || value == 0)
		return WSD_E_MALFORMED;
	memcpy(u->port, text, len);
	u->port[len] = '\0';
	return WSD_OK;
}

static int
parse_authority(struct url *u, const char *text, size_t len)
{
	const char *host = text, *end, *colon;
	size_t host_len;

	if (len > 0 && *text == '[') {
		end = memchr(text, ']', len);
		if (!end)
			return WSD_E_MALFORMED;
		host = text + 1;
		host_len = (size_t)(end - host);
		colon = end + 1 < text + len ? end + 1 : NULL;
		if (colon && *colon != ':')
			return WSD_E_MALFORMED;
	} else {
		colon = memchr(text, ':', len);
		host_len = colon ? (size_t)(colon - text) : len;
	}
	if (host_len == 0 || len >= sizeof(u->host))
		return WSD_E_MALFORMED;
	memcpy(u->host, host, host_len);
	u->host[host_len] = '\0';
	memcpy(u->authority, text, len);
	u->authority[len] = '\0';
	if (!colon) {
		strcpy(u->port, u->tls ? "443" : "80");
		return WSD_OK;
	}
	return set_port(u, colon + 1, len - (size_t)(colon + 1 - text));
}

int
url_parse(struct url *u, const char *text)
{
	size_t len;

	*u = (struct url){ .tls = false };
	text = take_scheme(u, text);
	if (!text || text[strcspn(text, " \t\r\n#@")] != '\0')
		return WSD_E_MALFORMED;
	len = strcspn(text, "/?");
	if (parse_authority(u, text, len) != WSD_OK)
		return WSD_E_MALFORMED;
	if (strcmp(text + len, "/") != 0)
		return snprintf(u->path, sizeof(u->path), "%s%s", text[len] == '?' ? "/" : "", text + len) <
				       (int)sizeof(u->path)
			       ? WSD_OK
			       : WSD_E_MALFORMED;
	return WSD_OK;
}

int
url_resolve(struct url *u, int family, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int rc;

	rc = getaddrinfo(u->host, u->port, &hints, &found);
	if (rc != 0) {
		*why = gai_strerror(rc);
		return WSD_E_UNKNOWN;
	}
	u->n_addresses = 0;
	for (const struct addrinfo *a = found; a && u->n_addresses < URL_ADDRESSES; a = a->ai_next) {
		struct url_address *to = &u->addresses[u->n_addresses];

		if (family != AF_UNSPEC && a->ai_family != family)
			continue;
		u->n_addresses++;
		memcpy(&to->addr, a->ai_addr, a->ai_addrlen);
		to->len = a->ai_addrlen;
	}
	freeaddrinfo(found);
	*why = "it has no address of that IP version";
	return u->n_addresses > 0 ? WSD_OK : WSD_E_UNSUPPORTED;
}

int
url_expand(char *out, size_t room, const char *template, uint64_t n, const char *run)
{
	size_t used = 0;

	while (*template) {
		int len;

		if (strncmp(template, "{n}", 3) == 0) {
			len = snprintf(out + used, room - used, "%llu", (unsigned long long)n);
			template += 3;
		} else if (strncmp(template, "{run}", 5) == 0) {
			len = snprintf(out + used, room - used, "%s", run);
			template += 5;
		} else {
			len = snprintf(out + used, room - used, "%c", *template ++);
		}
		used += (size_t)len;
		if (used >= room)
			return -1;
	}
	if (used == 0 && room > 0)
		out[0] = '\0';
	return (int)used;
}
