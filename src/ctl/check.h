/* SPDX-License-Identifier: MIT */
/* A restart of which it is known before that it will go well, as far as a trial can tell. */
#ifndef WSD_CTL_CHECK_H
#define WSD_CTL_CHECK_H

#include <stdbool.h>

struct bus;

/*
 * Tries the instance with this file, or NULL: with the program that it has, and if that went well, restarts it
 * with that. Should it not come up all the same, it gets its former program back. Tells of it; returns the exit
 * status. With the lock of record.h; way_back: another program is noted there, for rollback.
 */
int restart_tried(struct bus *bus, const char *instance, const char *file, bool way_back);

#endif
