/* SPDX-License-Identifier: MIT */
/* Secrets that are compared with what somebody sent. Any thread. */
#ifndef WSD_BASE_SECRET_H
#define WSD_BASE_SECRET_H

#include "base/slice.h"

/* How long it takes tells nothing of the secret: neither which character is wrong nor how many there are. */
bool secret_equal(struct slice secret, struct slice sent);

#endif
