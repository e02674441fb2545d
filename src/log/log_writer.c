/* SPDX-License-Identifier: MIT */
/*
 * The queue of lines and the thread that writes them.
 *
 * Waking a thread costs the waker more than making the line did. So the writer is woken only out of a long sleep:
 * after each batch it looks again by itself for as long as lines keep coming, at most LINGER_MS later, and until then
 * posters just append (but for a queue that is half full, which cannot wait). Order is kept: one list, swapped out
 * whole.
 *
 * Whether the thread still takes lines is decided under the lock that guards the list, so that at log_stop() each
 * line is either in the last batch or written by its own thread.
 *
 * Whoever waits for the writer waits for a bounded time: it may be held up for ever by a pipe that nobody reads or a
 * journal that stands still, and that must not keep the process from ending. Then it is left behind where it hangs.
 */
#include "log/log_priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "log/message_ids.h"

#define QUEUE_LINES 4096
#define QUEUE_BYTES (8u << 20)
#define LINGER_MS   5
#define STOP_MS     2000 /* for what is queued, at the end; as long, clients of a restart may have to wait */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t done;         /* a batch is written, or the writer ends */
	struct list lines;           /* [lock: lock] */
	unsigned n_lines;            /* [lock: lock] */
	size_t n_bytes;              /* [lock: lock] */
	uint64_t batches;            /* [lock: lock] taken ever */
	bool writing;                /* [lock: lock] the last of them is not written yet */
	bool urgent;                 /* [lock: lock] somebody waits for what is queued */
	bool asleep;                 /* [lock: lock] the writer does not look again by itself */
	bool running;                /* [lock: lock] the writer takes lines */
	bool stopping;               /* [lock: lock] */
	bool abandoned;              /* [lock: lock] the writer hangs, and nobody waits for it any more */
	pthread_t thread;            /* of the thread that starts and stops the log */
	const struct log_sink *sink; /* [const after start] */
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
	.lines = { &queue.lines, &queue.lines },
};

static _Atomic uint64_t dropped;

void
log_writer_count_drops(unsigned n)
{
	if (n > 0)
		atomic_fetch_add_explicit(&dropped, n, memory_order_relaxed);
}

uint64_t
log_writer_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

/* A critical line finds room in any case: there are few of them. */
static bool
is_full_locked(const struct log_line *line)
{
	return line->level > LOG_LEVEL_CRIT &&
	       (queue.n_lines >= QUEUE_LINES || queue.n_bytes + line->size > QUEUE_BYTES);
}

bool
log_writer_post(struct log_line *line)
{
	struct log_line *refused = NULL;
	bool running;

	CHECK_ZERO(pthread_mutex_lock(&queue.lock));
	running = queue.running || queue.abandoned;
	if (running && (queue.abandoned || is_full_locked(line))) {
		refused = line;
		log_writer_count_drops(1);
	} else if (running) {
		list_append(&queue.lines, &line->node);
		queue.n_lines++;
		queue.n_bytes += line->size;
		if (queue.asleep || queue.n_lines == QUEUE_LINES / 2) {
			queue.asleep = false;
			CHECK_ZERO(pthread_cond_signal(&queue.wake));
		}
	}
	CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
	free(refused);
	return running;
}

/* False: the time is over. */
static bool
wait_locked(pthread_cond_t *cond, const struct timespec *until)
{
	int rc = pthread_cond_clockwait(cond, &queue.lock, CLOCK_MONOTONIC, until);

	CHECK(rc == 0 || rc == ETIMEDOUT);
	return rc == 0;
}

/* Returns when the queue is half full, somebody waits for it, the log stops, or LINGER_MS have passed. */
static void
linger_locked(void)
{
	struct timespec until = clock_in_ms(LINGER_MS);

	while (!queue.stopping && !queue.urgent && queue.n_lines < QUEUE_LINES / 2 && wait_locked(&queue.wake, &until))
		;
}

/* Until all that is queued now has been written; false: that takes longer. */
static bool
flush_locked(uint64_t most_ms)
{
	struct timespec until = clock_in_ms(most_ms);
	uint64_t last = queue.batches + !list_empty(&queue.lines); /* the batch that the last line is in */

	queue.urgent = true;
	CHECK_ZERO(pthread_cond_signal(&queue.wake));
	while (queue.running && (queue.batches < last || (queue.batches == last && queue.writing)))
		if (!wait_locked(&queue.done, &until))
			return false;
	return true;
}

void
log_writer_flush(uint64_t most_ms)
{
	CHECK_ZERO(pthread_mutex_lock(&queue.lock));
	flush_locked(most_ms);
	CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
}

