/* SPDX-License-Identifier: Apache-2.0 */
/* A node's dialogs as a set: passes, comparison, selection, the body. */
#include "logic/dialogs.h"
#include "unit.h"

static struct fp_os_dialog dialog(const char *callid, int state)
{
	return (struct fp_os_dialog){ .callid = callid,
				      .from_uri = "sip:alice@example.net",
				      .to_uri = "SIP:+4930@example.net",
				      .tag = "vip1",
				      .caller_contact = "",
				      .callee_contact = "",
				      .caller_bind = "udp:192.0.2.11:5060",
				      .callee_bind = "udp:192.0.2.11:5060",
				      .state = state,
				      .started_s = 1000,
				      .n_callees = 1,
				      .caller_media = "192.0.2.1",
				      .callee_media = "2001:db8::1",
				      .sdp_hash = 1 };
}

static int put(struct fp_dialogs *s, const char *callid, int state)
{
	struct fp_os_dialog d = dialog(callid, state);

	return fp_dialogs_add(s, &d);
}

static struct fp_dialogs *set_of(const char *letters, int state)
{
	struct fp_dialogs *s = fp_dialogs_new();

	fp_dialogs_pass(s);
	for (; *letters; letters++)
		put(s, (const char[]){ *letters, 0 }, state);
	fp_dialogs_done(s);
	return s;
}

TEST(passes)
{
	struct fp_dialogs *s = fp_dialogs_new();

	fp_dialogs_pass(s);
	EQ(put(s, "b", 4), 1);
	EQ(put(s, "a", 4), 1);
	EQ(put(s, "b", 3), 0);
	EQ(put(s, "gone", 4), 1);
	OK(fp_dialogs_is_seen(s, "b") && !fp_dialogs_is_seen(s, "c"));
	fp_dialogs_pass(s);
	OK(!fp_dialogs_is_seen(s, "b"));
	EQ(put(s, "b", 4), 0);
	EQ(put(s, "c", 4), 1);
	EQ(put(s, "a", 5), 0);
	EQ(fp_dialogs_n(s), 4);
	fp_dialogs_done(s);
	EQ(fp_dialogs_n(s), 3);
	STR(fp_dialogs_at(s, 0)->callid, "a");
	STR(fp_dialogs_at(s, 1)->callid, "b");
	STR(fp_dialogs_at(s, 2)->callid, "c");
	OK(!fp_dialogs_at(s, 3));
	EQ(fp_dialogs_find(s, "a")->passes, 2);
	EQ(fp_dialogs_find(s, "b")->passes, 2);
	EQ(fp_dialogs_find(s, "c")->passes, 1);
	EQ(fp_dialogs_find(s, "a")->state, 5);
	EQ(fp_dialogs_find(s, "b")->state, 4);
	OK(!fp_dialogs_find(s, "gone"));
	fp_dialogs_free(s);
	fp_dialogs_free(NULL);
}

TEST(an_empty_set)
{
	struct fp_dialogs *s = set_of("", 4);

	EQ(fp_dialogs_n(s), 0);
	OK(!fp_dialogs_at(s, 0) && !fp_dialogs_find(s, "a"));
	fp_dialogs_free(s);
}

TEST(what_a_second_pass_brings_is_kept)
{
	struct fp_dialogs *s = fp_dialogs_new();
	struct fp_os_dialog d = dialog("a", 4);
	const struct fp_dialog *x;

	fp_dialogs_pass(s);
	fp_dialogs_add(s, &d);
	fp_dialogs_pass(s);
	d.tag = "vip2";
	d.from_uri = "";
	d.n_callees = 300;
	d.is_anchored = true;
	strcpy(d.caller_sent, "192.0.2.31");
	fp_dialogs_add(s, &d);
	fp_dialogs_done(s);
	x = fp_dialogs_at(s, 0);
	STR(x->tag, "vip2");
	STR(x->from_uri, "");
	STR(x->to_uri, "SIP:+4930@example.net");
	STR(x->caller_bind, "udp:192.0.2.11:5060");
	STR(x->caller_sent, "192.0.2.31");
	EQ(x->n_callees, 255);
	OK(x->is_anchored);
	fp_dialogs_free(s);
}

