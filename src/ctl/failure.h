/* SPDX-License-Identifier: MIT */
/* Why a service failed, in words. */
#ifndef WSD_CTL_FAILURE_H
#define WSD_CTL_FAILURE_H

struct bus_unit;
struct why;

/* In its own words if it had any, else such as "it was not ready within 30 s"; "" if it did not fail. */
void failure_words(const struct bus_unit *unit, struct why *out);

#endif
