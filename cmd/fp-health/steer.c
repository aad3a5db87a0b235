/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer: routing follows the records of watch. */
#include "steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/notify.h"
#include "health.h"
#include "verb/db.h"
#include "health/records.h"
#include "health/steer.h"
#include "io/clock.h"
#include "watch.h"

/* fp_db and MI block the round: not longer than this */
#define STEP_MS 3000
#define CHECK_MS 1000
/* A one-shot run ends so long after --settle, whatever is left to be done. */
#define SEEN_MS 8000
/* Records that wait for who reads stdout. */
#define BEHIND_MAX (64 << 10)

struct steer {
	struct fp_cli *c;
	struct fp_nodes nodes;
	struct fp_steer_view view;
	struct fp_records *records;
	struct fp_steer *steer; /* or text */
	struct fh_text *text;
	struct fh_pipe *pipe; /* stdout, when it is one; not of text */
	const char *format;
	char *conninfo; /* of fp_db, or NULL */
	bool is_text;
	bool is_reload_due;
	struct fh_steer_opts opts;
	bool is_due;   /* a round is to come */
	bool is_ended; /* no more records */
	int64_t ended_ms;
	bool has_failed;
	int status;
	struct fp_timer look; /* of text: is the view stale? */
	bool was_stale;
	size_t n_bad;
};

/* ---- what is done */

static void said(void *ctx, const struct fp_steer_said *s)
{
	struct steer *x = ctx;
	struct fh_steer_rec rec = { .at_s = fp_clock_unix_s(),
				    .proxy = s->proxy,
				    .kind = s->kind,
				    .set = s->set,
				    .uri = s->uri,
				    .node = s->node,
				    .act = fp_steer_act_name(s->act),
				    .is_changed = s->is_changed };

	snprintf(rec.why, sizeof(rec.why), "%s%s%s", s->why,
		 s->code && *s->why ? ": " : "",
		 s->code ? (*s->error ? s->error : strerror(-s->code)) : "");
	fh_steer_record(x->c, &rec);
	if (s->code)
		fp_log(FP_LOG_WARN, "%s: %s %s: %s failed: %s", s->proxy,
		       s->kind, s->uri, rec.act, s->error);
	else if (s->is_changed && !x->c->is_dry_run)
		fp_log_change(s->why, "%s: %s %s %s: %s", s->proxy, s->kind,
			      s->set, s->uri, rec.act);
}

