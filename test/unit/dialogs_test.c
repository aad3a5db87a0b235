/* SPDX-License-Identifier: Apache-2.0 */
/* Listings as OpenSIPS 3.6.8 sent them: test/fuzz/corpus/dialogs, where a letter in
 * front says of which command (for the fuzzer). */
#include "codec/dialogs.h"
#include "codec/jsonrpc.h"
#include "unit.h"

/* ---- replies */

static struct fp_jsonrpc parsed(const char *text, size_t n)
{
	struct fp_jsonrpc r = { 0 };
	struct fp_err e;

	if (fp_jsonrpc_parse(&r, text, n, &e)) {
		printf("# %s\n", e.text);
		unit_failed++;
	}
	return r;
}

static struct fp_jsonrpc captured(const char *name)
{
	char path[256];
	static char text[16384];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "test/fuzz/corpus/dialogs/%s", name);
	f = fopen(path, "re");
	if (!OK(f))
		exit(1);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return parsed(text + 1, n - 1);
}

static struct fp_jsonrpc result_of(const char *result)
{
	static char text[16384];
	int n = snprintf(text, sizeof(text), "{\"result\":%s,\"id\":\"1\"}",
			 result);

	return parsed(text, (size_t)n);
}

#define KEPT 8
static struct kept {
	char text[8][128];
	struct fp_os_dialog d;
} kept[KEPT];
static int n_kept, n_seen;

static int keep(void *ctx, const struct fp_os_dialog *d)
{
	const char *const from[] = { d->callid,         d->from_uri,
				     d->to_uri,         d->tag,
				     d->caller_contact, d->callee_contact,
				     d->caller_bind,    d->callee_bind };
	struct kept *k = &kept[n_kept % KEPT];

	k->d = *d;
	for (int i = 0; i < 8; i++)
		snprintf(k->text[i], sizeof(k->text[i]), "%s", from[i]);
	k->d.callid = k->text[0];
	k->d.from_uri = k->text[1];
	k->d.to_uri = k->text[2];
	k->d.tag = k->text[3];
	k->d.caller_contact = k->text[4];
	k->d.callee_contact = k->text[5];
	k->d.caller_bind = k->text[6];
	k->d.callee_bind = k->text[7];
	n_kept++;
	n_seen++;
	return ctx && n_seen == *(int *)ctx ? 7 : 0;
}

static int64_t list(struct fp_jsonrpc r)
{
	int64_t count = 0;
	struct fp_err e;

	n_kept = 0;
	if (!OK(!fp_os_dialogs(r.result, &count, keep, NULL, &e)))
		printf("# %s\n", e.text);
	fp_jsonrpc_fini(&r);
	return count;
}

TEST(a_listing_with_context)
{
	const struct fp_os_dialog *d = &kept[0].d;

	EQ(list(captured("aa-dlg_list_ctx-node2")), -1);
	EQ(n_kept, 10);
	list(captured("aa-dlg_list_ctx-node2"));
	n_kept = 0;
	OK(d->state == FP_DLG_CONFIRMED || d->state == FP_DLG_CONFIRMED_NA);
	HAS(d->callid, "@127.0.0.2");
	HAS(d->tag, "vip");
	STR(d->caller_bind, "udp:127.0.0.12:5060");
	STR(d->callee_bind, "udp:127.0.0.12:5060");
	STR(d->callee_contact, "sip:uas@127.0.0.22:5060");
	STR(d->callee_media, "127.0.0.22");
	STR(d->caller_sent, "");
	STR(d->callee_sent, "");
	OK(!d->is_anchored && d->sdp_hash);
	EQ(d->n_callees, 1);
}

TEST(one_dialog)
{
	const struct fp_os_dialog *d = &kept[0].d;

	EQ(list(captured("dlg_list-after-481")), -1);
	EQ(n_kept, 1);
	STR(d->callid, "uac-1795251781-20@127.0.0.21");
	STR(d->from_uri, "sip:caller20@127.0.0.21");
	STR(d->to_uri, "sip:callee@127.0.0.11");
	STR(d->tag, "");
	STR(d->caller_contact, "sip:uac@127.0.0.21:5060");
	STR(d->caller_media, "127.0.0.21");
	EQ(d->state, 4);
	EQ(d->started_s, 1795251788);
}

