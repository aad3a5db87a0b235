/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "node/filter.h"
#include "node/judge.h"
#include "node/rehearse_priv.h"
#include "peer/netlink.h"

/* What must be known of a rehearsal beside its verdicts. */

/* ---- asked is what the settings would do, which is not always what is done ---- */

static const char *stopped(const struct fp_conf *c, uint64_t *n)
{
	int64_t now_s = fp_clock_ms() / 1000;
	const char *first = NULL;

	for (size_t i = 0; i < FP_NICS; i++) {
		const struct fp_nic *nic = &c->nic[i];

		if (!nic->name[0] || !nic->confirm_until_s ||
		    nic->confirm_until_s > now_s)
			continue;
		++*n;
		first = first ? first : nic->name;
	}
	return first;
}

void fp_rehearse_say_passing(const struct fp_rehearsing_opts *o,
			     const struct fp_conf *c,
			     struct fp_rehearsing_counts *n)
{
	const char *nic = stopped(c, &n->unconfirmed);
	char text[300], more[40] = "", *at = text;
	size_t left = sizeof(text);

	n->bypass_s = fp_filter_bypass_s(c);
	if (!nic && !n->bypass_s)
		return;
	if (n->unconfirmed > 1)
		snprintf(more, sizeof(more), " (and %llu more)",
			 (unsigned long long)n->unconfirmed - 1);
	at += snprintf(at, left, "judged as if it filtered: ");
	left -= (size_t)(at - text);
	if (nic && n->bypass_s)
		snprintf(
			at, left,
			"%.*s is unconfirmed%s and passes everything, bypassed for %llu s more",
			FP_IFNAME, nic, more, (unsigned long long)n->bypass_s);
	else if (nic)
		snprintf(at, left,
			 "%.*s is unconfirmed%s and passes everything",
			 FP_IFNAME, nic, more);
	else
		snprintf(at, left, "bypassed for %llu s more",
			 (unsigned long long)n->bypass_s);
	o->notice(o->ctx, text);
}

/* ---- our own packets ---- */

struct own {
	const struct fp_rehearsing_opts *opts;
	const struct fp_sources *sources;
};

/* 127.0.0.0/8 and ::1: what went out there came in there. */
static bool is_loopback(const struct fp_prefix *p)
{
	return !p->hi && (p->lo >> 24 == 0xffff7f || p->lo <= 1);
}

static int say_own(void *ctx, const struct fp_prefix *host, const char *name)
{
	const struct own *w = ctx;
	char text[300], address[FP_PREFIX_STRLEN];

	if (is_loopback(host) || !fp_sources_has(w->sources, host))
		return 0;
	fp_prefix_print(host, address);
	snprintf(
		text, sizeof(text),
		"%s is this node's own address (%s): this capture does not say what went out, which no filter sees, and all of it was judged; tcpdump -Q in leaves it out",
		address, name);
	w->opts->notice(w->opts->ctx, text);
	return 1;
}

void fp_rehearse_say_own(const struct fp_rehearsing_opts *o,
			 const struct fp_sources *s)
{
	struct own w = { o, s };

	fp_net_addresses(say_own, &w, NULL);
}

/* ---- what fp-block would not take ---- */

#define SAID_MAX 8 /* one line each */

struct refused {
	const struct fp_rehearsing_opts *opts;
	uint64_t n;
};

static void say_refused(struct refused *x, const char *list,
			const struct fp_err *why)
{
	char text[600];

	if (x->n++ >= SAID_MAX)
		return;
	snprintf(text, sizeof(text),
		 "%s: %s: fp-block would refuse this entry (%s)", list,
		 why->text, why->rule);
	x->opts->notice(x->opts->ctx, text);
}

static int check_list(struct fp_judge *j, struct fp_list *l, struct refused *x,
		      struct fp_err *e)
{
	const struct fp_list_head *head = fp_list_about(l);
	const struct fp_lists one = { .v = &l, .n = 1 };
	struct fp_merge_item item;
	struct fp_merge *m = NULL;
	int r = fp_judge_begin(j, head->kind, e);

	if (!r)
		r = fp_merge_open(&m, &one, NULL, e);
	while (!r && (r = fp_merge_next(m, &item, e)) > 0) {
		r = fp_judge_next(j, &item.entry.p, e);
		if (r == -EPERM) {
			say_refused(x, head->name, e);
			r = 0;
		}
	}
	fp_merge_close(m);
	return r;
}

int fp_rehearse_say_refused(const struct fp_rehearsing_opts *o,
			    struct fp_node *n, struct fp_err *e)
{
	const struct fp_judge_opts jo = { .cluster = o->cluster,
					  .is_cluster_named =
						  o->is_cluster_named };
	struct refused x = { .opts = o };
	struct fp_judge *j;
	char text[600];
	int r = fp_judge_open(&j, n, &jo, e);

	if (r) {
		snprintf(text, sizeof(text),
			 "not known which entries fp-block would refuse: %s",
			 e->text);
		o->notice(o->ctx, text);
		return 0;
	}
	for (size_t i = 0; i < n->lists.n && !r; i++)
		r = check_list(j, n->lists.v[i], &x, e);
	fp_judge_close(j);
	if (x.n > SAID_MAX) {
		snprintf(text, sizeof(text),
			 "fp-block would refuse %llu more entries",
			 (unsigned long long)x.n - SAID_MAX);
		o->notice(o->ctx, text);
	}
	return r;
}
