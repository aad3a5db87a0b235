/* SPDX-License-Identifier: Apache-2.0 */
#include "health/filter.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/source.h"
#include "io/clock.h"

#define READ_MS 60000 /* for our own lists: a million lines take 0.3 s */
#define DIGEST_SHORT 12

struct seat {
	struct fp_filters *f;
	size_t index;
	struct fp_member *m;
	int64_t asked_ms;
	bool is_asked; /* an answer is owed */
};

struct fp_filters {
	struct fp_fleet *fleet;
	struct fp_work *work;
	struct fp_filters_opts o;
	struct seat *seat;
	size_t n;
	char dir[256];
	bool is_started;
	struct fp_task *reading_lists;
	struct fp_source *source; /* NULL: we have no lists */
	uint64_t signature;       /* of the files it was read from */
	struct fp_err lists_err;  /* why they cannot be read */
};

/* ---- our lists, in a thread */

struct lists_job {
	char dir[256];
	uint64_t before, signature;
	struct fp_source *source;
	bool is_same;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull;
}

/* Changes when a file does; 0: there is no directory. */
static uint64_t look(const char *dir)
{
	uint64_t sum = 1;
	struct dirent *d;
	struct stat st;
	DIR *at = opendir(dir);

	if (!at)
		return 0;
	while ((d = readdir(at))) {
		uint64_t h = 0xcbf29ce484222325ull;

		if (d->d_name[0] == '.' ||
		    fstatat(dirfd(at), d->d_name, &st, 0))
			continue;
		h = mix(h, (uint64_t)st.st_ino);
		h = mix(h, (uint64_t)st.st_size);
		h = mix(h, (uint64_t)st.st_mtim.tv_sec);
		sum += mix(h, (uint64_t)st.st_mtim.tv_nsec);
	}
	closedir(at);
	return sum;
}

static int read_lists(void *data, struct fp_err *e)
{
	struct lists_job *j = data;
	const struct fp_source_opts o = { .dir = j->dir,
					  .is_gone_ok = true,
					  .is_empty_ok = true,
					  .now_s = fp_clock_unix_s() };

	j->signature = look(j->dir);
	j->is_same = j->signature == j->before;
	if (j->is_same || !j->signature)
		return 0;
	return fp_source_read(&j->source, &o, NULL, e);
}

static void free_lists(void *data)
{
	struct lists_job *j = data;

	fp_source_free(j->source);
	free(j);
}

/* ---- what a node says */

static void note(struct fp_reading *r, enum fp_health state, const char *fmt,
		 const char *word)
{
	fp_reading_say(r, state, fmt, word);
}

static bool is_in_step(const struct fp_filters *f, const struct fp_hello *h,
		       struct fp_reading *r)
{
	const struct fp_order all = {
		.offers = fp_source_offers(f->source),
		.is_prune = true,
	};

	if (fp_order_is_done(&all, h))
		return true;
	for (size_t i = 0; i < all.offers->n; i++) {
		const struct fp_hello_list *l =
			fp_hello_find(h, all.offers->v[i].name);

		if (!l)
			note(r, FP_WARNING, "lacks list %s",
			     all.offers->v[i].name);
		else if (strcmp(l->digest, all.offers->v[i].digest))
			note(r, FP_WARNING, "list %s differs",
			     all.offers->v[i].name);
	}
	for (size_t i = 0; i < h->n_lists; i++)
		if (fp_order_drops(&all, &h->list[i]))
			note(r, FP_WARNING, "also has list %s",
			     h->list[i].name);
	if (r->state == FP_OK)
		note(r, FP_WARNING, "%s", "not in step");
	return false;
}

static void judge_force(const struct fp_hello *h, struct fp_reading *r)
{
	if (strcmp(h->filter, "attached"))
		fp_reading_say(
			r, FP_CRITICAL,
			"not in force: no filter is attached (fp-load attach IF)");
	else if (h->bypass_s)
		fp_reading_say(r, FP_WARNING,
			       "bypassed for %llds: it only observes",
			       (long long)h->bypass_s);
	else if (strcmp(h->mode, "enforce"))
		note(r, FP_WARNING, "mode of its lists: %s", h->mode);
	if (fp_hello_is_behind(h))
		note(r, FP_WARNING, "%s", "tables are behind the lists");
	if (h->broken)
		note(r, FP_WARNING, "%s", "has lists that cannot be read");
}

static void judge(const struct fp_filters *f, const struct fp_hello *h,
		  struct fp_reading *r)
{
	struct fp_view *v = fp_view_new(FP_VIEW_FILTER);
	bool is_same = true;

