/* SPDX-License-Identifier: Apache-2.0 */
/* A run is made dead, and kept so: power or process, its sessions at the database, the
 * NICs of all others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fence.h"
#include "io/clock.h"
#include "recover/fence_priv.h"

bool fp_fence_say(const struct fp_fence *f, enum fp_condition_state state,
		  const char *rule, const char *node, const char *name,
		  const char *value, const char *detail)
{
	bool is_lifted = state == FP_COND_REFUSE && f->is_lifted &&
			 f->is_lifted(f->ctx, rule);
	const struct fp_condition c = {
		.node = node,
		.name = name,
		.state = is_lifted ? FP_COND_WARN : state,
		.rule = state == FP_COND_REFUSE && !is_lifted ? rule : "",
		.value = value,
		.detail = detail
	};

	if (f->each)
		f->each(f->ctx, &c);
	return c.state == FP_COND_REFUSE;
}

void fp_fence_changed(const struct fp_fence *f)
{
	if (f->is_changed)
		*f->is_changed = true;
}

/* ---- is it dead? */

static int look(const struct fp_fence *f, enum fp_death *out, char now[64],
		struct fp_err *e)
{
	const char *run = f->run ? f->run : "";

	*now = 0;
	return fp_death_look(f->node, &run, 1, out, now, e);
}

static void say_command(const struct fp_fence *f, int status, const char *line)
{
	char value[40];

	snprintf(value, sizeof(value), "exit status %d", status);
	fp_fence_say(f, status ? FP_COND_WARN : FP_COND_OK, "", f->node->name,
		     "power", value, line);
}

/* A command that says so while the run answers is wrong about it. */
static int ask_command(const struct fp_fence *f, enum fp_death *out,
		       struct fp_err *e)
{
	const struct fp_fence_command ask = {
		.loop = f->switches->loop,
		.command = f->command,
		.timeout_ms = f->command_ms,
		.node = f->node->name,
		.run = f->run,
		.address = f->node->host->address,
	};
	enum fp_death before = *out;
	char line[200] = "", now[64];
	int status = 0, r;

	if (f->is_dry_run) {
		fp_fence_say(f, FP_COND_OK, "", f->node->name, "power",
			     "would be asked", f->command);
		if (*out == FP_DEATH_LIVES)
			fp_fence_changed(f);
		*out = FP_DEATH_FENCED;
		return 0;
	}
	r = fp_fence_command(&ask, line, sizeof(line), &status, e);
	if (r == -ETIMEDOUT) {
		fp_fence_say(f, FP_COND_WARN, "", f->node->name, "power",
			     "timeout", e->text);
		return 0;
	}
	if (r)
		return r;
	say_command(f, status, line);
	r = look(f, out, now, e);
	if (!r && *out == FP_DEATH_UNKNOWN && !status)
		*out = FP_DEATH_FENCED;
	if (!r && before == FP_DEATH_LIVES && *out != FP_DEATH_LIVES)
		fp_fence_changed(f);
	return r;
}

/* Nothing proves it: refused, or as lifted *out is UNKNOWN (or LIVES). */
static int judge(const struct fp_fence *f, enum fp_death d, const char *now,
		 struct fp_err *e)
{
	const char *why =
		d == FP_DEATH_LIVES ? "it answers: it is not dead"
		: f->command
			? "nothing answers, and the fence command did not prove it dead"
			: "nothing answers, and nothing proves it dead (--fence COMMAND, or its restart)";

	if (d == FP_DEATH_PROVEN)
		fp_fence_say(f, FP_COND_OK, "", f->node->name, "run",
			     fp_death_name(d), now);
	else if (d != FP_DEATH_LIVES && d != FP_DEATH_UNKNOWN)
		fp_fence_say(f, FP_COND_OK, "", f->node->name, "run",
			     fp_death_name(d), f->run ? f->run : "");
	else if (fp_fence_say(f, FP_COND_REFUSE, "alive", f->node->name, "run",
			      fp_death_name(d), why))
		return fp_refuse(e, "alive", "%s: run %s: %s", f->node->name,
				 f->run && *f->run ? f->run : "not known", why);
	return 0;
}

/* ---- sessions at the database */

