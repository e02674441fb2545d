/* SPDX-License-Identifier: MIT */
/* publish and broadcast: one publication, in one channel or in several. */
#include "admin/api_priv.h"
#include "broker/broker.h"
#include "proto/json_scan.h"

#define KEY_MAX      255  /* bytes of an idempotency key */
#define CHANNELS_MAX 1000 /* of a broadcast */

/* Without a channel yet. False: it is not in order. */
static bool
prepare(const struct api_request *request, char key[KEY_MAX], struct broker_publish *out)
{
	size_t len = 0;

	*out = (struct broker_publish){ .data = request->data,
					.tags = request->tags,
					.skip_history = api_true(request->skip_history) };
	if (request->data.len == 0)
		return false;
	if (request->idempotency_key.len > 0)
		len = json_string_text(request->idempotency_key, key, KEY_MAX);
	if (len == JSON_NO_TEXT)
		return false;
	out->idempotency_key = (struct slice){ key, len };
	return true;
}

static enum channel_code
publish_to(struct api_call *call, struct slice channel, struct broker_publish *publish)
{
	char room[CHANNEL_NAME_MAX];
	struct channel_name name;
	struct broker_position at;
	enum channel_code code = api_channel(call, channel, room, &name, &publish->options);

	if (code != CHANNEL_FINE)
		return code;
	publish->channel = name.text;
	code = api_code_of(broker_publish(call->broker, publish, &at));
	if (code != CHANNEL_FINE)
		return code;
	metrics_add(call->ex->side->shard, METRIC_PUBLICATIONS_API, 1);
	TEXT_PUT(&call->out, "{");
	if (channel_has_history(publish->options) && !publish->skip_history)
		api_put_position(&call->out, at.epoch, at.offset);
	TEXT_PUT(&call->out, "}");
	return CHANNEL_FINE;
}

enum channel_code
api_publish(struct api_call *call, const struct api_request *request)
{
	struct broker_publish publish;
	char key[KEY_MAX];

	if (request->b64data.len > 0)
		return CHANNEL_NOT_AVAILABLE;
	return prepare(request, key, &publish) ? publish_to(call, request->channel, &publish) : CHANNEL_BAD_REQUEST;
}

enum channel_code
api_broadcast(struct api_call *call, const struct api_request *request)
{
	struct slice rest = request->channels, channel;
	struct broker_publish publish;
	char key[KEY_MAX];
	size_t n = api_count(request->channels);
	const char *comma = "";

	if (request->b64data.len > 0)
		return CHANNEL_NOT_AVAILABLE;
	if (!prepare(request, key, &publish) || n == 0)
		return CHANNEL_BAD_REQUEST;
	if (n > CHANNELS_MAX)
		return CHANNEL_LIMIT_EXCEEDED;
	TEXT_PUT(&call->out, "{\"responses\":[");
	while (api_next_value(&rest, &channel)) {
		size_t begin;
		enum channel_code code = CHANNEL_BAD_REQUEST;

		text_put(&call->out, comma, strlen(comma));
		comma = ",";
		begin = call->out.len;
		TEXT_PUT(&call->out, "{\"result\":");
		if (channel.at[0] == '"')
			code = publish_to(call, channel, &publish);
		if (code != CHANNEL_FINE) {
			call->out.len = begin;
			TEXT_PUT(&call->out, "{\"error\":");
			api_put_error(&call->out, code);
		}
		TEXT_PUT(&call->out, "}");
	}
	TEXT_PUT(&call->out, "]}");
	return CHANNEL_FINE;
}
