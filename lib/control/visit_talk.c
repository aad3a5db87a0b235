/* SPDX-License-Identifier: Apache-2.0 */
/* Words go both ways: ours to the node, the node's to our copy. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/array.h"
#include "control/visit_priv.h"
#include "io/clock.h"
#include "model/diff.h"
#include "model/words.h"

#define TAG_TOPIC 16 /* and the number of the topic */

static void topic_fini(struct fp_topic *t)
{
	free(t->differs);
	fp_buf_fini(&t->theirs);
}

void fp_talk_fini(struct fp_talk *t)
{
	for (size_t i = 0; i < t->n; i++)
		topic_fini(&t->topic[i]);
	free(t->topic);
	t->topic = NULL;
	t->n = t->n_open = 0;
}

static int none_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	(void)ctx;
	(void)out;
	(void)e;
	return 0;
}

/* Our words of a list; a list that is not there has none. */
static struct fp_stream words_of(const struct fp_list *l,
				 struct fp_list_iter *it)
{
	if (!l)
		return (struct fp_stream){ none_next, NULL };
	fp_list_seek(l, it, NULL);
	return fp_iter_stream(it);
}

static int ask(struct fp_talk *t, const struct fp_plan *p, struct fp_member *m,
	       const char *name, enum fp_kind kind, uint64_t n_theirs,
	       struct fp_err *e)
{
	struct fp_topic *x = &t->topic[t->n];
	struct fp_list *l = fp_copy_get(p->copy, name);
	uint64_t n_ours = l ? fp_list_head(l)->entries : 0;
	struct fp_list_iter it;
	struct fp_stream s = words_of(l, &it);
	unsigned char *digests;
	int r;

	*x = (struct fp_topic){ .kind = kind };
	strcpy(x->name, name);
	x->n_buckets = fp_bucket_count(n_ours > n_theirs ? n_ours : n_theirs);
	digests = malloc((size_t)x->n_buckets * FP_BUCKET_DIGEST);
	if (!digests)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_bucket_digests(&s, x->n_buckets, digests, e);
	if (!r)
		fp_sender_words(m->sender, TAG_TOPIC + (uint32_t)t->n, name,
				kind, digests, x->n_buckets);
	free(digests);
	t->n++;
	t->n_open++;
	return r;
}

__attribute__((format(printf, 2, 3))) static void append(char text[256],
							 const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	if (n)
		n += (size_t)snprintf(text + n, 256 - n, "; ");
	va_start(ap, fmt);
	if (n < 256)
		vsnprintf(text + n, 256 - n, fmt, ap);
	va_end(ap);
}

static bool has_live(const struct fp_list *l)
{
	int64_t now_s = fp_clock_unix_s();
	struct fp_list_iter it;
	struct fp_entry x;

	fp_list_seek(l, &it, NULL);
	while (fp_list_next(&it, &x, NULL) > 0)
		if (fp_word_is_live(&x, now_s))
			return true;
	return false;
}

/* The name is taken there: by that node's operator, or by what is pushed. */
static bool is_other(struct fp_talk *t, const struct fp_list *l,
		     const struct fp_hello_list *x)
{
	const struct fp_list_head *h = fp_list_about(l);

	if (!x || (x->owner == FP_OWNER_DYNAMIC && x->kind == h->kind))
		return false;
	if (has_live(l))
		append(t->left_out,
		       "list %s is %s there: its words are left out", h->name,
		       x->owner == FP_OWNER_DYNAMIC ? fp_kind_name(x->kind)
						    : fp_owner_name(x->owner));
	return true;
}

/* Lists that either side has. */
static int ask_all(struct fp_talk *t, const struct fp_plan *p,
		   struct fp_member *m, const struct fp_lists *ls,
		   struct fp_err *e)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	int r = 0;

	for (size_t i = 0; i < ls->n && !r; i++) {
		const struct fp_list_head *l = fp_list_about(ls->v[i]);
		const struct fp_hello_list *x = fp_hello_find(h, l->name);

		if (!is_other(t, ls->v[i], x))
			r = ask(t, p, m, l->name, l->kind, x ? x->entries : 0,
				e);
	}
	for (size_t i = 0; i < h->n_lists && !r; i++) {
		const struct fp_hello_list *x = &h->list[i];

		if (x->owner == FP_OWNER_DYNAMIC && x->name[0] != '_' &&
		    !fp_lists_get(ls, x->name))
			r = ask(t, p, m, x->name, x->kind, x->entries, e);
	}
	return r;
}

