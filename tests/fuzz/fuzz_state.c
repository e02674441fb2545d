/* SPDX-License-Identifier: MIT */
/* States and lists of sessions: what is accepted is encoded again and comes out the same. */
#include "proto/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"

static void
try_state(const char *data, size_t size)
{
	struct conn_state s, again;
	char *out, *twice;
	size_t len;

	if (state_decode(&s, data, size) != WSD_OK)
		return;
	CHECK(s.queue_len <= size && strlen(s.id) <= CONNECTION_ID_MAX);
	out = malloc(state_size(&s));
	twice = malloc(state_size(&s));
	CHECK(out && twice);
	len = state_encode(out, &s);
	CHECK(len <= state_size(&s));
	CHECK(state_decode(&again, out, len) == WSD_OK);
	CHECK(state_encode(twice, &again) == len && memcmp(out, twice, len) == 0);
	free(twice);
	free(out);
}

static void
try_sessions(const char *data, size_t size)
{
	struct session_state s, again;
	size_t used, len;
	char out[STATE_FIXED_MAX];

	while (state_decode_session(&s, data, size, &used) == WSD_OK) {
		CHECK(used > 4 && used <= size);
		len = state_encode_session(out, &s);
		CHECK(len <= sizeof(out));
		data += used;
		size -= used;
		CHECK(state_decode_session(&again, out, len, &used) == WSD_OK && used == len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_state((const char *)data, size);
	try_sessions((const char *)data, size);
	return 0;
}