/* 10,000 dialogs with texts as long as carriers have them, in two passes. */
TEST(ten_thousand)
{
	char callid[96], uri[96];
	struct fp_dialogs *s = fp_dialogs_new();
	long from_ms = unit_now_ms();

	for (int pass = 0; pass < 2; pass++) {
		fp_dialogs_pass(s);
		for (int i = 0; i < 10000; i++) {
			struct fp_os_dialog d = dialog(callid, 4);

			snprintf(callid, sizeof(callid),
				 "4256baae-603a-1240-2784-4314ec889b11-%d@"
				 "sbc%d.carrier.example.net",
				 i, i % 7);
			snprintf(
				uri, sizeof(uri),
				"sip:+49301234%d@carrier.example.net;user=phone",
				i);
			d.from_uri = d.to_uri = uri;
			if (!EQ(fp_dialogs_add(s, &d), !pass))
				return;
		}
	}
	fp_dialogs_done(s);
	EQ(fp_dialogs_n(s), 10000);
	for (size_t i = 1; i < fp_dialogs_n(s); i++)
		if (!OK(fp_dialogs_find(s, fp_dialogs_at(s, i)->callid) ==
			fp_dialogs_at(s, i)))
			return;
	OK(fp_dialogs_bytes(s) / 10000 < 700);
	printf("# %zu bytes a dialog, %ld ms\n", fp_dialogs_bytes(s) / 10000,
	       unit_now_ms() - from_ms);
	OK(unit_now_ms() - from_ms < 10000); /* under valgrind, too */
	fp_dialogs_free(s);
}

TEST(a_long_text)
{
	struct fp_dialogs *s = fp_dialogs_new();
	static char text[200001];
	struct fp_os_dialog d = dialog("a", 4);

	memset(text, 'x', sizeof(text) - 1);
	d.from_uri = text;
	fp_dialogs_pass(s);
	EQ(fp_dialogs_add(s, &d), 1);
	EQ(put(s, "b", 4), 1);
	fp_dialogs_done(s);
	STR(fp_dialogs_at(s, 0)->from_uri, text);
	fp_dialogs_free(s);
}

/* ---- compare */

static char differences[256];

static int differs(void *ctx, const struct fp_dialog *a,
		   const struct fp_dialog *b)
{
	size_t n = strlen(differences);

	snprintf(differences + n, sizeof(differences) - n, "%s/%s ",
		 a ? a->callid : "-", b ? b->callid : "-");
	return ctx ? 7 : 0;
}

static const char *compared(struct fp_dialogs *a, struct fp_dialogs *b)
{
	*differences = 0;
	EQ(fp_dialogs_compare(a, b, differs, NULL), 0);
	fp_dialogs_free(a);
	fp_dialogs_free(b);
	return differences;
}

TEST(compare)
{
	struct fp_dialogs *a, *b;

	STR(compared(set_of("abc", 4), set_of("cba", 4)), "");
	STR(compared(set_of("abd", 4), set_of("bce", 4)), "a/- -/c d/- -/e ");
	STR(compared(set_of("", 4), set_of("ab", 4)), "-/a -/b ");
	STR(compared(set_of("ab", 4), set_of("ab", 3)), "a/a b/b ");
	/* what is being set up, or ends, is no difference */
	STR(compared(set_of("ab", 1), set_of("a", 4)), "");
	STR(compared(set_of("ab", 5), set_of("b", 4)), "");
	STR(compared(set_of("a", 4), set_of("ab", 2)), "");
	a = set_of("abc", 4);
	b = set_of("", 4);
	EQ(fp_dialogs_compare(a, b, differs, differences), 7);
	fp_dialogs_free(a);
	fp_dialogs_free(b);
}

static struct fp_dialogs *set_with_hash(uint64_t hash)
{
	struct fp_dialogs *s = fp_dialogs_new();
	struct fp_os_dialog d = dialog("a", 4);

	d.sdp_hash = hash;
	fp_dialogs_pass(s);
	fp_dialogs_add(s, &d);
	fp_dialogs_done(s);
	return s;
}

TEST(compare_sdp)
{
	STR(compared(set_with_hash(1), set_with_hash(2)), "a/a ");
	STR(compared(set_with_hash(0), set_with_hash(2)), "");
}

/* ---- select */

