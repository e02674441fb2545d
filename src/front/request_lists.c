/* SPDX-License-Identifier: MIT */
/*
 * The lists that a handshake may bring: subprotocols and extensions (RFC 6455, 4.3). We may take up nothing of
 * them, but must refuse one that is malformed (4.2.1, 9.1). Pure; any thread.
 */
#include "front/request_priv.h"

static bool
next_is(const struct slice *s, char c)
{
	return s->len > 0 && s->at[0] == c;
}

static void
skip(struct slice *s, size_t n)
{
	s->at += n;
	s->len -= n;
}

static void
skip_blanks(struct slice *s)
{
	while (next_is(s, ' ') || next_is(s, '\t'))
		skip(s, 1);
}

static bool
take(struct slice *s, char c)
{
	if (!next_is(s, c))
		return false;
	skip(s, 1);
	return true;
}

static bool
take_token(struct slice *s)
{
	size_t before = s->len;

	while (s->len > 0 && request_is_token(s->at[0]))
		skip(s, 1);
	return s->len < before;
}

/* What is quoted must be a token, too, when the quotes are gone (9.1). */
static bool
take_quoted(struct slice *s)
{
	size_t before;

	if (!take(s, '"'))
		return false;
	before = s->len;
	while (s->len > 0) {
		if (s->len < before && take(s, '"'))
			return true;
		take(s, '\\');
		if (s->len == 0 || !request_is_token(s->at[0]))
			return false;
		skip(s, 1);
	}
	return false;
}

/* name, or name=value */
static bool
take_param(struct slice *s)
{
	skip_blanks(s);
	if (!take_token(s))
		return false;
	skip_blanks(s);
	if (!take(s, '='))
		return true;
	skip_blanks(s);
	return take_token(s) || take_quoted(s);
}

static bool
take_element(struct slice *s, bool with_params)
{
	if (!take_token(s))
		return false;
	skip_blanks(s);
	while (with_params && take(s, ';')) {
		if (!take_param(s))
			return false;
		skip_blanks(s);
	}
	return true;
}

bool
request_valid_list(struct slice list, bool with_params)
{
	bool any = false;

	do {
		skip_blanks(&list);
		if (list.len == 0 || next_is(&list, ','))
			continue; /* empty elements mean nothing: RFC 9110, 5.6.1.2 */
		if (!take_element(&list, with_params))
			return false;
		any = true;
	} while (take(&list, ','));
	return any && list.len == 0;
}
