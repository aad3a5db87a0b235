/* SPDX-License-Identifier: Apache-2.0 */
/* Words of dynamic lists: which wins, how long it is kept, what it blocks. */
#include "unit.h"

#include <fcntl.h>

#include "base/time.h"
#include "io/clock.h"
#include "model/image.h"
#include "model/words.h"

#define AT 1767225600000 /* 2026-01-01T00:00:00Z */
#define AT_MAX (FP_TIME_MAX_S * 1000 + 999)

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

static struct fp_entry entry(int64_t until_s, const char *meta)
{
	return (struct fp_entry){
		.p = { .lo = 0xffffc0000207ull, .len = 128 },
		.until_s = until_s,
		.meta = meta,
		.meta_len = (uint32_t)strlen(meta),
	};
}

static int64_t at_of(const char *meta)
{
	struct fp_entry x = entry(0, meta);

	return fp_word_at_ms(&x);
}

/* The word as a line, without its end. */
static const char *line(const struct fp_entry *x)
{
	static struct fp_buf b;

	b.len = 0;
	fp_entry_print(&b, x);
	b.len--;
	return fp_buf_str(&b);
}

/* ---- at= as a key */

TEST(at_is_read)
{
	EQ(at_of(""), 0);
	EQ(at_of("at=1"), 1);
	EQ(at_of("why=x by=y run=z at=1767225600123"), 1767225600123);
	EQ(at_of("why=\"a b\" at=253402300799999"), AT_MAX);
	/* what only looks like it */
	EQ(at_of("why=at=5"), 0);
	EQ(at_of("why=\"x at=5\""), 0);
	EQ(at_of("run=55"), 0);
	EQ(at_of("why=xat=5"), 0);
	EQ(at_of("5"), 0);
	EQ(at_of("at=99999999999999999999999999"), AT_MAX);
}

static const struct {
	const char *text, *want; /* NULL: refused */
} lines[] = {
	{ "::1 at=5", "::1 at=5" },
	{ "::1 at=5 run=r by=b why=w", "::1 why=w by=b run=r at=5" },
	{ "::1 at=\"5\"", "::1 at=5" },
	{ "::1 run=r at=5", "::1 run=r at=5" },
	{ "::1 at=253402300799999", "::1 at=253402300799999" },
	{ "::1 at=253402300800000", NULL },
	{ "::1 at=18446744073709551617", NULL },
	{ "::1 at=0", NULL },
	{ "::1 at=05", NULL },
	{ "::1 at=", NULL },
	{ "::1 at=-5", NULL },
	{ "::1 at=5x", NULL },
	{ "::1 at=2026-01-01T00:00:00Z", NULL },
	{ "::1 at=5 at=5", NULL },
};

TEST(at_is_a_key)
{
	struct fp_parse_opts o = { .file = "-" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const char *text = lines[i].text, *want = lines[i].want;
		struct fp_entries x;
		struct fp_err e;
		int r = fp_entries_parse(&x, text, strlen(text), &o, &e);

		EQ(r, want ? 0 : -EINVAL);
		if (r) {
			HAS(e.text, "-:1: \"");
			continue;
		}
		STR(line(&x.v[0]), want);
		fp_entries_fini(&x);
	}
}

TEST(at_comes_last)
{
	struct fp_buf b = { 0 };
	struct fp_err e;

	EQ(fp_meta_add(&b, "at", "x", &e), -EINVAL);
	HAS(e.text, "at: not a time in milliseconds");
	OK(!fp_meta_add(&b, "why", "x", &e));
	OK(!fp_meta_add(&b, "at", "77", &e));
	EQ(fp_meta_add(&b, "run", "r", &e), -EINVAL);
	EQ(fp_meta_add(&b, "at", "78", &e), -EINVAL);
	STR(fp_buf_str(&b), "why=x at=77");
	fp_buf_fini(&b);
}

/* ---- making words */

static const char *made(int64_t until_s, int64_t at_ms, const char *why,
			const char *by)
{
	struct fp_buf store = { 0 };
	struct fp_prefix p = entry(0, "").p;
	static char text[FP_LINE_MAX];
	struct fp_entry x;
	struct fp_err e;

	if (fp_word_make(&store, &x, &p, until_s, at_ms, why, by, &e)) {
		EQ(store.len, 0);
		snprintf(text, sizeof(text), "%s", e.text);
	} else {
		EQ(fp_word_at_ms(&x), at_ms);
		snprintf(text, sizeof(text), "%s", line(&x));
	}
	fp_buf_fini(&store);
	return text;
}

