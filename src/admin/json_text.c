/* SPDX-License-Identifier: MIT */
/* Writes JSON without any white space but the newline at the end. Any thread. */
#include "admin/json_text.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8_char.h"

#define ROOM_FIRST 512

struct text {
	char *data; /* NULL with room 0: nothing yet; once `failed`, gone */
	size_t len, room;
	bool failed;
};

static void
put(struct text *t, const char *data, size_t len)
{
	if (!t->failed && len > t->room - t->len) {
		size_t room = t->room ? t->room : ROOM_FIRST;
		char *grown;

		while (room - t->len < len)
			room *= 2;
		grown = realloc(t->data, room);
		if (grown) {
			t->data = grown;
			t->room = room;
		}
		t->failed = !grown;
	}
	if (t->failed || len == 0) /* of nothing there may be no memory to copy to */
		return;
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

static void
puts_text(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void
put_string(struct text *t, const char *s, size_t len)
{
	char hex[8];

	puts_text(t, "\"");
	for (size_t i = 0, n; i < len; i += n) {
		unsigned char c = (unsigned char)s[i];
		size_t valid = utf8_char_len(s + i, len - i);

		n = valid ? valid : 1;
		if (c == '"' || c == '\\')
			puts_text(t, "\\");
		if (!valid)
			puts_text(t, UTF8_CHAR_REPLACEMENT);
		else if (c < ' ')
			put(t, hex, (size_t)snprintf(hex, sizeof(hex), "\\u%04x", c));
		else
			put(t, s + i, n);
	}
	puts_text(t, "\"");
}

static void put_value(struct text *t, struct json_object *value);

static void
put_object(struct text *t, struct json_object *object)
{
	const char *before = "{";

	json_object_object_foreach(object, name, value)
	{
		puts_text(t, before);
		put_string(t, name, strlen(name));
		puts_text(t, ":");
		put_value(t, value);
		before = ",";
	}
	puts_text(t, *before == '{' ? "{}" : "}");
}

static void
put_array(struct text *t, struct json_object *array)
{
	size_t n = json_object_array_length(array);

	puts_text(t, "[");
	for (size_t i = 0; i < n; i++) {
		puts_text(t, i == 0 ? "" : ",");
		put_value(t, json_object_array_get_idx(array, i));
	}
	puts_text(t, "]");
}

/* Shorter than what json-c has room for from the start, so that it comes whole or not at all. */
static void
put_word(struct text *t, struct json_object *value)
{
	const char *word = json_object_to_json_string(value);

	t->failed |= !word;
	if (word)
		puts_text(t, word);
}

static void
put_value(struct text *t, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		put_object(t, value);
		break;
	case json_type_array:
		put_array(t, value);
		break;
	case json_type_string:
		put_string(t, json_object_get_string(value), (size_t)json_object_get_string_len(value));
		break;
	default:
		put_word(t, value);
		break;
	}
}

char *
json_text(struct json_object *object, size_t *len)
{
	struct text t = { .data = NULL };

	put_value(&t, object);
	puts_text(&t, "\n");
	if (t.failed) {
		free(t.data);
		return NULL;
	}
	*len = t.len;
	return t.data;
}
