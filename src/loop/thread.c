/* SPDX-License-Identifier: MIT */
/* Threads and the start gate. */
#include "loop/thread.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"

int
thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg)
{
	char short_name[THREAD_NAME_MAX + 1];
	int rc = pthread_create(out, NULL, run, arg);

	if (rc != 0)
		return -rc;
	snprintf(short_name, sizeof(short_name), "%.*s", THREAD_NAME_MAX, name);
	pthread_setname_np(*out, short_name); /* a nicety for top(1); may fail under a strict sandbox */
	return WSD_OK;
}

void
thread_join(pthread_t thread)
{
	CHECK_ZERO(pthread_join(thread, NULL));
}

void
gate_init(struct gate *gate, unsigned n)
{
	CHECK_ZERO(pthread_mutex_init(&gate->mtx, NULL));
	CHECK_ZERO(pthread_cond_init(&gate->all_here, NULL));
	gate->awaited = n;
	gate->first_failure = WSD_OK;
}

void
gate_deinit(struct gate *gate)
{
	CHECK_ZERO(pthread_cond_destroy(&gate->all_here));
	CHECK_ZERO(pthread_mutex_destroy(&gate->mtx));
}

void
gate_report(struct gate *gate, int rc)
{
	CHECK_ZERO(pthread_mutex_lock(&gate->mtx));
	CHECK(gate->awaited > 0);
	if (rc != WSD_OK && gate->first_failure == WSD_OK)
		gate->first_failure = rc;
	if (--gate->awaited == 0)
		CHECK_ZERO(pthread_cond_signal(&gate->all_here));
	CHECK_ZERO(pthread_mutex_unlock(&gate->mtx));
}

int
gate_wait(struct gate *gate)
{
	int rc;

	CHECK_ZERO(pthread_mutex_lock(&gate->mtx));
	while (gate->awaited > 0)
		CHECK_ZERO(pthread_cond_wait(&gate->all_here, &gate->mtx));
	rc = gate->first_failure;
	CHECK_ZERO(pthread_mutex_unlock(&gate->mtx));
	return rc;
}
