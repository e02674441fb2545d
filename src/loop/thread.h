/* SPDX-License-Identifier: MIT */
/* Named threads with all signals blocked, and the gate that a starter waits at until all of them are up. */
#ifndef WSD_LOOP_THREAD_H
#define WSD_LOOP_THREAD_H

#include <pthread.h>

#define THREAD_NAME_MAX 15 /* pthread_setname_np(3) */

/* The caller blocks signals first (main does, before its first thread); the new thread inherits the mask. WSD_OK or a
 * negative errno; name is cut at THREAD_NAME_MAX characters. */
int thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg);
void thread_join(pthread_t thread);

/* n threads report once each; one thread waits for all the reports. */
struct gate {
	pthread_mutex_t mtx;
	pthread_cond_t all_here;
	unsigned awaited;  /* [lock: mtx] */
	int first_failure; /* [lock: mtx] */
};

void gate_init(struct gate *gate, unsigned n);
void gate_deinit(struct gate *gate);
/* Any thread; rc is WSD_OK or why that thread could not start. */
void gate_report(struct gate *gate, int rc);
/* Returns WSD_OK if all reported so, else the first failure. */
int gate_wait(struct gate *gate);

#endif
