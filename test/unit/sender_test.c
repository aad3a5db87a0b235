/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's end of a session: what it sends when, and what it makes of
 * answers, wrong ones too. */
#include "logic/sender_priv.h"
#include "test/unit/sender.h"
#include "test/unit/unit.h"

#define DIGEST_X                                                               \
	"00000000000000000000000000000000000000000000000000000000000000ff"

/* A session and the other end of its wire. */
struct talk {
	struct fp_sender *s;
	struct fp_buf sent; /* bytes, from sent_at on not looked at */
	size_t sent_at;
	struct fp_event ev;
	struct fp_err e;
	int64_t now_ms;
};

static void begin(struct talk *t)
{
	*t = (struct talk){ .now_ms = 1000 };
	EQ(fp_sender_new(&t->s, "c1", 5000, &t->e), 0);
}

static void finish(struct talk *t)
{
	fp_sender_free(t->s);
	fp_buf_fini(&t->sent);
}

static void take(struct talk *t)
{
	size_t was;

	do {
		was = t->sent.len;
		fp_sender_take(t->s, &t->sent, 100000, t->now_ms);
	} while (t->sent.len != was);
}

/* The next message it sent: its type, or 0. */
static char sent(struct talk *t, struct fp_wire_msg *m)
{
	size_t used;

	take(t);
	if (fp_wire_read(t->sent.data + t->sent_at, t->sent.len - t->sent_at,
			 &used, m, &t->e) <= 0)
		return 0;
	t->sent_at += used;
	return (char)m->type;
}

/* All that it sends now, as the letters of types; DATA once. */
static const char *letters(struct talk *t)
{
	static char out[64];
	struct fp_wire_msg m;
	size_t n = 0;
	char c;

	while ((c = sent(t, &m)) && n < sizeof(out) - 1)
		if (c != 'D' || !n || out[n - 1] != 'D')
			out[n++] = c;
	out[n] = 0;
	return out;
}

static const char *field(const struct fp_wire_msg *m, const char *key)
{
	static char out[300];

	return fp_wire_str(m, key, out, sizeof(out)) ? out : NULL;
}

/* A frame of the node: type, head lines, body. */
static void reply_bytes(struct talk *t, char type, const char *head,
			const void *body, size_t n)
{
	struct fp_buf b = { 0 };
	size_t at = fp_wire_begin(&b, (enum fp_wire_type)type);

	fp_buf_str_add(&b, head);
	fp_wire_body(&b, body, n);
	fp_wire_end(&b, at);
	EQ(fp_sender_feed(t->s, b.data, b.len, t->now_ms), 0);
	fp_buf_fini(&b);
}

static void reply(struct talk *t, char type, const char *head, const char *body)
{
	reply_bytes(t, type, head, body, strlen(body));
}

static int next(struct talk *t)
{
	t->e.text[0] = 0;
	return fp_sender_next(t->s, &t->ev, &t->e);
}

/* HELLO, answered: lists as its body has them. */
static void hello(struct talk *t, const char *lists)
{
	fp_sender_hello(t->s, 1234);
	STR(letters(t), "H");
	reply(t, 'H', "v=1\nname=sip1\npolicy=" DIGEST_X "\naccepted=p7\n",
	      lists);
	EQ(next(t), 1);
	EQ(t->ev.kind, FP_EVENT_DONE);
	EQ(t->ev.ask, FP_ASK_HELLO);
	EQ(next(t), 0);
}

/* The line of a list as HELLO has it. */
static const char *line(const char *name, const char *kind, const char *owner,
			unsigned int entries, const char *digest)
{
	static char out[4][200];
	static unsigned int i;

	i = (i + 1) % 4;
	snprintf(out[i], sizeof(out[i]), "%s %s %s %u %s\n", name, kind, owner,
		 entries, digest);
	return out[i];
}

/* ---- HELLO */

