/* SPDX-License-Identifier: Apache-2.0 */
/* The list that staged lines make: with what was there, written and fsynced. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "node/push_priv.h"

#define CHUNK_BYTES (256u << 10)

/* ---- the changes that came, in order */

/* Lines of a chunk: those that put in, and for a diff those that take out. */
struct lines {
	const char *at, *end; /* not parsed yet */
	bool is_signed;
	struct fp_buf text[2];
	struct fp_entries v[2];
	size_t i[2];
	struct fp_prefix last;
	bool has_last;
};

/* Cut a chunk at a line's end. */
static size_t chunk(const struct lines *l)
{
	size_t n = (size_t)(l->end - l->at);
	const char *nl;

	if (n <= CHUNK_BYTES)
		return n;
	nl = memchr(l->at + CHUNK_BYTES, '\n', n - CHUNK_BYTES);
	return nl ? (size_t)(nl + 1 - l->at) : n;
}

static int parse(struct fp_entries *out, const char *text, size_t n,
		 struct fp_err *e)
{
	const struct fp_parse_opts o = { .file = "pushed list",
					 .max = FP_RECEIVER_ENTRIES_MAX };

	fp_entries_fini(out);
	*out = (struct fp_entries){ 0 };
	return n ? fp_entries_parse(out, text, n, &o, e) : 0;
}

/* Part them by their signs. */
static int part(struct lines *l, size_t n, struct fp_err *e)
{
	const char *s = l->at, *end = s + n, *next;

	l->text[0].len = l->text[1].len = 0;
	for (; s < end; s = next) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		next = nl ? nl + 1 : end;
		if (*s != '+' && *s != '-')
			return fp_err(e, -EINVAL, "a line without + or -");
		fp_buf_add(&l->text[*s == '-'], s + 1, (size_t)(next - s - 1));
	}
	return l->text[0].is_failed || l->text[1].is_failed
		       ? fp_err(e, -ENOMEM, "out of memory")
		       : 0;
}

static int fill(struct lines *l, struct fp_err *e)
{
	size_t n = chunk(l);
	int r;

	l->i[0] = l->i[1] = 0;
	if (l->is_signed) {
		r = part(l, n, e);
		if (!r)
			r = parse(&l->v[1], l->text[1].data, l->text[1].len, e);
		if (!r)
			r = parse(&l->v[0], l->text[0].data, l->text[0].len, e);
	} else {
		r = parse(&l->v[0], l->at, n, e);
	}
	l->at += n;
	return r;
}

/* 1: *out filled; 0: the end; -EINVAL. */
static int lines_next(struct lines *l, struct fp_change *out, struct fp_err *e)
{
	const struct fp_entry *x[2];
	int k, r;

	while (l->i[0] == l->v[0].n && l->i[1] == l->v[1].n) {
		if (l->at == l->end)
			return 0;
		r = fill(l, e);
		if (r)
			return r;
	}
	for (k = 0; k < 2; k++)
		x[k] = l->i[k] < l->v[k].n ? &l->v[k].v[l->i[k]] : NULL;
	k = !x[0] || (x[1] && fp_prefix_cmp(&x[1]->p, &x[0]->p) < 0);
	if (!x[k]) /* the loop above sees to it that one is there */
		return 0;
	*out = (struct fp_change){ .is_del = k, .entry = *x[k] };
	l->i[k]++;
	if (l->has_last && fp_prefix_cmp(&l->last, &out->entry.p) >= 0)
		return fp_err(e, -EINVAL, "lines are not in order");
	l->last = out->entry.p;
	l->has_last = true;
	return 1;
}

static void lines_fini(struct lines *l)
{
	for (int k = 0; k < 2; k++) {
		fp_entries_fini(&l->v[k]);
		fp_buf_fini(&l->text[k]);
	}
}

/* ---- the list as it will be */

/* What was there and what came, merged.  Every entry that is given goes into the
 * digest too. */
struct result {
	const struct fp_receiver_list *about;
	struct fp_list *was; /* NULL: none */
	struct fp_list_iter it;
	struct fp_entry old;
	struct fp_change came;
	bool has_old, has_came;
	struct lines lines;
	struct fp_staged *to; /* counts */
	enum fp_owner was_owner;
	struct fp_buf text;
	struct fp_sha256 sha;
};