TEST(words_are_made)
{
	char longer[FP_META_MAX + 1];

	STR(made(0, AT, NULL, NULL), "192.0.2.7 at=1767225600000");
	STR(made(1767225600, AT, "toll fraud", "al"),
	    "192.0.2.7 until=2026-01-01T00:00:00Z why=\"toll fraud\" by=al "
	    "at=1767225600000");
	STR(made(0, 0, NULL, NULL), "192.0.2.7");
	STR(made(0, 0, NULL, "x"), "192.0.2.7 by=x");
	HAS(made(0, AT, "a\nb", NULL), "why: ");
	HAS(made(0, AT, NULL, "\xff"), "by: ");
	HAS(made(0, -1, NULL, NULL), "at= is not");
	HAS(made(0, AT_MAX + 1, NULL, NULL), "at= is not");
	HAS(made(-1, AT, NULL, NULL), "until= is not");
	/* as long as it may be, with at= */
	memset(longer, 'x', sizeof(longer));
	longer[FP_META_MAX - strlen("why= at=1767225600000")] = 0;
	HAS(made(0, AT, longer, NULL), "x at=1767225600000");
	longer[strlen(longer)] = 'x';
	longer[FP_META_MAX - 4] = 0;
	HAS(made(0, AT, longer, NULL), "too long together");
	HAS(made(0, 0, longer, NULL), "192.0.2.7 why=xx");
}

TEST(what_a_store_holds_stays)
{
	struct fp_buf store = { 0 };
	struct fp_prefix p = entry(0, "").p;
	struct fp_entry x;

	fp_buf_str_add(&store, "why=other");
	OK(!fp_word_make(&store, &x, &p, 0, AT, "x", NULL, NULL));
	STR(line(&x), "192.0.2.7 why=x at=1767225600000");
	OK(!memcmp(store.data, "why=other", 9));
	fp_buf_fini(&store);
}

static const char *shifted(int64_t until_s, const char *meta, int64_t add_ms)
{
	struct fp_entry x = entry(until_s, meta), y;
	struct fp_buf store = { 0 };
	static char text[FP_LINE_MAX];

	OK(!fp_word_shift(&store, &y, &x, add_ms, NULL));
	snprintf(text, sizeof(text), "%s", line(&y));
	fp_buf_fini(&store);
	return text;
}

TEST(times_are_moved)
{
	STR(shifted(0, "", 5000), "192.0.2.7");
	STR(shifted(0, "why=\"a at=7\"", 5000), "192.0.2.7 why=\"a at=7\"");
	STR(shifted(0, "why=x at=7", 5000), "192.0.2.7 why=x at=5007");
	STR(shifted(1767225600, "at=1767225600123", -3600123),
	    "192.0.2.7 until=2025-12-31T22:59:59Z at=1767222000000");
	STR(shifted(1767225600, "by=x at=1767225600000", 3600000),
	    "192.0.2.7 until=2026-01-01T01:00:00Z by=x at=1767229200000");
	/* never out of what a time may be */
	STR(shifted(1000, "at=7", -10000000),
	    "192.0.2.7 until=1970-01-01T00:00:01Z at=1");
	STR(shifted(1000, "at=7", INT64_MIN),
	    "192.0.2.7 until=1970-01-01T00:00:01Z at=1");
	STR(shifted(FP_TIME_MAX_S, "at=7", INT64_MAX),
	    "192.0.2.7 until=9999-12-31T23:59:59Z at=253402300799999");
}

TEST(no_room_for_later_times)
{
	char meta[FP_META_MAX + 1];
	struct fp_entry x, y = { .until_s = 77 };
	struct fp_buf store = { 0 };

	memset(meta, 'x', sizeof(meta));
	memcpy(meta, "why=", 4);
	memcpy(meta + FP_META_MAX - 5, " at=9", 6);
	x = entry(0, meta);
	EQ(x.meta_len, FP_META_MAX);
	OK(!fp_word_shift(&store, &y, &x, -1, NULL));
	EQ(fp_word_shift(&store, &y, &x, 1, NULL), -EINVAL);
	fp_buf_fini(&store);
}

/* What was lifted stays lifted, and seconds come back. */
TEST(moving_keeps_what_is_lifted)
{
	for (int i = 0; i < 2000; i++) {
		int64_t at = AT + rnd(100000), add = rnd(20000) - 10000;
		struct fp_buf a = { 0 }, b = { 0 }, c = { 0 };
		struct fp_entry x, y, z;
		struct fp_prefix p = entry(0, "").p;

		OK(!fp_word_make(&a, &x, &p, at / 1000, at, "w", NULL, NULL));
		OK(!fp_word_shift(&b, &y, &x, add, NULL));
		EQ(fp_word_at_ms(&y), at + add);
		OK(y.until_s * 1000 <= at + add);
		OK(!fp_word_shift(&c, &z, &y, -add, NULL));
		EQ(fp_word_at_ms(&z), at);
		if (add % 1000 == 0)
			EQ(z.until_s, x.until_s);
		fp_buf_fini(&a);
		fp_buf_fini(&b);
		fp_buf_fini(&c);
	}
}

