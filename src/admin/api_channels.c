/* SPDX-License-Identifier: MIT */
/* What is known of channels: history, presence, which there are. */
#include <string.h>

#include "admin/api_priv.h"
#include "base/err.h"
#include "broker/broker.h"
#include "config.h"
#include "conf/conf.h"
#include "proto/json_scan.h"

#define HISTORY_MOST 1000000

/* Behind what is there already. */
static void
put_comma(struct text *out)
{
	if (out->len > 0 && !out->failed && out->at[out->len - 1] != '{' && out->at[out->len - 1] != '[')
		TEXT_PUT(out, ",");
}

static void
put_member(struct text *out, const char *name, struct slice json)
{
	if (json.len == 0)
		return;
	put_comma(out);
	text_put_string(out, slice_of(name));
	TEXT_PUT(out, ":");
	text_put_slice(out, json);
}

static void
put_string(struct text *out, const char *name, struct slice text)
{
	if (text.len == 0)
		return;
	put_comma(out);
	text_put_string(out, slice_of(name));
	TEXT_PUT(out, ":");
	text_put_string(out, text);
}

static void
put_info(struct text *out, const struct broker_info *info)
{
	TEXT_PUT(out, "{");
	put_string(out, "user", info->user);
	put_string(out, "client", info->client);
	put_member(out, "conn_info", info->conn_info);
	put_member(out, "chan_info", info->chan_info);
	TEXT_PUT(out, "}");
}

/* ---- history --------------------------------------------------------------------------------- */

static void
put_publication(void *arg, const struct broker_event *event)
{
	struct text *out = arg;

	put_comma(out);
	TEXT_PUT(out, "{");
	put_member(out, "data", event->data);
	if (event->info.client.len > 0) {
		TEXT_PUT(out, ",\"info\":");
		put_info(out, &event->info);
	}
	TEXT_PUT(out, ",\"offset\":");
	text_put_u64(out, event->offset);
	put_member(out, "tags", event->tags);
	TEXT_PUT(out, "}");
}

/* False: it is not in order. */
static bool
range_of(const struct api_request *request, struct broker_range *out)
{
	struct api_request since;
	bool wrong_type;
	int64_t number;

	*out = (struct broker_range){ .reverse = api_true(request->reverse), .bytes_most = API_ANSWER_MOST };
	if (!api_number(request->limit, -1, HISTORY_MOST, 0, &number))
		return false;
	out->limit = (int32_t)number;
	if (request->since.len == 0)
		return true;
	out->since_given = true;
	if (api_request_parse(request->since, &since, &wrong_type) ||
	    !api_number(since.offset, 0, INT64_MAX, 0, &number))
		return false;
	out->since.offset = (uint64_t)number;
	if (since.epoch.len > 0) {
		size_t len = json_string_text(since.epoch, out->since.epoch, BROKER_EPOCH_LEN);

		if (len == JSON_NO_TEXT) /* none of ours is so long */
			memcpy(out->since.epoch, "????????", BROKER_EPOCH_LEN);
		else
			out->since.epoch[len] = '\0';
	}
	return true;
}

enum channel_code
api_history(struct api_call *call, const struct api_request *request)
{
	const struct channel_options *options;
	char room[CHANNEL_NAME_MAX];
	struct channel_name name;
	struct broker_range range;
	struct broker_position top;
	enum channel_code code = api_channel(call, request->channel, room, &name, &options);
	int rc;

	if (code != CHANNEL_FINE)
		return code;
	if (!channel_has_history(options))
		return CHANNEL_NOT_AVAILABLE;
	if (!range_of(request, &range))
		return CHANNEL_BAD_REQUEST;
	TEXT_PUT(&call->out, "{\"publications\":[");
	rc = broker_history(call->broker, name.text, options, &range, put_publication, &call->out, &top);
	code = rc == WSD_E_TOO_LARGE ? CHANNEL_LIMIT_EXCEEDED : api_code_of(rc);
	TEXT_PUT(&call->out, "],");
	api_put_position(&call->out, top.epoch, top.offset);
	TEXT_PUT(&call->out, "}");
	return code;
}

enum channel_code
api_history_remove(struct api_call *call, const struct api_request *request)
{
	const struct channel_options *options;
	char room[CHANNEL_NAME_MAX];
	struct channel_name name;
	enum channel_code code = api_channel(call, request->channel, room, &name, &options);

	if (code != CHANNEL_FINE)
		return code;
	if (!channel_has_history(options))
		return CHANNEL_NOT_AVAILABLE;
	TEXT_PUT(&call->out, "{}");
	return api_code_of(broker_history_remove(call->broker, name.text));
}

/* ---- presence -------------------------------------------------------------------------------- */

static enum channel_code
presence_of(struct api_call *call, const struct api_request *request, char room[CHANNEL_NAME_MAX],
	    struct channel_name *name)
{
	const struct channel_options *options;
	enum channel_code code = api_channel(call, request->channel, room, name, &options);

