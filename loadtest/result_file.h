/* SPDX-License-Identifier: MIT */
/*
 * Where results go that are named on the command line. What can be found out is found out before the load; a file is
 * touched only when its results are there, and then replaced in one step. Coordinator.
 */
#ifndef WSLOAD_RESULT_FILE_H
#define WSLOAD_RESULT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct results;

struct result_file {
	const char *path;      /* as it was given, for messages; NULL: none is wanted */
	FILE *stream;          /* standard output or error, a device or a pipe; NULL: a file */
	char target[PATH_MAX]; /* the file, links followed */
};

/* path: NULL, "-" for standard output, or a file. WSD_OK or a negative errno: results could not be written there. */
int result_file_open(struct result_file *f, const char *path);
/* The one would be written over the other. */
bool result_file_same(const struct result_file *a, const struct result_file *b);
/* WSD_OK or a negative errno; then an old file is still there, unless it could not be replaced but only written over,
 * as in a folder that is not ours. */
int result_file_write(struct result_file *f, int (*report)(FILE *, const struct results *), const struct results *r);
void result_file_close(struct result_file *f);

#endif
