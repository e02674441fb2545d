/* SPDX-License-Identifier: MIT */
/* The records; their memory is a memfd of fixed size, touched only as far as there are connections. */
#include "kept/notes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/err.h"
#include "kept/table.h"

#define MAGIC 0x6e6f7465u

struct notes_memory {
	uint32_t magic;
	uint32_t layout; /* sizeof(struct note) */
	uint32_t n;
	_Alignas(64) struct note all[];
};

struct notes {
	struct notes_memory *memory;
	uint32_t n;
	/* Free records, the last one freed first, so that few pages are touched. Those from n_used on have never been
	 * used. */
	uint32_t n_free, n_used;
	uint32_t free[];
};

static size_t
bytes(uint32_t n)
{
	return sizeof(struct notes_memory) + (size_t)n * sizeof(struct note);
}

/* What another program has left is of no use: only its own kind is executed again, so that this is a fault. */
static int
check_memory(struct notes_memory *memory, uint32_t n)
{
	if (memory->magic == 0) {
		memory->layout = sizeof(struct note);
		memory->n = n;
		memory->magic = MAGIC;
	}
	return memory->magic == MAGIC && memory->layout == sizeof(struct note) && memory->n == n ? WSD_OK
												 : WSD_E_MALFORMED;
}

int
notes_open(struct notes **out, uint32_t n)
{
	struct notes *notes;
	void *memory;
	int rc;

	*out = NULL;
	if (!kept_on())
		return WSD_OK;
	rc = kept_map(KEPT_NOTES, bytes(n), &memory);
	if (rc == WSD_OK)
		rc = check_memory(memory, n);
	if (rc != WSD_OK)
		return rc;
	notes = calloc(1, sizeof(*notes) + n * sizeof(*notes->free));
	if (!notes) {
		munmap(memory, bytes(n));
		return -ENOMEM;
	}
	notes->memory = memory;
	notes->n = n;
	*out = notes;
	return WSD_OK;
}

void
notes_close(struct notes **notes)
{
	if (!*notes)
		return;
	munmap((*notes)->memory, bytes((*notes)->n));
	free(*notes);
	*notes = NULL;
}

uint32_t
notes_count(const struct notes *notes)
{
	return notes ? notes->n : 0;
}

struct note *
notes_at(const struct notes *notes, uint32_t index)
{
	if (!notes || index == NOTES_NONE)
		return NULL;
	CHECK(index < notes->n);
	return &notes->memory->all[index];
}

/* ---- the front desk's ------------------------------------------------------------------------ */

static uint32_t
take_index(struct notes *notes)
{
	if (notes->n_free > 0)
		return notes->free[--notes->n_free];
	return notes->n_used < notes->n ? notes->n_used++ : NOTES_NONE;
}

static void
set_identity(struct note *note, const char *id, const uint8_t token[NOTES_TOKEN_BYTES])
{
	size_t len = strlen(id);

	CHECK(len <= NOTES_ID_MAX);
	memcpy(note->id, id, len + 1);
	note_set_user(note, "");
	memcpy(note->token, token, NOTES_TOKEN_BYTES);
}

static void
start_anew(struct note *note)
{
	atomic_store_explicit(&note->fd, -1, memory_order_relaxed);
	atomic_store_explicit(&note->held, 0, memory_order_relaxed);
	atomic_store_explicit(&note->offered, 0, memory_order_relaxed);
	for (int i = 0; i < 2; i++)
		atomic_store_explicit(&note->positions[i].out, NOTE_NOWHERE, memory_order_relaxed);
	note->newest = 0;
	note->behind = note->partial = false;
	note->given = note->unseen = 0;
}

uint32_t
notes_take(struct notes *notes, const char *id, const uint8_t token[NOTES_TOKEN_BYTES])
{
	struct note *note;
	uint32_t index;

	if (!notes)
		return NOTES_NONE;
	index = take_index(notes);
	if (index == NOTES_NONE)
		return index;
	note = &notes->memory->all[index];
	start_anew(note);
	set_identity(note, id, token);
	note_set_state(note, NOTE_SEATED);
	return index;
}

void
notes_claim(struct notes *notes, uint32_t index)
{
	CHECK(index >= notes->n_used && index < notes->n);
	while (notes->n_used < index)
		notes->free[notes->n_free++] = notes->n_used++;
	notes->n_used++;
}

void
notes_keep_session(struct note *note, uint64_t count, uint64_t expires_ms)
{
	if (!note)
		return;
	note_set_state(note, NOTE_LEAVING);
	note->positions[0].rows[NOTES_COUNT] = count;
	note->expires_ms = expires_ms;
	note_set_state(note, NOTE_SESSION);
	atomic_store_explicit(&note->fd, -1, memory_order_relaxed);
}

void
notes_free(struct notes *notes, uint32_t index)
{
	struct note *note = notes_at(notes, index);

	if (!note)
		return;
	note_set_state(note, NOTE_FREE);
	notes->free[notes->n_free++] = index;
}

void
note_set_peer(struct note *note, const struct addr *peer)
{
	memcpy(note->peer, peer->bytes, sizeof(note->peer));
	note->peer_port = peer->port;
	note->peer_family = peer->family;
}