/* ---- merging */

TEST(the_later_word_wins)
{
	/* each loses to all after it */
	const struct fp_entry v[] = {
		entry(1, ""),
		entry(5, "why=z"),
		entry(0, ""),
		entry(0, "why=a"),
		entry(0, "why=b"),
		entry(0, "at=1"),
		entry(5, "at=2"),
		entry(6, "at=2"),
		entry(0, "at=2"),
		entry(0, "why=a at=2"),
		entry(0, "why=aa at=2"),
		entry(0, "why=b at=2"),
		entry(1, "at=10"),
	};
	size_t n = sizeof(v) / sizeof(*v);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			EQ(fp_word_wins(&v[i], &v[k]), i > k);
}

TEST(a_word_lives_until_its_end)
{
	struct fp_entry x = entry(0, "at=5"), y = entry(100, "at=5");

	OK(fp_word_is_live(&x, 1));
	OK(fp_word_is_live(&y, 99));
	OK(!fp_word_is_live(&y, 100));
}

#define NAMES 6

/* A list: the last word about each of some prefixes, or none. */
struct list {
	struct fp_entry v[NAMES];
	bool has[NAMES];
};

static struct list merge(const struct list *a, const struct list *b)
{
	struct list m = *a;

	for (int i = 0; i < NAMES; i++)
		if (b->has[i] &&
		    (!m.has[i] || fp_word_wins(&b->v[i], &m.v[i]))) {
			m.v[i] = b->v[i];
			m.has[i] = true;
		}
	return m;
}

static bool is_same(const struct list *a, const struct list *b)
{
	for (int i = 0; i < NAMES; i++) {
		const struct fp_entry *x = &a->v[i], *y = &b->v[i];

		if (a->has[i] != b->has[i])
			return false;
		if (a->has[i] &&
		    (x->until_s != y->until_s || x->meta_len != y->meta_len ||
		     memcmp(x->meta, y->meta, x->meta_len)))
			return false;
	}
	return true;
}

static void random_words(struct list *l)
{
	static const char *const meta[] = { "",     "why=a",      "why=b",
					    "at=1", "why=a at=1", "why=ab at=1",
					    "at=2", "why=a at=2", "at=11" };

	for (int i = 0; i < NAMES; i++) {
		l->has[i] = rnd(4);
		l->v[i] = entry(rnd(3), meta[rnd(9)]);
	}
}

TEST(words_merge_in_any_order)
{
	for (int i = 0; i < 20000; i++) {
		struct list a, b, c, ab, ba, bc, x, y;

		random_words(&a);
		random_words(&b);
		random_words(&c);
		ab = merge(&a, &b);
		ba = merge(&b, &a);
		OK(is_same(&ab, &ba));
		bc = merge(&b, &c);
		x = merge(&ab, &c);
		y = merge(&a, &bc);
		OK(is_same(&x, &y));
		y = merge(&ab, &b);
		OK(is_same(&ab, &y));
		y = merge(&a, &a);
		OK(is_same(&a, &y));
	}
}

/* ---- on a node: sweeping and compiling */

