/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct table {
	unsigned columns;
	char **cells;
	size_t n, room;
};

struct table *
table_create(unsigned columns)
{
	struct table *t = calloc(1, sizeof(*t));

	CHECK(columns >= 1 && columns <= TABLE_COLUMNS_MAX);
	if (t)
		t->columns = columns;
	return t;
}

void
table_add(struct table *t, const char *const *cells)
{
	if (t && t->room - t->n < t->columns) {
		size_t room = t->room * 2 + 64;
		char **bigger = realloc(t->cells, room * sizeof(*bigger));

		if (!bigger)
			return;
		t->cells = bigger;
		t->room = room;
	}
	for (unsigned i = 0; t && i < t->columns; i++)
		t->cells[t->n++] = strdup(cells[i]);
}

static const char *
cell(const struct table *t, size_t i)
{
	return t->cells[i] ? t->cells[i] : "";
}

void
table_print(const struct table *t, FILE *to)
{
	size_t width[TABLE_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; t && i < t->n; i++)
		if (strlen(cell(t, i)) > width[i % t->columns])
			width[i % t->columns] = strlen(cell(t, i));
	for (size_t i = 0; t && i < t->n; i++) {
		if (i % t->columns == t->columns - 1)
			fprintf(to, "%s\n", cell(t, i));
		else
			fprintf(to, "%-*s  ", (int)width[i % t->columns], cell(t, i));
	}
}

void
table_destroy(struct table **t)
{
	for (size_t i = 0; *t && i < (*t)->n; i++)
		free((*t)->cells[i]);
	if (*t)
		free((*t)->cells);
	free(*t);
	*t = NULL;
}

const char *
table_seconds(char out[TABLE_TEXT_MAX], double seconds)
{
	unsigned long long s = (unsigned long long)(seconds < 60 ? seconds + 0.05 : seconds);

	if (seconds < 59.95) /* beyond, it would be rounded to 60.0 */
		snprintf(out, TABLE_TEXT_MAX, "%.1f s", seconds);
	else if (s < 3600)
		snprintf(out, TABLE_TEXT_MAX, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, TABLE_TEXT_MAX, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else
		snprintf(out, TABLE_TEXT_MAX, "%llu d %llu h", s / 86400, s % 86400 / 3600);
	return out;
}

const char *
table_bytes(char out[TABLE_TEXT_MAX], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= (unit ? 1023.95 : 1024) && unit < 4; unit++) /* else it would be rounded to 1024.0 */
		value /= 1024;
	snprintf(out, TABLE_TEXT_MAX, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}
