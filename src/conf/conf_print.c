/* SPDX-License-Identifier: MIT */
/* The table of variables for people: --help, the manual page, and the settings in force. */
#include "conf/conf.h"

#include <stdio.h>

#include "conf/conf_priv.h"

#define NAME_COLUMN 24

void
conf_print_help(FILE *to)
{
	for (const struct conf_var *var = conf_table; var->name; var++) {
		fprintf(to, "  %-*s%s\n", NAME_COLUMN, var->name, var->help);
		fprintf(to, "  %-*s(", NAME_COLUMN, "");
		var->kind->accepts(var, to);
		if (var->standard || var->computed)
			fprintf(to, "; default: %s", var->computed ? var->computed_text : var->standard);
		fputs(")\n", to);
	}
}

/* Text as roff shows it unchanged, wherever in a line it stands: roff(7), groff_char(7). */
static void
put_roff(const char *text, FILE *to)
{
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\e", to);
			break;
		case '-':
			fputs("\\-", to);
			break;
		case '\'':
			fputs("\\(aq", to);
			break;
		case '"':
			fputs("\\(dq", to);
			break;
		case '.':
			/* A sentence's end; but never a control character at the start of a line. */
			fputs(text[1] == ' ' ? ".\n" : "\\&.", to);
			text += text[1] == ' ';
			break;
		default:
			fputc(*text, to);
		}
	}
}

static void
put_roff_capital(const char *text, FILE *to)
{
	char first[2] = { text[0], '\0' };

	if (first[0] >= 'a' && first[0] <= 'z')
		first[0] = (char)(first[0] - 'a' + 'A');
	put_roff(first, to);
	put_roff(text + 1, to);
}

static void
put_roff_accepts(const struct conf_var *var, FILE *to)
{
	char text[512] = "";
	FILE *memory = fmemopen(text, sizeof(text) - 1, "w");

	if (!memory)
		return;
	var->kind->accepts(var, memory);
	fclose(memory);
	put_roff(text, to);
}

void
conf_print_man(FILE *to)
{
	for (const struct conf_var *var = conf_table; var->name; var++) {
		fputs(".TP\n.B ", to);
		put_roff(var->name, to);
		fputc('\n', to);
		put_roff_capital(var->help, to);
		fputs(".\n", to);
		if (var->more) {
			put_roff(var->more, to);
			fputc('\n', to);
		}
		fputs("Accepted: ", to);
		put_roff_accepts(var, to);
		fputs(".\n", to);
		if (var->computed || var->standard) {
			fputs("Default: ", to);
			if (var->computed)
				put_roff(var->computed_text, to);
			else
				fputs("\\fB", to), put_roff(var->standard, to), fputs("\\fP", to);
			fputs(".\n", to);
		} else {
			fputs("Not set by default.\n", to);
		}
	}
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
