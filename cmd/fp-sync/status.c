/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync status: are all nodes there, and do they agree? */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "push.h"

struct status_rec {
	const char *node, *state, *accepted_by, *filter, *mode, *version;
	char policy[65], detail[512];
	bool is_in_step;
	uint64_t bans;
	int64_t age_s, bypass_s, pending_s, clock_s;
};

static const struct fp_field status_fields[] = {
	{ "node", offsetof(struct status_rec, node), FP_F_STR, NULL, "node" },
	{ "state", offsetof(struct status_rec, state), FP_F_STR, NULL,
	  "up, pending, busy, refused, unreachable, unknown-key, changed-key, denied or failed" },
	{ "policy", offsetof(struct status_rec, policy), FP_F_TEXT, NULL,
	  "its policy digest" },
	{ "in_step", offsetof(struct status_rec, is_in_step), FP_F_BOOL, NULL,
	  "its pushed lists are those of the lists directory, its filter is made of its lists" },
	{ "bans", offsetof(struct status_rec, bans), FP_F_U64, NULL,
	  "live words of its dynamic lists" },
	{ "accepted_by", offsetof(struct status_rec, accepted_by), FP_F_STR,
	  NULL, "whose push it accepted last" },
	{ "age_s", offsetof(struct status_rec, age_s), FP_F_DUR_S, "s",
	  "since then" },
	{ "filter", offsetof(struct status_rec, filter), FP_F_STR, NULL,
	  "attached, loaded or none" },
	{ "lists", offsetof(struct status_rec, mode), FP_F_STR, NULL,
	  "mode of its lists: enforce, observe or off" },
	{ "bypass_s", offsetof(struct status_rec, bypass_s), FP_F_DUR_S, "s",
	  "until a bypass ends" },
	{ "pending_s", offsetof(struct status_rec, pending_s), FP_F_DUR_S, "s",
	  "until a push is taken back unless confirmed" },
	{ "clock_s", offsetof(struct status_rec, clock_s), FP_F_I64, "s",
	  "its clock minus ours" },
	{ "version", offsetof(struct status_rec, version), FP_F_STR, NULL,
	  "of fastpath there" },
	{ "detail", offsetof(struct status_rec, detail), FP_F_TEXT, NULL,
	  "what should be known" },
};
static const struct fp_type status_type = { "status", status_fields,
					    FS_COUNT(status_fields) };

/* What one node said. */
struct answer {
	struct fp_hello hello; /* its strings; its lists are gone */
	struct fp_outcome out;
	bool has_hello, is_in_step;
	int64_t clock_s;
	char detail[512];
};

struct status {
	struct fs_site site;
	struct fp_plan plan; /* for its source */
	struct answer *answer;
	struct fs_tally tally;
	size_t n_behind, n_idle; /* idle: in step, and not in force */
};

/* ---- answers */

static void add_detail(struct answer *a, const char *fmt, const char *word)
{
	size_t n = strlen(a->detail);

	if (n && n < sizeof(a->detail) - 3) {
		strcpy(a->detail + n, "; ");
		n += 2;
	}
	snprintf(a->detail + n, sizeof(a->detail) - n, fmt, word);
}

/* Which lists are not as ours. */
static void compare(const struct status *s, struct answer *a)
{
	const struct fp_offers *o = s->plan.push.offers;
	struct fp_order all = s->plan.push;

	all.is_prune = true;
	a->is_in_step = fp_order_is_done(&all, &a->hello) &&
			!fp_hello_is_behind(&a->hello);
	for (size_t i = 0; i < o->n && !a->is_in_step; i++) {
		const struct fp_hello_list *l =
			fp_hello_find(&a->hello, o->v[i].name);

		if (!l)
			add_detail(a, "lacks list %s", o->v[i].name);
		else if (strcmp(l->digest, o->v[i].digest))
			add_detail(a, "list %s differs", o->v[i].name);
	}
	for (size_t i = 0; i < a->hello.n_lists; i++)
		if (fp_order_drops(&all, &a->hello.list[i]))
			add_detail(a, "also has list %s",
				   a->hello.list[i].name);
	if (fp_hello_is_behind(&a->hello))
		add_detail(a, "%s", "tables are behind the lists");
	if (a->hello.broken)
		add_detail(a, "%s", "has lists that cannot be read");
	if (strcmp(a->hello.filter, "attached"))
		add_detail(a, "%s", FS_NOT_IN_FORCE);
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct answer *a = m->data;

	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED) {
		fp_outcome_fail(&a->out, ev);
	} else if (ev->kind == FP_EVENT_DONE) {
		a->hello = *fp_sender_said(m->sender);
		a->has_hello = true;
		a->clock_s = fs_clock_s(m->host, &a->hello);
		compare(ctx, a);
		a->hello.list = NULL;
		a->hello.n_lists = 0;
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct answer *a = m->data;

	(void)ctx;
	if (!a->has_hello && !a->out.is_done)
		fp_outcome_end(&a->out, m->code, &m->err);
}