TEST(an_early_one)
{
	list(captured("dlg_list-early"));
	EQ(kept[0].d.state, FP_DLG_EARLY);
	EQ(kept[0].d.started_s, 0);
	STR(kept[0].d.callee_media, "");
	STR(kept[0].d.caller_media, "127.0.0.23");
}

/* The caller's SDP was sent on as callee_sent_sdp: with rtpengine's address. */
TEST(media_through_rtpengine)
{
	list(captured("rtpengine-rr"));
	EQ(n_kept, 2);
	STR(kept[1].d.callid, "1-2016@127.0.0.50");
	STR(kept[1].d.caller_media, "127.0.0.50");
	STR(kept[1].d.caller_sent, "127.0.0.31");
	STR(kept[1].d.callee_media, "127.0.0.22");
	STR(kept[1].d.callee_sent, "127.0.0.31");
	OK(kept[0].d.is_anchored && kept[1].d.is_anchored);
}

/* ---- SDP */

#define C4(A) "c=IN IP4 " A "\\r\\n"
#define V "v=0\\r\\no=- 1 1 IN IP4 192.0.2.99\\r\\ns=-\\r\\n"

static const struct fp_os_dialog *of_sdp(const char *caller, const char *sent)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"count\":1,\"Dialogs\":[{\"callid\":\"a\",\"state\":4,"
		 "\"caller_sdp\":\"%s\",\"CALLEES\":[{\"callee_sent_sdp\":"
		 "\"%s\"}]}]}",
		 caller, sent);
	EQ(list(result_of(text)), 1);
	return &kept[0].d;
}

static const char *media_of(const char *sdp)
{
	return of_sdp(sdp, "")->caller_media;
}

TEST(connection_lines)
{
	STR(media_of(V C4(
		    "192.0.2.1") "t=0 0\\r\\nm=audio 4000 RTP/AVP 0\\r\\n"),
	    "192.0.2.1");
	/* that of the first medium counts more than the session's */
	STR(media_of(V C4("192.0.2.1") "m=audio 4000 RTP/AVP 0\\r\\n" C4(
		    "192.0.2.2") "m=video 4002 RTP/AVP 96\\r\\n" C4("192.0.2."
								    "3")),
	    "192.0.2.2");
	/* one without its own has the session's, whatever the next one has */
	STR(media_of(V C4("192.0.2.1") "m=audio 4000 RTP/AVP 0\\r\\n"
				       "m=video 4002 RTP/AVP 96\\r\\n" C4(
					       "192.0.2.3")),
	    "192.0.2.1");
	/* no audio: port 0 */
	STR(media_of(V "m=audio 0 RTP/AVP 0\\r\\n" C4(
		    "0.0.0.0") "m=video 4002/2 RTP/AVP 96\\r\\n" C4("192.0.2."
								    "3")),
	    "192.0.2.3");
	STR(media_of(V "m=audio 0 RTP/AVP 0\\r\\n" C4("192.0.2.4")),
	    "192.0.2.4");
	STR(media_of(V
		     "c=IN IP4 233.252.0.1/127/3\\nm=audio 4000 RTP/AVP 0\\n"),
	    "233.252.0.1");
	STR(media_of(V "m=audio 4000 RTP/AVP 0\\r\\n"), "");
	STR(media_of("c="), "");
	STR(media_of("m=audio"), "");
	STR(media_of(""), "");
}

