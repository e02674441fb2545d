/* SPDX-License-Identifier: MIT */
/* Files of variables, read in one pass. */
#include "conf/env_file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct variable {
	struct variable *next;
	char *value; /* behind the name, in the same block */
	char name[];
};

struct env_file {
	struct variable *last; /* newest first, so that the first found is the one that counts */
};

struct scan {
	const char *at, *end;
	unsigned line;
	char *out; /* where the value goes; never longer than its source */
	size_t len;
	size_t keep; /* blanks before this are not trailing ones */
};

static bool
ends_line(int c)
{
	return c == '\n' || c == '\r';
}

static bool
is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static int
next_char(struct scan *s)
{
	if (s->at == s->end)
		return -1;
	if (*s->at == '\n')
		s->line++;
	return (unsigned char)*s->at++;
}

static void
put(struct scan *s, int c)
{
	s->out[s->len++] = (char)c;
	s->keep = s->len;
}

static int
read_single(struct scan *s)
{
	int c;

	while ((c = next_char(s)) != '\'') {
		if (c <= 0)
			return WSD_E_MALFORMED;
		put(s, c);
	}
	s->keep = s->len;
	return WSD_OK;
}

static int
read_double(struct scan *s)
{
	int c;

	while ((c = next_char(s)) != '"') {
		if (c == '\\') {
			c = next_char(s);
			if (c == '\n')
				continue;
			if (c > 0 && !strchr("\"\\`$", c))
				put(s, '\\');
		}
		if (c <= 0)
			return WSD_E_MALFORMED;
		put(s, c);
	}
	s->keep = s->len;
	return WSD_OK;
}

static int
read_escape(struct scan *s)
{
	int c = next_char(s);

	if (c <= 0)
		return WSD_E_MALFORMED;
	if (!ends_line(c))
		put(s, c);
	s->keep = s->len;
	return WSD_OK;
}

/*
 * To the end of the line. First come quoted parts, and blanks around them are dropped; from the first other
 * character on quotes are nothing special, and blanks stay unless they are the last.
 */
static int
read_value(struct scan *s)
{
	bool plain = false;
	int rc = WSD_OK, c;

	while (rc == WSD_OK && (c = next_char(s)) != -1 && !ends_line(c)) {
		if (c == 0) {
			rc = WSD_E_MALFORMED;
		} else if (c == '\'' && !plain) {
			rc = read_single(s);
		} else if (c == '"' && !plain) {
			rc = read_double(s);
		} else if (c == '\\') {
			rc = read_escape(s);
			plain = true;
		} else if (!is_blank(c)) {
			put(s, c);
			plain = true;
		} else if (plain) {
			s->out[s->len++] = (char)c; /* kept only if something follows */
		}
	}
	s->out[s->keep] = '\0';
	return rc;
}

static size_t
name_length(const struct scan *s)
{
	size_t len = 0, room = (size_t)(s->end - s->at);

	while (len < room && (isalnum((unsigned char)s->at[len]) || s->at[len] == '_'))
		len++;
	return len > 0 && !isdigit((unsigned char)s->at[0]) ? len : 0;
}

static int
read_variable(struct env_file *file, struct scan *s)
{
	size_t len = name_length(s), rest = (size_t)(s->end - s->at) - len;
	struct variable *v;
	int rc;

	if (len == 0 || rest == 0 || s->at[len] != '=')
		return WSD_E_MALFORMED;
	v = malloc(sizeof(*v) + len + 1 + rest + 1);
	if (!v)
		return -ENOMEM;
	memcpy(v->name, s->at, len);
	v->name[len] = '\0';
	v->value = s->out = v->name + len + 1;
	s->len = s->keep = 0;
	s->at += len + 1;
	rc = read_value(s);
	v->next = file->last;
	file->last = v;
	return rc;
}

static void
skip_line(struct scan *s)
{
	int c;

	while ((c = next_char(s)) != -1 && !ends_line(c))
		;
}

int
env_file_parse(struct env_file **out, const char *text, size_t len, unsigned *line)
{
	struct scan s = { .at = text, .end = text + len, .line = 1 };
	struct env_file *file = calloc(1, sizeof(*file));
	int rc = file ? WSD_OK : -ENOMEM;

	*line = 1;
	while (rc == WSD_OK && s.at < s.end) {
		*line = s.line;
		if (*s.at == '#' || *s.at == ';')
			skip_line(&s);
		else if (is_blank(*s.at) || ends_line(*s.at))
			next_char(&s);
		else
			rc = read_variable(file, &s);
	}
	if (rc != WSD_OK)
		env_file_destroy(&file);
	*out = file;
	return rc;
}

const char *
env_file_get(const struct env_file *file, const char *name)
{
	for (const struct variable *v = file->last; v; v = v->next)
		if (strcmp(v->name, name) == 0)
			return v->value;
	return NULL;
}

void
env_file_destroy(struct env_file **file)
{
	if (!*file)
		return;
	while ((*file)->last) {
		struct variable *v = (*file)->last;

		(*file)->last = v->next;
		free(v);
	}
	free(*file);
	*file = NULL;
}
