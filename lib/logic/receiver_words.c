/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about dynamic lists: WORDS, CHANGE. */
#include <stdlib.h>
#include <string.h>

#include "logic/receiver_priv.h"
#include "model/words.h"

#define WORDS_MAX (1u << 20) /* lines of a frame */

/* ---- WORDS: what differs, and ours of it */

/* Words of this node in C's clock. */
struct shifted {
	struct fp_stream from;
	struct fp_buf store;
	int64_t add_ms;
};

static int shifted_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct shifted *s = ctx;
	struct fp_entry x;
	int rc = s->from.next(s->from.ctx, &x, e);

	if (rc <= 0 || !s->add_ms) {
		*out = x;
		return rc;
	}
	s->store.len = 0;
	rc = fp_word_shift(&s->store, out, &x, s->add_ms, e);
	return rc ? rc : 1;
}

/* Open a list as C would see it; none is an empty one. */
static int no_entry(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	(void)ctx;
	(void)out;
	(void)e;
	return 0;
}

static int open_words(struct fp_receiver *r, const char *name,
		      enum fp_kind kind, struct shifted *s, bool *is_open,
		      struct fp_err *e)
{
	struct fp_list_head about;
	int rc = r->ops->open_list(r->ctx, name, &about, &s->from, e);

	*is_open = !rc;
	s->add_ms = -r->clock_add_ms;
	if (rc == -ENOENT) {
		s->from = (struct fp_stream){ no_entry, NULL };
		return 0;
	}
	if (rc || (about.owner == FP_OWNER_DYNAMIC && about.kind == kind))
		return rc;
	r->ops->close_list(r->ctx);
	*is_open = false;
	return fp_err(e, -EEXIST, "list %s is there: %s, owned %s", name,
		      fp_kind_name(about.kind), fp_owner_name(about.owner));
}

static void put_words(struct fp_receiver *r, const char *name,
		      const unsigned char *bits, uint32_t n_buckets)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_WORDS);

	fp_wire_put(&r->out, "list", name);
	fp_wire_put_u64(&r->out, "n_buckets", n_buckets);
	fp_wire_body(&r->out, bits, (n_buckets + 7) / 8);
	fp_wire_end(&r->out, begin);
}

/* One walk over the list.  what: with bits, put their lines; without, make
 * them. */
static int walk_words(struct fp_receiver *r, const char *name,
		      enum fp_kind kind, uint32_t n_buckets, const char *theirs,
		      unsigned char **bits, bool *is_broken, struct fp_err *e)
{
	struct shifted s = { .add_ms = 0 };
	struct fp_stream stream = { shifted_next, &s };
	bool is_open;
	int rc = open_words(r, name, kind, &s, &is_open, e);

	*is_broken = false;
	if (!rc && !*bits)
		rc = fp_receiver_differing(&stream, n_buckets, theirs, bits, e);
	else if (!rc)
		rc = fp_receiver_put_lines(r, &stream, *bits, n_buckets,
					   is_broken, e);
	if (is_open)
		r->ops->close_list(r->ctx);
	fp_buf_fini(&s.store);
	return rc;
}

int fp_receiver_take_words(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	char name[FP_LIST_NAME_MAX + 1];
	struct fp_err e = { .text = "" };
	unsigned char *bits = NULL;
	bool is_broken = false;
	uint32_t n_buckets;
	enum fp_kind kind;
	int rc = fp_receiver_name(r, m, "list", name);

	if (!rc)
		rc = fp_receiver_kind(r, m, &kind);
	if (!rc)
		rc = fp_receiver_buckets(r, m, &n_buckets);
	if (rc)
		return rc;
	rc = walk_words(r, name, kind, n_buckets, m->body, &bits, &is_broken,
			&e);
	if (!rc) {
		put_words(r, name, bits, n_buckets);
		rc = walk_words(r, name, kind, n_buckets, NULL, &bits,
				&is_broken, &e);
	}
	free(bits);
	if (is_broken)
		return rc;
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else
		fp_receiver_put_end(r);
	return 0;
}

/* ---- CHANGE: theirs */

/* Words in our clock.  Their metas stand one after the other in store, which
 * moves until all are there. */
struct batch {
	struct fp_entry *v;
	size_t n, cap;
	struct fp_buf store;
	int64_t add_ms;
};

