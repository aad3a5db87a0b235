/* SPDX-License-Identifier: Apache-2.0 */
/* Legs that a take dropped, and whose partner stayed: up again where they were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/clock.h"
#include "recover/store_priv.h"
#include "recover/takeover_priv.h"

#define LOOK_MS 20
#define PROVE_MS 5000
#define CSEQ_MS 2100

/* Its XML as it was, but for the Via, which may name another node. */
static int rewrite(const struct fp_leg *l, struct fp_buf *to, struct fp_err *e)
{
	const struct fp_fsrow_edit edit = { .drop_via = true };

	return fp_fsrow_rewrite(to, &l->row, l->xml, l->xml_len, &edit, e);
}

/* Its run is the one that is to recover them, and that takes no rows of its own
 * (recover's "runtime_uuid <> mine"). */
static int disown(struct fp_store *s, const char *token, struct fp_err *e)
{
	const char *params[] = { token };
	int r = fp_store_tx_ours(s, e);

	return r ? r
		 : fp_store_tx_end(s,
				   fp_pg_do(s->pg,
					    "update recovery set runtime_uuid ="
					    " 'fp' where profile_name = $1",
					    params, 1, NULL, NULL, e),
				   e);
}

static int put(struct fp_take *k, const char *token, struct fp_err *e)
{
	struct fp_store *s = k->r->store;
	struct fp_store_put *v = calloc(k->n + 1, sizeof(*v));
	struct fp_buf *xml = calloc(k->n + 1, sizeof(*xml));
	size_t n = 0;
	int r = v && xml ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < k->n && !r; i++) {
		const struct fp_leg *l = k->leg[i].l;

		if (!k->leg[i].is_gone)
			continue;
		r = rewrite(l, &xml[n], e);
		v[n] = (struct fp_store_put){ .uuid = l->uuid,
					      .xml = xml[n].data,
					      .xml_len = xml[n].len,
					      .profile_real = l->profile_name };
		n++;
	}
	if (!r)
		r = fp_store_put(s, s, token, k->x->name, k->x->switchname, v,
				 n, e);
	for (size_t i = 0; xml && i < k->n; i++)
		fp_buf_fini(&xml[i]);
	free(xml);
	free(v);
	return r ? r : disown(s, token, e);
}

/* Proof: its far end answered, the CSeq is another. */
static int is_up(struct fp_take *k, const struct fp_leg *l, bool *out,
		 struct fp_err *e)
{
	char *said;
	int r = fp_takeover_ask(k->x, &k->is_interrupted, &said, e,
				"uuid_getvar %s sip_cseq", l->uuid);

	if (r == -EREMOTEIO) { /* no such channel, not yet */
		*out = false;
		return 0;
	}
	if (r)
		return r;
	*out = strtoul(said, NULL, 10) > (l->row.has_cseq ? l->row.cseq : 0);
	free(said);
	return 0;
}

static int until_up(struct fp_take *k, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + PROVE_MS;
	int r = 0;

	for (size_t i = 0; i < k->n && !r; i++) {
		struct fp_take_leg *t = &k->leg[i];

		while (!r && t->is_gone) {
			bool is_back = false;

			r = is_up(k, t->l, &is_back, e);
			t->is_gone = !is_back;
			if (r || is_back)
				break;
			if (fp_clock_ms() >= end_ms)
				return fp_err(e, -ETIMEDOUT,
					      "%s: its far end did not answer",
					      t->l->uuid);
			r = fp_takeover_pause(k->r, LOOK_MS, e);
			k->is_interrupted |= r == -EINTR;
			r = r == -EINTR ? 0 : r;
		}
	}
	return r;
}

/* Their rows are FreeSWITCH's own again, and come within a second. */
static int mark_back(struct fp_take *k, const bool *was_gone, struct fp_err *e)
{
	const char **uuids = calloc(k->n + 1, sizeof(*uuids));
	size_t n = 0;
	int r;

	if (!uuids)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < k->n; i++)
		if (was_gone[i])
			uuids[n++] = k->leg[i].l->uuid;
	r = fp_store_mark(k->r->store, uuids, n, "returned", e);
	free(uuids);
	return r;
}

/* CSeq is a clock of 2 s: one that is not above the last would be no news to the far
 * end, and no proof. */
static int until_cseq_grows(struct fp_take *k, struct fp_err *e)
{
	int64_t now_ms = fp_clock_unix_ms() + k->x->view.skew_ms, most = 0;

	for (size_t i = 0; i < k->n; i++) {
		int64_t ms = k->leg[i].is_gone
				     ? fp_leg_cseq_wait_ms(k->leg[i].l, now_ms)
				     : 0;

		if (ms > most)
			most = ms;
	}
	if (most > CSEQ_MS)
		return fp_err(e, -EAGAIN, "%s: its clock is behind",
			      k->x->name);
	if (most && fp_takeover_pause(k->r, most, e) == -EINTR)
		k->is_interrupted = true;
	return 0;
}

int fp_takeover_back(struct fp_take *k, struct fp_err *e)
{
	char token[64], *said = NULL;
	bool *was_gone = calloc(k->n + 1, sizeof(*was_gone));
	int64_t n_left;
	int r = was_gone ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < k->n && !r; i++)
		was_gone[i] = k->leg[i].is_gone;
	snprintf(token, sizeof(token), "fp-back-%.12s", k->leg[0].l->uuid);
	fp_takeover_say(k->r, "%s: bringing back what was dropped", k->x->name);
	if (!r)
		r = fp_takeover_rows_gone(k, &n_left, e);
	if (!r)
		r = until_cseq_grows(k, e);
	if (!r)
		r = put(k, token, e);
	if (!r)
		r = fp_takeover_ours_yet(k->r, &k->is_interrupted, e);
	if (!r)
		r = fp_takeover_ask(k->x, &k->is_interrupted, &said, e,
				    "fsctl recover sofia:%s", token);
	free(said);
	if (!r)
		r = until_up(k, e);
	if (!r)
		r = mark_back(k, was_gone, e);
	free(was_gone);
	return r;
}
