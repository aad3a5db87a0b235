/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover failover -: what fp-health watch --json says, acted on.  A FreeSWITCH whose
 * event socket is CRITICAL, or that is another run, is failed over; before that the
 * rest of what was said is read, and the node is asked itself: a record is a reason to
 * look, no proof.  One at a time; each decision is a line on stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failover.h"
#include "health/records.h"
#include "io/clock.h"

/* Of what may work later: fp_db away, a lock held.  Rows are too old after that. */
#define AGAIN_MS 10000
#define AGAIN_FOR_MS (FP_DEAD_TOO_LONG_S * 1000)

struct watched {
	struct fp_switch *x;
	char run[64]; /* that was seen last; "": none */
	char why[240];
	bool is_maint;
	bool is_down;      /* its event socket, as the watcher says */
	bool is_restarted; /* since it was acted on */
	bool is_due;
	uint64_t nth;           /* of those that are due, the lowest is first */
	int64_t from_ms, at_ms; /* due since, and when it is its turn */
};
struct watching {
	struct fv_env v;
	struct fp_cli *c;
	struct fp_records *records;
	struct watched *node;
	uint64_t n_due;
	struct fp_timer turn;
	bool is_ended;
	bool is_told; /* to end: a signal came while a node was asked */
	int code;     /* of stdin */
	size_t n_done, n_not;
	bool is_no; /* --dry-run: something would change */
};

static void wake(void *ctx)
{
	struct watching *w = ctx;

	fp_loop_stop(w->v.nodes.loop);
}

/* ---- what is said */

static struct watched *find(struct watching *w, const char *name)
{
	for (size_t i = 0; i < w->v.switches.n; i++)
		if (!strcmp(w->v.switches.v[i].name, name))
			return &w->node[i];
	return NULL;
}

static void due(struct watching *w, struct watched *n, const char *why)
{
	snprintf(n->why, sizeof(n->why), "%s", why);
	if (!n->is_due) {
		n->is_due = true;
		n->nth = ++w->n_due;
		n->from_ms = fp_clock_ms();
	}
	n->at_ms = fp_clock_ms();
	wake(w);
}

/* Of a node with several addresses (esl-2) the first decides. */
static bool is_esl(const char *check)
{
	return !strcmp(check, "esl");
}

static void transition(struct watching *w, struct watched *n,
		       const struct fp_record *r)
{
	bool was_down = n->is_down;
	char why[300];

	/* the node's own is MAINT when one of its checks is */
	if (is_esl(r->check) || !strcmp(r->check, "node"))
		n->is_maint = !strcmp(r->to, "MAINT");
	if (!is_esl(r->check))
		return;
	n->is_down = !strcmp(r->to, "CRITICAL");
	if (!n->is_down || was_down)
		return;
	snprintf(why, sizeof(why), "its event socket is CRITICAL%s%s",
		 *r->detail ? ": " : "", r->detail);
	due(w, n, why);
}

static void heard(void *ctx, const struct fp_record *r)
{
	struct watching *w = ctx;
	struct watched *n = find(w, r->node);

	if (!n)
		return; /* of other nodes */
	if (r->kind == FP_RECORD_TRANSITION) {
		transition(w, n, r);
	} else if (r->kind == FP_RECORD_RESTART && is_esl(r->check)) {
		n->is_restarted = true;
		n->is_maint = !strcmp(r->to, "MAINT");
		due(w, n, "it is another run");
	} else if (r->kind == FP_RECORD_GONE &&
		   (!*r->check || is_esl(r->check))) {
		n->is_down = n->is_due = false;
	}
}

static void bad(void *ctx, const struct fp_err *e)
{
	struct watching *w = ctx;

	fp_log(FP_LOG_WARN, "stdin, line %llu: no record, passed over: %s",
	       (unsigned long long)fp_records_line(w->records), e->text);
}

static void ended(void *ctx, int code)
{
	struct watching *w = ctx;

	w->is_ended = true;
	w->code = code;
	wake(w);
}

/* ---- what is done */

