/* SPDX-License-Identifier: MIT */
/* Texts that grow. One thread at a time. */
#include "proto/text.h"

#include <stdlib.h>

#define ROOM_MIN 512

char *
text_more(struct text *t, size_t len)
{
	size_t room = t->room > ROOM_MIN ? t->room : ROOM_MIN;
	char *at;

	while (room - t->len < len)
		room *= 2;
	if (room > t->room) {
		at = realloc(t->at, room);
		if (!at) {
			t->failed = true;
			return NULL;
		}
		t->at = at;
		t->room = room;
	}
	return t->at + t->len;
}

void
text_reset(struct text *t, size_t keep_most)
{
	if (t->room > keep_most)
		text_free(t);
	t->len = 0;
	t->failed = false;
}

void
text_free(struct text *t)
{
	free(t->at);
	*t = (struct text){ .at = NULL };
}

void
text_put_u64(struct text *t, uint64_t value)
{
	char digits[20];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	text_put(t, digits + first, sizeof(digits) - first);
}

static void
put_escaped(struct text *t, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 0xf] };

	if (c == '"' || c == '\\') {
		escape[1] = (char)c;
		text_put(t, escape, 2);
	} else {
		text_put(t, escape, sizeof(escape));
	}
}

void
text_put_string(struct text *t, struct slice s)
{
	size_t from = 0;

	TEXT_PUT(t, "\"");
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_put(t, s.at + from, i - from);
		put_escaped(t, c);
		from = i + 1;
	}
	text_put(t, s.at + from, s.len - from);
	TEXT_PUT(t, "\"");
}

void
text_put_base64(struct text *t, struct slice s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	TEXT_PUT(t, "\"");
	for (size_t i = 0; i < s.len; i += 3) {
		const unsigned char *c = (const unsigned char *)s.at + i;
		size_t n = s.len - i < 3 ? s.len - i : 3;
		unsigned bits = c[0] << 16 | (n > 1 ? c[1] << 8 : 0) | (n > 2 ? c[2] : 0);
		char out[4] = { letters[bits >> 18], letters[bits >> 12 & 63], n > 1 ? letters[bits >> 6 & 63] : '=',
				n > 2 ? letters[bits & 63] : '=' };

		text_put(t, out, sizeof(out));
	}
	TEXT_PUT(t, "\"");
}
