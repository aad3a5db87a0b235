/* SPDX-License-Identifier: Apache-2.0 */
/* A rehearsal judges as the filter does: the packet corpus through both, what of
 * a packet is left out, and what a cut capture leaves open. */
#include "unit.h"

#include <linux/bpf.h>

#include "io/clock.h"
#include "kernel.h"
#include "node/rehearse_priv.h"
#include "peer/xdp_rehearsal.h"
#include "test/corpus/corpus.h"

static void put(struct fp_node *n, const char *list, enum fp_kind kind,
		enum packet_source from)
{
	struct fp_list_head h = { .kind = kind };
	struct fp_err e = { .text = "" };

	strcpy(h.name, list);
	EQ(fp_node_create(n, &h, &e), 0);
	for (int v6 = 0; v6 < 2; v6++) {
		const char *text = packet_address(from, v6);
		struct fp_change c = { 0 };

		OK(!fp_prefix_parse(&c.entry.p, text, strlen(text), NULL));
		EQ(fp_node_change(n, list, &c, 1, NULL, &e), 0);
	}
}

struct bench {
	struct kernel k;
	struct fp_node n;
	struct corpus c;
	struct fp_rehearsal *live, *own;
};

static void modes(struct bench *b, uint32_t mode)
{
	struct fp_conf *c = fp_maps_conf(b->n.maps);

	c->lists = c->stealth = c->malformed = mode;
	c = fp_maps_conf(fp_rehearsal_maps(b->own));
	c->lists = c->stealth = c->malformed = mode;
}

static void bench_up(struct bench *b)
{
	struct fp_err e = { .text = "" };
	struct fp_image img;
	char why[256];

	memset(b, 0, sizeof(*b));
	kernel_up(&b->k);
	OK(!kernel_node(&b->k, &b->n, &e));
	put(&b->n, "b", FP_KIND_BLOCK, PACKET_BLOCKED);
	put(&b->n, "a", FP_KIND_ALLOW, PACKET_ALLOWED);
	put(&b->n, "f", FP_KIND_FENCE, PACKET_FENCED);
	OK(!corpus_read(&b->c, "test/corpus", why));
	OK(b->c.n > 150);
	if (!EQ(fp_rehearsal_open(&b->live, b->k.dir, &e), 0) ||
	    !EQ(fp_rehearsal_open(&b->own, NULL, &e), 0))
		printf("%s\n", e.text);
	kernel_set_ports(fp_rehearsal_maps(b->own));
	fp_maps_conf(fp_rehearsal_maps(b->own))->max_hashed = 1000;
	OK(!fp_image_all(&img, &b->n.lists, &e));
	if (!EQ(fp_tables_apply(fp_maps_tables(fp_rehearsal_maps(b->own)), &img,
				NULL, &e),
		0))
		printf("%s\n", e.text);
	fp_image_fini(&img);
}

static void bench_down(struct bench *b)
{
	fp_rehearsal_close(b->live);
	fp_rehearsal_close(b->own);
	corpus_free(&b->c);
	fp_node_close(&b->n);
	kernel_down(&b->k);
}

static const struct fp_rehearsal_verdict none = { false, FP_R_N, FP_R_N };

/* What the filter itself says: its counters tell the reason. */
static struct fp_rehearsal_verdict filter_says(struct bench *b,
					       const uint8_t *frame, size_t len)
{
	struct fp_counter was[FP_R_N], is[FP_R_N];
	struct fp_rehearsal_verdict v = none;
	struct fp_err e = { .text = "" };
	uint32_t verdict = 0;

	OK(!fp_maps_counters(b->n.maps, 0, was, &e));
	if (!EQ(fp_xdp_run(b->k.xdp, frame, (uint32_t)len, &verdict, &e), 0))
		printf("%s\n", e.text);
	OK(!fp_maps_counters(b->n.maps, 0, is, &e));
	v.is_drop = verdict == XDP_DROP;
	for (int r = 0; r < FP_R_N; r++) {
		bool is_seen = r >= FP_R_seen_block && r <= FP_R_seen_malformed;

		if (is[r].packets == was[r].packets)
			continue;
		if (!is_seen)
			v.reason = (enum fp_reason)r;
		else if (v.observed == FP_R_N) /* the first would have */
			v.observed = (enum fp_reason)r;
	}
	return v;
}

