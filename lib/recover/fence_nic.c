/* SPDX-License-Identifier: Apache-2.0 */
/* The NIC fence: list "fence" at every node with a filter but the fenced one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/copy.h"
#include "control/visits.h"
#include "io/clock.h"
#include "model/words.h"
#include "recover/fence_priv.h"

#define SUMMARY_SIZE 200

/* ---- whose addresses */

struct search {
	const struct fp_host *self, *other; /* other: who has it too */
	struct fp_fence_addrs *out;
	const struct fp_prefix *p;
};

static int is_it(void *ctx, const struct fp_host *h, const struct fp_prefix *p)
{
	struct search *s = ctx;

	if (fp_prefix_cmp(p, s->p))
		return 0;
	s->other = h;
	return 1;
}

static bool is_shared(struct search *s)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(s->self->inv, &h);

	s->other = NULL;
	for (size_t i = 0; i < n && !s->other; i++)
		if (&h[i] != s->self)
			fp_inventory_addresses(&h[i], is_it, s);
	return s->other != NULL;
}

static int add_own(void *ctx, const struct fp_host *h,
		   const struct fp_prefix *p)
{
	struct search *s = ctx;
	struct fp_fence_addrs *a = s->out;
	struct fp_prefix *v;

	(void)h;
	for (size_t i = 0; i < a->n; i++)
		if (!fp_prefix_cmp(&a->v[i], p))
			return 0;
	s->p = p;
	if (is_shared(s)) {
		char text[FP_PREFIX_STRLEN];
		size_t at = strlen(a->shared);

		fp_prefix_print(p, text);
		snprintf(a->shared + at, sizeof(a->shared) - at,
			 "%s%s is %s's too", at ? ", " : "", text,
			 s->other->name);
		return 0;
	}
	v = realloc(a->v, (a->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	a->v = v;
	a->v[a->n++] = *p;
	return 0;
}

int fp_fence_addrs(const struct fp_fence *f, struct fp_fence_addrs *out,
		   struct fp_err *e)
{
	struct search s = { .self = f->node->host, .out = out };

	*out = (struct fp_fence_addrs){ .v = NULL };
	if (!fp_inventory_addresses(s.self, add_own, &s))
		return 0;
	fp_fence_addrs_fini(out);
	return fp_err(e, -ENOMEM, "out of memory");
}

void fp_fence_addrs_fini(struct fp_fence_addrs *a)
{
	free(a->v);
	a->v = NULL;
	a->n = 0;
}

/* ---- words, and who hears them */

struct telling {
	const struct fp_fence *f;
	struct fp_fence_addrs addrs;
	struct fp_plan plan;
	const struct fp_host **host;
	struct fp_outcome *out; /* of each host */
	size_t n;
	struct fp_buf *store; /* a word each */
	struct fp_entry *word;
	size_t n_words, n_news;
	char run[64]; /* that the list names, of unfence */
};

static int oom(struct fp_err *e)
{
	return fp_err(e, -ENOMEM, "out of memory");
}

static void telling_fini(struct telling *t)
{
	for (size_t i = 0; t->store && i < t->addrs.n; i++)
		fp_buf_fini(&t->store[i]);
	free(t->store);
	free(t->word);
	free(t->host);
	free(t->out);
	fp_fence_addrs_fini(&t->addrs);
	fp_plan_fini(&t->plan);
}

static int telling_init(struct telling *t, const struct fp_fence *f,
			struct fp_err *e)
{
	int r;

	*t = (struct telling){ .f = f };
	r = fp_fence_addrs(f, &t->addrs, e);
	if (r)
		return r;
	t->plan = (struct fp_plan){ .timeout_ms = f->fleet->timeout_ms,
				    .list = FP_FENCE_LIST,
				    .kind = FP_KIND_FENCE,
				    .by = f->by,
				    .why = f->why };
	t->host = calloc(f->n_filters + 1, sizeof(*t->host));
	t->out = calloc(f->n_filters + 1, sizeof(*t->out));
	t->store = calloc(t->addrs.n + 1, sizeof(*t->store));
	t->word = calloc(t->addrs.n + 1, sizeof(*t->word));
	if (!t->host || !t->out || !t->store || !t->word)
		return oom(e);
	/* not itself: it would cut off its own loopback */
	for (size_t i = 0; i < f->n_filters; i++)
		if (f->filters[i] != f->node->host)
			t->host[t->n++] = f->filters[i];
	return f->state_dir ? fp_copy_open(&t->plan.copy, f->state_dir, e) : 0;
}

static void on_ended(void *ctx, size_t i, const struct fp_member *m,
		     const struct fp_outcome *out)
{
	struct telling *t = ctx;

	(void)m;
	t->out[i] = *out;
}

static int visit(struct telling *t, struct fp_err *e)
{
	const struct fp_visits_ops ops = { .ended = on_ended, .ctx = t };

	return fp_visit_hosts(t->f->switches->loop, t->f->fleet, &t->plan,
			      t->host, t->n, &ops, e);
}

/* What our copy has of an address, when it is in force. */
static bool is_fenced(const struct telling *t, const struct fp_prefix *p,
		      struct fp_entry *out)
{
	const struct fp_list *l = fp_copy_get(t->plan.copy, FP_FENCE_LIST);

	return l && fp_list_find(l, p, out) &&
	       fp_word_is_live(out, fp_clock_unix_s());
}

/* Of the same run again: it is said again as it was, to who missed it. */
static int fence_word(struct telling *t, size_t i, struct fp_err *e)
{
	const struct fp_list *l = fp_copy_get(t->plan.copy, FP_FENCE_LIST);
	const struct fp_fence *f = t->f;
	struct fp_entry old;
	char run[64] = "";
	bool is_there = l && fp_list_find(l, &t->addrs.v[i], &old);

	if (is_there && fp_word_is_live(&old, fp_clock_unix_s()) &&
	    fp_entry_get(&old, "run", run, sizeof(run)) && f->run &&
	    !strcmp(run, f->run)) {
		fp_buf_add(&t->store[i], old.meta, old.meta_len);
		if (t->store[i].is_failed)
			return oom(e);
		t->word[i] = old;
		t->word[i].meta = t->store[i].data;
		return 0;
	}
	t->n_news++;
	return fp_word_make_run(&t->store[i], &t->word[i], &t->addrs.v[i], 0,
				fp_copy_at_ms(is_there ? &old : NULL), f->why,
				f->by, f->run && *f->run ? f->run : NULL, e);
}

static int keep(struct telling *t, struct fp_err *e)
{
	size_t changed = 0;

	return fp_copy_merge(t->plan.copy, FP_FENCE_LIST, FP_KIND_FENCE,
			     t->word, t->n_words, t->plan.timeout_ms, &changed,
			     e);
}

/* The words, durably with us before any node hears them. */
static int tell(struct telling *t, struct fp_err *e)
{
	int r = keep(t, e);

	t->plan.words = t->word;
	t->plan.n_words = t->n_words;
	return r ? r : visit(t, e);
}

/* ---- what came of it */

static void say_one(const struct telling *t, size_t i,
		    enum fp_condition_state bad, size_t *n_well, bool *is_bad)
{
	const struct fp_outcome *o = &t->out[i];
	const char *node = t->host[i]->name;

	if (o->standing == FP_STANDS_WELL && !o->refused && o->is_in_force) {
		++*n_well;
		return;
	}
	*is_bad |= fp_fence_say(
		t->f, bad, "fence", node, "nic",
		o->refused                      ? "refused"
		: o->standing == FP_STANDS_WELL ? "no filter"
						: o->state,
		o->standing == FP_STANDS_WELL && !o->refused
			? "no filter is attached there: the list waits for it"
			: o->err.text);
}

static void say_all(const struct telling *t, enum fp_condition_state bad,
		    const char *word, bool *is_bad)
{
	char text[SUMMARY_SIZE];
	size_t n_well = 0;

	for (size_t i = 0; i < t->n; i++)
		say_one(t, i, bad, &n_well, is_bad);
	snprintf(text, sizeof(text), "%zu address%s at %zu of %zu nodes",
		 t->n_words, t->n_words == 1 ? "" : "es", n_well, t->n);
	if (n_well)
		fp_fence_say(t->f, FP_COND_OK, "", t->f->node->name, "nic",
			     word, text);
}

static bool say_none(const struct fp_fence *f, enum fp_condition_state bad,
		     const char *value, const char *why)
{
	return fp_fence_say(f, bad, "fence", f->node->name, "nic", value, why);
}

static void say_dry(const struct telling *t)
{
	char text[SUMMARY_SIZE];

	snprintf(text, sizeof(text), "%zu address%s at %zu nodes", t->n_words,
		 t->n_words == 1 ? "" : "es", t->n);
	fp_fence_say(t->f, FP_COND_OK, "", t->f->node->name, "nic",
		     t->n_news ? "would be fenced" : "fenced", text);
}

static int nic(struct telling *t, enum fp_condition_state bad, bool *is_bad,
	       struct fp_err *e)
{
	const struct fp_fence *f = t->f;
	int r = 0;

	if (*t->addrs.shared)
		*is_bad |= say_none(f, bad, "shared", t->addrs.shared);
	if (!t->addrs.n)
		return 0;
	for (size_t i = 0; i < t->addrs.n && !r; i++)
		r = fence_word(t, i, e);
	t->n_words = t->addrs.n;
	if (r)
		return r;
	if (t->n_news)
		fp_fence_changed(f);
	if (f->is_dry_run) {
		say_dry(t);
		return 0;
	}
	r = tell(t, e);
	if (r)
		return r;
	say_all(t, bad, "fenced", is_bad);
	return 0;
}

int fp_fence_nic(const struct fp_fence *f, bool is_proven, bool *is_refused,
		 struct fp_err *e)
{
	enum fp_condition_state bad = is_proven ? FP_COND_WARN : FP_COND_REFUSE;
	struct telling t;
	int r;

	if (!f->fleet || !f->n_filters || !f->state_dir) {
		*is_refused |= say_none(f, bad, "none",
					"no node has a filter (fp_if)");
		return 0;
	}
	r = telling_init(&t, f, e);
	if (!r && !t.n)
		*is_refused |= say_none(f, bad, "none",
					"no other node has a filter (fp_if)");
	else if (!r)
		r = nic(&t, bad, is_refused, e);
	telling_fini(&t);
	return r ? fp_err_prefix(e, r, "the NIC fence") : 0;
}

/* ---- unfence */

static int lift_word(struct telling *t, const struct fp_prefix *p,
		     struct fp_err *e)
{
	struct fp_entry old;
	int64_t at_ms;
	size_t n = t->n_words;

	if (!is_fenced(t, p, &old))
		return 0;
	if (!*t->run)
		fp_entry_get(&old, "run", t->run, sizeof(t->run));
	at_ms = fp_copy_at_ms(&old);
	t->n_words++;
	return fp_word_make_run(&t->store[n], &t->word[n], p,
				fp_clock_unix_s() < at_ms / 1000
					? fp_clock_unix_s()
					: at_ms / 1000,
				at_ms, t->f->why, t->f->by,
				*t->run ? t->run : NULL, e);
}

/* Another controller may have said it: nodes know. */
static int learn(struct telling *t, struct fp_err *e)
{
	int r = visit(t, e);

	for (size_t i = 0; i < t->addrs.n && !r; i++)
		r = lift_word(t, &t->addrs.v[i], e);
	return r;
}

static int64_t rows_of(const struct fp_fence *f, const char *run,
		       struct fp_err *e)
{
	struct fp_store_run *v;
	int64_t rows = 0;
	size_t n;
	int r = f->store ? fp_store_runs(f->store, &v, &n, e) : 0;

	if (r || !f->store)
		return r;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].hostname, f->node->switchname) &&
		    !strcmp(v[i].run, run))
			rows += v[i].rows;
	free(v);
	return rows;
}

