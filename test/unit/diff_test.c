/* SPDX-License-Identifier: Apache-2.0 */
/* Differences and digests of lists. */
#include "unit.h"

#include "model/diff.h"

#define MAX 200

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

static struct fp_prefix prefix(const char *s)
{
	struct fp_prefix p;

	OK(!fp_prefix_parse(&p, s, strlen(s), NULL));
	return p;
}

/* ---- streams of memory */

struct mem {
	struct fp_entry v[MAX];
	size_t n, i;
	size_t fail_at; /* 1: the first call; 0: never */
};

static int mem_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct mem *m = ctx;

	if (m->fail_at && m->i + 1 == m->fail_at)
		return fp_err(e, -EBADMSG, "the stream failed");
	if (m->i == m->n)
		return 0;
	*out = m->v[m->i++];
	return 1;
}

static struct fp_stream stream(struct mem *m)
{
	m->i = 0;
	return (struct fp_stream){ mem_next, m };
}

static int by_prefix(const void *a, const void *b)
{
	return fp_prefix_cmp(&((const struct fp_entry *)a)->p,
			     &((const struct fp_entry *)b)->p);
}

static void put(struct mem *m, struct fp_prefix p, int64_t until_s,
		const char *meta)
{
	struct fp_entry x = { .p = p,
			      .until_s = until_s,
			      .meta = meta,
			      .meta_len = (uint32_t)strlen(meta) };

	for (size_t i = 0; i < m->n; i++)
		if (!fp_prefix_cmp(&m->v[i].p, &p)) {
			m->v[i] = x;
			return;
		}
	if (m->n == MAX)
		return;
	m->v[m->n++] = x;
	qsort(m->v, m->n, sizeof(*m->v), by_prefix);
}

static void put_random(struct mem *m)
{
	static const char *const meta[] = { "", "why=a", "why=b", "why=ab" };
	struct fp_prefix p = { .lo = 0xffff0a000000ull | rnd(60), .len = 128 };

	if (!rnd(3))
		p = (struct fp_prefix){ .hi = rnd(30), .len = 128 };
	p = fp_prefix_cut(&p, 128 - rnd(4));
	put(m, p, rnd(2) ? 1800000000 + rnd(2) : 0, meta[rnd(4)]);
}

static void random_list(struct mem *m)
{
	*m = (struct mem){ 0 };
	for (uint32_t n = rnd(rnd(2) ? 4 : MAX); n; n--)
		put_random(m);
}

/* b: a with a few changes. */
static void random_change(struct mem *b, const struct mem *a)
{
	*b = *a;
	for (uint32_t n = rnd(6); n; n--) {
		size_t i = b->n ? rnd((uint32_t)b->n) : 0;

		if (rnd(2) || !b->n) {
			put_random(b);
			continue;
		}
		b->n--;
		memmove(b->v + i, b->v + i + 1, (b->n - i) * sizeof(*b->v));
	}
}

/* As text; the bucket alone when n_buckets is not 0. */
static void print(struct fp_buf *b, const struct mem *m, uint32_t n_buckets,
		  uint32_t bucket)
{
	b->len = 0;
	for (size_t i = 0; i < m->n; i++)
		if (!n_buckets || fp_bucket_of(&m->v[i].p, n_buckets) == bucket)
			fp_entry_print(b, &m->v[i]);
	fp_buf_str(b);
}

static bool is_same(const struct mem *a, const struct mem *b,
		    uint32_t n_buckets, uint32_t bucket)
{
	struct fp_buf x = { 0 }, y = { 0 };
	bool is;

	print(&x, a, n_buckets, bucket);
	print(&y, b, n_buckets, bucket);
	is = !strcmp(x.data, y.data);
	fp_buf_fini(&x);
	fp_buf_fini(&y);
	return is;
}

/* ---- differences */

struct changes {
	struct fp_change v[2 * MAX];
	size_t n, stop_at;
};

static int collect(void *ctx, const struct fp_change *c)
{
	struct changes *x = ctx;

	if (x->n)
		OK(fp_prefix_cmp(&x->v[x->n - 1].entry.p, &c->entry.p) < 0);
	x->v[x->n++] = *c;
	return x->n == x->stop_at ? 42 : 0;
}

static const struct fp_entry *find(const struct mem *m,
				   const struct fp_prefix *p)
{
	for (size_t i = 0; i < m->n; i++)
		if (!fp_prefix_cmp(&m->v[i].p, p))
			return &m->v[i];
	return NULL;
}

