/* SPDX-License-Identifier: MIT */
/* What is done with clients, through the main thread. */
#include "admin/api_priv.h"
#include "base/err.h"
#include "base/names.h"
#include "proto/json_scan.h"

enum channel_code
api_disconnect(struct api_call *call, const struct api_request *request)
{
	const struct admin_ops *ops = &call->ex->side->admin->ops;
	char id[CONNECTION_ID_MAX + 1];
	size_t len;
	int rc;

	if (request->client.len == 0) /* of a user: not yet */
		return request->user.len == 0 ? CHANNEL_BAD_REQUEST : CHANNEL_NOT_AVAILABLE;
	len = json_string_text(request->client, id, CONNECTION_ID_MAX);
	if (len == JSON_NO_TEXT)
		return CHANNEL_BAD_REQUEST;
	id[len] = '\0';
	if (!name_begins_connection_id((struct slice){ id, len }))
		return CHANNEL_BAD_REQUEST;
	rc = ops->disconnect(ops->arg, id);
	TEXT_PUT(&call->out, "{}");
	return rc == WSD_E_UNKNOWN ? CHANNEL_FINE : api_code_of(rc);
}
