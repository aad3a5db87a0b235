/* SPDX-License-Identifier: Apache-2.0 */
/* From a reading to what holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/site_priv.h"
#include "io/clock.h"
#include "logic/health_steer.h"

#define SIP_PORT 5060
#define SIPS_PORT 5061
/* How long OpenSIPS' own probes take to see what we see: ds_ping_interval and
 * lb probing_interval are 10 to 30 s where they are on. */
#define PROXY_WINDOW_MS 30000
/* A single check has nobody who asks on: what it says of a silent server ends
 * there, whoever contradicts it. */
#define CHECK_WINDOW_MS 300000
#define DESTS_MAX 64 /* opinions of proxies that are looked at */

/* ---- told */

static void tell(struct fp_site *s, const struct fp_site_change *c)
{
	s->o.changed(s->o.ctx, c);
}

/* The node's state from its checks. */
static void roll_up(struct fp_site *s, struct fp_site_node *n)
{
	struct fp_site_change change = { .node = n,
					 .is_changed = true,
					 .from = n->state };
	enum fp_health worst = FP_MAINT;
	bool is_any = false, is_refusing = false;

	for (size_t i = 0; i < n->n_checks; i++) {
		const struct fp_site_check *c = n->check[i];

		if (!c->is_shown || c->is_hidden)
			continue;
		worst = is_any ? fp_health_worse(worst, c->state) : c->state;
		is_refusing |= c->is_refusing;
		is_any = true;
	}
	if (!is_any || !n->host)
		return;
	if (n->is_shown && n->state == worst && n->is_refusing == is_refusing)
		return;
	change.is_first = !n->is_shown;
	change.to = worst;
	if (!n->is_shown || n->state != worst)
		n->since_ms = fp_clock_unix_ms();
	n->is_shown = true;
	n->state = worst;
	n->is_refusing = is_refusing;
	tell(s, &change);
}

/* What holds of a check, by us or by all observers. */
static void show(struct fp_site *s, struct fp_site_check *c, bool is_restarted)
{
	enum fp_health state =
		s->o.opinion ? s->o.opinion(s->o.ctx, c) : c->judged.state;
	struct fp_site_change change = { .node = c->node,
					 .check = c,
					 .is_first = !c->is_shown,
					 .is_restarted = is_restarted,
					 .from = c->state,
					 .to = state };
	bool is_same = c->is_shown && c->state == state &&
		       c->is_refusing == c->judged.is_refusing;

	if (c->is_hidden || !c->judged.is_known)
		return;
	if (!c->is_shown || c->state != state)
		c->since_ms =
			s->o.opinion ? fp_clock_unix_ms() : c->judged.since_ms;
	c->is_shown = true;
	c->state = state;
	c->is_refusing = c->judged.is_refusing;
	change.is_changed = !is_same;
	if (!is_same || is_restarted)
		tell(s, &change);
	if (!is_same)
		roll_up(s, c->node);
}

void fp_site_reconsider(struct fp_site *s, struct fp_site_check *c)
{
	show(s, c, false);
}

/* ---- judged */

static void in_maintenance(const struct fp_mark *m, struct fp_reading *r)
{
	char detail[sizeof(r->detail)];

	if (r->state == FP_OK)
		snprintf(detail, sizeof(detail), "%s",
			 m->why[0] ? m->why : "maintenance");
	else
		snprintf(detail, sizeof(detail), "%s: %s: %s",
			 m->why[0] ? m->why : "maintenance",
			 fp_health_name(r->state), r->detail);
	r->state = FP_MAINT;
	memcpy(r->detail, detail, sizeof(detail));
}

/* The detail of a state is kept while newer readings say something else. */
static void keep_why(struct fp_site_check *c, const struct fp_reading *r,
		     const struct fp_judged_change *change)
{
	const struct fp_judged *j = &c->judged;
	bool is_other = !change->is_changed || change->from == change->to;

	if (r->state == j->state)
		memcpy(c->why, r->detail, sizeof(c->why));
	else if (!is_other)
		memcpy(c->why, c->why_next, sizeof(c->why));
	else if (!c->why[0]) /* it is of another run */
		snprintf(c->why, sizeof(c->why),
			 "the last reading is %s: %.200s",
			 fp_health_name(r->state), r->detail);
	if (r->state == j->pending)
		memcpy(c->why_next, r->detail, sizeof(c->why_next));
}

void fp_site_deliver(struct fp_site *s, struct fp_site_check *c,
		     struct fp_reading *r)
{
	struct fp_judged_change change = { .is_changed = false };

