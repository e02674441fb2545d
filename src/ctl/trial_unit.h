/* SPDX-License-Identifier: MIT */
/*
 * The text of the units of a trial: a service in the environment that the files of ws@INSTANCE.service describe
 * (settings, credentials, limits, user, sandbox), on sockets of its own, and with nothing that could touch the
 * instance itself. Pure.
 */
#ifndef WSD_CTL_TRIAL_UNIT_H
#define WSD_CTL_TRIAL_UNIT_H

#define TRIAL_FOLDER "/run/ws-check"

enum trial_socket { TRIAL_PUBLIC, TRIAL_ADMIN, TRIAL_HANDOFF, TRIAL_SOCKETS };

/* "ws-check@blue.service"; "/run/ws-check/blue/admin.sock"; each out has room for 128 bytes. */
void trial_unit_service_name(char out[128], const char *instance);
void trial_unit_socket_name(char out[128], enum trial_socket which, const char *instance);
void trial_unit_socket_path(char out[128], enum trial_socket which, const char *instance);
/* Where its process writes what it has to say. */
void trial_unit_output_path(char out[128], const char *instance);

/*
 * The service. texts: the unit's file and then its drop-ins, in the order of systemd, ending with NULL. program:
 * what to run instead of what they say, with the arguments argv[1] and so on of theirs, which ends with NULL; or
 * NULL, and then argv is not looked at. The caller frees what is returned; NULL: out of memory.
 */
char *trial_unit_service(const char *const *texts, const char *instance, const char *program, const char *const *argv);
char *trial_unit_socket(enum trial_socket which, const char *instance);

#endif
