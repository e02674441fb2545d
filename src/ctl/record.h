/* SPDX-License-Identifier: MIT */
/*
 * What is left of a deploy when wsctl has ended, however it ended: who deployed last and how far that came,
 * and the lock that keeps two of them apart.
 */
#ifndef WSD_CTL_RECORD_H
#define WSD_CTL_RECORD_H

#include <stdbool.h>

#include "ctl/program.h"

struct json_object;
struct why;

struct record {
	char from[40], to[40];
	char program[PROGRAM_MAX], former[PROGRAM_MAX]; /* that `to` runs, and that it ran before; "": not known */
	char step[24];                                  /* the last that was begun */
	char outcome[24];                               /* "running", "done", "undone", "failed" */
	char began[32], ended[32];                      /* ISO 8601; ended is "" while it runs */
};

/* WSD_OK and the lock until the process ends, also if we have it already; WSD_E_BUSY if another wsctl has it, which why
 * then names; or why not. instance: "" for none. */
int record_lock(const char *command, const char *instance, struct why *why);
/* Another wsctl has the lock; what it does goes to why. */
bool record_locked(struct why *why);
/* Whether it is locked can be seen by root only, and we are not. */
bool record_hidden(void);

/* WSD_E_UNKNOWN: there was none yet. */
int record_read(struct record *out, struct why *why);
int record_write(const struct record *record, struct why *why);
int record_remove(struct why *why);
/* Whether it could be written. */
int record_check(struct why *why);

/* Removes the programs that are not needed any more: neither installed, nor any instance's, nor what the last
 * deploy came from. With the lock. */
void record_prune(void);

/* A new object, NULL if memory is short. */
struct json_object *record_json(const struct record *record);

#endif
