/* SPDX-License-Identifier: MIT */
/* Lines for programs: one JSON object a line (RFC 8259), valid whatever bytes the values hold. */
#include "log/log_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8_char.h"

#define EXACT_MAX 9007199254740992ull /* 2^53: above it, readers that use doubles change the number */

/* As RFC 8259, 7 has it: beyond U+FFFF in two halves. */
static void
put_code(struct log_buf *to, uint32_t code)
{
	char hex[16];
	int n = code < 0x10000
			? snprintf(hex, sizeof(hex), "\\u%04x", code)
			: snprintf(hex, sizeof(hex), "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));

	log_buf_put(to, hex, (size_t)n);
}

static void
put_character(struct log_buf *to, const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;

	if (n == 0) {
		log_buf_puts(to, UTF8_CHAR_REPLACEMENT);
	} else if (c == '"' || c == '\\') {
		log_buf_puts(to, "\\");
		log_buf_put(to, s, 1);
	} else if (c == '\n') {
		log_buf_puts(to, "\\n");
	} else if (!utf8_char_shown(utf8_char_code(s, n))) { /* the lines are looked at on terminals, too */
		put_code(to, utf8_char_code(s, n));
	} else {
		log_buf_put(to, s, n);
	}
}

static void
put_string(struct log_buf *to, const char *s, size_t len)
{
	log_buf_puts(to, "\"");
	while (len > 0) {
		size_t n = utf8_char_len(s, len);

		put_character(to, s, n);
		n = n == 0 ? 1 : n;
		s += n;
		len -= n;
	}
	log_buf_puts(to, "\"");
}

static void
put_member(struct log_buf *to, const char *name, const char *value, size_t len)
{
	log_buf_puts(to, name);
	put_string(to, value, len);
}

static bool
exact_number(const struct log_item *item)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%.*s", (int)log_item_value_len(item), log_item_value(item));
	return item->number && strtoull(digits, NULL, 10) <= EXACT_MAX;
}

static void
put_field(struct log_buf *to, const struct log_item *item)
{
	log_buf_puts(to, ",");
	put_string(to, item->at, item->name_len);
	log_buf_puts(to, ":");
	if (exact_number(item))
		log_buf_put(to, log_item_value(item), log_item_value_len(item));
	else
		put_string(to, log_item_value(item), log_item_value_len(item));
}

void
log_json_render(struct log_buf *to, const struct log_sink *sink, const struct log_line *line)
{
	const char *level = log_level_name(line->level);
	char time[CLOCK_ISO8601_LEN];

	clock_iso8601(time, line->real_ms);
	put_member(to, "{\"timestamp\":", time, sizeof(time));
	put_member(to, ",\"level\":", level, strlen(level));
	put_member(to, ",\"message\":", log_item_value(&line->items[0]), log_item_value_len(&line->items[0]));
	if (line->has_id)
		put_member(to, ",\"message_id\":", log_item_value(&line->items[1]),
			   log_item_value_len(&line->items[1]));
	put_member(to, ",\"WS_INSTANCE\":", sink->instance, strlen(sink->instance));
	for (unsigned i = line->has_id ? 2 : 1; i < line->n_items; i++)
		put_field(to, &line->items[i]);
	log_buf_puts(to, "}\n");
}
