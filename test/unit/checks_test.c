/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks and figures there are. */
#include <glob.h>

#include "health/checks.h"
#include "health/probe.h"
#include "unit.h"

static int hold(const char *text, struct fp_err *e)
{
	struct fp_thresholds t = { .n = 0 };

	EQ(fp_thresholds_add(&t, FP_WARNING, text, e), 0);
	return fp_checks_hold(&t, e);
}

TEST(thresholds_of_what_there_is)
{
	static const char *const good[] = {
		"esl.sessions=0",    "latency=0",    "sip-2.latency=1",
		"dialogs_max=1",     "clock.skew=1", "filter.bans=1",
		"sip.cert_days=30:", "pg.lag=5",     "store.rows=1",
	};
	struct fp_err e = { .text = "" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		EQ(hold(good[i], &e), 0);
}

TEST(thresholds_of_nothing)
{
	static const struct {
		const char *text, *word, *there_is;
	} v[] = {
		{ "esl.sesions=0", "esl has no figure \"sesions\"",
		  "it has sessions, " },
		{ "esl.sessions=0,nosuch.latency=0",
		  "there is no check \"nosuch\"", "there are sip, mi, esl" },
		{ "latncy=0", "no check has a figure \"latncy\"", "latency" },
		{ "sip-2.lag=0", "sip has no figure \"lag\"", "cert_days" },
		{ "amqp.latency=0", "amqp has no figure", "nor any other" },
		{ "taking.rows=0", "taking has no figure", "nor any other" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_err e = { .text = "" };

		EQ(hold(v[i].text, &e), -EINVAL);
		HAS(e.text, v[i].word);
		HAS(e.text, v[i].there_is);
	}
}

/* ---- the lists are what the sources measure */

#define FIGURES_MAX 64

struct found {
	char name[FIGURES_MAX][32];
	size_t n;
};

static void scan(const char *text, struct found *f)
{
	static const char call[] = "fp_reading_figure(";

	while ((text = strstr(text, call))) {
		const char *from = strchr(text, '"');
		size_t n = from ? strcspn(from + 1, "\"") : 0;

		if (!OK(n && n < 32 && f->n < FIGURES_MAX))
			return;
		memcpy(f->name[f->n], from + 1, n);
		f->name[f->n++][n] = 0;
		text = from + 1 + n;
	}
}

static struct found scan_files(const char *pattern)
{
	struct found f = { .n = 0 };
	glob_t g;

	if (!EQ(glob(pattern, 0, NULL, &g), 0))
		return f;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		static char text[1 << 17];
		FILE *file = fopen(g.gl_pathv[i], "r");
		size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

		OK(n);
		text[n] = 0;
		scan(text, &f);
		fclose(file);
	}
	globfree(&g);
	return f;
}

static bool has(const struct found *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->name[i], name))
			return true;
	return false;
}

/* Each way: what is in the list is measured, what is measured is in the list. */
static void all_in(const struct found *f, const char *const *figures,
		   const char *of)
{
	for (size_t i = 0; figures[i]; i++)
		if (!OK(has(f, figures[i])))
			printf("# %s never measures %s\n", of, figures[i]);
}

static void all_said(const struct found *f, const char *const *figures,
		     const char *of)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t k = 0;

		while (figures[k] && strcmp(figures[k], f->name[i]))
			k++;
		if (!OK(figures[k]))
			printf("# %s is not in the list of %s\n", f->name[i],
			       of);
	}
}

TEST(figures_of_probes)
{
	for (size_t i = 0; fp_probe_kinds[i]; i++) {
		const struct fp_probe_kind *k = fp_probe_kinds[i];
		struct found f;
		char pattern[80];

		/* esl: esl_state.c too, which fp-recover has with it */
		snprintf(pattern, sizeof(pattern), "lib/health/%s%s*.c",
			 k == &fp_probe_esl ? "*" : "probe_",
			 k == &fp_probe_rows ? "rows" : k->name);
		f = scan_files(pattern);
		all_in(&f, k->figures, k->name);
		all_said(&f, k->figures, k->name);
		OK(k->vars);
	}
}

TEST(figures_of_the_filter)
{
	const char *const *figures = fp_checks_figures("filter", 6);
	struct found f = scan_files("lib/health/filter.c");

	all_in(&f, figures, "filter");
	all_said(&f, figures, "filter");
}

TEST(figures_of_comparisons)
{
	struct found f = scan_files("lib/logic/health_cluster*.c");
	const char *all[FIGURES_MAX] = { NULL };
	size_t n = 0;

	for (const struct fp_comparison *c = fp_comparisons; c->name; c++) {
		all_in(&f, c->figures, c->name);
		for (size_t i = 0; c->figures[i]; i++)
			all[n++] = c->figures[i];
	}
	all_said(&f, all, "comparisons");
}
