/* SPDX-License-Identifier: Apache-2.0 */
/* SIP: what we ask and what is answered, as text. */
#include "unit.h"

#include <stddef.h>

#include "codec/sip.h"

TEST(options_as_text)
{
	struct fp_sip_options o = { .transport = "TCP",
				    .sent_by = "192.0.2.1:5070",
				    .uri = "sip:192.0.2.11:5060;transport=tcp",
				    .user = "fastpath",
				    .domain = "sip.example.net",
				    .branch = "z9hG4bKabc",
				    .tag = "t1",
				    .call_id = "c1",
				    .cseq = 7 };
	struct fp_buf b = { 0 };

	fp_sip_print_options(&b, &o);
	STR(fp_buf_str(&b),
	    "OPTIONS sip:192.0.2.11:5060;transport=tcp SIP/2.0\r\n"
	    "Via: SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bKabc;rport\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:fastpath@sip.example.net>;tag=t1\r\n"
	    "To: <sip:192.0.2.11:5060;transport=tcp>\r\n"
	    "Call-ID: c1\r\n"
	    "Contact: <sip:fastpath@192.0.2.1:5070;transport=tcp>\r\n"
	    "Accept: application/sdp\r\n"
	    "User-Agent: fastpath\r\n"
	    "Content-Length: 0\r\n"
	    "CSeq: 7 OPTIONS\r\n"
	    "\r\n");
	fp_buf_fini(&b);
}

TEST(bye_as_text)
{
	struct fp_sip_bye bye = {
		.transport = "UDP",
		.sent_by = "192.0.2.1:5070",
		.uri = "sip:mod_sofia@192.0.2.21:5060",
		.from = "\"caller1\" <sip:caller1@192.0.2.50:5106>;tag=24924c1",
		.to = "<sip:2001@192.0.2.21:5060>;tag=cBreZH6DgNZFF",
		.branch = "z9hG4bKabc",
		.call_id = "1-24924@192.0.2.50",
		.cseq = 1001
	};
	struct fp_buf b = { 0 };
	struct fp_err e = { .text = "" };

	EQ(fp_sip_print_bye(&b, &bye, &e), 0);
	STR(fp_buf_str(&b),
	    "BYE sip:mod_sofia@192.0.2.21:5060 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc;rport\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: \"caller1\" <sip:caller1@192.0.2.50:5106>;tag=24924c1\r\n"
	    "To: <sip:2001@192.0.2.21:5060>;tag=cBreZH6DgNZFF\r\n"
	    "Call-ID: 1-24924@192.0.2.50\r\n"
	    "User-Agent: fastpath\r\n"
	    "Content-Length: 0\r\n"
	    "CSeq: 1001 BYE\r\n"
	    "\r\n");
	fp_buf_fini(&b);
}

TEST(a_bye_of_one_header_a_line)
{
	static const char bad[] = "a\r\nBye: b";
	const struct fp_sip_bye good_bye = { "UDP",     "192.0.2.1",
					     "sip:a",   "<sip:b>",
					     "<sip:c>", "z9hG4bK1",
					     "c1",      1 };
	const char *const *word = &good_bye.transport;
	size_t n = offsetof(struct fp_sip_bye, cseq) / sizeof(*word);

	for (size_t i = 0; i < n; i++) {
		struct fp_sip_bye bye = good_bye;
		struct fp_buf b = { 0 };
		struct fp_err e = { .text = "" };

		memcpy((char *)&bye + i * sizeof(*word), &(const char *){ bad },
		       sizeof(*word));
		EQ(fp_sip_print_bye(&b, &bye, &e), -EINVAL);
		HAS(e.text, "control character");
		EQ(b.len, 0);
	}
	EQ(n, 7);
}

static const char good[] =
	"SIP/2.0 200 OK\r\n"
	"Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK7f3a9c;rport=40000\r\n"
	"From: <sip:fastpath@127.0.0.1>;tag=5d2c\r\n"
	"To: <sip:127.0.0.1:5060>;tag=a6a1.6f1c\r\n"
	"Call-ID: 9b1d07e5@fastpath\r\n"
	"CSeq: 1 OPTIONS\r\n"
	"Server: kamailio (5.6.3 (x86_64/linux))\r\n"
	"Content-Length: 3\r\n"
	"\r\n"
	"abc";

static void is_text(const char *s, size_t n, const char *want)
{
	char copy[256] = "";

	if (OK(s && n < sizeof(copy)))
		memcpy(copy, s, n);
	STR(copy, want);
}

static struct fp_sip_response parse(const char *text, bool is_stream)
{
	struct fp_sip_response r = { 0 };
	struct fp_err e;

	if (!EQ(fp_sip_parse_response(&r, text, strlen(text), is_stream, &e),
		1))
		printf("# %s\n", e.text);
	return r;
}

TEST(a_reply)
{
	struct fp_sip_response r = parse(good, false);

	EQ(r.status, 200);
	STR(r.reason, "OK");
	is_text(r.branch, r.branch_len, "z9hG4bK7f3a9c");
	is_text(r.call_id, r.call_id_len, "9b1d07e5@fastpath");
	is_text(r.method, r.method_len, "OPTIONS");
	is_text(r.to_tag, r.to_tag_len, "a6a1.6f1c");
	is_text(r.warning, r.warning_len, "");
	EQ(r.cseq, 1);
	EQ(r.retry_after_s, -1);
	EQ(r.size, sizeof(good) - 1);
}

/* RFC 3261 7.3: folded lines, any case, compact names, blanks, several values in
 * a line, quoted strings with what looks like parameters. */
