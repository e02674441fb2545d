/* SPDX-License-Identifier: MIT */
/* What is done with clients: with one, or with all that a user has. Main passes it on to those who have them. */
#include <stdlib.h>
#include <string.h>

#include "admin/api_priv.h"
#include "base/err.h"
#include "base/names.h"
#include "channel/command.h"
#include "proto/json_scan.h"

/* Connections by their numbers are told to go only by codes that a server may make up: RFC 6455, 7.4.2, and
 * Centrifugo's. */
#define CLOSE_CODE_LEAST 3000
#define CLOSE_CODE_MOST  4999

#define SECONDS_MOST ((uint64_t)INT64_MAX / 1000)

/* One that is being made, and the texts it needs. */
struct making {
	struct channel_command command;
	char client[CONNECTION_ID_MAX], user[SUBJECT_MAX], room[CHANNEL_NAME_MAX], reason[CHANNEL_REASON_MAX];
	char *spared; /* owned */
};

/* False: it does not fit. */
static bool
text_of(struct slice raw, char *out, size_t room, struct slice *text)
{
	size_t len = raw.len > 0 ? json_string_text(raw, out, room) : 0;

	*text = (struct slice){ out, len };
	return len != JSON_NO_TEXT;
}

static enum channel_code
name_whom(struct making *m, const struct api_request *request)
{
	if (request->session.len > 2) /* with its quotes: one of Centrifugo's unidirectional transports */
		return CHANNEL_NOT_AVAILABLE;
	if (!text_of(request->client, m->client, sizeof(m->client), &m->command.client) ||
	    !text_of(request->user, m->user, sizeof(m->user), &m->command.user))
		return CHANNEL_BAD_REQUEST;
	if (m->command.client.len > 0 && !name_is_connection_id(m->command.client))
		return CHANNEL_BAD_REQUEST;
	return m->command.client.len + m->command.user.len > 0 ? CHANNEL_FINE : CHANNEL_BAD_REQUEST;
}

static enum channel_code
done(int rc, const struct channel_command_result *result)
{
	if (rc != WSD_OK)
		return CHANNEL_INTERNAL;
	switch (result->rc) {
	case WSD_OK:
		return result->moving > 0 ? CHANNEL_INTERNAL : CHANNEL_FINE; /* which is to say: try again */
	case WSD_E_FULL:
		return CHANNEL_LIMIT_EXCEEDED;
	case WSD_E_UNKNOWN:
		return CHANNEL_UNKNOWN_CHANNEL;
	default:
		return CHANNEL_INTERNAL;
	}
}

static enum channel_code
carry_out(struct api_call *call, const struct making *m)
{
	const struct admin_ops *ops = &call->ex->side->admin->ops;
	struct channel_command_result result;
	int rc = call->late ? WSD_E_TIMEOUT : ops->command(ops->arg, &m->command, &result);

	call->late = rc == WSD_E_TIMEOUT;
	TEXT_PUT(&call->out, "{}");
	return done(rc, &result);
}

static enum channel_code
name_channel(struct api_call *call, struct making *m, const struct api_request *request)
{
	const struct channel_options *options;
	struct channel_name name;
	enum channel_code code = api_channel(call, request->channel, m->room, &name, &options);

	if (code == CHANNEL_FINE)
		m->command.channel = name.text;
	return code;
}

/* ---- subscribe, unsubscribe ------------------------------------------------------------------ */

static bool
is_position(struct slice raw)
{
	char epoch[BROKER_EPOCH_LEN];
	struct api_request position;
	bool wrong_type;
	struct slice text;
	int64_t offset;

	return !api_request_parse(raw, &position, &wrong_type) && position.offset.len > 0 &&
	       api_number(position.offset, 0, INT64_MAX, 0, &offset) &&
	       text_of(position.epoch, epoch, sizeof(epoch), &text);
}

enum channel_code
api_subscribe(struct api_call *call, const struct api_request *request)
{
	struct making m = { .command.kind = CHANNEL_COMMAND_SUBSCRIBE, .command.data = request->recover_since };
	enum channel_code code = name_whom(&m, request);

	if (code == CHANNEL_FINE)
		code = name_channel(call, &m, request);
	if (code != CHANNEL_FINE)
		return code;
	if (request->recover_since.len > 0 && !is_position(request->recover_since))
		return CHANNEL_BAD_REQUEST;
	if (request->info.len + request->b64info.len + request->data.len + request->b64data.len +
		    request->expire_at.len + request->override.len >
	    0)
		return CHANNEL_NOT_AVAILABLE; /* rather than a subscription that is another than was meant */
	return carry_out(call, &m);
}

