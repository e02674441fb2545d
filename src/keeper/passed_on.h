/* SPDX-License-Identifier: MIT */
/* How a signal that the keeper passes on is told from one that was sent to the server: sigqueue(3). */
#ifndef WSD_KEEPER_PASSED_ON_H
#define WSD_KEEPER_PASSED_ON_H

#define KEEPER_MARK 0x6b656570

#endif
