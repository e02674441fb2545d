/* SPDX-License-Identifier: MIT */
/*
 * The web client: files held in the program, and what they have to be told. It is the same on both sides. On
 * the public side everything it needs is at its own address; on the admin side no WebSocket is served, so
 * that the client there may connect to the public port.
 */
#include "admin/page.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_add.h"
#include "base/addr.h"
#include "base/check.h"
#include "conf/conf.h"

/* Nothing inline, nothing from elsewhere. */
#define POLICY_PAGE \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'%s; " \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

void
page_init(struct side *side)
{
	unsigned port = side->admin->ops.public_port;
	char ws[64] = "";
	int len;

	if (side->which == ADMIN_SIDE_ADMIN && port)
		snprintf(ws, sizeof(ws), " ws://*:%u wss://*:%u", port, port);
	len = snprintf(side->page_policy, sizeof(side->page_policy), POLICY_PAGE, ws);
	CHECK(len > 0 && (size_t)len < sizeof(side->page_policy));
}

static void
send_file(struct exchange *ex, const char *name, const char *policy)
{
	const struct page_file *file = page_files;

	while (file->name && strcmp(file->name, name) != 0)
		file++;
	if (!file->name) {
		respond_error(ex, 404, "not_found", "there is nothing at this path");
		return;
	}
	respond_static(ex, file->type, policy, file->body, file->len);
	respond_tag(ex, file->etag);
}

void
page_index(struct exchange *ex)
{
	send_file(ex, "index.html", ex->side->page_policy);
}

void
page_part(struct exchange *ex)
{
	send_file(ex, ex->param, NULL);
}

static struct json_object *
rate_object(const struct conf_rate *rate)
{
	struct json_object *o = json_object_new_object();

	json_add(&o, "rate", json_object_new_int64(rate->rate));
	json_add(&o, "burst", json_object_new_int64(rate->burst));
	return o;
}

static struct json_object *
links_object(const struct conf *conf)
{
	struct json_object *o = json_object_new_object();

	if (conf->grafana_url)
		json_add(&o, "grafana", json_object_new_string(conf->grafana_url));
	if (conf->prometheus_url)
		json_add(&o, "prometheus", json_object_new_string(conf->prometheus_url));
	return o;
}

/* What the client would otherwise learn by requests that are refused, which browsers report as errors. */
void
page_facts(struct exchange *ex)
{
	const struct conf *conf = ex->side->admin->conf;
	bool admin = ex->side->which == ADMIN_SIDE_ADMIN;
	struct json_object *o = json_object_new_object();

	json_add(&o, "side", json_object_new_string(admin ? "admin" : "public"));
	json_add(&o, "instance", json_object_new_string(conf->instance));
	if (admin)
		json_add(&o, "publicPort", json_object_new_int(ex->side->admin->ops.public_port));
	json_add(&o, "metrics", json_object_new_boolean(admin && addr_nets_match(&conf->metrics_allow, &ex->client)));
	json_add(&o, "connectLimit", rate_object(&conf->rate_connect));
	json_add(&o, "messageLimit", rate_object(&conf->rate_message));
	json_add(&o, "maxMessageBytes", json_object_new_int64(conf->max_message_bytes));
	json_add(&o, "links", links_object(conf));
	respond_json(ex, 200, o);
}
