/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer: routing follows the records of watch. */
#include "steer.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/notify.h"
#include "health/records.h"
#include "health/steer.h"
#include "io/clock.h"

#define LEASE_S 60
/* fr_timeout of tm (30 s by default) and a second */
#define SETTLE_S 31
#define MAX_DOWN 50.0
/* fp_db and MI block the round: not longer than this */
#define STEP_MS 3000
#define CHECK_MS 1000

struct steer {
	struct fp_cli *c;
	struct fh_nodes nodes;
	struct fp_steer_view view;
	struct fp_records *records;
	struct fp_steer *steer; /* or text */
	struct fh_text text;
	bool is_text, has_db;
	double max_down_percent;
	int64_t lease_s, settle_s;
	bool is_due;   /* a round is to come */
	bool is_ended; /* no more records */
	bool has_failed;
	int status;
	struct fp_timer look; /* of text: is the view stale? */
	bool was_stale;
	size_t n_bad;
};

/* ---- records */

#define AT(M) offsetof(struct fh_steer_rec, M)
static const struct fp_field fields[] = {
	{ "at", AT(at_s), FP_F_TIME, NULL, "when" },
	{ "proxy", AT(proxy), FP_F_STR, NULL, "the OpenSIPS" },
	{ "kind", AT(kind), FP_F_STR, NULL,
	  "dispatcher, load_balancer or rtpengine" },
	{ "set", AT(set), FP_F_STR, NULL, "its set or group" },
	{ "uri", AT(uri), FP_F_STR, NULL, "the destination" },
	{ "node", AT(node), FP_F_STR, NULL, "the node it leads to" },
	{ "act", AT(act), FP_F_STR, NULL, "what was done" },
	{ "why", AT(why), FP_F_TEXT, NULL, "why" },
	{ "changed", AT(is_changed), FP_F_BOOL, NULL,
	  "routing is different now" },
};
static const struct fp_type type = { "steer", fields, FH_COUNT(fields) };

void fh_steer_record(struct fp_cli *c, const struct fh_steer_rec *rec)
{
	struct fp_err e = { .text = "" };

	if (fp_out_record(c->out, &type, rec, &e))
		fp_log(FP_LOG_ERR, "%s", e.text);
	fp_out_flush(c->out);
}

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
	int r = fh_text_update(&x->text, &e);

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
	r = fp_steer_view_feed(&x->view, rec, fp_clock_ms(), &e);
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
	if (x->c->is_dry_run && !x->view.has_alive) {
		x->view.has_alive = true;
		x->view.heard_ms = fp_clock_ms();
		follow(x);
	} else if (!x->is_due && is_settled(x)) {
		end(x);
	}
}

static void round_over(void *ctx)
{
	struct steer *x = ctx;
	struct fp_steer_counts n;

	x->is_due = false;
	fp_steer_count(x->steer, &n);
	fp_notify("STATUS=%s, %zu destinations out, %zu held, %zu of %zu "
		  "OpenSIPS unread",
		  n.is_standby ? "standby" : "steering", n.n_down, n.n_held,
		  n.n_unread, n.n_proxies);
	/* what was done last is seen through */
	if (x->is_ended && n.is_settled)
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

/* ---- what the command line says */

static int duration(const struct fp_cli *c, const char *option, int64_t min_s,
		    int64_t *out_s, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	int64_t ms = 0;
	int r = s ? fp_parse_duration(s, &ms, e) : 0;

	if (r)
		return fp_err_prefix(e, r, "--%s", option);
	if (s && ms < min_s * 1000)
		return fp_err(e, -EINVAL, "--%s %s: at least %llds", option, s,
			      (long long)min_s);
	if (s)
		*out_s = ms / 1000;
	return 0;
}

static int percent(const struct fp_cli *c, double *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, "max-down");
	char *stop;
	double v;

	if (!s)
		return 0;
	v = strtod(s, &stop);
	if (*stop == '%')
		stop++;
	if (stop == s || *stop || !isfinite(v) || v < 0 || v > 100)
		return fp_err(e, -EINVAL, "--max-down %s: a percentage", s);
	*out = v;
	return 0;
}

