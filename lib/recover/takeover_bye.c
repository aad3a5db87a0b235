/* SPDX-License-Identifier: Apache-2.0 */
/* A leg that FreeSWITCH drops without a word to its far end: an in-dialog BYE as if of
 * that end, to FreeSWITCH's own address. */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "io/resolve.h"
#include "recover/takeover_priv.h"

#define SIP_PORT 5060
#define ASK_MS 3500          /* T1 500 ms: asked four times */
#define CSEQ_MAX 0x7fffffffu /* RFC 3261 8.1.1.5 */

/* ---- the dialog */

/* An inbound leg's From is the far end's, an outbound one's FreeSWITCH's; a recovered
 * inbound leg has them the other way round: sofia_glue.c, dlg_req_swap_direction. */
static bool is_far_from(const struct fp_fsrow *row)
{
	return row->is_inbound != !!(row->traits & FP_FSROW_IS_SWAPPED);
}

int fp_takeover_dialog(const struct fp_fsrow *row, bool is_other,
		       struct fp_sip_bye *out, struct fp_err *e)
{
	bool is_from = is_far_from(row) != is_other;

	if (!*row->call_id || !*row->full_from || !*row->full_to)
		return fp_err(e, -ENODATA,
			      "its row does not say which dialog it is");
	*out = (struct fp_sip_bye){
		.from = is_from ? row->full_from : row->full_to,
		.to = is_from ? row->full_to : row->full_from,
		.call_id = row->call_id,
	};
	return 0;
}

uint32_t fp_takeover_cseq(const struct fp_fsrow *row, unsigned int nth)
{
	static const uint32_t more[] = { 0,      10,       1000,
					 100000, 10000000, 900000000 };
	/* the row's is FreeSWITCH's own but for an inbound leg of its first node */
	bool is_known = row->has_cseq && row->is_inbound &&
			!(row->traits & FP_FSROW_IS_SWAPPED);
	uint32_t base = is_known && row->cseq ? row->cseq : 1;

	if (nth >= sizeof(more) / sizeof(*more) || base > CSEQ_MAX ||
	    more[nth] > CSEQ_MAX - base)
		return 0;
	return base + more[nth];
}

/* ---- where to */

static int of_profile(const struct fp_fsprofile *p, struct fp_endpoint *out,
		      struct fp_err *e)
{
	bool is_v6 = strchr(p->sip_ip, ':') && *p->sip_ip != '[';
	char text[100];
	int n = snprintf(text, sizeof(text), "udp:%s%s%s:%d", is_v6 ? "[" : "",
			 p->sip_ip, is_v6 ? "]" : "",
			 p->sip_port ? p->sip_port : SIP_PORT);

	return fp_endpoint_parse(out, text, (size_t)n, e);
}

int fp_takeover_where(const struct fp_switch *x, const char *profile,
		      struct fp_endpoint *out, struct fp_err *e)
{
	const struct fp_fsprofile *p = fp_fsconf_profile(&x->conf, profile);
	const char *list = fp_inventory_var(x->host, "fp_sip");
	uint16_t port = p && p->sip_port ? p->sip_port : SIP_PORT;
	struct fp_endpoint at;

	/* as the cluster file has it: it is known to be reached there; another
	 * profile's port would know no such dialog */
	for (size_t i = 0; list && fp_endpoint_list(list, i, &at, e) == 1; i++)
		if ((at.port ? at.port : SIP_PORT) == port &&
		    (!at.transport || at.transport == FP_T_UDP ||
		     at.transport == FP_T_TCP)) {
			*out = at;
			return 0;
		}
	if (p && *p->sip_ip)
		return of_profile(p, out, e);
	return fp_err(e, -ENOENT,
		      "%s: nothing tells where profile \"%s\" listens: fp_sip, "
		      "or sofia status",
		      x->name, profile);
}

/* ---- one question */

struct asking {
	struct fp_take *k;
	struct fp_endpoint to;
	const struct fp_sip_bye *bye;
	struct fp_sip_call *call;
	struct fp_lookup *lookup;
	bool is_done;
	int code, status;
	char reason[64];
	struct fp_err err;
};

static void end(struct asking *a, int code, const struct fp_err *e)
{
	a->code = code;
	if (code)
		a->err = *e;
	a->is_done = true;
	fp_loop_stop(a->k->r->o->loop);
}

