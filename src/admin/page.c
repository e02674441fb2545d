/* SPDX-License-Identifier: MIT */
/*
 * The web client: files held in the program, and what they have to be told. It is the same on both sides. On
 * the public side everything it needs is at its own address; on the admin side no WebSocket is served, so
 * that the client there may connect to the public port.
 */
#include "admin/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin_priv.h"
#include "admin/json_text.h"
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

#define LINK_MAX 640 /* a name, and an address of at most 512 characters */

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

/* Behind what stands before; neither the name nor the address has anything to escape. "": not known. */
static const char *
link_member(char *out, size_t size, const char *before, const char *name, const char *url)
{
	snprintf(out, size, "%s\"%s\":\"%s\"", before, name, url ? url : "");
	return url ? out : "";
}

/* What the client would otherwise learn by requests that are refused, which browsers report as errors. */
void
page_facts(struct exchange *ex)
{
	const struct conf *conf = ex->side->admin->conf;
	bool admin = ex->side->which == ADMIN_SIDE_ADMIN;
	char port[32] = "", grafana[LINK_MAX], prometheus[LINK_MAX];

	if (admin)
		snprintf(port, sizeof(port), "\"publicPort\":%u,", ex->side->admin->ops.public_port);
	respond_json(ex, 200,
		     "{\"side\":\"%s\",\"instance\":\"%s\",%s\"metrics\":%s,\"connectLimit\":{\"rate\":%" PRIu32
		     ",\"burst\":%" PRIu32 "},\"messageLimit\":{\"rate\":%" PRIu32 ",\"burst\":%" PRIu32
		     "},\"maxMessageBytes\":%" PRIu32 ",\"links\":{%s%s}}",
		     admin ? "admin" : "public", conf->instance, port,
		     json_boolean(admin && addr_nets_match(&conf->metrics_allow, &ex->client)), conf->rate_connect.rate,
		     conf->rate_connect.burst, conf->rate_message.rate, conf->rate_message.burst,
		     conf->max_message_bytes, link_member(grafana, sizeof(grafana), "", "grafana", conf->grafana_url),
		     link_member(prometheus, sizeof(prometheus), conf->grafana_url ? "," : "", "prometheus",
				 conf->prometheus_url));
}
