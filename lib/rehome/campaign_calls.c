/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a campaign: listed at the target, chosen, moved. */
#include <stdlib.h>
#include <string.h>

#include "rehome/campaign_priv.h"

/* Those of one pass, with texts of their own: a listing anew frees its own. */
struct batch {
	struct fp_campaign *c;
	struct fp_edge *to;
	const char **tags; /* of the moves that it is of */
	size_t n_tags;
	const struct fp_dialog **d; /* chosen, of to's listing */
	size_t n;
	struct fp_moving_call *call;
	char *texts;
};

static void batch_fini(struct batch *b)
{
	free(b->tags);
	free(b->d);
	free(b->call);
	free(b->texts);
}

static bool is_of(const struct fp_campaign *c, const struct fp_edge *to,
		  size_t only, size_t i)
{
	return only == FP_CAMPAIGN_ALL
		       ? c->move[i].to == to && c->state[i].is_given
		       : only == i;
}

/* ---- choosing */

static int by_age(const void *a, const void *b)
{
	const struct fp_dialog *const *x = a, *const *y = b;

	if ((*x)->started_s != (*y)->started_s)
		return (*x)->started_s < (*y)->started_s ? -1 : 1;
	return strcmp((*x)->callid, (*y)->callid);
}

/* Those that a pass is to ask: not handled in this run, and of a job that goes on
 * also those of before (they are told as done).  --count counts calls that were
 * handled, too. */
static void drop_seen(struct batch *b, size_t max)
{
	struct fp_campaign *c = b->c;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		bool is_there, is_before;

		fp_seen_get(&c->seen, b->d[i]->callid, &is_there);
		fp_seen_get(&c->before, b->d[i]->callid, &is_before);
		if (is_there)
			continue;
		if (!is_before && max && c->before.n + c->n_fresh >= max) {
			c->out->n_left++;
			continue;
		}
		c->n_fresh += !is_before;
		b->d[n++] = b->d[i];
	}
	b->n = n;
}

/* How many calls of these tags are up at the target. */
static size_t n_up(const struct batch *b)
{
	const struct fp_select q = { .tags = b->tags, .n_tags = b->n_tags };
	const struct fp_dialog **v;
	size_t n = 0;

	if (fp_select(&q, b->to->dialogs, b->c->at_s, &v, &n, NULL))
		return 0;
	n = fp_campaign_meant(b->c, v, n);
	free(v);
	return n;
}

static int choose(struct batch *b, struct fp_err *e)
{
	struct fp_campaign *c = b->c;
	struct fp_select q = c->o.select;
	size_t n_early = 0, max = q.count;

	q.tags = b->tags;
	q.n_tags = b->n_tags;
	q.count = 0;
	if (fp_select(&q, b->to->dialogs, c->at_s, &b->d, &b->n, &n_early))
		return fp_err(e, -ENOMEM, "out of memory");
	b->n = fp_campaign_meant(c, b->d, b->n);
	c->out->n_early += n_early;
	c->out->n_left += n_up(b) - b->n;
	if (max)
		qsort(b->d, b->n, sizeof(struct fp_dialog *), by_age);
	drop_seen(b, max);
	return 0;
}

/* ---- asking */

static char *keep(char **at, const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = memcpy(*at, s, n);

	*at += n;
	return to;
}

static int make_calls(struct batch *b, struct fp_err *e)
{
	size_t size = 1;
	char *at;

	for (size_t i = 0; i < b->n; i++)
		size += strlen(b->d[i]->callid) + strlen(b->d[i]->tag) + 2;
	b->call = calloc(b->n + 1, sizeof(*b->call));
	b->texts = at = malloc(size);
	if (!b->call || !at)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < b->n; i++)
		b->call[i] = (struct fp_moving_call){
			.callid = keep(&at, b->d[i]->callid),
			.tag = keep(&at, b->d[i]->tag),
			.body = b->c->o.body == FP_BODY_AUTO
					? fp_dialog_body(b->d[i])
					: b->c->o.body,
			.was = fp_campaign_was(b->c, b->d[i]->callid, b->to),
		};
	return 0;
}

static void progress(void *ctx, size_t done, size_t total, double rate,
		     int64_t left_s)
{
	struct fp_campaign *c = ctx;

	if (c->o.progress)
		c->o.progress(c->o.ctx, "moving", done, total, rate, left_s);
}

static void say(void *ctx, const char *text)
{
	fp_campaign_say(ctx, "%s", text);
}

/* Was the memory of a target told?  It is from now on. */
static bool tell_memory(struct fp_campaign *c, const struct fp_edge *to)
{
	bool was_told = false;

	for (size_t i = 0; i < c->n_moves; i++)
		if (c->move[i].to == to) {
			was_told |= c->state[i].is_told;
			c->state[i].is_told = true;
		}
	return was_told;
}