struct addr
note_peer(const struct note *note)
{
	struct addr peer = { .port = note->peer_port, .family = note->peer_family };

	memcpy(peer.bytes, note->peer, sizeof(peer.bytes));
	return peer;
}

static size_t
user_at(const struct note *note)
{
	return strlen(note->id) + 1;
}

bool
note_set_user(struct note *note, const char *user)
{
	size_t at = user_at(note), len = strlen(user);
	bool fits = len == 0 || at + len < sizeof(note->id);

	if (at < sizeof(note->id))
		note->id[at] = '\0';
	if (fits && len > 0)
		memcpy(note->id + at, user, len + 1);
	return fits;
}

const char *
note_user(const struct note *note)
{
	size_t at = user_at(note);

	return at < sizeof(note->id) ? note->id + at : "";
}

void
note_set_count(struct note *note, uint64_t count)
{
	note_begin(note)[NOTES_COUNT] = count;
	note_end(note, NOTE_NOWHERE, 0);
}

#define OFFER_SHIFT 24

void
note_set_offer(struct note *note, enum note_offer offer, uint32_t word)
{
	uint32_t most = (1u << OFFER_SHIFT) - 1;

	if (note)
		atomic_store_explicit(&note->offered, (uint32_t)offer << OFFER_SHIFT | (word < most ? word : most),
				      memory_order_release);
}

enum note_offer
note_offer_of(const struct note *note, uint32_t *word)
{
	uint32_t offered = atomic_load_explicit(&note->offered, memory_order_acquire);

	*word = offered & ((1u << OFFER_SHIFT) - 1);
	return (enum note_offer)(offered >> OFFER_SHIFT);
}

/* ---- the worker's ---------------------------------------------------------------------------- */

void
note_set_fd(struct note *note, int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) != 0)
		cookie = 0;
	kept_add(fd, KEPT_CONNECTION);
	/* the fd last: as long as it is the old one, which is open still, the old cookie is right for both */
	atomic_store_explicit(&note->cookie, cookie, memory_order_release);
	atomic_store_explicit(&note->fd, fd, memory_order_release);
}

uint64_t *
note_begin(struct note *note)
{
	struct note_position *next = &note->positions[note->newest ^ 1];

	atomic_store_explicit(&next->out, NOTE_NOWHERE, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* it is this thread's order that a crash leaves behind */
	return next->rows;
}

void
note_end(struct note *note, uint64_t in, uint64_t out)
{
	struct note_position *next = &note->positions[note->newest ^ 1];

	next->in = in;
	atomic_store_explicit(&next->out, out, memory_order_release);
	note->newest ^= 1;
}

void
note_hold(struct note *note, bool held)
{
	atomic_store_explicit(&note->held, held, memory_order_release);
}

void
note_set_partial(struct note *note, bool partial)
{
	note->partial = partial;
}

void
note_set_state(struct note *note, enum note_state state)
{
	atomic_store_explicit(&note->state, (uint8_t)state, memory_order_release);
}

/* ---- after a crash --------------------------------------------------------------------------- */

bool
note_is_sound(const struct note *note)
{
	uint32_t state = atomic_load_explicit(&note->state, memory_order_acquire);

	return state > NOTE_FREE && state < NOTE_STATES && note->id[0] != '\0' &&
	       memchr(note->id, '\0', sizeof(note->id)) &&
	       (user_at(note) == sizeof(note->id) || memchr(note_user(note), '\0', sizeof(note->id) - user_at(note))) &&
	       note->peer_family <= ADDR_V6 && note->newest <= 1;
}

/* A ping that was answered since, of which nobody has told: what has come is its mask longer than what has left. */
#define MASK     4
#define PONG_MIN 2
#define PONG_MAX (PONG_MIN + 125)

static bool
is_at(const struct note_position *p, uint64_t in, uint64_t out)
{
	return p->out == out && p->in == in && out != NOTE_NOWHERE && in != NOTE_NOWHERE;
}

static bool
is_pong_further(const struct note_position *p, uint64_t in, uint64_t out)
{
	uint64_t answered = out - p->out;

	return p->out != NOTE_NOWHERE && p->in != NOTE_NOWHERE && answered >= PONG_MIN && answered <= PONG_MAX &&
	       in - p->in == answered + MASK;
}

/* Only the newest one can be a pong behind: what has left since the other is an answer, and one message more may have
 * been read. */
const struct note_position *
note_find(const struct note *note, uint64_t in, uint64_t out)
{
	const struct note_position *newest = &note->positions[note->newest & 1];

	for (uint32_t i = 0; i < 2; i++)
		if (is_at(&note->positions[i], in, out))
			return &note->positions[i];
	return is_pong_further(newest, in, out) ? newest : NULL;
}

const struct note_position *
note_last(const struct note *note, uint64_t out)
{
	const struct note_position *later = &note->positions[note->newest & 1];
	const struct note_position *before = &note->positions[(note->newest & 1) ^ 1];

	if (later->out == NOTE_NOWHERE || before->out == NOTE_NOWHERE)
		return later->out != NOTE_NOWHERE ? later : before->out != NOTE_NOWHERE ? before : NULL;
	if (before->out > later->out) { /* it died before it had said which is the newest */
		const struct note_position *newest = before;

		before = later;
		later = newest;
	}
	return out > before->out || later->out == before->out ? later : before;
}
