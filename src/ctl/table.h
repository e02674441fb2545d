/* SPDX-License-Identifier: MIT */
/* Rows of text in columns that are as wide as they need to be, and figures as people read them. */
#ifndef WSD_CTL_TABLE_H
#define WSD_CTL_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 8
#define TABLE_TEXT_MAX    32

struct table;

/* NULL if memory is short, in which case the other calls do nothing. */
struct table *table_create(unsigned columns);
/* The texts are copied; as many as there are columns, and "" for none. */
void table_add(struct table *t, const char *const *cells);
void table_print(const struct table *t, FILE *to);
/* Accepts NULL and clears the pointer. */
void table_destroy(struct table **t);

/* "3 d 4 h", "4 min 2 s", "12.3 s"; returns out. */
const char *table_seconds(char out[TABLE_TEXT_MAX], double seconds);
/* "38.2 MiB" */
const char *table_bytes(char out[TABLE_TEXT_MAX], uint64_t bytes);

#endif
