/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 without deadlines: one word a /24, compiled by a sweep over the sorted
 * entries. */
#include <stdlib.h>
#include <string.h>

#include "model/tables_priv.h"

#define FP_NETS (1u << 24)
#define FP_HOSTS 256
#define FP_STRIDE 8 /* a power of two, within a word of the gate */

static uint32_t *fp_word_at(struct fp_tables *t, uint32_t net)
{
	return fp_area_at(&t->dir4, (size_t)net * 4);
}

static struct fp_chunk *fp_chunk_at(struct fp_tables *t, uint32_t n)
{
	return fp_area_at(&t->tab[FP_TAB_CHUNK],
			  (size_t)n * sizeof(struct fp_chunk));
}

static struct fp_table_head *fp_chunk_head(struct fp_tables *t)
{
	return fp_area_at(&t->tab[FP_TAB_CHUNK], 0);
}

/* ---- chunks ---- */

/* One bit a chunk that a word points to. */
static int fp_chunks_used(struct fp_tables *t, uint32_t n, uint32_t **out,
			  struct fp_err *e)
{
	uint32_t *used = calloc(n / 32 + 1, sizeof(*used));
	int r;

	if (!used)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_area_whole(&t->dir4, e);
	if (r) {
		free(used);
		return r;
	}
	for (uint32_t net = 0; net < FP_NETS; net++) {
		uint32_t w = *fp_word_at(t, net), c = FP_DIR_VALUE(w);

		if (FP_DIR_TYPE(w) == FP_DIR_CHUNK && c <= n)
			used[c / 32] |= 1u << (c % 32);
	}
	*out = used;
	return 0;
}

/* Replace the chunk table by a copy, twice as big when little is free; what no
 * word points to can then be used again. */
static int fp_chunks_renew(struct fp_tables *t, struct fp_err *e)
{
	uint32_t n = fp_chunk_head(t)->n, more, n_used = 0, *used = NULL;
	struct fp_table_head *head;
	struct fp_area fresh;
	int r;

	r = fp_chunks_used(t, n, &used, e);
	if (!r)
		r = fp_area_whole(&t->tab[FP_TAB_CHUNK], e);
	if (r)
		goto out;
	for (uint32_t i = 1; i <= n; i++)
		n_used += used[i / 32] >> (i % 32) & 1;
	more = n_used > n / 2 ? n * 2 : n;
	r = t->backing.make(t->backing.ctx, FP_TAB_CHUNK, more, &fresh, e);
	if (r)
		goto out;
	memcpy(fresh.base, t->tab[FP_TAB_CHUNK].base,
	       ((size_t)n + 1) * sizeof(struct fp_chunk));
	head = (struct fp_table_head *)fresh.base;
	head->n = more;
	head->free_head = 0;
	r = fp_tables_replace(t, FP_TAB_CHUNK, &fresh, e);
	if (r)
		goto out;
	head = fp_chunk_head(t);
	for (uint32_t i = 1; i < head->fresh && i <= n; i++) {
		if (used[i / 32] >> (i % 32) & 1)
			continue;
		fp_chunk_at(t, i)->word[0] = head->free_head;
		head->free_head = i;
	}
out:
	free(used);
	return r;
}

static int fp_chunk_new(struct fp_tables *t, uint32_t *out, struct fp_err *e)
{
	struct fp_table_head *head = fp_chunk_head(t);
	int r;

	if (!head->free_head && head->fresh > head->n) {
		r = fp_chunks_renew(t, e);
		if (r)
			return r;
		head = fp_chunk_head(t);
	}
	if (head->free_head) {
		*out = head->free_head;
		head->free_head = fp_chunk_at(t, *out)->word[0];
	} else {
		*out = head->fresh++;
	}
	return 0;
}

/* ---- one word ---- */

static uint32_t fp_chunk_get(const struct fp_chunk *c, uint32_t host)
{
	return c->word[host >> 4] >> ((host & 15) * 2) & 3;
}

static void fp_chunk_pack(struct fp_chunk *c, const uint8_t v[FP_HOSTS])
{
	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < FP_HOSTS; i++)
		c->word[i >> 4] |= (uint32_t)v[i] << ((i & 15) * 2);
}

