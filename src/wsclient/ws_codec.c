/* SPDX-License-Identifier: MIT */
/* Client frames and handshake. */
#include "wsclient/ws_codec.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/err.h"

void
ws_key(char *key, const uint8_t nonce[16])
{
	EVP_EncodeBlock((unsigned char *)key, nonce, 16);
}

/* SHA-1 is what the RFC asks for; no security rests on it. */
void
ws_accept(char *accept, const char *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	CHECK(context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1);
	CHECK(EVP_DigestUpdate(context, key, strlen(key)) == 1);
	CHECK(EVP_DigestUpdate(context, guid, sizeof(guid) - 1) == 1);
	CHECK(EVP_DigestFinal_ex(context, digest, &len) == 1);
	EVP_MD_CTX_free(context);
	EVP_EncodeBlock((unsigned char *)accept, digest, (int)len);
}

size_t
ws_header(uint8_t *out, enum frame_opcode opcode, size_t payload_len, const uint8_t mask[4])
{
	size_t n = 2;

	out[0] = (uint8_t)(0x80 | opcode);
	if (payload_len < 126) {
		out[1] = (uint8_t)(0x80 | payload_len);
	} else if (payload_len < 65536) {
		out[1] = 0x80 | 126;
		out[2] = (uint8_t)(payload_len >> 8);
		out[3] = (uint8_t)payload_len;
		n = 4;
	} else {
		out[1] = 0x80 | 127;
		for (int i = 0; i < 8; i++)
			out[2 + i] = (uint8_t)((uint64_t)payload_len >> (56 - 8 * i));
		n = 10;
	}
	memcpy(out + n, mask, 4);
	return n + 4;
}

void
ws_mask(uint8_t *payload, size_t len, size_t at, const uint8_t mask[4])
{
	for (size_t i = 0; i < len; i++)
		payload[i] ^= mask[(at + i) & 3];
}

size_t
ws_control(uint8_t *out, enum frame_opcode opcode, const void *payload, size_t payload_len, const uint8_t mask[4])
{
	size_t head = ws_header(out, opcode, payload_len, mask);

	CHECK(payload_len <= FRAME_CONTROL_MAX);
	if (payload_len > 0)
		memcpy(out + head, payload, payload_len);
	ws_mask(out + head, payload_len, 0, mask);
	return head + payload_len;
}

static int
parse_length(const uint8_t *data, size_t len, uint64_t *payload_len, size_t *head)
{
	unsigned extra = (data[1] & 0x7f) == 126 ? 2 : (data[1] & 0x7f) == 127 ? 8 : 0;
	uint64_t value = 0;

	*head = 2 + extra;
	*payload_len = data[1] & 0x7f;
	if (extra == 0)
		return WSD_OK;
	if (len < *head)
		return -EAGAIN;
	for (unsigned i = 0; i < extra; i++)
		value = value << 8 | data[2 + i];
	*payload_len = value;
	if (extra == 2)
		return value < 126 ? WSD_E_MALFORMED : WSD_OK;
	return value < 65536 || value >> 63 ? WSD_E_MALFORMED : WSD_OK;
}

static bool
known_opcode(unsigned opcode)
{
	return opcode <= FRAME_BINARY || (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG);
}

int
ws_parse(const uint8_t *data, size_t len, size_t payload_max, struct ws_frame *frame)
{
	uint64_t payload_len;
	size_t head;
	int rc;

	frame->size = 0;
	if (len < 2)
		return -EAGAIN;
	frame->fin = data[0] & 0x80;
	frame->opcode = data[0] & 0x0f;
	if ((data[0] & 0x70) || (data[1] & 0x80) || !known_opcode(frame->opcode))
		return WSD_E_MALFORMED;
	if (frame->opcode >= FRAME_CLOSE && (!frame->fin || data[1] > FRAME_CONTROL_MAX))
		return WSD_E_MALFORMED;
	rc = parse_length(data, len, &payload_len, &head);
	if (rc != WSD_OK)
		return rc;
	if (payload_len > payload_max)
		return WSD_E_TOO_LARGE;
	frame->size = head + (size_t)payload_len;
	if (len < frame->size)
		return -EAGAIN;
	frame->payload = (struct slice){ (const char *)data + head, (size_t)payload_len };
	return WSD_OK;
}

/* The value of a header line, if the line is that header. */
static bool
header_is(struct slice line, const char *name, struct slice *value)
{
	size_t n = strlen(name);

	if (line.len <= n || line.at[n] != ':' || strncasecmp(line.at, name, n) != 0)
		return false;
	line.at += n + 1;
	line.len -= n + 1;
	*value = slice_trim(line);
	return true;
}

/* -1: an HTTP date, which nobody sends here. */
static long
whole_seconds(struct slice value)
{
	uint64_t s;

	return decimal_parse(value, 999999, &s) == WSD_OK ? (long)s : -1;
}

struct reply_seen {
	bool upgrade, connection, accepted, chosen;
};

static void
take_header(struct slice line, const char *accept, const char *subprotocol, struct reply_seen *seen,
	    struct ws_reply *reply)
{
	struct slice value;

	if (header_is(line, "upgrade", &value))
		seen->upgrade = slice_equal_nocase(value, "websocket");
	else if (header_is(line, "connection", &value))
		seen->connection = seen->connection || slice_lists(value, SLICE("upgrade"));
	else if (header_is(line, "sec-websocket-accept", &value))
		seen->accepted = slice_equal(value, accept);
	else if (header_is(line, "sec-websocket-protocol", &value) && subprotocol && value.len > 0)
		seen->chosen = slice_lists(slice_of(subprotocol), value);
	else if (header_is(line, "retry-after", &value))
		reply->retry_after_s = whole_seconds(value);
}

static int
parse_status(const char *data, int *status)
{
	uint64_t code = 0;
	int rc = decimal_parse((struct slice){ data + 9, 3 }, 999, &code);

	*status = (int)code;
	return rc;
}

/* As far as it has come. */
static bool
begins_as_http(const char *data, size_t len)
{
	return memcmp(data, "HTTP/1.1 ", len < 9 ? len : 9) == 0 || memcmp(data, "HTTP/1.0 ", len < 9 ? len : 9) == 0;
}

int
ws_reply_parse(const char *data, size_t len, const char *accept, const char *subprotocol, struct ws_reply *reply)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);
	struct reply_seen seen = { .chosen = subprotocol == NULL };
	const char *line, *next;

	*reply = (struct ws_reply){ .retry_after_s = -1 };
	if (!begins_as_http(data, len))
		return WSD_E_MALFORMED;
	if (!end)
		return -EAGAIN;
	if (end - data < 12 || parse_status(data, &reply->status) != WSD_OK)
		return WSD_E_MALFORMED;
	reply->size = (size_t)(end - data) + 4;
	/* The head ends in an empty line, so each search below finds something. */
	for (line = memmem(data, reply->size, "\r\n", 2); line < end; line = next) {
		line += 2;
		next = memmem(line, (size_t)(end + 4 - line), "\r\n", 2);
		take_header((struct slice){ line, (size_t)(next - line) }, accept, subprotocol, &seen, reply);
	}
	reply->upgraded = reply->status == 101 && data[7] == '1' && seen.upgrade && seen.connection && seen.accepted &&
			  seen.chosen;
	return WSD_OK;
}