TEST(connection_lines_of_ipv6_and_names)
{
	STR(media_of(
		    "c=IN IP6 2001:DB8:0:0::1\\r\\nm=audio 4000 RTP/AVP 0\\r\\n"),
	    "2001:db8::1");
	STR(media_of("c=IN IP6 ff15::101/3\\r\\nm=audio 4000 RTP/AVP 0\\r\\n"),
	    "ff15::101");
	STR(media_of(
		    "c=IN IP4 Media.example.net\\r\\nm=audio 1 RTP/AVP 0\\r\\n"),
	    "media.example.net");
	EQ(strlen(media_of("c=IN IP4 a123456789012345678901234567890123456789"
			   "0123456789012345678901234567890.example\\r\\n")),
	   FP_MEDIA_STRLEN - 1);
}

#define AUDIO(P) "m=audio " P " RTP/AVP 0\\r\\n"

TEST(anchored)
{
	OK(of_sdp(C4("192.0.2.1") AUDIO("4000"), C4("192.0.2.31") AUDIO("4000"))
		   ->is_anchored);
	/* one machine has it all */
	OK(of_sdp(C4("192.0.2.1") AUDIO("4000"), C4("192.0.2.1") AUDIO("40010"))
		   ->is_anchored);
	/* changed otherwise: a codec, the origin */
	OK(!of_sdp(C4("192.0.2.1") AUDIO("4000"),
		   "a=x\\r\\n" C4("192.0.2.1") AUDIO("4000"))
		    ->is_anchored);
	STR(kept[0].d.caller_sent, "192.0.2.1");
	/* unchanged: copies have it empty */
	OK(!of_sdp(C4("192.0.2.1") AUDIO("4000"), "")->is_anchored);
}

/* ---- callees */

#define CALLEE(CONTACT, CSEQ, SDP)                                             \
	"{\"callee_contact\":\"" CONTACT "\",\"caller_cseq\":\"" CSEQ          \
	"\",\"callee_bind_addr\":null,\"callee_sdp\":\"" SDP "\"}"
#define CALLEES(...)                                                                     \
	"{\"Dialogs\":[{\"callid\":\"a\",\"caller_sdp\":\"x\",\"CALLEES\":[" __VA_ARGS__ \
	"]}]}"

TEST(the_callee_that_answered)
{
	const struct fp_os_dialog *d = &kept[0].d;
	uint64_t alone;

	list(result_of(CALLEES(CALLEE("sip:b", "1", "b"))));
	alone = d->sdp_hash;
	OK(alone);
	/* branches that did not answer have no contact, or no SDP */
	list(result_of(CALLEES(CALLEE("", "1",
				      "a") "," CALLEE("sip:b", "1",
						      "b") "," CALLEE("sip:c",
								      "1",
								      ""))));
	EQ(d->n_callees, 3);
	STR(d->callee_contact, "sip:b");
	STR(d->callee_bind, "");
	OK(d->sdp_hash == alone);
	/* requests went to one of them */
	list(result_of(CALLEES(CALLEE("sip:b", "12",
				      "b") "," CALLEE("sip:c", "1", "c"))));
	STR(d->callee_contact, "sip:b");
	OK(d->sdp_hash == alone);
	/* nobody can tell: the last, and no hash to compare */
	list(result_of(CALLEES(CALLEE("sip:c", "1",
				      "c") "," CALLEE("sip:b", "1", "b"))));
	STR(d->callee_contact, "sip:b");
	EQ(d->sdp_hash, 0);
	list(result_of(CALLEES("")));
	EQ(d->n_callees, 0);
	OK(d->sdp_hash && d->sdp_hash != alone);
}

/* ---- odd replies */

TEST(pages)
{
	EQ(list(result_of("{\"count\":10000,\"Dialogs\":[]}")), 10000);
	EQ(n_kept, 0);
	EQ(list(result_of(
		   "{\"count\":2,\"Dialogs\":[{\"callid\":\"a\",\"state\":9,"
		   "\"timestart\":-1,\"new\":[{}]},{\"callid\":\"b\",\"state\":"
		   "\"4\",\"CALLEES\":{},\"context\":{\"values\":[1,{}]}}]}")),
	   2);
	EQ(n_kept, 2);
	EQ(kept[0].d.state, 0);
	EQ(kept[0].d.started_s, 0);
	EQ(kept[1].d.state, 0);
	STR(kept[1].d.tag, "");
}

