/* SPDX-License-Identifier: MIT */
/* CHANNELS_FILE: all that is wrong with it is said at once, each with its path. */
#include "channel/rules_priv.h"

#include <json-c/json.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/err.h"
#include "channel/duration.h"

#define META_TTL_MS      (UINT64_C(720) * 3600 * 1000)
#define HISTORY_SIZE_MAX 1000000
#define PATH_MAX_LEN     192
#define NAMESPACE_MAX    64

#define FLAGS(X) \
	X(presence) \
	X(join_leave) \
	X(force_push_join_leave) \
	X(force_positioning) \
	X(allow_positioning) \
	X(force_recovery) \
	X(allow_recovery) \
	X(allow_subscribe_for_client) \
	X(allow_subscribe_for_anonymous) \
	X(allow_publish_for_client) \
	X(allow_publish_for_subscriber) \
	X(allow_publish_for_anonymous) \
	X(allow_history_for_client) \
	X(allow_history_for_subscriber) \
	X(allow_history_for_anonymous) \
	X(allow_presence_for_client) \
	X(allow_presence_for_subscriber) \
	X(allow_presence_for_anonymous) \
	X(allow_user_limited_channels)

struct reading {
	FILE *faults;
	unsigned n_faults;
	struct channel_rules *rules; /* with room for all namespaces of the file */
	bool no_memory;
};

static void __attribute__((format(printf, 3, 4))) fault(struct reading *r, const char *path, const char *format, ...)
{
	va_list args;

	fprintf(r->faults, "%s%s: ", r->n_faults++ ? "\n" : "", path);
	va_start(args, format);
	vfprintf(r->faults, format, args);
	va_end(args);
}

static void
path_of(char *out, const char *parent, const char *key)
{
	snprintf(out, PATH_MAX_LEN, "%.128s%s%.48s", parent, *parent ? "." : "", key);
}

/* True if the key is the name of a flag. */
static bool
read_flag(struct reading *r, struct channel_options *o, const char *path, const char *key, struct json_object *value)
{
	bool on = json_object_get_boolean(value), known = false;

#define FLAG(name) \
	if (strcmp(key, #name) == 0) { \
		o->name = on; \
		known = true; \
	}
	FLAGS(FLAG)
#undef FLAG
	if (known && !json_object_is_type(value, json_type_boolean))
		fault(r, path, "expected true or false");
	return known;
}

static void
read_duration(struct reading *r, const char *path, struct json_object *value, uint64_t *out)
{
	int rc = WSD_E_MALFORMED;

	if (json_object_is_type(value, json_type_string))
		rc = duration_parse(
			(struct slice){ json_object_get_string(value), (size_t)json_object_get_string_len(value) },
			out);
	if (rc == WSD_E_RANGE)
		fault(r, path, "longer than a hundred years");
	else if (rc != WSD_OK)
		fault(r, path, "expected a duration such as \"300s\" or \"1h30m\"");
}

static void
read_history_size(struct reading *r, const char *path, struct json_object *value, uint32_t *out)
{
	int64_t n = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int) || n < 0 || n > HISTORY_SIZE_MAX)
		fault(r, path, "expected a number from 0 to %d", HISTORY_SIZE_MAX);
	else
		*out = (uint32_t)n;
}

static void
read_recovery_mode(struct reading *r, const char *path, struct json_object *value, enum channel_recovery *out)
{
	const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

	if (strcmp(text, "cache") == 0)
		*out = CHANNEL_RECOVERY_CACHE;
	else if (strcmp(text, "stream") == 0)
		*out = CHANNEL_RECOVERY_STREAM;
	else
		fault(r, path, "expected \"stream\" or \"cache\"");
}

static void
read_option(struct reading *r, struct channel_options *o, const char *parent, const char *key,
	    struct json_object *value)
{
	char path[PATH_MAX_LEN];

	path_of(path, parent, key);
	if (strcmp(key, "history_size") == 0)
		read_history_size(r, path, value, &o->history_size);
	else if (strcmp(key, "history_ttl") == 0)
		read_duration(r, path, value, &o->history_ttl_ms);
	else if (strcmp(key, "history_meta_ttl") == 0)
		read_duration(r, path, value, &o->history_meta_ttl_ms);
	else if (strcmp(key, "force_recovery_mode") == 0)
		read_recovery_mode(r, path, value, &o->force_recovery_mode);
	else if (!read_flag(r, o, path, key, value))
		fault(r, path, "not known, or not supported by wsd: wsd.channels(5)");
}

/* What one option needs of another. */
static void
check_options(struct reading *r, const struct channel_options *o, const char *path)
{
	if ((o->history_size > 0) != (o->history_ttl_ms > 0))
		fault(r, path, "history_size and history_ttl: both are needed for a history");
	if (channel_has_history(o) && o->history_meta_ttl_ms < o->history_ttl_ms)
		fault(r, path, "history_meta_ttl: shorter than history_ttl");
	if ((o->force_recovery || o->allow_recovery) && !channel_has_history(o))
		fault(r, path, "%s: needs history_size and history_ttl",
		      o->force_recovery ? "force_recovery" : "allow_recovery");
	if (o->force_push_join_leave && !o->join_leave)
		fault(r, path, "force_push_join_leave: needs join_leave");
}

static bool
is_namespace_name(const char *name)
{
	size_t len = strlen(name);

	if (len < 2 || len > NAMESPACE_MAX)
		return false;
	for (; *name; name++)
		if (!ascii_is_alnum(*name) && !strchr("-_.", *name))
			return false;
	return true;
}