static int batch_add(struct batch *b, const struct fp_entry *x,
		     struct fp_err *e)
{
	struct fp_entry *v = b->v;
	int rc;

	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 64;
		v = reallocarray(v, b->cap, sizeof(*v));
		if (!v)
			return fp_err(e, -ENOMEM, "out of memory");
		b->v = v;
	}
	rc = fp_word_shift(&b->store, &v[b->n], x, b->add_ms, e);
	if (rc)
		return rc;
	b->n++;
	return 0;
}

/* Parse n bytes of lines.  1: a prefix comes twice, nothing was added. */
static int batch_parse(struct batch *b, const char *text, size_t n,
		       size_t n_lines, struct fp_err *e)
{
	const struct fp_parse_opts o = { .file = "words", .max = WORDS_MAX };
	struct fp_entries x;
	int rc = fp_entries_parse(&x, text, n, &o, e);
	bool is_twice;

	if (rc)
		return rc;
	is_twice = x.n < n_lines;
	for (size_t i = 0; i < x.n && !is_twice && !rc; i++)
		rc = batch_add(b, &x.v[i], e);
	fp_entries_fini(&x);
	return rc ? rc : is_twice;
}

static size_t count_lines(const char *text, size_t n)
{
	const char *end = text + n;
	size_t lines = 0;

	for (; text < end && (text = memchr(text, '\n', (size_t)(end - text)));
	     text++)
		lines++;
	return lines;
}

/* Of a prefix that comes twice a parser keeps one: then line by line. */
static int batch_take(struct batch *b, const char *text, size_t n,
		      struct fp_err *e)
{
	const char *end = text + n, *next;
	int rc = batch_parse(b, text, n, count_lines(text, n), e);

	for (; rc == 1 && text < end; text = next) {
		next = (const char *)memchr(text, '\n', (size_t)(end - text)) +
		       1;
		rc = batch_parse(b, text, (size_t)(next - text), 0, e);
		rc = rc ? rc : 1;
	}
	if (rc < 0)
		return rc;
	for (size_t i = 0, at = 0; i < b->n; at += b->v[i++].meta_len)
		b->v[i].meta = b->store.data ? b->store.data + at : NULL;
	return 0;
}

static int parse_change(struct fp_receiver *r, const struct fp_wire_msg *m,
			struct fp_receiver_words *w)
{
	int rc = fp_receiver_name(r, m, "list", w->list);

	if (!rc)
		rc = fp_receiver_kind(r, m, &w->kind);
	if (!rc)
		rc = fp_receiver_text(r, m, "by", w->by, sizeof(w->by));
	if (!rc)
		rc = fp_receiver_text(r, m, "why", w->why, sizeof(w->why));
	if (!rc)
		rc = fp_receiver_text(r, m, "override", w->overrides,
				      sizeof(w->overrides));
	if (rc || !m->body_len || m->body[m->body_len - 1] == '\n')
		return rc;
	return fp_receiver_wrong(r, "CHANGE ends within a line");
}

/* What does not fit in a frame is counted, not named. */
static void put_change_ok(struct fp_receiver *r,
			  const struct fp_receiver_words *w)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_OK);
	size_t n = w->named.len;

	if (n > FP_WIRE_BODY_MAX)
		for (n = FP_WIRE_BODY_MAX; w->named.data[n - 1] != '\n';)
			n--;
	fp_wire_put_u64(&r->out, "changed", w->changed);
	fp_wire_put_u64(&r->out, "ignored", w->ignored);
	fp_wire_put_u64(&r->out, "refused", w->refused);
	fp_wire_put_u64(&r->out, "force", w->is_in_force);
	fp_wire_body(&r->out, w->named.data, n);
	fp_wire_end(&r->out, begin);
}

int fp_receiver_take_change(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	struct batch b = { .add_ms = r->clock_add_ms };
	struct fp_receiver_words w = { .list = "" };
	struct fp_err e = { .text = "" };
	int rc = parse_change(r, m, &w);

	if (rc)
		return rc;
	rc = batch_take(&b, m->body, m->body_len, &e);
	w.v = b.v;
	w.n = b.n;
	if (!rc)
		rc = r->ops->change(r->ctx, &w, &e);
	free(b.v);
	fp_buf_fini(&b.store);
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else
		put_change_ok(r, &w);
	fp_buf_fini(&w.named);
	return 0;
}
