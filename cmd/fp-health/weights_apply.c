/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health weights --apply: load_balancer by lb_resize; dispatcher, whose MI has
 * no weight, by its table and ds_reload.  What OpenSIPS asks a FreeSWITCH itself
 * (fs:// in its table) it sets itself, over and over: that is left alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/jsonrpc.h"
#include "health.h"
#include "verb/db.h"
#include "io/clock.h"
#include "peer/pg.h"
#include "weights.h"

/* FreeSWITCH's event_heartbeat_interval is a second in OpenSIPS: what it manages
 * itself it has overwritten by then. */
#define LOOK_MS 1500

static void say(struct fh_weight *x, const char *text)
{
	snprintf(x->detail, sizeof(x->detail), "%s", text);
}

/* ---- the tables */

/* The set of a destination without its partition; NULL: of another partition,
 * whose table may be any. */
static const char *set_id(const struct fh_weight *x)
{
	const char *colon = strrchr(x->dest.set, ':');

	if (!colon)
		return x->dest.set;
	return !strncmp(x->dest.set, "default:", 8) ? colon + 1 : NULL;
}

/* Is it fs:// in load_balancer's table?  The tables may be in one database; when
 * they are not, what OpenSIPS does afterwards shows it. */
static bool is_managed(struct fp_pg *pg, const struct fh_weight *x)
{
	const char *params[] = { x->dest.set, x->dest.uri };
	struct fp_pg_rows *rows = NULL;
	bool is_so = false;

	if (!pg || fp_pg_do(pg,
			    "select 1 from load_balancer where group_id::text"
			    " = $1 and dst_uri = $2 and resources like"
			    " '%=fs://%'",
			    params, 2, &rows, NULL, NULL))
		return false;
	is_so = fp_pg_n(rows) > 0;
	fp_pg_rows_free(rows);
	return is_so;
}

/* true: the row has our weight now.  Only plain numbers are changed. */
static bool update(struct fp_pg *pg, struct fh_weight *x)
{
	const char *set = set_id(x);
	char weight[24];
	const char *params[] = { weight, set, x->dest.uri };
	struct fp_err e = { .text = "" };
	uint64_t n = 0;
	int r;

	snprintf(weight, sizeof(weight), "%" PRId64, (int64_t)x->weight);
	if (!set) {
		say(x, "of another partition: its table is not known");
		return false;
	}
	r = fp_pg_do(pg,
		     "update dispatcher set weight = $1 where setid::text = $2"
		     " and destination = $3 and weight::text ~ '^[0-9]+$'",
		     params, 3, NULL, &n, &e);
	if (r)
		say(x, e.text);
	else if (!n)
		say(x, "no row with a plain weight: OpenSIPS asks this "
		       "FreeSWITCH itself, or its table is another");
	return !r && n;
}

/* ---- MI */

static void reload(struct fh_weights *w, struct fp_proxy *p)
{
	struct fp_err e = { .text = "" };
	int r = fp_nodes_ask(&w->nodes, p->mi, "ds_reload",
			     "{\"inherit_state\":\"y\"}", w->c->timeout_ms,
			     NULL, NULL, &e);

	if (!r)
		return;
	fp_log(FP_LOG_ERR, "%s: %s", p->host->name, e.text);
	for (size_t i = 0; i < w->n; i++) {
		struct fh_weight *x = &w->v[i];

		if (x->proxy != p || !x->is_told ||
		    x->dest.kind != FP_DEST_DISPATCHER)
			continue;
		/* the table may be of others too, who have it already */
		x->is_changed = x->is_half = true;
		snprintf(
			x->detail, sizeof(x->detail),
			"its table has it, and %s does not: opensips-cli -x mi "
			"ds_reload inherit_state=y (%.200s)",
			p->host->name, e.text);
	}
}

static void resize(struct fh_weights *w, struct fh_weight *x)
{
	struct fp_buf params = { 0 };
	struct fp_err e = { .text = "" };
	int r;

	fp_buf_printf(&params, "{\"destination_id\":%" PRId64 ",\"res_name\":",
		      x->dest.id);
	fp_jsonrpc_string(&params, x->dest.resource);
	fp_buf_printf(&params, ",\"new_capacity\":%" PRId64 "}",
		      (int64_t)x->weight);
	if (!fp_buf_str(&params))
		r = fp_err_sys(&e, -ENOMEM, "lb_resize");
	else
		r = fp_nodes_ask(&w->nodes, x->proxy->mi, "lb_resize",
				 params.data, w->c->timeout_ms, NULL, NULL, &e);
	x->is_told = !r;
	if (r)
		say(x, e.text);
	fp_buf_fini(&params);
}

/* ---- is it so now? */

struct pause {
	struct fh_weights *w;
	bool is_done;
};

static void paused(void *ctx)
{
	struct pause *p = ctx;

	p->is_done = true;
	fp_loop_stop(p->w->nodes.loop);
}

static const struct fp_view_dest *find(const struct fh_weight *x)
{
	const struct fp_view *v = x->proxy->view;

	for (size_t i = 0; v && i < v->opensips.n_dests; i++) {
		const struct fp_view_dest *d = &v->opensips.dest[i];

		if (d->kind == x->dest.kind && d->id == x->dest.id &&
		    !strcmp(d->set, x->dest.set) && !strcmp(d->uri, x->uri))
			return d;
	}
	return NULL;
}

static void verify(struct fh_weight *x)
{
	const struct fp_view_dest *d = x->is_told ? find(x) : NULL;
	int64_t now;

	if (!x->is_told || *x->detail)
		return;
	if (!d) {
		say(x, "it was told, and whether it is so is not known");
		return;
	}
	now = d->kind == FP_DEST_DISPATCHER ? d->weight : d->max;
	x->is_changed = now == (int64_t)x->weight;
	if (x->is_changed)
		fp_log_change("weights", "%s: %s %s %s: %g, was %g",
			      x->proxy_name, x->kind, x->set, x->uri, x->weight,
			      x->now);
	else
		snprintf(x->detail, sizeof(x->detail),
			 "it has %" PRId64
			 " a moment later: OpenSIPS asks this "
			 "FreeSWITCH itself",
			 now);
}

static int look(struct fh_weights *w, struct fp_err *e)
{
	struct pause p = { .w = w };
	struct fp_timer t = { .fire = paused, .ctx = &p };
	int r = fp_loop_timer_arm(w->nodes.loop, &t, fp_clock_ms() + LOOK_MS);

	if (!r)
		r = fp_nodes_wait(&w->nodes, &p.is_done, e);
	fp_loop_timer_disarm(w->nodes.loop, &t);
	if (!r)
		r = fh_weights_read(w, e);
	for (size_t i = 0; i < w->n && !r; i++)
		verify(&w->v[i]);
	return r;
}

/* ---- all of it */

static size_t count(const struct fh_weights *w, enum fp_dest_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->v[i].is_wanted && w->v[i].dest.kind == kind;
	return n;
}

static void tell_dispatchers(struct fh_weights *w, struct fp_pg *pg)
{
	for (size_t i = 0; i < w->n; i++) {
		struct fh_weight *x = &w->v[i];

		if (!x->is_wanted || x->dest.kind != FP_DEST_DISPATCHER)
			continue;
		if (pg)
			x->is_told = update(pg, x);
		else
			say(x, "no fp_dispatcher_db in the cluster file: MI "
			       "has no weight, the table does");
	}
	for (size_t i = 0; i < w->proxies.n; i++) {
		struct fp_proxy *p = &w->proxies.v[i];
		bool is_due = false;

		for (size_t k = 0; k < w->n; k++)
			is_due |= w->v[k].proxy == p && w->v[k].is_told;
		if (is_due)
			reload(w, p);
	}
}

static void tell_balancers(struct fh_weights *w, struct fp_pg *pg)
{
	for (size_t i = 0; i < w->n; i++) {
		struct fh_weight *x = &w->v[i];

		if (!x->is_wanted || x->dest.kind != FP_DEST_LOAD_BALANCER)
			continue;
		if (!is_managed(pg, x)) {
			resize(w, x);
			continue;
		}
		x->is_wanted = false;
		say(x, "OpenSIPS asks this FreeSWITCH itself (fs:// in its "
		       "table): what is set here is overwritten");
	}
}

/* ---- what other controllers know */

static void leave_marked(struct fh_weights *w, const struct fp_mark *m,
			 size_t n)
{
	for (size_t i = 0; i < w->n; i++) {
		struct fh_weight *x = &w->v[i];

		for (size_t k = 0; k < n; k++) {
			if (!x->is_wanted || strcmp(m[k].node, x->node))
				continue;
			x->is_wanted = false;
			say(x, "in maintenance: left as it is");
		}
	}
}

/* Of fp_db, or of this controller when the cluster has none. */
static int read_marks(struct fh_weights *w, struct fp_pg *db, struct fp_err *e)
{
	struct fp_mark *v = NULL;
	int64_t at_s;
	size_t n = 0;
	int r = db ? fp_db_marks(db, &v, &n, e)
		   : fp_marks_copy_read(w->c->state_dir, &v, &n, &at_s, e);

	if (!r)
		leave_marked(w, v, n);
	free(v);
	return r;
}

/* *db: its session has the lock until it is closed; NULL: there is no fp_db, or it
 * is away and a person said so. */
static int begin(struct fh_weights *w, struct fp_pg **db, struct fp_err *e)
{
	const char *conninfo;
	char who[128] = "";
	int r = fp_verb_db_conninfo(w->nodes.inv, &conninfo, e);

	*db = NULL;
	if (!r && conninfo) {
		r = w->c->is_dry_run
			    ? fp_verb_db_open(db, w->c, conninfo, e)
			    : fp_verb_db_open_locking(db, w->c, conninfo, e);
		if (r && fp_verb_db_is_away(r)) {
			struct fp_err why = *e;

			if (!fp_cli_overrides(w->c, "lock"))
				return fp_refuse(e, "lock", "%s", why.text);
			fp_log(FP_LOG_WARN, "%s: going on without it",
			       why.text);
			r = 0;
		}
	}
	if (!r && *db && !w->c->is_dry_run) {
		r = fp_db_lock(*db, "weights", who, e);
		if (r >= 0)
			r = r ? 0
			      : fp_err(e, -EBUSY,
				       "another one sets weights: %s", who);
	}
	return r ? r : read_marks(w, *db, e);
}

static int apply(struct fh_weights *w, struct fp_err *e)
{
	size_t n = count(w, FP_DEST_DISPATCHER);
	struct fp_pg_opts o = { .app = "fp-health weights",
				.timeout_ms = w->c->timeout_ms };
	struct fp_pg *pg = NULL;
	int r = fp_verb_db_var(w->nodes.inv, "fp_dispatcher_db", &o.conninfo,
			       e);

	if (r || (!n && !count(w, FP_DEST_LOAD_BALANCER)))
		return r;
	if (o.conninfo)
		r = fp_pg_open(&pg, &o, e);
	if (r)
		return fp_err_prefix(e, r, "fp_dispatcher_db");
	if (n)
		tell_dispatchers(w, pg);
	tell_balancers(w, pg);
	fp_pg_close(pg);
	return look(w, e);
}

int fh_weights_apply(struct fh_weights *w, struct fp_err *e)
{
	struct fp_pg *db;
	int r = begin(w, &db, e);

	if (!r && !w->c->is_dry_run)
		r = apply(w, e);
	fp_pg_close(db);
	return r;
}
