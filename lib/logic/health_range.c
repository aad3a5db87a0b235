/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds.  Source: Monitoring Plugins Development Guidelines, "Threshold and
 * Ranges". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "logic/health.h"

#define NUMBER_MAX 48

/* A decimal number of exactly n bytes: no hex, no "inf", no spaces, which
 * strtod(3) would take. */
static bool number(const char *s, size_t n, double *out)
{
	char text[NUMBER_MAX], *end;

	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	if (strspn(text, "+-.0123456789eE") != n ||
	    !strpbrk(text, "0123456789"))
		return false;
	*out = strtod(text, &end);
	return end == text + n && isfinite(*out);
}

static int bad(struct fp_err *e, const char *s, size_t n, const char *why)
{
	return fp_err(e, -EINVAL, "range %.*s: %s", (int)(n < 80 ? n : 80), s,
		      why);
}

/* [@][START:][END]; START "~": no lower end. */
static int range_parse(struct fp_range *out, const char *s, size_t n,
		       struct fp_err *e)
{
	struct fp_range r = { .low = 0, .high = INFINITY };
	const char *at = s, *end = s + n, *colon;

	if (n && *at == '@') {
		r.is_inside = true;
		at++;
	}
	colon = memchr(at, ':', (size_t)(end - at));
	if (colon && colon - at == 1 && *at == '~')
		r.low = -INFINITY;
	else if (colon && colon != at &&
		 !number(at, (size_t)(colon - at), &r.low))
		return bad(e, s, n, "no number before ':'");
	if (colon && colon == at && colon + 1 == end)
		return bad(e, s, n, "empty");
	at = colon ? colon + 1 : at;
	if ((!colon || at != end) && !number(at, (size_t)(end - at), &r.high))
		return bad(e, s, n,
			   "not START:END, as 10, 10:, ~:10, 10:20, @10:20");
	if (r.low > r.high)
		return bad(e, s, n, "its start is above its end");
	*out = r;
	return 0;
}

int fp_range_parse(struct fp_range *out, const char *s, struct fp_err *e)
{
	return range_parse(out, s, strlen(s), e);
}

bool fp_range_alerts(const struct fp_range *r, double value)
{
	bool is_within = value >= r->low && value <= r->high;

	return is_within == r->is_inside;
}

/* ---- thresholds */

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
			    s[i]) ||
		    !s[i])
			return false;
	return n > 0;
}

static bool name_copy(char *to, size_t size, const char *s, size_t n)
{
	if (n >= size || !is_name(s, n))
		return false;
	memcpy(to, s, n);
	to[n] = 0;
	return true;
}

/* [CHECK.]FIGURE=RANGE, exactly n bytes. */
static int one(struct fp_threshold *t, const char *s, size_t n,
	       struct fp_err *e)
{
	const char *eq = memchr(s, '=', n), *dot;
	int shown = (int)(n < 80 ? n : 80);
	bool is_ok;

	if (!eq)
		return fp_err(e, -EINVAL,
			      "threshold %.*s: not [CHECK.]FIGURE=RANGE", shown,
			      s);
	dot = memchr(s, '.', (size_t)(eq - s));
	t->check[0] = 0;
	is_ok = !dot ||
		name_copy(t->check, sizeof(t->check), s, (size_t)(dot - s));
	dot = dot ? dot + 1 : s;
	if (!is_ok ||
	    !name_copy(t->figure, sizeof(t->figure), dot, (size_t)(eq - dot)))
		return fp_err(e, -EINVAL,
			      "threshold %.*s: no names of a check and a "
			      "figure before '='",
			      shown, s);
	if (range_parse(&t->range, eq + 1, n - (size_t)(eq + 1 - s), e))
		return fp_err_prefix(e, -EINVAL, "threshold %.*s",
				     (int)(eq - s), s);
	return 0;
}

static int put(struct fp_thresholds *to, const struct fp_threshold *x,
	       struct fp_err *e)
{
	for (size_t i = 0; i < to->n; i++) {
		struct fp_threshold *t = &to->v[i];

		if (t->state == x->state && !strcmp(t->check, x->check) &&
		    !strcmp(t->figure, x->figure)) {
			*t = *x;
			return 0;
		}
	}
	if (to->n == FP_THRESHOLDS)
		return fp_err(e, -E2BIG, "more than %d thresholds",
			      FP_THRESHOLDS);
	to->v[to->n++] = *x;
	return 0;
}

int fp_thresholds_add(struct fp_thresholds *t, enum fp_health state,
		      const char *text, struct fp_err *e)
{
	struct fp_thresholds to = *t; /* all of text or nothing */

	for (;;) {
		size_t n = strcspn(text, ",");
		struct fp_threshold x = { .state = state };
		int r = one(&x, text, n, e);

		if (!r)
			r = put(&to, &x, e);
		if (r)
			return r;
		if (!text[n])
			break;
		text += n + 1;
	}
	*t = to;
	return 0;
}

/* How close t is to a check: 3 it, 2 its kind ("sip" of "sip-2"), 1 any, 0 not
 * at all. */
static int closeness(const struct fp_threshold *t, const char *check)
{
	size_t n = strlen(t->check);

	if (!n)
		return 1;
	if (strncmp(t->check, check, n))
		return 0;
	check += n;
	if (!*check)
		return 3;
	return check[0] == '-' && check[1] &&
			       !check[1 + strspn(check + 1, "0123456789")]
		       ? 2
		       : 0;
}

static const struct fp_threshold *find(const struct fp_thresholds *t,
				       const char *check, const char *figure,
				       enum fp_health state)
{
	const struct fp_threshold *best = NULL;
	int best_close = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct fp_threshold *x = &t->v[i];
		int c = closeness(x, check);

		if (x->state == state && !strcmp(x->figure, figure) &&
		    c > best_close) {
			best = x;
			best_close = c;
		}
	}
	return best;
}

static bool judge(const struct fp_thresholds *t, const char *check,
		  struct fp_reading *r, const struct fp_figure *f,
		  enum fp_health state)
{
	const struct fp_threshold *x = find(t, check, f->name, state);
	const struct fp_range *g = x ? &x->range : NULL;

	if (!x || !fp_range_alerts(g, f->value))
		return false;
	if (isinf(g->low) && isinf(g->high))
		fp_reading_say(r, state, "%s is %g%s", f->name, f->value,
			       f->unit);
	else if (isinf(g->high))
		fp_reading_say(r, state, "%s is %g%s, %s %g and above", f->name,
			       f->value, f->unit,
			       g->is_inside ? "within" : "not", g->low);
	else if (isinf(g->low))
		fp_reading_say(r, state, "%s is %g%s, %s %g and below", f->name,
			       f->value, f->unit,
			       g->is_inside ? "within" : "not", g->high);
	else
		fp_reading_say(r, state, "%s is %g%s, %s %g to %g", f->name,
			       f->value, f->unit,
			       g->is_inside ? "within" : "not", g->low,
			       g->high);
	return true;
}

void fp_thresholds_apply(const struct fp_thresholds *t, const char *check,
			 struct fp_reading *r)
{
	for (size_t i = 0; i < r->n_figures; i++)
		if (!judge(t, check, r, &r->figure[i], FP_CRITICAL))
			judge(t, check, r, &r->figure[i], FP_WARNING);
}