static bool is_marked(struct watching *w, const struct watched *n)
{
	struct fp_err e;

	if (n->is_maint)
		return true;
	if (fv_marks(&w->v, &e))
		return false; /* failover asks too, and refuses */
	for (size_t i = 0; i < w->v.n_marks; i++)
		if (!strcmp(w->v.marks[i].node, n->x->name))
			return true;
	return false;
}

/* Its run now; "" when it does not answer. */
static const char *ask(struct watching *w, const struct watched *n)
{
	struct fp_err e;
	int r;

	fp_switch_drop(n->x);
	r = fp_switch_read(n->x, FP_SWITCH_STATE, &e);
	w->is_told |= r == -EINTR;
	if (r || n->x->code)
		return "";
	return n->x->view.run;
}

/* NULL: it is to be failed over; else why not. */
static const char *why_not(struct watching *w, struct watched *n)
{
	const char *now;

	if (is_marked(w, n))
		return "it is in maintenance";
	now = ask(w, n);
	if (*now && !strcmp(now, n->run))
		return "it answers as the run that it was";
	if (*now && !*n->run && !n->is_restarted)
		return "it answers, and nothing says that it was another run";
	if (!*now && !n->is_down && !n->is_restarted)
		return "the watcher calls it up again";
	return NULL;
}

static void count(struct watching *w, const struct watched *n, int status)
{
	if (status == FP_EXIT_OK) {
		w->n_done++;
		fp_log(FP_LOG_NOTICE, "%s: failover is done", n->x->name);
		return;
	}
	if (w->c->is_dry_run && status == FP_EXIT_NO) {
		w->is_no = true;
		return;
	}
	w->n_not++;
	fp_log(FP_LOG_ERR, "%s: failover ended with exit status %d%s",
	       n->x->name, status,
	       status == FP_EXIT_REFUSED   ? ": it was refused"
	       : status == FP_EXIT_PARTIAL ? ": some calls are not recovered"
					   : "");
}

static bool may_again(const struct watching *w, const struct watched *n,
		      int status)
{
	return status == FP_EXIT_AGAIN && !w->is_ended &&
	       fp_clock_ms() - n->from_ms < AGAIN_FOR_MS;
}

static void act(struct watching *w, struct watched *n)
{
	char *operand = w->c->argv[0];
	const char *reason, *now;
	int status;

	reason = why_not(w, n);
	if (w->is_told)
		return;
	if (reason) {
		fp_log(FP_LOG_NOTICE, "%s: %s; %s: left alone", n->x->name,
		       n->why, reason);
		n->is_due = n->is_restarted = false;
		if (!n->x->code && *n->x->view.run)
			snprintf(n->run, sizeof(n->run), "%s", n->x->view.run);
		return;
	}
	fp_log(FP_LOG_NOTICE, "%s: %s: failover", n->x->name, n->why);
	fp_switch_drop(n->x);
	w->c->argv[0] = (char *)n->x->name; /* whom it is about, in logs */
	status = fv_failover_node(w->c, n->x->name, true);
	w->c->argv[0] = operand;
	if (may_again(w, n, status)) {
		n->at_ms = fp_clock_ms() + AGAIN_MS;
		fp_log(FP_LOG_WARN, "%s: tried again in %d s", n->x->name,
		       AGAIN_MS / 1000);
		return;
	}
	n->is_due = n->is_restarted = false;
	now = ask(w, n);
	if (*now)
		snprintf(n->run, sizeof(n->run), "%s", now);
	fp_switch_drop(n->x);
	count(w, n, status);
}

/* ---- turns */

static struct watched *next(struct watching *w, int64_t *at_ms)
{
	struct watched *first = NULL;

	*at_ms = 0;
	for (size_t i = 0; i < w->v.switches.n; i++) {
		struct watched *n = &w->node[i];

		if (!n->is_due)
			continue;
		if (n->at_ms > fp_clock_ms() && !w->is_ended) {
			if (!*at_ms || n->at_ms < *at_ms)
				*at_ms = n->at_ms;
		} else if (!first || n->nth < first->nth) {
			first = n;
		}
	}
	return first;
}

