/* SPDX-License-Identifier: MIT */
/* Leading clients from one instance to the other, connections included, with a way back for every step. */
#ifndef WSD_CTL_DEPLOY_H
#define WSD_CTL_DEPLOY_H

#include <stdbool.h>

struct bus;
struct conf_ctl;
struct why;

struct deploy_options {
	const char *to;
	const char *program; /* a file; NULL: what is installed */
	bool same_program;   /* the one that it has */
	bool no_handoff;     /* tell clients to come back, instead of moving their connections */
	bool no_smoke;
	bool dry_run;
	bool json;
};

/* Does it and tells of it; returns the exit status. conf and bus are the caller's. */
int deploy_run(const struct deploy_options *options, const struct conf_ctl *conf, struct bus *bus);

#endif
