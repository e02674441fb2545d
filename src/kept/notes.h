/* SPDX-License-Identifier: MIT */
/*
 * What the next process has to know of each connection, and of each session whose connection has closed, if this one
 * ends without a word: a record each, in memory that outlives the process (kept/table.h). No lock is taken, and nothing
 * here is ever half-written: whatever a dying process has left can be read.
 *
 * A position says how far a connection has come: how many bytes of the stream have been taken in and dealt with, how
 * many have been given out for them, and what the connection is like then. There are two of them, written in turn. A
 *new one is written before what it counts is sent. After a crash the kernel's own counts of the socket choose:
 *whichever position they match holds, whether or not send(2) came to pass. If they match none, the process died while
 *it was working on that connection, and where its stream stands is not known.
 *
 *	FREE ── notes_take() ──► SEATED ── its first position ──► OPEN ── it is being closed ──► LEAVING
 *	                           └── notes_keep_session(): it is that of a session from the beginning ──► SESSION
 *
 * The front desk takes, keeps and frees (main thread), from any state; the rest is the worker's that has the
 *connection.
 */
#ifndef WSD_KEPT_NOTES_H
#define WSD_KEPT_NOTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define NOTES_ID_MAX      128
#define NOTES_TOKEN_BYTES 16
#define NOTES_ROWS        10 /* what a connection is like: as many numbers as proto/state.def has rows, or more */
#define NOTES_COUNT       0  /* the row that says how many messages there were */
#define NOTES_NONE        UINT32_MAX

enum note_state {
	NOTE_FREE,
	NOTE_SEATED,  /* it has an id and a socket, but its stream has no position yet */
	NOTE_OPEN,    /* what the positions say holds */
	NOTE_LEAVING, /* it is being closed */
	NOTE_SESSION, /* it has been closed, and can be resumed */
	NOTE_STATES
};

/* Whose the connection is, or its session, while it changes its process: a handoff. */
enum note_offer {
	NOTE_OURS,
	NOTE_OFFERED,         /* it is decided by this word of the arbiter; */
	NOTE_OFFERED_SESSION, /* the same of its session alone; */
	NOTE_CLAIMED,         /* it was offered to us, and is ours once we have made the word TAKEN */
	NOTE_GIVEN,           /* the other instance has it, */
	NOTE_GIVEN_SESSION,   /* or its session alone */
	NOTE_OFFERS
};

#define NOTE_NOWHERE UINT64_MAX /* of in and out: it is in the middle of something */

struct note_position {
	_Atomic uint64_t out; /* bytes of the stream; written last, and taken back first */
	uint64_t in;
	uint64_t rows[NOTES_ROWS];
};

/* Its size is part of what each connection costs. */
struct note {
	_Atomic uint8_t state; /* enum note_state */
	_Atomic uint8_t held;  /* something of it is held in this process's memory: no position holds */
	uint8_t newest;        /* of positions; the writer's */
	uint8_t peer_family;
	_Atomic int32_t fd;
	_Atomic uint64_t cookie;  /* of the socket (SO_COOKIE), which no other one has had */
	_Atomic uint32_t offered; /* enum note_offer, and which word: note_offer_of() */
	uint16_t peer_port;
	uint8_t partial; /* there is more to it than stands here: it cannot go on */
	uint8_t behind;  /* what the library has read or written by itself is still to be seen to; the wire's */
	union {
		uint64_t given;      /* bytes of the stream that were written; the wire's */
		uint64_t expires_ms; /* of a session: clock_mono_ms() */
	};
	uint64_t unseen; /* bytes that were taken in, and that nobody has told of; the wire's */
	uint8_t peer[16];
	uint8_t token[NOTES_TOKEN_BYTES];
	struct note_position positions[2];
	char id[NOTES_ID_MAX + 1]; /* and behind it its user, if there is room for both; each zero-terminated */
};

_Static_assert(sizeof(struct note) <= 400, "ten thousand idle connections are the normal case");

struct notes;

/* Main thread, before the workers run. Room for n records: those that the process before has left, or free ones. NULL
 * without a keeper, and then also all that is made of it. WSD_OK, or a negative errno, or WSD_E_MALFORMED: what was
 * left is of another kind. */
int notes_open(struct notes **out, uint32_t n);
void notes_close(struct notes **notes);

uint32_t notes_count(const struct notes *notes);

/* Any thread: the record, which its owner may write to. NULL for NOTES_NONE. */
struct note *notes_at(const struct notes *notes, uint32_t index);

/* ---- the front desk's, main thread ----------------------------------------------------------- */

/* A free record, SEATED. NOTES_NONE: there is no keeper, or none is free; nothing is noted then. */
uint32_t notes_take(struct notes *notes, const char *id, const uint8_t token[NOTES_TOKEN_BYTES]);
/* The next process's: all records that are not free, before the first notes_take(). */
void notes_claim(struct notes *notes, uint32_t index);
void notes_keep_session(struct note *note, uint64_t count, uint64_t expires_ms);
void notes_free(struct notes *notes, uint32_t index);

/* Whose it is; WSD_OK. The socket is kept from now on. */
void note_set_peer(struct note *note, const struct addr *peer);
struct addr note_peer(const struct note *note);
/* Who it is by its token; "": nobody that is known. False: there is no room for that; then it is nobody. */
bool note_set_user(struct note *note, const char *user);
const char *note_user(const struct note *note);
/* What its session has counted so far, until its stream has a position. */
void note_set_count(struct note *note, uint64_t count);

/* NOTE_OURS to begin with. word: of the arbiter; one from 2^24 on is none. note may be NULL. */
void note_set_offer(struct note *note, enum note_offer offer, uint32_t word);
enum note_offer note_offer_of(const struct note *note, uint32_t *word);

/* ---- the worker's ---------------------------------------------------------------------------- */

/* The socket that it has from now on. The old one, if any, is kept until note_unset_fd() or the next call. */
void note_set_fd(struct note *note, int fd);

/* There is more to it than is noted, or no more: if the process ends, its connection is closed, and its session kept.
 */
void note_set_partial(struct note *note, bool partial);

/* Something of it waits in this process's memory, or nothing any more: meanwhile no position holds. */
void note_hold(struct note *note, bool held);

/* The rows of a new position are to be filled in, and then where it is. Any of both may be NOTE_NOWHERE. */
uint64_t *note_begin(struct note *note);
void note_end(struct note *note, uint64_t in, uint64_t out);
void note_set_state(struct note *note, enum note_state state);

/* ---- after a crash --------------------------------------------------------------------------- */

/* Whether the record can be what this says: its strings end, its numbers are in their ranges. */
bool note_is_sound(const struct note *note);
/* The position at which the stream stands, or after which nothing was but a ping and its pong; or NULL. */
const struct note_position *note_find(const struct note *note, uint64_t in, uint64_t out);
/* The last one of which anything has been given out, whatever was taken in since: what its session has counted, so that
 * no answer was for a message that is not. NULL: it has none. out NOTE_NOWHERE: nobody can tell what was given out. */
const struct note_position *note_last(const struct note *note, uint64_t out);

#endif
