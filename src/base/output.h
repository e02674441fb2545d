/* SPDX-License-Identifier: MIT */
/* What a program prints. */
#ifndef WSD_BASE_OUTPUT_H
#define WSD_BASE_OUTPUT_H

#include <stdio.h>

/* Whether all of it has arrived: WSD_OK, or a negative errno; -EPIPE if the reader has closed its end, which needs no
 * word. The stream only knows that an earlier piece failed; why is remembered for standard output, if it was flushed by
 * this function, and else -EIO. Main thread. */
int output_flush(FILE *out);

#endif