/* The word for up to three hosts (an octet may stand twice). */
static uint32_t fp_word_inline(const uint8_t octet[3], uint32_t n,
			       uint32_t kind)
{
	return FP_DIR_INLINE << 30 | kind << 27 | octet[0] |
	       (uint32_t)octet[n > 1 ? 1 : 0] << 8 |
	       (uint32_t)octet[n > 2 ? 2 : 0] << 16;
}

/* The word for these verdicts, if it needs no chunk. */
static bool fp_word_simple(const uint8_t v[FP_HOSTS], uint32_t *out)
{
	uint32_t n = 0, kind = FP_V_NONE;
	uint8_t octet[3];

	if (!memcmp(v, v + 1, FP_HOSTS - 1)) {
		*out = v[0] ? FP_DIR_ALL << 30 | (uint32_t)v[0] << 27 : 0;
		return true;
	}
	for (uint32_t i = 0; i < FP_HOSTS; i++) {
		if (!v[i])
			continue;
		if (n == 3 || (kind && v[i] != kind))
			return false;
		kind = v[i];
		octet[n++] = (uint8_t)i;
	}
	*out = fp_word_inline(octet, n, kind);
	return true;
}

/* The word first, then the gate's bit: what is not gated is not asked. */
static void fp_word_put(struct fp_sweep *s, uint32_t net, uint32_t w)
{
	struct fp_tables *t = s->t;
	uint32_t *at = fp_word_at(t, net);
	uint32_t *gate = fp_area_at(&t->gate4, (size_t)(net >> 5) * 4);
	uint32_t bit = 1u << (net & 31);

	if (*at != w) {
		fp_store32(at, w);
		s->stats->words++;
	}
	if (!(*gate & bit) != !w)
		fp_store32(gate, *gate ^ bit);
}

static void fp_word_differs(struct fp_sweep *s, uint32_t net, const char *text)
{
	struct fp_prefix p = {
		.lo = 0xffff00000000ull | (uint64_t)net << 8,
		.len = 120,
	};

	s->n_differ++;
	s->differs(s->ctx, &p, text);
}

static void fp_word_compare(struct fp_sweep *s, uint32_t net, uint32_t want)
{
	uint32_t w = *fp_word_at(s->t, net);
	uint32_t gate =
		*(uint32_t *)fp_area_at(&s->t->gate4, (size_t)(net >> 5) * 4);

	if ((w & ~FP_DIR_LOOK) != (want & ~FP_DIR_LOOK))
		fp_word_differs(s, net, "directory word");
	else if (want & ~w & FP_DIR_LOOK)
		fp_word_differs(s, net, "LOOK bit missing");
	else if (w && !(gate >> (net & 31) & 1))
		fp_word_differs(s, net, "gate bit missing");
}

/* LOOK as the image wants it; a partial image knows only its own entry. */
static uint32_t fp_look(const struct fp_sweep *s, uint32_t net)
{
	if (s->look[net >> 5] >> (net & 31) & 1)
		return FP_DIR_LOOK;
	if (s->img->is_all || s->differs)
		return 0;
	return *fp_word_at(s->t, net) & FP_DIR_LOOK;
}

static void fp_emit_word(struct fp_sweep *s, uint32_t net, uint32_t w)
{
	w |= fp_look(s, net);
	if (s->differs)
		fp_word_compare(s, net, w);
	else
		fp_word_put(s, net, w);
}

static void fp_compare_chunk(struct fp_sweep *s, uint32_t net,
			     const struct fp_chunk *want)
{
	uint32_t w = *fp_word_at(s->t, net);

	if (FP_DIR_TYPE(w) != FP_DIR_CHUNK)
		fp_word_differs(s, net, "directory word");
	else if (memcmp(fp_chunk_at(s->t, FP_DIR_VALUE(w)), want,
			sizeof(*want)))
		fp_word_differs(s, net, "chunk");
	else
		fp_word_compare(s, net, (w & ~FP_DIR_LOOK) | fp_look(s, net));
}