/* Once, as long as it stays so. */
static void tell_left_out(struct fp_talk *t, const struct fp_plan *p,
			  const struct fp_member *m)
{
	char text[sizeof(t->told)];

	snprintf(text, sizeof(text), "%s%s%s", t->left_out,
		 *t->left_out && *t->refused ? "; " : "", t->refused);
	if (*text && strcmp(text, t->told) && p->notice)
		p->notice(p->ctx, m->host->name, text);
	strcpy(t->told, text);
}

static void finish(struct fp_talk *t, const struct fp_plan *p,
		   struct fp_member *m)
{
	if (fp_copy_digest(p->copy, t->ours, NULL))
		t->ours[0] = 0;
	strcpy(t->theirs, fp_sender_said(m->sender)->words);
	tell_left_out(t, p, m);
}

int fp_talk_start(struct fp_talk *t, const struct fp_plan *p,
		  struct fp_member *m, struct fp_err *e)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	const struct fp_lists *ls;
	char ours[65];
	int r = fp_copy_digest(p->copy, ours, e);

	fp_talk_fini(t);
	t->n_here = t->n_there = 0;
	t->failed = 0;
	if (!r && !strcmp(ours, h->words))
		t->left_out[0] = 0;
	if (r || !strcmp(ours, h->words) ||
	    (!strcmp(ours, t->ours) && !strcmp(h->words, t->theirs)))
		return r;
	r = fp_copy_lists(p->copy, &ls, e);
	if (r)
		return r;
	t->left_out[0] = t->refused[0] = 0;
	t->topic = calloc(ls->n + h->n_lists + 1, sizeof(*t->topic));
	if (!t->topic)
		return fp_err(e, -ENOMEM, "out of memory");
	r = ask_all(t, p, m, ls, e);
	if (!r && !t->n_open)
		finish(t, p, m);
	return r ? r : t->n_open > 0;
}

/* ---- answers */

static bool is_asked(const struct fp_topic *x, const struct fp_prefix *p)
{
	uint32_t i = fp_bucket_of(p, x->n_buckets);

	return x->differs[i / 8] >> i % 8 & 1;
}

/* Does the node not know this word, or a worse one? */
static bool is_news(const struct fp_entries *theirs, size_t *at,
		    const struct fp_entry *ours)
{
	while (*at < theirs->n &&
	       fp_prefix_cmp(&theirs->v[*at].p, &ours->p) < 0)
		++*at;
	return *at == theirs->n || fp_prefix_cmp(&theirs->v[*at].p, &ours->p) ||
	       fp_word_wins(ours, &theirs->v[*at]);
}

/* What we know better, into v; n of them. */
static int collect(const struct fp_topic *x, const struct fp_entries *theirs,
		   const struct fp_list *l, struct fp_entry **v, size_t *n,
		   struct fp_err *e)
{
	size_t at = 0, cap = 0;
	struct fp_list_iter it;
	struct fp_entry ours, *more;
	int r;

	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &ours, e)) > 0) {
		if (!is_asked(x, &ours.p) || !is_news(theirs, &at, &ours))
			continue;
		if (*n == cap) {
			cap = cap ? cap * 2 : 64;
			more = reallocarray(*v, cap, sizeof(**v));
			if (!more)
				return fp_err(e, -ENOMEM, "out of memory");
			*v = more;
		}
		(*v)[(*n)++] = ours;
	}
	return r;
}

static int tell(struct fp_talk *t, struct fp_topic *x,
		const struct fp_entries *theirs, const struct fp_plan *p,
		struct fp_member *m, struct fp_err *e)
{
	const struct fp_list *l = fp_copy_get(p->copy, x->name);
	struct fp_entry *v = NULL;
	size_t n = 0;
	int r = l ? collect(x, theirs, l, &v, &n, e) : 0;

