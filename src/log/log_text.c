/* SPDX-License-Identifier: MIT */
/*
 * Lines for people: "2026-11-23T18:46:00.123Z info connection opened WS_CONN=alice". Nothing that a client
 * sent can start a new line, forge a field, reach the terminal as a control sequence or turn the direction of the line.
 */
#include "log/log_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8_char.h"

static void
put_escaped_byte(struct log_buf *to, unsigned char c, bool quoted)
{
	char hex[8];

	if (c == '\n')
		log_buf_puts(to, "\\n");
	else if (c == '\\')
		log_buf_puts(to, "\\\\");
	else if (c == '"' && quoted)
		log_buf_puts(to, "\\\"");
	else
		log_buf_put(to, hex, (size_t)snprintf(hex, sizeof(hex), "\\x%02x", c));
}

static void
put_text(struct log_buf *to, const char *s, size_t len, bool quoted)
{
	while (len > 0) {
		size_t n = utf8_char_len(s, len);

		if (n == 0 || !utf8_char_shown(utf8_char_code(s, n)) || *s == '\\' || (*s == '"' && quoted)) {
			n = n == 0 ? 1 : n;
			for (size_t i = 0; i < n; i++)
				put_escaped_byte(to, (unsigned char)s[i], quoted);
		} else {
			log_buf_put(to, s, n);
		}
		s += n;
		len -= n;
	}
}

static bool
needs_quotes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] == '"' || s[i] == '=' || s[i] == 0x7f) /* char is signed: beyond ASCII too */
			return true;
	return len == 0;
}

static void
put_field(struct log_buf *to, const struct log_item *item)
{
	const char *value = log_item_value(item);
	size_t len = log_item_value_len(item);
	bool quoted = needs_quotes(value, len);

	log_buf_puts(to, " ");
	log_buf_put(to, item->at, item->name_len);
	log_buf_puts(to, quoted ? "=\"" : "=");
	put_text(to, value, len, quoted);
	log_buf_puts(to, quoted ? "\"" : "");
}

void
log_text_render(struct log_buf *to, const struct log_sink *sink, const struct log_line *line)
{
	char time[CLOCK_ISO8601_LEN];

	clock_iso8601(time, line->real_ms);
	log_buf_put(to, time, sizeof(time));
	log_buf_puts(to, " ");
	log_buf_puts(to, log_level_name(line->level));
	log_buf_puts(to, " ");
	put_text(to, log_item_value(&line->items[0]), log_item_value_len(&line->items[0]), false);
	for (unsigned i = line->has_id ? 2 : 1; i < line->n_items; i++)
		put_field(to, &line->items[i]);
	log_buf_puts(to, "\n");
}