static void say_sessions(const struct fp_fence *f, uint64_t ended,
			 uint64_t left, bool is_blind, bool is_proven,
			 bool *is_refused)
{
	enum fp_condition_state bad = is_proven ? FP_COND_WARN : FP_COND_REFUSE;
	char value[80];

	snprintf(value, sizeof(value), "%llu ended", (unsigned long long)ended);
	fp_fence_say(f, FP_COND_OK, "", f->node->name, "sessions", value, "");
	snprintf(value, sizeof(value), "%llu left", (unsigned long long)left);
	if (left)
		*is_refused |= fp_fence_say(
			f, bad, "fence", f->node->name, "sessions", value,
			"ours may not end them: GRANT pg_signal_backend, or be its role");
	if (is_blind)
		*is_refused |= fp_fence_say(
			f, bad, "fence", f->node->name, "sessions", "unknown",
			"nothing tells its sessions from others' (a shared address, a pooler): give its DSN an application_name of its own");
}

/* Those of a new run are its own: only what began before it is the old one's. */
static int64_t before_s(const struct fp_fence *f, enum fp_death d)
{
	const struct fp_view_freeswitch *v = &f->node->view;

	if (d != FP_DEATH_PROVEN)
		return 0;
	if (f->node->code || !v->up_s)
		return -1;
	return fp_clock_unix_s() - v->up_s;
}

static const char **texts_of(const struct fp_fence_addrs *a,
			     char (**store)[FP_PREFIX_STRLEN])
{
	const char **v = calloc(a->n + 1, sizeof(*v));

	*store = calloc(a->n + 1, sizeof(**store));
	for (size_t i = 0; v && *store && i < a->n; i++) {
		fp_prefix_print(&a->v[i], (*store)[i]);
		(*store)[i][strcspn((*store)[i], "/")] = 0;
		v[i] = (*store)[i];
	}
	return v;
}

static int sessions(const struct fp_fence *f, enum fp_death d, bool is_proven,
		    bool *is_refused, struct fp_err *e)
{
	char(*store)[FP_PREFIX_STRLEN] = NULL;
	struct fp_store_sessions w = { .before_s = before_s(f, d) };
	struct fp_fence_addrs a;
	uint64_t ended = 0, left = 0;
	bool is_blind = false;
	int r = fp_fence_addrs(f, &a, e);

	if (r)
		return r;
	w.addrs = texts_of(&a, &store);
	w.n_addrs = a.n;
	w.app = *f->node->conf.app ? f->node->conf.app : f->node->switchname;
	if (!w.addrs || !store)
		r = fp_err(e, -ENOMEM, "out of memory");
	else
		r = fp_store_end_sessions(f->store, &w, &ended, &left,
					  &is_blind, e);
	free(store);
	free((void *)w.addrs);
	fp_fence_addrs_fini(&a);
	if (r)
		return fp_err_prefix(e, r, "sessions of %s", f->node->name);
	say_sessions(f, ended, left, is_blind, is_proven, is_refused);
	if (ended)
		fp_fence_changed(f);
	return 0;
}

static int end_sessions(const struct fp_fence *f, enum fp_death d,
			bool is_proven, bool *is_refused, struct fp_err *e)
{
	if (!f->store)
		return 0;
	if (f->is_dry_run) {
		fp_fence_say(f, FP_COND_OK, "", f->node->name, "sessions",
			     "would be ended", "");
		return 0;
	}
	if (before_s(f, d) < 0) {
		fp_fence_say(
			f, FP_COND_WARN, "", f->node->name, "sessions",
			"unknown",
			"it is not known when the new run began: sessions of the old one are let be");
		return 0;
	}
	return sessions(f, d, is_proven, is_refused, e);
}

/* ---- all of it */

static int ours(const struct fp_fence *f, struct fp_err *e)
{
	return f->is_ours && !f->is_dry_run ? f->is_ours(f->of, e) : 0;
}

int fp_fence(const struct fp_fence *f, enum fp_death *out, struct fp_err *e)
{
	enum fp_death d;
	bool is_proven, is_refused = false;
	char now[64];
	int r = look(f, &d, now, e);

	if (!r && d != FP_DEATH_PROVEN && f->command) {
		r = ours(f, e);
		if (!r)
			r = ask_command(f, &d, e);
	}
	if (!r)
		r = judge(f, d, now, e);
	if (!r)
		r = ours(f, e);
	if (r)
		return r;
	is_proven = d != FP_DEATH_LIVES && d != FP_DEATH_UNKNOWN;
	r = end_sessions(f, d, is_proven, &is_refused, e);
	/* a restarted node is not to be cut off: it takes calls */
	if (!r && d != FP_DEATH_PROVEN)
		r = ours(f, e);
	if (!r && d != FP_DEATH_PROVEN)
		r = fp_fence_nic(f, is_proven, &is_refused, e);
	if (!r && is_refused)
		r = fp_refuse(
			e, "fence",
			"%s cannot be fenced as it should be, and nothing proves it dead",
			f->node->name);
	if (!r)
		*out = d;
	return r;
}