static const char *selected(const struct fp_select *q, struct fp_dialogs *s,
			    size_t want_early)
{
	static char found[256];
	const struct fp_dialog **v;
	size_t n, n_early;

	*found = 0;
	EQ(fp_select(q, s, 2000, &v, &n, &n_early), 0);
	for (size_t i = 0; i < n; i++)
		strcat(found, v[i]->callid);
	EQ(n_early, want_early);
	free(v);
	return found;
}

/* a is the youngest; d is early, e deleted, f has no start. */
static struct fp_dialogs *some(void)
{
	struct fp_dialogs *s = fp_dialogs_new();
	struct fp_os_dialog d;

	fp_dialogs_pass(s);
	for (int i = 0; i < 6; i++) {
		d = dialog((const char[]){ (char)('a' + i), 0 },
			   (const int[]){ 4, 3, 4, 2, 5, 4 }[i]);
		d.started_s = i == 5 ? 0 : 1900 - i * 100;
		d.tag = i == 1 ? "vip2" : "vip1";
		if (i == 2)
			strcpy(d.callee_sent, "192.0.2.31");
		fp_dialogs_add(s, &d);
	}
	fp_dialogs_done(s);
	return s;
}

TEST(select_some)
{
	struct fp_dialogs *s = some();
	const char *const vip1[] = { "vip9", "vip1" };
	const char *const names[] = { "c", "a", "nobody", "c", "d" };

	STR(selected(&(struct fp_select){ 0 }, s, 1), "fcba");
	STR(selected(&(struct fp_select){ .count = 2 }, s, 1), "fc");
	STR(selected(&(struct fp_select){ .tags = vip1, .n_tags = 2 }, s, 1),
	    "fca");
	STR(selected(&(struct fp_select){ .tags = vip1, .n_tags = 1 }, s, 0),
	    "");
	STR(selected(&(struct fp_select){ .callids = names, .n_callids = 5 }, s,
		     1),
	    "ca");
	STR(selected(&(struct fp_select){ .older_s = 200 }, s, 1), "cb");
	STR(selected(&(struct fp_select){ .younger_s = 200 }, s, 0), "fa");
	STR(selected(&(struct fp_select){ .media = "192.0.2.31" }, s, 0), "c");
	STR(selected(&(struct fp_select){ .media = "2001:0DB8::1" }, s, 1),
	    "fcba");
	STR(selected(&(struct fp_select){ .media = "192.0.2.3" }, s, 0), "");
	fp_dialogs_free(s);
}

TEST(select_uris)
{
	struct fp_dialogs *s = set_of("a", 4);
	const struct fp_dialog *d = fp_dialogs_at(s, 0);

	OK(fp_select_matches(&(struct fp_select){ .from_prefix = "sip:ali" }, d,
			     0));
	OK(fp_select_matches(&(struct fp_select){ .from_prefix = "alice@" }, d,
			     0));
	OK(fp_select_matches(&(struct fp_select){ .to_prefix = "+4930" }, d,
			     0));
	OK(!fp_select_matches(&(struct fp_select){ .to_prefix = "4930" }, d,
			      0));
	OK(!fp_select_matches(&(struct
				fp_select){ .from_prefix =
						    "alice@example.network" },
			      d, 0));
	OK(!fp_select_matches(&(struct fp_select){ .from_prefix = "sip:",
						   .to_prefix = "x" },
			      d, 0));
	fp_dialogs_free(s);
}

/* ---- the body */

TEST(bodies)
{
	struct fp_dialog d = { .caller_media = "192.0.2.1",
			       .callee_media = "192.0.2.2",
			       .caller_sent = "",
			       .callee_sent = "" };

	EQ(fp_dialog_body(&d), FP_BODY_OUTBOUND);
	d.caller_sent = "192.0.2.1";
	EQ(fp_dialog_body(&d), FP_BODY_OUTBOUND);
	d.callee_sent = "192.0.2.31";
	EQ(fp_dialog_body(&d), FP_BODY_INBOUND);
	d.callee_sent = "";
	d.is_anchored = true;
	EQ(fp_dialog_body(&d), FP_BODY_INBOUND);
	STR(fp_body_name(FP_BODY_AUTO), "auto");
	STR(fp_body_name(FP_BODY_OUTBOUND), "outbound");
	STR(fp_body_name(FP_BODY_INBOUND), "inbound");
}
