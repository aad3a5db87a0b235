/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "logic/dialogs.h"

bool fp_dialog_is_up(const struct fp_dialog *d)
{
	return d->state == FP_DLG_CONFIRMED_NA || d->state == FP_DLG_CONFIRMED;
}

bool fp_dialog_is_early(const struct fp_dialog *d)
{
	return d->state == FP_DLG_UNCONFIRMED || d->state == FP_DLG_EARLY;
}

/* ---- the body */

const char *fp_body_name(enum fp_body b)
{
	static const char *const names[] = { "auto", "outbound", "inbound" };

	return names[b];
}

static bool is_other(const char *came, const char *sent)
{
	return *came && *sent && strcmp(came, sent);
}

enum fp_body fp_dialog_body(const struct fp_dialog *d)
{
	return d->is_anchored || is_other(d->caller_media, d->caller_sent) ||
			       is_other(d->callee_media, d->callee_sent)
		       ? FP_BODY_INBOUND
		       : FP_BODY_OUTBOUND;
}

/* ---- which */

static bool is_among(const char *const *list, size_t n, const char *s)
{
	if (!n)
		return true;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], s))
			return true;
	return false;
}

/* "sip:alice" and "alice" both begin "sip:alice@example.net". */
static bool begins(const char *uri, const char *prefix)
{
	size_t n;

	if (!prefix)
		return true;
	n = strlen(prefix);
	if (!strncmp(uri, prefix, n))
		return true;
	if (!strncasecmp(uri, "sip:", 4))
		uri += 4;
	else if (!strncasecmp(uri, "sips:", 5))
		uri += 5;
	return !strncmp(uri, prefix, n);
}

static bool has_media(const struct fp_dialog *d, const char *media)
{
	char address[FP_MEDIA_STRLEN];

	if (!media)
		return true;
	fp_media_address(media, strlen(media), address);
	return !strcmp(d->caller_media, address) ||
	       !strcmp(d->callee_media, address) ||
	       !strcmp(d->caller_sent, address) ||
	       !strcmp(d->callee_sent, address);
}

static bool is_of_age(const struct fp_select *q, const struct fp_dialog *d,
		      int64_t now_s)
{
	int64_t age_s = d->started_s ? now_s - d->started_s : 0;

	if (q->older_s && age_s < q->older_s)
		return false;
	return !q->younger_s || age_s < q->younger_s;
}

bool fp_select_matches(const struct fp_select *q, const struct fp_dialog *d,
		       int64_t now_s)
{
	return is_among(q->tags, q->n_tags, d->tag) &&
	       begins(d->from_uri, q->from_prefix) &&
	       begins(d->to_uri, q->to_prefix) && is_of_age(q, d, now_s) &&
	       has_media(d, q->media) &&
	       is_among(q->callids, q->n_callids, d->callid);
}

static int by_age(const void *a, const void *b)
{
	const struct fp_dialog *const *x = a, *const *y = b;

	if ((*x)->started_s != (*y)->started_s)
		return (*x)->started_s < (*y)->started_s ? -1 : 1;
	return strcmp((*x)->callid, (*y)->callid);
}

/* Into list, which has room for all; call-ids that are named are looked up, so that
 * thousands of them cost no more than one each. */
static size_t collect(const struct fp_select *q, const struct fp_dialogs *s,
		      int64_t now_s, const struct fp_dialog **list,
		      size_t *n_early)
{
	size_t n_all = q->n_callids ? q->n_callids : fp_dialogs_n(s), n = 0;
	struct fp_select rest = *q;
	const struct fp_dialog *d;

	rest.n_callids = 0;
	for (size_t i = 0; i < n_all; i++) {
		d = q->n_callids ? fp_dialogs_find(s, q->callids[i])
				 : fp_dialogs_at(s, i);
		if (!d || !fp_select_matches(&rest, d, now_s))
			continue;
		if (fp_dialog_is_up(d))
			list[n++] = d;
		else
			*n_early += fp_dialog_is_early(d);
	}
	return n;
}

static size_t unique(const struct fp_dialog **list, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (!m || list[i] != list[m - 1])
			list[m++] = list[i];
	return m;
}

int fp_select(const struct fp_select *q, const struct fp_dialogs *s,
	      int64_t now_s, const struct fp_dialog ***out, size_t *n,
	      size_t *n_early)
{
	size_t n_max = q->n_callids ? q->n_callids : fp_dialogs_n(s), early = 0;
	const struct fp_dialog **list = calloc(n_max + 1, sizeof(*list));
	size_t m;

	if (!list)
		return -ENOMEM;
	m = collect(q, s, now_s, list, &early);
	qsort(list, m, sizeof(*list), by_age);
	m = unique(list, m);
	*out = list;
	*n = q->count && m > q->count ? q->count : m;
	if (n_early)
		*n_early = early;
	return 0;
}

/* ---- two nodes */

bool fp_dialog_is_other_sdp(const struct fp_dialog *a,
			    const struct fp_dialog *b)
{
	return a->sdp_hash && b->sdp_hash && a->sdp_hash != b->sdp_hash;
}

static bool is_alike(const struct fp_dialog *a, const struct fp_dialog *b)
{
	return a->state == b->state && !fp_dialog_is_other_sdp(a, b);
}

/* Copies are made of answered calls, and go when the call ends.
 * Source: OpenSIPS 3.6 dialog, dlg_handlers.c, replicate_dialog_created. */
static bool is_settled(const struct fp_dialog *d)
{
	return !d || (!fp_dialog_is_early(d) && d->state != FP_DLG_DELETED);
}

int fp_dialogs_compare(const struct fp_dialogs *a, const struct fp_dialogs *b,
		       int (*each)(void *ctx, const struct fp_dialog *a,
				   const struct fp_dialog *b),
		       void *ctx)
{
	const struct fp_dialog *x, *y;
	size_t i = 0, j = 0;
	int r = 0, order;

	while (!r) {
		x = fp_dialogs_at(a, i);
		y = fp_dialogs_at(b, j);
		if (!x && !y)
			break;
		order = !x ? 1 : !y ? -1 : strcmp(x->callid, y->callid);
		i += order <= 0;
		j += order >= 0;
		if (order > 0)
			x = NULL;
		if (order < 0)
			y = NULL;
		if (is_settled(x) && is_settled(y) &&
		    (!x || !y || !is_alike(x, y)))
			r = each(ctx, x, y);
	}
	return r;
}