static int fp_emit_chunk(struct fp_sweep *s, uint32_t net,
			 const uint8_t v[FP_HOSTS], struct fp_err *e)
{
	uint32_t w = *fp_word_at(s->t, net), n;
	struct fp_chunk want, *c;
	int r;

	fp_chunk_pack(&want, v);
	if (s->differs) {
		fp_compare_chunk(s, net, &want);
		return 0;
	}
	/* A reader that holds a word without LOOK asks the chunk alone: what moves
	 * to the prefix table must not go from under it. */
	if (FP_DIR_TYPE(w) == FP_DIR_CHUNK &&
	    (w & FP_DIR_LOOK || !fp_look(s, net))) {
		c = fp_chunk_at(s->t, FP_DIR_VALUE(w));
		for (int i = 0; i < 16; i++)
			if (c->word[i] != want.word[i])
				fp_store32(&c->word[i], want.word[i]);
		fp_emit_word(s, net, FP_DIR_CHUNK << 30 | FP_DIR_VALUE(w));
		s->stats->chunks++;
		return 0;
	}
	r = fp_chunk_new(s->t, &n, e);
	if (r)
		return r;
	*fp_chunk_at(s->t, n) = want;
	s->stats->chunks++;
	fp_emit_word(s, net, FP_DIR_CHUNK << 30 | n);
	return 0;
}

/* ---- the sweep ---- */

struct fp_cover {
	uint32_t end; /* first /24 behind it */
	uint8_t kind; /* the highest of it and those around it */
};

struct fp_sweep_state {
	struct fp_cover stack[26];
	int depth;
	uint32_t next;    /* first /24 that is not done */
	uint32_t painted; /* the /24 in hand, or FP_NETS: none */
	/* up to three hosts of one kind are kept as such: nearly every /24 of a
	 * list of hosts needs no more */
	uint8_t octet[3], octet_kind;
	uint32_t n_octets;
	bool is_full;        /* v counts instead */
	uint8_t v[FP_HOSTS]; /* a verdict a host */
};

static uint8_t fp_base(struct fp_sweep_state *st)
{
	while (st->depth && st->stack[st->depth - 1].end <= st->next)
		st->depth--;
	return st->depth ? st->stack[st->depth - 1].kind : FP_V_NONE;
}

/* Nothing wanted in FP_STRIDE /24s, and nothing there: so is most of the table. */
static bool fp_is_void(struct fp_sweep *s, uint32_t net)
{
	uint32_t gate =
		*(uint32_t *)fp_area_at(&s->t->gate4, (size_t)(net >> 5) * 4);
	uint64_t w[FP_STRIDE / 2];

	if ((s->look[net >> 5] | gate) >> (net & 31) & ((1u << FP_STRIDE) - 1))
		return false;
	memcpy(w, fp_word_at(s->t, net), sizeof(w));
	return !(w[0] | w[1] | w[2] | w[3]);
}

/* /24s from..to have one verdict. */
static void fp_emit_run(struct fp_sweep *s, uint32_t from, uint32_t to,
			uint8_t kind)
{
	uint32_t w = kind ? FP_DIR_ALL << 30 | (uint32_t)kind << 27 : 0;

	for (uint32_t net = from; net < to;) {
		if (!w && !(net % FP_STRIDE) && to - net >= FP_STRIDE &&
		    fp_is_void(s, net)) {
			net += FP_STRIDE;
			continue;
		}
		fp_emit_word(s, net++, w);
	}
}

static int fp_emit_painted(struct fp_sweep *s, struct fp_sweep_state *st,
			   struct fp_err *e)
{
	uint32_t net = st->painted, w;

	st->painted = FP_NETS;
	st->next = net + 1;
	if (!st->is_full) {
		fp_emit_word(s, net,
			     fp_word_inline(st->octet, st->n_octets,
					    st->octet_kind));
		return 0;
	}
	if (fp_word_simple(st->v, &w)) {
		fp_emit_word(s, net, w);
		return 0;
	}
	return fp_emit_chunk(s, net, st->v, e);
}

/* Emit every /24 before `to`. */
static int fp_sweep_to(struct fp_sweep *s, struct fp_sweep_state *st,
		       uint32_t to, struct fp_err *e)
{
	int r;

	while (st->next < to) {
		uint8_t base = fp_base(st);
		uint32_t end = to;

		if (st->next == st->painted) {
			r = fp_emit_painted(s, st, e);
			if (r)
				return r;
			continue;
		}
		if (st->depth && st->stack[st->depth - 1].end < end)
			end = st->stack[st->depth - 1].end;
		if (st->painted < end)
			end = st->painted;
		fp_emit_run(s, st->next, end, base);
		st->next = end;
	}
	return 0;
}

