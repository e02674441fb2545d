/* SPDX-License-Identifier: MIT */
/* Levels, formats, folding, and the way of a line: to the writer's queue, or straight to the sink. Any thread. */
#include "log/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "log/log_priv.h"

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR }, { "warn", LOG_LEVEL_WARN },   { "notice", LOG_LEVEL_NOTICE },
	{ "info", LOG_LEVEL_INFO },   { "debug", LOG_LEVEL_DEBUG }, { "crit", LOG_LEVEL_CRIT },
};

#define LEVELS        (sizeof(levels) / sizeof(*levels))
#define LEVELS_TO_SET (LEVELS - 1) /* crit cannot be chosen: errors are always logged */

#define CRIT_MS 1000 /* for a critical line to be written: whoever logs it may be about to abort */

static _Atomic int current_level = LOG_LEVEL_INFO;

/* Written by log_start() before other threads log, constant from then on; log_stop() leaves it for the last lines. */
static struct log_sink sink = { .format = LOG_FORMAT_AUTO };

int
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < LEVELS_TO_SET; i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*out = levels[i].level;
			return WSD_OK;
		}
	}
	return WSD_E_UNKNOWN;
}

const char *
log_level_name(enum log_level level)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "unknown";
}

static enum log_format
choose_format(void)
{
	return log_journal_is_stderr() || log_journal_was_down() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_TEXT;
}

/* By the caller itself. What is said before the configuration is known, that it is bad for one, goes where
 * stderr goes. */
static void
write_alone(struct log_line *line)
{
	struct log_sink now = sink;
	struct list alone;

	if (now.format == LOG_FORMAT_AUTO)
		now.format = log_journal_reachable() ? choose_format() : LOG_FORMAT_TEXT;
	list_init(&alone);
	list_append(&alone, &line->node);
	log_writer_count_drops(log_sink_write(&now, &alone));
}

int
log_start(enum log_format format, enum log_level level, const char *instance)
{
	if (format == LOG_FORMAT_AUTO)
		format = choose_format();
	if (format == LOG_FORMAT_JOURNAL && !log_journal_exists())
		return -ENOENT;
	sink.format = format;
	snprintf(sink.instance, sizeof(sink.instance), "%s", instance);
	log_set_level(level);
	return log_writer_start(&sink);
}

void
log_stop(void)
{
	log_writer_stop();
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level
log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

uint64_t
log_dropped(void)
{
	return log_writer_dropped();
}

void
log_write(enum log_level level, const char *message_id, const struct log_field *fields, const char *format, ...)
{
	int saved_errno = errno;
	struct log_line *line;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	line = log_line_create(level, message_id, fields, format, args);
	va_end(args);
	if (!line) {
		log_writer_count_drops(1);
	} else if (!log_writer_post(line)) {
		write_alone(line);
	} else if (level <= LOG_LEVEL_CRIT) {
		log_writer_flush(CRIT_MS);
	}
	errno = saved_errno;
}

bool
log_fold_due(struct log_fold *fold, uint64_t now_ms, uint64_t *repeated)
{
	uint64_t next = atomic_load_explicit(&fold->next_ms, memory_order_relaxed);

	/* Of several threads that find a line due, the one whose exchange succeeds writes it. */
	if (now_ms < next || !atomic_compare_exchange_strong_explicit(&fold->next_ms, &next, now_ms + fold->interval_ms,
								      memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&fold->folded, 1, memory_order_relaxed);
		return false;
	}
	*repeated = atomic_exchange_explicit(&fold->folded, 0, memory_order_relaxed);
	return true;
}
