/* SPDX-License-Identifier: MIT */
/* Writing JSON. */
#include "loadtest/json_out.h"

#include <math.h>
#include <string.h>

#include "base/utf8_char.h"

static void
quoted(FILE *out, const char *text)
{
	size_t left = strlen(text), n;

	putc('"', out);
	for (; left > 0; text += n, left -= n) {
		size_t valid = utf8_char_len(text, left);

		n = valid ? valid : 1;
		if (!valid)
			fputs(UTF8_CHAR_REPLACEMENT, out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20 || *text == '<' || *text == 0x7f)
			fprintf(out, "\\u%04x", *text);
		else
			fwrite(text, 1, n, out);
	}
	putc('"', out);
}

static void
before(struct json_out *j, const char *name)
{
	if (!j->first)
		putc(',', j->out);
	if (j->flat) {
		if (!j->first)
			putc(' ', j->out);
	} else if (j->depth > 0) {
		fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	}
	j->first = false;
	if (name) {
		quoted(j->out, name);
		fputs(": ", j->out);
	}
}

void
json_object(struct json_out *j, const char *name)
{
	before(j, name);
	putc('{', j->out);
	j->depth++;
	j->first = true;
}

void
json_array(struct json_out *j, const char *name)
{
	before(j, name);
	putc('[', j->out);
	j->depth++;
	j->first = j->flat = true;
}

void
json_end(struct json_out *j, char bracket)
{
	j->depth--;
	if (!j->flat && !j->first)
		fprintf(j->out, "\n%*s", (int)(2 * j->depth), "");
	putc(bracket, j->out);
	j->first = j->flat = false;
	if (j->depth == 0)
		putc('\n', j->out);
}

void
json_string(struct json_out *j, const char *name, const char *value)
{
	before(j, name);
	quoted(j->out, value);
}

void
json_number(struct json_out *j, const char *name, uint64_t value)
{
	before(j, name);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

void
json_real(struct json_out *j, const char *name, double value)
{
	before(j, name);
	if (isfinite(value))
		fprintf(j->out, "%.6g", value);
	else
		fputs("null", j->out);
}

void
json_bool(struct json_out *j, const char *name, bool value)
{
	before(j, name);
	fputs(value ? "true" : "false", j->out);
}