/* How many prefixes differ, the naive way. */
static size_t count(const struct mem *a, const struct mem *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += !find(b, &a->v[i].p);
	for (size_t i = 0; i < b->n; i++) {
		const struct fp_entry *x = &b->v[i], *y = find(a, &x->p);

		n += !y || y->until_s != x->until_s ||
		     y->meta_len != x->meta_len ||
		     memcmp(y->meta, x->meta, x->meta_len);
	}
	return n;
}

static void read_all(struct mem *out, const struct fp_stream *s)
{
	*out = (struct mem){ 0 };
	while (out->n < MAX && s->next(s->ctx, &out->v[out->n], NULL) == 1)
		out->n++;
}

static void check_diff(struct mem *a, struct mem *b)
{
	struct fp_stream x = stream(a), y = stream(b);
	struct changes c = { .n = 0 };
	struct fp_patched p;
	struct mem got;

	EQ(fp_diff(&x, &y, collect, &c, NULL), 0);
	EQ(c.n, count(a, b));
	x = stream(a);
	fp_patched_init(&p, &x, c.v, c.n);
	y = (struct fp_stream){ fp_patched_next, &p };
	read_all(&got, &y);
	OK(is_same(&got, b, 0, 0));
	/* the end stays the end */
	EQ(fp_patched_next(&p, &got.v[0], NULL), 0);
}

TEST(a_with_its_difference_is_b)
{
	static struct mem a, b, same;

	for (int i = 0; i < 3000; i++) {
		random_list(&a);
		if (i % 2)
			random_list(&b);
		else
			random_change(&b, &a);
		check_diff(&a, &b);
		check_diff(&b, &a);
		same = a;
		check_diff(&a, &same);
	}
}

TEST(difference_by_hand)
{
	struct changes c = { .n = 0 };
	struct mem a = { 0 }, b = { 0 };
	struct fp_stream x, y;

	put(&a, prefix("192.0.2.7"), 0, "why=a");
	put(&a, prefix("192.0.2.8"), 0, "");
	put(&a, prefix("::1"), 0, "");
	put(&b, prefix("192.0.2.0/24"), 0, "");
	put(&b, prefix("192.0.2.7"), 0, "why=b");
	put(&b, prefix("::1"), 5, "");
	x = stream(&a);
	y = stream(&b);
	EQ(fp_diff(&x, &y, collect, &c, NULL), 0);
	EQ(c.n, 4);
	OK(!c.v[0].is_del && c.v[0].entry.p.len == 120);
	OK(!c.v[1].is_del && !memcmp(c.v[1].entry.meta, "why=b", 5));
	OK(c.v[2].is_del && (uint8_t)c.v[2].entry.p.lo == 8);
	OK(!c.v[3].is_del && c.v[3].entry.until_s == 5);
	/* each says stop */
	c.n = 0;
	c.stop_at = 2;
	x = stream(&a);
	y = stream(&b);
	EQ(fp_diff(&x, &y, collect, &c, NULL), 42);
	EQ(c.n, 2);
}

TEST(what_is_not_there_can_be_taken_off)
{
	struct fp_change v[] = {
		{ true, { .p = prefix("10.0.0.1") } },
		{ false, { .p = prefix("10.0.0.3") } },
		{ true, { .p = prefix("::2") } },
	};
	struct mem a = { 0 }, got, want = { 0 };
	struct fp_stream s;
	struct fp_patched p;

	put(&a, prefix("10.0.0.2"), 0, "");
	put(&want, prefix("10.0.0.2"), 0, "");
	put(&want, prefix("10.0.0.3"), 0, "");
	s = stream(&a);
	fp_patched_init(&p, &s, v, 3);
	s = (struct fp_stream){ fp_patched_next, &p };
	read_all(&got, &s);
	OK(is_same(&got, &want, 0, 0));
}

