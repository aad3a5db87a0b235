/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "consume.h"
#include "io/clock.h"

#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 30000
#define NO_COPIES_MS 60000

/* ---- what waits */

static void message_free(struct fs_message *x)
{
	fp_event_fini(&x->ev);
	fp_amqp_message_free(x->m);
	free(x);
}

int fs_batch_add(struct fs_consume *s, struct fp_amqp_message *m,
		 struct fp_err *e)
{
	struct fs_message *x = calloc(1, sizeof(*x));
	struct fp_err why;
	int r;

	if (!x) {
		fp_amqp_message_free(m);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	x->m = m;
	if (m->size > FP_AMQP_BODY_MAX)
		r = fp_err(&why, -E2BIG, "more than %u bytes",
			   FP_AMQP_BODY_MAX);
	else
		r = fp_event_parse(&x->ev, m->body, m->size, &why);
	if (r == -ENOMEM) {
		message_free(x);
		return fp_err(e, r, "%s", why.text);
	}
	if (r) {
		snprintf(x->bad, sizeof(x->bad), "%s", why.text);
	} else {
		free(m->body);
		m->body = NULL;
	}
	*s->last = x;
	s->last = &x->next;
	s->n_waiting++;
	return 0;
}

static void drop_until(struct fs_consume *s, const struct fs_message *end)
{
	struct fs_message *x;

	while ((x = s->first) != end) {
		s->first = x->next;
		s->n_waiting--;
		message_free(x);
	}
	if (!s->first)
		s->last = &s->first;
}

void fs_batch_drop(struct fs_consume *s)
{
	drop_until(s, NULL);
}

/* ---- to the node */

/* The bans of messages from the first to before end.  *out: free(3). */
static int collect(struct fs_consume *s, const struct fs_message *end,
		   struct fp_ban_said **out, size_t *n, struct fp_err *e)
{
	struct fp_ban_said *v;
	size_t i = 0;

	*n = 0;
	for (struct fs_message *x = s->first; x != end; x = x->next)
		*n += x->ev.n;
	v = calloc(*n + 1, sizeof(*v));
	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (struct fs_message *x = s->first; x != end; x = x->next)
		for (size_t k = 0; k < x->ev.n; k++, i++) {
			v[i].said = &x->ev.v[k];
			v[i].said_ms = x->m->said_ms;
			v[i].from =
				*x->m->exchange ? x->m->exchange : x->m->key;
		}
	*out = v;
	return 0;
}

static int ban(struct fs_consume *s, struct fp_ban_said *v, size_t n,
	       uint64_t *changed, struct fp_err *e)
{
	int64_t now_ms = fp_clock_unix_ms();

	return s->is_push ? fp_bans_apply(&s->bans, v, n, now_ms, changed, e)
			  : fp_feed_apply(&s->feed, v, n, now_ms, changed, e);
}

static int apply(struct fs_consume *s, const struct fs_message *end,
		 struct fp_err *e)
{
	struct fp_ban_said *v = NULL;
	uint64_t changed = 0;
	size_t n, i = 0;
	int r = collect(s, end, &v, &n, e);

	if (r)
		return r;
	if (n)
		r = ban(s, v, n, &changed, e);
	if (!r) {
		fp_ban_rate_take(&s->rate, changed);
		for (struct fs_message *x = s->first; x != end; x = x->next)
			for (size_t k = 0; k < x->ev.n; k++)
				fs_say_ban(s, x->m, &v[i++]);
		fp_out_flush(s->c->out);
	}
	free(v);
	return r;
}

/* Nothing is acknowledged before it is durable: the same batch is tried again.
 * Messages that come meanwhile wait in the broker. */
static int64_t pause_ms(struct fs_consume *s, const struct fp_err *e)
{
	int64_t ms = s->pause_ms * 2;

	s->pause_ms = ms < PAUSE_MIN_MS   ? PAUSE_MIN_MS
		      : ms > PAUSE_MAX_MS ? PAUSE_MAX_MS
					  : ms;
	fp_log(FP_LOG_ERR, "%s; nothing is lost, again in %lld s", e->text,
	       (long long)s->pause_ms / 1000);
	fs_say_status(s, e->text);
	return s->pause_ms;
}

/* ---- to the broker */

/* What was not understood goes to the dead exchange with the reason.  -EREMOTEIO:
 * not all of it could. */
static int bury(struct fs_consume *s, const struct fs_message *end,
		struct fp_err *e)
{
	bool has_copies = fp_clock_ms() >= s->copies_ms;
	struct fp_err late;
	size_t n_good;
	int r = 0, c;

