/* SPDX-License-Identifier: MIT */
/* A second of load, to see whether an instance does its work before clients are led to it. */
#ifndef WSD_CTL_SMOKE_H
#define WSD_CTL_SMOKE_H

struct why;

/* Whether wsload(1) is there: WSD_OK, or WSD_E_UNKNOWN with the way out in why. */
int smoke_check(struct why *why);

/* Runs wsload(1) against an address. options: further words for it, or NULL. WSD_OK, or why not; in both
 * cases why has what was found. WSD_E_UNKNOWN: wsload is not installed. */
int smoke_run(const char *address, const char *options, struct why *why);

#endif