TEST(hello_is_asked_and_read)
{
	struct fp_wire_msg m;
	const struct fp_hello *h;
	struct talk t;

	begin(&t);
	OK(!fp_sender_said(t.s));
	OK(fp_sender_is_idle(t.s));
	fp_sender_hello(t.s, 1234);
	EQ(sent(&t, &m), 'H');
	STR(field(&m, "v"), "1");
	STR(field(&m, "min"), "1");
	STR(field(&m, "name"), "c1");
	STR(field(&m, "clock_ms"), "1234");
	reply(&t, 'H',
	      "v=2\nmin=1\nname=sip1\nversion=0.1.0\nclock_ms=77\npolicy=" DIGEST_X
	      "\naccepted=p7\naccepted_by=c0\naccepted_at=99\npending=p8\npending_s=30\nfilter=attached\nnics=2\nlists=enforce\nbypass_s=5\ntables=ok\nwords=" DIGEST_X
	      "\nn_words=3\nbroken=1\nnew_key=x\n",
	      "b block dynamic 2 -\na allow pushed 1 " DIGEST_X "\n");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_DONE);
	h = fp_sender_said(t.s);
	if (!OK(h))
		return;
	STR(h->name, "sip1");
	EQ(h->clock_ms, 77);
	STR(h->accepted, "p7");
	STR(h->accepted_by, "c0");
	EQ(h->accepted_at_s, 99);
	STR(h->pending, "p8");
	EQ(h->pending_s, 30);
	STR(h->filter, "attached");
	STR(h->mode, "enforce");
	EQ(h->bypass_s, 5);
	EQ(h->n_words, 3);
	EQ(h->broken, 1);
	EQ(h->n_lists, 2);
	STR(h->list[0].name, "a");
	EQ(h->list[0].kind, FP_KIND_ALLOW);
	STR(h->list[0].digest, DIGEST_X);
	STR(h->list[1].digest, "");
	OK(fp_hello_find(h, "b") == &h->list[1]);
	OK(!fp_hello_find(h, "c"));
	OK(fp_sender_is_idle(t.s));
	finish(&t);
}

static const struct {
	const char *head, *body;
	int code;
	const char *text;
} bad_hello[] = {
	{ "v=1\n", "", -EBADMSG, "no policy" },
	{ "v=1\npolicy=abc\n", "", -EBADMSG, "policy is no digest" },
	{ "policy=" DIGEST_X "\n", "", -EPROTO, "version 0" },
	{ "v=3\nmin=2\npolicy=" DIGEST_X "\n", "", -EPROTO, "version 3" },
	{ "v=1\npolicy=" DIGEST_X "\nnics=-1\n", "", -EBADMSG, "nics" },
	{ "v=1\npolicy=" DIGEST_X "\n", "a block pushed 1 -", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n", "a block pushed 1\n", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n", "a block pushed 1 - x\n", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n", "../a block pushed 1 -\n", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n", "a block pushed -1 -\n", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n", "a block pushed 1 abc\n", -EBADMSG,
	  "line 1" },
	{ "v=1\npolicy=" DIGEST_X "\n",
	  "b block pushed 1 -\nb block local 1 -\n", -EBADMSG, "twice" },
};

TEST(a_hello_that_is_none_ends_the_session)
{
	for (size_t i = 0; i < sizeof(bad_hello) / sizeof(*bad_hello); i++) {
		struct talk t;

		begin(&t);
		fp_sender_hello(t.s, 1);
		take(&t);
		reply(&t, 'H', bad_hello[i].head, bad_hello[i].body);
		EQ(next(&t), bad_hello[i].code);
		HAS(t.e.text, bad_hello[i].text);
		EQ(next(&t), bad_hello[i].code); /* and stays so */
		finish(&t);
	}
}

