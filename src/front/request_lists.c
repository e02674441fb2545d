/* SPDX-License-Identifier: MIT */
/*
 * The lists that a handshake may bring: subprotocols and extensions (RFC 6455, 4.3). We may take up nothing of
 * them, but must refuse one that is malformed (4.2.1, 9.1). Several lines are one list (11.3.2, 11.3.4), so that one of
 * them may be empty. Pure; any thread.
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

	while (s->len > 0 && ascii_is_token(s->at[0]))
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
		if (s->len == 0 || !ascii_is_token(s->at[0]))
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

void
request_add_line(struct request_elements *elements, struct slice line, bool with_params)
{
	do {
		skip_blanks(&line);
		if (line.len == 0 || next_is(&line, ','))
			continue; /* empty elements mean nothing: RFC 9110, 5.6.1.2 */
		if (!take_element(&line, with_params)) {
			elements->malformed = true;
			return;
		}
		elements->n++;
	} while (take(&line, ','));
	elements->malformed |= line.len > 0;
}

bool
request_valid_list(const struct request_elements *elements, unsigned lines)
{
	return !elements->malformed && (elements->n > 0 || lines == 0);
}

bool
request_next(const struct request_list *list, struct request_place *place, struct slice *element)
{
	while (place->line < list->n_lines && place->line < REQUEST_LINES_MAX) {
		const struct slice *line = &list->lines[place->line];
		struct slice rest = { line->at + place->at, line->len - place->at };

		if (!slice_cut(&rest, ',', element)) {
			*place = (struct request_place){ .line = place->line + 1 };
			continue;
		}
		place->at = line->len - rest.len;
		*element = slice_trim(*element);
		if (element->len > 0)
			return true;
	}
	return false;
}
