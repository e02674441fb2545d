/* SPDX-License-Identifier: MIT */
/* A piece of somebody else's bytes, not zero-terminated; valid only as long as those bytes are. */
#ifndef WSD_BASE_SLICE_H
#define WSD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *at;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice
slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

static inline bool
slice_equal(struct slice s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || memcmp(s.at, text, s.len) == 0);
}

static inline bool
slice_equal_nocase(struct slice s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || strncasecmp(s.at, text, s.len) == 0);
}

/* The next piece of a list, which is cut off with the separator behind it. False: nothing is left; what follows a
 * separator at the end is no piece. */
static inline bool
slice_cut(struct slice *rest, char separator, struct slice *piece)
{
	const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
	bool left = rest->len > 0;

	*piece = (struct slice){ rest->at, end ? (size_t)(end - rest->at) : rest->len };
	if (left)
		rest->at += piece->len + (end != NULL);
	rest->len -= piece->len + (end != NULL);
	return left;
}

/* Without the blanks around it, which are no part of what HTTP calls a value (RFC 9110, 5.6.3). */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
		s.at++, s.len--;
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Whether a list with commas, as HTTP has them, names this; without regard to case. */
static inline bool
slice_lists(struct slice list, struct slice name)
{
	struct slice item;

	while (slice_cut(&list, ',', &item)) {
		item = slice_trim(item);
		if (item.len == name.len && (name.len == 0 || strncasecmp(item.at, name.at, name.len) == 0))
			return true;
	}
	return false;
}

#endif
