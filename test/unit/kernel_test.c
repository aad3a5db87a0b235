/* SPDX-License-Identifier: Apache-2.0 */
/* The real XDP program by BPF_PROG_TEST_RUN: verdicts against the naive
 * reference, under changes and under concurrent readers; the packet corpus. */
#include "unit.h"

#include <linux/bpf.h>
#include <pthread.h>

#include "kernel.h"
#include "peer/xdp_rehearsal.h"
#include "test/corpus/corpus.h"

#define ROUND 100000

static int count_wrong(struct model *m, struct fp_maps *maps, int n)
{
	static struct fp_prefix a[ROUND];
	static enum fp_kind got[ROUND];
	int64_t unix_s = fp_clock_unix_s();
	struct fp_err e = { .text = "" };
	char s[FP_PREFIX_STRLEN];
	int wrong = 0;

	for (int i = 0; i < n; i++)
		a[i] = model_address(m);
	if (!EQ(fp_maps_ask(maps, a, (size_t)n, got, &e), 0))
		printf("%s\n", e.text);
	for (int i = 0; i < n; i++) {
		enum fp_kind want = model_verdict(m, &a[i], unix_s);

		if (want == got[i])
			continue;
		fp_prefix_print(&a[i], s);
		if (!wrong++)
			printf("%s: kernel says %s, lists %s\n", s,
			       fp_kind_name(got[i]), fp_kind_name(want));
	}
	return wrong;
}

static void print_differs(void *ctx, const struct fp_prefix *p,
			  const char *text)
{
	char s[FP_PREFIX_STRLEN];

	(void)ctx;
	fp_prefix_print(p, s);
	printf("differs: %s: %s\n", s, text);
}

static int change_some(struct model *m, struct fp_node *n, struct fp_err *e)
{
	struct model_list *l = &m->list[model_rand(m) % MODEL_LISTS];
	struct fp_prefix p;
	int r;

	if (model_rand(m) % 20 == 0) {
		r = model_load(m, l, model_rand(m) % 800, e);
		return r; /* behind the node's back: the next open compiles */
	}
	for (int i = 0; i < 5; i++) {
		struct fp_change c = { .is_del = model_rand(m) % 2 };

		p = l->n && model_rand(m) % 2 ? l->v[model_rand(m) % l->n].p
					      : model_prefix(m);
		c.entry.p = p;
		c.entry.until_s = c.is_del ? 0 : model_until(m, l->owner);
		if (c.is_del)
			model_del(l, &p);
		else
			model_put(l, &p, c.entry.until_s);
		r = fp_node_change(n, l->name, &c, 1, NULL, e);
		if (r)
			return r;
	}
	return 0;
}

static void rounds(uint64_t seed, int n_rounds)
{
	static struct model m;
	struct fp_err e = { .text = "" };
	struct kernel k;
	struct fp_node n;

	printf("seed %llu\n", (unsigned long long)seed);
	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	model_init(&m, kernel_lists_fd(&k), seed);
	fp_node_close(&n);
	for (int i = 0; i < MODEL_LISTS; i++)
		EQ(model_load(&m, &m.list[i], 600, &e), 0);
	for (int i = 0; i < n_rounds; i++) {
		if (!EQ(kernel_node(&k, &n, &e), 0) ||
		    !EQ(change_some(&m, &n, &e), 0)) {
			printf("%s\n", e.text);
			break;
		}
		fp_node_close(&n);
		OK(!kernel_node(&k, &n, &e));
		if (!EQ(count_wrong(&m, n.maps, i % 10 ? 2000 : ROUND), 0))
			break;
		EQ(fp_node_verify(&n, print_differs, NULL, &e), 0);
		fp_node_close(&n);
	}
	kernel_down(&k);
}

TEST(kernel_equals_the_reference_1)
{
	rounds(1, 60);
}

TEST(kernel_equals_the_reference_2)
{
	rounds((uint64_t)time(NULL), 60);
}

/* ---- readers while a writer churns the neighbours ---- */

#define FIXED 512

struct watch {
	struct kernel *k;
	struct fp_prefix host[FIXED];
	enum fp_kind want[FIXED];
	size_t n;
	volatile bool is_over;
	uint64_t asked, wrong;
};

static void *watch_run(void *arg)
{
	struct watch *w = arg;
	enum fp_kind got[FIXED];
	struct fp_maps *m;

	if (fp_maps_open_dir(&m, w->k->dir, NULL)) {
		w->wrong++;
		return NULL;
	}
	while (!w->is_over) {
		if (fp_maps_ask(m, w->host, w->n, got, NULL))
			w->wrong++;
		for (size_t i = 0; i < w->n; i++)
			w->wrong += got[i] != w->want[i];
		w->asked += w->n;
	}
	fp_maps_close(m);
	return NULL;
}

