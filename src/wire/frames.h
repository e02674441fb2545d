/* SPDX-License-Identifier: MIT */
/* What a run of frames is to the files of wire/; who else uses one knows wire.h. Hub's thread. */
#ifndef WSD_WIRE_FRAMES_H
#define WSD_WIRE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

struct wire_frames {
	uint32_t refs;
	size_t len, room;
	char data[]; /* whole frames, one after the other; written to only while there is one reference */
};

/* How much of it to write at a time, from where a frame begins: whole frames, at most most bytes if more than one. */
size_t frames_piece(const struct wire_frames *frames, size_t from, size_t most);

#endif
