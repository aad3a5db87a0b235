/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "watch.h"

#define SEEN_MAX 512
#define LATE_MS 500
#define WARN_EVERY_MS 60000

struct rec {
	int64_t at_s, since_s;
	const char *node, *check, *from, *to, *run, *run_before, *detail;
	const char *observer;
	char seen[SEEN_MAX];
	double latency_ms;
	bool takes_calls;
};
static const struct fp_field fields[] = {
	{ "at", offsetof(struct rec, at_s), FP_F_TIME, NULL,
	  "when it was seen" },
	{ "node", offsetof(struct rec, node), FP_F_STR, NULL,
	  "node; none: all of the cluster" },
	{ "check", offsetof(struct rec, check), FP_F_STR, NULL,
	  "check; node: the worst of all of them" },
	{ "from", offsetof(struct rec, from), FP_F_STR, NULL,
	  "state before; none: the first" },
	{ "to", offsetof(struct rec, to), FP_F_STR, NULL,
	  "OK, WARNING, CRITICAL, UNKNOWN or MAINT" },
	{ "since", offsetof(struct rec, since_s), FP_F_TIME, NULL,
	  "since when that state holds" },
	{ "takes_calls", offsetof(struct rec, takes_calls), FP_F_BOOL, NULL,
	  "a new call would be taken" },
	{ "latency_ms", offsetof(struct rec, latency_ms), FP_F_DOUBLE, "ms",
	  "until it answered" },
	{ "run", offsetof(struct rec, run), FP_F_STR, NULL,
	  "Core-UUID or start time of this run" },
	{ "run_before", offsetof(struct rec, run_before), FP_F_STR, NULL,
	  "... of the run before" },
	{ "detail", offsetof(struct rec, detail), FP_F_STR, NULL,
	  "what it said" },
	{ "observer", offsetof(struct rec, observer), FP_F_STR, NULL,
	  "who says so" },
	{ "seen", offsetof(struct rec, seen), FP_F_TEXT, NULL,
	  "what each observer saw" },
};
static const struct fp_type transition = { "transition", fields,
					   FH_COUNT(fields) };
static const struct fp_type restart = { "restart", fields, FH_COUNT(fields) };

struct alive {
	int64_t at_s;
	const char *observer;
	uint64_t nodes, checks, problems;
	int64_t late_ms, interval_ms;
};
static const struct fp_field alive_fields[] = {
	{ "at", offsetof(struct alive, at_s), FP_F_TIME, NULL, "now" },
	{ "observer", offsetof(struct alive, observer), FP_F_STR, NULL,
	  "who watches" },
	{ "nodes", offsetof(struct alive, nodes), FP_F_U64, NULL,
	  "nodes it watches" },
	{ "checks", offsetof(struct alive, checks), FP_F_U64, NULL,
	  "checks of them" },
	{ "late_ms", offsetof(struct alive, late_ms), FP_F_I64, "ms",
	  "how late readings began, the 99th percentile" },
	{ "interval_ms", offsetof(struct alive, interval_ms), FP_F_I64, "ms",
	  "how often this is said" },
	{ "problems", offsetof(struct alive, problems), FP_F_U64, NULL,
	  "checks that are not OK" },
};
static const struct fp_type alive_type = { "alive", alive_fields,
					   FH_COUNT(alive_fields) };

struct gone {
	int64_t at_s;
	const char *node, *check, *observer;
};
static const struct fp_field gone_fields[] = {
	{ "at", offsetof(struct gone, at_s), FP_F_TIME, NULL, "now" },
	{ "node", offsetof(struct gone, node), FP_F_STR, NULL, "node" },
	{ "check", offsetof(struct gone, check), FP_F_STR, NULL,
	  "check; none: the node" },
	{ "observer", offsetof(struct gone, observer), FP_F_STR, NULL,
	  "who watches" },
};
static const struct fp_type gone_type = { "gone", gone_fields,
					  FH_COUNT(gone_fields) };

int fh_say_check(struct fp_cli *c, struct fp_err *e)
{
	return fp_out_check(c->out, &transition, e);
}

/* ---- transitions */

/* The same record for --on-change, a line of JSON. */
static void run(struct fh_said *s, const struct fp_type *type,
		const struct rec *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct fp_out *out = NULL;
	struct fp_err e;

	if (!f)
		return;
	if (!fp_out_open(&out, f, FP_JSON, NULL))
		fp_out_record(out, type, r, &e);
	fp_out_close(out, &e);
	fclose(f);
	if (n)
		fh_runner_add(s->runner, r->node, text, n);
	free(text);
}

static void print(struct fh_said *s, const struct fp_type *type,
		  const struct rec *r)
{
	if (fp_out_record(s->c->out, type, r, &s->err))
		fp_log(FP_LOG_ERR, "%s", s->err.text);
	fp_out_flush(s->c->out);
}

