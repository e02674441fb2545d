/* SPDX-License-Identifier: MIT */
/*
 * The JSON scanner. What is open is kept in a word of bits, one a level, so that neither the C stack nor the
 * heap grows with what a client sends. Pure; any thread.
 */
#include "proto/json_scan.h"

#include "base/hex.h"
#include "proto/word.h"

static const char not_json[] = "not valid JSON";
static const char too_deep[] = "nested too deeply";

static inline const char *
skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	return at;
}

const char *
json_scan_space(const char *at, const char *end)
{
	return skip_space(at, end);
}

/* at: the backslash. */
static const char *
scan_escape(const char *at, const char *end)
{
	if (end - at < 2)
		return NULL;
	switch (at[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at + 2;
	case 'u':
		if (end - at < 6)
			return NULL;
		for (int i = 2; i < 6; i++)
			if (hex_value(at[i]) < 0)
				return NULL;
		return at + 6;
	default:
		return NULL;
	}
}

/* The next quote, backslash or control character, or end. */
static inline const char *
find_special(const char *at, const char *end)
{
	while (end - at >= WORD_SIZE) {
		uint64_t word = word_load(at);
		uint64_t special = word_equal(word, '"') | word_equal(word, '\\') | word_below(word, 0x20);

		if (special)
			return at + word_first(special);
		at += WORD_SIZE;
	}
	while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
		at++;
	return at;
}

static inline const char *
scan_string(const char *at, const char *end)
{
	for (at++;;) {
		at = find_special(at, end);
		if (at == end)
			return NULL;
		if (*at == '"')
			return at + 1;
		if (*at != '\\')
			return NULL;
		at = scan_escape(at, end);
		if (!at)
			return NULL;
	}
}

const char *
json_scan_string(const char *at, const char *end)
{
	return scan_string(at, end);
}

static inline bool
digit_at(const char *at, const char *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

/* One digit or more. */
static const char *
scan_digits(const char *at, const char *end)
{
	if (!digit_at(at, end))
		return NULL;
	while (digit_at(at, end))
		at++;
	return at;
}

static const char *
scan_number(const char *at, const char *end)
{
	if (*at == '-')
		at++;
	if (at < end && *at == '0')
		at++; /* no digit may follow: whoever looks next finds it out of place */
	else
		at = scan_digits(at, end);
	if (at && at < end && *at == '.')
		at = scan_digits(at + 1, end);
	if (at && at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at = scan_digits(at, end);
	}
	return at;
}

static const char *
scan_literal(const char *at, const char *end, const char *literal, size_t len)
{
	if ((size_t)(end - at) < len || memcmp(at, literal, len) != 0)
		return NULL;
	return at + len;
}

static inline const char *
scan_scalar(const char *at, const char *end)
{
	switch (*at) {
	case '"':
		return scan_string(at, end);
	case 't':
		return scan_literal(at, end, "true", 4);
	case 'f':
		return scan_literal(at, end, "false", 5);
	case 'n':
		return scan_literal(at, end, "null", 4);
	default:
		return *at == '-' || digit_at(at, end) ? scan_number(at, end) : NULL;
	}
}

/* A member's name and what stands before its value. */
static const char *
scan_name(const char *at, const char *end)
{
	if (at == end || *at != '"')
		return NULL;
	at = scan_string(at, end);
	if (!at)
		return NULL;
	at = skip_space(at, end);
	if (at == end || *at != ':')
		return NULL;
	return skip_space(at + 1, end);
}

/* What is open, innermost in the lowest bit: 1 for an object, 0 for an array. */
struct open_levels {
	uint64_t objects;
	unsigned depth;
};

static inline bool
in_object(const struct open_levels *open)
{
	return open->objects & 1;
}

static inline bool
closes(const struct open_levels *open, char c)
{
	return c == (in_object(open) ? '}' : ']');
}

/*
 * Behind a value: closes what ends there and goes on to the next value, if any is due. With open->depth 0,
 * all is closed.
 */
static const char *
scan_after_value(const char *at, const char *end, struct open_levels *open)
{
	while (open->depth > 0) {
		at = skip_space(at, end);
		if (at == end)
			return NULL;
		if (*at == ',') {
			at = skip_space(at + 1, end);
			return in_object(open) ? scan_name(at, end) : at;
		}
		if (!closes(open, *at))
			return NULL;
		at++;
		open->objects >>= 1;
		open->depth--;
	}
	return at;
}

const char *
json_scan_value(const char *at, const char *end, unsigned depth_max, const char **why)
{
	struct open_levels open = { 0, 0 };

	*why = not_json;
	do {
		if (at == end)
			return NULL;
		if (*at == '{' || *at == '[') {
			if (open.depth == depth_max) {
				*why = too_deep;
				return NULL;
			}
			open.objects = open.objects << 1 | (*at == '{');
			open.depth++;
			at = skip_space(at + 1, end);
			if (at == end)
				return NULL;
			if (!closes(&open, *at)) {
				if (in_object(&open))
					at = scan_name(at, end);
				continue;
			}
		} else {
			at = scan_scalar(at, end);
			if (!at)
				return NULL;
		}
		at = scan_after_value(at, end, &open);
	} while (at && open.depth > 0);
	return at;
}

/* at: the closing brace, behind which nothing may follow. */
static inline const char *
walk_end(struct json_walk *w, const char *at)
{
	w->why = skip_space(at + 1, w->end) == w->end ? NULL : not_json;
	return NULL;
}

/* To where the next member's name is due; NULL: there is none, which is right if w->why is NULL then. */
static inline const char *
walk_on(struct json_walk *w)
{
	const char *at = skip_space(w->at, w->end), *end = w->end;

	w->why = w->inside ? not_json : "not a JSON object";
	if (at == end || (!w->inside && *at != '{'))
		return NULL;
	w->why = not_json;
	if (w->inside && *at == '}')
		return walk_end(w, at);
	if (w->inside && *at != ',')
		return NULL;
	at = skip_space(at + 1, end);
	if (!w->inside && at < end && *at == '}')
		return walk_end(w, at);
	w->inside = true;
	return at;
}

int
json_walk(struct json_walk *w, unsigned depth_max, struct slice *name, struct slice *value)
{
	const char *at = walk_on(w), *end = w->end, *behind;

	if (!at)
		return w->why ? -1 : 0;
	if (at == end || *at != '"')
		return -1;
	behind = scan_string(at, end);
	if (!behind)
		return -1;
	*name = (struct slice){ at, (size_t)(behind - at) };
	at = skip_space(behind, end);
	if (at == end || *at != ':')
		return -1;
	at = skip_space(at + 1, end);
	behind = json_scan_value(at, end, depth_max, &w->why);
	if (!behind)
		return -1;
	*value = (struct slice){ at, (size_t)(behind - at) };
	w->at = behind;
	return 1;
}

/* What the escape at at stands for, and the place behind it; of a surrogate, one half. */
static unsigned
decode_escape(const char **at)
{
	static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *c = *at + 1, *name;
	unsigned value = 0;

	if (*c == 'u') {
		for (int i = 1; i <= 4; i++)
			value = value << 4 | (unsigned)hex_value(c[i]);
		*at = c + 5;
		return value;
	}
	*at = c + 1;
	name = strchr(names, *c);
	return name ? (unsigned char)values[name - names] : (unsigned char)*c;
}

bool
json_string_equal(struct slice raw, const char *ascii, size_t len)
{
	const char *at = raw.at + 1, *end = raw.at + raw.len - 1;
	size_t i = 0;

	if ((size_t)(end - at) == len && memcmp(at, ascii, len) == 0)
		return true;
	if ((size_t)(end - at) <= len) /* escapes only make it longer */
		return false;
	while (at < end && i < len) {
		unsigned c = *at == '\\' ? decode_escape(&at) : (unsigned char)*at++;

		if (c != (unsigned char)ascii[i++])
			return false;
	}
	return at == end && i == len;
}

/* The character at at, which is an escape, or two; 0x110000: half of one. */
static uint32_t
decode_character(const char **at, const char *end)
{
	uint32_t c = decode_escape(at), low;

	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0x110000;
	low = decode_escape(at);
	return low < 0xdc00 || low > 0xdfff ? 0x110000 : 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static size_t
put_utf8(char out[4], uint32_t c)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (len == 1) {
		*out = (char)c;
		return 1;
	}
	for (size_t i = len; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	*out = (char)((0xf00u >> len) | c);
	return len;
}

size_t
json_string_text(struct slice raw, char *out, size_t room)
{
	const char *at = raw.at + 1, *end = raw.at + raw.len - 1;
	size_t len = 0;

	while (at < end) {
		char character[4];
		size_t n = 1;

		if (*at == '\\') {
			uint32_t c = decode_character(&at, end);

			if (c > 0x10ffff)
				return JSON_NO_TEXT;
			n = put_utf8(character, c);
		} else {
			character[0] = *at++;
		}
		if (room - len < n)
			return JSON_NO_TEXT;
		memcpy(out + len, character, n);
		len += n;
	}
	return len;
}
