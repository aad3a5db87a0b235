/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

int fl_open(struct fp_cli *c, enum fl_open how, struct fp_filter *out,
	    struct fp_err *e)
{
	bool is_change = (how & FL_CHANGE) && !c->is_dry_run;
	const struct fp_filter_opts o = {
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.access = is_change ? FP_NODE_WRITE : FP_NODE_READ_BOTH,
		.timeout_ms = c->timeout_ms,
		.is_make = is_change && how == FL_MAKE,
		.is_broken_ok = fp_cli_overrides(c, "broken"),
		.is_upgrade = how == FL_UPGRADE,
		.cluster = c->cluster,
		.is_cluster_named = c->is_cluster_named,
		.notice = on_notice,
	};

	if (c->n_nodes)
		return fp_err(e, -EINVAL,
			      "-N %s: this tool works on its own node only",
			      c->nodes[0]);
	return fp_filter_open(out, &o, e);
}

int fl_maps(struct fp_cli *c, struct fp_maps **out, struct fp_err *e)
{
	return fp_maps_open(out, c->pin_dir, e);
}

int fl_duration(struct fp_cli *c, const char *option, int64_t *ms)
{
	const char *s = fp_cli_get(c, option);
	struct fp_err e;

	if (!s)
		return 0;
	if (fp_parse_duration(s, ms, &e))
		return fp_cli_usage(c, "--%s: %s", option, e.text);
	if (!*ms)
		return fp_cli_usage(c, "--%s: %s is no time at all", option, s);
	return 0;
}

int fl_record(struct fp_cli *c, const struct fp_type *t, const void *rec)
{
	struct fp_err e;
	int r = fp_out_record(c->out, t, rec, &e);

	return r ? fp_cli_fail(c, r, &e) : 0;
}

void fl_tally_add(struct fp_cli *c, struct fl_tally *t, int r,
		  const struct fp_err *e, bool is_changed)
{
	if (r) {
		t->n_failed++;
		t->code = fp_cli_fail(c, r, e);
		return;
	}
	t->n_done++;
	t->n_changed += is_changed;
}

int fl_finish(struct fp_cli *c, const struct fl_tally *t, bool is_partial)
{
	char json[64];

	snprintf(json, sizeof(json), "\"done\":%d,\"failed\":%d", t->n_done,
		 t->n_failed);
	fp_out_summary(c->out, t->n_changed > 0, json, NULL);
	if (t->n_failed && !t->n_done)
		return t->code;
	if (t->n_failed || is_partial)
		return FP_EXIT_PARTIAL;
	return c->is_dry_run && t->n_changed ? FP_EXIT_NO : FP_EXIT_OK;
}
