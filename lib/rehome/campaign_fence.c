/* SPDX-License-Identifier: Apache-2.0 */
/* A node that is silent to us may be frozen, or cut off from us alone: a command of the
 * provider's says that it is dead, under the job's locks, before a tag is given. */
#include <stdio.h>

#include "control/fence.h"
#include "rehome/campaign_priv.h"

bool fp_campaign_is_fenced(const struct fp_campaign *c)
{
	return c->o.fence && c->o.kind == FP_MOVE_FAILOVER && c->from;
}

static void tell(const struct fp_campaign *c, enum fp_condition_state state,
		 const char *value, const char *detail)
{
	const struct fp_condition said = { .node = c->from->name,
					   .name = "power",
					   .rule = state == FP_COND_REFUSE
							   ? "alive"
							   : "",
					   .state = state,
					   .value = value,
					   .detail = detail };

	if (c->o.condition)
		c->o.condition(c->o.ctx, &said);
}

static int alive(const struct fp_campaign *c, const char *what,
		 struct fp_err *e)
{
	tell(c, FP_COND_REFUSE, "it answers", what);
	return fp_refuse(e, "alive", "%s: %s: it is not dead", c->from->name,
			 what);
}

/* At each of its addresses, all at once: one that answers is not dead, whatever a
 * command says. */
static int ask_node(const struct fp_campaign *c, struct fp_err *e)
{
	const struct fp_edge *x = c->from;
	int r = fp_edges_read(c->o.edges, e);

	if (r)
		return r;
	if (x->view || x->life.is_list)
		return alive(c, x->view ? "MI answers" : "fp_mi_list answers",
			     e);
	return x->life.is_alive ? alive(c, "SIP answers", e) : 0;
}

static int ask_command(const struct fp_campaign *c, struct fp_err *e)
{
	const struct fp_fence_command ask = {
		.loop = c->o.edges->o.loop,
		.command = c->o.fence,
		.timeout_ms = c->o.fence_ms,
		.node = c->from->name,
		.address = c->from->host->address,
	};
	char line[200] = "", value[40];
	int status = 0;
	int r = fp_fence_command(&ask, line, sizeof(line), &status, e);

	snprintf(value, sizeof(value), "exit status %d", status);
	if (r == -ETIMEDOUT)
		snprintf(value, sizeof(value), "timeout");
	else if (r)
		return r;
	tell(c, r || status ? FP_COND_REFUSE : FP_COND_OK, value,
	     r ? e->text : line);
	if (!r && !status)
		return 0;
	return fp_refuse(e, "alive",
			 "%s: nothing answers, and the fence command did not "
			 "prove it dead (%s%s%s)",
			 c->from->name, value, *line ? ": " : "", line);
}

int fp_campaign_fence(const struct fp_campaign *c, struct fp_err *e)
{
	int r;

	if (!fp_campaign_is_fenced(c))
		return 0;
	if (c->o.is_dry_run) {
		tell(c, FP_COND_OK, "would be asked", c->o.fence);
		return 0;
	}
	fp_edges_suspect(c->o.edges, c->from);
	r = ask_node(c, e);
	if (!r)
		r = ask_command(c, e);
	if (!r)
		r = ask_node(c, e);
	return r ? fp_campaign_refused(c, r, e) : 0;
}
