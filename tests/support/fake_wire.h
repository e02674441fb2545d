/* SPDX-License-Identifier: MIT */
/*
 * Wires without sockets: the functions of wire/wire.h, which write down what they are told, and the peers' side of them
 * for tests. Linked in the place of src/wire/, for unit tests of what is above it. One hub and FAKE_WIRES wires at a
 * time; one thread.
 */
#ifndef WSD_TESTS_FAKE_WIRE_H
#define WSD_TESTS_FAKE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define FAKE_WIRES    600
#define FAKE_TEXT_MAX 8192
#define FAKE_SAID_MAX (4 * FAKE_TEXT_MAX)

/* What has become of a wire. It outlives its `gone`, until wire_hub_destroy(). */
struct fake_wire {
	struct wire *wire;
	unsigned texts, pings, messages; /* messages: wire_count_message() */
	unsigned frames;                 /* runs of them, since fake_said() */
	char *said;                      /* all texts since then, a line each */
	size_t said_len;
	char last[FAKE_TEXT_MAX]; /* text, zero-terminated; a message that comes may overwrite it */
	char last_ping[126];
	char subprotocol[65];
	uint16_t close_code; /* of wire_close(); 0: none */
	bool behind_pong, killed, cut, given_away, resumed, queue_dropped, live, gone;
	unsigned looks;        /* that are due at the end of the turn */
	enum wire_place place; /* what wire_place() is to answer; WIRE_WITHIN at first */
	uint32_t silent_ms;    /* what wire_silent_ms() is; UINT32_MAX at first */
	const char *queue;     /* what wire_copy_queue() gives out; NULL: nothing waits */
};

struct fake_wire *fake_of(const struct wire *wire);

/* All that it was sent since this was asked last, each followed by a newline. Valid until the next call. */
const char *fake_said(const struct wire *wire);

/* Whether adoptions from now on succeed. */
void fake_adopts(bool succeed);
/* The same of what is to wait for one that is not adopted yet; what does is that of one wire at a time. */
void fake_preloads(bool succeed);

/* ---- the peer -------------------------------------------------------------------------------- */

/* A message, of a frame that came whole. */
void fake_text(struct wire *wire, const char *text);
void fake_bytes(struct wire *wire, const void *data, size_t len, bool binary);
/* A piece that neither begins nor ends a message but as it is said; rest: of its frame, still to come. now_ns is 0. */
void fake_piece(struct wire *wire, const char *text, bool first, bool last, size_t rest);
void fake_pong(struct wire *wire);
void fake_stall(struct wire *wire); /* it takes nothing */
void fake_take(struct wire *wire);  /* something, but it is stalled still */
void fake_overrun(struct wire *wire);
void fake_broke(struct wire *wire, uint16_t code);
void fake_peer_closes(struct wire *wire, uint16_t code); /* and is gone */
void fake_network_ends(struct wire *wire);

#endif
