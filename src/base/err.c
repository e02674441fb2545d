/* SPDX-License-Identifier: MIT */
/* Texts of the result codes. */
#include "base/err.h"

#include <string.h>

const char *
wsd_strerror(int code)
{
	switch (code) {
	case WSD_OK:
		return "success";
#define WSD_ERROR_TEXT(name, number, text) \
	case number: \
		return text;
		WSD_ERRORS(WSD_ERROR_TEXT)
#undef WSD_ERROR_TEXT
	default:
		break;
	}
	if (code < 0 && code > -1000) {
		const char *text = strerrordesc_np(-code);

		if (text)
			return text;
	}
	return "unknown error";
}
