/* SPDX-License-Identifier: MIT */
/* What a program prints. */
#ifndef WSD_BASE_OUTPUT_H
#define WSD_BASE_OUTPUT_H

#include <stdio.h>

/* Whether all of it has arrived: WSD_OK, or a negative errno; -EPIPE if the reader has closed its end, which needs no
 * word. A failure of an earlier piece, whose reason is not known any more, is -EIO. */
int output_flush(FILE *out);

#endif
