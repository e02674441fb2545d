/* SPDX-License-Identifier: MIT */
/* Runs of frames that many wires are sent. Hub's thread. */
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "proto/frame.h"
#include "wire/wire.h"

static struct wire_frames *
with_room(struct wire_frames *old, size_t need)
{
	size_t len = old ? old->len : 0, room = 2 * len + need;
	struct wire_frames *frames;

	if (old && old->room - len >= need)
		return old;
	frames = realloc(old, sizeof(*frames) + room);
	if (!frames)
		return NULL;
	if (!old)
		*frames = (struct wire_frames){ .refs = 1 };
	frames->room = room;
	return frames;
}

int
wire_frames_add(struct wire_frames **owned, enum wire_message kind, const void *payload, size_t len)
{
	static const enum frame_opcode opcodes[] = {
		[WIRE_TEXT] = FRAME_TEXT,
		[WIRE_BINARY] = FRAME_BINARY,
		[WIRE_PING] = FRAME_PING,
	};
	struct wire_frames *frames;

	CHECK(!*owned || (*owned)->refs == 1);
	CHECK(kind != WIRE_PING || len <= FRAME_CONTROL_MAX);
	frames = with_room(*owned, FRAME_HEADER_MAX + len);
	if (!frames)
		return -ENOMEM;
	frames->len += frame_header(frames->data + frames->len, opcodes[kind], len);
	if (len > 0)
		memcpy(frames->data + frames->len, payload, len);
	frames->len += len;
	*owned = frames;
	return WSD_OK;
}

struct wire_frames *
wire_frames_get(struct wire_frames *frames)
{
	frames->refs++;
	CHECK(frames->refs > 1);
	return frames;
}

void
wire_frames_put(struct wire_frames **owned)
{
	struct wire_frames *frames = *owned;

	*owned = NULL;
	if (!frames)
		return;
	CHECK(frames->refs > 0);
	if (--frames->refs == 0)
		free(frames);
}

size_t
wire_frames_len(const struct wire_frames *frames)
{
	return frames->len;
}

static size_t
frame_len(const char *frame)
{
	size_t payload = frame_payload_len(frame);

	return frame_header_len(payload) + payload;
}

size_t
frames_piece(const struct wire_frames *frames, size_t from, size_t most)
{
	size_t to = from;

	if (frames->len - from <= most)
		return frames->len - from;
	do
		to += frame_len(frames->data + to);
	while (to - from < most && to - from + frame_len(frames->data + to) <= most);
	return to - from;
}
