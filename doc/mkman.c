/* SPDX-License-Identifier: MIT */
/* Prints the tables that the code holds as roff, for the manual pages made from them. Run by the build only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_ctl.h"
#include "metrics/metrics.h"

static const struct {
	const char *name;
	void (*print)(FILE *to);
} tables[] = {
	{ "env", conf_print_man },
	{ "ctl", conf_ctl_print_man },
	{ "metrics", metrics_print_man },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(tables) / sizeof(*tables); i++) {
		if (strcmp(argv[1], tables[i].name) == 0) {
			tables[i].print(stdout);
			return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	}
	fprintf(stderr, "usage: mkman TABLE\n");
	return 2;
}