static void churn_put(struct model_list *l, const char *text, int64_t until_s)
{
	struct fp_prefix p;

	OK(!fp_prefix_parse(&p, text, strlen(text), NULL));
	model_put(l, &p, until_s);
}

static void watch_host(struct watch *w, const char *text, enum fp_kind want)
{
	OK(!fp_prefix_parse(&w->host[w->n], text, strlen(text), NULL));
	w->want[w->n++] = want;
}

/* In four /24s and four /48s: what is odd never changes, what is even comes and
 * goes, in every form: inline, chunk, whole /24, timed, in and out of lists. */
static void churn_fixed(struct model *m, struct watch *w)
{
	struct model_list *block = &m->list[0], *allow = &m->list[4];
	char s[64];

	for (int net = 0; net < 4; net++) {
		snprintf(s, sizeof(s), "10.9.%d.1", net);
		churn_put(block, s, 0);
		watch_host(w, s, FP_KIND_BLOCK);
		snprintf(s, sizeof(s), "10.9.%d.3", net);
		churn_put(allow, s, 0);
		watch_host(w, s, FP_KIND_ALLOW);
		snprintf(s, sizeof(s), "2001:db8:%d::1", net);
		churn_put(block, s, 0);
		watch_host(w, s, FP_KIND_BLOCK);
		snprintf(s, sizeof(s), "2001:db8:%d::3", net);
		churn_put(allow, s, 0);
		watch_host(w, s, FP_KIND_ALLOW);
		snprintf(s, sizeof(s), "2001:db8:%d::5", net);
		watch_host(w, s, FP_KIND_NONE);
	}
	/* never in any entry but the whole-/24 ones, of which net 3 has none */
	watch_host(w, "10.9.3.5", FP_KIND_NONE);
}

static int churn_one(struct model *m, struct fp_node *n, struct fp_err *e)
{
	static const int which[] = { 0, 2, 3 };
	struct model_list *l = &m->list[which[model_rand(m) % 3]];
	uint32_t r = model_rand(m), net = model_rand(m) % 4;
	struct fp_change c = { .is_del = model_rand(m) % 2 };
	char s[64];

	if (r % 8 == 0 && net != 3)
		snprintf(s, sizeof(s), "10.9.%u.0/24", net);
	else if (r % 8 == 1 && net != 3)
		snprintf(s, sizeof(s), "10.9.%u.%u/29", net,
			 (r >> 8) % 31 * 8 + 8);
	else if (r % 8 < 4)
		snprintf(s, sizeof(s), "2001:db8:%u::%x", net,
			 (r >> 8) % 128 * 2);
	else
		snprintf(s, sizeof(s), "10.9.%u.%u", net, (r >> 8) % 128 * 2);
	OK(!fp_prefix_parse(&c.entry.p, s, strlen(s), NULL));
	if (!c.is_del)
		c.entry.until_s = model_until(m, l->owner);
	return fp_node_change(n, l->name, &c, 1, NULL, e);
}

TEST(invariant_verdicts_never_flip)
{
	static struct watch w;
	static struct model m;
	struct fp_err e = { .text = "" };
	struct kernel k;
	struct fp_node n;
	pthread_t thread;
	int changes = 0;
	time_t end;

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	model_init(&m, kernel_lists_fd(&k), 3);
	w.k = &k;
	churn_fixed(&m, &w);
	for (int i = 0; i < 5; i++)
		EQ(model_write(&m, &m.list[i], &e), 0);
	fp_node_close(&n);
	OK(!kernel_node(&k, &n, &e));
	OK(!pthread_create(&thread, NULL, watch_run, &w));
	for (end = time(NULL) + 12; time(NULL) < end; changes++) {
		int r = churn_one(&m, &n, &e);

		/* the same lists in another form, compiled as a whole */
		if (!r && changes % 200 == 199)
			r = fp_list_compact(n.lists_fd, m.list[0].name, 0,
					    false, NULL, &e);
		if (!r && changes % 100 == 99)
			r = fp_node_compile(&n, NULL, &e);
		if (!EQ(r, 0)) {
			printf("%s\n", e.text);
			break;
		}
	}
	w.is_over = true;
	pthread_join(thread, NULL);
	printf("%d changes, %llu verdicts\n", changes,
	       (unsigned long long)w.asked);
	OK(changes > 500);
	OK(w.asked > 100000);
	EQ(w.wrong, 0);
	EQ(fp_node_verify(&n, print_differs, NULL, &e), 0);
	fp_node_close(&n);
	kernel_down(&k);
}

