/* SPDX-License-Identifier: MIT */
/* Making and numbering the message. */
#include "loadtest/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "loadtest/options.h"
#include "wsclient/ws_codec.h"

#define BEFORE_ID "{\"type\":\"message\",\"id\":\""
#define AFTER_ID  "\",\"data\":"

/* A JSON string of size characters, or the file's content less the white space at its end. */
static int
make_data(const struct options *o, char **data, size_t *len)
{
	int rc;

	if (o->payload_file) {
		rc = fd_read_file(o->payload_file, 8 << 20, data, len);
		while (rc == WSD_OK && *len > 0 && strchr(" \t\r\n", (*data)[*len - 1]))
			--*len;
		if (rc == WSD_OK && *len == 0) {
			free(*data);
			*data = NULL;
			rc = -EINVAL;
		}
		return rc;
	}
	*len = o->payload_size + 2;
	*data = malloc(*len);
	if (!*data)
		return -ENOMEM;
	for (size_t i = 1; i < *len - 1; i++)
		(*data)[i] = (char)('a' + i % 26);
	(*data)[0] = (*data)[*len - 1] = '"';
	return WSD_OK;
}

int
payload_init(struct payload *p, const struct options *o, const uint8_t mask[4])
{
	size_t before = strlen(BEFORE_ID), after = strlen(AFTER_ID), data_len, text_len, head;
	char *data;
	int rc = make_data(o, &data, &data_len);
	uint8_t *text;

	*p = (struct payload){ .frame = NULL };
	if (rc != WSD_OK)
		return rc;
	text_len = before + PAYLOAD_ID_DIGITS + after + data_len + 1;
	p->frame = malloc(WS_HEADER_MAX + text_len);
	if (!p->frame) {
		free(data);
		return -ENOMEM;
	}
	head = ws_header(p->frame, FRAME_TEXT, text_len, mask);
	text = p->frame + head;
	memcpy(text, BEFORE_ID, before);
	memset(text + before, '0', PAYLOAD_ID_DIGITS);
	memcpy(text + before + PAYLOAD_ID_DIGITS, AFTER_ID, after);
	memcpy(text + before + PAYLOAD_ID_DIGITS + after, data, data_len);
	text[text_len - 1] = '}';
	free(data);
	ws_mask(text, text_len, 0, mask);
	p->len = head + text_len;
	p->id_at = head + before;
	memcpy(p->id_mask, p->frame + p->id_at, PAYLOAD_ID_DIGITS);
	return WSD_OK;
}

void
payload_deinit(struct payload *p)
{
	free(p->frame);
	p->frame = NULL;
}

void
payload_write(const struct payload *p, uint8_t *out, uint32_t id)
{
	memcpy(out, p->frame, p->len);
	/* '0' + d is '0' xor d for every digit, so the digit can go on top of the masked zero */
	for (int i = PAYLOAD_ID_DIGITS - 1; id > 0; i--, id /= 10)
		out[p->id_at + (size_t)i] = p->id_mask[i] ^ (uint8_t)(id % 10);
}