static bool refuses(const struct fp_fence *f, const char *value,
		    const char *why, struct fp_err *e)
{
	if (!fp_fence_say(f, FP_COND_REFUSE, "alive", f->node->name, "run",
			  value, why))
		return false;
	fp_refuse(e, "alive", "%s: %s (%s)", f->node->name, why, value);
	return true;
}

/* A new run that has proven itself, and nothing of the old one is to be had. */
static int check_run(const struct telling *t, struct fp_err *e)
{
	const struct fp_fence *f = t->f;
	const char *run = *t->run ? t->run : f->run ? f->run : "";
	enum fp_death d = FP_DEATH_UNKNOWN;
	char now[64] = "", text[80];
	int64_t rows;
	int r = fp_death_look(f->node, &run, 1, &d, now, e);

	if (r)
		return r;
	if (d == FP_DEATH_UNKNOWN &&
	    refuses(f, "unknown", "it does not answer: no new run is proven",
		    e))
		return -EPERM;
	if (d == FP_DEATH_LIVES &&
	    refuses(f, now, "the run that was fenced answers still", e))
		return -EPERM;
	rows = rows_of(f, run, e);
	if (rows < 0)
		return (int)rows;
	snprintf(text, sizeof(text), "%lld rows", (long long)rows);
	if (rows &&
	    refuses(f, text, "the fenced run's calls are not recovered", e))
		return -EPERM;
	return 0;
}

static int unfence(struct telling *t, bool *is_changed, struct fp_err *e)
{
	bool is_bad = false;
	int r = learn(t, e);

	if (!r && !t->n_words) {
		say_all(t, FP_COND_WARN, "not fenced", &is_bad);
		return 0;
	}
	if (!r)
		r = check_run(t, e);
	if (r)
		return r;
	if (!t->f->is_dry_run) {
		r = tell(t, e);
		if (r)
			return r;
		fp_fence_changed(t->f);
		say_all(t, FP_COND_WARN, "unfenced", &is_bad);
	} else {
		fp_fence_say(t->f, FP_COND_OK, "", t->f->node->name, "nic",
			     "would be unfenced", "");
	}
	*is_changed = true;
	return 0;
}

int fp_unfence(const struct fp_fence *f, bool *is_changed, struct fp_err *e)
{
	struct telling t;
	int r;

	*is_changed = false;
	if (!f->fleet || !f->n_filters || !f->state_dir)
		return 0;
	r = telling_init(&t, f, e);
	if (!r && t.n && t.addrs.n)
		r = unfence(&t, is_changed, e);
	telling_fini(&t);
	return r;
}
