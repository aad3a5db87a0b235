/* SPDX-License-Identifier: Apache-2.0 */
#include "would.h"

#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "node/facts.h"
#include "seen.h"

#define SHOWN 20 /* sources, the newest; nodes and those with calls always */
/* Carriers ask each minute or less often, and their calls take longer than that
 * to show. */
#define OBSERVED_ENOUGH_S 3600
#define LISTS_SIZE 256

struct rec {
	char src[FP_PREFIX_STRLEN];
	const char *setting, *node;
	uint64_t packets;
	int64_t first, last, dialog;
	char lists[LISTS_SIZE];
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source"),
	FL_FIELD(rec, setting, FP_F_STR, NULL, "the check"),
	FL_FIELD(rec, packets, FP_F_U64, NULL, "that it would have dropped"),
	FL_FIELD(rec, first, FP_F_TIME, NULL, "the first of them"),
	FL_FIELD(rec, last, FP_F_TIME, NULL, "the last of them"),
	FL_FIELD(rec, node, FP_F_STR, NULL, "the cluster node that it is"),
	FL_FIELD(rec, dialog, FP_F_TIME, NULL,
		 "its last request within a call, of the last day"),
	FL_FIELD(rec, lists, FP_F_TEXT, NULL,
		 "block lists that have it, in force or not"),
};
static const struct fp_type type = { "would_drop", fields, FL_COUNT(fields) };

/* ---- records ---- */

/* Whole names, as many as there is room for. */
static int add_list(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *head = fp_list_about(item->list);
	char *lists = ctx;
	size_t n = strlen(lists);

	if (head->kind != FP_KIND_BLOCK ||
	    (item->entry.until_s && item->entry.until_s <= fp_clock_unix_s()) ||
	    n + strlen(head->name) + 2 > LISTS_SIZE)
		return 0;
	/* entries of one list come one after the other */
	if (n >= strlen(head->name) &&
	    !strcmp(lists + n - strlen(head->name), head->name))
		return 0;
	snprintf(lists + n, LISTS_SIZE - n, "%s%s", n ? "," : "", head->name);
	return 0;
}

static int print(struct fp_cli *c, const struct fp_filter *f,
		 const struct fl_source *s, enum fp_setting key)
{
	int64_t boot_s = fp_clock_unix_s() - fp_clock_ms() / 1000;
	struct rec rec = { .setting = fp_setting_keys[key].name,
			   .node = s->node,
			   .packets = s->seen.packets,
			   .first = boot_s + s->seen.first_s,
			   .last = boot_s + s->seen.last_s };

	if (s->has_dialog)
		rec.dialog = boot_s + s->seen.dialog_s;
	fp_prefix_print(&s->host, rec.src);
	fp_lists_covering(&f->node.lists, &s->host, add_list, rec.lists);
	return fl_record(c, &type, &rec);
}

static void show(struct fp_cli *c, const struct fp_filter *f,
		 const struct fl_seen *s, enum fp_setting key)
{
	size_t shown = 0;
	int status = 0;

	for (size_t i = 0; i < s->n && !status; i++) {
		if (i >= SHOWN && !s->v[i].node && !s->v[i].has_dialog)
			continue;
		status = print(c, f, &s->v[i], key);
		shown++;
	}
	if (!s->n)
		return;
	fp_log(FP_LOG_WARN,
	       "%s=enforce would have dropped packets of %zu source%s within the last day: %zu cluster node%s, %zu with calls here%s",
	       fp_setting_keys[key].name, s->n, s->n == 1 ? "" : "s",
	       s->n_nodes, s->n_nodes == 1 ? "" : "s", s->n_dialogs,
	       shown < s->n ? "; of the others the newest are shown" : "");
}

/* ---- for how long ---- */

struct observed {
	int64_t s;           /* without a break; -1: not at all */
	char nic[FP_IFNAME]; /* there, on others for longer; "": on all */
	const char *why_not; /* s is -1 */
};

/* The NIC that observes since last counts, and one that has stopped for want of a
 * confirmation: of its callers nothing is known. */
static void observed_nics(struct fp_filter *f, struct observed *o)
{
	const struct fp_conf *conf = fp_maps_conf(f->node.maps);
	struct fp_filter_nic n;
	bool is_any = false;

	for (int i = 0; i < FP_NICS; i++) {
		if (!conf->nic[i].name[0] ||
		    fp_filter_look_slot(f, i, &n, NULL) || !n.is_attached)
			continue;
		is_any |= n.looked_s >= 0;
		if (n.looked_s >= o->s)
			continue;
		o->s = n.looked_s < 0 ? 0 : n.looked_s;
		snprintf(o->nic, sizeof(o->nic), "%s", n.link.name);
	}
	if (!is_any)
		*o = (struct observed){
			.s = -1, .why_not = "no NIC is filtered: fp-load status"
		};
}

static struct observed observed(struct fp_filter *f, enum fp_setting key,
				enum fp_mode was)
{
	struct observed o = { .s = -1 };
	uint32_t since_s;

	if (!f->node.maps) {
		o.why_not =
			"no filter is loaded: fp-load attach, and leave it a day";
	} else if (was != FP_OBSERVE) {
		o.why_not = "it was off: set it to observe, and leave it a day";
	} else {
		since_s = fp_maps_conf(f->node.maps)
				  ->observing_s[key == FP_SET_MALFORMED];
		o.s = since_s ? fp_clock_ms() / 1000 - since_s : 0;
		observed_nics(f, &o);
	}
	return o;
}

