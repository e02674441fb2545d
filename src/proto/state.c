/* SPDX-License-Identifier: MIT */
/* Encoding of connections and sessions that change their process. */
#include "proto/state.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/le.h"

/* Beside those of state.def; and never reused either. */
enum tag {
	TAG_ID = 1,
	TAG_TOKEN = 2,
	TAG_COUNT = 3, /* of a session */
	TAG_PEER_FAMILY = 10,
	TAG_PEER_ADDRESS = 11,
	TAG_PEER_PORT = 12,
	TAG_QUEUE = 14,
	TAG_EXPIRES_IN = 15,
	TAG_USER = 34,
	TAG_SUBSCRIPTIONS = STATE_MUST_KNOW,
};

#define FIELD_HEAD 5

/* ---- writing --------------------------------------------------------------------------------- */

static char *
put_bytes(char *out, unsigned tag, const void *data, size_t len)
{
	*out = (char)tag;
	le_put(out + 1, len, 4);
	memcpy(out + FIELD_HEAD, data, len);
	return out + FIELD_HEAD + len;
}

static char *
put_number(char *out, unsigned tag, uint64_t value)
{
	char bytes[8];
	size_t len = 1;

	le_put(bytes, value, sizeof(bytes));
	while (len < 8 && value >> (8 * len))
		len++;
	return put_bytes(out, tag, bytes, len);
}

size_t
state_size(const struct conn_state *s)
{
	return STATE_FIXED_MAX + s->subscriptions.len + s->queue_len;
}

size_t
state_encode(char *out, const struct conn_state *s)
{
	char *at = out;

	at = put_bytes(at, TAG_ID, s->id, strlen(s->id));
	at = put_bytes(at, TAG_TOKEN, s->token, sizeof(s->token));
	at = put_number(at, TAG_PEER_FAMILY, s->peer.family);
	at = put_bytes(at, TAG_PEER_ADDRESS, s->peer.bytes, sizeof(s->peer.bytes));
	at = put_number(at, TAG_PEER_PORT, s->peer.port);
#define STATE_NUMBER(tag, type, name, most, member) at = put_number(at, tag, s->name);
#define STATE_SINCE(tag, name, member)              at = put_number(at, tag, s->name);
#define STATE_UNTIL(tag, name, member)              at = put_number(at, tag, s->name);
#define STATE_SECOND(tag, name, member)             at = put_number(at, tag, s->name);
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	if (s->user[0] != '\0')
		at = put_bytes(at, TAG_USER, s->user, strlen(s->user));
	CHECK(at - out <= STATE_FIXED_MAX - 2 * FIELD_HEAD);
	if (s->subscriptions.len > 0)
		at = put_bytes(at, TAG_SUBSCRIPTIONS, s->subscriptions.at, s->subscriptions.len);
	if (s->queue_len > 0)
		at = put_bytes(at, TAG_QUEUE, s->queue, s->queue_len);
	return (size_t)(at - out);
}

enum subscription_flag { SUBSCRIPTION_JOIN_LEAVE = 1, SUBSCRIPTION_MISSED = 2 };

#define SUBSCRIPTION_HEAD (STATE_SUBSCRIPTION_MAX - STATE_CHANNEL_MAX)

size_t
state_put_subscription(char *out, const struct state_subscription *s)
{
	CHECK(s->channel.len <= STATE_CHANNEL_MAX);
	out[0] = (char)((s->join_leave ? SUBSCRIPTION_JOIN_LEAVE : 0) | (s->missed ? SUBSCRIPTION_MISSED : 0));
	memcpy(out + 1, s->epoch, STATE_EPOCH_LEN);
	le_put(out + 9, s->offset, 8);
	out[17] = (char)s->channel.len;
	memcpy(out + SUBSCRIPTION_HEAD, s->channel.at, s->channel.len);
	return SUBSCRIPTION_HEAD + s->channel.len;
}

