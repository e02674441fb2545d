/* SPDX-License-Identifier: MIT */
/* Plain requests. */
#include "ctl/probe.h"

#include <stdio.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ctl/api.h"
#include "ctl/http.h"
#include "ctl/why.h"

int
probe_health(const char *url, uint32_t timeout_ms, char instance[INSTANCE_NAME_MAX + 1], struct why *why)
{
	char address[1100];
	struct http_request request = { .url = address, .timeout_ms = timeout_ms };
	struct http_answer answer;
	struct json_object *o = NULL;
	int rc;

	snprintf(address, sizeof(address), "%shealth", url);
	rc = http_ask(&request, &answer, why);
	if (rc != WSD_OK && rc != -EINTR)
		why_set(why, rc, "%s: %s", address, why->text);
	if (rc == WSD_OK && answer.status == 200 && answer.body)
		o = json_tokener_parse(answer.body);
	if (rc == WSD_OK && answer.status != 200)
		rc = why_set(why, WSD_E_UNSUPPORTED, "%s: HTTP status %ld", address, answer.status);
	else if (rc == WSD_OK && !name_is_instance(api_text(o, "instance")))
		rc = why_set(why, WSD_E_UNSUPPORTED, "%s: the answer is not that of an instance of wsd", address);
	if (rc == WSD_OK)
		snprintf(instance, INSTANCE_NAME_MAX + 1, "%s", api_text(o, "instance"));
	json_object_put(o);
	http_answer_deinit(&answer);
	return rc;
}
