/* SPDX-License-Identifier: MIT */
#include "channel/code.h"

const char *
channel_code_word(enum channel_code code)
{
	switch (code) {
#define CHANNEL_CODE(name, number, word, text) \
	case CHANNEL_##name: \
		return word;
		CHANNEL_CODES(CHANNEL_CODE)
#undef CHANNEL_CODE
	default:
		return channel_code_word(CHANNEL_INTERNAL);
	}
}

const char *
channel_code_text(enum channel_code code)
{
	switch (code) {
#define CHANNEL_CODE(name, number, word, text) \
	case CHANNEL_##name: \
		return text;
		CHANNEL_CODES(CHANNEL_CODE)
#undef CHANNEL_CODE
	default:
		return channel_code_text(CHANNEL_INTERNAL);
	}
}