/* Moves all lines to batch. False: there are none, and none will come any more. */
static bool
take(struct list *batch, bool linger)
{
	bool more;

	CHECK_ZERO(pthread_mutex_lock(&queue.lock));
	queue.writing = false;
	CHECK_ZERO(pthread_cond_broadcast(&queue.done));
	if (linger)
		linger_locked();
	while (list_empty(&queue.lines) && !queue.stopping) {
		queue.asleep = true;
		CHECK_ZERO(pthread_cond_wait(&queue.wake, &queue.lock));
	}
	queue.asleep = false;
	more = !list_empty(&queue.lines);
	list_splice(batch, &queue.lines);
	queue.n_lines = 0;
	queue.n_bytes = 0;
	queue.urgent = false;
	queue.batches += more;
	queue.writing = more;
	if (!more) {
		queue.running = false;
		CHECK_ZERO(pthread_cond_broadcast(&queue.done));
	}
	CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
	return more;
}

static __attribute__((format(printf, 4, 5))) struct log_line *
make_line(enum log_level level, const char *id, const struct log_field *fields, const char *format, ...)
{
	struct log_line *line;
	va_list args;

	va_start(args, format);
	line = log_line_create(level, id, fields, format, args);
	va_end(args);
	return line;
}

/* What was dropped came after the lines of the batch that has just been written: the loss is told in its place. */
static void
report_drops(uint64_t *reported)
{
	uint64_t now = log_writer_dropped();
	struct list alone;
	struct log_line *line;

	if (now == *reported || !log_enabled(LOG_LEVEL_WARN))
		return;
	line = make_line(LOG_LEVEL_WARN, LOG_ID_LINES_DROPPED, LOG_FIELDS(LOG_NUMBER("WS_DROPPED", now - *reported)),
			 "%llu log lines dropped", (unsigned long long)(now - *reported));
	if (!line)
		return;
	list_init(&alone);
	list_append(&alone, &line->node);
	if (log_sink_write(queue.sink, &alone) == 0) /* else with the next batch */
		*reported = now;
}

static void *
write_all(void *arg)
{
	static uint64_t reported; /* of the one writer at a time; kept for the next one */
	struct list batch;
	bool linger = false;

	list_init(&batch);
	while (take(&batch, linger)) {
		log_writer_count_drops(log_sink_write(queue.sink, &batch));
		report_drops(&reported);
		linger = true;
	}
	return NULL;
}

static int
create_thread(void)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, &all, &before));
	rc = -pthread_create(&queue.thread, NULL, write_all, NULL);
	CHECK_ZERO(pthread_sigmask(SIG_SETMASK, &before, NULL));
	if (rc == WSD_OK)
		CHECK_ZERO(pthread_setname_np(queue.thread, "wsd-log"));
	return rc;
}

int
log_writer_start(const struct log_sink *sink)
{
	int rc;

	CHECK_ZERO(pthread_mutex_lock(&queue.lock));
	CHECK(!queue.running);
	queue.sink = sink;
	queue.stopping = false;
	queue.abandoned = false;
	queue.running = true;
	CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
	rc = create_thread();
	if (rc != WSD_OK) {
		CHECK_ZERO(pthread_mutex_lock(&queue.lock));
		queue.running = false;
		CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
	}
	return rc;
}

/* What is queued will not be written any more, and nor will what is still to come. */
static void
abandon_locked(struct list *lines)
{
	queue.abandoned = true;
	log_writer_count_drops(queue.n_lines);
	list_splice(lines, &queue.lines);
	queue.n_lines = 0;
	queue.n_bytes = 0;
}

static void
free_lines(struct list *lines)
{
	list_foreach (node, lines) {
		list_unlink(node);
		free(LIST_ENTRY(node, struct log_line, node));
	}
}

void
log_writer_stop(void)
{
	struct timespec until = clock_in_ms(STOP_MS);
	struct list left;
	bool running;

	list_init(&left);
	CHECK_ZERO(pthread_mutex_lock(&queue.lock));
	running = queue.running && !queue.abandoned;
	queue.stopping = true;
	CHECK_ZERO(pthread_cond_signal(&queue.wake));
	while (running && queue.running && wait_locked(&queue.done, &until))
		;
	if (running && queue.running)
		abandon_locked(&left);
	CHECK_ZERO(pthread_mutex_unlock(&queue.lock));
	if (running)
		CHECK_ZERO(queue.abandoned ? pthread_detach(queue.thread) : pthread_join(queue.thread, NULL));
	free_lines(&left);
}
