/* SPDX-License-Identifier: MIT */
/* By which signal the keeper passes on another, whose number is its value (sigqueue(3)): one of its own, as what is
 * pending twice is delivered once, whoever sent it. Real-time signals are queued. */
#ifndef WSD_KEEPER_PASSED_ON_H
#define WSD_KEEPER_PASSED_ON_H

#include <signal.h>

#define KEEPER_PASSES_ON (SIGRTMIN + 2)

#endif
