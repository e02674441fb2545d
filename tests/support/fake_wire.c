/* SPDX-License-Identifier: MIT */
/* Wires without sockets. */
#include "support/fake_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "proto/frame.h"
#include "wire/frames.h"

#define MAGIC 0x66616b65u

struct wire_hub {
	struct wire_hub_setup setup;
	bool serves, refuses, no_preloads;
	struct wire *writing; /* between wire_text_begin() and _end() */
	struct wire *reading; /* whose piece is being delivered */
	size_t most;
	char text[FAKE_TEXT_MAX];
	const struct wire *preloaded; /* its adoption is awaited, */
	char preload[256];            /* and this waits for it */
	struct fake_wire wires[FAKE_WIRES];
	unsigned n;
};

static struct wire_hub *the_hub;

#define TELL(event, ...) the_hub->setup.events->event(the_hub->setup.owner, __VA_ARGS__)

static struct fake_wire *
find(const struct wire *wire)
{
	for (unsigned i = the_hub->n; i-- > 0;) /* memory is used again: the last that had it */
		if (the_hub->wires[i].wire == wire)
			return &the_hub->wires[i];
	return NULL;
}

struct fake_wire *
fake_of(const struct wire *wire)
{
	struct fake_wire *fake = find(wire);

	assert_non_null(fake);
	return fake;
}

void
fake_adopts(bool succeed)
{
	the_hub->refuses = !succeed;
}

void
fake_preloads(bool succeed)
{
	the_hub->no_preloads = !succeed;
}

const char *
fake_said(const struct wire *wire)
{
	static char said[FAKE_SAID_MAX];
	struct fake_wire *fake = fake_of(wire);

	memcpy(said, fake->said, fake->said_len);
	said[fake->said_len] = '\0';
	fake->said_len = 0;
	fake->frames = 0;
	return said;
}

/* ---- the hub --------------------------------------------------------------------------------- */

void
wire_library_init(void)
{
}

int
wire_hub_create(struct wire_hub **out, const struct wire_hub_setup *setup)
{
	assert_null(the_hub);
	*out = the_hub = calloc(1, sizeof(*the_hub));
	assert_non_null(the_hub);
	the_hub->setup = *setup;
	return WSD_OK;
}

int
wire_hub_start(struct wire_hub *hub)
{
	hub->serves = true;
	return WSD_OK;
}

bool
wire_hub_serves(const struct wire_hub *hub)
{
	return hub->serves;
}

static void
end(struct fake_wire *fake, uint16_t code, enum wire_ender by)
{
	struct wire_end how = { .code = code, .by = by };
	struct wire *wire = fake->wire;

	assert_false(fake->gone);
	fake->gone = true;
	wire->state = WIRE_GONE;
	TELL(gone, wire, &how);
}

static void
end_turn_of(struct fake_wire *fake)
{
	struct wire *wire = fake->wire;

	if (fake->looks > 0 && wire->seeking) {
		fake->looks = 0;
		TELL(boundary, wire);
	}
	if (fake->given_away) {
		end(fake, 0, WIRE_GIVEN_AWAY);
	} else if (wire->state == WIRE_GONE) {
		end(fake, fake->close_code ? fake->close_code : 1006, WIRE_BY_US);
	} else if (wire->state == WIRE_LEAVING && !fake->queue) {
		wire->state = WIRE_CLOSING;
		TELL(closing, wire, 5000);
	}
}

void
wire_hub_end_turn(struct wire_hub *hub)
{
	for (unsigned i = 0; i < hub->n; i++)
		if (!hub->wires[i].gone)
			end_turn_of(&hub->wires[i]);
}

void
wire_hub_stop(struct wire_hub *hub)
{
	for (unsigned i = 0; i < hub->n; i++)
		if (!hub->wires[i].gone)
			end(&hub->wires[i], 1006, WIRE_BY_US);
	hub->serves = false;
}

void
wire_hub_destroy(struct wire_hub **hub)
{
	assert_ptr_equal(*hub, the_hub);
	for (unsigned i = 0; i < the_hub->n; i++)
		free(the_hub->wires[i].said);
	free(the_hub);
	*hub = the_hub = NULL;
}

void
wire_hub_forget_pings(struct wire_hub *hub)
{
}

/* ---- beginning ------------------------------------------------------------------------------- */

void
wire_init(struct wire *wire)
{
	*wire = (struct wire){ .magic = MAGIC, .state = WIRE_NEW };
}