	if (c->node->mark)
		in_maintenance(c->node->mark, r);
	fp_judge_feed(&c->judged, &s->o.judge, r, fp_clock_unix_ms(), &change);
	keep_why(c, r, &change);
	c->is_read = true;
	c->last = *r;
	c->last.view = NULL;
	if (c->judged.run[0])
		memcpy(c->node->run, c->judged.run, sizeof(c->node->run));
	show(s, c, change.is_restarted);
}

/* ---- are we cut off? */

static void unhold(struct fp_site *s, struct fp_site_check *c)
{
	struct fp_reading *r = c->held;

	if (!r)
		return;
	c->held = NULL;
	s->n_held--;
	if (s->is_cut_off) {
		char detail[sizeof(r->detail)];

		snprintf(detail, sizeof(detail),
			 "no node answers: are we cut off? (%s)", r->detail);
		r->state = FP_UNKNOWN;
		memcpy(r->detail, detail, sizeof(detail));
	}
	fp_site_deliver(s, c, r);
	free(r);
}

void fp_site_let_go(struct fp_site *s)
{
	for (size_t i = 0; i < s->n_probed && s->n_held; i++)
		unhold(s, s->probed[i]);
}

/* Every network check of every node silent, of two nodes or more. */
static bool is_cut_off(const struct fp_site *s)
{
	struct fp_node_round *round;
	bool is_off;

	if (s->n_silent < s->n_network)
		return false;
	round = calloc(s->n_nodes + 1, sizeof(*round));
	if (!round)
		return false;
	for (size_t i = 0; i < s->n_probed; i++) {
		const struct fp_site_check *c = s->probed[i];

		if (!c->is_network || c->is_unasked)
			continue;
		round[c->node - s->node].n_network++;
		round[c->node - s->node].n_silent += c->is_silent;
	}
	is_off = fp_observer_is_cut_off(round, s->n_nodes);
	free(round);
	return is_off;
}

/* Somebody answered: nobody's silence is ours. */
static void on_answer(struct fp_site *s)
{
	s->answer_ms = fp_clock_ms();
	s->is_cut_off = false;
	fp_site_let_go(s);
}

static struct fp_reading *keep(const struct fp_reading *r)
{
	struct fp_reading *held = malloc(sizeof(*held));

	if (held) {
		*held = *r;
		held->view = NULL;
	}
	return held;
}

/* A silent reading that began before the last answer came is the server's
 * silence; else it waits until somebody answers, or all are silent.
 * true: it waits. */
static bool hold(struct fp_site *s, struct fp_site_check *c,
		 const struct fp_reading *r, int64_t started_ms)
{
	struct fp_reading *held;

	if (s->n_network_nodes < 2 ||
	    (!s->is_cut_off && started_ms <= s->answer_ms))
		return false;
	held = keep(r);
	if (!held)
		return false;
	s->n_held += c->held ? 0 : 1;
	free(c->held);
	c->held = held;
	return true;
}

/* One more that does not answer, or that could not be asked: of a single node
 * that is left nobody can tell us more. */
static void on_mute(struct fp_site *s)
{
	if (s->n_network_nodes < 2) {
		s->is_cut_off = false;
		fp_site_let_go(s);
		return;
	}
	s->is_cut_off = s->is_cut_off || (s->n_held && is_cut_off(s));
	if (s->is_cut_off)
		fp_site_let_go(s);
}

/* ---- OpenSIPS' own eyes */

static bool leads_to(const struct fp_view_dest *d, const struct fp_endpoint *to)
{
	uint16_t port = to->port;

	if (!port)
		port = to->transport == FP_T_TLS ? SIPS_PORT : SIP_PORT;
	return d->kind != FP_DEST_RTPENGINE &&
	       fp_uri_leads_to(d->uri, to->host, port);
}

/* Where nothing is probed (no ds_ping_interval, no probing_interval) Active
 * stands for ever.  Who has found a destination dead is known to probe. */
static void note_probes(struct fp_site_node *n, const struct fp_view *v)
{
	for (size_t j = 0; j < v->opensips.n_dests; j++)
		if (v->opensips.dest[j].state == FP_DEST_PROBING)
			n->is_probing[v->opensips.dest[j].kind] = true;
}

static bool has_word(const struct fp_site_node *n, const struct fp_view_dest *d)
{
	return d->state != FP_DEST_ACTIVE || n->is_probing[d->kind];
}

static size_t opinions(const struct fp_site *s, const struct fp_endpoint *to,
		       enum fp_dest_state out[DESTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct fp_view *v = s->node[i].view[FP_VIEW_OPENSIPS];

		for (size_t j = 0; v && j < v->opensips.n_dests; j++) {
			const struct fp_view_dest *d = &v->opensips.dest[j];

			if (n < DESTS_MAX && leads_to(d, to) &&
			    has_word(&s->node[i], d))
				out[n++] = d->state;
		}
	}
	return n;
}

