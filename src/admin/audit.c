/* SPDX-License-Identifier: MIT */
/* Who changed what, and who tried to without the right to. */
#include "admin/admin_priv.h"
#include "base/clock.h"
#include "log/log.h"

void
audit_change(struct exchange *ex)
{
	static struct log_fold fold = LOG_FOLD(10000);
	int status = ex->reply.status;
	char client[ADDR_TEXT_MAX];
	uint64_t repeated;

	addr_text(client, &ex->client);
	if (status == 401 || status == 403) {
		if (log_fold_due(&fold, clock_mono_ms(), &repeated))
			log_write(LOG_LEVEL_WARN, NULL,
				  LOG_FIELDS(LOG_TEXT("WS_CLIENT_ADDRESS", client),
					     LOG_TEXT("WS_REQUEST_ID", ex->request_id),
					     LOG_NUMBER("WS_REPEATED", repeated)),
				  "refused %s of %s by %s (status %d)",
				  ex->route->readers == READERS_BACKENDS ? "a call" : "a change", ex->route->path,
				  client, status);
		return;
	}
	LOG_AT(LOG_LEVEL_NOTICE, NULL,
	       LOG_FIELDS(LOG_TEXT("WS_CLIENT_ADDRESS", client), LOG_TEXT("WS_REQUEST_ID", ex->request_id)),
	       "change of %s by %s (status %d)", ex->route->path, client, status);
}

void
audit_command(struct exchange *ex, const char *method, int code)
{
	char client[ADDR_TEXT_MAX];

	addr_text(client, &ex->client);
	LOG_AT(LOG_LEVEL_NOTICE, NULL,
	       LOG_FIELDS(LOG_TEXT("WS_CLIENT_ADDRESS", client), LOG_TEXT("WS_REQUEST_ID", ex->request_id)),
	       "%s by the backend %s (code %d)", method, client, code);
}
