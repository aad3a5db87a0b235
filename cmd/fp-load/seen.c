/* SPDX-License-Identifier: Apache-2.0 */
#include "seen.h"

#include <stdlib.h>

#include "io/clock.h"

/* So many new sources push out none of the last day: the memory gives up those
 * that were not heard of for longest, roughly, as half of it stands in a queue
 * in the order of arrival.  Linux kernel/bpf/bpf_lru_list.c, bpf_lru_list_inactive_low(). */
#define NEW_HARMLESS (FP_SEEN_MAX / 4)

static int collect(void *ctx, const struct fp_seen_key *key,
		   const struct fp_seen *seen)
{
	struct fl_seen *s = ctx;
	struct fl_source *v = s->v;

	s->n_held++;
	if (key->reason != s->reason)
		return 0;
	if (seen->last_s < s->since_s)
		return 0;
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		v = reallocarray(v, s->cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
	}
	v[s->n++] = (struct fl_source){
		.host = { key->hi, key->lo, 128 },
		.seen = *seen,
		.has_dialog = seen->dialog_s && seen->dialog_s >= s->since_s,
	};
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct fl_source *x = a, *y = b;

	if (x->seen.last_s != y->seen.last_s)
		return x->seen.last_s < y->seen.last_s ? 1 : -1;
	return fp_prefix_cmp(&x->host, &y->host);
}

/* Those on an allow list by now would pass; those that the lists drop are not
 * heard of by the check. */
static bool is_decided(const struct fp_conf *conf, enum fp_kind kind)
{
	return kind == FP_KIND_ALLOW ||
	       (kind != FP_KIND_NONE && conf->lists == FP_ENFORCE);
}

static int leave_decided(struct fl_seen *s, struct fp_filter *f,
			 struct fp_err *e)
{
	const struct fp_conf *conf = fp_maps_conf(f->node.maps);
	struct fp_prefix *host = calloc(s->n + 1, sizeof(*host));
	enum fp_kind *kind = calloc(s->n + 1, sizeof(*kind));
	size_t kept = 0;
	int r = host && kind ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < s->n && !r; i++)
		host[i] = s->v[i].host;
	if (!r && s->n)
		r = fp_maps_ask(f->node.maps, host, s->n, kind, e);
	for (size_t i = 0; i < s->n && !r; i++)
		if (!is_decided(conf, kind[i]))
			s->v[kept++] = s->v[i];
	if (!r)
		s->n = kept;
	free(host);
	free(kind);
	return r;
}

static const char *node_of(const struct fp_guard *g, const struct fp_prefix *p)
{
	for (size_t i = 0; i < g->set[FP_GUARD_NODE].n; i++) {
		const struct fp_guard_addr *a = &g->set[FP_GUARD_NODE].v[i];

		if (!fp_prefix_cmp(&a->host, p))
			return a->name;
	}
	return NULL;
}

static void sort(struct fl_seen *s, const struct fp_guard *g)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), newest_first);
	for (size_t i = 0; i < s->n; i++) {
		struct fl_source *x = &s->v[i];

		x->node = node_of(g, &x->host);
		if (x->node && !s->n_nodes++)
			s->first_node = i;
		if (x->has_dialog && !s->n_dialogs++)
			s->first_dialog = i;
	}
}

int fl_seen_read(struct fl_seen *out, struct fp_filter *f,
		 const struct fp_guard *g, uint32_t reason, struct fp_err *e)
{
	uint64_t now_s = (uint64_t)fp_clock_ms() / 1000;
	struct fl_seen s = { .reason = reason };
	struct fp_seen_new news = { 0 };
	int r;

	if (now_s > FP_SEEN_DAY_S)
		s.since_s = (uint32_t)(now_s - FP_SEEN_DAY_S);
	/* counted first: what comes in between is held and not forgotten */
	r = fp_maps_seen_new(f->node.maps, now_s, &news, e);
	if (!r)
		r = fp_maps_seen(f->node.maps, collect, &s, e);
	if (r == -ENOMEM)
		fp_err(e, r, "out of memory");
	if (!r)
		r = leave_decided(&s, f, e);
	if (r) {
		fl_seen_fini(&s);
		return r;
	}
	if (news.ever > s.n_held)
		s.n_forgotten = news.ever - s.n_held;
	s.is_overrun = s.n_forgotten && news.lately > NEW_HARMLESS;
	sort(&s, g);
	*out = s;
	return 0;
}

void fl_seen_fini(struct fl_seen *s)
{
	free(s->v);
	*s = (struct fl_seen){ 0 };
}
