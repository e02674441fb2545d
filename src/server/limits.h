/* SPDX-License-Identifier: MIT */
/* The limit of open files. Main thread. */
#ifndef WSD_SERVER_LIMITS_H
#define WSD_SERVER_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct conf;

/* Decides how many descriptors are needed, and sets RLIMIT_NOFILE; parked: connections that are there before any is
 * accepted; *most_pending: that may be accepted and not heard yet. WSD_OK; or WSD_E_RANGE or a negative errno, and then
 * it was told why. */
int limits_set(const struct conf *conf, uint32_t parked, uint32_t *most_pending);

/* Whether that would do, without setting anything: WSD_OK; or WSD_E_RANGE, with why and the way out. */
int limits_check(const struct conf *conf, char *why, size_t why_size);

#endif
