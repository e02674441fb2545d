/* SPDX-License-Identifier: MIT */
/*
 * Lines to where they are read. Whole lines are gathered into writes of at most PIPE_BUF bytes: such a write goes
 * into a pipe in one piece (pipe(7)), so that what others write there (a failed check, another process) never lands
 * inside a line, and no lock is needed that a blocked writer could hold.
 */
#include "log/log_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* How many lines could not be written: all of them, as far as one knows after a failure. */
static unsigned
flush(struct log_buf *buf, size_t len)
{
	unsigned lost = 0;

	if (len == 0)
		return 0;
	if (fd_write_all(STDERR_FILENO, buf->data, len) != WSD_OK)
		for (size_t i = 0; i < len; i++)
			lost += buf->data[i] == '\n';
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
	return lost;
}

/* How many lines were lost, of those that wait in the buffer, too. */
static unsigned
write_line(const struct log_sink *sink, struct log_buf *buf, const struct log_line *line)
{
	size_t before = buf->len;
	unsigned lost = 0;

	if (sink->format == LOG_FORMAT_JOURNAL)
		return log_journal_send(sink, line) ? 0 : 1;
	if (sink->format == LOG_FORMAT_JSON)
		log_json_render(buf, sink, line);
	else
		log_text_render(buf, sink, line);
	if (buf->cut) { /* a whole line or none */
		buf->len = before;
		buf->cut = false;
		lost++;
	}
	if (buf->len > PIPE_BUF)
		lost += flush(buf, before);
	if (buf->len > PIPE_BUF)
		lost += flush(buf, buf->len);
	return lost;
}

unsigned
log_sink_write(const struct log_sink *sink, struct list *lines)
{
	struct log_buf buf = { .data = NULL };
	unsigned lost = 0;

	list_foreach (node, lines) {
		struct log_line *line = LIST_ENTRY(node, struct log_line, node);

		list_unlink(node);
		lost += write_line(sink, &buf, line);
		free(line);
	}
	lost += flush(&buf, buf.len);
	log_buf_deinit(&buf);
	return lost;
}
