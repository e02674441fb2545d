/* SPDX-License-Identifier: MIT */
/* Names. */
#include "base/names.h"

#include "base/ascii.h"

bool
name_begins_connection_id(struct slice text)
{
	return text.len >= 1 && text.len <= CONNECTION_ID_MAX && ascii_all(text, ascii_is_unreserved);
}

bool
name_is_connection_id(struct slice text)
{
	return name_begins_connection_id(text) && !slice_equal(text, ".") && !slice_equal(text, "..");
}

bool
name_is_instance(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= INSTANCE_NAME_MAX && strspn(text, ASCII_LOWER ASCII_DIGITS "-") == len;
}
