/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in plain memory against the naive reference, over random histories. */
#include "unit.h"

#include <sys/stat.h>

#include "model.h"
#include "model/tables_priv.h"

static int plain_make(void *ctx, int tab, uint32_t n, struct fp_area *out,
		      struct fp_err *e)
{
	(void)ctx;
	(void)tab;
	(void)e;
	return fp_area_plain(out, (((size_t)n + 1) * FP_TAB_VALUE_SIZE + 4095) &
					  ~4095ul);
}

static void (*on_wait)(void);

static int plain_wait(void *ctx, struct fp_err *e)
{
	(void)ctx;
	(void)e;
	if (on_wait)
		on_wait();
	return 0;
}

static int plain_swap(void *ctx, int tab, const struct fp_area *fresh,
		      struct fp_err *e)
{
	(void)tab;
	(void)fresh;
	return plain_wait(ctx, e);
}

static void plain_tables(struct fp_tables *t)
{
	memset(t, 0, sizeof(*t));
	OK(!fp_area_plain(&t->conf, 4096));
	OK(!fp_area_plain(&t->gate4, sizeof(struct fp_gate4)));
	OK(!fp_area_plain(&t->dir4, FP_DIR_PAGES * 4096ul));
	OK(!fp_area_plain(&t->gate6, sizeof(struct fp_gate6)));
	OK(!fp_area_plain(&t->tab[FP_TAB_CHUNK], 4096));
	OK(!fp_area_plain(&t->tab[FP_TAB_PREFIX], 4096));
	t->backing =
		(struct fp_backing){ plain_make, plain_swap, plain_wait, NULL };
	fp_tables_init(t);
}

static char temp_path[64];

static int temp_dir(void)
{
	int fd;

	strcpy(temp_path, "/tmp/fp-model-XXXXXX");
	OK(mkdtemp(temp_path) != NULL);
	fd = open(temp_path, O_RDONLY | O_DIRECTORY);
	OK(fd >= 0);
	return fd;
}

static void empty_dir(int fd)
{
	struct fp_lists ls;

	if (!fp_lists_open(&ls, fd, true, NULL)) {
		for (size_t i = 0; i < ls.n; i++)
			fp_list_remove(fd, fp_list_head(ls.v[i])->name, NULL);
		fp_lists_close(&ls);
	}
	OK(!rmdir(temp_path));
}

static void report(void *ctx, const struct fp_prefix *p, const char *text)
{
	char s[FP_PREFIX_STRLEN];

	(void)ctx;
	fp_prefix_print(p, s);
	printf("differs: %s: %s\n", s, text);
}

static int64_t verify_all(struct model *m, struct fp_tables *t,
			  struct fp_err *e)
{
	struct fp_lists ls;
	struct fp_image img;
	int64_t n = -1;

	if (fp_lists_open(&ls, m->dir_fd, false, e))
		return -1;
	if (!fp_image_all(&img, &ls, e)) {
		n = fp_tables_verify(t, &img, report, NULL, e);
		fp_image_fini(&img);
	}
	fp_lists_close(&ls);
	return n;
}

static int apply(struct model *m, struct fp_tables *t,
		 const struct fp_prefix *around, struct fp_err *e)
{
	struct fp_lists ls;
	struct fp_image img;
	int r;

	r = fp_lists_open(&ls, m->dir_fd, true, e);
	if (r)
		return r;
	r = around ? fp_image_around(&img, &ls, around, e)
		   : fp_image_all(&img, &ls, e);
	if (!r) {
		r = fp_tables_apply(t, &img, NULL, e);
		fp_image_fini(&img);
	}
	fp_lists_close(&ls);
	return r;
}

static int count_wrong(struct model *m, struct fp_tables *t, int n)
{
	uint32_t now_s = (uint32_t)(fp_clock_ms() / 1000);
	int64_t unix_s = fp_clock_unix_s();
	int wrong = 0;

	for (int i = 0; i < n; i++) {
		struct fp_prefix a = model_address(m);
		enum fp_kind want = model_verdict(m, &a, unix_s);
		enum fp_kind got = fp_tables_verdict(t, &a, now_s);
		char s[FP_PREFIX_STRLEN];

		if (want == got)
			continue;
		fp_prefix_print(&a, s);
		if (!wrong++)
			printf("%s: tables say %s, lists %s\n", s,
			       fp_kind_name(got), fp_kind_name(want));
	}
	return wrong;
}