TEST(a_version_that_the_node_does_not_speak)
{
	struct talk t;

	begin(&t);
	fp_sender_hello(t.s, 1);
	take(&t);
	reply(&t, 'F', "code=version\ntext=too old\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_FAILED);
	OK(t.ev.is_over);
	STR(t.ev.code, "version");
	STR(t.ev.err.text, "too old");
	finish(&t);
}

/* ---- answers in order */

TEST(what_nobody_asked_ends_the_session)
{
	struct talk t;

	begin(&t);
	reply(&t, 'K', "changed=1\n", "");
	EQ(next(&t), -EBADMSG);
	finish(&t);
	begin(&t);
	fp_sender_why(t.s, 1, "192.0.2.1");
	reply(&t, 'E', "", ""); /* before it was even sent */
	EQ(next(&t), -EBADMSG);
	finish(&t);
	begin(&t);
	fp_sender_mode(t.s, 1, 0, NULL, "al");
	take(&t);
	reply(&t, 'W', "", "");
	EQ(next(&t), -EBADMSG);
	finish(&t);
}

TEST(requests_go_out_together_and_are_answered_in_order)
{
	struct talk t;

	begin(&t);
	fp_sender_mode(t.s, 5, 60000, "w", "al");
	fp_sender_why(t.s, 6, "192.0.2.1");
	fp_sender_get(t.s, 7, "a");
	fp_sender_confirm(t.s, 8, "p1", false);
	fp_sender_confirm(t.s, 9, "p1", true);
	OK(fp_sender_awaits(t.s, 9));
	STR(letters(&t), "MYGUB");
	reply(&t, 'T', "text=mind the gap\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_NOTE);
	STR(t.ev.err.text, "mind the gap");
	reply(&t, 'K', "changed=1\nbypass_s=60\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.tag, 5);
	EQ(t.ev.answer.bypass_s, 60);
	reply(&t, 'D', "", "kernel\t-\t-\t192.0.2.1\tnone\n");
	reply(&t, 'E', "", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_LINES);
	EQ(t.ev.body_len, 26);
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_DONE);
	EQ(t.ev.tag, 6);
	reply(&t, 'F', "code=absent\nerrno=ENOENT\ntext=no\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_FAILED);
	EQ(t.ev.error, -ENOENT);
	OK(!t.ev.is_over);
	EQ(t.ev.tag, 7);
	reply(&t, 'K', "changed=1\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.ask, FP_ASK_CONFIRM);
	OK(!fp_sender_is_idle(t.s));
	reply(&t, 'K', "changed=0\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.tag, 9);
	OK(fp_sender_is_idle(t.s));
	OK(!fp_sender_awaits(t.s, 9));
	finish(&t);
}

TEST(a_list_is_got_with_its_head_first)
{
	struct talk t;

	begin(&t);
	fp_sender_get(t.s, 7, "a");
	take(&t);
	reply(&t, 'L', "name=a\nkind=allow\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_HEAD);
	EQ(t.ev.list_kind, FP_KIND_ALLOW);
	reply(&t, 'D', "", "192.0.2.1"); /* a line that does not end */
	EQ(next(&t), -EBADMSG);
	finish(&t);
	begin(&t);
	fp_sender_get(t.s, 7, "a");
	take(&t);
	reply(&t, 'D', "", "192.0.2.1\n");
	EQ(next(&t), -EBADMSG);
	finish(&t);
}

/* Who asks keeps them all: 2 GiB together, as much as a session stages. */
TEST(lists_of_a_session_are_bounded)
{
	struct talk t;

	begin(&t);
	fp_sender_get(t.s, 7, "a");
	fp_sender_get(t.s, 8, "b");
	take(&t);
	t.s->lists_bytes = (2ull << 30) - 15; /* of others before */
	reply(&t, 'L', "name=a\nkind=block\n", "");
	EQ(next(&t), 1);
	reply(&t, 'D', "", "192.0.2.1\n");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_LINES);
	reply(&t, 'E', "", "");
	EQ(next(&t), 1);
	reply(&t, 'L', "name=b\nkind=block\n", "");
	EQ(next(&t), 1);
	reply(&t, 'D', "", "192.0.2.2\n");
	EQ(next(&t), -EBADMSG);
	finish(&t);
}

TEST(words_are_answered_with_a_bit_a_bucket)
{
	unsigned char digests[20 * FP_BUCKET_DIGEST] = { 0 };
	struct fp_wire_msg m;
	struct talk t;

	begin(&t);
	fp_sender_words(t.s, 7, "bans", FP_KIND_BLOCK, digests, 20);
	EQ(sent(&t, &m), 'V');
	EQ(m.body_len, sizeof(digests));
	STR(field(&m, "n_buckets"), "20");
	reply_bytes(&t, 'V', "list=bans\n", "\1\0\2", 3);
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_HEAD);
	EQ(t.ev.body[2], 2);
	reply(&t, 'E', "", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_DONE);
	fp_sender_words(t.s, 7, "bans", FP_KIND_BLOCK, digests, 20);
	take(&t);
	reply_bytes(&t, 'V', "list=bans\n", "\1\0", 2);
	EQ(next(&t), -EBADMSG);
	finish(&t);
}

TEST(many_words_take_several_frames_and_one_answer)
{
	char *text = offers_hosts(60000);
	struct fp_parse_opts o = { .file = "x" };
	struct fp_entries x;
	struct fp_wire_msg m;
	size_t bytes = 0, frames = 0;
	struct talk t;

	EQ(fp_entries_parse(&x, text, strlen(text), &o, NULL), 0);
	begin(&t);
	fp_sender_change(t.s, 3, "bans", FP_KIND_BLOCK, "al", "why", NULL, x.v,
			 x.n);
	while (sent(&t, &m) == 'A') {
		STR(field(&m, "list"), "bans");
		STR(field(&m, "by"), "al");
		bytes += m.body_len;
		frames++;
	}
	OK(frames > 1);
	EQ(bytes, strlen(text));
	for (size_t i = 1; i < frames; i++) {
		reply(&t, i == 2 ? 'F' : 'K',
		      i == 2 ? "code=busy\ntext=locked\n" : "changed=10\n",
		      i == 1 ? "192.0.2.1 self\n192.0.2.2 ssh" : "");
		EQ(next(&t), 0);
	}
	reply(&t, 'T', "text=no\nrule=cluster\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_NOTE);
	EQ(t.ev.ask, FP_ASK_CHANGE);
	EQ(t.ev.tag, 3);
	STR(t.ev.err.rule, "cluster");
	reply(&t, 'K', "changed=1\nignored=2\nrefused=3\nforce=1\n",
	      "192.0.2.3 cluster\n");
	EQ(next(&t), 1);
	EQ(t.ev.tag, 3);
	EQ(t.ev.body_len, 15 + 14 + 18);
	OK(!memcmp(t.ev.body,
		   "192.0.2.1 self\n192.0.2.2 ssh\n192.0.2.3 cluster\n",
		   t.ev.body_len));
	EQ(t.ev.kind, frames > 2 ? FP_EVENT_FAILED : FP_EVENT_DONE);
	OK(fp_sender_is_idle(t.s));
	finish(&t);
	fp_entries_fini(&x);
	free(text);
}

/* ---- a push */

static struct fp_order order_of(struct offers *x)
{
	return (struct fp_order){
		.offers = &x->o, .id = "p9", .by = "al", .max_change = -1
	};
}

TEST(nothing_is_asked_when_all_is_so)
{
	struct offers x = { .known = NULL };
	struct fp_order p;
	struct talk t;
	char lists[400];

	offers_add(&x, "a", FP_KIND_BLOCK, "192.0.2.1\n");
	p = order_of(&x);
	begin(&t);
	snprintf(lists, sizeof(lists), "%s%s%s",
		 line("_cluster", "allow", "pushed", 2, DIGEST_X),
		 line("a", "block", "pushed", 1, x.v[0].digest),
		 line("other", "block", "pushed", 1, DIGEST_X));
	hello(&t, lists);
	OK(!fp_sender_push(t.s, 1, &p));
	STR(letters(&t), "");
	p.is_prune = true; /* "other" goes */
	OK(fp_sender_push(t.s, 1, &p));
	STR(letters(&t), "X");
	finish(&t);
	offers_fini(&x);
}

TEST(a_new_list_goes_whole_and_is_committed_when_it_is_staged)
{
	struct offers x = { .known = NULL };
	struct fp_list_digest d[3] = { { .name = "a" }, { .name = "keep" } };
	struct fp_wire_msg m;
	struct fp_order p;
	struct talk t;
	char policy[65];

	offers_add(&x, "a", FP_KIND_ALLOW, "192.0.2.1\n192.0.2.2 why=x\n");
	p = order_of(&x);
	p.why = "because";
	p.overrides = "ssh,wide";
	p.confirm_ms = 5000;
	begin(&t);
	hello(&t, line("keep", "block", "pushed", 4, DIGEST_X));
	OK(fp_sender_push(t.s, 1, &p));
	EQ(sent(&t, &m), 'L');
	STR(field(&m, "how"), "whole");
	STR(field(&m, "digest"), x.v[0].digest);
	EQ(sent(&t, &m), 'D');
	EQ(m.body_len, 26);
	EQ(sent(&t, &m), 'E');
	EQ(sent(&t, &m), 0);
	reply(&t, 'K', "staged=1\n", "");
	EQ(next(&t), 0);
	EQ(sent(&t, &m), 'C');
	STR(field(&m, "push"), "p9");
	STR(field(&m, "base"), "p7");
	STR(field(&m, "by"), "al");
	STR(field(&m, "why"), "because");
	STR(field(&m, "override"), "ssh,wide");
	STR(field(&m, "confirm_ms"), "5000");
	STR(field(&m, "adopt"), "0");
	STR(field(&m, "dry_run"), "0");
	STR(field(&m, "max_change"), NULL);
	d[0].kind = FP_KIND_ALLOW;
	strcpy(d[0].hex, x.v[0].digest);
	d[1].kind = FP_KIND_BLOCK;
	strcpy(d[1].hex, DIGEST_X);
	fp_policy_digest(d, 2, policy);
	STR(field(&m, "policy"), policy);
	reply(&t, 'K', "changed=1\nadded=2\nforce=1\npending_s=5\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_DONE);
	EQ(t.ev.answer.added, 2);
	EQ(t.ev.answer.pending_s, 5);
	OK(t.ev.answer.is_in_force);
	OK(fp_sender_is_idle(t.s));
	finish(&t);
	offers_fini(&x);
}

/* Diff first; base: buckets; digest: whole; then it has failed. */
TEST(a_list_that_differs_goes_the_shortest_way_that_works)
{
	char *text = offers_hosts(5000);
	struct offers x = { .known = DIGEST_X };
	unsigned char want[10] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint32_t n_buckets = fp_bucket_count(5000);
	struct fp_wire_msg m;
	struct fp_order p;
	struct talk t;
	size_t wanted = 0, lines = 0;

	offers_add(&x, "a", FP_KIND_BLOCK, text);
	EQ(n_buckets, 78);
	p = order_of(&x);
	begin(&t);
	hello(&t, line("a", "block", "pushed", 4999, DIGEST_X));
	OK(fp_sender_push(t.s, 1, &p));
	EQ(sent(&t, &m), 'L');
	STR(field(&m, "how"), "diff");
	STR(field(&m, "from"), DIGEST_X);
	STR(letters(&t), "E");
	reply(&t, 'F', "code=base\ntext=another list\n", "");
	EQ(next(&t), 0);
	EQ(sent(&t, &m), 'L');
	STR(field(&m, "how"), "buckets");
	STR(field(&m, "n_buckets"), "78");
	STR(letters(&t), "");
	reply_bytes(&t, 'W', "name=a\nn_buckets=78\n", want, sizeof(want));
	EQ(next(&t), 0);
	EQ(sent(&t, &m), 'D');
	for (size_t i = 0; i < m.body_len; i++)
		lines += m.body[i] == '\n';
	for (size_t i = 0; i < x.v[0].n; i++)
		wanted += fp_bucket_of(&x.v[0].v[i].p, n_buckets) == 0;
	EQ(lines, wanted);
	OK(wanted > 0);
	STR(letters(&t), "E");
	reply(&t, 'F', "code=digest\ntext=not that\n", "");
	EQ(next(&t), 0);
	STR(letters(&t), "LDE");
	EQ(x.n_whole, 1);
	reply(&t, 'F', "code=digest\ntext=still not\n", "");
	EQ(next(&t), 1);
	EQ(t.ev.kind, FP_EVENT_FAILED);
	STR(t.ev.code, "digest");
	HAS(t.ev.err.text, "list a: still not");
	OK(t.ev.is_over);
	finish(&t);
	offers_fini(&x);
	free(text);
}

TEST(a_fail_in_place_of_want_is_the_whole_answer)
{
	char *text = offers_hosts(1000);
	struct offers x = { .known = NULL };
	struct fp_order p;
	struct talk t;

	offers_add(&x, "a", FP_KIND_BLOCK, text);
	p = order_of(&x);
	begin(&t);
	hello(&t, line("a", "block", "pushed", 999, DIGEST_X));
	OK(fp_sender_push(t.s, 1, &p));
	STR(letters(&t), "L");
	EQ(x.n_buckets, 1);
	reply(&t, 'F', "code=base\ntext=gone\n", "");
	EQ(next(&t), 0);
	STR(letters(&t), "LDE");
	EQ(x.n_whole, 1);
	finish(&t);
	offers_fini(&x);
	free(text);
}

TEST(lists_that_need_no_answer_are_not_held_up)
{
	struct offers x = { .known = NULL };
	struct fp_order p;
	struct talk t;

	offers_add(&x, "a", FP_KIND_BLOCK, "192.0.2.1\n");
	offers_add(&x, "b", FP_KIND_BLOCK, "192.0.2.2\n");
	p = order_of(&x);
	p.is_prune = true;
	begin(&t);
	hello(&t, line("old", "block", "pushed", 1, DIGEST_X));
	OK(fp_sender_push(t.s, 1, &p));
	fp_sender_why(t.s, 2, "192.0.2.1"); /* waits for the push */
	STR(letters(&t), "LDELDEX");
	reply(&t, 'K', "staged=1\n", "");
	reply(&t, 'K', "staged=2\n", "");
	EQ(next(&t), 0);
	STR(letters(&t), "");
	reply(&t, 'K', "", "");
	EQ(next(&t), 0);
	STR(letters(&t), "C");
	reply(&t, 'F', "code=refused\nerrno=EPERM\nrule=ssh\ntext=you\n", "");
	EQ(next(&t), 1);
	STR(t.ev.err.rule, "ssh");
	OK(!t.ev.is_over);
	STR(letters(&t), "Y");
	finish(&t);
	offers_fini(&x);
}

static const struct {
	char type;
	const char *head, *body;
} out_of_turn[] = {
	{ 'W', "name=a\n", "\1\1" }, /* not asked for */
	{ 'H', "v=1\npolicy=" DIGEST_X "\n", "" },
	{ 'D', "", "192.0.2.1\n" },
	{ 'E', "", "" },
};

TEST(an_answer_out_of_turn_ends_the_session)
{
	for (size_t i = 0; i < sizeof(out_of_turn) / sizeof(*out_of_turn);
	     i++) {
		struct offers x = { .known = NULL };
		struct fp_order p;
		struct talk t;

		offers_add(&x, "a", FP_KIND_BLOCK, "192.0.2.1\n");
		p = order_of(&x);
		begin(&t);
		hello(&t, "");
		OK(fp_sender_push(t.s, 1, &p));
		STR(letters(&t), "LDE");
		reply(&t, out_of_turn[i].type, out_of_turn[i].head,
		      out_of_turn[i].body);
		EQ(next(&t), -EBADMSG);
		finish(&t);
		offers_fini(&x);
	}
}

TEST(ok_for_a_list_that_is_not_sent_ends_the_session)
{
	char *text = offers_hosts(1000);
	struct offers x = { .known = NULL };
	struct fp_order p;
	struct talk t;

	offers_add(&x, "a", FP_KIND_BLOCK, text);
	p = order_of(&x);
	begin(&t);
	hello(&t, line("a", "block", "pushed", 999, DIGEST_X));
	OK(fp_sender_push(t.s, 1, &p));
	STR(letters(&t), "L"); /* waits for WANT */
	reply(&t, 'K', "staged=1\n", "");
	EQ(next(&t), -EBADMSG);
	finish(&t);
	offers_fini(&x);
	free(text);
}

TEST(names_bound_what_a_prune_takes)
{
	const char *names[] = { "a" };
	struct offers x = { .known = NULL };
	struct fp_order p;
	struct talk t;
	char lists[400];

	p = order_of(&x);
	x.o.ctx = &x;
	p.is_prune = true;
	p.names = names;
	p.n_names = 1;
	begin(&t);
	snprintf(lists, sizeof(lists), "%s%s%s",
		 line("a", "block", "pushed", 1, DIGEST_X),
		 line("b", "block", "pushed", 1, DIGEST_X),
		 line("c", "block", "dynamic", 1, "-"));
	hello(&t, lists);
	OK(fp_sender_push(t.s, 1, &p));
	STR(letters(&t), "X");
	finish(&t);
	offers_fini(&x);
}

/* ---- bytes and time */

TEST(it_sends_the_same_in_whatever_portions_it_is_taken)
{
	char *text = offers_hosts(20000);
	struct offers x = { .known = NULL };
	struct fp_buf all = { 0 }, parts = { 0 };
	struct fp_order p;
	struct talk t;

	offers_add(&x, "a", FP_KIND_BLOCK, text);
	p = order_of(&x);
	for (int i = 0; i < 2; i++) {
		struct fp_buf *to = i ? &parts : &all;
		size_t max = i ? 1000 : 1 << 20, was;

		begin(&t);
		hello(&t, "");
		OK(fp_sender_push(t.s, 1, &p));
		do {
			was = to->len;
			fp_sender_take(t.s, to, max, 1);
			OK(to->len - was <= max);
		} while (to->len != was);
		finish(&t);
	}
	EQ(all.len, parts.len);
	OK(all.len > strlen(text));
	OK(!memcmp(all.data, parts.data, all.len));
	fp_buf_fini(&all);
	fp_buf_fini(&parts);
	offers_fini(&x);
	free(text);
}

TEST(it_reads_the_same_byte_by_byte)
{
	const char bytes[] = "\0\0\0\5K\na=\n\0\0\0\2T\n";
	struct talk t;
	int events = 0;

	begin(&t);
	fp_sender_confirm(t.s, 1, "p", false);
	take(&t);
	for (size_t i = 0; i < 4 + 2; i++)
		EQ(fp_sender_feed(t.s, &"\0\0\0\2K\n"[i], 1, t.now_ms), 0);
	EQ(next(&t), 1);
	for (size_t i = 9; i < sizeof(bytes) - 1; i++) {
		EQ(fp_sender_feed(t.s, bytes + i, 1, t.now_ms), 0);
		events += next(&t);
	}
	EQ(events, 1);
	EQ(t.ev.kind, FP_EVENT_NOTE);
	finish(&t);
}

TEST(silence_is_counted_while_something_is_awaited)
{
	static const char much[5200];
	struct talk t;

	begin(&t);
	EQ(fp_sender_due_ms(t.s), 0);
	fp_sender_hello(t.s, 1);
	take(&t);
	EQ(fp_sender_due_ms(t.s), 6000);
	fp_sender_why(t.s, 1, "192.0.2.1");
	t.now_ms = 3000;
	take(&t);
	EQ(fp_sender_due_ms(t.s), 8000);
	take(&t); /* nothing to take is no progress */
	t.now_ms = 4000;
	take(&t);
	EQ(fp_sender_due_ms(t.s), 8000);
	/* bytes that drip are silence, 1 KiB a second is not */
	EQ(fp_sender_feed(t.s, "\0\x0f\0\0D", 5, 5000), 0);
	EQ(fp_sender_due_ms(t.s), 8000);
	EQ(fp_sender_feed(t.s, much, sizeof(much), 6000), 0);
	EQ(fp_sender_due_ms(t.s), 11000);
	finish(&t);
}

TEST(an_answer_is_heard_and_notes_are_not)
{
	struct talk t;
	int n = 0;

	begin(&t);
	fp_sender_mode(t.s, 7, 1000, "x", "al");
	fp_sender_mode(t.s, 8, 1000, "x", "al");
	take(&t);
	t.now_ms = 3000;
	reply(&t, 'T', "text=x\n", "");
	EQ(next(&t), 1);
	EQ(fp_sender_due_ms(t.s), 6000);
	reply(&t, 'K', "changed=1\n", "");
	EQ(next(&t), 1);
	EQ(fp_sender_due_ms(t.s), 8000);
	do
		reply(&t, 'T', "text=x\n", "");
	while (next(&t) > 0 && ++n < 100000);
	EQ(n, 20000);
	finish(&t);
}
