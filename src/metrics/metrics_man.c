/* SPDX-License-Identifier: MIT */
/* The table of metrics as roff, for wsd-metrics(7). At build time. */
#include <stdbool.h>
#include <string.h>

#include "metrics/metrics_priv.h"

/* Text of a roff line: a backslash would start an escape, a dot or quote at the start a request, a minus
 * become a hyphen. */
static void
write_roff(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else
			putc(*text, to);
	}
}

/* The labels of a family's samples, as `code="1000", code="1001"`, if it has any. */
static void
write_labels(FILE *to, const struct metrics_row *sample)
{
	bool first = true;

	for (; sample->kind == METRICS_ROW_SAMPLE; sample++) {
		if (sample->labels[0] == '\0')
			continue;
		fputs(first ? ".br\nLabels: " : ",\n", to);
		write_roff(to, sample->labels);
		first = false;
	}
	if (!first)
		fputs(".\n", to);
}

static void
write_bounds(FILE *to, const struct metrics_bounds *bounds)
{
	fputs(".br\nBuckets up to", to);
	for (unsigned i = 0; i < bounds->n; i++) {
		char value[32];

		snprintf(value, sizeof(value), "%s%g", i == 0 ? " " : ", ", bounds->seconds[i]);
		write_roff(to, value);
	}
	fputs(" seconds and above.\n", to);
}

void
metrics_print_man(FILE *to)
{
	for (const struct metrics_row *row = metrics_rows; row->kind != METRICS_ROW_END; row++) {
		if (row->kind == METRICS_ROW_SAMPLE)
			continue;
		fprintf(to, ".TP\n.BR %s \" (%s, %s)\"\n", row->name, row->type, row->unit);
		write_roff(to, row->help);
		putc('\n', to);
		if (row->kind == METRICS_ROW_HISTOGRAM)
			write_bounds(to, &metrics_bounds[row->id]);
		else
			write_labels(to, row + 1);
	}
}