static void
read_namespace_name(struct reading *r, const char *parent, struct json_object *value, char **out)
{
	const char *name = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	char path[PATH_MAX_LEN];

	path_of(path, parent, "name");
	if (!is_namespace_name(name)) {
		fault(r, path, "expected 2 to %d letters, digits, -, _ or .", NAMESPACE_MAX);
		return;
	}
	for (uint32_t i = 0; i < r->rules->n; i++)
		if (strcmp(r->rules->options[i].ns, name) == 0)
			fault(r, path, "\"%s\" is there twice", name);
	free(*out);
	*out = strdup(name);
	r->no_memory |= !*out;
}

static bool
expect_object(struct reading *r, const char *path, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return true;
	fault(r, path, "expected an object");
	return false;
}

/* Begins those of one namespace, which are the rules' own from here on. */
static struct channel_options *
begin_options(struct reading *r)
{
	struct channel_options *o = &r->rules->options[r->rules->n];

	*o = (struct channel_options){ .history_meta_ttl_ms = META_TTL_MS };
	return o;
}

static void
read_without_namespace(struct reading *r, struct json_object *value)
{
	static const char path[] = "channel.without_namespace";
	struct channel_options *o = begin_options(r);

	o->ns = calloc(1, 1);
	r->no_memory |= !o->ns;
	if (!expect_object(r, path, value)) {
		free(o->ns);
		return;
	}
	json_object_object_foreach(value, key, option) read_option(r, o, path, key, option);
	check_options(r, o, path);
	r->rules->n++;
}

static void
read_namespace(struct reading *r, struct json_object *value, size_t index)
{
	struct channel_options *o = begin_options(r);
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path), "channel.namespaces[%zu]", index);
	if (!expect_object(r, path, value))
		return;
	json_object_object_foreach(value, key, option)
	{
		if (strcmp(key, "name") == 0)
			read_namespace_name(r, path, option, &o->ns);
		else
			read_option(r, o, path, key, option);
	}
	if (!o->ns) {
		if (!json_object_object_get(value, "name"))
			fault(r, path, "has no name");
		return;
	}
	check_options(r, o, path);
	r->rules->n++;
}

static void
read_namespaces(struct reading *r, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array)) {
		fault(r, "channel.namespaces", "expected an array");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++)
		read_namespace(r, json_object_array_get_idx(value, i), i);
}

static void
read_channel(struct reading *r, struct json_object *channel)
{
	struct json_object *without = json_object_object_get(channel, "without_namespace");

	if (without)
		read_without_namespace(r, without);
	json_object_object_foreach(channel, key, value)
	{
		char path[PATH_MAX_LEN];

		path_of(path, "channel", key);
		if (strcmp(key, "namespaces") == 0)
			read_namespaces(r, value);
		else if (strcmp(key, "without_namespace") != 0)
			fault(r, path, "not known, or not supported by wsd: wsd.channels(5)");
		else if (!value)
			fault(r, path, "expected an object");
	}
}

static void
read_file(struct reading *r, struct json_object *file)
{
	if (!expect_object(r, "the file", file))
		return;
	json_object_object_foreach(file, key, value)
	{
		if (strcmp(key, "channel") != 0)
			fault(r, key, "not known, or not supported by wsd: wsd.channels(5)");
		else if (expect_object(r, key, value))
			read_channel(r, value);
	}
}

static size_t
count_namespaces(struct json_object *file)
{
	struct json_object *channel = NULL, *namespaces = NULL;

	if (json_object_is_type(file, json_type_object) && json_object_object_get_ex(file, "channel", &channel) &&
	    json_object_is_type(channel, json_type_object) &&
	    json_object_object_get_ex(channel, "namespaces", &namespaces) &&
	    json_object_is_type(namespaces, json_type_array))
		return json_object_array_length(namespaces);
	return 0;
}

static unsigned
line_of(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

/* NULL: it is no JSON, and that has been said. */
static struct json_object *
parse(struct reading *r, const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *file = NULL;

	if (!tokener || len > INT_MAX) {
		r->no_memory = true;
		json_tokener_free(tokener);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	file = json_tokener_parse_ex(tokener, text, (int)len);
	if (!file) {
		enum json_tokener_error why = json_tokener_get_error(tokener);
		char where[32];

		snprintf(where, sizeof(where), "line %u", line_of(text, json_tokener_get_parse_end(tokener)));
		fault(r, where, "%s",
		      why == json_tokener_success    ? "expected an object"
		      : why == json_tokener_continue ? "the text ends too early"
						     : json_tokener_error_desc(why));
	}
	json_tokener_free(tokener);
	return file;
}

struct channel_rules *
channel_rules_parse(const char *json, size_t len, char **why)
{
	struct reading r = { .faults = NULL };
	struct json_object *file;
	size_t why_len, room;

	*why = NULL;
	r.faults = open_memstream(why, &why_len);
	if (!r.faults)
		return NULL;
	file = parse(&r, json, len);
	room = count_namespaces(file) + 1;
	r.rules = calloc(1, sizeof(*r.rules) + room * sizeof(struct channel_options));
	if (!r.rules) {
		r.no_memory = true;
	} else {
		atomic_init(&r.rules->refs, 1);
		if (file)
			read_file(&r, file);
	}
	json_object_put(file);
	if (r.no_memory)
		fault(&r, "the file", "out of memory");
	if (fclose(r.faults) != 0 || r.n_faults > 0)
		channel_rules_put(&r.rules);
	if (r.rules) {
		free(*why);
		*why = NULL;
	}
	return r.rules;
}
