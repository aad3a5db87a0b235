/* SPDX-License-Identifier: Apache-2.0 */
/* push --canary N --confirm DUR: some nodes first, the others once somebody said
 * that these are well. */
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "push.h"

#define LOOK_MS 1000

enum word { WAITING, CONFIRMED, TAKEN_BACK, OVERTAKEN };

/* A node of the canary. */
struct bird {
	struct canary *all;
	char push[FP_PUSH_ID_SIZE]; /* what it waits for */
	int64_t at_s;               /* when it accepted that, by its clock */
	enum word word;
	struct fp_member *m;
};

struct canary {
	struct fs_site *site;
	struct fp_fleet *fleet;
	struct fp_history *history;
	struct bird *bird;
	size_t n, n_waiting, n_lost;
	struct fp_timer look;
	int64_t end_ms;
};

/* What became of it?  A push is taken back with its name: what a node accepted
 * later than ours came from somebody else. */
static enum word word_of(struct canary *c, struct bird *b,
			 const struct fp_hello *h)
{
	bool is_ours = !strcmp(h->accepted, b->push);

	if (is_ours)
		b->at_s = h->accepted_at_s;
	if (is_ours && !strcmp(h->pending, b->push))
		return WAITING;
	if (is_ours)
		return CONFIRMED;
	return fp_history_is_after(c->history, h->accepted, h->accepted_at_s,
				   b->push, b->at_s)
		       ? OVERTAKEN
		       : TAKEN_BACK;
}

static void say(const struct fp_member *m, enum word word,
		const struct fp_hello *h)
{
	if (word == OVERTAKEN)
		fp_log(FP_LOG_ERR, "%s: another push came: %.12s by %s",
		       m->host->name, h->accepted,
		       h->accepted_by[0] ? h->accepted_by : "nobody named");
	else
		fp_log(FP_LOG_NOTICE, "%s: %s", m->host->name,
		       word == CONFIRMED ? "confirmed" : "taken back");
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	struct canary *c = ctx;
	struct bird *b = m->data;

	if (fs_is_note(m, ev) || ev->kind != FP_EVENT_DONE ||
	    b->word != WAITING)
		return;
	b->word = word_of(c, b, h);
	if (b->word == WAITING)
		return;
	say(m, b->word, h);
	c->n_waiting--;
	c->n_lost += b->word != CONFIRMED;
	if (!c->n_waiting || c->n_lost)
		fp_loop_stop(c->site->loop);
}

/* It is opened again, until the time is over. */
static void on_ended(void *ctx, struct fp_member *m)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s: %s", m->host->name, m->err.text);
}

static void on_look(void *ctx)
{
	struct canary *c = ctx;
	int64_t now_ms = fp_clock_ms();

	if (now_ms >= c->end_ms) {
		fp_loop_stop(c->site->loop);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		struct fp_member *m = c->bird[i].m;

		if (!m->sender || !fp_sender_is_idle(m->sender))
			continue;
		fp_sender_hello(m->sender, fp_clock_unix_ms());
		fp_fleet_kick(c->fleet, m);
	}
	fp_loop_timer_arm(c->site->loop, &c->look, now_ms + LOOK_MS);
}

/* 1: all are confirmed.  0: they are not.  -errno. */
static int wait_for_word(struct canary *c, int64_t confirm_ms, struct fp_err *e)
{
	struct fp_fleet_opts o = c->site->opts;
	const struct fp_fleet_ops ops = { fs_opened, on_event, on_ended, c };
	int r;

	o.is_lasting = true;
	r = fp_fleet_open(&c->fleet, c->site->loop, &o, c->site->hosts, c->n,
			  &ops, e);
	if (r)
		return r;
	for (size_t i = 0; i < c->n; i++) {
		c->bird[i].m = fp_fleet_member(c->fleet, i);
		c->bird[i].m->data = &c->bird[i];
	}
	c->look = (struct fp_timer){ .fire = on_look, .ctx = c };
	c->end_ms = fp_clock_ms() + confirm_ms + o.timeout_ms;
	fp_loop_timer_arm(c->site->loop, &c->look, fp_clock_ms() + LOOK_MS);
	fp_fleet_start(c->fleet);
	r = fp_loop_run(c->site->loop);
	fp_loop_timer_disarm(c->site->loop, &c->look);
	fp_fleet_close(c->fleet);
	if (r < 0)
		return fp_err_sys(e, r, "event loop");
	return !r && !c->n_waiting && !c->n_lost;
}

