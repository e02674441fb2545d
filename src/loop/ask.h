/* SPDX-License-Identifier: MIT */
/*
 * A question to the owner of a mailbox, from a thread that waits for the answer, with a timeout. What is asked and
 * what is answered is one struct of the asker's, the payload; it is copied, since the asker may be gone when the answer
 * comes.
 */
#ifndef WSD_LOOP_ASK_H
#define WSD_LOOP_ASK_H

#include <stddef.h>
#include <stdint.h>

struct ask;
struct mailbox;

/* What is asked. */
struct ask_kind {
	size_t size; /* of the payload */
	/* On the thread of the mailbox's owner: answers with ask_answer(), at once, or later from any thread. The
	 * payload may be written to until then. */
	void (*run)(struct ask *ask, void *payload, void *owner);
	/* Ends what the payload owns when the asker did not wait for it; may be NULL. Any thread. */
	void (*drop)(void *payload);
};

/* Asks and waits: what ask_answer() was given, and *payload is as it was then. Or *payload is as before: WSD_E_BUSY
 * (the mailbox takes nothing more), WSD_E_TIMEOUT (an answer that comes later is dropped), -ENOMEM. Not on the owner's
 * thread. */
int ask(struct mailbox *box, const struct ask_kind *kind, void *payload, uint32_t patience_ms);

/* Ends the ask, and the payload that it came with. */
void ask_answer(struct ask *ask, int rc);

#endif
