/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health check: ask once. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "health/statefile.h"
#include "io/clock.h"

#define DB_MS 2000 /* for marks, before anything is asked */

static const struct fp_field fields[] = {
	{ "node", offsetof(struct fh_check_rec, node), FP_F_STR, NULL,
	  "node; none: all of the cluster" },
	{ "check", offsetof(struct fh_check_rec, check), FP_F_STR, NULL,
	  "check" },
	{ "state", offsetof(struct fh_check_rec, state), FP_F_STR, NULL,
	  "OK, WARNING, CRITICAL, UNKNOWN or MAINT" },
	{ "since", offsetof(struct fh_check_rec, since_s), FP_F_TIME, NULL,
	  "since when" },
	{ "latency_ms", offsetof(struct fh_check_rec, latency_ms), FP_F_DOUBLE,
	  "ms", "until it answered" },
	{ "detail", offsetof(struct fh_check_rec, detail), FP_F_STR, NULL,
	  "what it said" },
	{ "figures", offsetof(struct fh_check_rec, figures), FP_F_STR, NULL,
	  "what was measured, as perfdata" },
	{ "takes_calls", offsetof(struct fh_check_rec, takes_calls), FP_F_BOOL,
	  NULL, "a new call would be taken" },
	{ "run", offsetof(struct fh_check_rec, run), FP_F_STR, NULL,
	  "Core-UUID or start time of this run" },
};
const struct fp_type fh_check_type = { "check", fields, FH_COUNT(fields) };

/* ---- a round */

static void on_changed(void *ctx, const struct fp_site_change *c)
{
	(void)ctx;
	(void)c;
}

static void on_tick(void *ctx)
{
	struct fh_ask *a = ctx;

	fp_loop_stop(a->loop);
}

static void on_marked(struct fh_ask *a)
{
	fp_site_start(a->site);
}

static void read_states(struct fh_ask *a)
{
	struct fp_err e = { .text = "" };
	size_t n_bad = 0;

	if (fp_statefile_read(a->site, a->c->state_dir, &n_bad, &e))
		fp_log(FP_LOG_WARN, "what was seen before is not known: %s",
		       e.text);
	else if (n_bad)
		fp_log(FP_LOG_WARN,
		       "%zu lines of the state file could not be read", n_bad);
}

static void write_states(struct fh_ask *a)
{
	struct fp_err e = { .text = "" };

	if (fp_statefile_write(a->site, a->c->state_dir, a->inv, &e))
		fp_log(FP_LOG_WARN, "what was seen is not kept: %s", e.text);
}

int fh_round(struct fh_ask *a, struct fp_err *e)
{
	int64_t db_ms = a->c->timeout_ms < DB_MS ? a->c->timeout_ms : DB_MS;
	int r;

	a->opts.changed = on_changed;
	a->opts.tick = on_tick;
	a->opts.ctx = a;
	a->marked = on_marked;
	r = fh_ask_site(a, e);
	if (r)
		return r;
	read_states(a);
	fh_ask_marks(a, db_ms);
	r = fp_loop_run(a->loop);
	if (r > 0)
		return fp_err(e, -EINTR, "interrupted");
	if (r < 0)
		return fp_err_sys(e, r, "event loop");
	if (!a->c->is_dry_run)
		write_states(a);
	return 0;
}

/* ---- what came of it */

void fh_check_rec(struct fh_check_rec *out, const struct fp_site_check *c,
		  struct fp_buf *figures)
{
	figures->len = 0;
	fh_perfdata(figures, "", &c->last);
	*out = (struct fh_check_rec){
		.node = c->node->name,
		.check = c->name,
		.state = fp_health_name(c->state),
		.since_s = c->since_ms / 1000,
		.latency_ms = c->last.latency_us < 0
				      ? NAN
				      : (double)c->last.latency_us / 1000,
		.detail = fp_site_check_detail(c),
		.figures = figures->len ? fp_buf_str(figures) : NULL,
		.takes_calls = fp_check_takes_calls(c),
		.run = c->judged.run,
	};
}

int fh_each_check(struct fp_site *s,
		  int (*each)(void *ctx, const struct fp_site_check *c),
		  void *ctx)
{
	struct fp_site_node *node;
	size_t n = fp_site_nodes(s, &node);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < node[i].n_checks; j++) {
			const struct fp_site_check *c = node[i].check[j];
			int r = 0;

			if (c->is_shown && !c->is_hidden)
				r = each(ctx, c);
			if (r)
				return r;
		}
	return 0;
}

static int count(void *ctx, const struct fp_site_check *c)
{
	struct fh_tally *t = ctx;

	t->worst = t->n ? fp_health_worse(t->worst, c->state) : c->state;
	t->n++;
	t->n_of[c->state]++;
	return 0;
}

