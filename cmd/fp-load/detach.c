/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <string.h>

struct rec {
	const char *nic;
	bool changed;
	const char *error;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, changed, FP_F_BOOL, NULL, "it was attached"),
	FL_FIELD(rec, error, FP_F_STR, NULL, "why it could not be detached"),
};
static const struct fp_type type = { "detach", fields, FL_COUNT(fields) };

struct detach {
	struct fp_cli *c;
	struct fp_filter *f;
	struct fl_tally tally;
};

static int detach_one(void *ctx, const char *name)
{
	struct detach *d = ctx;
	struct rec rec = { .nic = name };
	struct fp_filter_nic n;
	struct fp_err e = { 0 };
	int r;

	if (d->c->is_dry_run) {
		r = fp_filter_look(d->f, name, &n, &e);
		rec.changed = !r && (n.is_pinned || n.slot >= 0);
	} else {
		r = fp_filter_detach(d->f, name, &rec.changed, &e);
	}
	if (r)
		rec.error = e.text;
	fl_tally_add(d->c, &d->tally, r, &e, rec.changed);
	if (!r && rec.changed && !d->c->is_dry_run)
		fp_log_change(fp_cli_get(d->c, "why"), "detach %s", name);
	return fl_record(d->c, &type, &rec);
}

/* Slots first: one without a link is a NIC that a killed run left half. */
static int detach_all(struct detach *d, struct fp_err *e)
{
	struct fp_conf *conf;
	struct fp_filter_nic n;
	int r = 0;

	conf = d->f->node.maps ? fp_maps_conf(d->f->node.maps) : NULL;
	for (int i = 0; conf && i < FP_NICS && !r; i++) {
		if (!conf->nic[i].name[0])
			continue;
		r = fp_filter_look_slot(d->f, i, &n, e);
		if (!r)
			r = detach_one(d, n.link.name);
	}
	return r || d->c->is_dry_run
		       ? r
		       : fp_pins_nics(d->f->dir, detach_one, d, e);
}

static void drop_unused(struct detach *d)
{
	struct fp_err e = { 0 };
	bool is_dropped;
	int r = fp_filter_drop_unused(d->f, &is_dropped, &e);

	if (r)
		fl_tally_add(d->c, &d->tally, r, &e, false);
	else if (is_dropped)
		fp_log(FP_LOG_NOTICE,
		       "no NIC is left: the tables are gone, the policy stays in the lists");
}

static int detach(struct detach *d)
{
	struct fp_err e = { 0 };
	int r = 0;

	if (fp_cli_get(d->c, "all"))
		r = detach_all(d, &e);
	for (int i = 0; i < d->c->argc && !r; i++)
		r = detach_one(d, d->c->argv[i]);
	if (r < 0)
		return fp_cli_fail(d->c, r, &e);
	if (!r && !d->c->is_dry_run)
		drop_unused(d);
	return r ? r : fl_finish(d->c, &d->tally, false);
}

int fl_detach(struct fp_cli *c)
{
	struct fp_err e = { 0 };
	struct fp_filter f;
	struct detach d = { c, &f, { 0 } };
	int r;

	if (!fp_cli_get(c, "all") == !c->argc)
		return fp_cli_usage(c, "detach needs interfaces, or --all");
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = fl_open(c, FL_CHANGE, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = detach(&d);
	fp_filter_close(&f);
	return r;
}
