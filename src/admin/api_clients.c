/* SPDX-License-Identifier: MIT */
/* What is done with clients, through the main thread and the workers. */
#include "admin/api_priv.h"
#include "base/err.h"
#include "base/names.h"
#include "proto/json_scan.h"

static bool
copy(struct slice raw, char *out, size_t most)
{
	size_t len = raw.len > 0 ? json_string_text(raw, out, most) : 0;

	if (len == JSON_NO_TEXT || memchr(out, '\0', len))
		return false;
	out[len] = '\0';
	return true;
}

/* Nobody in particular is nobody: it would be everybody. */
static bool
name_them(const struct api_request *request, struct admin_command *out)
{
	return copy(request->user, out->user, SUBJECT_MAX) && copy(request->client, out->client, CONNECTION_ID_MAX) &&
	       (out->user[0] || out->client[0]);
}

static enum channel_code
run(struct api_call *call, const struct admin_command *command)
{
	const struct admin_ops *ops = &call->ex->side->admin->ops;
	uint32_t n_done;

	TEXT_PUT(&call->out, "{}");
	return api_code_of(ops->command(ops->arg, command, &n_done));
}

enum channel_code
api_disconnect(struct api_call *call, const struct api_request *request)
{
	struct admin_command command = { .deed = ADMIN_DISCONNECT };

	return name_them(request, &command) ? run(call, &command) : CHANNEL_BAD_REQUEST;
}

enum channel_code
api_unsubscribe(struct api_call *call, const struct api_request *request)
{
	struct admin_command command = { .deed = ADMIN_UNSUBSCRIBE };
	const struct channel_options *options;
	struct channel_name name;
	enum channel_code code = api_channel(call, request->channel, command.channel, &name, &options);

	if (code != CHANNEL_FINE)
		return code;
	command.channel[name.text.len] = '\0';
	return name_them(request, &command) ? run(call, &command) : CHANNEL_BAD_REQUEST;
}

/* POST /api/v1/connections/{id}/messages: the body, a JSON value, is pushed to that client. */
void
api_message(struct exchange *ex)
{
	const struct admin_ops *ops = &ex->side->admin->ops;
	struct slice body = { ex->body ? ex->body : "", ex->body_len };
	struct admin_command command = { .deed = ADMIN_MESSAGE, .text = body };
	uint32_t n_done = 0;
	int rc;

	if (!api_is_json(body)) {
		respond_error(ex, 400, "invalid_body", "expected a JSON value");
		return;
	}
	strcpy(command.client, ex->param);
	rc = ops->command(ops->arg, &command, &n_done);
	if (rc == WSD_OK && n_done == 0)
		rc = WSD_E_UNKNOWN;
	if (rc == WSD_OK)
		respond_json(ex, 202, "{\"status\":\"sent\"}");
	else
		respond_failure(ex, rc);
}
