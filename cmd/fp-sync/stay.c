/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync push --stay: channels that stay open, lists that follow their files. */
#include <stddef.h>
#include <string.h>

#include "cli/notify.h"
#include "control/stay.h"
#include "io/clock.h"
#include "push.h"

struct stay {
	struct fs_site site; /* first: what SIGHUP gets */
	struct fp_plan plan;
	struct fp_timer watchdog;
	bool is_reload;
	int code; /* printing failed */
	struct fp_err err;
};

static void on_changed(void *ctx, const struct fp_member *m,
		       const struct fp_outcome *o)
{
	struct stay *s = ctx;
	struct fs_node n = { .host = m->host,
			     .out = *o,
			     .sent = m->sent,
			     .received = m->received };
	int r;

	if (m->sender)
		fp_sender_bytes(m->sender, &n.sent, &n.received);
	fs_push_judge(&n.out);
	if (o->standing != FP_STANDS_WELL || n.out.is_partly)
		fp_log(FP_LOG_WARN, "%s: %s", m->host->name, n.out.err.text);
	if (o->is_changed)
		fp_log_change(s->plan.why, "push: %s: policy %.12s",
			      m->host->name, o->policy);
	r = fs_push_record(s->site.c, &n, &s->err);
	fp_out_flush(s->site.c->out);
	if (r) {
		s->code = r;
		fp_loop_stop(s->site.loop);
	}
}

static void on_say(void *ctx, bool is_bad, const char *text)
{
	(void)ctx;
	fp_log(is_bad ? FP_LOG_ERR : FP_LOG_NOTICE, "%s", text);
}

static void on_ready(void *ctx)
{
	(void)ctx;
	fp_notify("READY=1\nSTATUS=every node was asked once");
}

static void on_watchdog(void *ctx)
{
	struct stay *s = ctx;

	fp_notify("WATCHDOG=1");
	fp_loop_timer_arm(s->site.loop, &s->watchdog,
			  fp_clock_ms() + fp_notify_watchdog_ms());
}

/* A cluster file that cannot be read is said, and the one before holds. */
static void on_reload(void *ctx)
{
	struct stay *s = ctx;
	struct fp_err e = { .text = "" };

	if (fs_site_check(&s->site, &e)) {
		fp_log(FP_LOG_ERR, "%s; the nodes before it hold", e.text);
		return;
	}
	s->is_reload = true;
	fp_loop_stop(s->site.loop);
}

static int stay_open(struct stay *s, struct fp_cli *c, struct fp_stay **out,
		     struct fp_err *e)
{
	struct fp_stay_opts o = {
		.source = { .dir = fs_lists_dir(c),
			    .names = (const char *const *)c->argv,
			    .n_names = (size_t)c->argc,
			    .is_gone_ok = fp_cli_get(c, "prune"),
			    .is_empty_ok = fp_cli_overrides(c, "empty") },
		.state_dir = c->state_dir,
		.changed = on_changed,
		.say = on_say,
		.ready = on_ready,
		.ctx = s,
	};
	int r;

	s->site.reload = on_reload;
	r = fs_site_open(&s->site, c, NULL, 0, e);
	if (!r)
		r = fs_plan(&s->site, &s->plan, e);
	if (!r)
		r = fp_history_open(&s->plan.history, c->state_dir, e);
	if (!r)
		r = fp_copy_open(&s->plan.copy, c->state_dir, e);
	if (r)
		return r;
	s->plan.is_patient = true;
	s->plan.push.names = o.source.names;
	s->plan.push.n_names = o.source.n_names;
	o.fleet = s->site.opts;
	o.plan = s->plan;
	return fp_stay_open(out, s->site.loop, &o, s->site.hosts,
			    s->site.n_hosts, e);
}

/* Until SIGTERM, or SIGHUP (is_reload). */
static int stay_once(struct stay *s, struct fp_cli *c, struct fp_err *e)
{
	struct fp_stay *stay = NULL;
	int r = stay_open(s, c, &stay, e);

	if (!r) {
		s->watchdog =
			(struct fp_timer){ .fire = on_watchdog, .ctx = s };
		if (fp_notify_watchdog_ms())
			on_watchdog(s);
		r = fp_loop_run(s->site.loop);
		fp_notify(s->is_reload ? "RELOADING=1" : "STOPPING=1");
		fp_loop_timer_disarm(s->site.loop, &s->watchdog);
		if (r < 0)
			fp_err_sys(e, r, "event loop");
	}
	fp_stay_close(stay);
	fp_plan_fini(&s->plan);
	fs_site_close(&s->site);
	return r < 0 ? r : 0;
}

int fs_push_stay(struct fp_cli *c)
{
	struct stay s = { .code = 0 };
	struct fp_err e = { .text = "" };
	int r;

	do {
		s = (struct stay){ .code = 0 };
		r = stay_once(&s, c, &e);
	} while (!r && s.is_reload);
	if (!r && s.code) {
		r = s.code;
		e = s.err;
	}
	if (r)
		return fp_cli_fail(c, r, &e);
	fp_out_counts(c->out, false, NULL, NULL);
	return FP_EXIT_OK;
}