static int next_old(struct result *s, struct fp_err *e)
{
	int r = s->was ? fp_list_next(&s->it, &s->old, e) : 0;

	s->has_old = r > 0;
	return r < 0 ? r : 0;
}

static int next_came(struct result *s, struct fp_err *e)
{
	int r = lines_next(&s->lines, &s->came, e);

	s->has_came = r > 0;
	return r < 0 ? r : 0;
}

/* Does an entry stay that nothing was said about? */
static bool stays(const struct result *s)
{
	uint32_t i;

	switch (s->about->how) {
	case FP_HOW_DIFF:
		return true;
	case FP_HOW_BUCKETS:
		i = fp_bucket_of(&s->old.p, s->about->n_buckets);
		return !(s->about->wanted[i / 8] >> (i % 8) & 1);
	default:
		return false;
	}
}

static int order(const struct result *s)
{
	if (!s->has_old || !s->has_came)
		return s->has_came - s->has_old; /* one of them has */
	return fp_prefix_cmp(&s->old.p, &s->came.entry.p);
}

static void hash(struct result *s, const struct fp_entry *x)
{
	fp_entry_print(&s->text, x);
	if (s->text.len < CHUNK_BYTES / 16)
		return;
	fp_sha256_add(&s->sha, s->text.data, s->text.len);
	s->text.len = 0;
}

static int give(struct result *s, const struct fp_entry *x,
		struct fp_entry *out)
{
	*out = *x;
	hash(s, x);
	s->to->entries++;
	s->to->keys_more += fp_node_needs_key(x, FP_OWNER_PUSHED);
	return 1;
}

static int result_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct result *s = ctx;
	int r = 0;

	/* what was given last is used up now, not before */
	while (!r) {
		int c;

		if (!s->has_old && (r = next_old(s, e)))
			break;
		if (!s->has_came && (r = next_came(s, e)))
			break;
		if (!s->has_old && !s->has_came)
			return 0;
		c = order(s);
		if (c <= 0) {
			s->has_old = false;
			s->to->keys_more -=
				fp_node_needs_key(&s->old, s->was_owner);
			if (c < 0 && stays(s))
				return give(s, &s->old, out);
			s->to->removed += c < 0 || s->came.is_del;
			if (c < 0)
				continue;
		}
		s->has_came = false;
		s->to->added += c > 0 && !s->came.is_del;
		if (!s->came.is_del)
			return give(s, &s->came.entry, out);
	}
	return r;
}

/* ---- at the end */

static void result_fini(struct result *s)
{
	lines_fini(&s->lines);
	fp_buf_fini(&s->text);
	fp_list_close(s->was);
}

/* What the list is made against.  A list that cannot be read is none; then
 * nothing but the whole list helps. */
static int open_base(struct fp_push *p, struct result *s, struct fp_err *e)
{
	struct fp_digest d;
	int r;

	fp_file_id(p->lists_fd, p->now.name, &s->to->base);
	r = fp_list_open(&s->was, p->lists_fd, p->now.name, e);
	if (r)
		s->was = NULL;
	if (r && r != -ENOENT && r != -EBADMSG)
		return r;
	if (!r && p->now.how == FP_HOW_DIFF) {
		r = fp_digests_get(p->digests, p->lists_fd, s->was, &d, e);
		if (!r && strcmp(d.hex, p->now.from) != 0)
			r = -ENODATA;
	}
	if (r && p->now.how == FP_HOW_DIFF)
		return fp_err(e, -ENODATA,
			      "list %s is not what the changes are for",
			      p->now.name);
	if (s->was) {
		fp_list_seek(s->was, &s->it, NULL);
		s->was_owner = fp_list_about(s->was)->owner;
	}
	return 0;
}

static int map_spool(struct fp_push *p, struct result *s, struct fp_err *e)
{
	void *map = "";

	if (p->spool_bytes)
		map = mmap(NULL, p->spool_bytes, PROT_READ, MAP_PRIVATE,
			   p->spool_fd, 0);
	if (map == MAP_FAILED)
		return fp_err_sys(e, -errno, "reading what was staged");
	s->lines.at = map;
	s->lines.end = s->lines.at + p->spool_bytes;
	s->lines.is_signed = p->now.how == FP_HOW_DIFF;
	return 0;
}

