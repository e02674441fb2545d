/* SPDX-License-Identifier: MIT */
/* Whoever comes last, the asker that has lost its patience or the answer, frees the question. */
#include "loop/ask.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "loop/mailbox.h"

struct ask {
	struct mail mail;
	const struct ask_kind *kind;
	pthread_mutex_t mtx;
	pthread_cond_t answered;
	bool done, abandoned; /* [lock: mtx] */
	int rc;               /* by whoever answers, before done */
	_Alignas(max_align_t) char payload[];
};

static void
run(struct mail *mail, void *owner)
{
	struct ask *a = (struct ask *)mail;

	a->kind->run(a, a->payload, owner);
}

static struct ask *
create(const struct ask_kind *kind, const void *payload)
{
	struct ask *a = calloc(1, sizeof(*a) + kind->size);

	if (!a)
		return NULL;
	a->mail.run = run;
	a->kind = kind;
	memcpy(a->payload, payload, kind->size);
	CHECK_ZERO(pthread_mutex_init(&a->mtx, NULL));
	CHECK_ZERO(pthread_cond_init(&a->answered, NULL));
	return a;
}

static void
destroy(struct ask *a)
{
	CHECK_ZERO(pthread_cond_destroy(&a->answered));
	CHECK_ZERO(pthread_mutex_destroy(&a->mtx));
	free(a);
}

void
ask_answer(struct ask *a, int rc)
{
	bool abandoned;

	CHECK_ZERO(pthread_mutex_lock(&a->mtx));
	a->rc = rc;
	a->done = true;
	abandoned = a->abandoned;
	CHECK_ZERO(pthread_cond_signal(&a->answered));
	CHECK_ZERO(pthread_mutex_unlock(&a->mtx));
	if (!abandoned)
		return; /* it may be gone already */
	if (a->kind->drop)
		a->kind->drop(a->payload);
	destroy(a);
}

/* True if the answer has come; else the ask is not ours any more. */
static bool
wait_for_answer(struct ask *a, uint32_t patience_ms)
{
	struct timespec until = clock_in_ms(patience_ms);
	bool done;
	int rc = 0;

	CHECK_ZERO(pthread_mutex_lock(&a->mtx));
	while (!a->done && rc == 0)
		rc = pthread_cond_clockwait(&a->answered, &a->mtx, CLOCK_MONOTONIC, &until);
	done = a->done;
	a->abandoned = !done;
	CHECK_ZERO(pthread_mutex_unlock(&a->mtx));
	return done;
}

int
ask(struct mailbox *box, const struct ask_kind *kind, void *payload, uint32_t patience_ms)
{
	struct ask *a = create(kind, payload);
	int rc;

	if (!a)
		return -ENOMEM;
	if (mailbox_post(box, &a->mail) != WSD_OK) {
		destroy(a);
		return WSD_E_BUSY;
	}
	if (!wait_for_answer(a, patience_ms))
		return WSD_E_TIMEOUT;
	memcpy(payload, a->payload, kind->size);
	rc = a->rc;
	destroy(a);
	return rc;
}
