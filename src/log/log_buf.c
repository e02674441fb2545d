/* SPDX-License-Identifier: MIT */
/* A growing buffer, and UTF-8 as the text and JSON forms need it. */
#include "log/log_priv.h"

#include <stdlib.h>
#include <string.h>

void
log_buf_put(struct log_buf *buf, const char *data, size_t len)
{
	if (buf->cut)
		return;
	if (len > buf->room - buf->len) {
		size_t room = buf->room ? buf->room : 4096;
		char *grown;

		while (room - buf->len < len)
			room *= 2;
		grown = realloc(buf->data, room);
		if (!grown) {
			buf->cut = true;
			return;
		}
		buf->data = grown;
		buf->room = room;
	}
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void
log_buf_puts(struct log_buf *buf, const char *text)
{
	log_buf_put(buf, text, strlen(text));
}

void
log_buf_deinit(struct log_buf *buf)
{
	free(buf->data);
	*buf = (struct log_buf){ .data = NULL };
}

static bool
continues(const char *s, size_t from, size_t len)
{
	for (size_t i = from; i < len; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t
log_utf8_len(const char *s, size_t len)
{
	unsigned char first = len > 0 ? (unsigned char)s[0] : 0xff;
	unsigned char second = len > 1 ? (unsigned char)s[1] : 0;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return len >= 2 && continues(s, 1, 2) ? 2 : 0;
	if (first >= 0xe0 && first <= 0xef) {
		/* e0: over-long below a0; ed: surrogates from a0 */
		if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0))
			return 0;
		return len >= 3 && continues(s, 1, 3) ? 3 : 0;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		/* f0: over-long below 90; f4: above U+10FFFF from 90 */
		if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
			return 0;
		return len >= 4 && continues(s, 1, 4) ? 4 : 0;
	}
	return 0;
}
