/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/dialogs.h"
#include "rehome/listing.h"

#define PASSES_MIN 2
#define PASSES_MAX 4
#define TRIES 3     /* of a page over datagrams */
#define BACKS 200   /* steps back in a pass */
#define SLACK 10000 /* dialogs of one call-id more than once */
#define GOOD 16     /* pages, until a longer one is tried again */

struct fp_listing {
	struct fp_listing_opts o;
	struct fp_mi_call *call;
	struct fp_dialogs *set;
	bool is_datagram;
	/* as many as are asked for now, at most */
	unsigned int page, page_max, n_good;
	uint64_t index;
	uint64_t total; /* of the last reply that told */
	unsigned int pass, tries, back, n_backs;
	/* of the pass, of the page */
	size_t n_new, n_page;
	bool is_joined;
};

static int ask(struct fp_listing *l, struct fp_err *e);

/* ---- the transport */

static unsigned int page_of(const struct fp_mi *m)
{
	size_t max = fp_mi_request_max(m);

	if (fp_mi_reply_max(m) < 1 << 20)
		return 40;
	return max && max < 8192 ? 1000 : 500;
}

/* A page begins with the end of the one before it.  Where calls ended meanwhile, all
 * that follows has moved up: it begins further on then, or after what was seen. */
static unsigned int overlap_of(const struct fp_listing *l)
{
	return l->page > 1 ? 1 + l->page / 64 : 0;
}

/* ---- the end */

static void finish(struct fp_listing *l, int code, const struct fp_err *e)
{
	struct fp_listing_opts o = l->o;
	struct fp_dialogs *s = code ? NULL : l->set;

	if (code)
		fp_dialogs_free(l->set);
	else
		fp_dialogs_done(s);
	free(l);
	o.done(o.ctx, code, s, e);
}

void fp_listing_drop(struct fp_listing *l)
{
	if (!l)
		return;
	if (l->call)
		fp_mi_drop(l->call);
	fp_dialogs_free(l->set);
	free(l);
}

/* ---- pages */

static int take(void *ctx, const struct fp_os_dialog *d)
{
	struct fp_listing *l = ctx;
	int r;

	if (!l->n_page++)
		l->is_joined |= fp_dialogs_is_seen(l->set, d->callid);
	r = fp_dialogs_add(l->set, d);
	l->n_new += r == 1;
	return r < 0 ? r : 0;
}

static void told(const struct fp_listing *l)
{
	uint64_t passes = l->pass > PASSES_MIN ? l->pass : PASSES_MIN;
	uint64_t done = l->index < l->total ? l->index : l->total;

	if (l->o.progress)
		l->o.progress(l->o.ctx, (l->pass - 1) * l->total + done,
			      passes * l->total);
}

static void begin_pass(struct fp_listing *l)
{
	fp_dialogs_pass(l->set);
	l->pass++;
	l->index = 0;
	l->back = l->n_backs = 0;
	l->n_new = 0;
}

/* Between this page and the one before there may be dialogs that neither has. */
static int step_back(struct fp_listing *l, struct fp_err *e)
{
	if (++l->n_backs > BACKS)
		return fp_err(e, -EAGAIN,
			      "dlg_list_ctx: calls come and go faster than "
			      "they can be listed");
	l->back = l->back ? l->back * 2 : overlap_of(l) * 2;
	l->index = l->index > l->back ? l->index - l->back : 0;
	return 0;
}

/* 1: the listing is over.  0: there is more to ask. */
static int after_page(struct fp_listing *l, struct fp_err *e)
{
	if (!l->is_joined)
		return step_back(l, e);
	l->back = 0;
	if (l->n_page >= l->page) {
		l->index += l->n_page - overlap_of(l);
		if (l->index > 2 * fp_dialogs_n(l->set) + SLACK)
			return fp_err(e, -EBADMSG,
				      "dlg_list_ctx: it does not end: index "
				      "%" PRIu64 " with %zu dialogs",
				      l->index, fp_dialogs_n(l->set));
		told(l);
		return 0;
	}
	l->index = l->total;
	told(l);
	if (l->pass >= PASSES_MAX || (l->pass >= PASSES_MIN && !l->n_new))
		return 1;
	begin_pass(l);
	return 0;
}

static int take_page(struct fp_listing *l, const struct fp_jsonrpc *r,
		     struct fp_err *e)
{
	int64_t count;
	int code;

	if (r->is_error)
		return fp_err(e, -EREMOTEIO, "dlg_list_ctx: %d %s", r->code,
			      r->message);
	l->n_page = 0;
	l->is_joined = !l->index || !overlap_of(l);
	code = fp_os_dialogs(r->result, &count, take, l, e);
	if (code)
		return code == -ENOMEM ? fp_err(e, code, "no memory") : code;
	l->total = count > 0 ? (uint64_t)count : fp_dialogs_n(l->set);
	l->tries = 0;
	code = after_page(l, e);
	if (++l->n_good % GOOD == 0 && l->page < l->page_max)
		l->page = l->page * 2 < l->page_max ? l->page * 2 : l->page_max;
	return code;
}

/* Is it worth another try?  A page that is too long is halved: one dialog may be the
 * reason, so that a longer one is tried again after a while.  So is one that is lost
 * on the way, for its many fragments. */
static bool is_again(struct fp_listing *l, int code)
{
	bool is_long = code == -EMSGSIZE || code == -EPROTO;
	bool is_lost =
		code == -EBADMSG || (code == -ETIMEDOUT && l->is_datagram);

	if ((is_lost && ++l->tries >= TRIES) || (is_long && l->page == 1) ||
	    (!is_long && !is_lost))
		return false;
	l->page = l->page > 1 ? l->page / 2 : 1;
	l->n_good = 0;
	if (is_lost)
		l->page_max = l->page;
	return true;
}

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *said)
{
	struct fp_listing *l = ctx;
	struct fp_err e = *said;

	l->call = NULL;
	if (!code)
		code = take_page(l, r, &e);
	if (code < 0 && is_again(l, code))
		code = 0;
	if (!code)
		code = ask(l, &e);
	if (code)
		finish(l, code < 0 ? code : 0, &e);
}

/* Asked one after the other: OpenSIPS' time is what it costs, and "500 Internal
 * error", which tells not of which request it is, is known by being alone. */
static int ask(struct fp_listing *l, struct fp_err *e)
{
	int64_t timeout_ms = l->o.timeout_ms;
	char params[80];

	if (l->is_datagram)
		timeout_ms = timeout_ms / TRIES + 1;
	snprintf(params, sizeof(params),
		 "{\"index\":%" PRIu64 ",\"counter\":%u}", l->index, l->page);
	return fp_mi_ask(l->o.mi, "dlg_list_ctx", params, timeout_ms, answered,
			 l, &l->call, e);
}

int fp_listing_start(struct fp_listing **out, const struct fp_listing_opts *o,
		     struct fp_err *e)
{
	struct fp_listing *l = calloc(1, sizeof(*l));
	int r;

	if (l)
		l->set = fp_dialogs_new();
	if (!l || !l->set) {
		free(l);
		return fp_err(e, -ENOMEM, "no memory");
	}
	l->o = *o;
	l->is_datagram = fp_mi_reply_max(o->mi) < 1 << 20;
	l->page = l->page_max = o->page ? o->page : page_of(o->mi);
	begin_pass(l);
	r = ask(l, e);
	if (r) {
		fp_listing_drop(l);
		return r;
	}
	*out = l;
	return 0;
}
