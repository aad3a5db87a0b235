/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include <string.h>

struct rec {
	const char *nic;
	bool changed;
	const char *mode, *driver;
	uint64_t ifindex, mtu, rx_queues;
	int64_t confirm_s;
	const char *error;
	const char *kind, *over;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, changed, FP_F_BOOL, NULL, "it was not so before"),
	FL_FIELD(rec, mode, FP_F_STR, NULL, "native or generic"),
	FL_FIELD(rec, driver, FP_F_STR, NULL, "the NIC's driver"),
	FL_FIELD(rec, ifindex, FP_F_U64, NULL, "interface index"),
	FL_FIELD(rec, mtu, FP_F_U64, "bytes", "largest packet"),
	FL_FIELD(rec, rx_queues, FP_F_U64, NULL, "receive queues in use"),
	FL_FIELD(rec, confirm_s, FP_F_DUR_S, "s",
		 "until it stops filtering unless confirmed"),
	FL_FIELD(rec, error, FP_F_STR, NULL, "why it was not attached"),
	FL_FIELD(rec, kind, FP_F_STR, NULL, "bond, bridge, vlan, ..."),
	FL_FIELD(rec, over, FP_F_STR, NULL, "its ports, or the device below"),
};
static const struct fp_type type = { "attach", fields, FL_COUNT(fields) };

static int read_mode(struct fp_cli *c, struct fp_attach *a)
{
	static const char *const names[] = { [FP_WANT_NATIVE] = "native",
					     [FP_WANT_GENERIC] = "generic",
					     [FP_WANT_AUTO] = "auto" };
	const char *s = fp_cli_get(c, "mode");

	a->is_any_mode = !s;
	for (size_t i = 0; s && i < FL_COUNT(names); i++)
		if (!strcmp(s, names[i])) {
			a->want = (enum fp_xdp_want)i;
			return 0;
		}
	return s ? fp_cli_usage(c,
				"--mode: \"%s\" is not native, generic or auto",
				s)
		 : 0;
}

static void say(const struct fp_filter_nic *n)
{
	if (!n->confirm_s)
		fp_log(FP_LOG_WARN,
		       "%s: it was not confirmed in time and filters nothing; attach it again to start",
		       n->link.name);
	else if (n->confirm_s > 0)
		fp_log(FP_LOG_NOTICE,
		       "%s: filters for %lld s, unless fp-load confirm says for good",
		       n->link.name, (long long)n->confirm_s);
}

int fl_attach_record(struct fp_cli *c, const struct fp_attach *a,
		     const struct fp_filter_nic *n, bool is_changed,
		     const struct fp_err *e)
{
	struct rec rec = { .nic = a->name, .confirm_s = -1 };

	if (e) {
		rec.error = e->text;
		return fl_record(c, &type, &rec);
	}
	rec.changed = is_changed;
	rec.nic = n->link.name;
	rec.driver = n->link.driver;
	rec.ifindex = (uint64_t)n->link.ifindex;
	rec.mtu = n->link.mtu;
	rec.rx_queues = n->link.rx_queues;
	rec.kind = fl_known(n->link.kind);
	rec.over = fl_known(n->link.over);
	rec.confirm_s = n->confirm_s;
	if (n->is_attached) {
		rec.mode = n->is_generic ? "generic" : "native";
		say(n);
	}
	if (is_changed && !c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"), "attach %s mode=%s",
			      rec.nic, rec.mode);
	return fl_record(c, &type, &rec);
}

static int attach_one(struct fp_cli *c, struct fp_filter *f,
		      const struct fp_attach *a, struct fl_tally *t)
{
	struct fp_err e = { 0 };
	struct fp_filter_nic n;
	bool is_changed = false;
	int r = fp_filter_attach(f, a, &n, &is_changed, &e);

	fl_tally_add(c, t, r, &e, is_changed);
	return fl_attach_record(c, a, &n, is_changed, r ? &e : NULL);
}

static int attach_all(struct fp_cli *c, struct fp_filter *f,
		      struct fp_attach *a)
{
	bool is_dropped;
	struct fl_tally t = { 0 };
	struct fp_err e = { 0 };
	int r = 0;

	for (int i = 0; i < c->argc && !r; i++) {
		a->name = c->argv[i];
		r = attach_one(c, f, a, &t);
	}
	/* tables that were made for a NIC that could not be attached */
	if (t.n_failed && !c->is_dry_run &&
	    fp_filter_drop_unused(f, &is_dropped, &e))
		fp_cli_fail(c, -EIO, &e);
	return r ? r : fl_finish(c, &t, fp_filter_is_partial(f));
}

int fl_attach(struct fp_cli *c)
{
	struct fp_attach a = { .is_dry_run = c->is_dry_run };
	struct fp_err e = { 0 };
	struct fp_filter f;
	int r;

	if (!c->argc)
		return fp_cli_usage(c, "attach needs an interface");
	r = read_mode(c, &a);
	if (!r)
		r = fl_duration(c, "confirm", &a.confirm_ms);
	if (r)
		return r;
	if (fp_cli_get(c, "stay") && (a.confirm_ms || c->is_dry_run))
		return fp_cli_usage(c, "--stay and %s do not go together",
				    a.confirm_ms ? "--confirm" : "--dry-run");
	r = fp_out_check(c->out, &type, &e);
	if (!r && fp_cli_get(c, "stay"))
		return fl_attach_stay(c, &a);
	if (!r)
		r = fl_open(c, FL_MAKE, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = attach_all(c, &f, &a);
	fp_filter_close(&f);
	return r;
}
