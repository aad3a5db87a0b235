/* SPDX-License-Identifier: Apache-2.0 */
#include "health/steer_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_CHECKS 64

int fp_steer_view_init(struct fp_steer_view *v, const char *on,
		       struct fp_err *e)
{
	*v = (struct fp_steer_view){ .interval_ms = FP_STEER_ALIVE_MS };
	if (!on)
		on = FP_STEER_ON;
	for (const char *s = on;;) {
		size_t n = strcspn(s, ",");

		if (!n || n >= sizeof(v->on[0]))
			return fp_err(e, -EINVAL,
				      "--on %s: names of checks with ',' "
				      "between them",
				      on);
		if (v->n_on == sizeof(v->on) / sizeof(v->on[0]))
			return fp_err(e, -EINVAL, "--on %s: too many", on);
		snprintf(v->on[v->n_on++], sizeof(v->on[0]), "%.*s", (int)n, s);
		if (!s[n])
			return 0;
		s += n + 1;
	}
}

void fp_steer_view_fini(struct fp_steer_view *v)
{
	free(v->v);
	v->v = NULL;
	v->n = 0;
}

/* "sip-2" is a "sip": a node may have several. */
static bool is_of(const char *check, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(check, name, n))
		return false;
	check += n;
	return !*check || (*check == '-' && check[1] &&
			   check[1 + strspn(check + 1, "0123456789")] == 0);
}

static bool is_on(const struct fp_steer_view *v, const char *check)
{
	for (size_t i = 0; i < v->n_on; i++)
		if (is_of(check, v->on[i]))
			return true;
	return false;
}

static struct fp_steer_check *check_of(struct fp_steer_view *v,
				       const struct fp_record *r)
{
	struct fp_steer_check *c;

	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i].node, r->node) &&
		    !strcmp(v->v[i].check, r->check))
			return &v->v[i];
	c = realloc(v->v, (v->n + 1) * sizeof(*c));
	if (!c)
		return NULL;
	v->v = c;
	c += v->n++;
	*c = (struct fp_steer_check){ .state = FP_UNKNOWN };
	snprintf(c->node, sizeof(c->node), "%s", r->node);
	snprintf(c->check, sizeof(c->check), "%s", r->check);
	return c;
}

static int transition(struct fp_steer_view *v, const struct fp_record *r,
		      struct fp_err *e)
{
	enum fp_health state;
	struct fp_steer_check *c;
	bool is_same;

	if (fp_health_parse(r->to, &state))
		return fp_err(e, -EINVAL, "%s: no state", r->to);
	c = check_of(v, r);
	if (!c)
		return fp_err_sys(e, -ENOMEM, "checks of nodes");
	is_same = c->state == state && c->is_refusing == r->is_refusing;
	c->state = state;
	c->is_refusing = r->is_refusing;
	snprintf(c->why, sizeof(c->why), "%s", r->detail);
	return !is_same;
}

/* What is watched no more says nothing of routing.  1: something was known. */
static int forget(struct fp_steer_view *v, const struct fp_record *r)
{
	size_t n = 0, all = v->n;

	for (size_t i = 0; i < all; i++)
		if (strcmp(v->v[i].node, r->node) ||
		    (*r->check && strcmp(v->v[i].check, r->check)))
			v->v[n++] = v->v[i];
	v->n = n;
	return n != all;
}

/* ---- old records: of a pipe that we did not read, as when we were stopped */

/* at in records is of whole seconds. */
#define PACE_MS 1500
#define PACE_MIN_MS 3000

/* Records of a watcher whose clock is behind come late by the same all the time:
 * at the pace of our clock, which those of a backlog do not. */
