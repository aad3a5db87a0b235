/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer --format nsupdate|haproxy: who is in and who is out, behind the
 * guards of steering, and when that is said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "steer.h"

/* HAProxy that starts anew has its configured weights; a server that an operator
 * drains is logged by it at each line. */
#define HAPROXY_AGAIN_MS 30000
/* A zone keeps what it was told: this mends what others did to it. */
#define NSUPDATE_AGAIN_MS (3600 * 1000)
#define STALE_AGAIN_MS 1000

/* ---- the guards */

static size_t count_out(const struct fh_text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		n += t->v[i].next == FH_OUT;
	return n;
}

static bool is_other_well(const struct fh_text *t, const struct fh_text_node *n)
{
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (&t->v[i] != n && t->v[i].is_well && t->v[i].next == FH_IN)
			return true;
	return false;
}

/* Not more than max_down out, and somebody who was seen well stays. */
static const char *guard_of(const struct fh_text *t,
			    const struct fh_text_node *n)
{
	double most = (double)t->nodes->n_hosts * t->max_down_percent / 100;

	if (count_out(t) + 1 > (size_t)most)
		return "more than --max-down would be out";
	return is_other_well(t, n) ? NULL : "no other one is seen well";
}

static void take_out(const struct fh_text *t, struct fh_text_node *n)
{
	bool was_held = n->guard;

	if (n->next == FH_OUT)
		return;
	n->guard = guard_of(t, n);
	if (n->guard && !was_held)
		fp_log(FP_LOG_WARN, "%s stays in: %s (%s)", n->host->name,
		       n->guard, n->why);
	if (!n->guard)
		n->next = FH_OUT;
}

/* Who is not known keeps what it is; of who never was nothing is said. */
static enum fh_where wanted(const struct fh_text_node *n)
{
	if (n->want == FP_WANT_KEEP)
		return n->is;
	/* who is wanted out comes after all who are in, and the guards */
	return n->want == FP_WANT_OUT && n->is == FH_OUT ? FH_OUT : FH_IN;
}

static void decide(struct fh_text *t)
{
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		struct fh_text_node *n = &t->v[i];

		n->want = fp_steer_view_want(t->view, n->host->name, n->why);
		n->next = wanted(n);
		if (n->want != FP_WANT_KEEP)
			n->is_well = n->want == FP_WANT_IN;
		if (n->want != FP_WANT_OUT)
			n->guard = NULL;
	}
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (t->v[i].want == FP_WANT_OUT)
			take_out(t, &t->v[i]);
}

/* ---- what is said */

static void say(const struct fh_text *t, const struct fh_text_node *n)
{
	struct fh_steer_rec rec = {
		.at_s = fp_clock_unix_s(),
		.kind = t->is_haproxy ? "haproxy" : "nsupdate",
		.set = t->is_haproxy ? t->backend : t->name,
		.node = n->host->name,
		.act = n->next == FH_OUT ? "out"
		       : n->guard        ? "held"
					 : "in",
		.is_changed = !n->guard,
	};

	snprintf(rec.why, sizeof(rec.why), "%s%s%s", n->guard ? n->guard : "",
		 n->guard ? ": " : "", n->why);
	if (t->c->is_dry_run)
		fh_steer_record(t->c, &rec);
	else
		fp_log(FP_LOG_NOTICE, "%s %s%s%s", rec.node, rec.act,
		       *rec.why ? ": " : "", rec.why);
}

static int say_again_in(struct fh_text *t, int64_t ms)
{
	return fp_loop_timer_arm(t->nodes->loop, &t->again, fp_clock_ms() + ms);
}

static int print_all(struct fh_text *t, struct fp_err *e)
{
	int r = say_again_in(t, t->is_haproxy ? HAPROXY_AGAIN_MS
					      : NSUPDATE_AGAIN_MS);

	if (r)
		return fp_err_sys(e, r, "timer");
	return fh_text_print(t, e);
}

/* Of a watcher that is silent nothing is repeated: another controller may know
 * better. */
static void again(void *ctx)
{
	struct fh_text *t = ctx;
	struct fp_err e = { .text = "" };
	int r;

	if (fp_steer_view_is_stale(t->view, fp_clock_ms()))
		r = say_again_in(t, STALE_AGAIN_MS);
	else
		r = print_all(t, &e);
	if (r)
		fp_log(FP_LOG_ERR, "%s", *e.text ? e.text : strerror(-r));
}

int fh_text_update(struct fh_text *t, struct fp_err *e)
{
	size_t n = 0;

	decide(t);
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		if (t->v[i].next == t->v[i].is)
			continue;
		say(t, &t->v[i]);
		n++;
		t->n_changed += !t->v[i].guard;
		t->v[i].is = t->v[i].next;
	}
	return n && !t->c->is_dry_run ? print_all(t, e) : 0;
}

/* ---- open, close */

int fh_text_open(struct fh_text *out, struct fp_cli *c,
		 const struct fp_nodes *nodes, const struct fp_steer_view *view,
		 const char *format, double max_down_percent, struct fp_err *e)
{
	*out = (struct fh_text){ .c = c,
				 .nodes = nodes,
				 .view = view,
				 .max_down_percent = max_down_percent,
				 .is_haproxy = !strcmp(format, "haproxy") };
	out->again = (struct fp_timer){ .fire = again, .ctx = out };
	if (c->is_json && !c->is_dry_run)
		return fp_err(e, -EINVAL,
			      "--json: %s has a language of its own", format);
	out->v = calloc(nodes->n_hosts, sizeof(*out->v));
	if (!out->v)
		return fp_err_sys(e, -ENOMEM, "nodes");
	for (size_t i = 0; i < nodes->n_hosts; i++)
		out->v[i].host = nodes->hosts[i];
	return fh_text_options(out, e);
}

void fh_text_close(struct fh_text *t)
{
	if (t->again.at_ms)
		fp_loop_timer_disarm(t->nodes->loop, &t->again);
	free(t->v);
	t->v = NULL;
}
