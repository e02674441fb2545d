/* SPDX-License-Identifier: MIT */
/*
 * Lists of browser origins, of hosts and of subprotocols: their syntax, and their normal form, in which a comparison
 * of bytes is all that is needed to match them (RFC 6454, 6.2: browsers send scheme and host in lower case, and no port
 * where it is the scheme's own). Pure.
 */
#include "conf/conf_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/names.h"
#include "base/slice.h"

static bool
only(struct slice s, const char *allowed)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '\0' || !strchr(allowed, s.at[i]))
			return false;
	return s.len > 0;
}

/* Labels of letters, digits, "-" and, as some machines are named, "_"; a dot at the end is what no browser sends. */
static bool
good_name(struct slice host)
{
	if (host.len > 253 || !only(host, ASCII_LOWER ASCII_DIGITS "-_."))
		return false;
	while (host.len > 0) {
		const char *dot = memchr(host.at, '.', host.len);
		size_t label = dot ? (size_t)(dot - host.at) : host.len;

		if (label == 0 || label > 63 || host.at[0] == '-' || host.at[label - 1] == '-' || label + 1 == host.len)
			return false;
		host = (struct slice){ host.at + label + (dot ? 1 : 0), host.len - label - (dot ? 1 : 0) };
	}
	return true;
}

static bool
good_v6(struct slice host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (host.len < 4 || host.at[host.len - 1] != ']' || host.len - 2 >= sizeof(text))
		return false;
	memcpy(text, host.at + 1, host.len - 2);
	text[host.len - 2] = '\0';
	return inet_pton(AF_INET6, text, &in6) == 1;
}

static bool
good_host(struct slice host)
{
	if (host.len > 0 && host.at[0] == '[')
		return good_v6(host);
	if (host.len > 2 && memcmp(host.at, "*.", 2) == 0)
		host = (struct slice){ host.at + 2, host.len - 2 };
	return good_name(host);
}

static bool
good_scheme(struct slice scheme)
{
	return only(scheme, ASCII_LOWER ASCII_DIGITS "+-.") && strchr(ASCII_LOWER, scheme.at[0]);
}

/* Splits ":PORT" off; 0 is returned where there is none. */
static int
split_port(struct slice *host, uint32_t *port)
{
	const char *colon = memrchr(host->at, ':', host->len);
	const char *bracket = memrchr(host->at, ']', host->len);
	size_t before;

	*port = 0;
	if (!colon || (bracket && colon < bracket))
		return WSD_OK;
	before = (size_t)(colon - host->at);
	if (conf_number_parse(colon + 1, host->len - before - 1, 1, 65535, port) != WSD_OK)
		return WSD_E_MALFORMED;
	host->len = before;
	return WSD_OK;
}

static bool
own_port(struct slice scheme, uint32_t port)
{
	return (port == 443 && slice_equal(scheme, "https")) || (port == 80 && slice_equal(scheme, "http"));
}

/* Checks one entry, already in lower case, and writes its normal form. */
static int
put_entry(struct slice entry, FILE *to)
{
	const char *mark = memmem(entry.at, entry.len, "://", 3);
	struct slice scheme = { NULL, 0 }, host = entry;
	uint32_t port;

	if (slice_equal(entry, "null")) {
		fputs("null", to);
		return WSD_OK;
	}
	if (mark) {
		scheme = (struct slice){ entry.at, (size_t)(mark - entry.at) };
		host = (struct slice){ mark + 3, entry.len - scheme.len - 3 };
		if (!good_scheme(scheme))
			return WSD_E_MALFORMED;
	} else if (entry.len < 2 || memcmp(entry.at, "*.", 2) != 0) {
		return WSD_E_MALFORMED; /* "example.org": most likely a forgotten https:// */
	}
	if (split_port(&host, &port) != WSD_OK || !good_host(host) || (port && !mark))
		return WSD_E_MALFORMED;
	if (mark)
		fprintf(to, "%.*s://", (int)scheme.len, scheme.at);
	fprintf(to, "%.*s", (int)host.len, host.at);
	if (port && !own_port(scheme, port))
		fprintf(to, ":%u", (unsigned)port);
	return WSD_OK;
}

static int
put_host(struct slice host, FILE *to)
{
	if (host.len == 0 || !good_name(host))
		return WSD_E_MALFORMED;
	fprintf(to, "%.*s", (int)host.len, host.at);
	return WSD_OK;
}

/* As a client offers it, RFC 6455, 4.1: a token of HTTP. Never one that carries a token to authenticate with. */
static int
put_subprotocol(struct slice name, FILE *to)
{
	if (name.len == 0 || name.len > SUBPROTOCOL_MAX || !ascii_all(name, ascii_is_token))
		return WSD_E_MALFORMED;
	if (slice_equal(name, "*") || (name.len >= 7 && memcmp(name.at, "bearer.", 7) == 0))
		return WSD_E_MALFORMED;
	fprintf(to, "%.*s", (int)name.len, name.at);
	return WSD_OK;
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct list_kind {
	int (*put)(struct slice entry, FILE *to); /* checks one entry, and writes its normal form */
	bool any_case;                            /* its letters' case means nothing */
};

static int
put_list(char *text, const struct list_kind *kind, FILE *to)
{
	struct slice rest = slice_of(text), entry;
	bool first = true;
	int rc = WSD_OK;

	for (char *c = text; *c && kind->any_case; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (text[0] == ',' || strstr(text, ",,"))
		return WSD_E_MALFORMED;
	while (rc == WSD_OK && slice_cut(&rest, ',', &entry)) {
		if (!first)
			fputc(',', to);
		first = false;
		rc = kind->put(slice_trim(entry), to);
	}
	return rc == WSD_OK && first ? WSD_E_MALFORMED : rc;
}

static int
parse_list(const char *text, const struct list_kind *kind, char **out)
{
	char *copy = NULL, *normal = NULL;
	size_t size = 0;
	FILE *to = NULL;
	int rc = -ENOMEM;

	copy = strdup(text);
	to = open_memstream(&normal, &size);
	if (!copy || !to)
		goto out;
	if (strcmp(text, "*") == 0)
		rc = fputc('*', to) == '*' ? WSD_OK : -ENOMEM;
	else
		rc = put_list(copy, kind, to);
	if (fclose(to) != 0 && rc == WSD_OK)
		rc = -ENOMEM;
	to = NULL;
	if (rc == WSD_OK) {
		*out = normal;
		normal = NULL;
	}
out:
	if (to)
		fclose(to);
	free(normal);
	free(copy);
	return rc;
}

int
conf_origins_parse(const struct conf_var *var, void *at, const char *text)
{
	return parse_list(text, &(struct list_kind){ put_entry, true }, at);
}

int
conf_hosts_parse(const struct conf_var *var, void *at, const char *text)
{
	return parse_list(text, &(struct list_kind){ put_host, true }, at);
}

int
conf_subprotocols_parse(const struct conf_var *var, void *at, const char *text)
{
	return parse_list(text, &(struct list_kind){ put_subprotocol, false }, at);
}
