/* SPDX-License-Identifier: MIT */
/* Messages to the client about channels. */
#include "proto/reply_channel.h"

#include "base/clock.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"

static void
put_text(struct text *t, const char *text)
{
	text_put(t, text, strlen(text));
}

static void
put_type(struct text *t, const char *type)
{
	TEXT_PUT(t, "{\"type\":\"");
	put_text(t, type);
	TEXT_PUT(t, "\"");
}

static void
put_channel(struct text *t, struct slice channel)
{
	if (channel.len == 0)
		return;
	TEXT_PUT(t, ",\"channel\":\"");
	text_put_slice(t, channel);
	TEXT_PUT(t, "\"");
}

static void
put_position(struct text *t, const struct reply_channel *r)
{
	TEXT_PUT(t, ",\"epoch\":\"");
	put_text(t, r->epoch);
	TEXT_PUT(t, "\",\"offset\":");
	text_put_u64(t, r->offset);
}

static void
put_timestamp(struct text *t, const char *timestamp)
{
	TEXT_PUT(t, ",\"timestamp\":\"");
	text_put(t, timestamp, CLOCK_ISO8601_LEN);
	TEXT_PUT(t, "\"");
}

/* And the end. */
static void
put_id(struct text *t, const struct reply_channel *r)
{
	put_timestamp(t, r->timestamp);
	if (r->id.len > 0) {
		TEXT_PUT(t, ",\"id\":");
		text_put_slice(t, r->id);
	}
	TEXT_PUT(t, "}");
}

static void
put_who(struct text *t, const struct reply_who *who)
{
	TEXT_PUT(t, "{\"client\":");
	text_put_string(t, who->client);
	TEXT_PUT(t, ",\"user\":");
	text_put_string(t, who->user);
	if (who->conn_info.len > 0) {
		TEXT_PUT(t, ",\"connInfo\":");
		text_put_slice(t, who->conn_info);
	}
	if (who->chan_info.len > 0) {
		TEXT_PUT(t, ",\"chanInfo\":");
		text_put_slice(t, who->chan_info);
	}
	TEXT_PUT(t, "}");
}

/* ---- publications ---------------------------------------------------------------------------- */

/* Backends publish whatever they like, and nobody else looked at it. */
static bool
is_json(struct slice data)
{
	const char *end = data.at + data.len, *at, *why;

	if (data.len == 0 || !utf8_valid(data.at, data.len))
		return false;
	at = json_scan_space(data.at, end);
	at = json_scan_value(at, end, JSON_SCAN_DEPTH_MAX, &why);
	return at && json_scan_space(at, end) == end;
}

static void
put_data(struct text *t, struct slice data)
{
	if (is_json(data)) {
		TEXT_PUT(t, "\"data\":");
		text_put_slice(t, data);
	} else {
		TEXT_PUT(t, "\"b64data\":");
		text_put_base64(t, data);
	}
}

/* From its data on, to the end. */
static void
put_publication(struct text *t, const struct reply_publication *p)
{
	char timestamp[CLOCK_ISO8601_LEN];

	put_data(t, p->data);
	TEXT_PUT(t, ",\"offset\":");
	text_put_u64(t, p->offset);
	TEXT_PUT(t, ",\"epoch\":\"");
	text_put_slice(t, p->epoch);
	TEXT_PUT(t, "\"");
	if (p->from.client.len > 0) {
		TEXT_PUT(t, ",\"from\":");
		put_who(t, &p->from);
	}
	if (p->tags.len > 0) {
		TEXT_PUT(t, ",\"tags\":");
		text_put_slice(t, p->tags);
	}
	clock_iso8601(timestamp, p->time_ms);
	put_timestamp(t, timestamp);
	TEXT_PUT(t, "}");
}

void
reply_publication(struct text *t, struct slice channel, const struct reply_publication *p)
{
	put_type(t, "publication");
	put_channel(t, channel);
	TEXT_PUT(t, ",");
	put_publication(t, p);
}

void
reply_message(struct text *t, struct slice data, const char *timestamp)
{
	put_type(t, "message");
	TEXT_PUT(t, ",\"data\":");
	text_put_slice(t, data);
	put_timestamp(t, timestamp);
	TEXT_PUT(t, "}");
}

void
reply_publications_begin(struct text *t, const char *type, struct slice channel)
{
	put_type(t, type);
	put_channel(t, channel);
	TEXT_PUT(t, ",\"publications\":[");
}

static void
put_comma(struct text *t)
{
	if (t->len > 0 && t->at[t->len - 1] != '[')
		TEXT_PUT(t, ",");
}

void
reply_publications_add(struct text *t, const struct reply_publication *p)
{
	put_comma(t);
	TEXT_PUT(t, "{");
	put_publication(t, p);
}

void
reply_publications_subscribed(struct text *t, const struct reply_channel *r, bool recovered)
{
	TEXT_PUT(t, "]");
	put_position(t, r);
	put_text(t, recovered ? ",\"recovered\":true" : ",\"recovered\":false");
	put_id(t, r);
}

void
reply_publications_history(struct text *t, const struct reply_channel *r)
{
	TEXT_PUT(t, "]");
	put_position(t, r);
	put_id(t, r);
}

/* ---- presence -------------------------------------------------------------------------------- */

void
reply_presence_begin(struct text *t, struct slice channel)
{
	put_type(t, "presence");
	put_channel(t, channel);
	TEXT_PUT(t, ",\"clients\":[");
}

void
reply_presence_add(struct text *t, const struct reply_who *who)
{
	put_comma(t);
	put_who(t, who);
}

void
reply_presence_end(struct text *t, const struct reply_channel *r)
{
	TEXT_PUT(t, "]");
	put_id(t, r);
}

static void
put_change(struct text *t, const char *type, const struct reply_channel *r, const struct reply_who *who)
{
	put_type(t, type);
	put_channel(t, r->channel);
	TEXT_PUT(t, ",\"info\":");
	put_who(t, who);
	put_id(t, r);
}

void
reply_joined(struct text *t, const struct reply_channel *r, const struct reply_who *who)
{
	put_change(t, "joined", r, who);
}

void
reply_left(struct text *t, const struct reply_channel *r, const struct reply_who *who)
{
	put_change(t, "left", r, who);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void
put_positioned(struct text *t, const char *type, const struct reply_channel *r)
{
	put_type(t, type);
	put_channel(t, r->channel);
	put_position(t, r);
	put_id(t, r);
}

void
reply_published(struct text *t, const struct reply_channel *r)
{
	put_positioned(t, "published", r);
}

void
reply_gap(struct text *t, const struct reply_channel *r)
{
	put_positioned(t, "gap", r);
}

void
reply_unsubscribed(struct text *t, const struct reply_channel *r, unsigned code, const char *reason)
{
	put_type(t, "unsubscribed");
	put_channel(t, r->channel);
	TEXT_PUT(t, ",\"code\":");
	text_put_u64(t, code);
	TEXT_PUT(t, ",\"reason\":\"");
	put_text(t, reason);
	TEXT_PUT(t, "\"");
	put_id(t, r);
}

void
reply_channel_error(struct text *t, const struct reply_channel *r, const char *code, const char *why)
{
	put_type(t, "error");
	TEXT_PUT(t, ",\"code\":\"");
	put_text(t, code);
	TEXT_PUT(t, "\",\"message\":\"");
	put_text(t, why);
	TEXT_PUT(t, "\"");
	put_channel(t, r->channel);
	put_id(t, r);
}