static bool same(const struct fp_rehearsal_verdict *a,
		 const struct fp_rehearsal_verdict *b)
{
	return a->is_drop == b->is_drop && a->reason == b->reason &&
	       a->observed == b->observed;
}

/* ---- batches ---- */

struct batch {
	struct fp_rehearsal *r;
	struct fp_rehearsal_verdict want[FP_REHEARSE_MAX];
	const struct corpus_case *of[FP_REHEARSE_MAX];
	size_t n, judged;
};

static void batch_run(struct batch *b)
{
	struct fp_rehearsal_verdict got[FP_REHEARSE_MAX];
	struct fp_err e = { .text = "" };
	size_t n = 99;

	if (!EQ(fp_rehearsal_run(b->r, got, &n, &e), 0))
		printf("%s\n", e.text);
	EQ(n, b->n);
	for (size_t i = 0; i < n; i++)
		if (!OK(same(&got[i], &b->want[i])))
			printf("%s (%s): %zu of %zu: %d %d %d, filter %d %d %d\n",
			       b->of[i]->name, b->of[i]->where, i, n,
			       got[i].is_drop, got[i].reason, got[i].observed,
			       b->want[i].is_drop, b->want[i].reason,
			       b->want[i].observed);
	b->judged += n;
	b->n = 0;
}

static void batch_put(struct batch *b, const struct corpus_case *x,
		      const uint8_t *frame, size_t len,
		      const struct fp_rehearsal_verdict *want)
{
	const unsigned char *copy = fp_rehearsal_put(b->r, frame, len);

	if (!copy) {
		batch_run(b);
		copy = fp_rehearsal_put(b->r, frame, len);
	}
	OK(copy && !memcmp(copy, frame, len));
	b->of[b->n] = x;
	b->want[b->n++] = *want;
}

/* most: frames in a batch, fewer where they do not fit; 0: now so, now so. */
static void corpus_batches(struct bench *b, size_t most)
{
	struct batch live = { .r = b->live }, own = { .r = b->own };
	uint32_t seed = 1;

	for (size_t i = 0; i < b->c.n; i++) {
		uint8_t frame[CORPUS_FRAME_MAX];
		size_t len = corpus_frame(&b->c.v[i], frame);
		size_t limit = most ? most : (seed >> 16) % FP_REHEARSE_MAX + 1;
		struct fp_rehearsal_verdict want;

		seed = seed * 1103515245 + 12345;
		if (len < 14 || len > FP_XDP_RUN_MAX - 64)
			continue;
		want = filter_says(b, frame, len);
		batch_put(&live, &b->c.v[i], frame, len, &want);
		batch_put(&own, &b->c.v[i], frame, len, &want);
		if (live.n >= limit)
			batch_run(&live);
		if (own.n >= limit)
			batch_run(&own);
	}
	batch_run(&live);
	batch_run(&own);
	OK(live.judged > 150);
	EQ(own.judged, live.judged);
}

static void corpus_in_batches(struct bench *b)
{
	static const size_t most[] = { 1, 2, 7, 0, FP_REHEARSE_MAX };

	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++)
		corpus_batches(b, most[i]);
	for (uint32_t mode = FP_OFF; mode <= FP_OBSERVE; mode++) {
		modes(b, mode);
		corpus_batches(b, 0);
	}
}

/* ---- a rehearsal leaves no trace, and follows ---- */

static struct fp_rehearsal_verdict judge(struct fp_rehearsal *r,
					 const uint8_t *frame, size_t len)
{
	struct fp_rehearsal_verdict v[FP_REHEARSE_MAX] = { none };
	struct fp_err e = { .text = "" };
	size_t n;

	OK(fp_rehearsal_put(r, frame, len) != NULL);
	if (!EQ(fp_rehearsal_run(r, v, &n, &e), 0))
		printf("%s\n", e.text);
	EQ(n, 1);
	return v[0];
}

static size_t request(uint8_t *frame, size_t size, enum packet_source from,
		      const char *text)
{
	struct packet p;

	packet_init(&p);
	p.from = from;
	p.proto = 17;
	p.sport = p.dport = 5060;
	return packet_build(&p, text, strlen(text), frame, size);
}

