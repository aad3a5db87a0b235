/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync bypass: break the glass; every filter only observes for a while. */
#include <stddef.h>
#include <stdlib.h>

#include "common.h"

#define BYPASS_MAX_MS (86400ll * 1000)

struct bypass_rec {
	const char *node, *state, *detail;
	bool is_changed;
	int64_t bypass_s;
};

static const struct fp_field bypass_fields[] = {
	{ "node", offsetof(struct bypass_rec, node), FP_F_STR, NULL, "node" },
	{ "state", offsetof(struct bypass_rec, state), FP_F_STR, NULL,
	  "ok, refused, busy, unreachable, unknown-key, changed-key, denied or failed" },
	{ "changed", offsetof(struct bypass_rec, is_changed), FP_F_BOOL, NULL,
	  "it was otherwise before" },
	{ "bypass_s", offsetof(struct bypass_rec, bypass_s), FP_F_DUR_S, "s",
	  "until its filter acts again" },
	{ "detail", offsetof(struct bypass_rec, detail), FP_F_STR, NULL,
	  "why not" },
};
static const struct fp_type bypass_type = { "bypass", bypass_fields,
					    FS_COUNT(bypass_fields) };

struct bypass {
	struct fs_site site;
	int64_t ms; /* 0: end it */
	struct fp_outcome *out;
};

static void on_opened(void *ctx, struct fp_member *m)
{
	struct bypass *b = ctx;

	if (!b->site.c->is_dry_run)
		fp_sender_mode(m->sender, 0, b->ms,
			       fp_cli_get(b->site.c, "why"), b->site.by);
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct bypass *b = ctx;
	struct fp_outcome *o = m->data;

	if (fs_is_note(m, ev))
		return;
	if (ev->kind == FP_EVENT_FAILED) {
		fp_outcome_fail(o, ev);
	} else if (ev->ask == FP_ASK_MODE) {
		o->is_changed = ev->answer.changed > 0;
		o->pending_s = ev->answer.bypass_s;
		o->is_done = true;
	} else if (b->site.c->is_dry_run) {
		o->pending_s = fp_sender_said(m->sender)->bypass_s;
		o->is_changed = b->ms || o->pending_s;
		o->is_done = true;
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct fp_outcome *o = m->data;

	(void)ctx;
	if (!o->is_done)
		fp_outcome_end(o, m->code, &m->err);
}

static int report(struct bypass *b, struct fp_err *e)
{
	struct fp_cli *c = b->site.c;
	struct fs_tally t = { .is_changed = false };
	int r = 0;

	for (size_t i = 0; i < b->site.n_hosts && !r; i++) {
		const struct fp_outcome *o = &b->out[i];
		struct bypass_rec rec = {
			.node = b->site.hosts[i]->name,
			.state = o->state ? o->state : "ok",
			.is_changed = o->is_changed,
			.bypass_s = o->pending_s ? o->pending_s : -1,
			.detail = o->err.text,
		};

		fs_tally_add(&t, rec.node, o);
		r = fp_out_record(c->out, &bypass_type, &rec, e);
	}
	if (r)
		return r;
	if (t.is_changed && !c->is_dry_run)
		fp_log_change(fp_cli_get(c, "why"), "bypass: %lld s",
			      (long long)(b->ms / 1000));
	fs_tally_summary(c, &t);
	return fs_tally_status(&t, c->is_dry_run);
}

static int read_for(struct bypass *b, struct fp_err *e)
{
	const char *dur = fp_cli_get(b->site.c, "for");
	int r;

	if (!dur)
		return 0;
	r = fp_parse_duration(dur, &b->ms, e);
	if (r)
		return fp_err_prefix(e, r, "--for");
	if (b->ms < 1000 || b->ms > BYPASS_MAX_MS)
		return fp_err(e, -EINVAL, "--for %s: from 1s to 1d", dur);
	return 0;
}

int fs_bypass(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct bypass b = { .site.c = c };
	const struct fp_fleet_ops ops = { on_opened, on_event, on_ended, &b };
	int r;

	if (c->argc || !fp_cli_get(c, "for") == !fp_cli_get(c, "end"))
		return fp_cli_usage(c, "bypass takes --for DUR or --end");
	r = fp_out_check(c->out, &bypass_type, &e);
	if (!r)
		r = read_for(&b, &e);
	if (!r)
		r = fs_site_open(&b.site, c, NULL, 0, &e);
	if (!r) {
		b.out = calloc(b.site.n_hosts + 1, sizeof(*b.out));
		r = b.out ? fs_ask_all(&b.site, &ops, b.out, sizeof(*b.out), &e)
			  : fp_err(&e, -ENOMEM, "out of memory");
	}
	if (!r)
		r = report(&b, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	free(b.out);
	fs_site_close(&b.site);
	return r;
}
