/* SPDX-License-Identifier: MIT */
/* How the process before ended. A note of ours lies in the lot until an orderly end takes it out. Without a lot (NULL)
 * nothing is known. Main thread, but for what is marked. */
#ifndef WSD_SERVER_CRASHES_H
#define WSD_SERVER_CRASHES_H

struct lot;
struct metrics_shard;

void crashes_begin(const struct lot *lot, struct metrics_shard *shard); /* counts, and leaves the note */
void crashes_stuck(const struct lot *lot); /* by the watchdog's thread, which ends the process */
void crashes_end(const struct lot *lot);

#endif
