/* SPDX-License-Identifier: MIT */
#include "channel/name.h"

#include "base/err.h"
#include "base/utf8_char.h"

static bool
is_plain_text(struct slice s)
{
	while (s.len > 0) {
		size_t len = utf8_char_len(s.at, s.len);

		if (len == 0 || (unsigned char)s.at[0] < 0x20 || s.at[0] == 0x7f || s.at[0] == '"' || s.at[0] == '\\')
			return false;
		s.at += len;
		s.len -= len;
	}
	return true;
}

int
channel_name_parse(struct slice text, struct channel_name *out)
{
	struct slice rest = text;
	const char *colon, *hash;

	*out = (struct channel_name){ .text = text, .ns = { text.at, 0 } };
	if (text.len > CHANNEL_NAME_MAX)
		return WSD_E_TOO_LARGE;
	if (text.len == 0 || !is_plain_text(text))
		return WSD_E_MALFORMED;
	out->is_private = text.at[0] == '$';
	if (out->is_private)
		rest.at++, rest.len--;
	colon = memchr(rest.at, ':', rest.len);
	if (colon)
		out->ns = (struct slice){ rest.at, (size_t)(colon - rest.at) };
	hash = memchr(rest.at, '#', rest.len);
	if (hash)
		out->users = (struct slice){ hash + 1, (size_t)(rest.at + rest.len - hash - 1) };
	return WSD_OK;
}

bool
channel_name_is_for(const struct channel_name *name, struct slice user)
{
	struct slice users = name->users, one;

	if (!users.at)
		return true;
	while (user.len > 0 && slice_cut(&users, ',', &one))
		if (one.len == user.len && memcmp(one.at, user.at, user.len) == 0)
			return true;
	return false;
}
