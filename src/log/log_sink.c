/* SPDX-License-Identifier: MIT */
/*
 * Lines to where they are read. Whole lines are gathered into writes of at most PIPE_BUF bytes: such a write
 * goes into a pipe in one piece (pipe(7)), so that a critical line, which its own thread writes, never lands
 * inside another one and no lock is needed that a blocked writer could hold.
 */
#include "log/log_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Failures cannot be told to anybody: this is where they would be told. */
static void
flush(struct log_buf *buf, size_t len)
{
	if (len == 0)
		return;
	(void)fd_write_all(STDERR_FILENO, buf->data, len);
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

static void
write_line(const struct log_sink *sink, struct log_buf *buf, const struct log_line *line)
{
	size_t before = buf->len;

	if (sink->format == LOG_FORMAT_JOURNAL) {
		log_journal_send(sink, line);
		return;
	}
	if (sink->format == LOG_FORMAT_JSON)
		log_json_render(buf, sink, line);
	else
		log_text_render(buf, sink, line);
	if (buf->len > PIPE_BUF)
		flush(buf, before);
	if (buf->len > PIPE_BUF)
		flush(buf, buf->len);
}

void
log_sink_write(const struct log_sink *sink, struct list *lines)
{
	struct log_buf buf = { NULL, 0, 0 };

	list_foreach (node, lines) {
		struct log_line *line = LIST_ENTRY(node, struct log_line, node);

		list_unlink(node);
		write_line(sink, &buf, line);
		free(line);
	}
	flush(&buf, buf.len);
	log_buf_deinit(&buf);
}