static int one_step(struct model *m, struct fp_tables *t, struct fp_err *e)
{
	struct model_list *l = &m->list[model_rand(m) % MODEL_LISTS];
	uint32_t what = model_rand(m) % 40;
	struct fp_prefix p;
	int r;

	if (!l->is_there || what == 0) {
		r = model_load(m, l, model_rand(m) % 800, e);
		return r ? r : apply(m, t, NULL, e);
	}
	if (what == 1) {
		fp_clock_turn((int64_t)(model_rand(m) % 3) * 60000);
		return apply(m, t, NULL, e);
	}
	if (what == 2) {
		l->is_there = false;
		l->n = 0;
		r = fp_list_remove(m->dir_fd, l->name, e);
		return r ? r : apply(m, t, NULL, e);
	}
	if (what == 3)
		return fp_list_compact(m->dir_fd, l->name, 0, false, NULL, e);
	r = model_change(m, l, &p, e);
	return r ? r : apply(m, t, &p, e);
}

static void history(uint64_t seed, int steps)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;
	int fd = temp_dir();

	printf("seed %llu\n", (unsigned long long)seed);
	plain_tables(&t);
	model_init(&m, fd, seed);
	for (int i = 0; i < steps; i++) {
		int r = one_step(&m, &t, &e);

		if (!EQ(r, 0)) {
			printf("step %d: %s\n", i, e.text);
			break;
		}
		if (!EQ(count_wrong(&m, &t, 500), 0))
			break;
		if (i % 50 == 49 && !EQ(verify_all(&m, &t, &e), 0))
			break;
	}
	EQ(count_wrong(&m, &t, 100000), 0);
	EQ(verify_all(&m, &t, &e), 0);
	for (int i = 0; i < MODEL_LISTS; i++)
		if (m.list[i].is_there)
			EQ(fp_list_remove(fd, m.list[i].name, &e), 0);
	EQ(apply(&m, &t, NULL, &e), 0);
	EQ(fp_tables_conf(&t)->n_lens4, 0);
	EQ(fp_tables_conf(&t)->n_long6, 0);
	EQ(fp_tables_conf(&t)->n_fence, 0);
	empty_dir(fd);
}

TEST(random_histories_1)
{
	history(1, 400);
}

TEST(random_histories_2)
{
	history((uint64_t)time(NULL), 400);
}

/* A difference anywhere is found. */
TEST(verify_finds_every_kind_of_damage)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;

	plain_tables(&t);
	model_init(&m, temp_dir(), 5);
	for (int i = 0; i < MODEL_LISTS; i++)
		EQ(model_load(&m, &m.list[i], 500, &e), 0);
	EQ(apply(&m, &t, NULL, &e), 0);
	EQ(verify_all(&m, &t, &e), 0);
	for (int i = 0; i < 5; i++) {
		struct fp_area *a[] = { &t.gate4, &t.dir4, &t.gate6, &t.tab[0],
					&t.tab[1] };
		uint32_t *w = (uint32_t *)a[i]->base;
		size_t at = i >= 3 ? 16 : 0;
		uint32_t old;

		while (!w[at])
			at++;
		old = w[at];
		w[at] = i == 1 ? old ^ 1u << 27 : 0;
		OK(verify_all(&m, &t, &e) > 0);
		w[at] = old;
		EQ(verify_all(&m, &t, &e), 0);
	}
	empty_dir(m.dir_fd);
}

