/* SPDX-License-Identifier: MIT */
/* Making a line: the text is formatted and everything is copied into one block of memory. Any thread. */
#include "log/log_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

#define NUMBER_MAX 20 /* digits of 2^64 - 1 */

/* At most LOG_VALUE_MAX bytes, and no half of a character at the end. s[len] can be read if it is longer. */
static size_t
cut(const char *s, size_t len)
{
	size_t back = 0;

	if (len <= LOG_VALUE_MAX)
		return len;
	while (back < 3 && ((unsigned char)s[LOG_VALUE_MAX - back] & 0xc0) == 0x80)
		back++;
	return LOG_VALUE_MAX - back;
}

/* Where the next value goes. */
struct cursor {
	struct log_line *line;
	char *at;
};

static void
put_item(struct cursor *to, const char *name, const char *value, size_t len, bool number)
{
	struct log_item *item = &to->line->items[to->line->n_items++];
	size_t name_len = strlen(name);

	*item = (struct log_item){ to->at, (uint16_t)name_len, (uint16_t)(name_len + 1 + len), number };
	memcpy(to->at, name, name_len);
	to->at[name_len] = '=';
	memcpy(to->at + name_len + 1, value, len);
	to->at += item->len;
}

static void
put_field(struct cursor *to, const struct log_field *field)
{
	char digits[NUMBER_MAX + 1];

	if (field->text) {
		put_item(to, field->name, field->text, cut(field->text, strnlen(field->text, LOG_VALUE_MAX + 1)),
			 false);
	} else {
		int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)field->number);

		put_item(to, field->name, digits, (size_t)len, true);
	}
}

static size_t
field_size(const struct log_field *field)
{
	size_t name_len = strlen(field->name);

	CHECK(name_len > 0 && name_len <= 64);
	return name_len + 1 + (field->text ? cut(field->text, strnlen(field->text, LOG_VALUE_MAX + 1)) : NUMBER_MAX);
}

struct log_line *
log_line_create(enum log_level level, const char *message_id, const struct log_field *fields, const char *format,
		va_list args)
{
	char text[LOG_VALUE_MAX + 2];
	int printed = vsnprintf(text, sizeof(text), format, args);
	size_t text_len = printed < 0 ? 0 : cut(text, strlen(text));
	unsigned n_fields = 0;
	struct log_line *line;
	struct cursor to;
	size_t size = sizeof("MESSAGE=") + text_len + (message_id ? sizeof("MESSAGE_ID=") + strlen(message_id) : 0);

	for (; fields && fields[n_fields].name; n_fields++)
		size += field_size(&fields[n_fields]);
	CHECK(n_fields <= LOG_FIELDS_MAX);
	size += sizeof(*line) + (n_fields + 2) * sizeof(line->items[0]);
	line = malloc(size);
	if (!line)
		return NULL;
	*line = (struct log_line){ .size = size, .real_ms = clock_real_ms(), .level = level, .has_id = message_id };
	list_init(&line->node);
	to = (struct cursor){ line, (char *)&line->items[n_fields + 2] };
	put_item(&to, "MESSAGE", text, text_len, false);
	if (message_id)
		put_item(&to, "MESSAGE_ID", message_id, strlen(message_id), false);
	for (unsigned i = 0; i < n_fields; i++)
		put_field(&to, &fields[i]);
	return line;
}
