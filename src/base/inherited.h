/* SPDX-License-Identifier: MIT */
/*
 * What a process takes over from whoever started it, put right before it matters. Shells, cron, supervisors and
 * container runtimes leave all kinds of things: exec(3) keeps ignored and blocked signals and closed standard
 * descriptors, and a program that expects none of them waits for children that are never reported, or writes its last
 * words into a socket.
 */
#ifndef WSD_BASE_INHERITED_H
#define WSD_BASE_INHERITED_H

#include <signal.h>
#include <stdbool.h>

/*
 * First in main, before there is a second thread. Standard descriptors that are closed have their numbers taken, and
 * can be neither read nor written; every signal has its default action, but for those of the terminal that came
 * ignored (nohup(1), "&" in a script), which stay so; and those of `hold`, and no others, are blocked (NULL: none).
 * What was pending and is not held takes its default action here.
 */
void inherited_settle(const sigset_t *hold);

/* Whoever started us wants this signal to be ignored: true for SIGHUP, SIGINT, SIGQUIT and the terminal's job
 * control only. Such a one is not to be blocked and read, since what is blocked is delivered even if it is ignored
 * (signal(7)). Any thread. */
bool inherited_ignored(int signo);

/* Removes them from the set. Any thread. */
void inherited_respect(sigset_t *set);

/* The signals that a program which we start is to have at their defaults, as we got them ourselves: all but those.
 * Any thread. */
void inherited_defaults(sigset_t *out);

#endif