static bool others_are_silent(const struct fp_site_check *c)
{
	for (size_t i = 0; i < c->node->n_checks; i++) {
		const struct fp_site_check *o = c->node->check[i];

		if (o != c && o->probe && o->judged.is_known &&
		    (o->is_silent || o->last.state == FP_CRITICAL))
			return true;
	}
	return false;
}

static void ask_proxies(struct fp_site *s, const struct fp_site_check *c,
			struct fp_reading *r)
{
	enum fp_dest_state states[DESTS_MAX];
	size_t n = opinions(s, &c->probe->to, states), len;
	enum fp_health state;
	int64_t down_ms;

	if (!n)
		return;
	down_ms = fp_clock_ms() - c->silent_ms;
	state = fp_contradicted(states, n, others_are_silent(c), down_ms,
				PROXY_WINDOW_MS);
	if (state == r->state ||
	    (!s->o.interval_ms && down_ms >= CHECK_WINDOW_MS))
		return;
	r->state = state;
	len = strlen(r->detail);
	snprintf(r->detail + len, sizeof(r->detail) - len, "; %s",
		 "but proxies say that it is active");
}

/* ---- a reading */

void fp_site_take_view(struct fp_site_check *c, struct fp_reading *r)
{
	struct fp_site_node *n = c->node;
	enum fp_view_kind k;

	if (r->view) {
		c->view_kind = (int)r->view->kind + 1;
		r->view->asked_ms = c->probe ? c->probe->started_ms : 0;
		r->view->told_ms = fp_clock_ms();
	}
	if (!c->view_kind)
		return;
	k = (enum fp_view_kind)(c->view_kind - 1);
	fp_view_free(n->before[k]);
	n->before[k] = n->view[k];
	n->view[k] = r->view;
	r->view = NULL;
	if (n->view[k] && k == FP_VIEW_OPENSIPS)
		note_probes(n, n->view[k]);
}

/* The engine could not even ask (a secret that cannot be read, a name that does
 * not exist): there is no latency.  That says nothing of the network. */
static bool is_unasked(const struct fp_reading *r)
{
	return !r->is_silent && r->state == FP_UNKNOWN && r->latency_us < 0;
}

static void note_asked(struct fp_site *s, struct fp_site_check *c, bool is)
{
	struct fp_site_node *n = c->node;

	if (c->is_unasked == !is)
		return;
	c->is_unasked = !is;
	if (is) {
		s->n_network++;
		s->n_network_nodes += !n->n_askable++;
	} else {
		s->n_network--;
		s->n_network_nodes -= !--n->n_askable;
	}
}

/* How long it was silent before this run. */
static int64_t silent_before_ms(const struct fp_site_check *c)
{
	int64_t age_ms;

	if (!c->judged.is_known || !c->judged.is_silent ||
	    __builtin_sub_overflow(fp_clock_unix_ms(), c->judged.silent_ms,
				   &age_ms))
		return 0;
	return age_ms > 0 ? age_ms : 0;
}

static void note_silence(struct fp_site *s, struct fp_site_check *c,
			 bool is_silent)
{
	s->n_silent += is_silent;
	s->n_silent -= c->is_silent;
	if (is_silent && !c->is_silent)
		c->silent_ms = fp_clock_ms() - silent_before_ms(c);
	c->is_silent = is_silent;
}

/* Older than the reading that came. */
static void forget_held(struct fp_site *s, struct fp_site_check *c)
{
	s->n_held -= c->held ? 1 : 0;
	free(c->held);
	c->held = NULL;
}

static void feed_network(struct fp_site *s, struct fp_site_check *c,
			 struct fp_reading *r, int64_t started_ms)
{
	note_asked(s, c, !is_unasked(r));
	note_silence(s, c, r->is_silent);
	if (!strcmp(c->kind->name, "sip") && r->is_silent)
		ask_proxies(s, c, r);
	if (!r->is_silent || !hold(s, c, r, started_ms)) {
		forget_held(s, c);
		fp_site_deliver(s, c, r);
	}
	if (c->is_silent || c->is_unasked)
		on_mute(s);
	else
		on_answer(s);
}

void fp_site_feed(struct fp_site *s, struct fp_site_check *c,
		  struct fp_reading *r, int64_t started_ms)
{
	const struct fp_thresholds *t =
		c->node->thresholds ? c->node->thresholds : &s->thresholds;

	fp_site_take_view(c, r);
	fp_thresholds_apply(t, c->name, r);
	if (c->is_network)
		feed_network(s, c, r, started_ms);
	else
		fp_site_deliver(s, c, r);
}
