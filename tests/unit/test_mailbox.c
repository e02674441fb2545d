/* SPDX-License-Identifier: MIT */
/* The mailbox: order, bound, one wake-up for a burst, many writers, and closing with mails in it. */
#include "loop/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"

struct letter {
	struct mail mail;
	unsigned writer, n;
};

#define WRITERS 4
#define EACH    20000

struct rig {
	uv_loop_t loop;
	struct mailbox box;
	unsigned read, closed;
	unsigned next[WRITERS]; /* expected of each */
	bool close_at_next;
	struct letter *reply; /* posted by the next action */
	int reply_rc;
};

static void
on_closed(void *owner)
{
	struct rig *rig = owner;

	rig->closed++;
}

static void
take(struct mail *mail, void *owner)
{
	struct letter *letter = (struct letter *)mail;
	struct rig *rig = owner;

	assert_int_equal(letter->n, rig->next[letter->writer]);
	rig->next[letter->writer]++;
	rig->read++;
	free(letter);
	if (rig->reply) {
		struct letter *reply = rig->reply;

		rig->reply = NULL;
		rig->reply_rc = mailbox_post(&rig->box, &reply->mail);
	}
	if (rig->close_at_next) {
		rig->close_at_next = false;
		mailbox_close(&rig->box, on_closed);
	}
}

static struct letter *
letter(unsigned writer, unsigned n)
{
	struct letter *l = malloc(sizeof(*l));

	assert_non_null(l);
	*l = (struct letter){ .mail.run = take, .writer = writer, .n = n };
	return l;
}

static void
start(struct rig *rig, unsigned most)
{
	*rig = (struct rig){ .read = 0 };
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	assert_int_equal(mailbox_init(&rig->box, &rig->loop, rig, most), WSD_OK);
}

/* The loop must end by itself once the box is closed. */
static void
finish(struct rig *rig)
{
	assert_int_equal(uv_run(&rig->loop, UV_RUN_DEFAULT), 0);
	mailbox_deinit(&rig->box);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
}

static void
post(struct rig *rig, unsigned n, int expected)
{
	struct letter *l = letter(0, n);

	assert_int_equal(mailbox_post(&rig->box, &l->mail), expected);
	if (expected != WSD_OK)
		free(l);
}

static void
test_bound(void **state)
{
	struct rig rig;
	struct letter *l;

	start(&rig, 3);
	for (unsigned n = 0; n < 3; n++)
		post(&rig, n, WSD_OK);
	post(&rig, 3, WSD_E_FULL);
	l = letter(0, 3); /* what is bounded elsewhere gets in */
	assert_int_equal(mailbox_return(&rig.box, &l->mail), WSD_OK);
	post(&rig, 4, WSD_E_FULL);
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.read, 4);
	post(&rig, 4, WSD_OK); /* there is room again */
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.read, 5);
	mailbox_close(&rig.box, NULL);
	finish(&rig);
}

/* A burst is one wake-up: one turn of the loop reads all of it, and the next one finds nothing. */
static void
test_burst(void **state)
{
	struct rig rig;

	start(&rig, 1000);
	for (unsigned n = 0; n < 1000; n++)
		post(&rig, n, WSD_OK);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	assert_in_range(rig.read, 1, 999); /* the loop's other work gets its turn in between */
	while (rig.read < 1000)
		uv_run(&rig.loop, UV_RUN_ONCE);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	assert_int_equal(rig.read, 1000);
	mailbox_close(&rig.box, on_closed);
	assert_int_equal(rig.closed, 0); /* only when the loop has let go */
	finish(&rig);
	assert_int_equal(rig.closed, 1);
}

/* An action may post to its own mailbox: the mail comes in the next turn, not in this one. */
static void
test_post_from_action(void **state)
{
	struct rig rig;

	start(&rig, 2);
	rig.reply = letter(0, 2);
	post(&rig, 0, WSD_OK);
	post(&rig, 1, WSD_OK); /* full; but the box is empty while it is read */
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	assert_int_equal(rig.reply_rc, WSD_OK);
	assert_int_equal(rig.read, 2);
	uv_run(&rig.loop, UV_RUN_ONCE);
	assert_int_equal(rig.read, 3);
	mailbox_close(&rig.box, NULL);
	finish(&rig);
}

static void
test_close_runs_what_is_there(void **state)
{
	struct rig rig;
	struct letter *late;

	start(&rig, 10);
	for (unsigned n = 0; n < 5; n++)
		post(&rig, n, WSD_OK);
	rig.reply = letter(0, 99); /* too late: closed comes first */
	late = rig.reply;
	mailbox_close(&rig.box, on_closed);
	assert_int_equal(rig.read, 5);
	assert_int_equal(rig.reply_rc, WSD_E_CLOSED);
	assert_int_equal(mailbox_return(&rig.box, &late->mail), WSD_E_CLOSED);
	free(late);
	post(&rig, 5, WSD_E_CLOSED);
	finish(&rig);
	assert_int_equal(rig.closed, 1);
	assert_int_equal(rig.read, 5);
}

/* As a worker ends: by a mail that closes the mailbox it came through. Those behind it are read, too. */
static void
test_close_from_action(void **state)
{
	struct rig rig;

	start(&rig, 10);
	rig.close_at_next = true;
	for (unsigned n = 0; n < 5; n++)
		post(&rig, n, WSD_OK);
	finish(&rig);
	assert_int_equal(rig.read, 5);
	assert_int_equal(rig.closed, 1);
}

/* ---- many writers ---------------------------------------------------------------------------- */

struct writer {
	struct rig *rig;
	unsigned number;
	unsigned posted; /* before it was closed */
};

static void *
write_all(void *arg)
{
	struct writer *w = arg;

	for (unsigned n = 0; n < EACH;) {
		struct letter *l = letter(w->number, n);
		int rc = mailbox_post(&w->rig->box, &l->mail);

		if (rc == WSD_OK) {
			w->posted = ++n;
			continue;
		}
		free(l);
		if (rc == WSD_E_CLOSED)
			break;
		assert_int_equal(rc, WSD_E_FULL);
	}
	return NULL;
}

static void
test_many_writers(void **state)
{
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct rig rig;

	for (unsigned closing = 0; closing < 2; closing++) {
		unsigned posted = 0;

		start(&rig, 100);
		for (unsigned i = 0; i < WRITERS; i++) {
			writers[i] = (struct writer){ &rig, i, 0 };
			assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
		}
		/* the second time it is closed in the midst of it: what was accepted is read all the same */
		while (rig.read < (closing ? EACH : WRITERS * EACH))
			uv_run(&rig.loop, UV_RUN_ONCE);
		mailbox_close(&rig.box, on_closed);
		for (unsigned i = 0; i < WRITERS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_int_equal(rig.next[i], writers[i].posted);
			posted += writers[i].posted;
		}
		assert_int_equal(rig.read, posted);
		assert_true(closing || posted == WRITERS * EACH);
		finish(&rig);
		assert_int_equal(rig.closed, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_post_from_action),
		cmocka_unit_test(test_close_runs_what_is_there),
		cmocka_unit_test(test_close_from_action),
		cmocka_unit_test(test_many_writers),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
