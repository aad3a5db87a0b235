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

/* A page that is asked for. */
struct page {
	struct fp_listing *l;
	struct fp_mi_call *call; /* NULL: it is not */
	uint64_t index;
	unsigned int size;
};

struct fp_listing {
	struct fp_listing_opts o;
	struct page page[2]; /* the one that is waited for: now; and the next */
	unsigned int now;
	struct fp_dialogs *set;
	bool is_datagram;
	/* dialogs of a page, at most: learnt from those before */
	unsigned int size, size_max, n_good;
	uint64_t index;
	uint64_t total; /* of the last reply that told */
	unsigned int pass, tries, back, n_backs;
	/* of the pass, of the page */
	size_t n_new, n_page;
	bool is_joined;
};

static int ask(struct fp_listing *l, struct fp_err *e);

/* ---- the transport */

static unsigned int size_of(const struct fp_mi *m)
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
	return l->size > 1 ? 1 + l->size / 64 : 0;
}

/* ---- the end */

static void forget(struct page *p)
{
	if (p->call)
		fp_mi_drop(p->call);
	p->call = NULL;
}

static void finish(struct fp_listing *l, int code, const struct fp_err *e)
{
	struct fp_listing_opts o = l->o;
	struct fp_dialogs *s = NULL;

	if (!code) {
		s = l->set;
		l->set = NULL;
		fp_dialogs_done(s);
	}
	fp_listing_drop(l);
	o.done(o.ctx, code, s, e);
}

void fp_listing_drop(struct fp_listing *l)
{
	if (!l)
		return;
	forget(&l->page[0]);
	forget(&l->page[1]);
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
	if (l->n_page >= l->size) {
		l->index += l->n_page - overlap_of(l);
		if (l->index > 2 * fp_dialogs_n(l->set) + SLACK)
			return fp_err(e, -EOVERFLOW,
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
	if (++l->n_good % GOOD == 0 && l->size < l->size_max)
		l->size = l->size * 2 < l->size_max ? l->size * 2 : l->size_max;
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

	if ((is_lost && ++l->tries >= TRIES) || (is_long && l->size == 1) ||
	    (!is_long && !is_lost))
		return false;
	l->size = l->size > 1 ? l->size / 2 : 1;
	l->n_good = 0;
	if (is_lost)
		l->size_max = l->size;
	return true;
}

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *said)
{
	struct page *p = ctx;
	struct fp_listing *l = p->l;
	struct fp_err e = *said;

	p->call = NULL;
	if (p != &l->page[l->now]) /* not its turn: it is asked for again */
		return;
	if (!code)
		code = take_page(l, r, &e);
	if (code < 0 && is_again(l, code))
		code = 0;
	if (!code)
		code = ask(l, &e);
	if (code)
		finish(l, code < 0 ? code : 0, &e);
}

static int ask_page(struct page *p, uint64_t index, int64_t timeout_ms,
		    struct fp_err *e)
{
	char params[80];

	p->index = index;
	p->size = p->l->size;
	snprintf(params, sizeof(params),
		 "{\"index\":%" PRIu64 ",\"counter\":%u}", index, p->size);
	return fp_mi_ask(p->l->o.mi, "dlg_list_ctx", params, timeout_ms,
			 answered, p, &p->call, e);
}
/* While we read one page, OpenSIPS may make the next one.  Not over datagrams: "500
 * Internal error" tells not of which request it is, which is known by being alone. */
static void ask_ahead(struct fp_listing *l)
{
	uint64_t index = l->index + l->size - overlap_of(l);

	if (!l->is_datagram && index < l->total)
		ask_page(&l->page[!l->now], index, 2 * l->o.timeout_ms, NULL);
}

static int ask(struct fp_listing *l, struct fp_err *e)
{
	int64_t timeout_ms = l->o.timeout_ms;
	struct page *ahead = &l->page[!l->now];
	int r = 0;

	if (l->is_datagram)
		timeout_ms = timeout_ms / TRIES + 1;
	if (ahead->call && ahead->index == l->index && ahead->size == l->size) {
		l->now = !l->now;
	} else {
		forget(ahead);
		r = ask_page(&l->page[l->now], l->index, timeout_ms, e);
	}
	if (!r)
		ask_ahead(l);
	return r;
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
	l->page[0].l = l->page[1].l = l;
	l->is_datagram = fp_mi_reply_max(o->mi) < 1 << 20;
	l->size = l->size_max = o->page ? o->page : size_of(o->mi);
	begin_pass(l);
	r = ask(l, e);
	if (r) {
		fp_listing_drop(l);
		return r;
	}
	*out = l;
	return 0;
}