/* Chunks that nothing points to come back when the table is full. */
TEST(chunks_are_used_again)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;
	uint32_t n;

	plain_tables(&t);
	model_init(&m, temp_dir(), 6);
	EQ(model_load(&m, &m.list[0], 0, &e), 0);
	for (int i = 0; i < 250; i++) {
		uint32_t net = 0x0a000000u + ((uint32_t)i % 8) * 256;

		/* four hosts need a chunk, three do not */
		m.list[0].n = 0;
		for (uint32_t h = 0; h < 3u + (uint32_t)i / 8 % 2; h++) {
			struct fp_prefix p = {
				.lo = 0xffff00000000ull | (net + h * 3),
				.len = 128,
			};
			model_put(&m.list[0], &p, 0);
		}
		EQ(model_write(&m, &m.list[0], &e), 0);
		EQ(apply(&m, &t, NULL, &e), 0);
	}
	n = ((struct fp_table_head *)t.tab[FP_TAB_CHUNK].base)->n;
	OK(n < 200);
	EQ(verify_all(&m, &t, &e), 0);
	empty_dir(m.dir_fd);
}

/* A ban prolonged by two seconds, and then clocks that read a second apart:
 * verify must not call that a difference. */
TEST(a_deadline_prolonged_a_little)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	int64_t until_s = fp_clock_unix_s() + 600;
	struct fp_prefix p;
	struct fp_tables t;

	plain_tables(&t);
	model_init(&m, temp_dir(), 8);
	OK(!fp_prefix_parse(&p, "192.0.2.1", 9, &e));
	for (int i = 0; i < 6; i++) {
		struct fp_lists ls;
		struct fp_image img;

		m.list[2].n = 0;
		model_put(&m.list[2], &p, until_s + 2 * i);
		EQ(model_write(&m, &m.list[2], &e), 0);
		EQ(apply(&m, &t, i % 2 ? &p : NULL, &e), 0);
		OK(!fp_lists_open(&ls, m.dir_fd, false, &e));
		OK(!fp_image_all(&img, &ls, &e));
		img.key[0].until_s += 1;
		EQ(fp_tables_verify(&t, &img, report, NULL, &e), 0);
		img.key[0].until_s -= 2;
		EQ(fp_tables_verify(&t, &img, report, NULL, &e), 0);
		fp_image_fini(&img);
		fp_lists_close(&ls);
	}
	empty_dir(m.dir_fd);
}

TEST(a_full_table_refuses_before_it_changes_anything)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;

	plain_tables(&t);
	model_init(&m, temp_dir(), 7);
	EQ(model_load(&m, &m.list[2], 300, &e), 0);
	EQ(apply(&m, &t, NULL, &e), 0);
	EQ(verify_all(&m, &t, &e), 0);
	fp_tables_conf(&t)->max_hashed =
		((struct fp_table_head *)t.tab[FP_TAB_PREFIX].base)->live;
	EQ(model_load(&m, &m.list[3], 300, &e), 0);
	EQ(apply(&m, &t, NULL, &e), -ENOSPC);
	HAS(e.text, "table full");
	EQ(fp_list_remove(m.dir_fd, m.list[3].name, &e), 0);
	EQ(verify_all(&m, &t, &e), 0);
	empty_dir(m.dir_fd);
}

/* ---- readers that were held up between two of their steps ---- */

#define SLOW_N 400

/* A reader takes three steps: the directory's word, what the word points to, the
 * prefix table.  Here each has done the first or the first two, before a change
 * or when the writer waits for it. */
static struct slow {
	struct model *m;
	struct fp_tables *t;
	struct fp_prefix addr[SLOW_N];
	uint32_t word[SLOW_N], dir[SLOW_N];
	enum fp_kind before[SLOW_N];
	int step, wrong;
} slow;

static uint32_t slow_word(const struct fp_prefix *a)
{
	uint32_t net = (uint32_t)a->lo >> 8;
	const uint32_t *gate = (uint32_t *)slow.t->gate4.base;

	if (!fp_prefix_is_v4(a))
		return FP_DIR_LOOK;
	return gate[net >> 5] >> (net & 31) & 1
		       ? ((uint32_t *)slow.t->dir4.base)[net]
		       : 0;
}

