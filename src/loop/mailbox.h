/* SPDX-License-Identifier: MIT */
/*
 * The only way to a loop from another thread. A list under a mutex: the reader takes out a bounded run of it
 * and runs that unlocked, and a writer wakes the loop only when the list was empty, so that a burst costs one wake-up.
 *
 * Mails are intrusive and carry their own action, so that posting allocates nothing. Posting moves ownership
 * to the reader.
 */
#ifndef WSD_LOOP_MAILBOX_H
#define WSD_LOOP_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include <uv.h>

struct mail {
	struct mail *next;
	/* Runs on the loop's thread; owner is what mailbox_init() was given. Owns the mail. */
	void (*run)(struct mail *mail, void *owner);
};

struct mailbox {
	pthread_mutex_t mtx;
	uv_async_t wake;                /* [const after start] */
	void *owner;                    /* [const after start] */
	struct mail *first, **last;     /* [lock: mtx] */
	unsigned n, most;               /* [lock: mtx] */
	bool closed;                    /* [lock: mtx] */
	void (*on_closed)(void *owner); /* loop's thread */
};

/* Loop's thread. most: bound for mailbox_post(). WSD_OK or a negative errno. */
int mailbox_init(struct mailbox *box, uv_loop_t *loop, void *owner, unsigned most);

/* Any thread. WSD_OK, WSD_E_FULL or WSD_E_CLOSED; on failure the caller still owns the mail. */
int mailbox_post(struct mailbox *box, struct mail *mail);

/* The same without the bound, for mails whose number something else bounds: answers to questions, and connections that
 * leave. Fails only with WSD_E_CLOSED. */
int mailbox_return(struct mailbox *box, struct mail *mail);

/* Loop's thread: runs what is there, refuses what comes later, and closes the handle; on_closed (may be NULL)
 * is called when the loop has let go of it. */
void mailbox_close(struct mailbox *box, void (*on_closed)(void *owner));

/* After the loop has ended and no thread can post any more. */
void mailbox_deinit(struct mailbox *box);

#endif