static void no_trace_and_follows(struct bench *b)
{
	struct fp_counter was[FP_R_N], is[FP_R_N];
	struct fp_err e = { .text = "" };
	uint8_t frame[256];
	size_t len;

	len = request(frame, sizeof(frame), PACKET_UNLISTED,
		      "BYE sip:a@b SIP/2.0\r\n\r\n");
	OK(!fp_maps_counters(b->n.maps, 0, was, &e));
	OK(!judge(b->live, frame, len).is_drop);
	put(&b->n, "b2", FP_KIND_BLOCK, PACKET_UNLISTED);
	EQ(judge(b->live, frame, len).reason, FP_R_drop_block);
	EQ(judge(b->own, frame, len).reason, FP_R_pass_request);
	fp_maps_conf(b->n.maps)->lists = FP_OBSERVE;
	EQ(judge(b->live, frame, len).observed, FP_R_seen_block);
	/* of two checks that observe, the first: it would have been the last */
	fp_maps_conf(b->n.maps)->stealth = FP_OBSERVE;
	EQ(judge(b->live, frame,
		 request(frame, sizeof(frame), PACKET_UNLISTED,
			 "OPTIONS sip:a@b SIP/2.0\r\n\r\n"))
		   .observed,
	   FP_R_seen_block);
	len = request(frame, sizeof(frame), PACKET_UNLISTED,
		      "BYE sip:a@b SIP/2.0\r\n\r\n");
	/* its own word from now on, but the filter's lists */
	fp_maps_conf(fp_rehearsal_maps(b->live))->lists = FP_ENFORCE;
	fp_rehearsal_keep(b->live);
	EQ(judge(b->live, frame, len).reason, FP_R_drop_block);
	EQ(fp_maps_conf(b->n.maps)->lists, FP_OBSERVE);
	/* no deadline and no bypass */
	fp_maps_conf(b->n.maps)->nic[0].confirm_until_s = 1;
	fp_maps_conf(b->n.maps)->bypass_until_s = UINT32_MAX;
	EQ(judge(b->live, frame, len).reason, FP_R_drop_block);
	OK(!fp_maps_counters(b->n.maps, 0, is, &e));
	OK(!memcmp(was, is, sizeof(was)));
}

static void nothing_put(struct bench *b)
{
	struct fp_rehearsal_verdict v[FP_REHEARSE_MAX];
	static uint8_t frame[FP_XDP_RUN_MAX + 500];
	struct fp_err e = { .text = "" };
	size_t n = 7;

	EQ(fp_rehearsal_run(b->live, v, &n, &e), 0);
	EQ(n, 0);
	OK(fp_rehearsal_put(b->live, frame, sizeof(frame)) != NULL);
	OK(!fp_rehearsal_put(b->live, frame, 14));
	EQ(fp_rehearsal_run(b->live, v, &n, &e), 0);
	EQ(n, 1);
	EQ(v[0].reason, FP_R_pass_other);
	for (int i = 0; i < FP_REHEARSE_MAX; i++)
		OK(fp_rehearsal_put(b->live, frame, 14) != NULL);
	OK(!fp_rehearsal_put(b->live, frame, 14));
	EQ(fp_rehearsal_run(b->live, v, &n, &e), 0);
	EQ(n, FP_REHEARSE_MAX);
}

/* ---- what is left out of a packet changes nothing ---- */

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t mutate(uint8_t *frame, size_t len, uint32_t *seed)
{
	static const char near[] = "\r\n\t \0OPTIONS SIP/2.0 sip:\r\n\r\n";
	int n = (int)(next(seed) % 6);

	for (int i = 0; i < n; i++) {
		size_t at = next(seed) % len;

		if (next(seed) % 2)
			at = 34 + next(seed) % 80; /* where it matters */
		if (at < len)
			frame[at] = next(seed) % 3 ? (uint8_t)near[next(seed) %
								   sizeof(near)]
						   : (uint8_t)next(seed);
	}
	if (next(seed) % 4 == 0)
		memset(frame + len, near[next(seed) % 4], 600);
	len += next(seed) % 2 ? next(seed) % 600 : 0;
	return len;
}

