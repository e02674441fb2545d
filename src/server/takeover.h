/* SPDX-License-Identifier: MIT */
/* Going on where a process was killed: keeper/keeper.h. Main thread. */
#ifndef WSD_SERVER_TAKEOVER_H
#define WSD_SERVER_TAKEOVER_H

struct conf;
struct importer;
struct lot;
struct notes;

/* Opens what was noted, or begins to note; counters go on. Before the metrics. WSD_OK or a negative errno. */
int takeover_start(struct notes **notes, const struct conf *conf);

/* Takes up what the process before had, if it was killed, but for what is in the lot (NULL: there is none). WSD_OK; or
 * a negative code, and then it was told why: WSD_E_BUSY if it was one crash too many, and everybody has been told to
 * come back. */
int takeover_take(struct notes *notes, struct lot *lot, const struct importer *im, const struct conf *conf);

#endif