static int options(struct steer *x, struct fp_err *e)
{
	int r;

	x->lease_s = LEASE_S;
	x->settle_s = SETTLE_S;
	x->max_down_percent = MAX_DOWN;
	r = fp_steer_view_init(&x->view, fp_cli_get(x->c, "on"), e);
	if (!r)
		r = duration(x->c, "lease", 3, &x->lease_s, e);
	if (!r)
		r = duration(x->c, "settle", 0, &x->settle_s, e);
	if (!r)
		r = percent(x->c, &x->max_down_percent, e);
	if (!r)
		r = fp_out_check(x->c->out, &type, e);
	return r;
}

/* ---- the two ways */

/* Nobody steers without the lock and the leases that other controllers see,
 * unless a person says so. */
static int start_apply(struct steer *x, struct fp_err *e)
{
	struct fp_steer_setup o = {
		.loop = x->nodes.loop,
		.work = x->nodes.work,
		.resolver = x->nodes.resolver,
		.inv = x->nodes.inv,
		.hosts = x->nodes.hosts,
		.n_hosts = x->nodes.n_hosts,
		.view = &x->view,
		.conninfo = fh_nodes_var(&x->nodes, "fp_db"),
		.owner = x->nodes.name,
		.state_dir = x->c->state_dir,
		.timeout_ms =
			x->c->timeout_ms < STEP_MS ? x->c->timeout_ms : STEP_MS,
		.lease_s = x->lease_s,
		.settle_s = x->settle_s,
		.max_down_percent = x->max_down_percent,
		.is_dry_run = x->c->is_dry_run,
		.said = said,
		.note = note,
		.round = round_over,
		.ctx = x,
	};
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
	x->has_db = r >= 0;
	if (x->has_db)
		return 0;
	fp_steer_close(x->steer);
	x->steer = NULL;
	if (!is_lifted && why.rule[0]) {
		*e = why;
		return r;
	}
	if (!is_lifted)
		return fp_refuse(e, "lock", "%s", why.text);
	fp_log(FP_LOG_WARN, "%s: going on without it", why.text);
	o.conninfo = NULL;
	return fp_steer_open(&x->steer, &o, e);
}

static int start(struct steer *x, const char *format, struct fp_err *e)
{
	const struct fp_records_events ev = {
		.record = heard, .bad = bad, .ended = ended, .ctx = x
	};
	int r;

	x->look = (struct fp_timer){ .fire = look, .ctx = x };
	if (x->is_text)
		r = fh_text_open(&x->text, x->c, &x->nodes, &x->view, format,
				 x->max_down_percent, e);
	else
		r = start_apply(x, e);
	if (!r)
		r = fp_loop_signals(x->nodes.loop, NULL, NULL, e);
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
	struct fp_steer_counts n = { .n_changed = x->text.n_changed };
	char line[200] = "";

	if (x->has_failed)
		return x->status;
	if (x->steer)
		fp_steer_count(x->steer, &n);
	if (!x->c->is_dry_run && n.n_down && !n.is_standby && x->has_db)
		snprintf(line, sizeof(line),
			 "%zu stay disabled: their leases end within %llds, "
			 "and who steers then has them",
			 n.n_down, (long long)x->lease_s);
	else if (!x->c->is_dry_run && n.n_down && !x->has_db)
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
	if (n.is_blind)
		return FP_EXIT_AGAIN;
	if (n.n_unread || n.n_failed)
		return FP_EXIT_PARTIAL;
	return x->c->is_dry_run && n.n_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static int run(struct steer *x, const char *format, struct fp_err *e)
{
	int r = options(x, e);

	if (!r)
		r = fh_nodes_open(&x->nodes, x->c, NULL, 0, e);
	if (!r)
		r = start(x, format, e);
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
	struct steer x = { .c = c };
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
	r = run(&x, format, &e);
	status = r ? fp_cli_fail(c, r, &e) : summary(&x);
	fp_records_close(x.records);
	if (x.nodes.loop)
		fp_loop_timer_disarm(x.nodes.loop, &x.look);
	fp_steer_close(x.steer);
	fh_text_close(&x.text);
	fp_steer_view_fini(&x.view);
	fh_nodes_close(&x.nodes);
	return status;
}
