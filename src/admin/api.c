/* SPDX-License-Identifier: MIT */
/*
 * The channels' API, Centrifugo's: POST /api/METHOD with an object, answered with {"result":...} or {"error":...}. A
 * call is done on the thread that reads it, as the broker may be called by any.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/api_priv.h"
#include "base/err.h"
#include "proto/json_scan.h"

#define COMMANDS_MAX 1000 /* of a batch */

static enum channel_code
not_available(struct api_call *call, const struct api_request *request)
{
	return CHANNEL_NOT_AVAILABLE;
}

/* clang-format off */
static const struct api_method {
	const char *name;
	api_method_cb run;
	bool audited; /* it changes what is there, and is not done all the time */
} methods[] = {
	{ "publish", api_publish, false },
	{ "broadcast", api_broadcast, false },
	{ "history", api_history, false },
	{ "history_remove", api_history_remove, true },
	{ "presence", api_presence, false },
	{ "presence_stats", api_presence_stats, false },
	{ "channels", api_channels, false },
	{ "info", api_info, false },
	{ "disconnect", api_disconnect, true },
	{ "unsubscribe", api_unsubscribe, true },
	{ "subscribe", api_subscribe, true },
	{ "refresh", api_refresh, true },
	{ "rpc", not_available, false },
};
/* clang-format on */

static const struct api_method *
find_method(struct slice name)
{
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (slice_equal(name, methods[i].name))
			return &methods[i];
	return NULL;
}

/* ---- what the methods share ------------------------------------------------------------------ */

enum channel_code
api_channel(struct api_call *call, struct slice raw, char room[CHANNEL_NAME_MAX], struct channel_name *name,
	    const struct channel_options **options)
{
	size_t len = raw.len > 0 ? json_string_text(raw, room, CHANNEL_NAME_MAX) : 0;

	if (len == JSON_NO_TEXT || channel_name_parse((struct slice){ room, len }, name) != WSD_OK)
		return CHANNEL_BAD_REQUEST;
	if (!call->broker)
		return CHANNEL_NOT_AVAILABLE;
	*options = channel_rules_find(call->rules, name);
	return *options ? CHANNEL_FINE : CHANNEL_UNKNOWN_CHANNEL;
}

enum channel_code
api_code_of(int rc)
{
	switch (rc) {
	case WSD_OK:
		return CHANNEL_FINE;
	case WSD_E_FULL:
		return CHANNEL_LIMIT_EXCEEDED;
	case WSD_E_TOO_LARGE:
	case WSD_E_RANGE:
		return CHANNEL_BAD_REQUEST;
	case WSD_E_UNKNOWN:
		return CHANNEL_UNRECOVERABLE_POSITION;
	default:
		return CHANNEL_INTERNAL;
	}
}

void
api_put_error(struct text *out, enum channel_code code)
{
	TEXT_PUT(out, "{\"code\":");
	text_put_u64(out, code);
	TEXT_PUT(out, ",\"message\":");
	text_put_string(out, slice_of(channel_code_text(code)));
	TEXT_PUT(out, "}");
}

void
api_put_position(struct text *out, const char *epoch, uint64_t offset)
{
	TEXT_PUT(out, "\"offset\":");
	text_put_u64(out, offset);
	TEXT_PUT(out, ",\"epoch\":");
	text_put_string(out, slice_of(epoch));
}

/* ---- one call -------------------------------------------------------------------------------- */

/* With `Error-Mode: transport` the status tells, and the body is the bare error. */
static int
status_of(enum channel_code code)
{
	switch (code) {
	case CHANNEL_UNKNOWN_CHANNEL:
	case CHANNEL_METHOD_NOT_FOUND:
		return 404;
	case CHANNEL_BAD_REQUEST:
	case CHANNEL_NOT_AVAILABLE:
		return 400;
	case CHANNEL_UNAUTHORIZED:
		return 401;
	case CHANNEL_PERMISSION_DENIED:
		return 403;
	case CHANNEL_UNRECOVERABLE_POSITION:
		return 416;
	case CHANNEL_TOO_MANY_REQUESTS:
		return 429;
	default:
		return 500;
	}
}

static bool
wants_status(struct exchange *ex)
{
	const char *mode = MHD_lookup_connection_value(ex->conn, MHD_HEADER_KIND, "X-Centrifugo-Error-Mode");

	return mode && strcmp(mode, "transport") == 0;
}

