/* SPDX-License-Identifier: MIT */
/* WebSocket frame headers. Pure; any thread. */
#include "proto/frame.h"

#include <string.h>

#include "base/check.h"

#define FIN 0x80

/* Payload lengths: in the header itself up to 125; 126 announces two more bytes, 127 eight. */
#define LEN_16 126
#define LEN_64 127

static void
store_be(unsigned char *out, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; value >>= 8)
		out[i] = (unsigned char)value;
}

size_t
frame_header_len(size_t payload_len)
{
	return payload_len < LEN_16 ? 2 : payload_len <= UINT16_MAX ? 4 : 10;
}

size_t
frame_header(char *out, enum frame_opcode opcode, size_t payload_len)
{
	unsigned char *header = (unsigned char *)out;
	size_t len = frame_header_len(payload_len);

	header[0] = (unsigned char)(FIN | opcode);
	header[1] = (unsigned char)(len == 2 ? payload_len : len == 4 ? LEN_16 : LEN_64);
	store_be(header + 2, payload_len, len - 2);
	return len;
}

size_t
frame_payload_len(const char *header)
{
	const unsigned char *at = (const unsigned char *)header + 1;
	size_t bytes = *at == LEN_64 ? 8 : 2, len = 0;

	if (*at < LEN_16)
		return *at;
	while (bytes-- > 0)
		len = len << 8 | *++at;
	return len;
}

size_t
frame_ping(char *out, const void *payload, size_t payload_len)
{
	size_t header;

	CHECK(payload_len <= FRAME_CONTROL_MAX);
	header = frame_header(out, FRAME_PING, payload_len);
	if (payload_len > 0)
		memcpy(out + header, payload, payload_len);
	return header + payload_len;
}

size_t
frame_close(char *out, uint16_t code)
{
	size_t len = code == FRAME_NO_CODE ? 0 : 2, header = frame_header(out, FRAME_CLOSE, len);

	store_be((unsigned char *)out + header, code, len);
	return header + len;
}
