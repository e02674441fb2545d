/* SPDX-License-Identifier: MIT */
/* /api/v1/connections: pages of them, and one by its id. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_text.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/percent.h"

/* The query of a page, as far as it was read. */
struct query {
	struct exchange *ex;
	uint32_t limit;
	char after[CONNECTION_ID_MAX + 1], prefix[CONNECTION_ID_MAX + 1];
	bool had_limit, had_after, had_prefix;
};

static bool
parse_limit(uint32_t *out, const char *text)
{
	uint64_t value = 0;

	decimal_parse(slice_of(text), ADMIN_PAGE_MAX, &value);
	*out = (uint32_t)value;
	return value >= 1;
}

static bool
parse_part(char *out, const char *text)
{
	int len = percent_decode(slice_of(text), out, CONNECTION_ID_MAX + 1);

	return len == 0 || (len > 0 && name_begins_connection_id(slice_of(out)));
}

/* Called for each parameter; MHD_NO ends the walk, and then the answer has been decided. */
static enum MHD_Result
take_parameter(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct query *q = cls;
	const char *expected = NULL;
	bool *had = NULL;

	if (strcmp(name, "limit") == 0) {
		had = &q->had_limit;
		expected = value && parse_limit(&q->limit, value) ? NULL : "a number from 1 to 1000";
	} else if (strcmp(name, "after") == 0) {
		had = &q->had_after;
		expected = value && parse_part(q->after, value) ? NULL : "a connectionId";
	} else if (strcmp(name, "prefix") == 0) {
		had = &q->had_prefix;
		expected = value && parse_part(q->prefix, value) ? NULL : "the start of a connectionId";
	}
	if (!had)
		respond_error(q->ex, 400, "invalid_parameter", "%.64s: unknown parameter (known: limit, after, prefix)",
			      name);
	else if (*had)
		respond_error(q->ex, 400, "invalid_parameter", "%s: given twice", name);
	else if (expected)
		respond_error(q->ex, 400, "invalid_parameter", "%s: expected %s", name, expected);
	if (!had || *had || expected)
		return MHD_NO;
	*had = true;
	return MHD_YES;
}

static int
write_connection(FILE *to, const void *arg)
{
	const struct admin_connection *c = arg;
	char when[CLOCK_ISO8601_LEN + 1] = "", client[ADDR_TEXT_MAX];

	clock_iso8601(when, c->connected_real_ms);
	if (c->peer.port != 0)
		addr_port_text(client, &c->peer);
	else
		addr_text(client, &c->peer);
	fprintf(to,
		"{\"connectionId\":\"%s\",\"client\":\"%s\",\"connectedAt\":\"%s\",\"idleMs\":%" PRIu64
		",\"messages\":%" PRIu64 ",\"queuedBytes\":%" PRIu64 ",\"worker\":%" PRIu32 ",\"resumed\":%s}",
		c->id, client, when, c->idle_ms, c->messages, c->queued_bytes, c->worker, json_boolean(c->resumed));
	return WSD_OK;
}

static int
write_one(FILE *to, const void *arg)
{
	write_connection(to, arg);
	fputs("\n", to);
	return WSD_OK;
}

static int
write_page(FILE *to, const void *arg)
{
	const struct admin_page *page = arg;

	fputs("{\"connections\":[", to);
	for (uint32_t i = 0; i < page->n; i++) {
		fputs(i > 0 ? "," : "", to);
		write_connection(to, &page->items[i]);
	}
	fprintf(to, "],\"total\":%" PRIu64 ",\"next\":", page->total);
	if (page->more && page->n > 0)
		fprintf(to, "\"%s\"}\n", page->items[page->n - 1].id);
	else
		fputs("null}\n", to);
	return WSD_OK;
}

void
connections_list(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct query q = { .ex = ex, .limit = ADMIN_PAGE_DEFAULT };
	struct admin_page page = { .after = q.after, .prefix = q.prefix };
	int rc;

	MHD_get_connection_values(ex->conn, MHD_GET_ARGUMENT_KIND, take_parameter, &q);
	if (ex->reply.status != 0)
		return;
	page.limit = q.limit;
	page.items = calloc(q.limit, sizeof(*page.items));
	rc = page.items ? ops->page(ops->arg, &page) : -ENOMEM;
	if (rc == WSD_OK)
		respond_written(ex, TYPE_JSON, write_page, &page);
	else
		respond_failure(ex, rc);
	free(page.items);
}

void
connections_one(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct admin_connection c = { .id = "" };
	int rc;

	if (ex->method == METHOD_GET)
		rc = ops->find(ops->arg, ex->param, &c);
	else
		rc = ops->disconnect(ops->arg, ex->param);
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
	} else if (ex->method == METHOD_GET) {
		respond_written(ex, TYPE_JSON, write_one, &c);
	} else {
		respond_json(ex, 200, "{\"connectionId\":\"%s\",\"disconnected\":true}", ex->param);
	}
}
