/* SPDX-License-Identifier: MIT */
/*
 * Sessions by connection id: of live connections, and for SESSION_TTL of those that have closed. At most one
 * for each id. The number of closed ones is bounded; the oldest is forgotten first. Main thread.
 */
#ifndef WSD_FRONT_SESSIONS_H
#define WSD_FRONT_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1 /* what there was no memory to add has no hh.tbl; else uthash would exit(3) */
#endif
#include <uthash.h>

#include "base/list.h"
#include "front/front.h"

enum session_state {
	SESSION_LIVE,
	SESSION_SWAPPING, /* its connection was told to go; visitors wait to take it over, one after the other */
	SESSION_KEPT,     /* its connection has closed; it can be resumed until it expires */
};

struct visitor;

struct session {
	UT_hash_handle hh;
	uint64_t count; /* messages when last known */
	union {
		struct { /* LIVE, SWAPPING */
			struct front_seat seat;
			struct visitor *successor; /* SWAPPING: the first in line; NULL: all have gone meanwhile */
		};
		struct { /* KEPT */
			struct list node;
			uint64_t expires_ms;
		};
	};
	uint32_t note; /* KEPT: kept/notes.h; NOTES_NONE: none */
	uint8_t token[SESSION_TOKEN_BYTES];
	uint8_t state; /* enum session_state */
	bool given;    /* KEPT: told to another instance already, which is to own it when all is over */
	char id[];
};

struct metrics_shard;
struct notes;

struct sessions {
	struct session *by_id; /* uthash */
	struct list kept;      /* oldest first: all have the same time to live */
	uint32_t n_kept, most_kept;
	uint32_t ttl_ms;
	struct metrics_shard *shard;
	struct notes *notes; /* NULL: there is no keeper */
};

void sessions_init(struct sessions *s, uint32_t ttl_ms, uint32_t most_kept, struct metrics_shard *shard,
		   struct notes *notes);
void sessions_deinit(struct sessions *s);

struct session *sessions_find(const struct sessions *s, const char *id);

/* A new live session with a token of its own; there must be none with this id. NULL: out of memory. */
struct session *sessions_create(struct sessions *s, const char *id);

/* Of one that is KEPT: what is noted for the next process follows what has been changed. */
void sessions_note(struct sessions *s, struct session *session);

/* Any state; frees it. */
void sessions_forget(struct sessions *s, struct session *session);

/* From LIVE or SWAPPING to KEPT, or forgotten if nothing is to be kept. */
void sessions_keep(struct sessions *s, struct session *session, uint64_t now_ms);

/* From KEPT to LIVE. */
void sessions_revive(struct sessions *s, struct session *session);

/* Whether text is this session's token (32 hex digits), compared in constant time. */
bool sessions_token_is(const struct session *session, const char *text);

void sessions_expire(struct sessions *s, uint64_t now_ms);

#endif
