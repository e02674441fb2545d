/* SPDX-License-Identifier: MIT */
/*
 * One request, from its head to its answer, on the thread of its daemon. MHD calls exchange_serve() once for
 * the head, then for each piece of the body, then once more; an answer can be given at the first and the last
 * of these calls only. What can be decided by the head is, and the body that follows a refusal is read and
 * dropped before the answer is sent, for closing a socket with unread bytes resets the connection and can
 * destroy the answer under way.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/admin_priv.h"
#include "admin/rate.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/forwarded.h"
#include "conf/conf.h"

#define EXCHANGE_MAGIC      0x65786331u
#define FORWARDED_LINES_MAX 16

/* Several lines of one field make one list: RFC 9110, 5.2. */
struct lines {
	struct slice values[FORWARDED_LINES_MAX];
	unsigned n;
	bool too_many;
};

static enum MHD_Result
gather_forwarded(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct lines *lines = cls;

	if (!value || strcasecmp(name, "X-Forwarded-For") != 0)
		return MHD_YES;
	if (lines->n == FORWARDED_LINES_MAX) {
		lines->too_many = true;
		return MHD_NO;
	}
	lines->values[lines->n++] = (struct slice){ value, strlen(value) };
	return MHD_YES;
}

struct addr
exchange_peer(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info && info->client_addr)
		return addr_from_sockaddr(info->client_addr, sizeof(struct sockaddr_storage));
	return (struct addr){ .family = ADDR_NONE };
}

struct last_line {
	const char *name, *value;
};

static enum MHD_Result
keep_line(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct last_line *last = cls;

	if (strcasecmp(name, last->name) == 0)
		last->value = value;
	return MHD_YES;
}

/* Of several lines the last, as the front desk has it: the nearest proxy's. len 0: none. */
static struct slice
last_value(struct MHD_Connection *conn, const char *name)
{
	struct last_line last = { .name = name };

	MHD_get_connection_values(conn, MHD_HEADER_KIND, keep_line, &last);
	return (struct slice){ last.value, last.value ? strlen(last.value) : 0 };
}

static bool
came_by_tls(struct MHD_Connection *conn, const struct conf *conf, const struct addr *peer)
{
	return forwarded_tls(peer, last_value(conn, "X-Forwarded-Proto"), &conf->trusted_proxies);
}

static struct addr
find_client(struct MHD_Connection *conn, const struct conf *conf, struct addr client)
{
	struct lines lines = { .n = 0 };

	if (!addr_nets_match(&conf->trusted_proxies, &client))
		return client;
	MHD_get_connection_values(conn, MHD_HEADER_KIND, gather_forwarded, &lines);
	if (lines.too_many)
		return (struct addr){ .family = ADDR_NONE };
	while (lines.n > 0 && forwarded_client(&client, lines.values[lines.n - 1], &conf->trusted_proxies))
		lines.n--;
	return client;
}

/* Bytes of the body that the head announces: a number, as far as MHD lets it through. UINT64_MAX: chunked, it
 * does not say. */
static uint64_t
announced(struct exchange *ex, bool *unknown_coding)
{
	const char *length = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Content-Length");
	const char *coding = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Transfer-Encoding");

	*unknown_coding = coding && strcasecmp(coding, "chunked") != 0;
	if (coding)
		return UINT64_MAX;
	return length ? strtoull(length, NULL, 10) : 0;
}

