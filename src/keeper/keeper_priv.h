/* SPDX-License-Identifier: MIT */
/* What the files of keeper/ share. The keeper's one thread. */
#ifndef WSD_KEEPER_KEEPER_PRIV_H
#define WSD_KEEPER_KEEPER_PRIV_H

#include <sys/types.h>

#include "keeper/keeper.h"

/* birth.c: 0 in the server, its pid in the keeper, -1 with errno. */
pid_t keeper_bear(void);
/* Whether one of the service manager's variables, which say whom they are for, is for this process: sd_listen_fds(3),
 * sd_watchdog_enabled(3), systemd.exec(5). */
bool keeper_is_named(const char *variable, pid_t pid);

/* signals.c: the server's keeper, and whether that has died. */
void keeper_know(pid_t keeper);
bool keeper_is_gone(void);

/* rebirth.c: the keeper's own program is noted, so that it can be executed when its file has been replaced; WSD_OK or a
 * negative errno. True: this is it, executed again, and the table is open. */
int keeper_note_self(void);
bool keeper_was_reborn(void);
/* Only returns if it can't be done. */
void keeper_execute_self(char **argv);

/* fatal.c: the server's, before it has a second thread: the keeper gets KEEPER_TOLD, with the number of the signal that
 * ends it. The keeper's: whether it is dead but for the core dump that is being written. */
#define KEEPER_TOLD (SIGRTMIN + 1)
void keeper_tell_of_fatal(void);
bool keeper_is_dumping(pid_t server);

/* wait.c: until the server has ended, is as good as dead, or has had to be ended, being stopped. Signals are passed on
 * meanwhile. */
struct keeper_end {
	int status;   /* as wait(2) tells it */
	bool dumping; /* it ended by a signal, and is still there */
};
struct keeper_end keeper_wait(pid_t server, const sigset_t *passed_on);
void keeper_pass_on(pid_t server, int signo);

#endif
