/* SPDX-License-Identifier: MIT */
/*
 * Log lines with structured fields, to the journal (native protocol), as text or as JSON lines. Any thread, from
 * log_start() to log_stop().
 *
 * A line is formatted by the thread that has something to say and written by a thread of the log's own, so that a
 * slow journal never holds up a loop. The queue between them is bounded; what does not fit is dropped, counted, and
 * the loss is logged once there is room again. Whoever logs a line of level LOG_CRIT waits until it is written, a
 * second at most; all lines before log_start() and after log_stop() are written by the caller itself.
 */
#ifndef WSD_LOG_LOG_H
#define WSD_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Values are those of syslog(3). */
enum log_level {
	LOG_LEVEL_CRIT = 2,   /* we are about to exit */
	LOG_LEVEL_ERROR = 3,  /* somebody must act */
	LOG_LEVEL_WARN = 4,   /* degraded, still serving */
	LOG_LEVEL_NOTICE = 5, /* lifecycle */
	LOG_LEVEL_INFO = 6,   /* a line when a connection opens, one when it closes */
	LOG_LEVEL_DEBUG = 7,  /* each message */
};

enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JOURNAL, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* One journal field. The name is a string literal of the form WS_NAME; the value is copied. */
struct log_field {
	const char *name;
	const char *text; /* NULL: number holds the value */
	uint64_t number;
};

#define LOG_TEXT(field_name, value)   ((struct log_field){ .name = (field_name), .text = (value) })
#define LOG_NUMBER(field_name, value) ((struct log_field){ .name = (field_name), .number = (uint64_t)(value) })
#define LOG_FIELDS(...)               ((const struct log_field[]){ __VA_ARGS__, { 0 } })

/* "error", "warn", "notice", "info" or "debug"; WSD_OK or WSD_E_UNKNOWN. */
int log_level_parse(const char *name, enum log_level *out);
const char *log_level_name(enum log_level level);

/* Chooses the sink and starts the writer thread (all signals blocked in it). LOG_FORMAT_AUTO is the journal when
 * stderr is the journal's stream ($JOURNAL_STREAM, systemd.exec(5)), or when systemd started this process and
 * could give it only /dev/null, since the journal was down; and text otherwise. A journal that is down may come
 * back: until then lines are dropped and counted. instance becomes WS_INSTANCE of every line. WSD_OK or a negative
 * errno; -ENOENT: this system has no journal. */
int log_start(enum log_format format, enum log_level level, const char *instance);

/* Writes what is queued, then ends the thread; later lines are written by their callers. If nobody takes the
 * lines, that is given up after 2 s, and they and all later ones are dropped. */
void log_stop(void);

/* Takes effect on all threads at once. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_enabled(enum log_level level);

/* Lines dropped ever: the queue was full, memory was short, or the sink did not take them. Any thread. */
uint64_t log_dropped(void);

/*
 * Writes one line. message_id is a 128-bit id in 32 hex digits, or NULL; fields end with an entry without a
 * name, or NULL. The text is lower case without a final dot; it, and every field, is cut at 1 KiB. Control
 * characters of the text and of field values are escaped in the text and JSON forms.
 */
void log_write(enum log_level level, const char *message_id, const struct log_field *fields, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Arguments are not evaluated when the level is off. */
#define LOG_AT(level, id, fields, ...) \
	do { \
		if (log_enabled(level)) \
			log_write(level, id, fields, __VA_ARGS__); \
	} while (0)

#define log_crit(...)   LOG_AT(LOG_LEVEL_CRIT, NULL, NULL, __VA_ARGS__)
#define log_error(...)  LOG_AT(LOG_LEVEL_ERROR, NULL, NULL, __VA_ARGS__)
#define log_warn(...)   LOG_AT(LOG_LEVEL_WARN, NULL, NULL, __VA_ARGS__)
#define log_notice(...) LOG_AT(LOG_LEVEL_NOTICE, NULL, NULL, __VA_ARGS__)
#define log_info(...)   LOG_AT(LOG_LEVEL_INFO, NULL, NULL, __VA_ARGS__)
#define log_debug(...)  LOG_AT(LOG_LEVEL_DEBUG, NULL, NULL, __VA_ARGS__)

/*
 * Repeated errors in one line: the first is logged at once, then at most one line in `interval_ms` with the
 * number of those folded into it as WS_REPEATED. One static LOG_FOLD for each place that logs; threads may
 * share it.
 *
 *	static struct log_fold fold = LOG_FOLD(10000);
 *	uint64_t repeated;
 *	if (log_fold_due(&fold, clock_mono_ms(), &repeated))
 *		log_write(LOG_LEVEL_WARN, NULL, LOG_FIELDS(LOG_NUMBER("WS_REPEATED", repeated)),
 *			  "could not accept (%s)", ...);
 */
struct log_fold {
	uint32_t interval_ms;
	_Atomic uint64_t next_ms;
	_Atomic uint64_t folded;
};

#define LOG_FOLD(ms) \
	{ \
		.interval_ms = (ms) \
	}

/* True if a line is due now; *repeated is then how many were folded since the last line. */
bool log_fold_due(struct log_fold *fold, uint64_t now_ms, uint64_t *repeated);

#endif
