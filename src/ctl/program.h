/* SPDX-License-Identifier: MIT */
/*
 * The programs that instances run. Each that was installed is kept in a folder of its own, and a link says which
 * one an instance runs, so that an upgrade changes none that serves. /usr/libexec/wsd/program keeps them, and makes a
 * link that is missing; here they are moved. Programs are named by their folders. For root, with the lock of
 * record.h, but for looking.
 */
#ifndef WSD_CTL_PROGRAM_H
#define WSD_CTL_PROGRAM_H

struct why;

#define PROGRAM_MAX 256

/* The one that it starts with; "" if none was chosen yet, and it is to be the installed one. */
void program_of(const char *instance, char out[PROGRAM_MAX]);
/* The one that came with the package; "" without a package. */
void program_installed(char out[PROGRAM_MAX]);
/* As people call it, such as "0.1.0-3f2a9c1d": the last part of its folder. Points into it. */
const char *program_name(const char *folder);

/* Every instance that has one, in no order, until a call does not return WSD_OK, which is returned. */
typedef int (*program_cb)(void *arg, const char *instance, const char *folder);
int program_each(program_cb cb, void *arg);

/* From its next start on, the instance runs this one ("": the one that is installed by then). WSD_OK, or a
 * negative errno and why. */
int program_use(const char *instance, const char *folder, struct why *why);
/* The folder of a file, of which a copy is kept if it is not one of those kept. WSD_OK, or why not. */
int program_take(const char *file, char out[PROGRAM_MAX], struct why *why);
/* Removes what is neither installed, nor any instance's, nor this one ("": none). What cannot be removed stays. */
void program_prune(const char *needed);

/* Where they are; for tests, which have a tree of their own. */
void program_places(const char *kept, const char *used);

#endif
