/* SPDX-License-Identifier: MIT */
/* wsctl channels, publish, history and presence: the channels of an instance, by its API for backends (wsd.api(7)). */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ctl/api.h"
#include "ctl/command.h"
#include "ctl/json_print.h"
#include "ctl/table.h"
#include "ctl/why.h"

/* The members that most methods have: the channel, unless NULL. */
static struct json_object *
about(const char *channel)
{
	struct json_object *o = json_object_new_object();

	if (channel)
		json_object_object_add(o, "channel", json_object_new_string(channel));
	return o;
}

/* Takes the request. WSD_OK and the result, which is the caller's to put; or why. */
static int
call(struct ctl *ctl, const char *method, struct json_object *request, struct json_object **out, struct why *why)
{
	struct json_object *answer = NULL, *error = NULL, *result = NULL;
	char path[64];
	int rc;

	*out = NULL;
	snprintf(path, sizeof(path), "/api/%s", method);
	rc = api_ask(ctl->o->args[0], "POST", path,
		     json_object_to_json_string_ext(request, JSON_C_TO_STRING_NOSLASHESCAPE), &answer, why);
	json_object_put(request);
	if (rc != WSD_OK)
		return rc;
	if (json_object_object_get_ex(answer, "error", &error))
		rc = why_set(why, WSD_E_UNSUPPORTED, "%s: %s (code %lld)", ctl->o->args[0], api_text(error, "message"),
			     api_number(error, "code"));
	else if (json_object_object_get_ex(answer, "result", &result))
		*out = json_object_get(result);
	else
		rc = why_set(why, WSD_E_MALFORMED, "%s has answered what is no result", ctl->o->args[0]);
	json_object_put(answer);
	return rc;
}

/* Prints as JSON, or by print. */
static int
show(struct ctl *ctl, const char *method, struct json_object *request, void (*print)(struct json_object *result))
{
	struct json_object *result;
	struct why why;
	int rc = call(ctl, method, request, &result, &why);

	if (rc != WSD_OK)
		return command_fail(rc, &why);
	if (option_given(ctl->o, OPTION_JSON))
		json_print(result, false);
	else
		print(result);
	json_object_put(result);
	return EXIT_DONE;
}

static void
print_channels(struct json_object *result)
{
	static const char *const head[] = { "CHANNEL", "SUBSCRIBERS" };
	struct json_object *channels = NULL;
	struct table *t = table_create(2);

	json_object_object_get_ex(result, "channels", &channels);
	table_add(t, head);
	json_object_object_foreach(channels, name, channel)
	{
		char n[24];
		const char *const cells[] = { name, n };

		snprintf(n, sizeof(n), "%lld", api_number(channel, "num_clients"));
		table_add(t, cells);
	}
	table_print(t, stdout);
	table_destroy(&t);
}

int
channels_command(struct ctl *ctl)
{
	struct json_object *request = about(NULL);

	if (ctl->o->n_args > 1)
		json_object_object_add(request, "pattern", json_object_new_string(ctl->o->args[1]));
	return show(ctl, "channels", request, print_channels);
}

static void
print_position(struct json_object *result)
{
	if (api_text(result, "epoch")[0])
		printf("published, offset %lld of epoch %s\n", api_number(result, "offset"), api_text(result, "epoch"));
	else
		printf("published\n");
}

int
publish_command(struct ctl *ctl)
{
	struct json_object *request = about(ctl->o->args[1]), *data;
	struct json_tokener *tokener = json_tokener_new();

	data = json_tokener_parse_ex(tokener, ctl->o->args[2], (int)strlen(ctl->o->args[2]) + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		fprintf(stderr, "wsctl: '%s' is no JSON, such as '{\"text\":\"hello\"}'\n", ctl->o->args[2]);
		json_tokener_free(tokener);
		json_object_put(request);
		return EXIT_USAGE;
	}
	json_tokener_free(tokener);
	json_object_object_add(request, "data", data);
	return show(ctl, "publish", request, print_position);
}

/* The latest last, as in a log. */
static void
print_history(struct json_object *result)
{
	struct json_object *publications = NULL;

	json_object_object_get_ex(result, "publications", &publications);
	for (size_t i = json_object_array_length(publications); i-- > 0;) {
		struct json_object *p = json_object_array_get_idx(publications, i);

		printf("%-8lld%s\n", api_number(p, "offset"),
		       json_object_to_json_string_ext(json_object_object_get(p, "data"),
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	}
}

int
history_command(struct ctl *ctl)
{
	struct json_object *request = about(ctl->o->args[1]);

	json_object_object_add(request, "limit",
			       json_object_new_int(option_given(ctl->o, OPTION_ALL) ? -1 : (int)ctl->o->limit));
	json_object_object_add(request, "reverse", json_object_new_boolean(true));
	return show(ctl, "history", request, print_history);
}

static void
print_presence(struct json_object *result)
{
	static const char *const head[] = { "CLIENT", "USER" };
	struct json_object *presence = NULL;
	struct table *t = table_create(2);

	json_object_object_get_ex(result, "presence", &presence);
	table_add(t, head);
	json_object_object_foreach(presence, name, client)
	{
		const char *const cells[] = { name, api_text(client, "user") };

		table_add(t, cells);
	}
	table_print(t, stdout);
	table_destroy(&t);
}

int
presence_command(struct ctl *ctl)
{
	return show(ctl, "presence", about(ctl->o->args[1]), print_presence);
}