static void left_out(struct bench *b)
{
	static uint8_t frame[CORPUS_FRAME_MAX + 1200];
	struct fp_rehearse_look k;
	uint32_t seed = 7;
	int n_short = 0;

	for (int i = 0; i < 30000; i++) {
		const struct corpus_case *x = &b->c.v[(size_t)i % b->c.n];
		struct fp_rehearsal_verdict whole, part;
		size_t len;

		memset(frame, 'a', sizeof(frame));
		len = corpus_frame(x, frame);
		if (len < 14 || len > 2500)
			continue;
		len = mutate(frame, len, &seed);
		fp_rehearse_look(&k, frame, len);
		OK(k.keep <= len);
		n_short += k.keep < len;
		whole = judge(b->live, frame, len);
		part = judge(b->live, frame, k.keep);
		if (!OK(same(&whole, &part)))
			printf("%s (%s): round %d, %zu of %zu bytes\n", x->name,
			       x->where, i, k.keep, len);
	}
	OK(n_short > 5000);
}

/* ---- a cut capture says where it leaves a verdict open ---- */

static void cut_case(struct bench *b, const struct corpus_case *x,
		     const uint8_t *frame, size_t len, int *n_open)
{
	struct fp_rehearsal_verdict whole = judge(b->live, frame, len);
	struct fp_rehearse_look k;

	for (size_t n = 14; n < len; n += 1 + n / 128) {
		struct fp_rehearsal_verdict v = judge(b->live, frame, n);
		bool is_open;

		fp_rehearse_look(&k, frame, n);
		is_open = fp_rehearse_is_open(&k, &v, n, len, true);
		*n_open += is_open;
		/* what the filter cannot prove it passes */
		OK(!v.is_drop || whole.is_drop || is_open);
		if (!OK(is_open || (v.is_drop == whole.is_drop &&
				    v.observed == whole.observed)))
			printf("%s (%s): %zu of %zu bytes\n", x->name, x->where,
			       n, len);
	}
}

static void cut_packets(struct bench *b)
{
	static uint8_t frame[CORPUS_FRAME_MAX];
	int n_open = 0;

	for (uint32_t mode = FP_OBSERVE; mode <= FP_ENFORCE; mode++) {
		modes(b, mode);
		for (size_t i = 0; i < b->c.n; i++) {
			size_t len = corpus_frame(&b->c.v[i], frame);

			if (len > 14 && len < 2500)
				cut_case(b, &b->c.v[i], frame, len, &n_open);
		}
	}
	OK(n_open > 1000);
}

TEST(a_rehearsal_says_what_the_filter_says)
{
	struct bench b;

	bench_up(&b);
	corpus_in_batches(&b);
	modes(&b, FP_ENFORCE);
	nothing_put(&b);
	no_trace_and_follows(&b);
	bench_down(&b);
}

TEST(what_of_a_packet_counts)
{
	struct bench b;

	bench_up(&b);
	left_out(&b);
	cut_packets(&b);
	bench_down(&b);
}

/* ---- what a rehearsal says of the live filter ---- */

static void note(void *ctx, const char *text)
{
	strcpy(ctx, text);
}

TEST(what_passes_all_the_same_is_said)
{
	uint32_t now_s = (uint32_t)(fp_clock_ms() / 1000);
	char text[600] = "";
	const struct fp_rehearsing_opts o = { .notice = note, .ctx = text };
	struct fp_rehearsing_counts n = { 0 };
	struct fp_conf c = { 0 };

	strcpy(c.nic[3].name, "net3");
	c.nic[3].confirm_until_s = now_s + 100; /* filters still */
	fp_rehearse_say_passing(&o, &c, &n);
	OK(!text[0] && !n.unconfirmed && !n.bypass_s);
	strcpy(c.nic[1].name, "net1");
	c.nic[1].confirm_until_s = now_s;
	fp_rehearse_say_passing(&o, &c, &n);
	EQ(strcmp(text,
		  "judged as if it filtered: net1 is unconfirmed and passes everything"),
	   0);
	EQ(n.unconfirmed, 1);
	c.bypass_until_s = now_s + 600;
	n.unconfirmed = 0;
	c.nic[3].confirm_until_s = 1;
	fp_rehearse_say_passing(&o, &c, &n);
	OK(strstr(text, "net1 is unconfirmed (and 1 more)") &&
	   strstr(text, ", bypassed for ") && strstr(text, " s more"));
	EQ(n.unconfirmed, 2);
	OK(n.bypass_s > 590 && n.bypass_s <= 600);
}