/* 0: stdin ended, all is done.  -EINTR: a signal. */
static int follow(struct watching *w, struct fp_err *e)
{
	while (!w->is_told) {
		int64_t at_ms;
		struct watched *n = next(w, &at_ms);
		int r;

		if (n) {
			fp_records_drain(w->records);
			if (n->is_due)
				act(w, n);
		}
		if (w->is_told)
			break;
		if (!n && w->is_ended)
			return 0;
		/* signals have their turn after each job */
		if (n || at_ms)
			fp_loop_timer_arm(w->v.nodes.loop, &w->turn,
					  n ? fp_clock_ms() : at_ms);
		r = fp_loop_run(w->v.nodes.loop);
		fp_loop_timer_disarm(w->v.nodes.loop, &w->turn);
		if (r < 0)
			return fp_err_sys(e, r, "event loop");
		if (r)
			return -EINTR;
	}
	return -EINTR;
}

/* ---- from its start to its end */

/* Which runs there are: one that is the same later has not died. */
static int look(struct watching *w, struct fp_err *e)
{
	int r = fp_switches_read(&w->v.switches, FP_SWITCH_STATE, e);

	w->node = calloc(w->v.switches.n + 1, sizeof(*w->node));
	if (!w->node)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < w->v.switches.n; i++) {
		struct fp_switch *x = &w->v.switches.v[i];

		w->node[i].x = x;
		if (!x->code)
			snprintf(w->node[i].run, sizeof(w->node[i].run), "%s",
				 x->view.run);
		fp_switch_drop(x);
	}
	return r;
}

/* What would fail each time is said once, before anything happens. */
static int check(struct watching *w, struct fp_err *e)
{
	struct fp_switch **to = NULL;
	bool is_auto = false;
	size_t n = 0;
	int r = fv_targets(&w->v, &to, &n, &is_auto, e);

	free(to);
	if (!r && !n && !is_auto)
		r = fp_err(e, -EINVAL,
			   "failover -: which nodes get the calls? "
			   "(--to NODE,... or --to auto)");
	if (!r && (fp_cli_get(w->c, "run") || fp_cli_get(w->c, "from-db")))
		r = fp_err(e, -EINVAL,
			   "failover -: --run and --from-db are of one node");
	/* two that are unattended would both act */
	if (!r && !w->v.conninfo && !fv_is_lifted(&w->v, "lock"))
		r = fp_refuse(e, "lock",
			      "failover -: %s has no fp_db: nobody could know "
			      "whether another controller acts, too",
			      w->c->cluster);
	return r;
}

static int run(struct watching *w, struct fp_err *e)
{
	const struct fp_records_events ev = {
		.record = heard, .bad = bad, .ended = ended, .ctx = w
	};
	int r = check(w, e);

	if (!r)
		r = fp_loop_signals(w->v.nodes.loop, NULL, NULL, e);
	if (!r)
		r = look(w, e);
	if (!r)
		r = fp_records_open(&w->records, w->v.nodes.loop, STDIN_FILENO,
				    &ev, e);
	if (r)
		return r;
	fp_log(FP_LOG_NOTICE, "%zu FreeSWITCH nodes are watched",
	       w->v.switches.n);
	r = follow(w, e);
	fp_records_close(w->records);
	for (size_t i = 0; i < w->v.switches.n; i++)
		w->n_not += w->node[i].is_due; /* by a signal, not yet done */
	if (!r && w->code)
		return fp_err_sys(e, w->code, "stdin");
	if (r == -EINTR)
		fp_log(FP_LOG_NOTICE, "told to end: nothing new is begun");
	return r == -EINTR ? 0 : r;
}

int fv_failover_pipe(struct fp_cli *c)
{
	struct watching w = { .c = c, .turn = { .fire = wake, .ctx = &w } };
	struct fp_err e = { .text = "" };
	int r = fv_open(&w.v, c, &e);

	if (r)
		return fv_fail(&w.v, r, &e);
	r = run(&w, &e);
	if (r)
		r = fv_fail(&w.v, r, &e);
	else
		r = w.n_not   ? FP_EXIT_PARTIAL
		    : w.is_no ? FP_EXIT_NO
			      : FP_EXIT_OK;
	free(w.node);
	fv_close(&w.v);
	return r;
}