	judge_force(h, r);
	if (f->source)
		is_same = is_in_step(f, h, r);
	else if (f->lists_err.text[0])
		note(r, FP_UNKNOWN, "our lists: %s", f->lists_err.text);
	if (r->state == FP_OK)
		fp_reading_say(r, FP_OK, "%s, %s, policy %.*s%s", h->filter,
			       h->mode, DIGEST_SHORT, h->policy,
			       f->source ? ", in step" : "");
	fp_reading_figure(r, "bans", (double)h->n_words, "", NAN);
	fp_reading_figure(r, "nics", (double)h->nics, "", NAN);
	r->view = v;
	if (!v)
		return;
	snprintf(v->filter.filter, sizeof(v->filter.filter), "%s", h->filter);
	snprintf(v->filter.mode, sizeof(v->filter.mode), "%s",
		 h->bypass_s ? "bypass" : h->mode);
	snprintf(v->filter.policy, sizeof(v->filter.policy), "%s", h->policy);
	v->filter.is_in_step = is_same && !fp_hello_is_behind(h);
	v->filter.skew_ms = h->clock_ms - fp_clock_unix_ms();
}

static void answer(struct seat *s, struct fp_reading *r)
{
	if (s->is_asked)
		r->latency_us = (fp_clock_ms() - s->asked_ms) * 1000;
	s->is_asked = false;
	s->f->o.reading(s->f->o.ctx, s->index, r, s->asked_ms);
	fp_reading_fini(r);
}

static void fail(struct seat *s, const struct fp_err *e)
{
	struct fp_reading r;

	if (!s->is_asked) /* the next attempt of one that has told already */
		return;
	fp_reading_init(&r);
	fp_reading_say(&r, FP_UNKNOWN, "over SSH: %s", e->text);
	answer(s, &r);
}

static void on_opened(void *ctx, struct fp_member *m)
{
	(void)ctx;
	(void)m;
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct fp_filters *f = ctx;
	struct fp_reading r;

	if (ev->kind == FP_EVENT_FAILED) {
		fail(m->data, &ev->err);
	} else if (ev->kind == FP_EVENT_DONE && ev->ask == FP_ASK_HELLO) {
		fp_reading_init(&r);
		judge(f, fp_sender_said(m->sender), &r);
		answer(m->data, &r);
	}
}

static void on_ended(void *ctx, struct fp_member *m)
{
	(void)ctx;
	fail(m->data, &m->err);
}

/* ---- asking */

static void hello_all(struct fp_filters *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct fp_member *m = f->seat[i].m;

		f->seat[i].asked_ms = fp_clock_ms();
		f->seat[i].is_asked = true;
		if (!m->sender)
			continue; /* it is asked when it opens */
		fp_sender_hello(m->sender, fp_clock_unix_ms());
		fp_fleet_kick(f->fleet, m);
	}
	if (!f->is_started)
		fp_fleet_start(f->fleet);
	f->is_started = true;
}

static void on_lists(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct fp_filters *f = ctx;
	struct lists_job *j = data;

	f->reading_lists = NULL;
	f->lists_err.text[0] = 0;
	if (code) {
		f->lists_err = *e;
		f->signature = 0;
	}
	if (code || !j->is_same) {
		fp_source_free(f->source);
		f->source = code ? NULL : j->source;
		if (!code) {
			j->source = NULL;
			f->signature = j->signature;
		}
	}
	hello_all(f);
}

void fp_filters_ask(struct fp_filters *f)
{
	struct lists_job *j;
	struct fp_job job = { .run = read_lists,
			      .done = on_lists,
			      .free = free_lists,
			      .ctx = f,
			      .timeout_ms = READ_MS };

	if (f->reading_lists)
		return;
	j = calloc(1, sizeof(*j));
	if (!j)
		return;
	snprintf(j->dir, sizeof(j->dir), "%s", f->dir);
	j->before = f->signature;
	job.data = j;
	if (fp_work_do(f->work, &job, &f->reading_lists, NULL))
		f->reading_lists = NULL;
}

/* ---- open, close */

int fp_filters_open(struct fp_filters **out, struct fp_loop *l,
		    const struct fp_filters_opts *o,
		    const struct fp_host *const *hosts, size_t n,
		    struct fp_err *e)
{
	struct fp_filters *f = calloc(1, sizeof(*f));
	struct fp_fleet_opts fleet = *o->fleet;
	const struct fp_fleet_ops ops = { on_opened, on_event, on_ended, f };
	int r;

	if (!f)
		return fp_err(e, -ENOMEM, "out of memory");
	fleet.is_lasting = true;
	f->o = *o;
	f->work = o->work;
	f->n = n;
	snprintf(f->dir, sizeof(f->dir), "%s", o->lists_dir);
	f->seat = calloc(n + 1, sizeof(*f->seat));
	r = f->seat ? fp_fleet_open(&f->fleet, l, &fleet, hosts, n, &ops, e)
		    : fp_err(e, -ENOMEM, "out of memory");
	if (r) {
		fp_filters_close(f);
		return r;
	}
	for (size_t i = 0; i < n; i++) {
		struct seat *s = &f->seat[i];

		*s = (struct seat){ .f = f, .index = i };
		s->m = fp_fleet_member(f->fleet, i);
		s->m->data = s;
	}
	*out = f;
	return 0;
}

void fp_filters_close(struct fp_filters *f)
{
	if (!f)
		return;
	if (f->reading_lists)
		fp_work_cancel(f->reading_lists);
	fp_fleet_close(f->fleet);
	fp_source_free(f->source);
	free(f->seat);
	free(f);
}