/* ---- deadlines, tables that grow, what a killed writer leaves ---- */

static enum fp_kind ask(struct fp_node *n, const char *text)
{
	enum fp_kind kind = FP_KIND_NONE;
	struct fp_prefix p;

	OK(!fp_prefix_parse(&p, text, strlen(text), NULL));
	EQ(fp_maps_ask(n->maps, &p, 1, &kind, NULL), 0);
	return kind;
}

static void put(struct fp_node *n, const char *list, const char *text,
		int64_t until_s)
{
	struct fp_change c = { .entry.until_s = until_s };
	struct fp_err e = { .text = "" };

	OK(!fp_prefix_parse(&c.entry.p, text, strlen(text), NULL));
	if (!EQ(fp_node_change(n, list, &c, 1, NULL, &e), 0))
		printf("%s\n", e.text);
}

static void make_list(struct fp_node *n, const char *name, enum fp_kind kind,
		      enum fp_owner owner)
{
	struct fp_list_head h = { .kind = kind, .owner = owner };

	strcpy(h.name, name);
	EQ(fp_node_create(n, &h, NULL), 0);
}

TEST(the_kernel_ends_a_ban_by_itself)
{
	struct fp_err e = { .text = "" };
	struct kernel k;
	struct fp_node n;

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	make_list(&n, "b", FP_KIND_BLOCK, FP_OWNER_LOCAL);
	make_list(&n, "a", FP_KIND_ALLOW, FP_OWNER_LOCAL);
	put(&n, "b", "192.0.2.1", fp_clock_unix_s() + 3);
	put(&n, "b", "192.0.2.2", 0);
	put(&n, "a", "192.0.2.2", fp_clock_unix_s() + 3);
	put(&n, "b", "2001:db8::/64", fp_clock_unix_s() + 3);
	EQ(ask(&n, "192.0.2.1"), FP_KIND_BLOCK);
	EQ(ask(&n, "192.0.2.2"), FP_KIND_ALLOW);
	EQ(ask(&n, "2001:db8::7"), FP_KIND_BLOCK);
	sleep(5);
	EQ(ask(&n, "192.0.2.1"), FP_KIND_NONE);
	EQ(ask(&n, "192.0.2.2"), FP_KIND_BLOCK);
	EQ(ask(&n, "2001:db8::7"), FP_KIND_NONE);
	EQ(fp_node_verify(&n, print_differs, NULL, &e), 0);
	fp_node_close(&n);
	kernel_down(&k);
}

struct walk {
	uint32_t i, n;
};

static int walk_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct walk *w = ctx;

	(void)e;
	if (w->i == w->n)
		return 0;
	*out = (struct fp_entry){
		.p = { .hi = 0x20010db800000000ull + ((uint64_t)w->i << 4),
		       .len = 64 },
	};
	w->i++;
	return 1;
}

TEST(the_prefix_table_grows_under_readers)
{
	static struct watch w;
	struct fp_list_head h = { .name = "b", .kind = FP_KIND_BLOCK };
	struct fp_err e = { .text = "" };
	struct kernel k;
	struct fp_node n;
	pthread_t thread;

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	w.k = &k;
	for (uint32_t size = 100; size <= 200000; size *= 3) {
		struct walk walk = { 0, size };

		EQ(fp_node_write(&n, &h, walk_next, &walk, size, NULL, &e), 0);
		if (size == 100) {
			watch_host(&w, "2001:db8::1", FP_KIND_BLOCK);
			watch_host(&w, "2001:db8:0:10::1", FP_KIND_BLOCK);
			watch_host(&w, "2001:db8:0:11::1", FP_KIND_NONE);
			OK(!pthread_create(&thread, NULL, watch_run, &w));
		}
	}
	w.is_over = true;
	pthread_join(thread, NULL);
	EQ(w.wrong, 0);
	EQ(fp_node_verify(&n, print_differs, NULL, &e), 0);
	fp_node_close(&n);
	kernel_down(&k);
}

