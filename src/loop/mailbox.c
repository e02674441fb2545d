/* SPDX-License-Identifier: MIT */
/* Mailbox of a loop; see the header for how it is read. */
#include "loop/mailbox.h"

#include "base/check.h"
#include "base/err.h"

#define MAILS_A_TURN 256

/* Takes at most `most` mails out and runs them unlocked; false: there were no others. */
static bool
run_some(struct mailbox *box, unsigned most)
{
	struct mail *mail, **end = &mail;
	unsigned n = 0;
	bool more;

	CHECK_ZERO(pthread_mutex_lock(&box->mtx));
	mail = box->first;
	while (*end && n < most) {
		end = &(*end)->next;
		n++;
	}
	box->first = *end;
	*end = NULL;
	if (!box->first)
		box->last = &box->first;
	box->n -= n;
	more = box->first != NULL;
	CHECK_ZERO(pthread_mutex_unlock(&box->mtx));

	while (mail) {
		struct mail *next = mail->next; /* the action may free the mail */

		mail->run(mail, box->owner);
		mail = next;
	}
	return more;
}

static void
on_wake(uv_async_t *wake)
{
	struct mailbox *box = wake->data;

	/* Not all at once: ten thousand connections that arrive together must not keep the first ones waiting. An
	 * action may have closed the box, which runs the rest. */
	if (run_some(box, MAILS_A_TURN) && !uv_is_closing((uv_handle_t *)wake))
		CHECK_ZERO(uv_async_send(wake));
}

int
mailbox_init(struct mailbox *box, uv_loop_t *loop, void *owner, unsigned most)
{
	int rc = uv_async_init(loop, &box->wake, on_wake);

	if (rc != 0)
		return rc;
	CHECK_ZERO(pthread_mutex_init(&box->mtx, NULL));
	box->wake.data = box;
	box->owner = owner;
	box->first = NULL;
	box->last = &box->first;
	box->n = 0;
	box->most = most;
	box->closed = false;
	box->on_closed = NULL;
	return WSD_OK;
}

static int
append(struct mailbox *box, struct mail *mail, bool bounded)
{
	int rc = WSD_OK;

	mail->next = NULL;
	CHECK_ZERO(pthread_mutex_lock(&box->mtx));
	if (box->closed) {
		rc = WSD_E_CLOSED;
	} else if (bounded && box->n >= box->most) {
		rc = WSD_E_FULL;
	} else {
		bool was_empty = box->first == NULL;

		*box->last = mail;
		box->last = &mail->next;
		box->n++;
		/* under the lock, so that the handle cannot be closed between the check and the call */
		if (was_empty)
			CHECK_ZERO(uv_async_send(&box->wake));
	}
	CHECK_ZERO(pthread_mutex_unlock(&box->mtx));
	return rc;
}

int
mailbox_post(struct mailbox *box, struct mail *mail)
{
	return append(box, mail, true);
}

int
mailbox_return(struct mailbox *box, struct mail *mail)
{
	return append(box, mail, false);
}

static void
handle_closed(uv_handle_t *handle)
{
	struct mailbox *box = handle->data;

	if (box->on_closed)
		box->on_closed(box->owner);
}

void
mailbox_close(struct mailbox *box, void (*on_closed)(void *owner))
{
	CHECK_ZERO(pthread_mutex_lock(&box->mtx));
	box->closed = true;
	CHECK_ZERO(pthread_mutex_unlock(&box->mtx));
	while (run_some(box, MAILS_A_TURN))
		;
	box->on_closed = on_closed;
	uv_close((uv_handle_t *)&box->wake, handle_closed);
}

void
mailbox_deinit(struct mailbox *box)
{
	CHECK(box->first == NULL);
	CHECK_ZERO(pthread_mutex_destroy(&box->mtx));
}
