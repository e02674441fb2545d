/* SPDX-License-Identifier: MIT */
/* The results for people (text, page) and for programs (JSON). Coordinator, after the load. */
#ifndef WSLOAD_REPORT_H
#define WSLOAD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct results;

/* Each WSD_OK or a negative errno of the output. */
int report_text(FILE *out, const struct results *r);
int report_json(FILE *out, const struct results *r);
int report_html(FILE *out, const struct results *r);

/* How many thresholds were crossed. */
unsigned report_failures(const struct results *r);
/* The whole plan was carried out, and no threshold was crossed. */
bool report_passed(const struct results *r);

#endif
