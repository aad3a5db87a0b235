/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health watch: a record a transition, for ever. */
#include "watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#include "cli/notify.h"
#include "io/clock.h"
#include "model/pattern.h"

#define INTERVAL_MS 1000
#define INTERVAL_MIN_MS 50
#define TIMEOUT_MS 2000 /* of a reading; three OPTIONS by RFC 3261's timers */
#define ALIVE_TIMES 5
#define ALIVE_MAX_MS 10000
#define DB_MS 3000    /* for marks */
#define MARKS_MS 5000 /* how often they are read of fp_db */
#define COPY_MS 1000  /* ... of the copy, when there is none */
#define OBSERVERS_MAX 32
#define OBSERVERS_MS 10000 /* how long they are waited for at the start */
#define LOOK_MS 100

struct watch {
	struct fh_ask ask; /* first: its ctx is ours */
	struct fh_said said;
	struct fh_pipe *pipe;
	struct fp_timer begin, watchdog;
	int64_t opened_ms, started_ms, alive_ms, marks_ms, alive_every_ms;
	bool is_started, has_first; /* all first states were told */
	bool is_lost;               /* nobody reads us */
	struct fp_err lost;
};

/* ---- what holds */

static enum fp_health opinion(void *ctx, const struct fp_site_check *c)
{
	const struct watch *w = ctx;
	enum fp_health v[OBSERVERS_MAX + 1] = { c->judged.state };
	size_t n = 1 + fp_observers_words(w->said.observers, c->node->name,
					  c->name, v + 1);

	return fp_quorum(v, n, 1 + fp_observers_count(w->said.observers));
}

static void on_heard(void *ctx, const char *node, const char *check)
{
	struct watch *w = ctx;
	struct fp_site_node *v;
	size_t n;

	if (!w->is_started)
		return;
	if (node) {
		struct fp_site_check *c =
			fp_site_find(w->ask.site, node, check);

		if (c)
			fp_site_reconsider(w->ask.site, c);
		return;
	}
	n = fp_site_nodes(w->ask.site, &v);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n_checks; j++)
			fp_site_reconsider(w->ask.site, v[i].check[j]);
}

static void on_note(void *ctx, const char *observer, const char *text)
{
	(void)ctx;
	if (text)
		fp_log(FP_LOG_WARN, "observer %s is gone: %s", observer, text);
	else
		fp_log(FP_LOG_NOTICE, "observer %s watches too", observer);
}

static void on_garbled(void *ctx, const char *observer, const char *line)
{
	(void)ctx;
	fp_log(FP_LOG_WARN,
	       "observer %s: what it sends is no record of watch --json: \"%s\"",
	       observer, line);
}

static void lose(struct watch *w, const struct fp_err *e)
{
	w->is_lost = true;
	w->lost = *e;
	fp_loop_stop(w->ask.loop);
}

static void on_gone(void *ctx, const struct fp_err *e)
{
	lose(ctx, e);
}

/* A file that cannot be written: its error is told at the end. */
static void look_at_stdout(struct watch *w)
{
	if (!w->pipe && ferror(stdout))
		fp_loop_stop(w->ask.loop);
}

static void on_changed(void *ctx, const struct fp_site_change *c)
{
	struct watch *w = ctx;

	fh_say_change(&w->said, c);
	look_at_stdout(w);
}

/* ---- every interval */

static bool has_first(struct watch *w)
{
	int64_t spent_ms = fp_clock_ms() - w->started_ms;
	struct fp_site_node *v;
	size_t n = fp_site_nodes(w->ask.site, &v);

	if (spent_ms >= w->ask.opts.timeout_ms + 2 * w->ask.opts.interval_ms)
		return true;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i].n_checks; j++)
			if (v[i].check[j]->probe &&
			    !v[i].check[j]->judged.is_known)
				return false;
	return true;
}

static void say_alive(struct watch *w)
{
	w->alive_ms = fp_clock_ms();
	fh_say_alive(&w->said, &w->ask, w->alive_every_ms);
	look_at_stdout(w);
}

static void on_tick(void *ctx)
{
	struct watch *w = ctx;
	int64_t now_ms = fp_clock_ms();

	if (now_ms - w->marks_ms >= (w->ask.conninfo ? MARKS_MS : COPY_MS)) {
		w->marks_ms = now_ms;
		fh_ask_marks(&w->ask, DB_MS);
	}
	if (!w->has_first) {
		w->has_first = has_first(w);
		if (w->has_first)
			say_alive(w);
	} else if (now_ms - w->alive_ms >= w->alive_every_ms) {
		say_alive(w);
	}
}

static void on_watchdog(void *ctx)
{
	struct watch *w = ctx;

	fp_notify("WATCHDOG=1");
	fp_loop_timer_arm(w->ask.loop, &w->watchdog,
			  fp_clock_ms() + fp_notify_watchdog_ms());
}

