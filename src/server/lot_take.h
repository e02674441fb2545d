/* SPDX-License-Identifier: MIT */
/* The parking lot that the process before has left with the service manager, and taking up what is in it. Main thread.
 */
#ifndef WSD_SERVER_LOT_TAKE_H
#define WSD_SERVER_LOT_TAKE_H

#include "sysd/sysd.h"

struct conf;
struct importer;
struct lot;

/* The lot of the descriptors in kept, which are taken; or a new one, put into the manager's store. The caller ends it
 * with lot_destroy(). NULL: connections are not kept over a restart, as that is not wanted or not possible (which has
 * been logged). WSD_OK. */
int lot_take_open(struct lot **out, const struct conf *conf, int kept[SYSD_KEPT]);

/* Connections and sessions are served from here on, and are in the lot still: it is cleared when this process is ready,
 * so that the next one finds them if this one does not get that far. What cannot be read is lost, and logged. */
void lot_take_up(struct lot *lot, const struct importer *im);

#endif
