/* SPDX-License-Identifier: MIT */
/* WebSocket frame headers, RFC 6455, 5.2. Pure; any thread. */
#ifndef WSD_PROTO_FRAME_H
#define WSD_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum frame_opcode {
	FRAME_CONTINUATION = 0x0,
	FRAME_TEXT = 0x1,
	FRAME_BINARY = 0x2,
	FRAME_CLOSE = 0x8,
	FRAME_PING = 0x9,
	FRAME_PONG = 0xa,
};

#define FRAME_HEADER_MAX    10   /* unmasked, as a server sends */
#define FRAME_MASKED_HEADER 6    /* of a client's frame with less than 126 bytes of payload */
#define FRAME_MASK          4    /* of that, what a server's does not have */
#define FRAME_NO_CODE       1005 /* stands for a Close frame that is empty, RFC 6455, 7.1.5 */
#define FRAME_CLOSE_LEN     4    /* of a Close frame without a reason, unmasked */
#define FRAME_CONTROL_MAX   125  /* payload of a control frame, RFC 6455, 5.5 */

/* Bytes that the header of an unmasked frame with this payload takes: 2, 4 or 10. */
size_t frame_header_len(size_t payload_len);

/* Writes the header of an unmasked final frame, with the shortest length form; returns frame_header_len(). */
size_t frame_header(char *out, enum frame_opcode opcode, size_t payload_len);

/* What that was written with. */
size_t frame_payload_len(const char *header);

/* A whole frame, unmasked; payload_len at most FRAME_CONTROL_MAX. Returns the bytes written, at most 2 + 125. */
size_t frame_ping(char *out, const void *payload, size_t payload_len);

/* A whole Close frame, unmasked and without a reason. Returns the bytes written, at most FRAME_CLOSE_LEN. */
size_t frame_close(char *out, uint16_t code);

#endif