static void see(const struct fh_said *s, const struct fp_site_check *c,
		char out[SEEN_MAX])
{
	struct fp_buf b = { .data = NULL };
	const char *text;

	out[0] = 0;
	if (!s->observers)
		return;
	fp_buf_printf(&b, "%s=%s", s->observer,
		      fp_health_name(c->judged.state));
	fp_observers_print(s->observers, c->node->name, c->name, &b);
	text = fp_buf_str(&b);
	snprintf(out, SEEN_MAX, "%s", text ? text : "");
	fp_buf_fini(&b);
}

static void fill_check(const struct fh_said *s, const struct fp_site_check *c,
		       struct rec *r)
{
	r->check = c->name;
	r->since_s = c->since_ms / 1000;
	r->takes_calls = fp_check_takes_calls(c);
	r->latency_ms = c->last.latency_us < 0
				? NAN
				: (double)c->last.latency_us / 1000;
	r->run = c->judged.run;
	r->run_before = c->judged.run_before;
	r->detail = fp_site_check_detail(c);
	see(s, c, r->seen);
}

/* Of the roll-up: what makes it so. */
static const char *worst_of(const struct fp_site_node *n, char out[400])
{
	out[0] = 0;
	for (size_t i = 0; i < n->n_checks && !out[0]; i++) {
		const struct fp_site_check *c = n->check[i];

		if (c->is_shown && !c->is_hidden && c->state == n->state &&
		    c->state != FP_OK)
			snprintf(out, 400, "%s: %s", c->name,
				 fp_site_check_detail(c));
	}
	return out;
}

void fh_say_change(struct fh_said *s, const struct fp_site_change *c)
{
	char why[400];
	struct rec r = {
		.at_s = fp_clock_unix_s(),
		.node = c->node->name,
		.from = c->is_first ? NULL : fp_health_name(c->from),
		.to = fp_health_name(c->to),
		.observer = s->observer,
		.check = "node",
		.since_s = c->node->since_ms / 1000,
		.takes_calls = fp_node_takes_calls(c->node),
		.latency_ms = NAN,
		.run = c->node->run,
	};
	bool is_run = s->runner;

	if (c->check)
		fill_check(s, c->check, &r);
	else
		r.detail = worst_of(c->node, why);
	if (c->is_gone) {
		r.detail = "it is no longer in the cluster file";
		r.since_s = r.at_s;
		r.takes_calls = false;
	}
	if (c->is_restarted) {
		print(s, &restart, &r);
		if (is_run)
			run(s, &restart, &r);
	}
	if (!c->is_changed)
		return;
	print(s, &transition, &r);
	/* that all is well at the start is no change */
	if (is_run && !(c->is_first && c->to == FP_OK))
		run(s, &transition, &r);
}

/* ---- another cluster file */

void fh_say_gone(struct fh_said *s, const char *node, const char *check)
{
	struct gone r = { .at_s = fp_clock_unix_s(),
			  .node = node,
			  .check = check,
			  .observer = s->observer };

	if (s->c->is_json && !s->c->fields)
		fp_out_record(s->c->out, &gone_type, &r, &s->err);
	fp_out_flush(s->c->out);
}

/* ---- alive */

/* What we see late may be us: said once a minute. */
static void warn_late(struct fh_said *s, const struct fp_lateness *late)
{
	int64_t now_ms = fp_clock_ms();

	if (late->p99_ms < LATE_MS ||
	    (s->warned_ms && now_ms - s->warned_ms < WARN_EVERY_MS))
		return;
	s->warned_ms = now_ms;
	fp_log(FP_LOG_WARN,
	       "this host is too busy: readings begin %lld ms late (99th percentile)",
	       (long long)late->p99_ms);
}

void fh_say_alive(struct fh_said *s, const struct fh_ask *a,
		  int64_t interval_ms)
{
	struct fp_site_node *node;
	size_t n = fp_site_nodes(a->site, &node);
	struct fp_lateness late;
	struct alive r = { .at_s = fp_clock_unix_s(),
			   .observer = s->observer,
			   .nodes = a->n_hosts,
			   .interval_ms = interval_ms };

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < node[i].n_checks; j++) {
			const struct fp_site_check *c = node[i].check[j];

			if (!c->is_shown || c->is_hidden)
				continue;
			r.checks++;
			r.problems += c->state != FP_OK && c->state != FP_MAINT;
		}
	fp_site_lateness(a->site, &late);
	r.late_ms = late.p99_ms;
	warn_late(s, &late);
	fp_log(FP_LOG_DEBUG,
	       "%llu readings, late by %lld ms (median), %lld (p99), %lld (max)",
	       (unsigned long long)late.n, (long long)late.p50_ms,
	       (long long)late.p99_ms, (long long)late.max_ms);
	/* people see that it runs; a program has to be told */
	if (s->c->is_json && !s->c->fields)
		fp_out_record(s->c->out, &alive_type, &r, &s->err);
	fp_out_flush(s->c->out);
}
