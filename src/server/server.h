/* SPDX-License-Identifier: MIT */
/* The server as a whole: creates, wires, runs and joins all parts. Main thread. */
#ifndef WSD_SERVER_SERVER_H
#define WSD_SERVER_SERVER_H

#include <signal.h>
#include <stddef.h>

struct auth;
struct conf;

/* Whether the system allows what the configuration asks for, and the files that it names are in order: WSD_OK;
 * WSD_E_RANGE or another error, with a line in why that says what does not fit and the way out. */
int server_check(const struct conf *conf, char *why, size_t why_size);

/* First in main: what was inherited is put right (base/inherited.h), and signals wait from here on until
 * server_run() reads them. Who does not serve after all lets them through again, and those that came meanwhile
 * act. */
void server_hold_signals(void);
void server_release_signals(void);
/* Those that it then reads. */
void server_signals(sigset_t *set);

/* Serves until a signal ends it. The log must have been started; all signals are blocked here, before the first
 * thread, if they were not yet, and stay so. auth NULL: clients need no token. Returns WSD_OK after an orderly
 * end, WSD_E_RANGE if the configuration asks for more than the system allows, or why it could not start; the
 * reason has been logged then. */
int server_run(const struct conf *conf, const struct auth *auth);

#endif
