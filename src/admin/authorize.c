/* SPDX-License-Identifier: MIT */
/*
 * Operators may change state, and see who is connected: whoever may open the unix socket (its mode and group decide),
 * or knows ADMIN_TOKEN; the admin port is open to every user of the machine. At the rest may look who can connect, but
 * no page in a browser. Other sites' pages cannot read our answers, unless their own name is made to lead here (DNS
 * rebinding); a browser then names that in Host.
 */
#include <string.h>
#include <strings.h>

#include "admin/admin_priv.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/secret.h"
#include "conf/conf.h"

bool
authorize_operator(struct exchange *ex)
{
	const char *token = ex->side->admin->conf->admin_token;
	const char *sent;

	if (ex->client.family == ADDR_UNIX)
		return true;
	if (!token) {
		respond_error(ex, 403, "forbidden",
			      "this is for operators: through the unix socket only, since no ADMIN_TOKEN is set");
		return false;
	}
	sent = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Authorization");
	if (sent && strncasecmp(sent, "Bearer ", 7) == 0 && secret_equal(slice_of(token), slice_of(sent + 7)))
		return true;
	respond_error(ex, 401, "unauthorized",
		      "this is for operators: through the unix socket, or with 'Authorization: Bearer' and the "
		      "ADMIN_TOKEN");
	respond_header(ex, "WWW-Authenticate", "Bearer realm=\"wsd\"");
	return false;
}

static bool
listed(struct slice list, const char *name, size_t len)
{
	struct slice item;

	while (slice_cut(&list, ',', &item))
		if (item.len == len && strncasecmp(item.at, name, len) == 0)
			return true;
	return false;
}

bool
authorize_host(const char *allowed, const char *host)
{
	struct addr address;

	if (strcmp(allowed, "*") == 0 || host[0] == '\0')
		return true;
	return addr_parse(&address, host, strlen(host)) == WSD_OK ||
	       listed(slice_of(allowed), host, strcspn(host, ":"));
}

bool
authorize_look(struct exchange *ex)
{
	const char *host = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Host");

	if (ex->client.family == ADDR_UNIX || !host || authorize_host(ex->side->admin->conf->admin_hosts, host))
		return true;
	respond_error(ex, 403, "forbidden", "ADMIN_HOSTS does not list the name in Host");
	return false;
}

/* The last two are how older clients of Centrifugo send it. */
static struct slice
sent_key(struct exchange *ex)
{
	const char *key = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "X-API-Key");

	if (key)
		return slice_of(key);
	key = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Authorization");
	if (key && strncasecmp(key, "apikey ", 7) == 0)
		return slice_of(key + 7);
	key = MHD_lookup_connection_value(ex->conn, MHD_GET_ARGUMENT_KIND, "api_key");
	return slice_of(key ? key : "");
}

static bool
is_key(const char *key, struct slice sent)
{
	return key && secret_equal(slice_of(key), sent);
}

bool
authorize_backend(struct exchange *ex)
{
	const struct conf *conf = ex->side->admin->conf;
	struct slice sent = sent_key(ex);

	if (ex->client.family == ADDR_UNIX && sent.len == 0)
		return true;
	if (is_key(conf->api_key, sent) | is_key(conf->api_key_previous, sent))
		return true;
	respond_plain(ex, 401, "%s", "");
	respond_header(ex, "WWW-Authenticate", "apikey realm=\"wsd\"");
	return false;
}
