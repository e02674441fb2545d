/* SPDX-License-Identifier: MIT */
/* wsctl connections, show and disconnect: who is connected to which instance. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/err.h"
#include "base/names.h"
#include "ctl/api.h"
#include "ctl/command.h"
#include "ctl/instance.h"
#include "ctl/json_print.h"
#include "ctl/table.h"
#include "ctl/why.h"

/* IPv4, IPv6 in brackets, a port; "unix", and "-" for not known */
#define ADDRESS_CHARACTERS "0123456789abcdef.:[]unix-"

/* What has been gathered, of one instance after the other. */
struct list {
	struct json_object *items;
	size_t most;
	bool more;
	char last[CONNECTION_ID_MAX + 1];
};

/* Those that are to be asked: --instance, or all that run. */
static int
choose(struct ctl *ctl, struct instance_list *out, struct why *why)
{
	struct instance_list known;
	int rc;

	out->n = 0;
	if (ctl->o->instance) {
		snprintf(out->names[out->n++], sizeof(out->names[0]), "%s", ctl->o->instance);
		return WSD_OK;
	}
	rc = instance_list(ctl->bus, &known, why);
	for (unsigned i = 0; i < known.n && rc == WSD_OK; i++) {
		struct bus_unit unit;
		char name[64];

		instance_service(name, known.names[i]);
		rc = bus_unit(ctl->bus, name, &unit, why);
		if (rc == WSD_OK && bus_unit_runs(&unit))
			memcpy(out->names[out->n++], known.names[i], sizeof(known.names[i]));
	}
	return rc == WSD_OK && out->n == 0 ? why_set(why, -ENOENT, "no instance runs: wsctl status") : rc;
}

/* ---- a page */

static bool
wanted(const struct options *o, struct json_object *connection)
{
	return strncmp(api_text(connection, "client"), o->client, strlen(o->client)) == 0 &&
	       (uint64_t)api_number(connection, "idleMs") >= o->idle_ms;
}

/* False: there is no room for more. */
static bool
take_page(const struct options *o, const char *instance, struct json_object *page, struct list *list)
{
	struct json_object *items = NULL;

	json_object_object_get_ex(page, "connections", &items);
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *connection = json_object_array_get_idx(items, i);

		if (!wanted(o, connection))
			continue;
		if (json_object_array_length(list->items) == list->most) {
			list->more = true;
			return false;
		}
		snprintf(list->last, sizeof(list->last), "%s", api_text(connection, "connectionId"));
		json_object_object_add(connection, "instance", json_object_new_string(instance));
		json_object_array_add(list->items, json_object_get(connection));
	}
	return true;
}

/* Pages of the instance, until the list is full or it has no more. */
static int
gather(const struct options *o, const char *instance, struct list *list, struct why *why)
{
	char after[CONNECTION_ID_MAX + 1];
	bool go_on = true;
	int rc = WSD_OK;

	snprintf(after, sizeof(after), "%s", o->after);
	while (go_on && rc == WSD_OK) {
		struct json_object *page;
		char path[512];

		snprintf(path, sizeof(path), "/api/v1/connections?limit=%u&after=%s&prefix=%s",
			 (unsigned)OPTIONS_LIMIT_MAX, after, o->prefix);
		rc = api_ask(instance, NULL, path, NULL, &page, why);
		if (rc != WSD_OK)
			return rc;
		go_on = take_page(o, instance, page, list) && api_text(page, "next")[0];
		snprintf(after, sizeof(after), "%s", api_text(page, "next"));
		json_object_put(page);
	}
	return rc;
}

static void
print_list(const struct list *list)
{
	static const char *const head[] = { "ID", "INSTANCE", "CLIENT", "CONNECTED", "IDLE", "MESSAGES", "QUEUED" };
	struct table *t = table_create(7);

	table_add(t, head);
	for (size_t i = 0; i < json_object_array_length(list->items); i++) {
		struct json_object *c = json_object_array_get_idx(list->items, i);
		char idle[TABLE_TEXT_MAX], messages[24], queued[TABLE_TEXT_MAX];
		const char *const cells[] = {
			api_text(c, "connectionId"),
			api_text(c, "instance"),
			api_text(c, "client"),
			api_text(c, "connectedAt"),
			idle,
			messages,
			queued,
		};

		table_seconds(idle, (double)api_number(c, "idleMs") / 1000);
		snprintf(messages, sizeof(messages), "%lld", api_number(c, "messages"));
		table_bytes(queued, (uint64_t)api_number(c, "queuedBytes"));
		table_add(t, cells);
	}
	table_print(t, stdout);
	table_destroy(&t);
	if (list->more)
		printf("there are more: --after=%s, or --all\n", list->last);
}

static void
print_list_json(const struct list *list)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "connections", json_object_get(list->items));
	json_object_object_add(o, "next", list->more ? json_object_new_string(list->last) : NULL);
	json_print(o, false);
	json_object_put(o);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(api_text(*(struct json_object *const *)a, "connectionId"),
		      api_text(*(struct json_object *const *)b, "connectionId"));
}

