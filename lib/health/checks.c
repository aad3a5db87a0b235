/* SPDX-License-Identifier: Apache-2.0 */
#include "health/checks.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "health/probe.h"
#include "health/site.h"

#define FILTER "filter"

static const char *const none[] = { NULL };
static const char *const of_tags[] = { "tags", NULL };
static const char *const of_dialogs[] = { "dialogs_max", "dialogs_min", NULL };
static const char *const of_shm[] = { "shm_free", NULL };
static const char *const of_rows[] = { "rows", NULL };
static const char *const of_clock[] = { "skew", NULL };
static const char *const of_filter[] = { "bans", "nics", NULL };

const struct fp_comparison fp_comparisons[] = {
	{ "tags", "mi", of_tags },
	{ "taking", "mi", none },
	{ "sync", "mi", none },
	{ "links", "mi", none },
	{ "dialogs", "mi", of_dialogs },
	{ "shm", "mi", of_shm },
	{ "rows", "esl,store", of_rows },
	{ "rtp-ports", "esl", none },
	{ "versions", "esl", none },
	{ "clock", "esl,filter", of_clock },
	{ NULL, NULL, NULL },
};

/* A standby that is behind by so much is not what a failover wants. */
static const struct {
	const char *check, *figure, *text;
	enum fp_health state;
} defaults[] = {
	{ "pg", "lag", "pg.lag=10", FP_WARNING },
	{ "pg", "lag", "pg.lag=60", FP_CRITICAL },
};

/* ---- words */

size_t fp_checks_word(const char **list)
{
	*list += strspn(*list, " ");
	return strcspn(*list, ",");
}

bool fp_checks_has(const char *list, const char *word, size_t n)
{
	while (list && *list) {
		size_t len = fp_checks_word(&list);

		if (len == n && !memcmp(list, word, n))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

size_t fp_checks_base(const char *name)
{
	size_t n = strlen(name), digits = n;

	while (digits && name[digits - 1] >= '0' && name[digits - 1] <= '9')
		digits--;
	return digits < n && digits > 1 && name[digits - 1] == '-' ? digits - 1
								   : n;
}

/* ---- checks and their figures */

/* The i-th check of all; NULL: no more. */
static const char *check_at(size_t i, const char *const **figures)
{
	size_t n = 0;

	while (fp_probe_kinds[n] && n < i)
		n++;
	if (fp_probe_kinds[n]) {
		*figures = fp_probe_kinds[n]->figures;
		return fp_probe_kinds[n]->name;
	}
	*figures = of_filter;
	if (i == n)
		return FILTER;
	i -= n + 1;
	n = 0;
	while (fp_comparisons[n].name && n < i)
		n++;
	*figures = fp_comparisons[n].figures;
	return fp_comparisons[n].name;
}

const char *const *fp_checks_figures(const char *name, size_t n)
{
	const char *const *figures;
	const char *check;

	for (size_t i = 0; (check = check_at(i, &figures)); i++)
		if (strlen(check) == n && !memcmp(check, name, n))
			return figures;
	return NULL;
}

bool fp_check_is_known(const char *name, size_t n)
{
	return fp_checks_figures(name, n);
}

/* ---- thresholds */

static bool is_of(const char *const *figures, const char *name)
{
	for (; *figures; figures++)
		if (!strcmp(*figures, name))
			return true;
	return false;
}

static void list_add(struct fp_buf *to, const char *name)
{
	fp_buf_printf(to, "%s%s", to->len ? ", " : "", name);
}

static int no_check(const struct fp_threshold *t, struct fp_err *e)
{
	struct fp_buf all = { .data = NULL };
	const char *const *figures;
	const char *check;
	int r;

	for (size_t i = 0; (check = check_at(i, &figures)); i++)
		/* NOLINTNEXTLINE(*NullDereference): all kinds have some */
		if (*figures)
			list_add(&all, check);
	r = fp_err(e, -EINVAL,
		   "threshold %s.%s: there is no check \"%s\"; with figures "
		   "there are %s",
		   t->check, t->figure, t->check, fp_buf_str(&all));
	fp_buf_fini(&all);
	return r;
}

static int no_figure(const struct fp_threshold *t, const char *const *figures,
		     struct fp_err *e)
{
	struct fp_buf all = { .data = NULL };
	size_t n = fp_checks_base(t->check);
	int r;

	for (; *figures; figures++)
		list_add(&all, *figures);
	r = fp_err(e, -EINVAL, "threshold %s.%s: %.*s has no figure \"%s\"%s%s",
		   t->check, t->figure, (int)n, t->check, t->figure,
		   all.len ? "; it has " : ", nor any other",
		   all.len ? fp_buf_str(&all) : "");
	fp_buf_fini(&all);
	return r;
}

/* Without a check: is it a figure of any? */
static int hold_any(const struct fp_threshold *t, struct fp_err *e)
{
	struct fp_buf all = { .data = NULL };
	const char *const *figures;
	bool is_there = false;
	int r = 0;

	for (size_t i = 0; check_at(i, &figures) && !is_there; i++) {
		is_there = is_of(figures, t->figure);
		for (size_t k = 0; figures[k]; k++)
			list_add(&all, figures[k]);
	}
	if (!is_there)
		r = fp_err(e, -EINVAL,
			   "threshold %s: no check has a figure \"%s\"; there "
			   "are %s",
			   t->figure, t->figure, fp_buf_str(&all));
	fp_buf_fini(&all);
	return r;
}

int fp_checks_hold(const struct fp_thresholds *t, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++) {
		const struct fp_threshold *x = &t->v[i];
		const char *const *figures =
			fp_checks_figures(x->check, fp_checks_base(x->check));

		if (!*x->check)
			r = hold_any(x, e);
		else if (!figures)
			r = no_check(x, e);
		else if (!is_of(figures, x->figure))
			r = no_figure(x, figures, e);
	}
	return r;
}

/* Has t a word on that already? */
static bool is_set(const struct fp_thresholds *t, size_t d)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct fp_threshold *x = &t->v[i];

		if (x->state == defaults[d].state &&
		    !strcmp(x->figure, defaults[d].figure) &&
		    (!*x->check || !strcmp(x->check, defaults[d].check)))
			return true;
	}
	return false;
}

int fp_checks_defaults(struct fp_thresholds *t, struct fp_err *e)
{
	int r = 0;

	for (size_t d = 0; d < sizeof(defaults) / sizeof(*defaults) && !r; d++)
		if (!is_set(t, d))
			r = fp_thresholds_add(t, defaults[d].state,
					      defaults[d].text, e);
	return r;
}
