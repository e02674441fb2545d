/* SPDX-License-Identifier: MIT */
/*
 * Result codes of the whole program. WSD_OK is 0, failures are negative: errno values as their negatives, our own from
 * -1001 downwards. Any thread.
 */
#ifndef WSD_BASE_ERR_H
#define WSD_BASE_ERR_H

#include <errno.h>

/* One list makes the codes and their texts, so that neither can lag behind the other. */
#define WSD_ERRORS(X) \
	X(WSD_E_FULL, -1001, "the queue is full") \
	X(WSD_E_CLOSED, -1002, "closed") \
	X(WSD_E_MALFORMED, -1003, "malformed input") \
	X(WSD_E_RANGE, -1004, "value out of range") \
	X(WSD_E_UNKNOWN, -1005, "unknown name") \
	X(WSD_E_BUSY, -1006, "busy") \
	X(WSD_E_TIMEOUT, -1007, "timed out") \
	X(WSD_E_UNSUPPORTED, -1008, "not supported") \
	X(WSD_E_TOO_LARGE, -1009, "too large") \
	X(WSD_E_LIBRARY, -1010, "a library refused")

enum wsd_error {
	WSD_OK = 0,
#define WSD_ERROR_CODE(name, code, text) name = (code),
	WSD_ERRORS(WSD_ERROR_CODE)
#undef WSD_ERROR_CODE
};

/* The negative of errno, never 0. */
static inline int
wsd_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

/* Text for any code of either kind; a static string, never NULL. */
const char *wsd_strerror(int code);

#endif