static int dir_fd(void)
{
	static char name[256];
	const char *tmp = getenv("FP_TEST_TMP");

	snprintf(name, sizeof(name), "%s/words.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(name))
		abort();
	return open(name, O_RDONLY | O_DIRECTORY);
}

static int none(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	(void)ctx;
	(void)out;
	(void)e;
	return 0;
}

/* A list of the lines of text. */
static void make(int dir, const char *name, enum fp_owner owner,
		 const char *text)
{
	struct fp_list_head h = { .kind = FP_KIND_BLOCK, .owner = owner };
	struct fp_parse_opts o = { .file = "-" };
	struct fp_entries x;

	snprintf(h.name, sizeof(h.name), "%s", name);
	OK(!fp_list_write(dir, &h, none, NULL, NULL));
	OK(!fp_entries_parse(&x, text, strlen(text), &o, NULL));
	for (size_t i = 0; i < x.n; i++) {
		struct fp_change c = { .entry = x.v[i] };

		OK(!fp_list_append(dir, name, &c, 1, NULL));
	}
	fp_entries_fini(&x);
}

/* What compacting at now_s leaves: the last octets of addresses. */
static const char *left(enum fp_owner owner, int64_t now_s, bool is_repair)
{
	static char out[64];
	int dir = dir_fd();
	struct fp_list_iter it;
	struct fp_entry x;
	struct fp_list *l;
	size_t dropped = 99, n = 0;

	make(dir, "a", owner,
	     "10.0.0.1\n"
	     "10.0.0.2 until=2026-01-01T00:00:00Z\n"
	     "10.0.0.3 until=2026-01-01T00:00:00Z at=1767225600000\n"
	     "10.0.0.4 until=2026-03-02T00:00:00Z at=1767225600000\n"
	     "10.0.0.5 at=1767225600000\n"
	     "10.0.0.6 until=1970-01-01T00:00:01Z at=1767312000000\n");
	OK(!fp_list_compact(dir, "a", now_s, is_repair, &dropped, NULL));
	OK(!fp_list_open(&l, dir, "a", NULL));
	*out = 0;
	for (fp_list_seek(l, &it, NULL); fp_list_next(&it, &x, NULL) == 1; n++)
		sprintf(out + strlen(out), "%d", (int)(x.p.lo & 255));
	EQ(n + dropped, 6);
	fp_list_close(l);
	close(dir);
	return out;
}

TEST(words_are_kept_when_swept)
{
	const int64_t day = 86400, said = AT / 1000, kept = FP_WORD_KEEP_S;

	STR(left(FP_OWNER_DYNAMIC, 0, false), "123456");
	/* nobody's word: it goes when it ends */
	STR(left(FP_OWNER_DYNAMIC, said, false), "13456");
	STR(left(FP_OWNER_DYNAMIC, said + kept - 1, false), "13456");
	STR(left(FP_OWNER_DYNAMIC, said + kept, false), "1456");
	STR(left(FP_OWNER_DYNAMIC, said + kept, true), "1456");
	STR(left(FP_OWNER_DYNAMIC, said + kept + day, false), "145");
	/* it ended by itself */
	STR(left(FP_OWNER_DYNAMIC, said + 2 * kept + FP_WORD_SPENT_S - 1,
		 false),
	    "145");
	STR(left(FP_OWNER_DYNAMIC, said + 2 * kept + FP_WORD_SPENT_S, false),
	    "15");
	/* other lists hold no words */
	STR(left(FP_OWNER_LOCAL, said, false), "145");
	STR(left(FP_OWNER_LOCAL, said, true), "145");
}

static size_t keys_of(const struct fp_lists *ls, const char *prefix)
{
	struct fp_image img;
	struct fp_prefix p;
	size_t n;

	OK(!fp_prefix_parse(&p, prefix, strlen(prefix), NULL));
	OK(!fp_image_around(&img, ls, &p, NULL));
	EQ(img.n4, 0);
	n = img.n_keys;
	fp_image_fini(&img);
	return n;
}

TEST(a_lifted_word_blocks_nothing)
{
	int64_t now_s = fp_clock_unix_s();
	int dir = dir_fd();
	struct fp_change c[2] = { { .is_del = false } };
	struct fp_buf store[2] = { { 0 }, { 0 } };
	struct fp_prefix p = entry(0, "").p;
	struct fp_lists ls;
	struct fp_image img;

	make(dir, "bans", FP_OWNER_DYNAMIC, "192.0.2.7 at=1\n::1 at=1\n");
	OK(!fp_lists_open(&ls, dir, false, NULL));
	EQ(keys_of(&ls, "192.0.2.7"), 1);
	fp_lists_close(&ls);
	OK(!fp_word_make(&store[0], &c[0].entry, &p, now_s, now_s * 1000, NULL,
			 NULL, NULL));
	p = (struct fp_prefix){ .lo = 1, .len = 128 };
	OK(!fp_word_make(&store[1], &c[1].entry, &p, 1, now_s * 1000, NULL,
			 NULL, NULL));
	OK(!fp_list_append(dir, "bans", c, 2, NULL));
	OK(!fp_lists_open(&ls, dir, false, NULL));
	EQ(fp_list_head(ls.v[0])->entries, 2);
	EQ(keys_of(&ls, "192.0.2.7"), 0);
	EQ(keys_of(&ls, "::1"), 0);
	OK(!fp_image_all(&img, &ls, NULL));
	EQ(img.n4 + img.n_keys, 0);
	fp_image_fini(&img);
	fp_lists_close(&ls);
	fp_buf_fini(&store[0]);
	fp_buf_fini(&store[1]);
	close(dir);
}
