/* SPDX-License-Identifier: MIT */
/*
 * The log: records in a circle, in a memfd of fixed size, which outlives the process. They have no pointers in them and
 * each says all of itself, so that another process finds them again by looking from the oldest on.
 *
 * A place is a number of bytes since the log was made; it never comes again. What lies from the first record to the end
 * is whole at any moment: a record is written behind the end before the end moves on, and the first one is given up
 * before its place is written to. So whoever is killed at whatever point leaves a log that can be read.
 *
 * Not locked: one thread at a time, which is the broker's lock.
 */
#ifndef WSD_BROKER_RECORDS_H
#define WSD_BROKER_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "broker/broker.h"

/* The first ones are of enum broker_kind. */
#define RECORD_POSITION 3 /* where a stream stands, of which nothing before is kept */

#define RECORD_ENDED  0            /* of known_ms: the stream is no more */
#define RECORD_IN_USE (1ull << 63) /* of known_ms, added: somebody listens or is present */

/* known_ms: until when the stream's position is known, clock_mono_ms(). That of the stream's newest record counts, and
 * is changed in its place. */
struct record {
	uint64_t sum; /* of all behind known_ms, and of the place */
	uint64_t known_ms;
	uint32_t size; /* in bytes; a multiple of 8 */
	uint8_t kind;
	uint8_t name_len;
	uint8_t unused[2];
	uint64_t offset; /* of the stream: with this publication, or as it was */
	char epoch[BROKER_EPOCH_LEN];
};

/* What a record has behind its channel's name, in this order. */
enum record_text {
	RECORD_DATA,
	RECORD_TAGS,
	RECORD_CLIENT,
	RECORD_USER,
	RECORD_CONN_INFO,
	RECORD_CHAN_INFO,
	RECORD_KEY,
	RECORD_TEXTS
};

/* All but RECORD_POSITION. */
struct record_event {
	struct record head;
	uint64_t time_ms;       /* wall clock */
	uint64_t mono_ms;       /* clock_mono_ms(): the same moment */
	uint64_t history_until; /* until when the stream's history is kept, clock_mono_ms(); 0: this is not in it */
	uint64_t silent_for;    /* of use to the process alone that has written it */
	uint32_t history_size;
	uint32_t lens[RECORD_TEXTS];
};

#define RECORD_NAME_MAX     255
#define RECORD_POSITION_MAX ((sizeof(struct record) + RECORD_NAME_MAX + 7) / 8 * 8)

_Static_assert(2 * RECORD_POSITION_MAX <= BROKER_LOG_BYTES_A_CHANNEL, "positions fit in half of the log");

struct records;

/* At least so many bytes. WSD_OK or a negative errno. */
int records_create(struct records **out, size_t bytes);
/* What another process has left; owns fd in any case. WSD_OK; WSD_E_MALFORMED: it is no log, or one that is damaged;
 * or a negative errno. */
int records_open(struct records **out, int fd);
void records_destroy(struct records **records); /* accepts NULL, clears the pointer */

int records_fd(const struct records *records);
size_t records_bytes(const struct records *records); /* of room in all */
size_t records_room(const struct records *records);  /* that is left */

uint64_t records_first(const struct records *records);
uint64_t records_end(const struct records *records);
/* The record at a place from the first to before the end; all of it is in one piece. */
struct record *records_at(const struct records *records, uint64_t place);

/* Room for a new record of that size, which there must be; it is to be filled in but for sum and size. Nothing has
 * happened until records_commit(), which returns its place. */
struct record *records_begin(struct records *records, size_t size);
uint64_t records_commit(struct records *records);
void records_drop_first(struct records *records);

/* How large a record is; SIZE_MAX: too large to be one. */
size_t record_size(const struct slice *texts, uint8_t name_len);

static inline struct slice
record_name(const struct record *r)
{
	size_t head = r->kind == RECORD_POSITION ? sizeof(struct record) : sizeof(struct record_event);

	return (struct slice){ (const char *)r + head, r->name_len };
}

/* All texts of a record that is not RECORD_POSITION. */
void record_texts(const struct record_event *e, struct slice texts[RECORD_TEXTS]);

#endif
