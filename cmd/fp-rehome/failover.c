/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome failover: a node is dead, and its calls go on elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/child.h"
#include "move.h"

#define LINK_WAIT_MS 10000 /* Up, Probe, Down: 3 s measured */
#define PUSH_MS 120000

/* ---- which tags */

static bool is_target(const struct fr_move *m, const struct fp_edge *x)
{
	for (size_t i = 0; i < m->n_to; i++)
		if (m->to[i] == x)
			return true;
	return false;
}

/* A tag that --tag names goes whoever has it, but for one that is there already:
 * the conditions refuse what is wrong with it. */
static int add_named(struct fr_move *m, struct fp_err *e)
{
	const struct fp_select *q = &m->v.select;
	int r = 0;

	for (size_t i = 0; i < q->n_tags && !r; i++) {
		const struct fr_tag_now *t = fr_move_find(m, q->tags[i]);

		if (!t || !t->owner || !is_target(m, t->owner))
			r = fr_move_add(m, q->tags[i], t ? t->owner : NULL,
					NULL, e);
	}
	return r;
}

static int add_tags(struct fr_move *m, struct fp_err *e)
{
	uint32_t stranger;
	bool is_only = fp_edges_is_only_silent(&m->v.edges, m->from, &stranger);
	char(*own)[64] = NULL;
	size_t n_own = 0;
	int r = fp_edge_own_tags(m->from, &own, &n_own, e);

	if (r && r != -ENOENT)
		return r;
	r = 0;
	for (size_t i = 0; i < m->n_now && !r; i++) {
		const struct fr_tag_now *t = &m->now[i];
		bool is_own =
			fr_is_among((const char(*)[64])own, n_own, t->name);

		if (t->owner == m->from || (!t->owner && (is_own || is_only)))
			r = fr_move_add(m, t->name, t->owner, NULL, e);
	}
	if (stranger)
		fp_log(FP_LOG_WARN,
		       "node %u of the cluster is not in the cluster file: "
		       "tags that are not %s's own may be its, and stay",
		       stranger, m->from->name);
	free(own);
	return r;
}

/* ---- the policy, after it */

struct push {
	struct fr_move *m;
	bool is_done;
	int code, status;
};

static void printed(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	fwrite(p, 1, n, stderr);
}

static void pushed(void *ctx, int code, int status)
{
	struct push *p = ctx;

	p->code = code;
	p->status = status;
	p->is_done = true;
	fp_loop_stop(p->m->v.nodes.loop);
}

#define PUSH_WORDS 16

/* What brought us to the nodes brings it, too. */
static void push_words(const struct fr_move *m, const struct fp_edge *to,
		       const char *argv[PUSH_WORDS])
{
	const struct fp_cli *c = m->v.c;
	const char *ssh = fp_cli_get(c, "ssh-command");
	const char *words[PUSH_WORDS] = {
		"fp-sync",    "push",    "--cluster",    c->cluster, "--state",
		c->state_dir, "--lists", m->o.lists_dir, "-N",       to->name
	};
	size_t n = 10;

	if (ssh) {
		words[n++] = "--ssh-command";
		words[n++] = ssh;
	}
	if (fp_cli_get(c, "no-ssh-config"))
		words[n++] = "--no-ssh-config";
	memcpy(argv, words, sizeof(words));
}

static int push_one(struct fr_move *m, const struct fp_edge *to, struct push *p,
		    struct fp_err *e)
{
	const char *argv[PUSH_WORDS];
	const struct fp_child_opts o = { .argv = argv,
					 .timeout_ms = PUSH_MS,
					 .out = printed,
					 .ended = pushed,
					 .ctx = p };
	struct fp_child *child;
	int r;

	push_words(m, to, argv);
	*p = (struct push){ .m = m };
	r = fp_child_start(&child, m->v.nodes.loop, &o, e);
	if (r)
		return r;
	r = fp_loop_wait(m->v.nodes.loop, &p->is_done, e);
	if (r && !p->is_done)
		fp_child_kill(child);
	if (!r && p->code)
		r = fp_err_sys(e, p->code, "fp-sync push");
	else if (!r && p->status)
		r = fp_err(e, -EIO, "fp-sync push: exit status %d", p->status);
	return r;
}

int fr_failover_worked(void *move, const struct fp_campaign_sum *s,
		       struct fp_journal *j, struct fp_err *e)
{
	struct fr_move *m = move;
	struct push p;
	char item[300];
	int r = 0, r2;

	for (size_t i = 0; i < m->n_to && s->is_policy_old && !r; i++) {
		const char *name = m->to[i]->name;

		r2 = push_one(m, m->to[i], &p, e);
		if (r2 == -EINTR)
			return r2;
		if (r2)
			fp_log(FP_LOG_WARN, "%s: its policy is old still: %s",
			       name, e->text);
		else
			fr_move_say(m, "%s: its policy was pushed", name);
		m->is_partial |= r2 != 0;
		snprintf(item, sizeof(item), "push:%s", name);
		r = fp_journal_add(j, item, r2 ? "failed" : "done", NULL, e);
	}
	return r;
}