	for (struct fs_message *x = s->first; x != end && !r; x = x->next) {
		const struct fp_amqp_header h[] = {
			{ "x-fastpath-reason", x->bad },
			{ "x-fastpath-queue", s->queue.name },
			{ "x-fastpath-exchange", x->m->exchange },
			{ "x-fastpath-routing-key", x->m->key },
		};
		const struct fp_amqp_post post = {
			.exchange = s->queue.dead,
			.key = s->queue.name,
			.type = x->m->type,
			.id = x->m->id,
			.said_ms = x->m->said_ms,
			.body = x->m->body,
			.size = x->m->size,
			.header = h,
			.n_headers = FS_COUNT(h),
		};

		if (x->ev.n)
			continue;
		fs_say_bad(s, x);
		/* not when we do not have it */
		x->is_rejected = !has_copies || x->m->size > FP_AMQP_BODY_MAX;
		if (!x->is_rejected)
			r = fp_amqp_publish(s->amqp, &post, e);
	}
	if (r && r != -EREMOTEIO)
		return r;
	c = fp_amqp_confirm(s->amqp, &n_good, r ? &late : e);
	return r ? r : c;
}

/* Tell the broker that messages from the first to before end are done with. */
static int settle(struct fs_consume *s, const struct fs_message *end,
		  struct fp_err *e)
{
	const struct fs_message *ack = NULL;
	int r = bury(s, end, e);

	/* publishing hangs, but consuming would not: without it, then */
	if (r == -EBUSY || r == -ETIMEDOUT)
		s->copies_ms = fp_clock_ms() + NO_COPIES_MS;
	if (r && r != -EREMOTEIO)
		return r;
	if (r)
		fp_log(FP_LOG_WARN, "%s: %s; rejected without the reason",
		       s->queue.dead, e->text);
	for (struct fs_message *x = s->first; x != end; x = x->next) {
		if (x->is_rejected || (r && !x->ev.n)) {
			int sent = fp_amqp_reject(s->amqp, x->m->tag, e);

			if (sent)
				return sent;
		} else {
			ack = x;
		}
		s->tally.messages++;
		s->tally.dead += !x->ev.n;
	}
	return ack ? fp_amqp_ack(s->amqp, ack->m->tag, e) : 0;
}

int fs_batch_run(struct fs_consume *s, int64_t *again_ms, struct fp_err *e)
{
	int64_t wait_ms = fp_ban_rate_wait_ms(&s->rate, fp_clock_ms());
	const struct fs_message *end = s->first;
	uint64_t n = 0, max;
	int r;

	*again_ms = s->first ? wait_ms : -1;
	if (!s->first || wait_ms)
		return 0;
	max = fp_ban_rate_left(&s->rate);
	if (max > FP_EVENT_BANS_MAX)
		max = FP_EVENT_BANS_MAX;
	for (; end && n < max; end = end->next)
		n += end->ev.n;
	r = apply(s, end, e);
	if (r) {
		*again_ms = pause_ms(s, e);
		return 0;
	}
	s->pause_ms = 0;
	r = settle(s, end, e);
	if (r)
		return r;
	drop_until(s, end);
	*again_ms = s->first ? 0 : -1;
	return 0;
}