static void
answer(struct api_call *call, int status)
{
	text_put(&call->out, "\n", 1);
	if (call->out.failed) {
		text_free(&call->out);
		respond_failure(call->ex, -ENOMEM);
		return;
	}
	respond_text(call->ex, status, TYPE_JSON, call->out.at, call->out.len);
}

static void
answer_error(struct api_call *call, enum channel_code code)
{
	bool bare = wants_status(call->ex);

	call->out.len = 0;
	if (!bare)
		TEXT_PUT(&call->out, "{\"error\":");
	api_put_error(&call->out, code);
	if (!bare)
		TEXT_PUT(&call->out, "}");
	answer(call, bare ? status_of(code) : 200);
}

static enum channel_code
run_method(struct api_call *call, const struct api_method *method, const struct api_request *request)
{
	enum channel_code code = method->run(call, request);

	if (method->audited)
		audit_command(call->ex, method->name, code);
	return code;
}

static void
run_one(struct api_call *call, const struct api_method *method, const struct api_request *request)
{
	enum channel_code code;

	TEXT_PUT(&call->out, "{\"result\":");
	code = run_method(call, method, request);
	if (code != CHANNEL_FINE) {
		answer_error(call, code);
		return;
	}
	TEXT_PUT(&call->out, "}");
	answer(call, 200);
}

/* ---- batch ----------------------------------------------------------------------------------- */

/* One command of a batch, {"publish":{...}}: {"publish":{...}}, or {"error":{...}}. */
static void
run_command(struct api_call *call, struct slice command)
{
	enum channel_code code = CHANNEL_BAD_REQUEST;
	size_t begin = call->out.len;
	struct slice name, value;
	struct api_request request;
	bool wrong_type;

	if (begin > API_ANSWER_MOST) {
		code = CHANNEL_LIMIT_EXCEEDED;
	} else if (command.at[0] == '{' && api_only_member(command, &name, &value) && value.at[0] == '{') {
		const struct api_method *method = find_method((struct slice){ name.at + 1, name.len - 2 });

		code = CHANNEL_METHOD_NOT_FOUND;
		if (method && api_request_parse(value, &request, &wrong_type)) {
			code = CHANNEL_BAD_REQUEST;
		} else if (method) {
			TEXT_PUT(&call->out, "{");
			text_put_slice(&call->out, name);
			TEXT_PUT(&call->out, ":");
			code = run_method(call, method, &request);
		}
	}
	if (code != CHANNEL_FINE) {
		call->out.len = begin;
		TEXT_PUT(&call->out, "{\"error\":");
		api_put_error(&call->out, code);
	}
	TEXT_PUT(&call->out, "}");
}

/* In the order in which they stand there, each when the one before has taken effect. */
static void
run_batch(struct api_call *call, const struct api_request *request)
{
	struct slice rest = request->commands, command;
	const char *comma = "";

	if (api_count(rest) > COMMANDS_MAX) {
		answer_error(call, CHANNEL_LIMIT_EXCEEDED);
		return;
	}
	TEXT_PUT(&call->out, "{\"replies\":[");
	while (api_next_value(&rest, &command)) {
		text_put(&call->out, comma, strlen(comma));
		run_command(call, command);
		comma = ",";
	}
	TEXT_PUT(&call->out, "]}");
	answer(call, 200);
}

void
api_handle(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct slice text = { ex->body ? ex->body : "", ex->body_len };
	struct api_call call = { .ex = ex, .broker = ops->broker };
	bool batch = strcmp(ex->param, "batch") == 0, wrong_type;
	const struct api_method *method = find_method(slice_of(ex->param));
	struct api_request request;
	const char *why;

	if (!method && !batch) {
		respond_plain(ex, 404, "there is no such method\n");
		return;
	}
	if (text.len == 0)
		text = SLICE("{}");
	why = api_request_parse(text, &request, &wrong_type);
	if (why) {
		respond_plain(ex, 400, "%s\n", why);
		return;
	}
	call.rules = ops->rules ? channel_rules_now_get(ops->rules) : NULL;
	if (batch)
		run_batch(&call, &request);
	else
		run_one(&call, method, &request);
	channel_rules_put(&call.rules);
}