void
wire_deinit(struct wire *wire)
{
	assert_int_equal(wire->magic, MAGIC);
	wire->magic = 0;
}

int
wire_preload(struct wire *wire, const char *frames, size_t len)
{
	assert_true(len < sizeof(the_hub->preload));
	memcpy(the_hub->preload, frames, len);
	the_hub->preload[len] = '\0';
	the_hub->preloaded = wire;
	return the_hub->no_preloads ? -ENOMEM : WSD_OK;
}

static struct fake_wire *
adopt(struct wire_hub *hub, struct wire *wire)
{
	struct fake_wire *fake = &hub->wires[hub->n];

	assert_true(hub->n < FAKE_WIRES);
	hub->n++;
	*fake = (struct fake_wire){
		.wire = wire, .place = WIRE_WITHIN, .silent_ms = UINT32_MAX, .said = malloc(FAKE_SAID_MAX)
	};
	assert_non_null(fake->said);
	return fake;
}

static bool
open_it(struct wire_hub *hub, struct fake_wire *fake, int fd, const void *arg)
{
	fd_close(&fd);
	if (hub->refuses) {
		end(fake, 1006, WIRE_BY_US);
		return false;
	}
	fake->wire->state = WIRE_OPEN;
	TELL(opened, fake->wire, arg);
	return fake->wire->state == WIRE_OPEN;
}

void
wire_set_note(struct wire *wire, struct note *note)
{
	wire->note = note;
}

bool
wire_adopt(struct wire_hub *hub, struct wire *wire, int fd, const char *key, const char *subprotocol, const void *arg)
{
	struct fake_wire *fake = adopt(hub, wire);

	strcpy(fake->subprotocol, subprotocol);
	return open_it(hub, fake, fd, arg);
}

bool
wire_adopt_live(struct wire_hub *hub, struct wire *wire, int fd)
{
	struct fake_wire *fake = adopt(hub, wire);

	fake->live = true;
	if (hub->preloaded == wire)
		fake->queue = hub->preload;
	return open_it(hub, fake, fd, NULL);
}

/* ---- what it is like, and writing ------------------------------------------------------------ */

size_t
wire_queued(const struct wire *wire)
{
	const struct fake_wire *fake = find(wire);

	return fake && fake->queue ? strlen(fake->queue) : 0;
}

void
wire_copy_queue(const struct wire *wire, char *out)
{
	memcpy(out, fake_of(wire)->queue, wire_queued(wire));
}

void
wire_drop_queue(struct wire_hub *hub, struct wire *wire)
{
	fake_of(wire)->queue_dropped = true;
	fake_of(wire)->queue = NULL;
}

uint32_t
wire_silent_ms(const struct wire *wire)
{
	return fake_of(wire)->silent_ms;
}

int
wire_fd(const struct wire *wire)
{
	return 1000; /* a number, for nobody to use */
}

char *
wire_text_begin(struct wire_hub *hub, struct wire *wire, size_t most)
{
	assert_null(hub->writing);
	assert_true(most < sizeof(hub->text));
	if (wire->state != WIRE_OPEN && wire->state != WIRE_LEAVING)
		return NULL;
	hub->writing = wire;
	hub->most = most;
	return hub->text;
}

void
wire_text_end(struct wire_hub *hub, size_t len)
{
	struct fake_wire *fake;

	assert_non_null(hub->writing);
	assert_true(len <= hub->most);
	fake = fake_of(hub->writing);
	hub->writing = NULL;
	memcpy(fake->last, hub->text, len);
	fake->last[len] = '\0';
	fake->texts++;
	if (fake->said_len + len + 2 > FAKE_SAID_MAX)
		fake->said_len = 0; /* nobody asks */
	memcpy(fake->said + fake->said_len, fake->last, len);
	fake->said_len += len + 1;
	strcpy(fake->said + fake->said_len - 1, "\n");
}

void
wire_count_message(struct wire_hub *hub, uint64_t read_ns)
{
	assert_non_null(hub->reading);
	fake_of(hub->reading)->messages++;
}

void
wire_behind_pong(struct wire *wire)
{
	fake_of(wire)->behind_pong = true;
}

void
wire_ping(struct wire_hub *hub, struct wire *wire, const void *payload, size_t len)
{
	struct fake_wire *fake = fake_of(wire);

	assert_in_range(len, 1, 125);
	memcpy(fake->last_ping, payload, len);
	fake->last_ping[len] = '\0';
	fake->pings++;
}

