/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "rehome/campaign_priv.h"

#define SIZE_MIN 64

/* Where it is, or where it would be. */
static struct fp_seen_call *place(const struct fp_seen *s, const char *callid)
{
	size_t i = fp_fnv1a(FP_FNV1A_INIT, callid, strlen(callid));

	for (i &= s->size - 1; s->v[i].callid; i = (i + 1) & (s->size - 1))
		if (!strcmp(s->v[i].callid, callid))
			break;
	return &s->v[i];
}

static int grow(struct fp_seen *s)
{
	struct fp_seen more = { .n = s->n,
				.size = s->size ? 2 * s->size : SIZE_MIN };

	more.v = calloc(more.size, sizeof(*more.v));
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < s->size; i++)
		if (s->v[i].callid)
			*place(&more, s->v[i].callid) = s->v[i];
	free(s->v);
	*s = more;
	return 0;
}

int fp_seen_put(struct fp_seen *s, const char *callid, enum fp_move_verdict v)
{
	struct fp_seen_call *x;

	if (2 * (s->n + 1) > s->size && grow(s))
		return -ENOMEM;
	x = place(s, callid);
	if (!x->callid) {
		x->callid = strdup(callid);
		if (!x->callid)
			return -ENOMEM;
		s->n++;
	}
	x->verdict = v;
	return 0;
}

enum fp_move_verdict fp_seen_get(const struct fp_seen *s, const char *callid,
				 bool *is_there)
{
	const struct fp_seen_call *x = s->size ? place(s, callid) : NULL;
	bool has = x && x->callid;

	if (is_there)
		*is_there = has;
	return has ? x->verdict : FP_MOVE_WAITING;
}

void fp_seen_fini(struct fp_seen *s)
{
	for (size_t i = 0; i < s->size; i++)
		free(s->v[i].callid);
	free(s->v);
	*s = (struct fp_seen){ .v = NULL };
}
