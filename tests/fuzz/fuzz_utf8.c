/* SPDX-License-Identifier: MIT */
/* UTF-8 validation agrees with the plain decoder. */
#include "proto/utf8.h"

#include "base/check.h"
#include "fuzz/fuzz.h"
#include "support/plain_utf8.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CHECK(utf8_valid((const char *)data, size) == plain_utf8_valid(data, size));
	return 0;
}
