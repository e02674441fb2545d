/* SPDX-License-Identifier: MIT */
/*
 * The client's side of RFC 6455, for wsload and for wsctl's look through the proxy: masked frames out, unmasked
 * frames in, the handshake's key and answer. Pure: no I/O; any thread.
 */
#ifndef WSD_WSCLIENT_WS_CODEC_H
#define WSD_WSCLIENT_WS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "base/slice.h"
#include "proto/frame.h"

#define WS_ACCEPT_LEN 28 /* base64 of a SHA-1 */
#define WS_HEADER_MAX 14 /* masked */

/* key and accept get a terminating zero: HANDSHAKE_KEY_LEN + 1 and WS_ACCEPT_LEN + 1 bytes. The answer to a key that
 * is none of ours can be told, too. */
void ws_key(char *key, const uint8_t nonce[16]);
void ws_accept(char *accept, const char *key);

/* Writes the header of a final, masked frame with the mask at its end; returns its length, at most
 * WS_HEADER_MAX. */
size_t ws_header(uint8_t *out, enum frame_opcode opcode, size_t payload_len, const uint8_t mask[4]);

/* at: offset of the first byte within the payload. */
void ws_mask(uint8_t *payload, size_t len, size_t at, const uint8_t mask[4]);

/* A whole masked control frame, at most WS_HEADER_MAX + FRAME_CONTROL_MAX bytes; payload_len at most
 * FRAME_CONTROL_MAX. */
size_t ws_control(uint8_t *out, enum frame_opcode opcode, const void *payload, size_t payload_len,
		  const uint8_t mask[4]);

struct ws_frame {
	enum frame_opcode opcode;
	bool fin;
	struct slice payload;
	size_t size; /* header and payload */
};

/*
 * Looks at the frame that starts at data. WSD_OK: frame is whole. -EAGAIN: more bytes are needed; size then
 * tells how many the frame has if that is known already, else 0. WSD_E_MALFORMED: not what a server may send
 * (masked, reserved bits or opcode, long or split control frame, length not in its shortest form).
 * WSD_E_TOO_LARGE: payload longer than payload_max.
 */
int ws_parse(const uint8_t *data, size_t len, size_t payload_max, struct ws_frame *frame);

struct ws_reply {
	int status;         /* of the HTTP answer, also of one by HTTP/1.0, as proxies may give */
	bool upgraded;      /* 101 with all that RFC 6455, 4.1 asks for */
	long retry_after_s; /* -1: not given */
	size_t size;        /* of the head, the empty line included */
};

/* The answer to the handshake. -EAGAIN: head not whole yet; WSD_E_MALFORMED: no HTTP. */
int ws_reply_parse(const char *data, size_t len, const char *accept, const char *subprotocol, struct ws_reply *reply);

#endif