/* "3 h": whole ones of the largest unit that there are two of. */
static const char *span(int64_t s, char *out, size_t size)
{
	if (s < 0)
		s = 0;
	if (s < 2 * 60)
		snprintf(out, size, "%lld s", (long long)s);
	else if (s < 2 * 3600)
		snprintf(out, size, "%lld min", (long long)s / 60);
	else if (s < 2 * 86400)
		snprintf(out, size, "%lld h", (long long)s / 3600);
	else
		snprintf(out, size, "%lld days", (long long)s / 86400);
	return out;
}

static int check_observed(struct fp_cli *c, struct fp_filter *f,
			  enum fp_setting key, enum fp_mode was,
			  struct fp_err *e)
{
	const char *name = fp_setting_keys[key].name;
	struct observed o = observed(f, key, was);
	char text[32];

	if (o.s < 0 && !fp_cli_overrides(c, "unseen"))
		return fp_refuse(e, "unseen",
				 "%s=enforce: nothing was observed: %s", name,
				 o.why_not);
	span(o.s, text, sizeof(text));
	if (o.s < 0)
		fp_log(FP_LOG_WARN, "%s: nothing was observed: %s", name,
		       o.why_not);
	else if (o.s < OBSERVED_ENOUGH_S)
		fp_log(FP_LOG_WARN,
		       "%s: it has observed for %s only%s%s; whom a day would show is not known",
		       name, text, *o.nic ? " on " : "", o.nic);
	else
		fp_log(FP_LOG_NOTICE, "%s: it has observed for %s%s%s", name,
		       text, *o.nic ? " on " : "", o.nic);
	return 0;
}

/* ---- rules ---- */

/* "203.0.113.9 (and 2 more)" */
static void name_first(const struct fl_source *x, size_t n, char *out,
		       size_t size)
{
	char text[FP_PREFIX_STRLEN];

	fp_prefix_print(&x->host, text);
	if (n > 1)
		snprintf(out, size, "%s (and %zu more)", text, n - 1);
	else
		snprintf(out, size, "%s", text);
}

static int check_nodes(struct fp_cli *c, const struct fl_seen *s,
		       const char *name, struct fp_err *e)
{
	char more[32] = "", text[FP_PREFIX_STRLEN];
	const struct fl_source *x = s->v;

	if (!s->n_nodes || fp_cli_overrides(c, "cluster"))
		return 0;
	x += s->first_node;
	if (s->n_nodes > 1)
		snprintf(more, sizeof(more), " (and %zu more)", s->n_nodes - 1);
	fp_prefix_print(&x->host, text);
	return fp_refuse(
		e, "cluster",
		"%s=enforce would have dropped packets of %s, cluster node %s%s; \"fp-block sweep\" allows all nodes of the cluster file",
		name, text, x->node, more);
}

static int check_dialogs(struct fp_cli *c, const struct fl_seen *s,
			 const char *name, struct fp_err *e)
{
	char who[FP_PREFIX_STRLEN + 32], text[FP_PREFIX_STRLEN];

	if (!s->n_dialogs || fp_cli_overrides(c, "dialog"))
		return 0;
	name_first(&s->v[s->first_dialog], s->n_dialogs, who, sizeof(who));
	fp_prefix_print(&s->v[s->first_dialog].host, text);
	return fp_refuse(
		e, "dialog",
		"%s=enforce would have dropped packets of %s, with calls here; one you know: \"fp-block add %s --kind allow --list carriers\", another: \"fp-block add %s --why scan\"",
		name, who, text, text);
}

static int check_memory(struct fp_cli *c, const struct fl_seen *s,
			const char *name, struct fp_err *e)
{
	if (!s->is_overrun || fp_cli_overrides(c, "memory"))
		return 0;
	return fp_refuse(
		e, "memory",
		"whom %s=enforce would have dropped is not known: of %llu sources that the filter saw it has forgotten %llu, since it has room for %d; allow the peers you know (\"fp-block load carriers FILE --kind allow\"), or wait until two days have gone by without such a flood",
		name, (unsigned long long)(s->n_held + s->n_forgotten),
		(unsigned long long)s->n_forgotten, FP_SEEN_MAX);
}

static int judge(struct fp_cli *c, struct fp_filter *f, const struct fl_seen *s,
		 enum fp_setting key, struct fp_err *e)
{
	const char *name = fp_setting_keys[key].name;
	int r;

	show(c, f, s, key);
	r = check_nodes(c, s, name, e);
	if (!r)
		r = check_dialogs(c, s, name, e);
	if (!r)
		r = check_memory(c, s, name, e);
	return r;
}

int fl_would(struct fp_cli *c, struct fp_filter *f, enum fp_setting key,
	     enum fp_mode was, struct fl_would *sum, struct fp_err *e)
{
	uint32_t reason =
		key == FP_SET_STEALTH ? FP_R_seen_stealth : FP_R_seen_malformed;
	struct fp_guard g = { 0 };
	struct fl_seen s = { 0 };
	int r;

	r = check_observed(c, f, key, was, e);
	if (r || !f->node.maps)
		return r;
	r = fp_facts_guard(&g, &f->node, c->cluster, c->is_cluster_named, e);
	if (!r)
		r = fl_seen_read(&s, f, &g, reason, e);
	if (!r) {
		sum->sources += s.n;
		sum->nodes += s.n_nodes;
		sum->dialogs += s.n_dialogs;
		sum->forgotten = s.is_overrun ? s.n_forgotten : 0;
		r = judge(c, f, &s, key, e);
	}
	fl_seen_fini(&s);
	fp_guard_fini(&g);
	return r;
}