bool
wire_send_frames(struct wire_hub *hub, struct wire *wire, struct wire_frames *frames)
{
	const char *at = frames->data;

	if (wire->state != WIRE_OPEN && wire->state != WIRE_LEAVING)
		return false;
	fake_of(wire)->frames++;
	while (at < frames->data + frames->len) {
		bool ping = (*at & 0xf) == FRAME_PING;
		size_t len = frame_payload_len(at);

		at += frame_header_len(len);
		if (ping) {
			wire_ping(hub, wire, at, len);
		} else {
			memcpy(wire_text_begin(hub, wire, len), at, len);
			wire_text_end(hub, len);
		}
		at += len;
	}
	return true;
}

/* ---- ending ---------------------------------------------------------------------------------- */

void
wire_close(struct wire_hub *hub, struct wire *wire, uint16_t code)
{
	assert_int_equal(wire->state, WIRE_OPEN);
	wire->state = WIRE_LEAVING;
	wire->seeking = false;
	fake_of(wire)->close_code = code;
}

void
wire_kill(struct wire_hub *hub, struct wire *wire)
{
	fake_of(wire)->killed = true;
	wire->state = WIRE_GONE;
}

void
wire_cut(struct wire_hub *hub, struct wire *wire)
{
	fake_of(wire)->cut = true;
	wire->state = WIRE_GONE;
}

/* ---- moving ---------------------------------------------------------------------------------- */

void
wire_seek_boundary(struct wire_hub *hub, struct wire *wire)
{
	wire->seeking = true;
	fake_of(wire)->looks++;
}

void
wire_look_again(struct wire_hub *hub, struct wire *wire)
{
	fake_of(wire)->looks++;
}

void
wire_stop_seeking(struct wire_hub *hub, struct wire *wire)
{
	wire->seeking = false;
}

enum wire_place
wire_place(struct wire_hub *hub, struct wire *wire)
{
	return fake_of(wire)->place;
}

void
wire_hold(struct wire_hub *hub, struct wire *wire)
{
	assert_int_equal(wire->state, WIRE_OPEN);
	wire->state = WIRE_HELD;
	wire->seeking = false;
	wire->paused = true;
}

void
wire_resume(struct wire_hub *hub, struct wire *wire)
{
	assert_int_equal(wire->state, WIRE_HELD);
	wire->state = WIRE_OPEN;
	wire->paused = false;
	fake_of(wire)->resumed = true;
}

void
wire_give_away(struct wire_hub *hub, struct wire *wire)
{
	assert_int_equal(wire->state, WIRE_HELD);
	wire->state = WIRE_GONE;
	fake_of(wire)->given_away = true;
}

/* ---- the peer -------------------------------------------------------------------------------- */

static void
deliver(struct wire *wire, const struct wire_piece *piece)
{
	if (wire->state != WIRE_OPEN)
		return;
	if (wire->seeking)
		fake_of(wire)->looks++;
	the_hub->reading = wire;
	TELL(piece, wire, piece);
	the_hub->reading = NULL;
}

void
fake_bytes(struct wire *wire, const void *data, size_t len, bool binary)
{
	deliver(wire, &(struct wire_piece){ .data = data, .len = len, .first = true, .last = true, .binary = binary });
}

void
fake_text(struct wire *wire, const char *text)
{
	fake_bytes(wire, text, strlen(text), false);
}

void
fake_piece(struct wire *wire, const char *text, bool first, bool last, size_t rest)
{
	deliver(wire,
		&(struct wire_piece){ .data = text, .len = strlen(text), .first = first, .last = last, .rest = rest });
}

void
fake_pong(struct wire *wire)
{
	TELL(pong, wire);
}

void
fake_stall(struct wire *wire)
{
	wire->paused = true;
	TELL(stalled, wire);
}

void
fake_take(struct wire *wire)
{
	TELL(took, wire);
}

void
fake_overrun(struct wire *wire)
{
	TELL(overrun, wire);
}

void
fake_broke(struct wire *wire, uint16_t code)
{
	TELL(broke, wire, code, "broken by a test");
}

void
fake_peer_closes(struct wire *wire, uint16_t code)
{
	wire->state = WIRE_CLOSING;
	TELL(closing, wire, 5000);
	end(fake_of(wire), code, WIRE_BY_PEER);
}

void
fake_network_ends(struct wire *wire)
{
	wire->state = WIRE_CLOSING;
	TELL(closing, wire, 200);
	end(fake_of(wire), 1006, WIRE_BY_US);
}
