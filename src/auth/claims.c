/* SPDX-License-Identifier: MIT */
/*
 * The JSON of tokens. A name that matters must not stand there twice: which of two counts differs between readers
 * (RFC 7519, 4), and one of them checks the signature. Pure; any thread.
 */
#include "auth/auth_priv.h"

#include "proto/json_scan.h"
#include "proto/utf8.h"

#define DEPTH_MAX    16                /* within the object */
#define DATE_END_MS  1000000000000000u /* 10^12 s: in the year 33658 */
#define EXPONENT_MAX 10000             /* more than all digits of a token can make up for */

/* A name and where its value goes. */
struct member {
	const char *name;
	struct slice *raw;
};

static const struct member *
find_member(const struct member *members, struct slice name)
{
	for (; members->name; members++)
		if (json_string_equal(name, members->name, strlen(members->name)))
			return members;
	return NULL;
}

/* The whole text: one object and nothing else. members ends with a NULL name. */
static bool
read_object(struct slice json, const struct member *members)
{
	struct json_walk walk = { .at = json.at, .end = json.at + json.len };
	struct slice name, value;
	int more;

	if (!utf8_valid(json.at, json.len))
		return false;
	while ((more = json_walk(&walk, DEPTH_MAX, &name, &value)) > 0) {
		const struct member *member = find_member(members, name);

		if (member && member->raw->len > 0)
			return false; /* there is one already */
		if (member)
			*member->raw = value;
	}
	return more == 0;
}

bool
claims_read_head(struct token_head *out, struct slice json)
{
	const struct member members[] = {
		{ "alg", &out->alg },
		{ "typ", &out->typ },
		{ "crit", &out->crit },
		{ NULL, NULL },
	};

	*out = (struct token_head){ .alg.len = 0 };
	return read_object(json, members);
}

bool
claims_read(struct token_claims *out, struct slice json)
{
	const struct member members[] = {
		{ "exp", &out->exp },
		{ "nbf", &out->nbf },
		{ "iat", &out->iat },
		{ "sub", &out->sub },
		{ "iss", &out->iss },
		{ "aud", &out->aud },
		{ "connection_id", &out->connection_id },
		{ NULL, NULL },
	};

	*out = (struct token_claims){ .exp.len = 0 };
	return read_object(json, members);
}

/* digits * 10^scale */
struct decimal {
	uint64_t digits;
	int scale;
};

/* Digits that say nothing of a date any more are left out. */
static const char *
take_digits(const char *at, const char *end, struct decimal *d, bool fraction)
{
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		bool room = d->digits < DATE_END_MS;

		if (room)
			d->digits = d->digits * 10 + (uint64_t)(*at - '0');
		if (room && fraction)
			d->scale--;
		else if (!room && !fraction)
			d->scale++;
	}
	return at;
}

/* at: behind the e. */
static const char *
take_exponent(const char *at, const char *end, struct decimal *d)
{
	bool negative = at < end && *at == '-';
	int value = 0;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (value < EXPONENT_MAX)
			value = value * 10 + (*at - '0');
	d->scale += negative ? -value : value;
	return at;
}

/* In the unit of 10^0, as far as it is below DATE_END_MS. */
static bool
settle(struct decimal *d)
{
	for (; d->scale < 0 && d->digits > 0; d->scale++)
		d->digits /= 10;
	for (; d->scale > 0 && d->digits > 0 && d->digits < DATE_END_MS; d->scale--)
		d->digits *= 10;
	return d->digits < DATE_END_MS;
}

bool
claims_date(uint64_t *out_ms, struct slice raw)
{
	const char *at = raw.at, *end, *first;
	struct decimal d = { .scale = 3 };
	bool negative;

	*out_ms = 0;
	if (raw.len == 0)
		return false;
	end = at + raw.len;
	negative = *at == '-';
	at += negative;
	first = at;
	at = take_digits(at, end, &d, false);
	if (at == first)
		return false; /* a string */
	if (at < end && *at == '.')
		at = take_digits(at + 1, end, &d, true);
	if (at < end && (*at == 'e' || *at == 'E'))
		at = take_exponent(at + 1, end, &d);
	if (at != end || (negative && d.digits > 0) || !settle(&d))
		return false;
	*out_ms = d.digits;
	return true;
}

bool
claims_string(struct slice raw)
{
	return raw.len > 0 && raw.at[0] == '"';
}

bool
claims_has(struct slice raw, const char *text, bool list)
{
	const char *at, *end, *why;

	if (claims_string(raw))
		return json_string_equal(raw, text, strlen(text));
	if (!list || raw.len == 0 || raw.at[0] != '[')
		return false;
	at = raw.at;
	end = raw.at + raw.len;
	for (at = json_scan_space(at + 1, end); *at != ']';) {
		const char *start = at;

		at = json_scan_value(at, end, DEPTH_MAX, &why);
		if (!at)
			return false;
		if (claims_has((struct slice){ start, (size_t)(at - start) }, text, false))
			return true;
		at = json_scan_space(at, end);
		if (*at == ',')
			at = json_scan_space(at + 1, end);
	}
	return false;
}
