/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

struct rec {
	const char *nic;
	bool changed;
	const char *error;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, changed, FP_F_BOOL, NULL, "it waited for this"),
	FL_FIELD(rec, error, FP_F_STR, NULL, "why it was not confirmed"),
};
static const struct fp_type type = { "confirm", fields, FL_COUNT(fields) };

static int confirm_one(struct fp_cli *c, struct fp_filter *f, const char *name,
		       struct fl_tally *t)
{
	struct rec rec = { .nic = name };
	struct fp_err e = { 0 };
	int r = fp_filter_confirm(f, name, c->is_dry_run, &rec.changed, &e);

	if (r)
		rec.error = e.text;
	fl_tally_add(c, t, r, &e, rec.changed);
	if (!r && rec.changed && !c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"), "confirm %s", name);
	return fl_record(c, &type, &rec);
}

/* Those that wait, when none is named. */
static int confirm_waiting(struct fp_cli *c, struct fp_filter *f,
			   struct fl_tally *t)
{
	struct fp_conf *conf = f->node.maps ? fp_maps_conf(f->node.maps) : NULL;
	struct fp_filter_nic n;
	struct fp_err e;
	int r = 0;

	for (int i = 0; conf && i < FP_NICS && !r; i++) {
		if (!conf->nic[i].name[0] || !conf->nic[i].confirm_until_s)
			continue;
		if (fp_filter_look_slot(f, i, &n, &e))
			fl_tally_add(c, t, -EIO, &e, false);
		else
			r = confirm_one(c, f, n.link.name, t);
	}
	return r;
}

int fl_confirm(struct fp_cli *c)
{
	struct fl_tally t = { 0 };
	struct fp_err e = { 0 };
	struct fp_filter f;
	int r;

	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = fl_open(c, FL_CHANGE, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	if (!c->argc)
		r = confirm_waiting(c, &f, &t);
	for (int i = 0; i < c->argc && !r; i++)
		r = confirm_one(c, &f, c->argv[i], &t);
	if (!r)
		r = fl_finish(c, &t, false);
	fp_filter_close(&f);
	return r;
}