	return code != CHANNEL_FINE || options->presence ? code : CHANNEL_NOT_AVAILABLE;
}

static void
put_present(void *arg, const struct broker_info *info)
{
	struct text *out = arg;

	put_comma(out);
	text_put_string(out, info->client);
	TEXT_PUT(out, ":");
	put_info(out, info);
}

enum channel_code
api_presence(struct api_call *call, const struct api_request *request)
{
	char room[CHANNEL_NAME_MAX];
	struct channel_name name;
	enum channel_code code = presence_of(call, request, room, &name);

	if (code != CHANNEL_FINE)
		return code;
	TEXT_PUT(&call->out, "{\"presence\":{");
	broker_presence_each(call->broker, name.text, put_present, &call->out);
	TEXT_PUT(&call->out, "}}");
	return CHANNEL_FINE;
}

enum channel_code
api_presence_stats(struct api_call *call, const struct api_request *request)
{
	char room[CHANNEL_NAME_MAX];
	struct channel_name name;
	enum channel_code code = presence_of(call, request, room, &name);
	uint32_t clients, users;

	if (code != CHANNEL_FINE)
		return code;
	broker_presence_stats(call->broker, name.text, &clients, &users);
	TEXT_PUT(&call->out, "{\"num_clients\":");
	text_put_u64(&call->out, clients);
	TEXT_PUT(&call->out, ",\"num_users\":");
	text_put_u64(&call->out, users);
	TEXT_PUT(&call->out, "}");
	return CHANNEL_FINE;
}

/* ---- which there are ------------------------------------------------------------------------- */

struct listing {
	struct text *out;
	struct slice pattern; /* len 0: all */
};

static const char *
behind_character(const char *at, const char *end)
{
	do
		at++;
	while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
	return at;
}

/* "*" is any text, "?" any one character. In no more steps than both lengths multiplied, as it goes back to the last
 * "*" only: the broker waits for it. */
static bool
fits(struct slice pattern, struct slice name)
{
	const char *p = pattern.at, *p_end = p + pattern.len, *n = name.at, *n_end = n + name.len;
	const char *star = NULL, *from = NULL; /* the last one, and how far it reaches */

	while (n < n_end) {
		if (p < p_end && *p == '*') {
			star = p++;
			from = n;
		} else if (p < p_end && *p == '?') {
			p++;
			n = behind_character(n, n_end);
		} else if (p < p_end && *p == *n) {
			p++;
			n++;
		} else if (star) {
			p = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

static void
put_channel(void *arg, struct slice channel, uint32_t subscribers)
{
	struct listing *listing = arg;

	if (listing->pattern.len > 0 && !fits(listing->pattern, channel))
		return;
	put_comma(listing->out);
	text_put_string(listing->out, channel);
	TEXT_PUT(listing->out, ":{\"num_clients\":");
	text_put_u64(listing->out, subscribers);
	TEXT_PUT(listing->out, "}");
}

enum channel_code
api_channels(struct api_call *call, const struct api_request *request)
{
	char pattern[CHANNEL_NAME_MAX];
	struct listing listing = { .out = &call->out };
	size_t len = 0;

	if (!call->broker)
		return CHANNEL_NOT_AVAILABLE;
	if (request->pattern.len > 0)
		len = json_string_text(request->pattern, pattern, CHANNEL_NAME_MAX);
	if (len == JSON_NO_TEXT)
		return CHANNEL_BAD_REQUEST;
	listing.pattern = (struct slice){ pattern, len };
	TEXT_PUT(&call->out, "{\"channels\":{");
	broker_channels_each(call->broker, put_channel, &listing);
	TEXT_PUT(&call->out, "}}");
	return CHANNEL_FINE;
}

enum channel_code
api_info(struct api_call *call, const struct api_request *request)
{
	const struct admin *admin = call->ex->side->admin;
	struct broker_stats stats = { .channels = 0 };
	struct admin_health health;

	admin->ops.health(admin->ops.arg, &health);
	if (call->broker)
		broker_stats(call->broker, &stats);
	TEXT_PUT(&call->out, "{\"nodes\":[{");
	put_string(&call->out, "uid", slice_of(admin->conf->instance));
	put_string(&call->out, "name", slice_of(admin->conf->instance));
	put_string(&call->out, "version", SLICE(PACKAGE_VERSION));
	TEXT_PUT(&call->out, ",\"num_clients\":");
	text_put_u64(&call->out, health.connections);
	TEXT_PUT(&call->out, ",\"num_subs\":");
	text_put_u64(&call->out, stats.subscriptions);
	TEXT_PUT(&call->out, ",\"num_channels\":");
	text_put_u64(&call->out, stats.channels);
	TEXT_PUT(&call->out, ",\"uptime\":");
	text_put_u64(&call->out, health.uptime_ms / 1000);
	TEXT_PUT(&call->out, "}]}");
	return CHANNEL_FINE;
}