static void note(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

/* ---- what comes in */

static void end(struct steer *x)
{
	fp_loop_stop(x->nodes.loop);
}

static void text_update(struct steer *x)
{
	struct fp_err e = { .text = "" };
	int r = fh_text_update(x->text, &e);

	if (!r)
		return;
	x->status = fp_cli_fail(x->c, r, &e);
	x->has_failed = true;
	end(x);
}

static void follow(struct steer *x)
{
	if (!x->view.has_alive)
		return;
	if (x->is_text) {
		text_update(x);
		if (x->c->is_dry_run)
			end(x);
		return;
	}
	x->is_due = true;
	fp_steer_kick(x->steer);
}

static void heard(void *ctx, const struct fp_record *rec)
{
	struct steer *x = ctx;
	struct fp_err e = { .text = "" };
	int r;

	if (x->is_ended)
		return;
	/* systemd's watchdog stands for the watcher as well */
	if (rec->kind == FP_RECORD_ALIVE)
		fp_notify("WATCHDOG=1");
	r = fp_steer_view_feed(&x->view, rec, fp_clock_ms(), fp_clock_unix_ms(),
			       &e);
	if (r < 0)
		fp_log(FP_LOG_WARN, "a record of %s: %s", rec->node, e.text);
	if (r == 1)
		follow(x);
	/* a dry run is one round, of what was told up to here */
	if (x->c->is_dry_run && x->view.has_alive)
		x->is_ended = true;
}

static void bad(void *ctx, const struct fp_err *e)
{
	struct steer *x = ctx;

	if (!x->n_bad++)
		fp_log(FP_LOG_WARN,
		       "stdin: not what fp-health watch --json prints: %s",
		       e->text);
}

static bool is_settled(const struct steer *x)
{
	struct fp_steer_counts n = { .is_settled = true };

	if (x->steer)
		fp_steer_count(x->steer, &n);
	return n.is_settled;
}

static void ended(void *ctx, int code)
{
	struct steer *x = ctx;

	if (code)
		fp_log(FP_LOG_WARN, "stdin: %s", strerror(-code));
	if (x->is_ended)
		return;
	x->is_ended = true;
	x->ended_ms = fp_clock_ms();
	if (x->c->is_dry_run && !x->view.has_alive) {
		x->view.has_alive = true;
		x->view.heard_ms = fp_clock_ms();
		follow(x);
	} else if (!x->is_due && is_settled(x)) {
		end(x);
	}
}

static void reload(struct steer *x);

/* The next round knows all that was said up to now. */
static void before(void *ctx)
{
	struct steer *x = ctx;

	if (x->is_reload_due)
		reload(x);
	if (x->records && !x->is_ended)
		fp_records_drain(x->records);
}

/* Routing goes on following. */
static void pipe_gone(void *ctx, const struct fp_err *e)
{
	note(ctx, e->text);
}

static void round_over(void *ctx)
{
	struct steer *x = ctx;
	struct fp_steer_counts n;

	fp_steer_count(x->steer, &n);
	x->is_due = n.is_more;
	fp_notify("STATUS=%s, %zu destinations out, %zu held, %zu of %zu "
		  "OpenSIPS unread",
		  n.is_standby ? "standby" : "steering", n.n_down, n.n_held,
		  n.n_unread, n.n_proxies);
	/* what was done last is seen through; what fails over and over is not
	 * waited for */
	if (x->is_ended &&
	    ((n.is_settled && !n.is_more) ||
	     fp_clock_ms() - x->ended_ms > x->opts.settle_s * 1000 + SEEN_MS))
		end(x);
}

/* Of text: nobody else says that the watcher is silent. */
static void look(void *ctx)
{
	struct steer *x = ctx;
	bool is_stale = fp_steer_view_is_stale(&x->view, fp_clock_ms());

	if (is_stale && !x->was_stale && x->view.has_alive)
		fp_log(FP_LOG_WARN,
		       "the watcher says nothing any more: everything stays as it is");
	x->was_stale = is_stale;
	fp_loop_timer_arm(x->nodes.loop, &x->look, fp_clock_ms() + CHECK_MS);
}

/* ---- the two ways */

static struct fp_steer_setup setup(struct steer *x)
{
	return (struct fp_steer_setup){
		.loop = x->nodes.loop,
		.work = x->nodes.work,
		.resolver = x->nodes.resolver,
		.inv = x->nodes.inv,
		.hosts = x->nodes.hosts,
		.n_hosts = x->nodes.n_hosts,
		.view = &x->view,
		.conninfo = x->conninfo,
		.owner = x->nodes.name,
		.state_dir = x->c->state_dir,
		.timeout_ms =
			x->c->timeout_ms < STEP_MS ? x->c->timeout_ms : STEP_MS,
		.lease_s = x->opts.lease_s,
		.settle_s = x->opts.settle_s,
		.max_down_percent = x->opts.max_down_percent,
		.is_dry_run = x->c->is_dry_run,
		.said = said,
		.note = note,
		.before = before,
		.round = round_over,
		.ctx = x,
	};
}

/* Nobody steers without the lock and the leases that other controllers see,
 * unless fp_db is away and a person says so. */
static int start_apply(struct steer *x, struct fp_err *e)
{
	struct fp_steer_setup o = setup(x);
	bool is_lifted = fp_cli_overrides(x->c, "lock");
	struct fp_err why = { .text = "" };
	char who[128] = "";
	int r;

	if (!o.conninfo && !is_lifted && !o.is_dry_run)
		return fp_refuse(e, "lock",
				 "%s has no fp_db: nobody else would know what "
				 "is disabled here, or undo it",
				 x->c->cluster);
	r = fp_steer_open(&x->steer, &o, e);
	if (r || !o.conninfo)
		return r;
	r = fp_steer_begin(x->steer, who, &why);
	if (r >= 0)
		return 0;
	fp_steer_close(x->steer);
	x->steer = NULL;
	if (why.rule[0] || !fp_verb_db_is_away(r)) {
		*e = why;
		return r;
	}
	if (!is_lifted)
		return fp_refuse(e, "lock", "%s", why.text);
	fp_log(FP_LOG_WARN, "%s: going on without it, until it is back",
	       why.text);
	o.is_alone = true;
	return fp_steer_open(&x->steer, &o, e);
}

/* ---- another cluster file */

static void close_text(struct fh_text *t)
{
	if (t)
		fh_text_close(t);
	free(t);
}

static int open_text(struct steer *x, const struct fp_nodes *nodes,
		     struct fp_err *e)
{
	struct fh_text *text = calloc(1, sizeof(*text));
	int r = text ? fh_text_open(text, x->c, nodes, &x->view, x->format,
				    x->opts.max_down_percent, e)
		     : fp_err_sys(e, -ENOMEM, "steering");

	if (r) {
		close_text(text);
		return r;
	}
	text->nodes = &x->nodes; /* where they will be */
	text->n_changed = x->text ? x->text->n_changed : 0;
	close_text(x->text);
	x->text = text;
	return 0;
}

static int use(void *ctx, const struct fp_nodes *now, struct fp_err *e)
{
	struct steer *x = ctx;
	const char *conninfo;
	int r;

	if (x->is_text)
		return open_text(x, now, e);
	r = fp_verb_db_conninfo(now->inv, &conninfo, e);
	if (r)
		return r;
	if (!conninfo != !x->conninfo ||
	    (conninfo && strcmp(conninfo, x->conninfo)))
		return fp_err(e, -EINVAL,
			      "%s has another fp_db: for that, start anew",
			      x->c->cluster);
	return fp_steer_again(x->steer, now->inv, now->hosts, now->n_hosts, e);
}

static void reload(struct steer *x)
{
	struct fp_err e = { .text = "" };

	x->is_reload_due = false;
	if (fp_nodes_again(&x->nodes, x->c, NULL, 0, use, x, &e))
		fp_log(FP_LOG_ERR, "all stays as it was: %s", e.text);
	else
		fp_log(FP_LOG_NOTICE, "%s is read again: %zu nodes",
		       x->c->cluster, x->nodes.n_hosts);
}

/* Not within a round. */
static void on_reload(void *ctx)
{
	struct steer *x = ctx;

	if (x->is_text) {
		reload(x);
		follow(x);
		return;
	}
	x->is_reload_due = true;
	fp_steer_kick(x->steer);
}

/* ---- the start */

/* fp_db is one for all, and it outlives the cluster file that named it. */
static int keep_conninfo(struct steer *x, struct fp_err *e)
{
	const char *s;
	int r = fp_verb_db_conninfo(x->nodes.inv, &s, e);

	if (r || !s)
		return r;
	x->conninfo = strdup(s);
	return x->conninfo ? 0 : fp_err_sys(e, -ENOMEM, "fp_db");
}

static int start(struct steer *x, struct fp_err *e)
{
	const struct fp_records_events ev = {
		.record = heard, .bad = bad, .ended = ended, .ctx = x
	};
	int r = keep_conninfo(x, e);

	if (r)
		return r;
	x->look = (struct fp_timer){ .fire = look, .ctx = x };
	if (x->is_text)
		r = open_text(x, &x->nodes, e);
	else
		r = start_apply(x, e);
	if (!r)
		r = fp_loop_signals(x->nodes.loop, on_reload, x, e);
	if (!r && !x->is_text)
		r = fh_pipe_open(&x->pipe, x->c, x->nodes.loop, pipe_gone, x,
				 e);
	if (x->pipe)
		fh_pipe_may_drop(x->pipe, BEHIND_MAX);
	if (!r)
		r = fp_records_open(&x->records, x->nodes.loop, STDIN_FILENO,
				    &ev, e);
	if (!r && x->is_text && !x->c->is_dry_run)
		r = fp_loop_timer_arm(x->nodes.loop, &x->look,
				      fp_clock_ms() + CHECK_MS);
	return r;
}

static int summary(struct steer *x)
{
	struct fp_steer_counts n = { .n_changed =
					     x->text ? x->text->n_changed : 0 };
	char line[200] = "";

	if (x->has_failed)
		return x->status;
	if (x->steer)
		fp_steer_count(x->steer, &n);
	if (!x->c->is_dry_run && n.n_down && !n.is_standby && !n.is_alone)
		snprintf(line, sizeof(line),
			 "%zu stay disabled: their leases end within %llds, "
			 "and who steers then has them",
			 n.n_down, (long long)x->opts.lease_s);
	else if (!x->c->is_dry_run && n.n_down && n.is_alone)
		snprintf(line, sizeof(line),
			 "%zu stay disabled, and without fp_db nobody knows: "
			 "enable them by hand",
			 n.n_down);
	if (*line)
		fp_log(FP_LOG_WARN, "%s", line);
	fp_out_counts(x->c->out, n.n_changed > 0, NULL, "changes",
		      (uint64_t)n.n_changed, "failed", (uint64_t)n.n_failed,
		      "held", (uint64_t)n.n_held, "down", (uint64_t)n.n_down,
		      "unread", (uint64_t)n.n_unread, NULL);
	if (!x->is_ended)
		return FP_EXIT_OK; /* told to end */
	if (!x->view.has_alive)
		fp_log(FP_LOG_ERR,
		       "stdin ended, and no watcher said that it lives and has "
		       "told all: nothing was done");
	if (n.is_blind || !x->view.has_alive)
		return FP_EXIT_AGAIN;
	if (n.n_unread || n.n_failed)
		return FP_EXIT_PARTIAL;
	return x->c->is_dry_run && n.n_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static int run(struct steer *x, struct fp_err *e)
{
	int r = fp_steer_view_init(&x->view, fp_cli_get(x->c, "on"), e);

	if (!r)
		r = fh_steer_options(&x->opts, x->c, e);
	if (!r)
		r = fp_nodes_open(&x->nodes, x->c, NULL, 0, e);
	if (!r)
		r = start(x, e);
	if (r)
		return r;
	fp_notify("READY=1");
	r = fp_loop_run(x->nodes.loop);
	fp_notify("STOPPING=1");
	return r < 0 ? fp_err_sys(e, r, "event loop") : 0;
}

int fh_steer(struct fp_cli *c)
{
	const char *format = fp_cli_get(c, "format");
	struct steer x = { .c = c, .format = format };
	struct fp_err e = { .text = "" };
	int r, status;

	if (c->argc > 1 || (c->argc && strcmp(c->argv[0], "-")))
		return fp_cli_usage(c, "steer reads records from stdin: %s",
				    c->argv[c->argc - 1]);
	if (!format || !strcmp(format, "apply"))
		x.is_text = false;
	else if (!strcmp(format, "nsupdate") || !strcmp(format, "haproxy"))
		x.is_text = true;
	else
		return fp_cli_usage(c,
				    "--format %s: apply, nsupdate or haproxy",
				    format);
	r = run(&x, &e);
	status = r ? fp_verb_db_fail(c, r, &e) : summary(&x);
	fp_records_close(x.records);
	if (x.nodes.loop)
		fp_loop_timer_disarm(x.nodes.loop, &x.look);
	fh_pipe_close(x.pipe, c);
	fp_steer_close(x.steer);
	close_text(x.text);
	fp_steer_view_fini(&x.view);
	fp_nodes_close(&x.nodes);
	free(x.conninfo);
	return status;
}