static void add_sum(struct fp_moving_sum *to, const struct fp_moving_sum *s)
{
	to->n_verified += s->n_verified;
	to->n_lost += s->n_lost;
	to->n_missing += s->n_missing;
	to->took_ms += s->took_ms;
	if (s->shm_min_free &&
	    (!to->shm_min_free || s->shm_min_free < to->shm_min_free))
		to->shm_min_free = s->shm_min_free;
	if (s->cost_bytes > to->cost_bytes)
		to->cost_bytes = s->cost_bytes;
	if (s->rate_limit > 0 &&
	    (to->rate_limit <= 0 || s->rate_limit < to->rate_limit))
		to->rate_limit = s->rate_limit;
}

static bool is_open(enum fp_move_verdict v)
{
	return v == FP_MOVE_SKIPPED || v == FP_MOVE_UNKNOWN ||
	       v == FP_MOVE_WAITING || v == FP_MOVE_ASKED;
}

static int run_once(struct batch *b, struct fp_moving_call *call, size_t n,
		    struct fp_err *e)
{
	struct fp_campaign *c = b->c;
	struct fp_moving_opts o = c->o.moving;
	struct fp_moving_sum sum = { .took_ms = 0 };
	int r;

	o.edges = c->o.edges;
	o.to = b->to;
	o.journal = c->journal;
	o.check = fp_campaign_check;
	o.verdict = NULL;
	o.progress = progress;
	o.say = say;
	o.ctx = c;
	c->check_code = 0;
	o.is_memory_told = tell_memory(c, b->to);
	r = fp_moving_run(&o, call, n, &sum, e);
	add_sum(&c->out->calls, &sum);
	if (r && c->check_code) {
		r = c->check_code;
		if (e)
			*e = c->check_err;
	} else if (r == -EBUSY) {
		c->is_lost = true;
	}
	return r;
}

/* Those that are open are asked again; the others are verified with them. */
static int run_again(struct batch *b, struct fp_err *e)
{
	struct fp_moving_call *again = calloc(b->n + 1, sizeof(*again));
	int r;

	if (!again)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < b->n; i++) {
		again[i] = b->call[i];
		again[i].was = is_open(b->call[i].verdict) ? FP_MOVE_WAITING
							   : b->call[i].verdict;
		if (again[i].was == FP_MOVE_DONE)
			again[i].was = FP_MOVE_MOVED;
	}
	r = run_once(b, again, b->n, e);
	for (size_t i = 0; i < b->n; i++)
		if (is_open(b->call[i].verdict))
			b->call[i] = again[i];
		else
			b->call[i].is_verified = again[i].is_verified;
	free(again);
	return r;
}

/* Two that say active under way, or nobody: it is given once more. */
static int run(struct batch *b, struct fp_err *e)
{
	int r = run_once(b, b->call, b->n, e);

	if (!r || !b->c->is_split)
		return r;
	r = fp_campaign_mend(b->c, e);
	return r ? r : run_again(b, e);
}

/* ---- telling */

static int tell(struct batch *b, struct fp_err *e)
{
	struct fp_campaign *c = b->c;
	int r = 0;

	for (size_t i = 0; i < b->n && !r; i++) {
		const struct fp_moving_call *x = &b->call[i];

		c->out->calls.count[x->verdict]++;
		if (x->verdict == FP_MOVE_MOVED)
			c->out->is_changed = true;
		if (c->o.call)
			c->o.call(c->o.ctx, x, b->to);
		if (fp_seen_put(&c->seen, x->callid, x->verdict))
			r = fp_err(e, -ENOMEM, "out of memory");
	}
	return r;
}

static int find_tags(struct batch *b, size_t only, struct fp_err *e)
{
	struct fp_campaign *c = b->c;
	int r = 0;

	b->tags = calloc(c->n_moves + 1, sizeof(*b->tags));
	if (!b->tags)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_moves && !r; i++) {
		if (!is_of(c, b->to, only, i))
			continue;
		b->tags[b->n_tags++] = c->move[i].tag;
		r = fp_campaign_prove(c, i, e);
	}
	return r;
}

int fp_campaign_calls(struct fp_campaign *c, struct fp_edge *to, size_t only,
		      struct fp_err *e)
{
	struct batch b = { .c = c, .to = to };
	int r = fp_campaign_list(c, &to, 1, e), r2 = 0;

	if (!r)
		r = find_tags(&b, only, e);
	if (!r && b.n_tags)
		r = choose(&b, e);
	if (!r)
		r = make_calls(&b, e);
	if (!r && b.n) {
		c->n_new += b.n;
		r = run(&b, e);
		r2 = tell(&b, r ? NULL : e);
	}
	batch_fini(&b);
	return r ? r : r2;
}