TEST(streams_that_fail)
{
	unsigned char out[16 * FP_BUCKET_DIGEST];
	struct changes c = { .n = 0 };
	struct mem a = { .n = 0 }, b;
	struct fp_patched p;
	struct fp_entry x;
	struct fp_err e;
	char hex[65] = "untouched";

	put(&a, prefix("10.0.0.2"), 0, "");
	put(&a, prefix("10.0.0.3"), 0, "");
	b = a;
	for (size_t at = 1; at <= 3; at++) {
		struct fp_stream s, t = stream(&b);

		a.fail_at = at;
		s = stream(&a);
		EQ(fp_diff(&s, &t, collect, &c, &e), -EBADMSG);
		STR(e.text, "the stream failed");
		s = stream(&a);
		t = stream(&b);
		EQ(fp_diff(&t, &s, collect, &c, &e), -EBADMSG);
		s = stream(&a);
		EQ(fp_bucket_digests(&s, 16, out, &e), -EBADMSG);
		s = stream(&a);
		EQ(fp_stream_digest("a", FP_KIND_BLOCK, &s, NULL, hex, &e),
		   -EBADMSG);
		STR(hex, "untouched");
	}
	a.fail_at = 1;
	fp_patched_init(&p, &(struct fp_stream){ mem_next, &a }, NULL, 0);
	a.i = 0;
	EQ(fp_patched_next(&p, &x, &e), -EBADMSG);
}

/* ---- buckets */

TEST(number_of_buckets)
{
	EQ(fp_bucket_count(0), 16);
	EQ(fp_bucket_count(16 * 64 + 63), 16);
	EQ(fp_bucket_count(17 * 64), 17);
	EQ(fp_bucket_count(1000000), 15625);
	EQ(fp_bucket_count(65536 * 64 + 64), 65536);
	EQ(fp_bucket_count(UINT64_MAX), 65536);
}

