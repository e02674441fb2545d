/* SPDX-License-Identifier: MIT */
/* Misspelt variables: one that nobody reads is as good as not set, and nothing else would tell. Any thread. */
#include "conf/conf.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf_priv.h"

#define NAME_MAX_LEN 32 /* none of ours is longer */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many characters have to be changed, added, left out, or exchanged with their neighbour (optimal string
 * alignment). Case does not count. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned d[3][NAME_MAX_LEN + 1]; /* rows i - 2, i - 1 and i, in turn */
	size_t len_a = strlen(a), len_b = strlen(b);

	CHECK(len_a <= NAME_MAX_LEN && len_b <= NAME_MAX_LEN);
	for (unsigned j = 0; j <= len_b; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= len_a; i++) {
		unsigned *before = d[(i + 1) % 3], *above = d[(i - 1) % 3], *row = d[i % 3];

		row[0] = i;
		for (unsigned j = 1; j <= len_b; j++) {
			int x = toupper((unsigned char)a[i - 1]), y = b[j - 1];

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == b[j - 2] && toupper((unsigned char)a[i - 2]) == y)
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return d[len_a % 3][len_b];
}

/* Of short names less may be wrong: others of four or five letters are too near. */
static unsigned
tolerance(size_t len)
{
	return len < 5 ? 0 : len < 9 ? 1 : 2;
}

const char *
conf_meant(const char *name)
{
	static const struct conf_var *const tables[] = { conf_table, conf_ctl_table };
	const char *nearest = NULL;
	unsigned least_off = 0;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
		for (const struct conf_var *var = tables[t]; var->name; var++) {
			unsigned off = distance(name, var->name);

			if (strcmp(name, var->name) == 0)
				return NULL;
			if (off <= tolerance(strlen(var->name)) && (!nearest || off < least_off)) {
				nearest = var->name;
				least_off = off;
			}
		}
	}
	return nearest;
}
