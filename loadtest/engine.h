/* SPDX-License-Identifier: MIT */
/* A load process: one thread, one epoll, its share of the connections, driven through the plan by the clock.
 */
#ifndef WSLOAD_ENGINE_H
#define WSLOAD_ENGINE_H

struct options;
struct plan;
struct shared;

/* Runs the whole plan; WSD_OK, or what kept it from starting. */
int engine_run(const struct options *o, const struct plan *plan, struct shared *shared, unsigned process);

#endif
