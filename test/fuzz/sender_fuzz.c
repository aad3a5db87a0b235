/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile node.  Whatever it answers, in whatever portions: the controller's end
 * sends whole frames and no more than it was allowed, every request is answered
 * once, and after the first wrong byte nothing more comes of it.  The first byte
 * chooses what is asked, the second the portions. */
#include "test/unit/sender.h"

#define PUSH 100 /* tags */
#define OLD "00000000000000000000000000000000000000000000000000000000000000ff"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

struct fuzz {
	struct fp_sender *s;
	struct fp_order order;
	struct offers offers;
	struct fp_buf sent;
	unsigned int asked, answered, choice;
	bool is_over, is_pushed;
};

static void make_offers(struct offers *x)
{
	char *text = offers_hosts(600);

	offers_add(x, "a", FP_KIND_BLOCK, text);
	offers_add(x, "b", FP_KIND_ALLOW, "192.0.2.0/24 why=x\n");
	x->known = OLD;
	free(text);
}

static void ask(struct fuzz *f)
{
	unsigned char digests[16 * FP_BUCKET_DIGEST] = { 1 };

	fp_sender_hello(f->s, 1000);
	f->asked = 1;
	if (f->choice & 1)
		fp_sender_words(f->s, 1, "bans", FP_KIND_BLOCK, digests, 16);
	if (f->choice & 2)
		fp_sender_change(f->s, 2, "bans", FP_KIND_BLOCK, "x", NULL,
				 NULL, f->offers.v[1].v, 1);
	if (f->choice & 4)
		fp_sender_why(f->s, 3, "192.0.2.1");
	if (f->choice & 8)
		fp_sender_get(f->s, 4, "a");
	if (f->choice & 16)
		fp_sender_mode(f->s, 5, 1000, "w", "x");
	for (unsigned int i = 1; i <= 16; i *= 2)
		f->asked += f->choice & i ? 1 : 0;
}

/* Frames that were sent so far are frames. */
static void check_sent(struct fuzz *f)
{
	struct fp_wire_msg m;
	size_t used, at = 0;
	int r;

	while ((r = fp_wire_read(f->sent.data + at, f->sent.len - at, &used, &m,
				 NULL)) > 0)
		at += used;
	check(!r);
	f->sent.len -= at;
	memmove(f->sent.data, f->sent.data + at, f->sent.len);
}

static void take(struct fuzz *f)
{
	size_t max = f->choice & 64 ? 100 : 100000, was = f->sent.len;

	fp_sender_take(f->s, &f->sent, max, 1);
	/* a frame of wanted buckets is not cut */
	check(f->sent.len - was <= max + (66 << 10));
	check_sent(f);
}

static void on_hello(struct fuzz *f)
{
	const struct fp_hello *h = fp_sender_said(f->s);

	check(h && strlen(h->policy) == 64);
	for (size_t i = 0; i < h->n_lists; i++) {
		check(!fp_list_name_check(h->list[i].name, NULL));
		check(fp_hello_find(h, h->list[i].name) == &h->list[i]);
	}
	if (!f->is_pushed && (f->choice & 32))
		f->asked += fp_sender_push(f->s, PUSH, &f->order);
	f->is_pushed = true;
}

static void on_event(struct fuzz *f, const struct fp_event *ev)
{
	check(strlen(ev->err.text) < sizeof(ev->err.text));
	if (ev->kind == FP_EVENT_NOTE)
		return;
	if (ev->kind == FP_EVENT_LINES)
		check(!ev->body_len || ev->body[ev->body_len - 1] == '\n');
	if (ev->kind == FP_EVENT_HEAD && ev->ask == FP_ASK_WORDS)
		check(ev->body_len == 2);
	if (ev->kind != FP_EVENT_DONE && ev->kind != FP_EVENT_FAILED)
		return;
	if (ev->ask == FP_ASK_CHANGE)
		check(!ev->body_len || ev->body[ev->body_len - 1] == '\n');
	f->answered++;
	if (ev->kind == FP_EVENT_FAILED)
		f->is_over |= ev->is_over;
	else if (ev->ask == FP_ASK_HELLO)
		on_hello(f);
}

static void feed(struct fuzz *f, const uint8_t *data, size_t n)
{
	struct fp_event ev;
	struct fp_err e;
	int r;

	check(!fp_sender_feed(f->s, data, n, 2));
	while ((r = fp_sender_next(f->s, &ev, &e)) > 0 && !f->is_over) {
		on_event(f, &ev);
		check(f->answered <= f->asked);
		take(f);
	}
	if (r < 0) {
		check(fp_sender_next(f->s, &ev, &e) == r);
		f->is_over = true;
	}
	check(fp_sender_is_idle(f->s) == (f->answered == f->asked) ||
	      f->is_over);
	check(!fp_sender_due_ms(f->s) == fp_sender_is_idle(f->s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = { .asked = 0 };
	size_t portion;

	if (n < 2)
		return 0;
	f.choice = data[0];
	portion = data[1] ? data[1] * 16u : n;
	make_offers(&f.offers);
	f.order = (struct fp_order){ .offers = &f.offers.o,
				     .id = "p1",
				     .by = "x",
				     .max_change = -1,
				     .is_prune = f.choice & 128 };
	check(!fp_sender_new(&f.s, "c", 1000, NULL));
	ask(&f);
	take(&f);
	for (size_t at = 2; at < n && !f.is_over; at += portion) {
		feed(&f, data + at, n - at < portion ? n - at : portion);
		if (!f.is_over)
			take(&f);
	}
	fp_sender_free(f.s);
	fp_buf_fini(&f.sent);
	offers_fini(&f.offers);
	return 0;
}