TEST(a_list_edited_by_hand_is_compiled_by_the_next_writer)
{
	struct fp_err e = { .text = "" };
	struct kernel k;
	struct fp_node n;
	char cmd[200];

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	make_list(&n, "b", FP_KIND_BLOCK, FP_OWNER_LOCAL);
	put(&n, "b", "192.0.2.200", 0);
	fp_node_close(&n);
	snprintf(
		cmd, sizeof(cmd),
		"cd %s/lists && (head -1 b.list; echo 192.0.2.9; echo 192.0.2.3) > x && mv x b.list",
		k.state);
	EQ(system(cmd), 0);
	OK(!kernel_node(&k, &n, &e));
	EQ(ask(&n, "192.0.2.9"), FP_KIND_BLOCK);
	EQ(ask(&n, "192.0.2.3"), FP_KIND_BLOCK);
	EQ(ask(&n, "192.0.2.200"), FP_KIND_NONE);
	fp_node_close(&n);
	snprintf(cmd, sizeof(cmd), "echo junk >> %s/lists/b.list", k.state);
	EQ(system(cmd), 0);
	EQ(kernel_node(&k, &n, &e), -EPERM);
	STR(e.rule, "broken");
	HAS(e.text, "b.list:");
	kernel_down(&k);
}

/* ---- the packet corpus ---- */

static const enum fp_reason reason_of[] = {
	[CORPUS_MALFORMED] = FP_R_drop_malformed,
	[CORPUS_STEALTH] = FP_R_drop_stealth,
	[CORPUS_BLOCK] = FP_R_drop_block,
	[CORPUS_FENCE] = FP_R_drop_fence,
	[CORPUS_UNREADABLE] = FP_R_drop_unread,
};

static void corpus_lists(struct fp_node *n)
{
	make_list(n, "b", FP_KIND_BLOCK, FP_OWNER_LOCAL);
	make_list(n, "a", FP_KIND_ALLOW, FP_OWNER_LOCAL);
	make_list(n, "f", FP_KIND_FENCE, FP_OWNER_LOCAL);
	for (int v6 = 0; v6 < 2; v6++) {
		put(n, "b", packet_address(PACKET_BLOCKED, v6), 0);
		put(n, "a", packet_address(PACKET_ALLOWED, v6), 0);
		put(n, "f", packet_address(PACKET_FENCED, v6), 0);
	}
}

static void corpus_case(struct kernel *k, struct fp_node *n,
			const struct corpus_case *x)
{
	struct fp_counter before[FP_R_N], after[FP_R_N];
	uint8_t frame[CORPUS_FRAME_MAX];
	size_t len = corpus_frame(x, frame);
	struct fp_err e = { .text = "" };
	uint32_t verdict = 0;
	int r;

	if (len < 14)
		return; /* the kernel takes no such frame */
	fp_maps_counters(n->maps, 0, before, &e);
	r = fp_xdp_run(k->xdp, frame, (uint32_t)len, &verdict, &e);
	if (r == -EINVAL && len > 3400)
		return; /* longer than a test run's buffer */
	if (!EQ(r, 0))
		printf("%s (%s): %s\n", x->name, x->where, e.text);
	fp_maps_counters(n->maps, 0, after, &e);
	if (!EQ(verdict, x->expect == CORPUS_PASS ? XDP_PASS : XDP_DROP))
		printf("%s (%s): want %s\n", x->name, x->where,
		       corpus_verdict_name(x->expect));
	if (x->expect == CORPUS_PASS)
		return;
	if (!EQ(after[reason_of[x->expect]].packets,
		before[reason_of[x->expect]].packets + 1))
		printf("%s (%s): want %s\n", x->name, x->where,
		       corpus_verdict_name(x->expect));
	EQ(after[reason_of[x->expect]].bytes,
	   before[reason_of[x->expect]].bytes + len);
}

static int rehearsed_wrong(struct fp_rehearsal *r,
			   const struct corpus_case *const *put)
{
	struct fp_rehearsal_verdict v[FP_REHEARSE_MAX];
	struct fp_err e = { .text = "" };
	int wrong = 0;
	size_t n;

	if (!EQ(fp_rehearsal_run(r, v, &n, &e), 0))
		printf("%s\n", e.text);
	for (size_t i = 0; i < n; i++) {
		enum corpus_verdict want = put[i]->expect;

		if (v[i].is_drop == (want != CORPUS_PASS) &&
		    (!v[i].is_drop || v[i].reason == reason_of[want]))
			continue;
		printf("%s (%s): rehearsed otherwise\n", put[i]->name,
		       put[i]->where);
		wrong++;
	}
	return wrong;
}

