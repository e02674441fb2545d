/* SPDX-License-Identifier: MIT */
/* What a fuzz target is: one function that takes any bytes. A broken promise aborts, through CHECK(). */
#ifndef WSD_FUZZ_FUZZ_H
#define WSD_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
