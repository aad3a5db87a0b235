/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

struct rec {
	const char *nic;
	bool changed;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, changed, FP_F_BOOL, NULL, "it ran another program"),
};
static const struct fp_type type = { "upgrade", fields, FL_COUNT(fields) };

static void on_nic(void *ctx, const char *ifname, bool is_changed)
{
	struct fp_cli *c = ctx;
	struct rec rec = { ifname, is_changed };

	fl_record(c, &type, &rec); /* checked before */
	if (is_changed && !c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"), "upgrade %s layout=%d",
			      ifname, FP_LAYOUT);
}

int fl_upgrade(struct fp_cli *c)
{
	struct fp_err e = { 0 };
	struct fp_filter f;
	bool is_changed = false, is_partial;
	int r;

	if (c->argc)
		return fp_cli_usage(c, "upgrade takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = fl_open(c, FL_UPGRADE, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = fp_filter_upgrade(&f, c->is_dry_run, on_nic, c, &is_changed, &e);
	is_partial = fp_filter_is_partial(&f);
	fp_filter_close(&f);
	if (r)
		return fp_cli_fail(c, r, &e);
	fp_out_summary(c->out, is_changed, NULL, NULL);
	if (is_partial)
		return FP_EXIT_PARTIAL;
	return c->is_dry_run && is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}
