/* SPDX-License-Identifier: MIT */
/* Commands for one instance alone: drain, accept, handoff, log-level. */
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ctl/api.h"
#include "ctl/command.h"
#include "ctl/handover.h"
#include "ctl/instance.h"
#include "ctl/json_print.h"
#include "ctl/why.h"
#include "log/log.h"

int
drain_command(struct ctl *ctl)
{
	const char *instance = ctl->o->args[0];
	struct why why;
	int rc;

	rc = api_ask(instance, "POST", "/api/v1/drain", "{}", NULL, &why);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	printf("%s sends its clients away; wsctl accept %s on ends that\n", instance, instance);
	return EXIT_DONE;
}

int
accept_command(struct ctl *ctl)
{
	const char *instance = ctl->o->args[0], *word = ctl->o->args[1];
	bool on = strcmp(word, "on") == 0;
	struct why why;
	int rc;

	if (!on && strcmp(word, "off") != 0) {
		fprintf(stderr, "wsctl: accept %s %s: on or off is needed\n", instance, word);
		return EXIT_USAGE;
	}
	rc = api_ask(instance, "POST", "/api/v1/accept", on ? "{\"accept\":true}" : "{\"accept\":false}", NULL, &why);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	printf(on ? "%s lets new connections in\n" : "%s refuses new connections with status 503\n", instance);
	return EXIT_DONE;
}

static void
print_handover(struct ctl *ctl, const struct handover *h, const char *outcome)
{
	struct json_object *o;
	char text[160];

	if (!option_given(ctl->o, OPTION_JSON)) {
		printf("%s to %s: %s, in %" PRIu64 " ms\n", ctl->o->args[0], ctl->o->args[1],
		       handover_text(text, sizeof(text), h), h->ms);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "from", json_object_new_string(ctl->o->args[0]));
	json_object_object_add(o, "to", json_object_new_string(ctl->o->args[1]));
	json_object_object_add(o, "outcome", json_object_new_string(outcome));
	json_object_object_add(o, "connections", json_object_new_uint64(h->connections));
	json_object_object_add(o, "moved", json_object_new_uint64(h->moved));
	json_object_object_add(o, "toldToComeBack", json_object_new_uint64(h->sent_away));
	json_object_object_add(o, "kept", json_object_new_uint64(h->kept));
	json_object_object_add(o, "milliseconds", json_object_new_uint64(h->ms));
	json_print(o, false);
	json_object_put(o);
}

int
handoff_command(struct ctl *ctl)
{
	const char *from = ctl->o->args[0], *to = ctl->o->args[1];
	struct handover h;
	struct why why;
	int rc;

	if (strcmp(from, to) == 0) {
		fprintf(stderr, "wsctl: handoff %s %s: two different instances are needed\n", from, to);
		return EXIT_USAGE;
	}
	rc = handover_run(from, to, option_given(ctl->o, OPTION_CLOSE), &h, NULL, NULL, &why);
	if (rc == WSD_OK || h.connections > 0)
		print_handover(ctl, &h, rc == WSD_OK ? "done" : "failed");
	return rc == WSD_OK ? EXIT_DONE : command_fail(rc, &why);
}

static bool
check_level(const char *instance, const char *level)
{
	enum log_level parsed;

	if (log_level_parse(level, &parsed) == WSD_OK)
		return true;
	fprintf(stderr, "wsctl: log-level %s %s: error, warn, notice, info or debug is needed\n", instance, level);
	return false;
}

int
log_level_command(struct ctl *ctl)
{
	const char *instance = ctl->o->args[0], *level = ctl->o->n_args > 1 ? ctl->o->args[1] : NULL;
	struct json_object *o, *body = NULL;
	struct why why;
	int rc;

	if (level && !check_level(instance, level))
		return EXIT_USAGE;
	if (level) {
		body = json_object_new_object();
		json_object_object_add(body, "level", json_object_new_string(level));
	}
	rc = api_ask(instance, level ? "PUT" : NULL, "/api/v1/log-level",
		     level ? json_object_to_json_string(body) : NULL, &o, &why);
	json_object_put(body);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	printf("%s\n", api_text(o, "level"));
	json_object_put(o);
	return EXIT_DONE;
}
