/* SPDX-License-Identifier: MIT */
/*
 * A text that grows as it is written: for messages whose length nobody knows before. What there is no memory for is
 * remembered, and asked for once at the end. One thread at a time.
 */
#ifndef WSD_PROTO_TEXT_H
#define WSD_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct text {
	char *at;
	size_t len, room;
	bool failed; /* something is missing, for want of memory */
};

/* Room for that many bytes more; NULL: there is none. */
char *text_more(struct text *t, size_t len);
/* Empty, and without memory beyond this. */
void text_reset(struct text *t, size_t keep_most);
void text_free(struct text *t);

void text_put_u64(struct text *t, uint64_t value);
/* A JSON string of what need not be one: quoted and escaped. */
void text_put_string(struct text *t, struct slice s);
/* The same of any bytes, in base64. */
void text_put_base64(struct text *t, struct slice s);

static inline void
text_put(struct text *t, const char *data, size_t len)
{
	char *at = t->room - t->len >= len ? t->at + t->len : text_more(t, len);

	if (!at || len == 0)
		return;
	memcpy(at, data, len);
	t->len += len;
}

static inline void
text_put_slice(struct text *t, struct slice s)
{
	text_put(t, s.at, s.len);
}

#define TEXT_PUT(t, literal) text_put((t), (literal), sizeof(literal) - 1)

#endif