TEST(every_form)
{
	static const char text[] =
		"\r\n\r\nsip/2.0 503  Service\tUnavailable\xc3\xa9 \r\n"
		"VIA : SIP / 2.0 / TCP\r\n [2001:db8::1]:5060\r\n"
		"\t; x=\"a,;branch=no\" ; Branch = z9hG4bKx ;rport, "
		"SIP/2.0/UDP h;branch=z9hG4bKy\r\n"
		"v: SIP/2.0/UDP h;branch=z9hG4bKz\r\n"
		"t: \"a;tag=no\\\"\" <sip:a;tag=none@h>\r\n ;\r\n tag=yes\r\n"
		"i:\r\n abc@h\r\n"
		"CSeq:7\r\n  OPTIONS\r\n"
		"retry-after: 30 (soon);duration=3\r\n"
		"Warning: 399 h \"shed\", 399 i \"more\"\r\n"
		"X: y\r\n"
		"l:\t4\r\n"
		"\r\nbody";
	struct fp_sip_response r = parse(text, false);

	EQ(r.status, 503);
	STR(r.reason, "Service?Unavailable?? ");
	is_text(r.branch, r.branch_len, "z9hG4bKx");
	is_text(r.call_id, r.call_id_len, "abc@h");
	is_text(r.method, r.method_len, "OPTIONS");
	is_text(r.to_tag, r.to_tag_len, "yes");
	is_text(r.warning, r.warning_len, "shed");
	EQ(r.cseq, 7);
	EQ(r.retry_after_s, 30);
	r = parse("SIP/2.0 200 OK\n\n", false);
	EQ(r.status, 200);
	EQ(r.branch_len + r.call_id_len + r.method_len + r.to_tag_len, 0);
	r = parse("SIP/2.0 200\r\n\r\n", false);
	STR(r.reason, "");
	r = parse("SIP/2.0 200 OK\r\nTo: sip:a@h;tag=1\r\nWarning: some\r\n"
		  "CSeq: 4294967296 OPTIONS\r\nRetry-After: no\r\n\r\n",
		  false);
	is_text(r.to_tag, r.to_tag_len, "1");
	is_text(r.warning, r.warning_len, "some");
	EQ(r.method_len, 0);
	EQ(r.retry_after_s, -1);
}

TEST(long_reasons_are_cut)
{
	char text[400] = "SIP/2.0 200 ";
	struct fp_sip_response r;

	memset(text + 12, 'a', 300);
	strcpy(text + 312, "\r\n\r\n");
	r = parse(text, false);
	EQ(strlen(r.reason), sizeof(r.reason) - 1);
}

TEST(streams)
{
	char text[sizeof(good) + 64];
	struct fp_sip_response r;
	struct fp_err e;

	snprintf(text, sizeof(text), "\r\n%sSIP/2.0 404", good);
	for (size_t n = 0; n < sizeof(good) + 1; n++)
		if (!EQ(fp_sip_parse_response(&r, text, n, true, &e), 0))
			return;
	EQ(fp_sip_parse_response(&r, text, strlen(text), true, &e), 1);
	EQ(r.size, sizeof(good) + 1);
}

static const struct {
	const char *text, *why;
	bool is_stream;
} bad[] = {
	{ "OPTIONS sip:h SIP/2.0\r\n\r\n",
	  "not a SIP reply: \"OPTIONS sip:h SIP/2.0\"", false },
	{ "HTTP/1.1 400 Bad Request\r\n", "not a SIP reply: \"HTTP/1.1", true },
	{ "SIP/2.0 99 no\r\n\r\n", "not a SIP reply: \"SIP/2.0 99 no\"", true },
	{ "SIP/2.0 700 no\r\n\r\n", "not a SIP reply", false },
	{ "SIP/2.0 2000 no\r\n\r\n", "not a SIP reply", false },
	{ "SIP/2.0 20x no\r\n\r\n", "not a SIP reply", false },
	{ "SIP/2.0 +20 no\r\n\r\n", "not a SIP reply", false },
	{ "SIP/2.0 200 OK\r\n", "a reply whose header does not end", false },
	{ "", "a reply whose header does not end", false },
	{ "SIP/2.0 200 OK\r\nVia\r\n\r\n", "not a header of SIP: \"Via\"",
	  false },
	{ "SIP/2.0 200 OK\r\n: x\r\n\r\n", "not a header of SIP", false },
	{ "SIP/2.0 200 OK\r\n folded\r\n\r\n", "not a header of SIP", false },
	{ "SIP/2.0 200 OK\r\n\r\n", "no Content-Length in a reply", true },
	{ "SIP/2.0 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
	  "a Content-Length that cannot be", true },
	{ "SIP/2.0 200 OK\r\nContent-Length: 2000000\r\n\r\n",
	  "a Content-Length that cannot be", true },
	{ "SIP/2.0 200 OK\r\nl: -1\r\n\r\n", "a Content-Length that cannot be",
	  true },
	{ "SIP/2.0 200 OK\r\nl: 1x\r\n\r\n", "a Content-Length that cannot be",
	  false },
	{ "SIP/2.0 200 OK\r\nl: 1\r\n\r\n", "a reply that is cut off", false },
};

TEST(what_is_no_reply)
{
	struct fp_sip_response r;
	struct fp_err e;
	char *endless = malloc(40000);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&e, 0, sizeof(e));
		EQ(fp_sip_parse_response(&r, bad[i].text, strlen(bad[i].text),
					 bad[i].is_stream, &e),
		   -EBADMSG);
		HAS(e.text, bad[i].why);
	}
	memset(endless, 'a', 40000);
	memcpy(endless, "SIP/2.0 200 ", 12);
	EQ(fp_sip_parse_response(&r, endless, 30000, true, &e), 0);
	EQ(fp_sip_parse_response(&r, endless, 40000, true, &e), -EBADMSG);
	HAS(e.text, "header does not end: \"SIP/2.0 200 aaa");
	free(endless);
}
