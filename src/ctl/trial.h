/* SPDX-License-Identifier: MIT */
/*
 * A start of an instance's program that nobody notices: in the environment of its unit (settings, credentials,
 * limits, user, sandbox), beside the instance, on sockets of its own. It must come up, answer, and end.
 */
#ifndef WSD_CTL_TRIAL_H
#define WSD_CTL_TRIAL_H

#include <stdint.h>

struct bus;
struct why;

struct trial {
	char version[40];   /* as the program said */
	uint64_t ms;        /* until it was ready */
	char remarks[1024]; /* warnings of it, a line each; mostly "" */
};

/*
 * program NULL: the one that the unit runs. WSD_OK; else why has what is wrong and what would be right:
 * WSD_E_RANGE if it cannot start in that environment, WSD_E_CLOSED if it does not work once it has, WSD_E_UNKNOWN
 * if there is no such instance or program, WSD_E_UNSUPPORTED if systemd has not read the files of the unit as they
 * are, or what systemd answered. Nothing is left of it in any case; should wsctl be killed, in a minute.
 */
int trial_run(struct bus *bus, const char *instance, const char *program, struct trial *out, struct why *why);

#endif
