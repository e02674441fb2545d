/* SPDX-License-Identifier: MIT */
/* A log line on its way from the thread that wrote it to a sink, as the files of this folder share it. */
#ifndef WSD_LOG_LOG_PRIV_H
#define WSD_LOG_LOG_PRIV_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "log/log.h"

#define LOG_VALUE_MAX    1024 /* bytes of the text and of a field */
#define LOG_FIELDS_MAX   32
#define LOG_INSTANCE_MAX 64

/* "NAME=value" in the line's own memory, as the journal takes it. */
struct log_item {
	char *at;
	uint16_t name_len;
	uint16_t len; /* of all of it */
	bool number;
};

/* One block of memory, freed with free(). */
struct log_line {
	struct list node;
	size_t size;
	uint64_t real_ms;
	enum log_level level;
	bool has_id;      /* items[1] is MESSAGE_ID */
	unsigned n_items; /* items[0] is MESSAGE */
	struct log_item items[];
};

struct log_sink {
	enum log_format format; /* never AUTO */
	char instance[LOG_INSTANCE_MAX];
};

/* Bytes on their way to stderr. Grows as need be; when memory is short, nothing more goes in. */
struct log_buf {
	char *data;
	size_t len, room;
	bool cut; /* something is missing */
};

/* log_line.c: NULL when memory is short. */
struct log_line *log_line_create(enum log_level level, const char *message_id, const struct log_field *fields,
				 const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static inline const char *
log_item_value(const struct log_item *item)
{
	return item->at + item->name_len + 1;
}

static inline size_t
log_item_value_len(const struct log_item *item)
{
	return (size_t)item->len - item->name_len - 1;
}

/* log_buf.c */
void log_buf_put(struct log_buf *buf, const char *data, size_t len);
void log_buf_puts(struct log_buf *buf, const char *text);
void log_buf_deinit(struct log_buf *buf);

/* log_text.c, log_json.c: append the line and a newline. */
void log_text_render(struct log_buf *to, const struct log_sink *sink, const struct log_line *line);
void log_json_render(struct log_buf *to, const struct log_sink *sink, const struct log_line *line);

/* log_journal.c */
bool log_journal_is_stderr(void);
bool log_journal_was_down(void);  /* when we were started, and stderr should have been it */
bool log_journal_exists(void);    /* on this system; it may be down for now */
bool log_journal_reachable(void); /* now */
/* False: the journal did not take it. */
bool log_journal_send(const struct log_sink *sink, const struct log_line *line);

/* log_sink.c: writes all lines of the list and frees them; how many could not be written. Any thread, several at a
 * time. */
unsigned log_sink_write(const struct log_sink *sink, struct list *lines);

/*
 * log_writer.c: the queue and its thread. post() takes the line, to be written or, if there is no room, dropped and
 * counted, and returns true; false if no thread runs, and then the line is still the caller's. flush() and stop()
 * wait for what is queued, but not for ever; a writer that hangs is left behind by stop(), and then all lines are
 * dropped. The sink must outlive the thread.
 */
int log_writer_start(const struct log_sink *sink);
void log_writer_stop(void);
void log_writer_flush(uint64_t most_ms);
bool log_writer_post(struct log_line *line);
void log_writer_count_drops(unsigned n);
uint64_t log_writer_dropped(void);

#endif