TEST(no_listing)
{
	static const char *const others[][2] = {
		{ "\"OK\"", "\"Dialogs\" is missing" },
		{ "{\"Dialogs\":{}}", "\"Dialogs\" is no array" },
		{ "{\"Dialogs\":[1]}", "no object" },
		{ "{\"Dialogs\":[{}]}", "\"callid\"" },
		{ "{\"Dialogs\":[{\"callid\":4}]}", "\"callid\"" },
		{ "{\"Dialog\":[]}", "no object" },
	};
	int64_t count;
	struct fp_err e;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct fp_jsonrpc r = result_of(others[i][0]);

		EQ(fp_os_dialogs(r.result, &count, keep, NULL, &e), -EBADMSG);
		HAS(e.text, others[i][1]);
		fp_jsonrpc_fini(&r);
	}
}

TEST(a_walk_that_stops)
{
	struct fp_jsonrpc r = captured("aa-dlg_list_ctx-node2");
	int64_t count;
	int stop = 3;

	EQ(fp_os_dialogs(r.result, &count, keep, &stop, NULL), 7);
	EQ(n_seen, 3);
	fp_jsonrpc_fini(&r);
}

TEST(states)
{
	STR(fp_dialog_state_name(1), "unconfirmed");
	STR(fp_dialog_state_name(2), "early");
	STR(fp_dialog_state_name(3), "no-ack");
	STR(fp_dialog_state_name(4), "confirmed");
	STR(fp_dialog_state_name(5), "deleted");
	STR(fp_dialog_state_name(0), "-");
	STR(fp_dialog_state_name(6), "-");
	STR(fp_dialog_state_name(-1), "-");
}

TEST(sequential)
{
	static const struct {
		const char *name;
		int code;
		const char *reason;
	} cases[] = {
		{ "seq-default", 200, "OK" },
		{ "seq-callee-answers-481", 481,
		  "Call/Transaction Does Not Exist" },
		{ "seq-caller-200-without-sdp", 400, "OK" },
		{ "seq-caller-answers-491", 491, "Request Pending" },
		{ "seq-caller-answers-603", 603, "Server Internal Error" },
	};
	char reason[64];
	int code;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fp_jsonrpc r = captured(cases[i].name);

		EQ(fp_os_sequential(r.result, &code, reason, NULL), 0);
		EQ(code, cases[i].code);
		STR(reason, cases[i].reason);
		fp_jsonrpc_fini(&r);
	}
}

TEST(no_sequential)
{
	static const char *const others[] = { "\"OK\"", "{\"Code\":\"200\"}",
					      "{\"Code\":99}",
					      "{\"Code\":700}" };
	struct fp_err e;
	char reason[64];
	int code;
	struct fp_jsonrpc r;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		r = result_of(others[i]);
		EQ(fp_os_sequential(r.result, &code, reason, &e), -EBADMSG);
		HAS(e.text, "Code");
		fp_jsonrpc_fini(&r);
	}
	r = result_of("{\"Code\":200,\"Reason\":\"a\\tb\\u007f\"}");
	EQ(fp_os_sequential(r.result, &code, reason, NULL), 0);
	STR(reason, "a?b?");
	fp_jsonrpc_fini(&r);
}

static int report(void *ctx, int64_t at_s, const char *text)
{
	char *to = ctx;

	sprintf(to + strlen(to), "%lld %.9s\n", (long long)at_s, text);
	return 0;
}

TEST(reports)
{
	struct fp_jsonrpc r = captured("reports");
	char found[512] = "";

	EQ(fp_os_reports(r.result, report, found, NULL), 0);
	HAS(found, "1795285366 Sync requ\n1795285371 Sync comp\n");
	fp_jsonrpc_fini(&r);
	r = result_of("{}");
	EQ(fp_os_reports(r.result, report, found, NULL), -EBADMSG);
	fp_jsonrpc_fini(&r);
}
