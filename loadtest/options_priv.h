/* SPDX-License-Identifier: MIT */
/* What the parts of the option parser share: the reader's state, and the table of options. Coordinator,
 * before any load. */
#ifndef WSLOAD_OPTIONS_PRIV_H
#define WSLOAD_OPTIONS_PRIV_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "loadtest/options.h"

#define OPTION_ROWS_MAX 64

struct reader {
	struct options *o;
	FILE *out, *err;
	const char *name; /* of the option being read */
	bool set_connections, set_in_flight, set_connect_rate, set_size;
	bool done, help, version, list_profiles;
};

struct option_row {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* NULL: takes none */
	const char *text;
	int (*read)(struct reader *r, const char *value);
};

/* Prints one line and the way to the help; always returns WSD_E_MALFORMED. */
int reader_fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

int read_url(struct reader *r, const char *text);

void option_rows_getopt(struct option *longs, char *shorts);
const struct option_row *option_row_find(int code);
void option_rows_help(FILE *out);

#endif