/* ---- report */

static int64_t or_none(int64_t s)
{
	return s ? s : -1;
}

static int print_one(struct status *s, const struct fp_host *h,
		     struct answer *a, struct fp_err *e)
{
	const struct fp_hello *x = &a->hello;
	struct status_rec rec = {
		.node = h->name,
		.state = !a->has_hello   ? a->out.state
			 : x->pending[0] ? "pending"
					 : "up",
		.accepted_by = x->accepted_by,
		.filter = x->filter,
		.mode = x->mode,
		.version = x->version,
		.is_in_step = a->is_in_step,
		.bans = x->n_words,
		.age_s = x->accepted[0] ? fp_clock_unix_s() + a->clock_s -
						  x->accepted_at_s
					: -1,
		.bypass_s = or_none(x->bypass_s),
		.pending_s = x->pending[0] ? x->pending_s : -1,
		.clock_s = a->clock_s,
	};

	if (a->has_hello && rec.age_s < 0 && x->accepted[0])
		rec.age_s = 0;
	fs_digest(s->site.c, x->policy, rec.policy);
	snprintf(rec.detail, sizeof(rec.detail), "%s",
		 a->has_hello ? a->detail : a->out.err.text);
	fs_tally_add(&s->tally, h->name, &a->out);
	s->n_behind += a->has_hello && !a->is_in_step;
	s->n_idle +=
		a->has_hello && a->is_in_step && strcmp(x->filter, "attached");
	return fp_out_record(s->site.c->out, &status_type, &rec, e);
}

static int finish(struct status *s)
{
	int status = fs_tally_status(&s->tally, false);

	fp_out_counts(s->site.c->out, false, NULL, "nodes",
		      (uint64_t)s->site.n_hosts, "in_step",
		      (uint64_t)(s->tally.n[FP_STANDS_WELL] - s->n_behind),
		      "behind", (uint64_t)s->n_behind, "unreachable",
		      (uint64_t)s->tally.n[FP_STANDS_AWAY], NULL);
	if (status)
		return status;
	return s->n_behind || s->n_idle ? FP_EXIT_NO : FP_EXIT_OK;
}

static int ask_nodes(struct status *s, struct fp_err *e)
{
	const struct fp_fleet_ops ops = { fs_opened, on_event, on_ended, s };
	size_t n = s->site.n_hosts;
	int r;

	s->answer = calloc(n + 1, sizeof(*s->answer));
	if (!s->answer)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fs_ask_all(&s->site, &ops, s->answer, sizeof(*s->answer), e);
	for (size_t i = 0; i < n && !r; i++)
		r = print_one(s, s->site.hosts[i], &s->answer[i], e);
	return r;
}

/* Without lists of our own there is nothing to be in step with but none. */
static int read_ours(struct status *s, struct fp_err *e)
{
	int r = fs_our_lists(s->site.c, NULL, 0, &s->plan.source, e);

	if (!r)
		s->plan.push.offers = fp_source_offers(s->plan.source);
	return r;
}

static int repair(struct status *s, struct fp_err *e)
{
	int r;

	fp_plan_fini(&s->plan);
	r = fs_plan(&s->site, &s->plan, e);
	s->plan.is_patient = true;
	if (!r)
		r = fs_plan_push(&s->site, &s->plan, e);
	return r ? r : fs_push_all(&s->site, &s->plan, e);
}

int fs_status(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct status s = { .site.c = c };
	bool is_repair = fp_cli_get(c, "repair");
	int r;

	if (c->argc)
		return fp_cli_usage(c, "status takes no operand (-N %s)",
				    c->argv[0]);
	r = fp_out_check(c->out, is_repair ? &fs_push_type : &status_type, &e);
	if (!r)
		r = fs_site_open(&s.site, c, NULL, 0, &e);
	if (!r && is_repair) {
		r = repair(&s, &e);
	} else if (!r) {
		r = read_ours(&s, &e);
		if (!r)
			r = ask_nodes(&s, &e);
		if (!r)
			r = finish(&s);
	}
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	free(s.answer);
	fp_plan_fini(&s.plan);
	fs_site_close(&s.site);
	return r;
}