/* ---- jobs of it that stopped */

/* Nothing of what stays open is asked again by a job of this run. */
static int leave(struct fr_move *m, const char *job, struct fp_err *e)
{
	char(*more)[40] = reallocarray(m->left, m->n_left + 1, sizeof(*more));

	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	m->left = more;
	snprintf(more[m->n_left++], sizeof(*more), "%s", job);
	return 0;
}

/* Who has it, a node that lives, no lock to be had, a signal: there is nothing else to
 * do.  Where it alone cannot go on, as when its target died too or its tags went
 * elsewhere since, the calls are saved by a plan of now. */
static bool is_end(int code, const struct fp_err *e)
{
	switch (code) {
	case -EPERM:
		return !strcmp(e->rule, "alive") || !strcmp(e->rule, "lock") ||
		       !strcmp(e->rule, "pooler");
	case -EBUSY:
	case -EINTR:
	case -ENOMEM:
		return true;
	default:
		return false;
	}
}

static int go_on(struct fr_move *m, const char *job, struct fp_err *e)
{
	struct fp_campaign_sum sum = { .n_tags = 0 };
	int r;

	fr_move_say(m, "job %s of %s has not ended: it goes on", job,
		    m->from->name);
	r = fr_move_resume(m, job, &sum, e);
	if (r == -EALREADY)
		return 0;
	fr_move_before(m, &sum);
	if (!r)
		return sum.is_left ? leave(m, job, e) : 0;
	if (is_end(r, e))
		return r;
	fp_log(FP_LOG_WARN, "job %s does not go on, and stays as it is: %s",
	       job, e->text);
	*e = (struct fp_err){ .text = "" };
	return leave(m, job, e);
}

/* A controller died amid it, or was stopped: a second job beside it would ask its calls
 * again.  Not of a part that options select. */
static int open_jobs(struct fr_move *m, struct fp_err *e)
{
	const struct fp_job_head *v;
	char(*id)[40] = NULL;
	size_t n, n_ids = 0;
	int r = 0;

	if (m->o.is_dry_run || fr_move_is_part(m))
		return 0;
	v = fp_past_open(m->past, &n);
	id = calloc(n + 1, sizeof(*id));
	if (!id)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = n; i--;) /* the oldest first; v goes with m->past */
		if (fr_move_is_open(m, &v[i]))
			memcpy(id[n_ids++], v[i].id, sizeof(*id));
	for (size_t i = 0; i < n_ids && !r; i++)
		r = go_on(m, id[i], e);
	free(id);
	if (!r && n_ids)
		r = fr_move_again(m, e);
	if (!r && n_ids)
		r = fr_move_past(m, e);
	m->is_going_on = true;
	return r;
}

/* ---- the verb */

/* --tag: which it had, or which went, is as it says. */
static int plan(struct fr_move *m, struct fp_err *e)
{
	int r = m->v.select.n_tags ? add_named(m, e) : add_tags(m, e);

	if (!r && !m->v.select.n_tags)
		r = fr_move_add_owned(m, e);
	return r ? r : fr_move_add_through(m, e);
}

/* One that came back owns nothing: its calls are there, and it is not dead. */
static int say_orphans(struct fr_move *m, struct fp_err *e)
{
	char text[400];
	int r = fr_orphans(&m->v, m->from, text, sizeof(text), e);

	if (!r && *text) {
		fr_move_say(m, "%s", text);
		m->is_partial = true;
	}
	return r;
}

static int failover(struct fr_move *m, struct fp_err *e)
{
	char why[300];
	int r = fr_move_past(m, e);

	if (!r)
		r = open_jobs(m, e);
	if (!r)
		r = fr_move_targets(m, e);
	if (!r)
		r = fr_move_count(m, e);
	if (!r)
		r = fr_move_through(m, e);
	if (!r)
		r = plan(m, e);
	if (!r && (m->from->view || !m->n_plan))
		r = say_orphans(m, e);
	else if (!r)
		fr_move_say_ownerless(m);
	if (r)
		return r;
	fr_move_say_open(m);
	if (!m->n_plan) {
		snprintf(why, sizeof(why),
			 "%s: each of its tags is owned by a node that lives, "
			 "and no call is signalled through it",
			 m->from->name);
		return fr_move_nothing(m, why);
	}
	if (m->before.is_left && !fr_move_gives(m))
		return fr_move_nothing(m, "what is left is of that job");
	r = fr_move_spread(m, e);
	return r ? r : fr_move_run(m);
}

int fr_failover(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_move m;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "failover takes one node");
	r = fr_move_open(&m, c, FP_MOVE_FAILOVER, true, &e);
	if (r) {
		m.v.c = c;
		return fr_fail(&m.v, r, &e);
	}
	m.o.link_wait_ms = m.v.wait_ms < 0 ? LINK_WAIT_MS : m.v.wait_ms;
	m.o.fence = m.v.fence;
	m.o.fence_ms = m.v.fence_ms;
	m.o.worked = fr_failover_worked;
	r = failover(&m, &e);
	if (r < 0)
		r = fr_fail(&m.v, r, &e);
	fr_move_close(&m);
	return r;
}
