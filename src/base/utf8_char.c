/* SPDX-License-Identifier: MIT */
#include "base/utf8_char.h"

uint32_t
utf8_char_code(const char *at, size_t len)
{
	uint32_t code = len > 1 ? (unsigned char)at[0] & (0x7fu >> len) : (unsigned char)at[0];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3f);
	return code;
}

bool
utf8_char_shown(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },       /* C0 */
		{ 0x7f, 0x9f },       /* DEL, and C1, which terminals obey likewise */
		{ 0xad, 0xad },       /* soft hyphen */
		{ 0x61c, 0x61c },     /* Arabic letter mark */
		{ 0x180e, 0x180e },   /* Mongolian vowel separator */
		{ 0x200b, 0x200f },   /* without width; left-to-right and right-to-left marks */
		{ 0x2028, 0x202e },   /* ends of line and paragraph; embeddings and overrides of direction */
		{ 0x2060, 0x206f },   /* word joiner, invisible operators, isolates of direction */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xfff9, 0xfffb },   /* annotations */
		{ 0xe0000, 0xe007f }, /* tags */
	};

	for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	return true;
}
