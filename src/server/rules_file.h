/* SPDX-License-Identifier: MIT */
/* CHANNELS_FILE: read at the start, and again when somebody asks for it; a file that is wrong changes nothing. Main
 * thread. */
#ifndef WSD_SERVER_RULES_FILE_H
#define WSD_SERVER_RULES_FILE_H

#include <stddef.h>

struct channel_rules_now;
struct conf;
struct metrics_shard;
struct workers;

struct rules_file {
	/* what it needs */
	const struct conf *conf;
	struct metrics_shard *shard;
	struct workers *workers;

	/* its own */
	struct channel_rules_now *now; /* [const after start] NULL: there is no file, and there are no channels */
};

/* Before the workers; logs why it fails. WSD_OK, WSD_E_RANGE: the file is wrong; or another error. */
int rules_file_start(struct rules_file *f);
void rules_file_stop(struct rules_file *f);

/* Takes up the file as it is now, or says what is wrong with it. Does nothing if there is none. */
void rules_file_reload(struct rules_file *f);

/* Whether the file is in order, without keeping anything. WSD_OK; or WSD_E_RANGE or another error, with all that is
 * wrong in why, as far as there is room. */
int rules_file_check(const struct conf *conf, char *why, size_t why_size);

#endif