static void learn(struct fp_steer_view *v, int64_t lag_ms, int64_t now_ms)
{
	struct fp_steer_lag *l = &v->lag;
	int64_t wait_ms =
		v->interval_ms > PACE_MIN_MS ? v->interval_ms : PACE_MIN_MS;

	if (!l->has_ref || llabs(lag_ms - l->ref_lag) > PACE_MS) {
		l->has_ref = true;
		l->ref_ms = now_ms;
		l->ref_lag = lag_ms;
	} else if (now_ms - l->ref_ms >= wait_ms) {
		l->has_base = true;
		l->base_ms = lag_ms;
	}
}

static bool is_fresh(struct fp_steer_view *v, const struct fp_record *r,
		     int64_t now_ms, int64_t unix_ms)
{
	int64_t max_ms = FP_STEER_STALE * v->interval_ms;
	int64_t lag_ms = unix_ms - r->at_s * 1000;
	struct fp_steer_lag *l = &v->lag;

	if (!r->at_s) /* of who knows when */
		return r->kind == FP_RECORD_ALIVE;
	if (!l->has_base && lag_ms <= max_ms) {
		l->has_base = true;
		l->base_ms = lag_ms;
	}
	learn(v, lag_ms, now_ms);
	if (l->has_base && lag_ms < l->base_ms)
		l->base_ms = lag_ms;
	v->old_ms = lag_ms;
	return l->has_base && lag_ms - l->base_ms <= max_ms;
}

int fp_steer_view_feed(struct fp_steer_view *v, const struct fp_record *r,
		       int64_t now_ms, int64_t unix_ms, struct fp_err *e)
{
	bool is_first;

	if (r->kind == FP_RECORD_ALIVE && r->interval_ms)
		v->interval_ms = r->interval_ms;
	if (is_fresh(v, r, now_ms, unix_ms)) {
		v->heard_ms = now_ms;
		v->old_ms = 0;
	}
	switch (r->kind) {
	case FP_RECORD_TRANSITION:
		return transition(v, r, e);
	case FP_RECORD_GONE:
		return forget(v, r);
	case FP_RECORD_ALIVE:
		is_first = !v->has_alive;
		v->has_alive = true;
		return is_first;
	default:
		return 0;
	}
}

bool fp_steer_view_is_stale(const struct fp_steer_view *v, int64_t now_ms)
{
	return !v->has_alive || !v->heard_ms ||
	       now_ms - v->heard_ms > FP_STEER_STALE * v->interval_ms;
}

static void explain(const struct fp_steer_check *c, char why[200])
{
	const char *state = c->state == FP_OK || c->state == FP_WARNING
				    ? "takes no calls"
				    : fp_health_name(c->state);

	if ((c->state == FP_OK || c->state == FP_WARNING) && !c->is_refusing)
		return;
	snprintf(why, 200, "%s %s%s%s", c->check, state, *c->why ? ": " : "",
		 c->why);
}

/* The check that says most about why. */
static bool is_worse(const struct fp_steer_check *a,
		     const struct fp_steer_check *b)
{
	if (!b || (a->state == FP_MAINT && b->state != FP_MAINT))
		return true;
	if (b->state == FP_MAINT || a->state == b->state)
		return a->is_refusing && !b->is_refusing;
	return fp_health_worse(a->state, b->state) == a->state;
}

enum fp_want fp_steer_view_want(const struct fp_steer_view *v, const char *node,
				char why[200])
{
	const struct fp_steer_check *worst = NULL;
	enum fp_health state[NODE_CHECKS];
	bool is_refusing[NODE_CHECKS];
	size_t n = 0;

	why[0] = 0;
	for (size_t i = 0; i < v->n && n < NODE_CHECKS; i++) {
		const struct fp_steer_check *c = &v->v[i];

		/* maintenance is of the node, whatever check says it */
		if (strcmp(c->node, node) ||
		    (!is_on(v, c->check) && c->state != FP_MAINT))
			continue;
		state[n] = c->state;
		is_refusing[n++] = c->is_refusing;
		if (is_worse(c, worst))
			worst = c;
	}
	if (!n)
		return FP_WANT_KEEP;
	explain(worst, why);
	return fp_steer_want(state, is_refusing, n);
}
