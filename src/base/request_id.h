/* SPDX-License-Identifier: MIT */
/* X-Request-Id: the client's own, or one of ours. Any thread. */
#ifndef WSD_BASE_REQUEST_ID_H
#define WSD_BASE_REQUEST_ID_H

#include "base/slice.h"

#define REQUEST_ID_MAX 128

/* What the client sent if it is harmless to repeat, else 32 random hex digits. */
void request_id_choose(char out[REQUEST_ID_MAX + 1], struct slice sent);

#endif