/* fp_rehearse is the same code in other surroundings, many packets a run. */
static void corpus_rehearsed(struct kernel *k, const struct corpus *c)
{
	const struct corpus_case *put[FP_REHEARSE_MAX] = { NULL };
	uint8_t frame[CORPUS_FRAME_MAX];
	struct fp_err e = { .text = "" };
	struct fp_rehearsal *r = NULL;
	size_t n = 0, judged = 0;

	if (!EQ(fp_rehearsal_open(&r, k->dir, &e), 0)) {
		printf("%s\n", e.text);
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		size_t len = corpus_frame(&c->v[i], frame);

		if (len < 14 || len > 3400)
			continue;
		if (!fp_rehearsal_put(r, frame, len)) {
			EQ(rehearsed_wrong(r, put), 0);
			OK(fp_rehearsal_put(r, frame, len));
			n = 0;
		}
		put[n++] = &c->v[i];
		judged++;
	}
	EQ(rehearsed_wrong(r, put), 0);
	printf("%zu packets rehearsed\n", judged);
	OK(judged > 150);
	fp_rehearsal_close(r);
}

TEST(every_packet_of_the_corpus_gets_its_verdict)
{
	struct fp_err e = { .text = "" };
	struct corpus c;
	struct kernel k;
	struct fp_node n;
	char why[256];

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	corpus_lists(&n);
	if (corpus_read(&c, "test/corpus", why))
		printf("%s\n", why);
	OK(c.n > 150);
	for (size_t i = 0; i < c.n; i++)
		corpus_case(&k, &n, &c.v[i]);
	printf("%zu packets\n", c.n);
	corpus_rehearsed(&k, &c);
	corpus_free(&c);
	fp_node_close(&n);
	kernel_down(&k);
}

/* With the checks off or observing nothing may be dropped; the counters say
 * what would have been. */
TEST(observe_drops_nothing)
{
	struct fp_err e = { .text = "" };
	struct fp_conf *conf;
	struct corpus c;
	struct kernel k;
	struct fp_node n;
	char why[256];

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	corpus_lists(&n);
	conf = fp_maps_conf(n.maps);
	OK(!corpus_read(&c, "test/corpus", why));
	for (uint32_t mode = FP_OFF; mode <= FP_OBSERVE; mode++) {
		struct fp_counter sum[FP_R_N];
		uint64_t seen = 0;

		conf->lists = conf->stealth = conf->malformed = mode;
		for (size_t i = 0; i < c.n; i++) {
			uint8_t frame[CORPUS_FRAME_MAX];
			size_t len = corpus_frame(&c.v[i], frame);
			uint32_t verdict = XDP_PASS;

			if (len >= 14 && len < 3400)
				EQ(fp_xdp_run(k.xdp, frame, (uint32_t)len,
					      &verdict, &e),
				   0);
			EQ(verdict, XDP_PASS);
		}
		fp_maps_counters(n.maps, 0, sum, &e);
		for (int r = FP_R_seen_block; r <= FP_R_seen_malformed; r++)
			seen += sum[r].packets;
		OK(mode == FP_OFF ? seen == 0 : seen > 20);
	}
	corpus_free(&c);
	fp_node_close(&n);
	kernel_down(&k);
}

TEST(an_unconfirmed_filter_stops_by_itself)
{
	struct fp_err e = { .text = "" };
	struct packet p;
	struct kernel k;
	struct fp_node n;
	uint8_t frame[2048];
	uint32_t verdict;
	size_t len;

	kernel_up(&k);
	OK(!kernel_node(&k, &n, &e));
	corpus_lists(&n);
	packet_init(&p);
	p.from = PACKET_BLOCKED;
	p.proto = 17;
	p.sport = p.dport = 5060;
	len = packet_build(&p, "BYE sip:a@b SIP/2.0\r\n\r\n", 23, frame,
			   sizeof(frame));
	fp_maps_conf(n.maps)->nic[0].confirm_until_s =
		(uint32_t)(fp_clock_ms() / 1000) + 2;
	OK(!fp_xdp_run(k.xdp, frame, (uint32_t)len, &verdict, &e));
	EQ(verdict, XDP_DROP);
	sleep(3);
	OK(!fp_xdp_run(k.xdp, frame, (uint32_t)len, &verdict, &e));
	EQ(verdict, XDP_PASS);
	fp_maps_conf(n.maps)->nic[0].confirm_until_s = 0;
	OK(!fp_xdp_run(k.xdp, frame, (uint32_t)len, &verdict, &e));
	EQ(verdict, XDP_DROP);
	fp_node_close(&n);
	kernel_down(&k);
}