void fh_tally(struct fp_site *s, struct fh_tally *out)
{
	*out = (struct fh_tally){ .worst = FP_UNKNOWN };
	fh_each_check(s, count, out);
}

void fh_summary(char *out, size_t size, const struct fh_ask *a,
		const struct fh_tally *t)
{
	snprintf(out, size,
		 "\"state\":\"%s\",\"nodes\":%zu,\"checks\":%zu,"
		 "\"ok\":%zu,\"warning\":%zu,\"critical\":%zu,"
		 "\"unknown\":%zu,\"maint\":%zu",
		 fp_health_name(t->worst), a->n_hosts, t->n, t->n_of[FP_OK],
		 t->n_of[FP_WARNING], t->n_of[FP_CRITICAL], t->n_of[FP_UNKNOWN],
		 t->n_of[FP_MAINT]);
}

struct printing {
	struct fp_cli *c;
	struct fp_buf figures;
	struct fp_err *e;
};

static int print_one(void *ctx, const struct fp_site_check *c)
{
	struct printing *p = ctx;
	struct fh_check_rec rec;

	fh_check_rec(&rec, c, &p->figures);
	return fp_out_record(p->c->out, &fh_check_type, &rec, p->e);
}

static int print_records(struct fh_ask *a, const struct fh_tally *t,
			 struct fp_err *e)
{
	struct printing p = { .c = a->c, .e = e };
	char json[200];
	int r = fh_each_check(a->site, print_one, &p);

	fp_buf_fini(&p.figures);
	if (r)
		return r;
	fh_summary(json, sizeof(json), a, t);
	fp_out_summary(a->c->out, false, json, NULL);
	return 0;
}

/* ---- the verb */

enum format { TEXT, JSON, NAGIOS, PROMETHEUS };

static int read_format(const struct fp_cli *c, enum format *out,
		       enum fp_health *fail_at, struct fp_err *e)
{
	static const char *const names[] = { "text", "json", "nagios",
					     "prometheus" };
	const char *s = fp_cli_get(c, "format"), *at = fp_cli_get(c, "fail-at");

	*out = c->is_json ? JSON : TEXT;
	for (size_t i = 0; s && i < FH_COUNT(names); i++)
		if (!strcmp(s, names[i])) {
			*out = (enum format)i;
			s = NULL;
		}
	if (s)
		return fp_err(
			e, -EINVAL,
			"--format %s: one of text, json, nagios, prometheus",
			s);
	*fail_at = FP_WARNING;
	if (at && (fp_health_parse(at, fail_at) ||
		   (*fail_at != FP_WARNING && *fail_at != FP_CRITICAL)))
		return fp_err(e, -EINVAL, "--fail-at %s: warning or critical",
			      at);
	return 0;
}

/* --format json is --json. */
static int set_format(struct fp_cli *c, enum format f, struct fp_err *e)
{
	if (f != PROMETHEUS && (f != JSON || c->is_json))
		return 0;
	c->is_json = f == JSON;
	fp_out_close(c->out, e);
	c->out = NULL;
	return fp_out_open(&c->out, stdout, f == JSON ? FP_JSON : FP_PROMETHEUS,
			   c->fields);
}

static int print(struct fh_ask *a, enum format f, const struct fh_tally *t,
		 struct fp_err *e)
{
	if (f == NAGIOS)
		return fh_nagios(a, t, e);
	if (f == PROMETHEUS)
		return fh_prometheus(a, t, e);
	return print_records(a, t, e);
}

static int check(struct fh_ask *a, struct fp_cli *c, enum format f,
		 struct fh_tally *t, struct fp_err *e)
{
	int r = fh_ask_open(a, c, NULL, NULL, e);

	if (!r)
		r = fh_round(a, e);
	if (r)
		return r;
	fh_tally(a->site, t);
	r = print(a, f, t, e);
	if (!r && !t->n)
		fp_log(FP_LOG_ERR,
		       "nothing to check: no variable of these nodes says where they listen");
	return r;
}

int fh_check(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fh_ask a = { .c = c };
	enum fp_health fail_at;
	struct fh_tally t;
	enum format f;
	int r = read_format(c, &f, &fail_at, &e);

	if (r)
		return fp_cli_usage(c, "%s", e.text);
	r = set_format(c, f, &e);
	if (!r && f == TEXT)
		r = fp_out_check(c->out, &fh_check_type, &e);
	if (!r) {
		r = check(&a, c, f, &t, &e);
		fh_ask_close(&a);
	}
	if (!r)
		return t.n ? fp_health_exit(t.worst, fail_at) : FP_UNKNOWN;
	if (f == NAGIOS) /* what monitoring systems show is stdout */
		fh_nagios_fail(&e);
	fp_cli_fail(c, r, &e);
	return FP_UNKNOWN;
}
