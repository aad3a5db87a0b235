/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: its rows rewritten for the target, and put under a token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/clock.h"
#include "recover/recovering_priv.h"

#define LOCK_AGAIN_MS 500
/* A CSeq is a count of 2 s: what grows within one is nothing special.  Of a node whose
 * clock was ahead it takes longer. */
#define CSEQ_SOON_MS 2100
#define CSEQ_MAX_MS 10000
#define FIRST_PART 4
#define SMALL 20

/* ---- batches */

struct rec_batch *rec_batch_new(struct rec_target *t, const char *token)
{
	struct rec *r = t->r;
	struct rec_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->r = r;
	b->t = t;
	b->n_sessions = -1;
	if (token)
		snprintf(b->token, sizeof(b->token), "%s", token);
	else /* never one that an earlier run of the job used */
		snprintf(b->token, sizeof(b->token), "fp-%s-%llx-%u",
			 fp_journal_id(r->o->journal),
			 (unsigned long long)fp_clock_unix_s(), ++r->n_tokens);
	*r->last = b;
	r->last = &b->next;
	return b;
}

int rec_batch_add(struct rec_batch *b, size_t i)
{
	struct rec *r = b->r;
	size_t *v = reallocarray(b->call, b->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	b->call = v;
	b->call[b->n++] = i;
	b->n_open++;
	b->n_legs += rec_n_put(r, i);
	r->call[i].b = b;
	r->call[i].t = b->t;
	r->way[i].to = b->t->x;
	return 0;
}

void rec_ready(struct rec_batch *b)
{
	b->at = REC_AT_PUT;
	b->behind = b->t->ready;
	b->t->ready = b;
}

int rec_unput(struct rec_batch *b, uint64_t *n)
{
	struct rec *r = b->r;
	struct fp_err e;
	int c = fp_store_unput(r->o->store, b->t->o->store, b->token, n, &e);

	if (c)
		rec_store_failed(r, c, &e);
	return c;
}

/* ---- rows */

struct rows {
	struct fp_store_put *v;
	struct fp_buf *xml;
	size_t n;
};

static void rows_free(struct rows *w)
{
	for (size_t k = 0; w->xml && k < w->n; k++)
		fp_buf_fini(&w->xml[k]);
	free(w->xml);
	free(w->v);
}

static void port_opts(const struct rec_target *t, struct fp_ports_opts *out)
{
	const struct fp_switch *x = t->x, *from = t->r->o->from;

	*out = (struct fp_ports_opts){
		.recovery_first = x->recovery_first,
		.recovery_last = x->recovery_last,
		.spare_first = from->rtp_first,
		.spare_last = from->rtp_last,
		.own_first = x->rtp_first,
		.own_last = x->rtp_last,
		.is_self = t->o->is_self,
	};
	if (!out->own_first) {
		out->own_first = x->conf.rtp_first;
		out->own_last = x->conf.rtp_last;
	}
}

/* What of a row is another at t.  Where the restarted host gets its own calls back only
 * ports are, where they collide. */
static int edit_of(struct rec_target *t, size_t i, const struct fp_leg *l,
		   struct fp_fsrow_edit *out, struct fp_err *e)
{
	const struct fp_fsrow *row = &l->row;
	struct fp_ports_opts o;
	uint16_t media = 0, video = 0, text = 0;
	int c;

	*out = (struct fp_fsrow_edit){ .media_ip = NULL };
	fp_leg_edit(&t->r->calls->call[i], l, out);
	if (!t->o->is_self) {
		out->media_ip = t->x->rtp_ip;
		out->advertised_ip =
			*t->x->adv_ip ? t->x->adv_ip : t->x->rtp_ip;
		out->drop_via = true;
	}
	port_opts(t, &o);
	c = fp_ports_give(t->ports, &o,
			  t->o->is_self ? row->media_ip : t->x->rtp_ip, row,
			  &media, &video, &text);
	if (c)
		return fp_err(e, c, "no RTP port is free at %s", t->x->name);
	if (media != row->media_port)
		out->media_port = media;
	if (video != row->video_port)
		out->video_port = video;
	if (text != row->text_port)
		out->text_port = text;
	return 0;
}

static int add_leg(struct rec_target *t, size_t i, const struct fp_leg *l,
		   struct rows *w, struct fp_err *e)
{
	const struct fp_hops *hops = t->r->o->hops;
	struct fp_fsrow_edit edit;
	struct fp_buf *to = &w->xml[w->n];
	struct fp_hop hop;
	int c = edit_of(t, i, l, &edit, e);

	if (c)
		return c;
	if (hops && fp_hop_of(hops, &l->row, &hop) == FP_HOP_OTHER) {
		edit.hop = hop.pair;
		edit.n_hops = hop.n;
	}
	c = fp_fsrow_rewrite(to, &l->row, l->xml, l->xml_len, &edit, e);
	if (c) {
		fp_buf_fini(to);
		return c;
	}
	t->r->call[i].n_moved +=
		edit.media_port || edit.video_port || edit.text_port;
	w->v[w->n++] = (struct fp_store_put){ .uuid = l->uuid,
					      .xml = to->data,
					      .xml_len = to->len,
					      .profile_real = l->row.profile };
	return 0;
}

/* All of its legs, or none. */
static int add_call(struct rec_target *t, size_t i, struct rows *w,
		    struct fp_err *e)
{
	struct rec *r = t->r;
	const struct fp_call *c = &r->calls->call[i];
	size_t n = w->n;
	int code = 0;

	r->call[i].n_moved = 0;
	for (size_t k = 0; k < c->n && !code; k++)
		if (rec_is_put(r, c->first + k))
			code = add_leg(t, i, &r->calls->leg[c->first + k], w,
				       e);
	while (code && w->n > n)
		fp_buf_fini(&w->xml[--w->n]);
	return code;
}

/* How long until the CSeq of all legs of a call would grow at t. */
static int64_t cseq_wait_ms(const struct rec_target *t, size_t i)
{
	const struct fp_call *c = &t->r->calls->call[i];
	int64_t unix_ms = fp_clock_unix_ms() + t->x->view.skew_ms, wait_ms = 0;

	for (size_t k = 0; k < c->n; k++) {
		int64_t ms =
			fp_leg_cseq_wait_ms(&t->r->calls->leg[c->first + k],
					    unix_ms);

		wait_ms = ms > wait_ms ? ms : wait_ms;
	}
	return wait_ms;
}

/* It is put last, once: others do not wait for it. */
static bool is_put_off(struct rec_target *t, const struct rec_batch *b,
		       size_t i)
{
	struct rec_call *c = &t->r->call[i];

	if (c->is_late || (!rec_queued(t) && !b->n) ||
	    cseq_wait_ms(t, i) <= CSEQ_SOON_MS)
		return false;
	c->is_late = true;
	rec_queue(t, i);
	return true;
}

/* The first is small: while FreeSWITCH is busy with it the next is put. */
static size_t batch_of(const struct rec_target *t)
{
	size_t n = t->r->batch;

	return t->n_put || n < SMALL ? n : n / FIRST_PART;
}

static bool fits(const struct rec *r, const struct rec_batch *b, size_t i)
{
	if (!b->n_legs)
		return true;
	return b->n_legs + rec_n_put(r, i) <= batch_of(b->t) &&
	       r->call[i].is_late <= r->call[b->call[0]].is_late;
}

static int room(struct rec_target *t, struct rows *w)
{
	struct rec *r = t->r;
	size_t n = r->batch;

	/* one group may be larger than a batch */
	for (size_t at = t->head; at != t->tail;
	     at = (at + 1) % (r->calls->n_calls + 1))
		if (r->calls->call[t->queue[at]].n > n)
			n = r->calls->call[t->queue[at]].n;
	w->v = calloc(n + 1, sizeof(*w->v));
	w->xml = calloc(n + 1, sizeof(*w->xml));
	return w->v && w->xml ? 0 : -ENOMEM;
}

static void take_calls(struct rec_target *t, struct rec_batch *b,
		       struct rows *w)
{
	struct rec *r = t->r;

	while (rec_queued(t) && fits(r, b, t->queue[t->head])) {
		size_t i = t->queue[t->head];
		struct fp_err e = { .text = "" };
		int c;

		t->head = (t->head + 1) % (r->calls->n_calls + 1);
		if (is_put_off(t, b, i))
			continue;
		c = add_call(t, i, w, &e);
		if (c == -ENOSPC)
			rec_again(r, i, "no RTP port is free");
		else if (c == -ENOMEM || (!c && rec_batch_add(b, i)))
			rec_stop(r, -ENOMEM, &e);
		else if (c)
			rec_verdict(r, i, FP_REC_LOST, "%s", e.text);
	}
}

/* ---- putting */

static bool lock(struct rec_target *t)
{
	struct rec *r = t->r;
	int64_t now_ms = fp_clock_ms();
	struct fp_err e = { .text = "" };
	char name[300];
	int c;

	if (t->is_locked)
		return true;
	if (now_ms < t->lock_ms)
		return false;
	snprintf(name, sizeof(name), "recover to %s", t->x->name);
	c = fp_journal_lock(r->o->journal, name, &e);
	t->is_locked = !c;
	t->lock_ms = now_ms + (c ? LOCK_AGAIN_MS : 0);
	if (c == -EBUSY && !t->is_lock_said)
		rec_say(r,
			"%s: another job recovers to it, it is waited for: %s",
			t->x->name, e.text);
	t->is_lock_said = c == -EBUSY;
	if (c == -EINTR)
		rec_stop(r, c, &e);
	else if (c && c != -EBUSY)
		rec_store_failed(r, c, &e);
	return !c;
}

/* What is put is in the journal before it is: whoever takes over looks there first. */
static int intend(struct rec_batch *b, struct fp_err *e)
{
	struct rec *r = b->r;

	for (size_t k = 0; k < b->n; k++) {
		struct fp_recovering_call *w = &r->way[b->call[k]];

		const struct fp_call *c = &r->calls->call[b->call[k]];

		for (size_t n = 0; n < c->n; n++)
			r->leg[c->first + n].mark = REC_MARK_NONE;
		w->tries++;
		snprintf(w->token, sizeof(w->token), "%s", b->token);
		snprintf(w->run, sizeof(w->run), "%s", b->t->run);
		rec_note(r, b->call[k], "put");
	}
	return rec_flush(r, e);
}

static void back(struct rec_batch *b)
{
	struct rec *r = b->r;

	for (size_t k = 0; k < b->n; k++) {
		size_t i = b->call[k];

		if (r->call[i].b != b)
			continue;
		r->way[i].tries -= r->way[i].tries != 0;
		rec_leave(r, i);
		rec_queue(b->t, i);
	}
	b->at = REC_AT_END;
}

static void say_wait(const struct rec_batch *b, int64_t wait_ms)
{
	const char *name = b->r->o->from->name;

	if (wait_ms > CSEQ_MAX_MS)
		rec_say(b->r,
			"%s: CSeq of %s is %lld s ahead of its clock: it waits "
			"for %d s of that, then strict ends refuse it",
			b->t->x->name, name, (long long)(wait_ms / 1000),
			CSEQ_MAX_MS / 1000);
	else if (wait_ms > CSEQ_SOON_MS)
		rec_say(b->r,
			"%s: %zu calls wait for %lld s until their CSeq grows: "
			"the clock of %s was ahead",
			b->t->x->name, b->n, (long long)(wait_ms + 999) / 1000,
			name);
}

static int64_t not_before(const struct rec_batch *b)
{
	struct rec *r = b->r;
	int64_t now_ms = fp_clock_ms(), wait_ms = 0;

	for (size_t k = 0; k < b->n; k++) {
		const struct rec_call *c = &r->call[b->call[k]];
		int64_t ms = cseq_wait_ms(b->t, b->call[k]);

		wait_ms = ms > wait_ms ? ms : wait_ms;
		/* an earlier try may have been heard: its CSeq is used */
		if (c->asked_ms && !c->is_half &&
		    c->asked_ms + CSEQ_SOON_MS - now_ms > wait_ms)
			wait_ms = c->asked_ms + CSEQ_SOON_MS - now_ms;
	}
	say_wait(b, wait_ms);
	return now_ms + (wait_ms > CSEQ_MAX_MS ? CSEQ_MAX_MS : wait_ms);
}

static void put(struct rec_batch *b, const struct rows *w)
{
	struct rec_target *t = b->t;
	struct rec *r = b->r;
	struct fp_err e = { .text = "" };
	int c = intend(b, &e);

	if (!c)
		c = fp_store_put(r->o->store, t->o->store, b->token, t->x->name,
				 t->x->switchname, w->v, w->n, &e);
	if (c) {
		back(b);
		rec_store_failed(r, c, &e);
		return;
	}
	b->ready_ms = not_before(b);
	rec_ready(b);
	t->n_put++;
}

void rec_put(struct rec_target *t)
{
	struct rec *r = t->r;
	struct fp_err e = { .text = "" };
	struct rows w = { .n = 0 };
	struct rec_batch *b = NULL;
	int c;

	if (!lock(t))
		return;
	c = rec_ports(t, &e);
	if (c == -ENOTCONN || c == -ECONNRESET || c == -ETIMEDOUT) {
		rec_cut(t);
		return;
	}
	if (!c && (room(t, &w) || !(b = rec_batch_new(t, NULL))))
		c = fp_err(&e, -ENOMEM, "out of memory");
	if (!c && !r->code) {
		take_calls(t, b, &w);
		if (b->n)
			put(b, &w);
	} else if (c) {
		rec_store_failed(r, c, &e);
	}
	if (b && !b->n)
		b->at = REC_AT_END;
	rows_free(&w);
}