/* Of two instances each has given as many as fit; the page is the first of both together. */
static void
cut(struct list *list, size_t most)
{
	size_t n = json_object_array_length(list->items);

	json_object_array_sort(list->items, by_id);
	if (n <= most)
		return;
	json_object_array_del_idx(list->items, most, n - most);
	list->more = true;
	snprintf(list->last, sizeof(list->last), "%s",
		 api_text(json_object_array_get_idx(list->items, most - 1), "connectionId"));
}

static bool
begins_id(const char *text)
{
	return text[0] == '\0' || name_begins_connection_id(slice_of(text));
}

/* False: it was said that one could never fit. */
static bool
check_filters(const struct options *o)
{
	const char *id = begins_id(o->prefix) ? o->after : o->prefix;

	if (!begins_id(id))
		fprintf(stderr, "wsctl: --%s=%s: " CONNECTION_ID_RULE " are needed\n",
			id == o->prefix ? "prefix" : "after", id);
	else if (strspn(o->client, ADDRESS_CHARACTERS) != strlen(o->client))
		fprintf(stderr,
			"wsctl: --client=%s: the beginning of an address, such as 192.0.2. or "
			"[2001:db8:, is needed\n",
			o->client);
	else
		return true;
	return false;
}

int
connections_command(struct ctl *ctl)
{
	const struct options *o = ctl->o;
	size_t most = option_given(o, OPTION_ALL) ? SIZE_MAX / 4 : o->limit;
	struct list list = { .items = json_object_new_array() };
	struct instance_list chosen;
	struct why why;
	int rc;

	if (!check_filters(o)) {
		json_object_put(list.items);
		return EXIT_USAGE;
	}
	rc = choose(ctl, &chosen, &why);
	for (unsigned i = 0; rc == WSD_OK && i < chosen.n; i++) {
		list.most = json_object_array_length(list.items) + most;
		rc = gather(o, chosen.names[i], &list, &why);
	}
	if (rc == WSD_OK) {
		cut(&list, most);
		if (option_given(o, OPTION_JSON))
			print_list_json(&list);
		else
			print_list(&list);
	}
	json_object_put(list.items);
	return rc == WSD_OK ? EXIT_DONE : command_fail(rc, &why);
}

/* ---- one of them */

/* Asks each until one knows the id; answered_by has its name then. */
static int
ask_all(struct ctl *ctl, const char *id, const char *method, struct json_object **out,
	char answered_by[INSTANCE_NAME_MAX + 1], struct why *why)
{
	struct instance_list chosen;
	char path[256];
	int rc;

	if (!name_is_connection_id(slice_of(id)))
		return why_set(why, WSD_E_UNKNOWN, "%s: " CONNECTION_ID_RULE " make an id", id);
	rc = choose(ctl, &chosen, why);
	if (rc != WSD_OK)
		return rc;
	snprintf(path, sizeof(path), "/api/v1/connections/%s", id);
	for (unsigned i = 0; i < chosen.n; i++) {
		memcpy(answered_by, chosen.names[i], INSTANCE_NAME_MAX + 1);
		rc = api_ask(chosen.names[i], method, path, NULL, out, why);
		if (rc != WSD_E_UNKNOWN)
			return rc;
	}
	return why_set(why, rc, "%s is not connected", id);
}

static void
print_one(struct json_object *c, const char *instance)
{
	static const char *const rows[][2] = {
		{ "id", "connectionId" },
		{ "client", "client" },
		{ "connected", "connectedAt" },
	};
	char idle[TABLE_TEXT_MAX], queued[TABLE_TEXT_MAX];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		printf("%-12s%s\n", rows[i][0], api_text(c, rows[i][1]));
	printf("%-12s%s, worker %lld\n", "instance", instance, api_number(c, "worker"));
	printf("%-12s%lld\n", "messages", api_number(c, "messages"));
	printf("%-12s%s\n", "idle", table_seconds(idle, (double)api_number(c, "idleMs") / 1000));
	printf("%-12s%s\n", "queued", table_bytes(queued, (uint64_t)api_number(c, "queuedBytes")));
	printf("%-12s%s\n", "resumed", api_number(c, "resumed") ? "yes" : "no");
	printf("%-12sjournalctl -u 'ws@*' WS_CONNECTION_ID=%s\n", "its log", api_text(c, "connectionId"));
}

int
show_command(struct ctl *ctl)
{
	struct json_object *c = NULL;
	char instance[INSTANCE_NAME_MAX + 1] = "";
	struct why why;
	int rc = ask_all(ctl, ctl->o->args[0], NULL, &c, instance, &why);

	if (rc != WSD_OK)
		return command_fail(rc, &why);
	if (option_given(ctl->o, OPTION_JSON)) {
		json_object_object_add(c, "instance", json_object_new_string(instance));
		json_print(c, false);
	} else {
		print_one(c, instance);
	}
	json_object_put(c);
	return EXIT_DONE;
}

int
disconnect_command(struct ctl *ctl)
{
	int status = EXIT_DONE;

	for (unsigned i = 0; i < ctl->o->n_args; i++) {
		const char *id = ctl->o->args[i];
		char instance[INSTANCE_NAME_MAX + 1] = "";
		struct why why;
		int rc = ask_all(ctl, id, "DELETE", NULL, instance, &why);

		if (rc != WSD_OK)
			status = command_fail(rc, &why);
		else
			printf("%s was disconnected from %s\n", id, instance);
	}
	return status;
}