enum channel_code
api_unsubscribe(struct api_call *call, const struct api_request *request)
{
	struct making m = { .command.kind = CHANNEL_COMMAND_UNSUBSCRIBE };
	enum channel_code code = name_whom(&m, request);

	if (code == CHANNEL_FINE)
		code = name_channel(call, &m, request);
	return code == CHANNEL_FINE ? carry_out(call, &m) : code;
}

/* ---- disconnect, refresh --------------------------------------------------------------------- */

static bool
is_plain(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == '"' || text.at[i] == '\\')
			return false;
	return true;
}

/* {"code":...,"reason":...} */
static bool
read_disconnect(struct making *m, struct slice raw)
{
	struct api_request how;
	bool wrong_type;
	int64_t code;

	if (raw.len == 0)
		return true;
	if (api_request_parse(raw, &how, &wrong_type) || !api_number(how.code, 0, CLOSE_CODE_MOST, 0, &code) ||
	    code < CLOSE_CODE_LEAST)
		return false;
	m->command.code = (uint16_t)code;
	return text_of(how.reason, m->reason, sizeof(m->reason), &m->command.data) && is_plain(m->command.data);
}

/* An array of connection ids. */
static enum channel_code
read_spared(struct making *m, struct slice array)
{
	struct slice value, text;
	size_t len = 0;

	if (array.len == 0)
		return CHANNEL_FINE;
	m->spared = malloc(array.len); /* each had quotes around it, and ends by a zero now */
	if (!m->spared)
		return CHANNEL_INTERNAL;
	while (api_next_value(&array, &value)) {
		if (value.at[0] != '"' || !text_of(value, m->spared + len, value.len - 2, &text))
			return CHANNEL_BAD_REQUEST;
		len += text.len;
		m->spared[len++] = '\0';
	}
	m->command.spared = (struct slice){ m->spared, len };
	return CHANNEL_FINE;
}

enum channel_code
api_disconnect(struct api_call *call, const struct api_request *request)
{
	struct making m = { .command.kind = CHANNEL_COMMAND_DISCONNECT };
	enum channel_code code = name_whom(&m, request);

	if (code == CHANNEL_FINE && !read_disconnect(&m, request->disconnect))
		code = CHANNEL_BAD_REQUEST;
	if (code == CHANNEL_FINE)
		code = read_spared(&m, request->whitelist);
	if (code == CHANNEL_FINE)
		code = carry_out(call, &m);
	free(m.spared);
	return code;
}

enum channel_code
api_refresh(struct api_call *call, const struct api_request *request)
{
	struct making m = { .command.kind = CHANNEL_COMMAND_REFRESH };
	enum channel_code code = name_whom(&m, request);
	int64_t seconds;

	if (code != CHANNEL_FINE)
		return code;
	if (request->info.len > 0)
		return CHANNEL_NOT_AVAILABLE;
	if (!api_number(request->expire_at, 0, SECONDS_MOST, 0, &seconds))
		return CHANNEL_BAD_REQUEST;
	m.command.expires_real_ms = api_true(request->expired) ? 1 : (uint64_t)seconds * 1000;
	return carry_out(call, &m);
}

/* ---- a message to one ------------------------------------------------------------------------ */

void
api_message(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct channel_command command = { .kind = CHANNEL_COMMAND_MESSAGE,
					   .client = slice_of(ex->param),
					   .data = { ex->body ? ex->body : "", ex->body_len } };
	struct channel_command_result result;
	int rc;

	if (!api_is_json(command.data)) {
		respond_error(ex, 400, "invalid_body", "expected a JSON value");
		return;
	}
	rc = ops->command(ops->arg, &command, &result);
	if (rc == WSD_OK && result.rc == WSD_OK && result.done > 0) {
		respond_json(ex, 202, "{\"status\":\"sent\"}");
	} else if (rc == WSD_OK && result.moving > 0) {
		respond_error(ex, 503, "moving", "it is just changing its process");
		respond_header(ex, "Retry-After", "1");
	} else if (rc == WSD_OK && result.rc == WSD_E_FULL) {
		respond_error(ex, 503, "queue_full", "as much as may wait for it does");
	} else {
		respond_failure(ex, rc != WSD_OK ? rc : result.rc != WSD_OK ? result.rc : WSD_E_UNKNOWN);
	}
}