static bool
rate_allows(struct exchange *ex, uint64_t now_ns)
{
	uint64_t wait_ns;

	if (ex->side->which != ADMIN_SIDE_ADMIN)
		return true;
	wait_ns = rate_take(ex->side->admin->rates, &ex->client, now_ns);
	if (wait_ns == 0)
		return true;
	respond_error(ex, 429, "rate_limited", "too many requests from this address");
	respond_header(ex, "Retry-After", "%llu",
		       (unsigned long long)((wait_ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S));
	return false;
}

static bool
is_of_backend(const struct exchange *ex)
{
	return ex->route && ex->route->readers == READERS_BACKENDS;
}

static size_t
body_most(const struct exchange *ex)
{
	return is_of_backend(ex) ? ADMIN_API_BODY_MAX : ADMIN_BODY_MAX;
}

static void
refuse_large(struct exchange *ex)
{
	respond_error(ex, 413, "too_large", "the body has more than %zu bytes", body_most(ex));
}

/* A backend that has shown its key asks as often as it likes, and over one connection, if one more may be kept. */
static bool
welcome_backend(struct exchange *ex)
{
	if (!is_of_backend(ex) || ex->reply.status != 0)
		return false;
	ex->stays = admin_keep(ex->side, ex->conn);
	return true;
}

/* Head: the first call. True if the answer is to be sent now, without reading the body. */
static bool
begin(struct exchange *ex, const char *url, const char *method)
{
	const struct conf *conf = ex->side->admin->conf;
	struct addr peer = exchange_peer(ex->conn);
	bool unknown_coding;
	uint64_t now_ns = clock_mono_ns(), body = announced(ex, &unknown_coding);

	ex->deadline_ns = now_ns + ex->side->admin->limits.request_ms * CLOCK_NS_PER_MS;
	ex->tls = came_by_tls(ex->conn, conf, &peer);
	ex->client = find_client(ex->conn, conf, peer);
	request_id_choose(ex->request_id, last_value(ex->conn, "X-Request-Id"));
	routes_judge(ex, url, method); /* also finds the route to count under */
	if ((welcome_backend(ex) || rate_allows(ex, now_ns)) && ex->reply.status == 0 && body != UINT64_MAX &&
	    body > body_most(ex))
		refuse_large(ex);
	if (unknown_coding) { /* where such a body ends nobody knows: RFC 9112, 6.1 */
		respond_error(ex, 501, "not_implemented", "the only transfer coding known here is chunked");
		return true;
	}
	if (ex->reply.status == 0 || body == 0)
		return ex->reply.status != 0;
	/* a client that waits for "100 Continue" gets the refusal in its place; what is too long is not read
	 * either */
	return MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "Expect") ||
	       (body != UINT64_MAX && body > ADMIN_SWALLOW_MAX);
}

/* A piece of the body. False: the connection is to be closed. */
static bool
take_body(struct exchange *ex, const char *data, size_t len)
{
	char *grown;

	if (clock_mono_ns() > ex->deadline_ns)
		return false;
	if (ex->reply.status == 0 && ex->body_len + len > body_most(ex))
		refuse_large(ex);
	if (ex->reply.status == 0) {
		grown = realloc(ex->body, ex->body_len + len + 1);
		if (grown) {
			memcpy(grown + ex->body_len, data, len);
			ex->body_len += len;
			grown[ex->body_len] = '\0';
			ex->body = grown;
			return true;
		}
		respond_error(ex, 503, "out_of_memory", "out of memory");
	}
	ex->swallowed += len;
	return ex->swallowed <= ADMIN_SWALLOW_MAX;
}

enum MHD_Result
exchange_serve(void *cls, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
	       const char *data, size_t *data_len, void **state)
{
	struct exchange *ex = *state;

	if (!ex) {
		ex = calloc(1, sizeof(*ex));
		if (!ex)
			return MHD_NO; /* costs this connection */
		ex->magic = EXCHANGE_MAGIC;
		ex->side = cls;
		ex->conn = conn;
		*state = ex;
		return begin(ex, url, method) ? respond_send(ex) : MHD_YES;
	}
	CHECK_MAGIC(ex, EXCHANGE_MAGIC);
	if (*data_len > 0) {
		bool go_on = take_body(ex, data, *data_len);

		*data_len = 0;
		return go_on ? MHD_YES : MHD_NO;
	}
	if (ex->reply.status == 0)
		ex->route->handle(ex);
	return respond_send(ex);
}

void
exchange_over(void *cls, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	struct exchange *ex = *state;

	if (!ex)
		return;
	CHECK_MAGIC(ex, EXCHANGE_MAGIC);
	respond_discard(&ex->reply);
	free(ex->body);
	ex->magic = 0;
	free(ex);
	*state = NULL;
}