static uint32_t slow_dir(uint32_t w, uint32_t host)
{
	uint32_t x = FP_DIR_VALUE(w);
	const struct fp_chunk *c =
		(struct fp_chunk *)slow.t->tab[FP_TAB_CHUNK].base + x;

	if (FP_DIR_TYPE(w) == FP_DIR_ALL ||
	    (FP_DIR_TYPE(w) == FP_DIR_INLINE &&
	     ((x & 255) == host || (x >> 8 & 255) == host || x >> 16 == host)))
		return FP_DIR_VERDICT(w);
	if (FP_DIR_TYPE(w) == FP_DIR_CHUNK)
		return c->word[host >> 4] >> ((host & 15) * 2) & 3;
	return FP_V_NONE;
}

static void slow_begin(void)
{
	for (int i = 0; i < SLOW_N; i++) {
		slow.word[i] = slow_word(&slow.addr[i]);
		slow.dir[i] =
			slow_dir(slow.word[i], (uint32_t)slow.addr[i].lo & 255);
	}
}

static void slow_end(void)
{
	int64_t unix_s = fp_clock_unix_s();
	uint32_t now_s = (uint32_t)(fp_clock_ms() / 1000);

	for (int i = 0; i < SLOW_N; i++) {
		const struct fp_prefix *a = &slow.addr[i];
		enum fp_kind now = model_verdict(slow.m, a, unix_s);
		uint32_t host = (uint32_t)a->lo & 255, w = slow.word[i];
		uint32_t keys = w & FP_DIR_LOOK
					? fp_prefixes_verdict(slow.t, a, now_s)
					: FP_V_NONE;
		uint32_t dir[2] = { slow.dir[i], slow_dir(w, host) };

		for (int k = 0; k < 2; k++) {
			uint32_t v = dir[k] > keys ? dir[k] : keys;

			if (v == now || v == slow.before[i] || slow.wrong++)
				continue;
			printf("step %d: %llx: word %x: %u and %u, was %d, is %d\n",
			       slow.step, (unsigned long long)a->lo, w, dir[k],
			       keys, slow.before[i], now);
		}
	}
}

static void slow_wait(void)
{
	slow_end();
	slow_begin();
}

TEST(no_reader_is_too_slow)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;

	plain_tables(&t);
	model_init(&m, temp_dir(), 9);
	slow = (struct slow){ .m = &m, .t = &t };
	on_wait = slow_wait;
	for (; slow.step < 400 && !slow.wrong; slow.step++) {
		for (int i = 0; i < SLOW_N; i++) {
			slow.addr[i] = model_address(&m);
			slow.before[i] = model_verdict(&m, &slow.addr[i],
						       fp_clock_unix_s());
		}
		slow_begin();
		EQ(one_step(&m, &t, &e), 0);
		slow_end();
	}
	on_wait = NULL;
	EQ(slow.wrong, 0);
	empty_dir(m.dir_fd);
}

/* Hosts of a chunk get deadlines: they move to the prefix table. */
TEST(a_chunk_is_left_to_those_who_ask_it_alone)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct fp_tables t;

	plain_tables(&t);
	model_init(&m, temp_dir(), 10);
	slow = (struct slow){ .m = &m, .t = &t };
	for (uint32_t i = 0; i < 8; i++) { /* these stay in the chunk */
		struct fp_prefix p = { .lo = 0xffff0a0000c9ull + i * 2,
				       .len = 128 };

		model_put(&m.list[1], &p, 0);
	}
	EQ(model_write(&m, &m.list[1], &e), 0);
	for (int step = 0; step < 6; step++) {
		int64_t until_s = step % 2 ? fp_clock_unix_s() + 600 : 0;

		m.list[0].n = 0;
		for (uint32_t i = 0; i < SLOW_N; i++) {
			struct fp_prefix p = {
				.lo = 0xffff0a000000ull | (i % 100) * 2,
				.len = 128,
			};

			slow.addr[i] = p;
			slow.before[i] = step ? FP_KIND_BLOCK : FP_KIND_NONE;
			model_put(&m.list[0], &p, until_s);
		}
		on_wait = slow_wait;
		slow_begin();
		EQ(model_write(&m, &m.list[0], &e), 0);
		EQ(apply(&m, &t, NULL, &e), 0);
		slow_end();
		on_wait = NULL;
	}
	EQ(slow.wrong, 0);
	empty_dir(m.dir_fd);
}
