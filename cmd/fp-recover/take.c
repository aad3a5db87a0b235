/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover take: one live call to another node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover.h"

static int has(struct fp_switch *x, const char *uuid, bool *out,
	       struct fp_err *e)
{
	char command[FP_LEG_UUID_MAX + 20], *said;
	int r;

	*out = false;
	snprintf(command, sizeof(command), "uuid_exists %s", uuid);
	r = fp_switch_ask(x, command, &said, e);
	if (r)
		return r;
	*out = !strncmp(said, "true", 4);
	free(said);
	return 0;
}

static int nowhere(const struct fv_env *v, const char *uuid, struct fp_err *e)
{
	for (size_t i = 0; i < v->switches.n; i++) {
		const struct fp_switch *x = &v->switches.v[i];

		if (x->code)
			return fp_err(
				e, -EAGAIN,
				"%s: no node that answers has such a "
				"call; %s does not: %s (fp-recover "
				"failover moves the calls of a dead node)",
				uuid, x->name, x->err.text);
	}
	return fp_err(e, -EINVAL, "%s: no node has such a call", uuid);
}

/* Which node has it: each is asked. */
static int find(struct fv_env *v, const char *uuid, struct fp_switch **out,
		struct fp_err *e)
{
	struct fp_switch *found = NULL;
	int r = fp_switches_read(&v->switches, FP_SWITCH_STATE, e);

	for (size_t i = 0; i < v->switches.n && !r; i++) {
		struct fp_switch *x = &v->switches.v[i];
		bool is_there = false;

		if (x->code)
			continue;
		r = has(x, uuid, &is_there, e);
		if (!r && is_there && found)
			r = fp_refuse(e, "alive",
				      "%s is at %s and at %s: one of them is "
				      "stale, and would end the other's call",
				      uuid, found->name, x->name);
		if (!r && is_there)
			found = x;
	}
	if (!r && !found)
		r = nowhere(v, uuid, e);
	*out = found;
	return r;
}

static int target(struct fv_env *v, struct fp_switch ***to, struct fp_err *e)
{
	bool is_auto;
	size_t n;
	int r = fv_targets(v, to, &n, &is_auto, e);

	if (r)
		return r;
	if (n == 1 && !is_auto)
		return 0;
	free(*to);
	*to = NULL;
	return fp_err(e, -EINVAL, "take goes to one node: --to NODE");
}

static int take(struct fv_env *v, struct fp_switch *from, struct fp_switch **to,
		struct fp_err *e)
{
	struct fp_takeover t = { .wait_ms = 0 };
	struct fp_rescue_sum sum = { .n_runs = 0 };
	struct fp_rescue_opts o;
	int r, status;

	v->calls.only_uuid = v->c->argv[0];
	v->calls.only_room = fp_cli_get(v->c, "room") ? "" : NULL;
	v->calls.is_member_alone = fp_cli_get(v->c, "member");
	fv_rescue(v, FP_RECOVER_TAKE, &o);
	o.from = from;
	o.to = to;
	o.n_to = 1;
	o.empty = fp_takeover_take;
	o.empty_ctx = &t;
	r = fp_rescue_run(&o, &sum, e);
	if (r == -EINVAL && !v->calls.only_room && !v->calls.is_member_alone &&
	    strstr(e->text, "member"))
		fp_log(FP_LOG_NOTICE, "--room takes all of it, --member this "
				      "leg alone");
	/* it is between two nodes: resume saves it */
	status = fv_end(v, r == -EINPROGRESS ? -ESTALE : r, &sum, e);
	if (!r && v->c->is_dry_run)
		status = sum.is_changed ? FP_EXIT_NO : FP_EXIT_OK;
	return status;
}

static int run(struct fv_env *v, struct fp_err *e)
{
	const char *uuid = v->c->argv[0];
	struct fp_switch **to = NULL, *from = NULL;
	int r = fp_loop_signals(v->nodes.loop, NULL, NULL, e);

	if (!r)
		r = fv_prints(v, FV_CALL, e);
	if (!r)
		r = target(v, &to, e);
	if (!r && !fp_leg_is_uuid(uuid))
		r = fp_err(e, -EINVAL, "%.64s: not the UUID of a leg", uuid);
	if (!r)
		r = find(v, uuid, &from, e);
	if (r) {
		free(to);
		return fv_fail(v, r, e);
	}
	if (from == to[0]) {
		const struct fp_rescue_sum none = { .n_runs = 0 };

		fp_log(FP_LOG_NOTICE, "%s is at %s: nothing to do", uuid,
		       from->name);
		r = fv_end(v, 0, &none, e);
	} else {
		r = take(v, from, to, e);
	}
	free(to);
	return r;
}

int fv_take(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_env v;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "take takes one UUID");
	if (fp_cli_get(c, "room") && fp_cli_get(c, "member"))
		return fp_cli_usage(c, "--room or --member, not both");
	r = fv_open(&v, c, &e);
	if (r)
		return fv_fail(&v, r, &e);
	r = run(&v, &e);
	fv_close(&v);
	return r;
}