static void answered(void *ctx, int code, const struct fp_sip_response *said,
		     int cert_days, const struct fp_err *e)
{
	struct asking *a = ctx;

	(void)cert_days;
	a->call = NULL;
	if (!code) {
		a->status = said->status;
		snprintf(a->reason, sizeof(a->reason), "%s", said->reason);
	}
	end(a, code, e);
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *said)
{
	struct asking *a = ctx;
	struct fp_err e = { .text = "" };

	a->lookup = NULL;
	if (code) {
		end(a, code, said);
		return;
	}
	code = fp_sip_ask_bye(a->k->sip, &a->to, to, len, NULL, a->bye, ASK_MS,
			      answered, a, &a->call, &e);
	if (code)
		end(a, code, &e);
}

/* Seen through: a signal is remembered. */
static int ask(struct asking *a, struct fp_err *e)
{
	struct fp_loop *loop = a->k->r->o->loop;
	int r = fp_resolve(a->k->x->all->resolver, &a->to, SIP_PORT, ASK_MS,
			   resolved, a, &a->lookup, e);

	if (r)
		return r;
	if (!a->is_done)
		r = fp_loop_wait(loop, &a->is_done, e);
	if (r == -EINTR && !a->is_done) {
		a->k->is_interrupted = true;
		r = fp_loop_wait(loop, &a->is_done, e);
	}
	if (a->lookup)
		fp_resolve_cancel(a->lookup);
	fp_sip_drop(a->call);
	if (a->is_done && a->code)
		*e = a->err;
	return a->is_done ? a->code : r;
}

/* ---- until there is an answer */

static int refused(const struct fp_take *k, const struct asking *a,
		   struct fp_err *e)
{
	const char *what = a->status == 401 || a->status == 407
				   ? ": its profile has auth-all-packets"
			   : a->status == 481 ? ": it has no such dialog there"
					      : "";

	return fp_err(e, -EPROTO,
		      "%s refused a BYE in the name of the far end: %d %s%s",
		      k->x->name, a->status, a->reason, what);
}

/* All its CSeqs, over one transport.  0: *status. */
static int ask_all(struct fp_take *k, const struct fp_take_leg *t,
		   const struct fp_endpoint *to, bool is_other,
		   struct asking *last, struct fp_err *e)
{
	struct fp_sip_bye bye;
	int r = fp_takeover_dialog(&t->l->row, is_other, &bye, e);

	for (unsigned int i = 0; !r; i++) {
		bye.cseq = fp_takeover_cseq(&t->l->row, i);
		if (!bye.cseq)
			break;
		*last = (struct asking){ .k = k, .to = *to, .bye = &bye };
		r = fp_takeover_ours(k->r, &k->is_interrupted, e);
		if (r)
			break;
		r = ask(last, e);
		/* out of order: RFC 3261 12.2.2 */
		if (last->status != 500)
			break;
	}
	return r;
}

static bool is_silence(int code)
{
	return code == -ETIMEDOUT || code == -ECONNREFUSED ||
	       code == -ECONNRESET;
}

int fp_takeover_bye(struct fp_take *k, struct fp_take_leg *t, struct fp_err *e)
{
	struct fp_endpoint to = { .host = "" };
	struct asking last = { .k = k };
	struct fp_err why;
	bool is_there = true;
	int r = fp_takeover_where(k->x, t->l->row.profile, &to, e);

	if (r)
		return r;
	r = ask_all(k, t, &to, false, &last, e);
	if (!r && last.status == 481)
		r = ask_all(k, t, &to, true, &last, e);
	if (is_silence(r)) { /* its profile may listen on the other alone */
		to.transport = to.transport == FP_T_TCP ? FP_T_UDP : FP_T_TCP;
		r = ask_all(k, t, &to, false, &last, e);
	}
	if (r == -EBUSY)
		return r;
	if (!r && last.status != 200)
		r = refused(k, &last, e);
	/* whatever was said: is it there? */
	if (r &&
	    !fp_takeover_exists(k->x, &k->is_interrupted, t->l->uuid, &is_there,
				&why) &&
	    !is_there)
		r = 0;
	t->is_gone = !r;
	return r;
}
