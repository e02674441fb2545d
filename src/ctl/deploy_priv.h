/* SPDX-License-Identifier: MIT */
/* A deploy under way, as its steps and its way back share it. */
#ifndef WSD_CTL_DEPLOY_PRIV_H
#define WSD_CTL_DEPLOY_PRIV_H

#include "ctl/deploy.h"
#include "ctl/instance.h"
#include "ctl/program.h"
#include "ctl/proxy.h"
#include "ctl/record.h"
#include "ctl/steps.h"

struct deploy {
	const struct deploy_options *o;
	const struct conf_ctl *conf;
	struct bus *bus;
	struct proxy *proxy;
	const char *from_name;
	struct instance from, to;             /* as they were found */
	bool had_sockets[INSTANCE_SOCKETS];   /* of `to`, before */
	bool leads_there;                     /* the proxy led to `to` already */
	bool serves;                          /* `to` runs, and new clients come to it */
	bool in_use;                          /* that, or old ones are there: it is not restarted */
	char proxy_before[PROXY_ADDRESS_MAX]; /* "": unknown */
	char program[PROGRAM_MAX];            /* that `to` is to run; "": whatever it starts with */
	char former[PROGRAM_MAX];             /* that it had before */

	/* what has been done, and would have to be taken back */
	bool reprogrammed, started, enabled, switched, handing;

	struct record record;
	struct steps steps;
};

/* detail is what was done, or why not; WSD_OK, or the deploy ends here. */
typedef int (*deploy_step_cb)(struct deploy *d, struct why *detail);

struct deploy_step {
	const char *name;
	void (*plan)(struct deploy *d, struct why *detail);    /* what run would do */
	bool (*needed)(struct deploy *d, struct why *why_not); /* NULL: always */
	deploy_step_cb run;
};

#define DEPLOY_STEPS 7
extern const struct deploy_step deploy_steps[DEPLOY_STEPS];

/* Before the first step: WSD_OK, or what one of them would fail at. */
int deploy_preflight(struct deploy *d, struct why *why);

/* Takes back what has been done, last first, and tells of it. WSD_OK if all is as it was. */
int deploy_undo(struct deploy *d);

/* Until both kinds of request through the proxy are answered by `instance`, or PROXY_TIMEOUT is over. */
int deploy_verify(struct deploy *d, const char *instance, struct why *detail);

#endif