	if (!r && n)
		fp_sender_change(m->sender,
				 TAG_TOPIC + (uint32_t)(x - t->topic), x->name,
				 x->kind, p->by, NULL, NULL, v, n);
	free(v);
	if (!r && !n) {
		x->is_over = true;
		t->n_open--;
	}
	return r;
}

/* All its words of the buckets that differ are here. */
static int take(struct fp_talk *t, struct fp_topic *x, const struct fp_plan *p,
		struct fp_member *m, struct fp_err *e)
{
	struct fp_parse_opts o = { .file = x->name };
	struct fp_entries theirs;
	size_t changed = 0;
	int r;

	if (x->theirs.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_entries_parse(&theirs, x->theirs.data, x->theirs.len, &o, e);
	if (r)
		return fp_err_prefix(e, r, "the node's words");
	r = fp_copy_merge(p->copy, x->name, x->kind, theirs.v, theirs.n,
			  p->timeout_ms, &changed, e);
	t->n_here += changed;
	if (!r)
		r = tell(t, x, &theirs, p, m, e);
	fp_entries_fini(&theirs);
	return r;
}

static int on_words(struct fp_talk *t, struct fp_topic *x,
		    const struct fp_plan *p, struct fp_member *m,
		    const struct fp_event *ev, struct fp_err *e)
{
	switch (ev->kind) {
	case FP_EVENT_HEAD:
		free(x->differs);
		x->differs = malloc(ev->body_len + 1);
		if (!x->differs)
			return fp_err(e, -ENOMEM, "out of memory");
		memcpy(x->differs, ev->body, ev->body_len);
		return 0;
	case FP_EVENT_LINES:
		fp_buf_add(&x->theirs, ev->body, ev->body_len);
		return 0;
	case FP_EVENT_DONE:
		return take(t, x, p, m, e);
	default:
		fp_err(e, 0, "list %s: %s", x->name, ev->err.text);
		return ev->error;
	}
}

/* Said at the end, so that one list does not hold up the others, nor what
 * is pushed. */
static void give_up(struct fp_talk *t, struct fp_topic *x, int code,
		    const struct fp_err *e)
{
	if (code == -EEXIST) { /* since HELLO */
		append(t->left_out, "%s: its words are left out", e->text);
	} else if (!t->failed) {
		t->failed = code;
		t->err = *e;
	}
	x->is_over = true;
	t->n_open--;
}

bool fp_talk_note(struct fp_talk *t, const struct fp_event *ev)
{
	if (ev->ask != FP_ASK_CHANGE || ev->tag < TAG_TOPIC || !ev->err.rule[0])
		return false;
	snprintf(t->why, sizeof(t->why), "%s", ev->err.text);
	return true;
}

/* The node's answer to our words. */
static int on_told(struct fp_talk *t, struct fp_topic *x,
		   const struct fp_event *ev, struct fp_err *e)
{
	if (ev->kind == FP_EVENT_FAILED) {
		fp_err(e, 0, "list %s: %s", x->name, ev->err.text);
		return ev->error;
	}
	if (ev->answer.refused)
		append(t->refused, "list %s: %llu words are refused there (%s)",
		       x->name, (unsigned long long)ev->answer.refused, t->why);
	t->n_there += ev->answer.changed;
	x->is_over = true;
	t->n_open--;
	return 0;
}

bool fp_talk_event(struct fp_talk *t, const struct fp_plan *p,
		   struct fp_member *m, const struct fp_event *ev)
{
	size_t i = ev->tag - TAG_TOPIC;
	struct fp_err e = { .text = "" };
	struct fp_topic *x;
	int r = 0;

	if (ev->tag < TAG_TOPIC || i >= t->n || t->topic[i].is_over)
		return false;
	x = &t->topic[i];
	if (ev->ask == FP_ASK_WORDS)
		r = on_words(t, x, p, m, ev, &e);
	else
		r = on_told(t, x, ev, &e);
	if (r)
		give_up(t, x, r, &e);
	if (t->n_open)
		return false;
	finish(t, p, m);
	return true;
}