/* From hosts to a verdict for each. */
static void fp_paint_all(struct fp_sweep_state *st)
{
	memset(st->v, fp_base(st), sizeof(st->v));
	for (uint32_t i = 0; i < st->n_octets; i++)
		if (st->v[st->octet[i]] < st->octet_kind)
			st->v[st->octet[i]] = st->octet_kind;
	st->is_full = true;
}

/* Is it one of three hosts of one kind at most? */
static bool fp_paint_octet(struct fp_sweep_state *st, const struct fp_image4 *x)
{
	uint8_t octet = (uint8_t)x->addr;

	if (st->is_full || x->len != 32 || fp_base(st) ||
	    (st->n_octets && x->kind != st->octet_kind))
		return false;
	if (st->n_octets && st->octet[st->n_octets - 1] == octet)
		return true;
	if (st->n_octets == 3)
		return false;
	st->octet[st->n_octets++] = octet;
	st->octet_kind = x->kind;
	return true;
}

static void fp_paint(struct fp_sweep_state *st, const struct fp_image4 *x)
{
	uint32_t from = x->addr & 255, to = from + (1u << (32 - x->len));

	if (st->painted != x->addr >> 8) {
		st->painted = x->addr >> 8;
		st->n_octets = 0;
		st->is_full = false;
	}
	if (fp_paint_octet(st, x))
		return;
	if (!st->is_full)
		fp_paint_all(st);
	for (uint32_t i = from; i < to; i++)
		if (st->v[i] < x->kind)
			st->v[i] = x->kind;
}

static int fp_sweep_feed(struct fp_sweep *s, struct fp_sweep_state *st,
			 const struct fp_image4 *x, struct fp_err *e)
{
	uint32_t net = x->addr >> 8;
	uint8_t base;
	int r;

	if (net > st->next) {
		r = fp_sweep_to(s, st, net, e);
		if (r)
			return r;
	}
	if (x->len > 24) {
		fp_paint(st, x);
		return 0;
	}
	base = fp_base(st);
	st->stack[st->depth++] = (struct fp_cover){
		.end = net + (1u << (24 - x->len)),
		.kind = x->kind > base ? x->kind : base,
	};
	/* the same prefix again, of another kind: keep one level */
	if (st->depth > 1 &&
	    st->stack[st->depth - 2].end == st->stack[st->depth - 1].end) {
		st->stack[st->depth - 2] = st->stack[st->depth - 1];
		st->depth--;
	}
	return 0;
}

int fp_directory_sweep(struct fp_sweep *s, struct fp_err *e)
{
	struct fp_sweep_state st = { .painted = FP_NETS };
	uint32_t end = FP_NETS;
	int r = 0;

	if (!s->img->is_all) {
		const struct fp_prefix *p = &s->img->around;

		if (!fp_prefix_is_v4(p))
			return 0;
		st.next = (uint32_t)p->lo >> 8;
		end = st.next + (p->len < 120 ? 1u << (120 - p->len) : 1);
	}
	for (size_t i = 0; i < s->img->n4 && !r; i++)
		r = fp_sweep_feed(s, &st, &s->img->v4[i], e);
	return r ? r : fp_sweep_to(s, &st, end, e);
}

uint32_t fp_directory_verdict(struct fp_tables *t, uint32_t addr, bool *is_look)
{
	uint32_t net = addr >> 8, host = addr & 255, w, x;
	uint32_t *gate = fp_area_at(&t->gate4, (size_t)(net >> 5) * 4);

	*is_look = false;
	if (!(fp_load32(gate) >> (net & 31) & 1))
		return FP_V_NONE;
	w = fp_load32(fp_word_at(t, net));
	x = FP_DIR_VALUE(w);
	*is_look = w & FP_DIR_LOOK;
	switch (FP_DIR_TYPE(w)) {
	case FP_DIR_ALL:
		return FP_DIR_VERDICT(w);
	case FP_DIR_INLINE:
		return (x & 255) == host || (x >> 8 & 255) == host ||
				       x >> 16 == host
			       ? FP_DIR_VERDICT(w)
			       : FP_V_NONE;
	case FP_DIR_CHUNK:
		return fp_chunk_get(fp_chunk_at(t, x), host);
	default:
		return FP_V_NONE;
	}
}