/* ---- the start */

static void begin(struct watch *w)
{
	w->is_started = true;
	w->started_ms = w->marks_ms = fp_clock_ms();
	fp_site_start(w->ask.site);
	fp_notify("READY=1");
	if (fp_notify_watchdog_ms())
		on_watchdog(w);
}

/* The first word that is told is of all observers, when they are there. */
static void on_begin(void *ctx)
{
	struct watch *w = ctx;
	int64_t now_ms = fp_clock_ms();

	if (!w->said.observers || fp_observers_are_ready(w->said.observers) ||
	    now_ms - w->opened_ms >= OBSERVERS_MS)
		begin(w);
	else
		fp_loop_timer_arm(w->ask.loop, &w->begin, now_ms + LOOK_MS);
}

static void on_marked(struct fh_ask *a)
{
	struct watch *w = (struct watch *)a;

	if (!w->is_started && !w->begin.at_ms)
		fp_loop_timer_arm(a->loop, &w->begin, fp_clock_ms());
}

/* ---- observers */

/* Controllers that are not this one: all of them may have the same option. */
static int choose(struct watch *w, const struct fp_host ***out, size_t *n,
		  struct fp_err *e)
{
	const char *names = fp_cli_get(w->ask.c, "observers");
	size_t all = 0, kept = 0;
	int r = fp_pattern_select(w->ask.inv, &names, 1, out, &all, e);

	if (r)
		return fp_err_prefix(e, r, "--observers");
	for (size_t i = 0; i < all; i++)
		if (strcmp((*out)[i]->name, w->ask.name))
			(*out)[kept++] = (*out)[i];
	*n = kept;
	if (kept > OBSERVERS_MAX)
		return fp_err(e, -EINVAL, "--observers: at most %d",
			      OBSERVERS_MAX);
	return 0;
}

static void command_words(const struct fp_cli *c, char *out, size_t size)
{
	const char *s = fp_cli_get(c, "observe-command");

	if (s)
		snprintf(out, size, "%s", s);
	else if (c->is_cluster_named && !strpbrk(c->cluster, "'\n") &&
		 strcmp(c->cluster, "-"))
		snprintf(out, size, "fp-health watch --json -C '%s'",
			 c->cluster);
	else
		snprintf(out, size, "fp-health watch --json");
}

static int open_observers(struct watch *w, struct fp_err *e)
{
	const struct fp_host **hosts = NULL;
	char command[512];
	const struct fp_observers_opts o = { .loop = w->ask.loop,
					     .fleet = &w->ask.fleet,
					     .command = command,
					     .heard = on_heard,
					     .note = on_note,
					     .garbled = on_garbled,
					     .ctx = w };
	size_t n = 0;
	int r;

	if (!fp_cli_get(w->ask.c, "observers"))
		return 0;
	command_words(w->ask.c, command, sizeof(command));
	r = choose(w, &hosts, &n, e);
	if (!r)
		r = fp_observers_open(&w->said.observers, &o, hosts, n, e);
	free(hosts);
	return r;
}

/* ---- another cluster file */

struct watched {
	char node[256], check[64];
};

static struct watched *remember(struct fp_site *site, size_t *n)
{
	struct fp_site_node *v;
	size_t n_nodes = fp_site_nodes(site, &v), all = 0;
	struct watched *out;

	for (size_t i = 0; i < n_nodes; i++)
		all += v[i].n_checks;
	out = calloc(all ? all : 1, sizeof(*out));
	*n = 0;
	for (size_t i = 0; out && i < n_nodes; i++)
		for (size_t j = 0; v[i].host && j < v[i].n_checks; j++) {
			struct watched *x = &out[(*n)++];

			snprintf(x->node, sizeof(x->node), "%s", v[i].name);
			snprintf(x->check, sizeof(x->check), "%s",
				 v[i].check[j]->name);
		}
	return out;
}

static bool has_node(struct fp_site *site, const char *name)
{
	struct fp_site_node *v;
	size_t n = fp_site_nodes(site, &v);

	for (size_t i = 0; i < n; i++)
		if (v[i].host && !strcmp(v[i].name, name))
			return true;
	return false;
}

/* States that stay are not told again, so that what has gone has to be. */
static void say_gone(struct watch *w, const struct watched *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_next = i && !strcmp(v[i].node, v[i - 1].node);

		if (has_node(w->ask.site, v[i].node)) {
			if (!fp_site_find(w->ask.site, v[i].node, v[i].check))
				fh_say_gone(&w->said, v[i].node, v[i].check);
		} else if (!is_next) {
			fh_say_gone(&w->said, v[i].node, NULL);
		}
	}
}

