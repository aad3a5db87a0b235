/* SPDX-License-Identifier: Apache-2.0 */
/* The owner tells all others of its dialogs anew: facts/opensips-3nodes.md 0.3. */
#include <string.h>

#include "codec/jsonrpc.h"
#include "io/clock.h"
#include "rehome/edges_priv.h"
#include "rehome/tags.h"

#define WINDOW 4
#define BATCH 20
/* httpd takes 1,024 bytes unless its receive_buf_size says otherwise
 * (facts/opensips.md 2.1); what is around the call-ids needs some of it. */
#define HTTP_ROOM 700
#define AROUND 300

struct refresh {
	struct fp_edge *owner;
	struct fp_loop *loop;
	const char *const *callids;
	size_t n, at; /* those before at were asked for */
	double rate;
	int64_t started_ms;
	size_t done, room;
	struct slot {
		struct refresh *of;
		struct fp_mi_call *call;
		size_t n;
	} slot[WINDOW];
	struct fp_timer wake;
	int code;
	struct fp_err err;
	bool is_done;
};

static size_t n_flying(const struct refresh *r)
{
	size_t n = 0;

	for (size_t i = 0; i < WINDOW; i++)
		n += r->slot[i].call != NULL;
	return n;
}

/* How many of those that are left one request holds. */
static size_t make(struct refresh *r, struct fp_buf *to)
{
	size_t n = 0;

	fp_buf_str_add(to, "{\"dlg_val_name\":\"fp\",\"dlg_val_value\":\"1\","
			   "\"DID\":[");
	while (r->at + n < r->n && n < BATCH) {
		const char *id = r->callids[r->at + n];

		/* a quoted character may be six */
		if (n && to->len + 6 * strlen(id) + 4 > r->room)
			break;
		if (n++)
			fp_buf_str_add(to, ",");
		fp_jsonrpc_string(to, id);
	}
	fp_buf_str_add(to, "]}");
	return n;
}

static void go_on(struct refresh *r);

static void answered(void *ctx, int code, const struct fp_jsonrpc *reply,
		     const struct fp_err *e)
{
	struct slot *s = ctx;
	struct refresh *r = s->of;

	s->call = NULL;
	if (!code && reply->is_error)
		code = fp_err(&r->err, -EREMOTEIO, "%s: dlg_push_var: %d %s",
			      r->owner->name, reply->code, reply->message);
	else if (code)
		r->err = *e;
	if (!code)
		r->done += s->n;
	else if (!r->code)
		r->code = code == -EREMOTEIO ? code : -EAGAIN;
	go_on(r);
}

static int ask(struct refresh *r, struct slot *s)
{
	struct fp_buf params = { .data = NULL };
	size_t n = make(r, &params);
	int code = -ENOMEM;

	if (fp_buf_str(&params))
		code = fp_mi_ask(r->owner->mi, "dlg_push_var",
				 fp_buf_str(&params),
				 r->owner->all->o.timeout_ms, answered, s,
				 &s->call, &r->err);
	else
		fp_err(&r->err, code, "no memory");
	fp_buf_fini(&params);
	if (!code) {
		s->n = n;
		r->at += n;
	}
	return code;
}

/* When the next may go: as many call-ids a second as rate says. */
static int64_t due_ms(const struct refresh *r)
{
	if (r->rate <= 0)
		return r->started_ms;
	return r->started_ms + (int64_t)((double)r->at * 1000 / r->rate);
}

static void go_on(struct refresh *r)
{
	int64_t now_ms = fp_clock_ms();

	for (size_t i = 0; i < WINDOW && !r->code && r->at < r->n; i++) {
		if (r->slot[i].call)
			continue;
		if (due_ms(r) > now_ms) {
			r->code =
				fp_loop_timer_arm(r->loop, &r->wake, due_ms(r));
			break;
		}
		r->code = ask(r, &r->slot[i]);
	}
	if ((r->code || r->at == r->n) && !n_flying(r)) {
		r->is_done = true;
		fp_loop_stop(r->loop);
	}
}

static void woken(void *ctx)
{
	go_on(ctx);
}

int fp_tag_refresh(struct fp_edge *owner, const char *const *callids, size_t n,
		   double rate, size_t *n_done, struct fp_err *e)
{
	struct refresh r = { .owner = owner,
			     .loop = owner->all->o.loop,
			     .callids = callids,
			     .n = n,
			     .rate = rate,
			     .started_ms = fp_clock_ms() };
	size_t max;
	int code;

	*n_done = 0;
	if (!owner->mi)
		return fp_edge_silent(owner, e);
	max = fp_mi_request_max(owner->mi);
	r.room = max > AROUND ? max - AROUND : HTTP_ROOM;
	r.wake = (struct fp_timer){ .fire = woken, .ctx = &r };
	for (size_t i = 0; i < WINDOW; i++)
		r.slot[i].of = &r;
	go_on(&r);
	code = fp_loop_wait(r.loop, &r.is_done, e);
	fp_loop_timer_disarm(r.loop, &r.wake);
	for (size_t i = 0; i < WINDOW; i++)
		if (r.slot[i].call)
			fp_mi_drop(r.slot[i].call);
	*n_done = r.done;
	if (!code && r.code) {
		code = r.code;
		*e = r.err;
	}
	return code;
}
