/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

struct nic_rec {
	const char *nic;
	uint64_t ifindex;
	const char *state, *mode, *driver;
	uint64_t mtu, rx_queues, prog_id;
	const char *program, *lists, *stealth, *malformed;
	int64_t confirm_s;
	bool attached;
	int64_t since;
	int64_t bypass_s;
	const char *kind, *over;
};

static const struct fp_field nic_fields[] = {
	FL_FIELD(nic_rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(nic_rec, ifindex, FP_F_U64, NULL,
		 "interface index, 0 when it is gone"),
	FL_FIELD(
		nic_rec, state, FP_F_STR, NULL,
		"filtering, unconfirmed (stopped), detached, gone, or elsewhere"),
	FL_FIELD(nic_rec, mode, FP_F_STR, NULL, "native or generic"),
	FL_FIELD(nic_rec, driver, FP_F_STR, NULL, "the NIC's driver"),
	FL_FIELD(nic_rec, mtu, FP_F_U64, "bytes", "largest packet"),
	FL_FIELD(nic_rec, rx_queues, FP_F_U64, NULL, "receive queues in use"),
	FL_FIELD(nic_rec, prog_id, FP_F_U64, NULL, "program on the NIC"),
	FL_FIELD(nic_rec, program, FP_F_STR, NULL,
		 "current, or old: of another build than this fp-load"),
	FL_FIELD(nic_rec, lists, FP_F_STR, NULL, "off, observe or enforce"),
	FL_FIELD(nic_rec, stealth, FP_F_STR, NULL, "off, observe or enforce"),
	FL_FIELD(nic_rec, malformed, FP_F_STR, NULL, "off, observe or enforce"),
	FL_FIELD(nic_rec, confirm_s, FP_F_DUR_S, "s",
		 "until it stops filtering unless confirmed"),
	FL_FIELD(nic_rec, attached, FP_F_BOOL, NULL,
		 "the program sees this NIC's packets"),
	FL_FIELD(nic_rec, since, FP_F_TIME, NULL, "the program was loaded"),
	FL_FIELD(nic_rec, bypass_s, FP_F_DUR_S, "s",
		 "until it drops again (fp-sync bypass); 0: it does"),
	FL_FIELD(nic_rec, kind, FP_F_STR, NULL, "bond, bridge, vlan, ..."),
	FL_FIELD(nic_rec, over, FP_F_STR, NULL,
		 "its ports, or the device below"),
};
static const struct fp_type nic_type = { "nic", nic_fields,
					 FL_COUNT(nic_fields) };

struct filter_rec {
	uint64_t layout, lists, entries, broken, hashed, hashed_dead,
		hashed_max, memory_bytes;
	const char *sip_ports, *guard_ports;
	bool in_step;
};

static const struct fp_field filter_fields[] = {
	FL_FIELD(filter_rec, layout, FP_F_U64, NULL,
		 "version of the tables, 0 when nothing is loaded"),
	FL_FIELD(filter_rec, lists, FP_F_U64, NULL, "lists"),
	FL_FIELD(filter_rec, entries, FP_F_U64, NULL, "entries in them"),
	FL_FIELD(filter_rec, broken, FP_F_U64, NULL,
		 "lists that cannot be read"),
	FL_FIELD(filter_rec, hashed, FP_F_U64, NULL,
		 "timed and IPv6 entries in the tables"),
	FL_FIELD(filter_rec, hashed_dead, FP_F_U64, NULL,
		 "slots of such that wait for reuse"),
	FL_FIELD(filter_rec, hashed_max, FP_F_U64, NULL, "most of such"),
	FL_FIELD(filter_rec, memory_bytes, FP_F_U64, "bytes",
		 "kernel memory of the tables"),
	FL_FIELD(filter_rec, sip_ports, FP_F_STR, NULL, "where SIP is checked"),
	FL_FIELD(filter_rec, guard_ports, FP_F_STR, NULL,
		 "where the source is checked"),
	FL_FIELD(filter_rec, in_step, FP_F_BOOL, NULL,
		 "the tables were compiled from the lists as they are"),
};
static const struct fp_type filter_type = { "filter", filter_fields,
					    FL_COUNT(filter_fields) };

static const char *state_of(const struct fp_filter_nic *n)
{
	if (n->is_attached)
		return n->confirm_s ? "filtering" : "unconfirmed";
	if (n->link.ifindex)
		return "detached";
	/* its link is alive, in a network namespace that is not ours */
	return n->run.ifindex ? "elsewhere" : "gone";
}

struct view {
	struct fp_cli *c;
	struct fp_filter *f;
	bool has_nics, has_filter; /* are printed */
	bool is_well;
};

static int print_nic(struct view *v, int slot)
{
	const struct fp_conf *conf = fp_maps_conf(v->f->node.maps);
	struct fp_filter_nic n;
	struct nic_rec rec;
	struct fp_err e;
	int r = fp_filter_look_slot(v->f, slot, &n, &e);

	if (r)
		return fp_cli_fail(v->c, r, &e);
	rec = (struct nic_rec){
		.nic = n.link.name,
		.ifindex = (uint64_t)n.link.ifindex,
		.state = state_of(&n),
		.mode = n.is_generic ? "generic" : "native",
		.driver = n.link.driver,
		.mtu = n.link.mtu,
		.rx_queues = n.link.rx_queues,
		.lists = fp_mode_name((enum fp_mode)conf->lists),
		.stealth = fp_mode_name((enum fp_mode)conf->stealth),
		.malformed = fp_mode_name((enum fp_mode)conf->malformed),
		.confirm_s = n.confirm_s,
		.attached = n.is_attached,
		.bypass_s = (int64_t)fp_filter_bypass_s(conf),
		.kind = fl_known(n.link.kind),
		.over = fl_known(n.link.over),
	};
	if (n.is_attached) {
		rec.prog_id = n.run.prog_id;
		rec.program = n.is_current ? "current" : "old";
		rec.since = n.loaded_s;
	}
	v->is_well &= n.is_attached && n.confirm_s && !rec.bypass_s;
	return v->has_nics ? fl_record(v->c, &nic_type, &rec) : 0;
}

static int print_nics(struct view *v)
{
	const struct fp_conf *conf;
	int r = 0, n = 0;

	if (v->f->node.maps) {
		conf = fp_maps_conf(v->f->node.maps);
		for (int i = 0; i < FP_NICS && !r; i++) {
			if (!conf->nic[i].name[0])
				continue;
			r = print_nic(v, i);
			n++;
		}
	}
	v->is_well &= n > 0;
	return r;
}

static const char *value_of(struct fp_filter *f, enum fp_setting key,
			    struct fp_buf *b)
{
	fp_settings_print(&f->settings, key, b);
	return fp_buf_str(b);
}

static void read_tables(struct fp_filter *f, struct filter_rec *rec)
{
	struct fp_tables *t = fp_maps_tables(f->node.maps);
	struct fp_table_head *h = fp_area_at(&t->tab[FP_TAB_PREFIX], 0);
	struct fp_conf *conf = fp_maps_conf(f->node.maps);

	rec->layout = FP_LAYOUT;
	rec->hashed = h->live;
	rec->hashed_dead = h->dead;
	rec->hashed_max = conf->max_hashed;
	rec->memory_bytes = fp_maps_memory(f->node.maps);
	rec->in_step = conf->token && conf->token == f->node.lists.token;
}

static int print_filter(struct view *v)
{
	struct fp_filter *f = v->f;
	struct fp_buf sip = { 0 }, guard = { 0 };
	const struct fp_lists *ls = &f->node.lists;
	struct filter_rec rec = { .lists = ls->n, .broken = ls->n_broken };
	int r;

	for (size_t i = 0; i < ls->n; i++)
		rec.entries += fp_list_head(ls->v[i])->entries;
	rec.sip_ports = value_of(f, FP_SET_SIP_PORTS, &sip);
	rec.guard_ports = value_of(f, FP_SET_GUARD_PORTS, &guard);
	if (f->node.maps)
		read_tables(f, &rec);
	v->is_well &= rec.in_step && !rec.broken;
	r = v->has_filter ? fl_record(v->c, &filter_type, &rec) : 0;
	fp_buf_fini(&sip);
	fp_buf_fini(&guard);
	return r;
}

int fl_status(struct fp_cli *c)
{
	struct fp_err e = { 0 };
	struct fp_filter f;
	struct view v = { .c = c, .f = &f, .is_well = true };
	int r;

	if (c->argc)
		return fp_cli_usage(c, "status takes no \"%s\"", c->argv[0]);
	/* -o chooses what has such fields */
	v.has_filter = !fp_out_check(c->out, &filter_type, NULL);
	r = fp_out_check(c->out, &nic_type, &e);
	v.has_nics = !r;
	if (!r || v.has_filter)
		r = fl_open(c, FL_LOOK, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = print_nics(&v);
	if (!r)
		r = print_filter(&v);
	fp_filter_close(&f);
	if (r)
		return r;
	fp_out_summary(c->out, false, NULL, NULL);
	return v.is_well ? FP_EXIT_OK : FP_EXIT_NO;
}
