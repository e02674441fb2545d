/* SPDX-License-Identifier: MIT */
/* A growing buffer. */
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
