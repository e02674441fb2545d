/* SPDX-License-Identifier: MIT */
/*
 * Files of variables as systemd reads them: EnvironmentFile= in systemd.exec(5). For programs that systemd
 * does not start, so that they see the same settings as those that it does. Pure; any thread.
 */
#ifndef WSD_CONF_ENV_FILE_H
#define WSD_CONF_ENV_FILE_H

#include <stddef.h>

struct env_file;

/*
 * Lines of NAME=value; '#' and ';' start comments. A value may begin with quoted parts: within '' all is
 * literal, within "" a backslash goes before " \ ` and $. Behind the first character that is not quoted,
 * quotes are literal. Elsewhere a backslash takes the next character as it is, and a line break away. WSD_OK,
 * then the caller owns *out; WSD_E_MALFORMED with the number of the line that is neither (from 1), or
 * -ENOMEM. What systemd passes over with a warning at most, such as a line without '=', a name that is none
 * or a quote that is never closed, is malformed here.
 */
int env_file_parse(struct env_file **out, const char *text, size_t len, unsigned *line);

/* NULL if it is not set; of two with one name the last counts. The text lives as long as the file. */
const char *env_file_get(const struct env_file *file, const char *name);

/* Accepts NULL and clears the pointer. */
void env_file_destroy(struct env_file **file);

#endif