size_t
state_encode_session(char *out, const struct session_state *s)
{
	char *at = out + 4;

	at = put_bytes(at, TAG_ID, s->id, strlen(s->id));
	at = put_bytes(at, TAG_TOKEN, s->token, sizeof(s->token));
	at = put_number(at, TAG_COUNT, s->count);
	at = put_number(at, TAG_EXPIRES_IN, s->expires_in_ms);
	le_put(out, (uint64_t)(at - out - 4), 4);
	return (size_t)(at - out);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct field {
	unsigned tag;
	const char *value;
	size_t len;
};

/* WSD_OK, WSD_E_CLOSED at the end, WSD_E_MALFORMED. */
static int
next_field(struct field *f, const char **data, size_t *len)
{
	if (*len == 0)
		return WSD_E_CLOSED;
	if (*len < FIELD_HEAD)
		return WSD_E_MALFORMED;
	f->tag = (unsigned char)**data;
	f->len = (size_t)le_get(*data + 1, 4);
	if (f->len > *len - FIELD_HEAD)
		return WSD_E_MALFORMED;
	f->value = *data + FIELD_HEAD;
	*data += FIELD_HEAD + f->len;
	*len -= FIELD_HEAD + f->len;
	return WSD_OK;
}

static int
take_id(char *out, const struct field *f)
{
	if (!name_is_connection_id((struct slice){ f->value, f->len }))
		return WSD_E_MALFORMED;
	memcpy(out, f->value, f->len);
	out[f->len] = '\0';
	return WSD_OK;
}

static int
take_bytes(uint8_t *out, size_t size, const struct field *f)
{
	if (f->len != size)
		return WSD_E_MALFORMED;
	memcpy(out, f->value, size);
	return WSD_OK;
}

static int
take_number(uint64_t *out, uint64_t most, const struct field *f)
{
	if (f->len < 1 || f->len > 8)
		return WSD_E_MALFORMED;
	*out = le_get(f->value, f->len);
	return *out <= most ? WSD_OK : WSD_E_MALFORMED;
}

static int
take_text(char *out, size_t most, const struct field *f)
{
	if (f->len > most || memchr(f->value, '\0', f->len))
		return WSD_E_MALFORMED;
	memcpy(out, f->value, f->len);
	out[f->len] = '\0';
	return WSD_OK;
}

int
state_next_subscription(struct slice *list, struct state_subscription *out)
{
	size_t len;

	if (list->len == 0)
		return WSD_E_CLOSED;
	if (list->len < SUBSCRIPTION_HEAD)
		return WSD_E_MALFORMED;
	len = (unsigned char)list->at[17];
	if (list->len - SUBSCRIPTION_HEAD < len)
		return WSD_E_MALFORMED;
	*out = (struct state_subscription){
		.channel = { list->at + SUBSCRIPTION_HEAD, len },
		.offset = le_get(list->at + 9, 8),
		.join_leave = list->at[0] & SUBSCRIPTION_JOIN_LEAVE,
		.missed = list->at[0] & SUBSCRIPTION_MISSED,
	};
	memcpy(out->epoch, list->at + 1, STATE_EPOCH_LEN);
	list->at += SUBSCRIPTION_HEAD + len;
	list->len -= SUBSCRIPTION_HEAD + len;
	return WSD_OK;
}

static int
take_subscriptions(struct slice *out, const struct field *f)
{
	struct slice rest = { f->value, f->len };
	struct state_subscription one;
	int rc;

	*out = rest;
	while ((rc = state_next_subscription(&rest, &one)) == WSD_OK)
		;
	return rc == WSD_E_CLOSED ? WSD_OK : rc;
}

#define DURATION_MOST (1ull << 50) /* ms; far beyond any, so that sums cannot wrap */
#define REAL_MOST     (1ull << 60)

static int
take_field(struct conn_state *s, const struct field *f)
{
	uint64_t n = 0;
	int rc;

	switch (f->tag) {
	case TAG_ID:
		return take_id(s->id, f);
	case TAG_TOKEN:
		return take_bytes(s->token, sizeof(s->token), f);
	case TAG_PEER_FAMILY:
		rc = take_number(&n, ADDR_V6, f);
		s->peer.family = (uint8_t)n;
		return rc;
	case TAG_PEER_ADDRESS:
		return take_bytes(s->peer.bytes, sizeof(s->peer.bytes), f);
	case TAG_PEER_PORT:
		rc = take_number(&n, UINT16_MAX, f);
		s->peer.port = (uint16_t)n;
		return rc;
#define STATE_NUMBER(tag, type, name, most, member) \
	case tag: \
		rc = take_number(&n, most, f); \
		s->name = (type)n; \
		return rc;
#define STATE_MOMENT(tag, name, most) \
	case tag: \
		return take_number(&s->name, most, f);
#define STATE_SINCE(tag, name, member)  STATE_MOMENT(tag, name, DURATION_MOST)
#define STATE_UNTIL(tag, name, member)  STATE_MOMENT(tag, name, DURATION_MOST)
#define STATE_SECOND(tag, name, member) STATE_MOMENT(tag, name, REAL_MOST)
#include "proto/state.def"
#undef STATE_NUMBER
#undef STATE_MOMENT
#undef STATE_SINCE
#undef STATE_UNTIL
#undef STATE_SECOND
	case TAG_QUEUE:
		s->queue = f->value;
		s->queue_len = f->len;
		return WSD_OK;
	case TAG_USER:
		return take_text(s->user, SUBJECT_MAX, f);
	case TAG_SUBSCRIPTIONS:
		return take_subscriptions(&s->subscriptions, f);
	default: /* of a newer sender */
		return f->tag < STATE_MUST_KNOW ? WSD_OK : WSD_E_UNSUPPORTED;
	}
}

int
state_decode(struct conn_state *out, const char *data, size_t len)
{
	bool token = false;
	struct field f;
	int rc;

	memset(out, 0, sizeof(*out));
	while ((rc = next_field(&f, &data, &len)) == WSD_OK) {
		rc = take_field(out, &f);
		if (rc != WSD_OK)
			return rc;
		token = token || f.tag == TAG_TOKEN;
	}
	if (rc != WSD_E_CLOSED || out->id[0] == '\0' || !token || out->count_at_open > out->count)
		return WSD_E_MALFORMED;
	return WSD_OK;
}

static int
take_session_field(struct session_state *s, const struct field *f)
{
	switch (f->tag) {
	case TAG_ID:
		return take_id(s->id, f);
	case TAG_TOKEN:
		return take_bytes(s->token, sizeof(s->token), f);
	case TAG_COUNT:
		return take_number(&s->count, UINT64_MAX, f);
	case TAG_EXPIRES_IN:
		return take_number(&s->expires_in_ms, DURATION_MOST, f);
	default:
		return WSD_OK;
	}
}

int
state_decode_session(struct session_state *out, const char *data, size_t len, size_t *used)
{
	bool token = false;
	struct field f;
	size_t size;
	int rc;

	*used = 0;
	if (len == 0)
		return WSD_E_CLOSED;
	if (len < 4 || (size = (size_t)le_get(data, 4)) > len - 4)
		return WSD_E_MALFORMED;
	*used = 4 + size;
	data += 4;
	memset(out, 0, sizeof(*out));
	while ((rc = next_field(&f, &data, &size)) == WSD_OK) {
		rc = take_session_field(out, &f);
		if (rc != WSD_OK)
			return rc;
		token = token || f.tag == TAG_TOKEN;
	}
	return rc == WSD_E_CLOSED && out->id[0] != '\0' && token ? WSD_OK : WSD_E_MALFORMED;
}