static void on_reload(void *ctx)
{
	struct watch *w = ctx;
	struct watched *before;
	size_t n;
	struct fp_err e = { .text = "" };

	if (!w->is_started)
		return;
	before = remember(w->ask.site, &n);
	if (!before)
		fp_err(&e, -ENOMEM, "out of memory");
	if (!before || fh_ask_again(&w->ask, &e)) {
		fp_log(FP_LOG_ERR, "all stays as it was: %s", e.text);
		free(before);
		return;
	}
	say_gone(w, before, n);
	free(before);
	fp_log(FP_LOG_NOTICE, "%s is read again: %zu nodes", w->ask.c->cluster,
	       w->ask.n_hosts);
	w->has_first = false;
	begin(w);
}

/* ---- the verb */

static int read_opts(struct watch *w, struct fp_err *e)
{
	struct fp_site_opts *o = &w->ask.opts;
	const struct fp_judge_opts defaults = FP_JUDGE_DEFAULT;
	struct fp_cli *c = w->ask.c;
	int r;

	o->interval_ms = INTERVAL_MS;
	r = fh_duration(c, "interval", &o->interval_ms, e);
	if (!r && o->interval_ms < INTERVAL_MIN_MS)
		r = fp_err(e, -EINVAL, "--interval: at least %dms",
			   INTERVAL_MIN_MS);
	if (!c->is_timeout_named)
		o->timeout_ms = TIMEOUT_MS;
	o->judge.flap_max = defaults.flap_max;
	o->judge.flap_window_ms = defaults.flap_window_ms;
	if (!fp_cli_get(c, "rise"))
		o->judge.rise = defaults.rise;
	if (!fp_cli_get(c, "fall"))
		o->judge.fall = defaults.fall;
	w->alive_every_ms = ALIVE_TIMES * o->interval_ms;
	if (w->alive_every_ms > ALIVE_MAX_MS)
		w->alive_every_ms = ALIVE_MAX_MS;
	o->changed = on_changed;
	o->tick = on_tick;
	o->ctx = w;
	return r;
}

static int open_all(struct watch *w, struct fp_err *e)
{
	struct fp_cli *c = w->ask.c;
	const char *command = fp_cli_get(c, "on-change");
	int r = read_opts(w, e);

	w->said.c = c;
	w->said.observer = w->ask.name;
	if (!r)
		r = open_observers(w, e);
	if (w->said.observers)
		w->ask.opts.opinion = opinion;
	if (!r)
		r = fh_ask_site(&w->ask, e);
	if (!r && command)
		r = fh_runner_open(&w->said.runner, w->ask.loop, command, e);
	if (!r)
		r = fh_pipe_open(&w->pipe, c, w->ask.loop, on_gone, w, e);
	return r;
}

static int run(struct watch *w, struct fp_err *e)
{
	int r;

	w->opened_ms = fp_clock_ms();
	w->ask.marked = on_marked;
	fh_ask_marks(&w->ask, DB_MS);
	r = fp_loop_run(w->ask.loop);
	fp_notify("STOPPING=1");
	if (r < 0)
		return fp_err_sys(e, r, "event loop");
	if (w->is_lost) {
		*e = w->lost;
		return -EIO;
	}
	return 0;
}

/* What held at the end. */
static void summary(struct watch *w)
{
	struct fh_tally t;
	char json[200];

	fh_tally(w->ask.site, &t);
	fh_summary(json, sizeof(json), &w->ask, &t);
	fp_out_summary(w->ask.c->out, false, json, NULL);
}

int fh_watch(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct watch w = { .is_started = false };
	int r;

	/* the next descriptor that is opened would be taken for it */
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		r = fp_err(&e, -EBADF,
			   "stdout is closed: nobody could read what is seen");
	else
		r = fh_say_check(c, &e);

	w.begin = (struct fp_timer){ .fire = on_begin, .ctx = &w };
	w.watchdog = (struct fp_timer){ .fire = on_watchdog, .ctx = &w };
	if (!r)
		r = fh_ask_open(&w.ask, c, on_reload, &w, &e);
	if (r)
		return fp_cli_fail(c, r, &e) ? FP_UNKNOWN : 0;
	r = open_all(&w, &e);
	if (!r)
		r = run(&w, &e);
	if (!r)
		summary(&w);
	fh_runner_close(w.said.runner);
	fp_observers_close(w.said.observers);
	fh_pipe_close(w.pipe, c);
	fp_loop_timer_disarm(w.ask.loop, &w.begin);
	fp_loop_timer_disarm(w.ask.loop, &w.watchdog);
	fh_ask_close(&w.ask);
	if (!r)
		return FP_EXIT_OK;
	fp_cli_fail(c, r, &e);
	return FP_UNKNOWN;
}
