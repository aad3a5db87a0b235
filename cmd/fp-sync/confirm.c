/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync confirm: what nodes would take back is for good, or taken back now. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "io/clock.h"

struct confirm_rec {
	const char *node, *state, *detail;
	char push[65];
	bool is_changed;
};

static const struct fp_field confirm_fields[] = {
	{ "node", offsetof(struct confirm_rec, node), FP_F_STR, NULL, "node" },
	{ "state", offsetof(struct confirm_rec, state), FP_F_STR, NULL,
	  "confirmed, back (taken back), pending (--dry-run), none (nothing was pending), or why not as push has it" },
	{ "push", offsetof(struct confirm_rec, push), FP_F_TEXT, NULL,
	  "the push that is, or was, pending" },
	{ "changed", offsetof(struct confirm_rec, is_changed), FP_F_BOOL, NULL,
	  "it was pending" },
	{ "detail", offsetof(struct confirm_rec, detail), FP_F_STR, NULL,
	  "why not, or what should be known" },
};
static const struct fp_type confirm_type = { "confirm", confirm_fields,
					     FS_COUNT(confirm_fields) };

struct answer {
	struct fp_outcome out;
	char push[FP_PUSH_ID_SIZE];
	bool is_other; /* it went the other way before */
};

struct confirm {
	struct fs_site site;
	struct fp_history *history;
	bool is_back;
	struct answer *answer;
};

/* Nothing is pending there: what became of our last push that was? */
static void look_back(struct confirm *c, const char *node,
		      const struct fp_hello *h, struct answer *a)
{
	const struct fp_pushed *w = fp_history_waited(c->history, node);
	bool is_accepted = w && !strcmp(h->accepted, w->id);
	int64_t off_s = (h->clock_ms - fp_clock_unix_ms()) / 1000;

	a->out.state = "none";
	if (!w)
		return;
	strcpy(a->push, w->id);
	if (!is_accepted &&
	    fp_history_is_after(c->history, h->accepted,
				h->accepted_at_s - off_s, a->push, w->at_s)) {
		a->push[0] = 0;
		return;
	}
	a->out.state = is_accepted ? "confirmed" : "back";
	a->is_other = is_accepted == c->is_back;
	fp_err(&a->out.err, 0, "%s",
	       is_accepted ? "confirmed already" : "taken back already");
}

static void on_hello(struct confirm *c, struct fp_member *m)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	struct answer *a = m->data;

	a->out.is_done = true;
	if (!h->pending[0]) {
		look_back(c, m->host->name, h, a);
		return;
	}
	a->out.state = "pending";
	strcpy(a->push, h->pending);
	a->out.is_changed = true;
	if (c->site.c->is_dry_run)
		return;
	a->out.is_done = false;
	fp_sender_confirm(m->sender, 0, h->pending, c->is_back);
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct confirm *c = ctx;
	struct answer *a = m->data;

	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED) {
		a->out.is_changed = false;
		fp_outcome_fail(&a->out, ev);
	} else if (ev->ask == FP_ASK_HELLO) {
		on_hello(c, m);
	} else {
		a->out.is_changed = ev->answer.changed > 0;
		a->out.state = c->is_back ? "back" : "confirmed";
		a->out.is_done = true;
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct answer *a = m->data;

	(void)ctx;
	if (a->out.is_done)
		return;
	a->out.is_changed = false;
	fp_outcome_end(&a->out, m->code, &m->err);
}

static int report(struct confirm *x, struct fp_err *e)
{
	struct fp_cli *c = x->site.c;
	struct fs_tally t = { .is_changed = false };
	size_t n_other = 0, n_asked = 0;
	int r = 0, status;

	for (size_t i = 0; i < x->site.n_hosts && !r; i++) {
		const struct answer *a = &x->answer[i];
		struct confirm_rec rec = {
			.node = x->site.hosts[i]->name,
			.state = a->out.state,
			.is_changed = a->out.is_changed,
			.detail = a->out.err.text,
		};

		fs_digest(c, a->push, rec.push);
		fs_tally_add(&t, rec.node, &a->out);
		n_other += a->is_other;
		n_asked += a->push[0] && !a->is_other;
		if (a->is_other)
			fp_log(FP_LOG_ERR, "%s: push %.12s was %s", rec.node,
			       a->push, rec.detail);
		r = fp_out_record(c->out, &confirm_type, &rec, e);
	}
	if (r)
		return r;
	if (t.is_changed && !c->is_dry_run)
		fp_log_change(NULL, "%s",
			      x->is_back ? "confirm --back" : "confirm");
	fs_tally_summary(c, &t);
	status = fs_tally_status(&t, c->is_dry_run);
	if (status || !n_other)
		return status;
	return n_asked ? FP_EXIT_PARTIAL : FP_EXIT_NO;
}

int fs_confirm(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct confirm x = { .site.c = c, .is_back = fp_cli_get(c, "back") };
	const struct fp_fleet_ops ops = { fs_opened, on_event, on_ended, &x };
	int r;

	if (c->argc)
		return fp_cli_usage(c, "confirm takes no operand (-N %s)",
				    c->argv[0]);
	r = fp_out_check(c->out, &confirm_type, &e);
	if (!r)
		r = fs_site_open(&x.site, c, NULL, 0, &e);
	if (!r)
		r = fp_history_open(&x.history, c->state_dir, &e);
	if (!r) {
		x.answer = calloc(x.site.n_hosts + 1, sizeof(*x.answer));
		r = x.answer ? fs_ask_all(&x.site, &ops, x.answer,
					  sizeof(*x.answer), &e)
			     : fp_err(&e, -ENOMEM, "out of memory");
	}
	if (!r)
		r = report(&x, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	free(x.answer);
	fp_history_close(x.history);
	fs_site_close(&x.site);
	return r;
}