/* By a program of some lines in another language, from fp-sync-protocol.5. */
TEST(bucket_of_a_prefix)
{
	static const struct {
		const char *p;
		uint32_t of16, of1000, of65536;
	} want[] = {
		{ "192.0.2.7", 6, 390, 25586 },
		{ "192.0.2.0/24", 14, 878, 57604 },
		{ "203.0.113.9", 6, 423, 27737 },
		{ "0.0.0.0/0", 12, 795, 52147 },
		{ "2001:db8::/32", 8, 512, 33566 },
		{ "2001:db8::1", 12, 757, 49675 },
		{ "::/0", 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		struct fp_prefix p = prefix(want[i].p);

		EQ(fp_bucket_of(&p, 16), want[i].of16);
		EQ(fp_bucket_of(&p, 1000), want[i].of1000);
		EQ(fp_bucket_of(&p, 65536), want[i].of65536);
		EQ(fp_bucket_of(&p, 1), 0);
	}
}

/* 64 prefixes a bucket, one after the other as networks have them: how far from
 * even?  Chance gives a variance of 64 or a little less. */
static double spread(uint32_t n_buckets, int what)
{
	uint32_t *load = calloc(n_buckets, sizeof(*load));
	double sum = 0;

	for (uint32_t i = 0; i < n_buckets * 64; i++) {
		struct fp_prefix p = { .lo = 0xffff0a000000ull + i,
				       .len = 128 };
		uint32_t at;

		if (what == 1)
			p = (struct fp_prefix){
				.lo = 0xffff00000000ull | i << 8, .len = 120
			};
		else if (what == 2)
			p = (struct fp_prefix){ .hi = 0x20010db800000000ull + i,
						.len = 64 };
		else if (what == 3)
			p = (struct fp_prefix){ .hi = 0x20010db8ull << 32,
						.lo = i,
						.len = 128 };
		at = fp_bucket_of(&p, n_buckets);
		if (!OK(at < n_buckets))
			break;
		load[at]++;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		sum += ((double)load[i] - 64) * ((double)load[i] - 64);
	free(load);
	return sum / n_buckets;
}

TEST(buckets_are_balanced)
{
	static const uint32_t n[] = { 16, 1000, 1024, 65536 };

	for (int i = 0; i < 4; i++)
		for (int what = 0; what < 4; what++) {
			double s = spread(n[i], what);

			if (!OK(s < (i ? 90 : 200)))
				printf("%u buckets, case %d: %g\n", n[i], what,
				       s);
		}
}

TEST(equal_digests_are_equal_buckets)
{
	static unsigned char x[64 * FP_BUCKET_DIGEST], y[sizeof(x)];
	static const unsigned char none[FP_BUCKET_DIGEST];
	static struct mem a, b;
	struct fp_buf text = { 0 };
	struct fp_stream s;

	for (int i = 0; i < 500; i++) {
		uint32_t n = 1 + rnd(64);

		random_list(&a);
		random_change(&b, &a);
		s = stream(&a);
		OK(!fp_bucket_digests(&s, n, x, NULL));
		s = stream(&b);
		OK(!fp_bucket_digests(&s, n, y, NULL));
		for (uint32_t k = 0; k < n; k++) {
			size_t at = k * FP_BUCKET_DIGEST;

			EQ(!memcmp(x + at, y + at, FP_BUCKET_DIGEST),
			   is_same(&a, &b, n, k));
			print(&text, &a, n, k);
			EQ(!memcmp(x + at, none, sizeof(none)), !text.len);
		}
	}
	fp_buf_fini(&text);
}

/* ---- digests, by sha256sum from fp-sync-protocol.5 */

#define FEED "ae3827295ef58f589aa82af5618373d8647373b82d29e1df3939f9dc43446019"
#define PEERS "a663ced5e368a13c234a6e77e5146965c33f5843e5316d7c0b5efcbcbd24c6c9"
#define POLICY                                                                 \
	"e2ed269dfc707c842e34c7b55d82dd4cb33374d72a7fa547873679e83cf5c512"
#define NONE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void feed(struct mem *m)
{
	*m = (struct mem){ 0 };
	put(m, prefix("192.0.2.7"), 0, "");
	put(m, prefix("198.51.100.0/24"), 1798859045, "why=\"toll fraud\"");
	put(m, prefix("203.0.113.9"), 0, "why=scan");
	put(m, prefix("2001:db8::/32"), 0, "");
}

TEST(digests)
{
	struct fp_list_digest v[] = { { "feed", FP_KIND_BLOCK, FEED },
				      { "peers", FP_KIND_ALLOW, PEERS } };
	struct fp_stream s;
	uint64_t n = 7;
	struct mem m;
	char hex[65];

	feed(&m);
	s = stream(&m);
	OK(!fp_stream_digest("feed", FP_KIND_BLOCK, &s, &n, hex, NULL));
	STR(hex, FEED);
	EQ(n, 4);
	m.n = 0;
	s = stream(&m);
	OK(!fp_stream_digest("peers", FP_KIND_ALLOW, &s, NULL, hex, NULL));
	STR(hex, PEERS);
	fp_policy_digest(v, 2, hex);
	STR(hex, POLICY);
	fp_policy_digest(v, 0, hex);
	STR(hex, NONE);
}

TEST(digests_of_buckets)
{
	static const unsigned char want[] =
		"\x8c\x56\xcb\xa8\x8e\x26\x6b\xb5\0\0\0\0\0\0\0\0"
		"\x98\x62\x42\xdb\x04\x90\xc0\x2b";
	unsigned char out[16 * FP_BUCKET_DIGEST];
	struct fp_stream s;
	struct mem m;

	feed(&m);
	s = stream(&m);
	OK(!fp_bucket_digests(&s, 16, out, NULL));
	OK(!memcmp(out + 6 * FP_BUCKET_DIGEST, want, sizeof(want) - 1));
	OK(!memcmp(out + 15 * FP_BUCKET_DIGEST,
		   "\x95\x7f\x75\x07\x97\x9d\xb8\xdb", FP_BUCKET_DIGEST));
}

/* Longer than what is hashed at once. */
TEST(digest_of_many)
{
	static struct mem a, b;
	struct fp_patched p, q;
	static struct fp_change v[40000];
	struct fp_stream s;
	char one[65], other[65];
	uint64_t n;

	for (uint32_t i = 0; i < 40000; i++)
		v[i].entry.p = (struct fp_prefix){ .lo = 0xffff0a000000ull + i,
						   .len = 128 };
	fp_patched_init(&p, &(struct fp_stream){ mem_next, &a }, v, 40000);
	s = (struct fp_stream){ fp_patched_next, &p };
	OK(!fp_stream_digest("x", FP_KIND_BLOCK, &s, &n, one, NULL));
	EQ(n, 40000);
	/* seq of addresses 10.0.0.0 on, with "x block" before */
	STR(one,
	    "e357a4ec94f443337399ece79d4e7243a9b27ba45371072824b75482e92cac67");
	v[39999].entry.p.lo++;
	fp_patched_init(&q, &(struct fp_stream){ mem_next, &b }, v, 40000);
	s = (struct fp_stream){ fp_patched_next, &q };
	OK(!fp_stream_digest("x", FP_KIND_BLOCK, &s, &n, other, NULL));
	OK(strcmp(one, other));
}
