/* SPDX-License-Identifier: MIT */
/* The table of variables for people: --help, the manual page, and the settings in force. */
#include "conf/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf_priv.h"

#define TEXT_MAX    512 /* of what conf_accepts() says */
#define HELP_INDENT 26
#define HELP_WIDTH  79
#define ROFF_WIDTH  78

/* conf_accepts() as a string. */
static void
accepted(const struct conf_var *var, char *out, size_t size)
{
	FILE *to = fmemopen(out, size, "w");

	out[0] = '\0';
	if (!to)
		return;
	conf_accepts(var, to);
	fclose(to);
	out[size - 1] = '\0';
}

static void
put_wrapped(const char *text, FILE *to)
{
	size_t column = HELP_INDENT;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > HELP_INDENT && column + 1 + len > HELP_WIDTH) {
			fprintf(to, "\n%*s", HELP_INDENT, "");
			column = HELP_INDENT;
		}
		if (column > HELP_INDENT) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, len, to);
		column += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', to);
}

void
conf_vars_help(const struct conf_var *table, FILE *to)
{
	for (const struct conf_var *var = table; var->name; var++) {
		char accepts[TEXT_MAX], line[2 * TEXT_MAX];
		const char *standard = var->computed ? var->computed_text : var->standard;

		accepted(var, accepts, sizeof(accepts));
		snprintf(line, sizeof(line), "(%s%s%s)", accepts, standard ? "; default: " : "",
			 standard ? standard : "");
		fprintf(to, "  %-*s", HELP_INDENT - 2, var->name);
		put_wrapped(var->help, to);
		fprintf(to, "%*s", HELP_INDENT, "");
		put_wrapped(line, to);
	}
}

/* A line of roff source being written. */
struct roff {
	FILE *to;
	size_t column;
};

/* One character as roff shows it unchanged, wherever in a line it stands: roff(7), groff_char(7). */
static void
put_roff_char(struct roff *r, char c)
{
	static const struct {
		char c;
		const char *escape;
	} escapes[] = { { '\\', "\\e" }, { '-', "\\-" }, { '\'', "\\(aq" }, { '"', "\\(dq" } };

	if (c == '.' && r->column == 0)
		r->column += (size_t)fprintf(r->to, "\\&");
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		if (c == escapes[i].c) {
			r->column += (size_t)fprintf(r->to, "%s", escapes[i].escape);
			return;
		}
	}
	fputc(c, r->to);
	r->column++;
}

static void
end_roff_line(struct roff *r)
{
	fputc('\n', r->to);
	r->column = 0;
}

/* Each sentence starts a line, so that roff puts the space between two; long ones go on in the next. */
static void
put_roff(struct roff *r, const char *text)
{
	char last = '\0';

	for (; *text; last = *text++) {
		if (*text != ' ')
			put_roff_char(r, *text);
		else if (last == '.' || r->column + strcspn(text + 1, " ") >= ROFF_WIDTH)
			end_roff_line(r);
		else
			put_roff_char(r, ' ');
	}
}

static void
put_roff_line(struct roff *r, const char *before, const char *text, const char *after)
{
	put_roff(r, before);
	put_roff(r, text);
	put_roff(r, after);
	end_roff_line(r);
}

static void
put_man_entry(struct roff *r, const struct conf_var *var)
{
	const char *standard = var->computed ? var->computed_text : var->standard;
	const char first[2] = { (char)toupper((unsigned char)var->help[0]), '\0' };
	char accepts[TEXT_MAX];

	fprintf(r->to, ".TP\n.B %s\n", var->name);
	put_roff_line(r, first, var->help + 1, ".");
	if (var->more)
		put_roff_line(r, "", var->more, "");
	accepted(var, accepts, sizeof(accepts));
	fputs(".br\n", r->to);
	put_roff_line(r, "Accepted: ", accepts, ".");
	fputs(".br\n", r->to);
	put_roff_line(r, standard ? "Default: " : "Not set by default", standard ? standard : "", standard ? "" : ".");
}

void
conf_vars_man(const struct conf_var *table, FILE *to)
{
	struct roff r = { to, 0 };

	for (const struct conf_var *var = table; var->name; var++)
		put_man_entry(&r, var);
}

void
conf_print_help(FILE *to)
{
	conf_vars_help(conf_table, to);
}

void
conf_print_man(FILE *to)
{
	conf_vars_man(conf_table, to);
}

void
conf_print(const struct conf *conf, FILE *to)
{
	for (const struct conf_var *var = conf_table; var->name; var++) {
		fprintf(to, "%s=", var->name);
		var->kind->print(var, (const char *)conf + var->offset, to);
		fputc('\n', to);
	}
}