static int check_digest(struct fp_push *p, struct result *s, struct fp_err *e)
{
	unsigned char sum[FP_SHA256_SIZE];

	if (s->text.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	fp_sha256_add(&s->sha, s->text.data, s->text.len);
	fp_sha256_fini(&s->sha, sum);
	fp_hex(sum, sizeof(sum), s->to->digest);
	if (!strcmp(s->to->digest, p->now.digest) &&
	    s->to->entries == p->now.entries)
		return 0;
	return fp_err(
		e, -EILSEQ,
		"list %s would have %llu entries of digest %.12s, not %llu of %.12s",
		p->now.name, (unsigned long long)s->to->entries, s->to->digest,
		(unsigned long long)p->now.entries, p->now.digest);
}

static int write_list(struct fp_push *p, struct result *s, struct fp_err *e)
{
	struct fp_list_head h = { .kind = p->now.kind,
				  .owner = FP_OWNER_PUSHED,
				  .gen = 1 };

	snprintf(h.name, sizeof(h.name), "%s", p->now.name);
	if (s->was)
		h.gen += fp_list_about(s->was)->gen;
	fp_sha256_init(&s->sha);
	fp_buf_printf(&s->text, "%s %s\n", h.name, fp_kind_name(h.kind));
	return fp_list_write(p->dir_fd, &h, result_next, s, e);
}

static void start_over(struct result *s, const char *spool)
{
	struct fp_staged *to = s->to;

	to->entries = to->added = to->removed = 0;
	to->keys_more = 0;
	fp_list_close(s->was);
	s->was = NULL;
	s->has_old = s->has_came = s->lines.has_last = false;
	s->lines.at = spool;
	s->lines.i[0] = s->lines.v[0].n;
	s->lines.i[1] = s->lines.v[1].n;
	s->text.len = 0;
}

int fp_push_make_list(struct fp_push *p, struct fp_staged *to, struct fp_err *e)
{
	struct result s = { .about = &p->now, .to = to };
	const char *spool = NULL;
	char file[FP_FILE_MAX];
	int r = map_spool(p, &s, e);

	if (!r) {
		spool = s.lines.at;
		r = open_base(p, &s, e);
	}
	if (!r)
		r = write_list(p, &s, e);
	if (r == -EBADMSG && s.was) { /* it is of the old list */
		if (p->now.how != FP_HOW_WHOLE) {
			r = -ENODATA;
		} else {
			start_over(&s, spool);
			r = write_list(p, &s, e);
		}
	}
	if (!r)
		r = check_digest(p, &s, e);
	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, p->now.name);
	if (r)
		unlinkat(p->dir_fd, file, 0);
	if (spool && p->spool_bytes)
		munmap((void *)spool, p->spool_bytes);
	result_fini(&s);
	return r;
}

/* ---- counting anew, when the list has changed since it was staged */

struct side {
	struct fp_list_iter it;
	struct fp_entry x;
	enum fp_owner owner;
	bool has;
	int64_t keys;
};

static int side_next(struct side *s, struct fp_err *e)
{
	int r = s->it.list ? fp_list_next(&s->it, &s->x, e) : 0;

	s->has = r > 0;
	s->keys += s->has && fp_node_needs_key(&s->x, s->owner);
	return r < 0 ? r : 0;
}

static int side_open(struct side *s, const struct fp_list *l, struct fp_err *e)
{
	*s = (struct side){ .keys = 0 };
	if (l) {
		fp_list_seek(l, &s->it, NULL);
		s->owner = fp_list_about(l)->owner;
	}
	return side_next(s, e);
}

int fp_push_count(struct fp_staged *s, const struct fp_list *was,
		  const struct fp_list *will, struct fp_err *e)
{
	struct side a, b = { .keys = 0 };
	int r = side_open(&a, was, e);

	if (!r)
		r = side_open(&b, will, e);
	s->added = s->removed = 0;
	while (!r && (a.has || b.has)) {
		int c = !a.has || !b.has ? b.has - a.has
					 : fp_prefix_cmp(&a.x.p, &b.x.p);

		s->removed += c < 0;
		s->added += c > 0;
		if (c <= 0)
			r = side_next(&a, e);
		if (!r && c >= 0)
			r = side_next(&b, e);
	}
	s->keys_more = b.keys - a.keys;
	return r;
}