/* ---- the two parts of the push */

/* A push of somebody else that is pending there is not ours to wait for. */
static void set_bird(struct canary *c, struct bird *b, struct fs_node *n,
		     struct fp_plan *p)
{
	bool is_ours = fp_history_made(p->history, n->out.pending);

	strcpy(b->push, n->out.pending);
	b->at_s = fp_clock_unix_s() + n->clock_s;
	b->word = !b->push[0] ? CONFIRMED : is_ours ? WAITING : OVERTAKEN;
	c->n_waiting += b->word == WAITING;
	c->n_lost += b->word == OVERTAKEN;
}

static int first_part(struct canary *c, struct fp_plan *p, struct fs_tally *t,
		      struct fp_err *e)
{
	struct fs_node *node = calloc(c->n + 1, sizeof(*node));
	int r = 0;

	c->bird = calloc(c->n + 1, sizeof(*c->bird));
	if (!node || !c->bird)
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r)
		r = fs_visit_all(c->site, p, "canary", c->site->hosts, c->n,
				 node, e);
	if (!r)
		r = fs_push_waits(p, node, c->n, e);
	for (size_t i = 0; i < c->n && !r; i++) {
		set_bird(c, &c->bird[i], &node[i], p);
		fs_push_judge(&node[i].out);
		fs_tally_add(t, node[i].host->name, &node[i].out);
		r = fs_push_record(c->site->c, &node[i], e);
	}
	free(node);
	fp_out_flush(c->site->c->out);
	return r;
}

static bool is_overtaken(const struct canary *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->bird[i].word == OVERTAKEN)
			return true;
	return false;
}

static int not_confirmed(struct canary *c, const struct fs_tally *t)
{
	fp_log(FP_LOG_ERR,
	       "the canary was not confirmed: %s, %zu other nodes were not touched",
	       is_overtaken(c) ? "another push came in between"
			       : "it is taken back",
	       c->site->n_hosts - c->n);
	fs_tally_summary(c->site->c, t);
	return FP_EXIT_NO;
}

static int push(struct canary *c, struct fp_plan *p, struct fp_err *e)
{
	struct fs_tally t = { .is_changed = false };
	int64_t confirm_ms = p->push.confirm_ms;
	int r = first_part(c, p, &t, e);

	if (r)
		return r;
	if (t.n[FP_STANDS_WELL] < c->n) {
		fp_log(FP_LOG_ERR,
		       "the canary failed: the other nodes were not touched");
		fs_tally_summary(c->site->c, &t);
		return fs_tally_status(&t, false);
	}
	if (c->n_lost)
		return not_confirmed(c, &t);
	if (c->n_waiting) {
		fp_log(FP_LOG_NOTICE,
		       "waiting for fp-sync confirm, at most %lld s",
		       (long long)(confirm_ms / 1000));
		r = wait_for_word(c, confirm_ms, e);
		if (r < 0)
			return r;
		if (!r)
			return not_confirmed(c, &t);
	}
	p->push.confirm_ms = 0;
	r = fs_push_nodes(c->site, p, c->site->hosts + c->n,
			  c->site->n_hosts - c->n, &t, e);
	if (r)
		return r;
	fs_tally_summary(c->site->c, &t);
	return fs_tally_status(&t, false);
}

int fs_push_canary(struct fs_site *s, struct fp_plan *p, size_t n,
		   struct fp_err *e)
{
	struct canary c = { .site = s,
			    .history = p->history,
			    .n = n < s->n_hosts ? n : s->n_hosts };
	int r = push(&c, p, e);

	free(c.bird);
	return r;
}
