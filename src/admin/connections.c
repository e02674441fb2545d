/* SPDX-License-Identifier: MIT */
/* /api/v1/connections: pages of them, and one by its id. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_add.h"
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

static struct json_object *
connection_json(const struct admin_connection *c)
{
	struct json_object *o = json_object_new_object();
	char when[CLOCK_ISO8601_LEN + 1] = "", client[ADDR_TEXT_MAX];

	clock_iso8601(when, c->connected_real_ms);
	if (c->peer.port != 0)
		addr_port_text(client, &c->peer);
	else
		addr_text(client, &c->peer);
	json_add(&o, "connectionId", json_object_new_string(c->id));
	json_add(&o, "client", json_object_new_string(client));
	json_add(&o, "connectedAt", json_object_new_string(when));
	json_add(&o, "idleMs", json_object_new_uint64(c->idle_ms));
	json_add(&o, "messages", json_object_new_uint64(c->messages));
	json_add(&o, "queuedBytes", json_object_new_uint64(c->queued_bytes));
	json_add(&o, "worker", json_object_new_uint64(c->worker));
	json_add(&o, "resumed", json_object_new_boolean(c->resumed));
	return o;
}

static struct json_object *
page_json(const struct admin_page *page)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (uint32_t i = 0; i < page->n; i++)
		json_append(&list, connection_json(&page->items[i]));
	json_add(&o, "connections", list);
	json_add(&o, "total", json_object_new_uint64(page->total));
	if (page->more && page->n > 0)
		json_add(&o, "next", json_object_new_string(page->items[page->n - 1].id));
	else
		json_add_null(&o, "next");
	return o;
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
		respond_json(ex, 200, page_json(&page));
	else
		respond_failure(ex, rc);
	free(page.items);
}

void
connections_one(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct admin_connection c = { .id = "" };
	struct json_object *o;
	int rc;

	if (ex->method == METHOD_GET)
		rc = ops->find(ops->arg, ex->param, &c);
	else
		rc = ops->disconnect(ops->arg, ex->param);
	if (rc != WSD_OK) {
		respond_failure(ex, rc);
	} else if (ex->method == METHOD_GET) {
		respond_json(ex, 200, connection_json(&c));
	} else {
		o = json_object_new_object();
		json_add(&o, "connectionId", json_object_new_string(ex->param));
		json_add(&o, "disconnected", json_object_new_boolean(true));
		respond_json(ex, 200, o);
	}
}
