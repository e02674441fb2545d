/* SPDX-License-Identifier: MIT */
/* Why the server does not start. Main thread. */
#ifndef WSD_SERVER_STARTING_H
#define WSD_SERVER_STARTING_H

/* Logs it, and has systemd show it as its status. */
void starting_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
