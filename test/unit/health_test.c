/* SPDX-License-Identifier: Apache-2.0 */
/* States, readings, ranges and thresholds, URIs, weights. */
#include <math.h>
#include <stdlib.h>

#include "logic/health.h"
#include "logic/health_steer.h"
#include "test/unit/unit.h"

/* ---- states */

TEST(names_read_back)
{
	enum fp_health h;

	for (int i = 0; i < FP_N_HEALTH; i++) {
		EQ(fp_health_parse(fp_health_name((enum fp_health)i), &h), 0);
		EQ(h, i);
	}
	EQ(fp_health_parse("critical", &h), 0);
	EQ(h, FP_CRITICAL);
	EQ(fp_health_parse("CRIT", &h), -EINVAL);
	EQ(fp_health_parse("", &h), -EINVAL);
}

TEST(worst_wins)
{
	static const enum fp_health order[] = { FP_MAINT, FP_OK, FP_UNKNOWN,
						FP_WARNING, FP_CRITICAL };

	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++)
			EQ(fp_health_worse(order[i], order[k]),
			   order[i > k ? i : k]);
}

TEST(exit_status)
{
	static const struct {
		enum fp_health h;
		int warning, critical;
	} v[] = {
		{ FP_OK, 0, 0 },      { FP_MAINT, 0, 0 },
		{ FP_WARNING, 1, 0 }, { FP_CRITICAL, 2, 2 },
		{ FP_UNKNOWN, 3, 0 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		EQ(fp_health_exit(v[i].h, FP_WARNING), v[i].warning);
		EQ(fp_health_exit(v[i].h, FP_CRITICAL), v[i].critical);
	}
}

/* ---- readings */

TEST(readings_say_the_worst)
{
	struct fp_reading r;

	fp_reading_init(&r);
	EQ(r.latency_us, -1);
	fp_reading_say(&r, FP_WARNING, "near %d%%", 90);
	fp_reading_say(&r, FP_OK, "well");
	fp_reading_say(&r, FP_UNKNOWN, "%s", "");
	EQ(r.state, FP_WARNING);
	STR(r.detail, "near 90%; well");
	fp_reading_say(&r, FP_CRITICAL, "a\nb\033[31m\x7f\xc2\x9b\xff\xc3\xa9");
	EQ(r.state, FP_CRITICAL);
	STR(r.detail, "near 90%; well; a?b?[31m???\xc3\xa9");
	fp_reading_fini(&r);
}

TEST(readings_are_cut_between_characters)
{
	char text[600] = "";
	struct fp_reading r;

	for (int pad = 0; pad < 4; pad++) {
		memset(text, 'x', (size_t)pad);
		text[pad] = 0;
		while (strlen(text) < 500)
			strcat(text, "\xe2\x82\xac");
		fp_reading_init(&r);
		fp_reading_say(&r, FP_OK, "%s", text);
		OK(strlen(r.detail) >= sizeof(r.detail) - 4);
		EQ((strlen(r.detail) - (size_t)pad) % 3, 0);
		OK(!strncmp(r.detail, text, strlen(r.detail)));
		fp_reading_init(&r);
		fp_reading_say(&r, FP_OK, "first");
		fp_reading_say(&r, FP_OK, "%s", text);
		EQ((strlen(r.detail) - 7 - (size_t)pad) % 3, 0);
		fp_reading_say(&r, FP_CRITICAL, "no room");
		EQ(r.state, FP_CRITICAL);
		OK(strlen(r.detail) < sizeof(r.detail));
	}
}

TEST(figures_are_bounded)
{
	struct fp_reading r;

	fp_reading_init(&r);
	fp_reading_figure(&r, "a", NAN, "", NAN);
	fp_reading_figure(&r, "b", INFINITY, "", NAN);
	EQ(r.n_figures, 0);
	for (int i = 0; i < 2 * FP_FIGURES; i++)
		fp_reading_figure(&r, "c", i, "s", 5);
	EQ(r.n_figures, FP_FIGURES);
	EQ(r.figure[FP_FIGURES - 1].value, FP_FIGURES - 1);
}

TEST(views_know_nothing_at_first)
{
	struct fp_view *v = fp_view_new(FP_VIEW_OPENSIPS);

	EQ(v->opensips.dialogs, -1);
	EQ(v->opensips.create_sent, -1);
	EQ(v->opensips.sync_chunks, -1);
	EQ(v->opensips.n_tags, 0);
	fp_view_free(v);
	for (int k = FP_VIEW_OPENSIPS; k <= FP_VIEW_STORE; k++) {
		v = fp_view_new((enum fp_view_kind)k);
		EQ(v->kind, k);
		fp_view_free(v);
	}
	fp_view_free(NULL);
}

/* ---- ranges: the examples of the guidelines, and what they leave open */

static const struct {
	const char *range;
	const char *quiet, *alert; /* values */
} ranges[] = {
	{ "10", "0 5 10", "-0.1 10.1 1e9" },
	{ "10:", "10 1e9", "9.99 -1" },
	{ "~:10", "-1e9 0 10", "10.5" },
	{ "10:20", "10 15 20", "9 21" },
	{ "@10:20", "9 21 -5", "10 15 20" },
	{ "@10", "-1 11", "0 10" },
	{ "-5:-1", "-5 -3 -1", "0 -6" },
	{ "0.5:1.5e2", "0.5 150", "0.4 151" },
	{ ":7", "0 7", "-1 8" },
	{ "~:", "-1e300 0 1e300", "" },
	{ "@~:", "", "-1e300 0 1e300" },
	{ "0:0", "0", "1 -1" },
};

static void each(const struct fp_range *r, const char *values, bool want)
{
	char *end;

	while (*values) {
		double x = strtod(values, &end);

		if (!EQ(fp_range_alerts(r, x), want))
			printf("# %g\n", x);
		values = end + strspn(end, " ");
	}
}

TEST(ranges_as_in_the_guidelines)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct fp_range r;
		struct fp_err e;

		if (!EQ(fp_range_parse(&r, ranges[i].range, &e), 0)) {
			printf("# %s\n", e.text);
			continue;
		}
		each(&r, ranges[i].quiet, false);
		each(&r, ranges[i].alert, true);
	}
}

TEST(ranges_that_are_none)
{
	static const char *const bad[] = {
		"",
		"@",
		":",
		"@:",
		"~",
		"~10",
		"a",
		"10:a",
		"a:10",
		"20:10",
		"1 0",
		" 10",
		"10 ",
		"0x10",
		"inf",
		"nan",
		"1e999",
		"--1",
		"1:2:3",
		"@@1",
		"1,5",
		"+",
		"1e",
		"10:~",
		"11111111111111111111111111111111111111111111111111",
	};
	struct fp_range r = { .low = 7 };
	struct fp_err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (!EQ(fp_range_parse(&r, bad[i], &e), -EINVAL))
			printf("# %s\n", bad[i]);
		HAS(e.text, bad[i]);
	}
	EQ(r.low, 7);
}

/* ---- thresholds */

static struct fp_reading measured(double sessions, double rate)
{
	struct fp_reading r;

	fp_reading_init(&r);
	fp_reading_figure(&r, "sessions", sessions, "", 100);
	fp_reading_figure(&r, "rate", rate, "c", NAN);
	return r;
}

static enum fp_health judged(const struct fp_thresholds *t, const char *check,
			     double sessions, double rate)
{
	struct fp_reading r = measured(sessions, rate);

	fp_thresholds_apply(t, check, &r);
	return r.state;
}

TEST(thresholds_judge_figures)
{
	struct fp_thresholds t = { .n = 0 };
	struct fp_reading r = measured(95, 1);
	struct fp_err e;

	EQ(fp_thresholds_add(&t, FP_WARNING, "esl.sessions=80,rate=5:", &e), 0);
	EQ(fp_thresholds_add(&t, FP_CRITICAL, "esl.sessions=90", &e), 0);
	fp_thresholds_apply(&t, "esl", &r);
	EQ(r.state, FP_CRITICAL);
	STR(r.detail,
	    "sessions is 95, not 0 to 90; rate is 1c, not 5 and above");
	EQ(judged(&t, "esl", 85, 9), FP_WARNING);
	EQ(judged(&t, "esl", 10, 9), FP_OK);
	EQ(judged(&t, "esl", 10, 1), FP_WARNING);
	EQ(judged(&t, "ng", 95, 9), FP_OK);
	EQ(judged(&t, "ng", 95, 1), FP_WARNING);
}

TEST(thresholds_that_are_closer_go_first)
{
	struct fp_thresholds t = { .n = 0 };
	struct fp_err e;

	EQ(fp_thresholds_add(&t, FP_WARNING, "sessions=10", &e), 0);
	EQ(judged(&t, "esl-2", 20, 0), FP_WARNING);
	/* of the kind, however many a node has */
	EQ(fp_thresholds_add(&t, FP_WARNING, "esl.sessions=30", &e), 0);
	EQ(judged(&t, "esl-2", 20, 0), FP_OK);
	EQ(judged(&t, "esl-x", 20, 0), FP_WARNING);
	EQ(judged(&t, "eslx", 20, 0), FP_WARNING);
	EQ(fp_thresholds_add(&t, FP_WARNING, "esl-2.sessions=15", &e), 0);
	EQ(judged(&t, "esl-2", 20, 0), FP_WARNING);
	EQ(judged(&t, "esl", 20, 0), FP_OK);
	/* a later one of the same replaces it */
	EQ(fp_thresholds_add(&t, FP_WARNING, "esl-2.sessions=~:", &e), 0);
	EQ(t.n, 3);
	EQ(judged(&t, "esl-2", 99, 0), FP_OK);
}

TEST(thresholds_that_are_none)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "not [CHECK.]FIGURE=RANGE" },
		{ "sessions", "threshold sessions: not" },
		{ "=5", "no names" },
		{ ".sessions=5", "no names" },
		{ "esl.=5", "no names" },
		{ "a b=5", "no names" },
		{ "a.b.c=5", "no names" },
		{ "sessions=", "threshold sessions: range" },
		{ "sessions=5,", "not [CHECK.]FIGURE=RANGE" },
		{ "sessions=5,rate=9:1", "threshold rate: range 9:1" },
		{ "a-name-that-is-longer-than-any-check.x=1", "no names" },
	};
	struct fp_thresholds t = { .n = 0 };
	struct fp_err e;
	char text[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EQ(fp_thresholds_add(&t, FP_WARNING, bad[i].text, &e), -EINVAL);
		HAS(e.text, bad[i].says);
		EQ(t.n, 0); /* all of it or nothing */
	}
	for (int i = 0; i < FP_THRESHOLDS; i++) {
		snprintf(text, sizeof(text), "f%d=1", i);
		EQ(fp_thresholds_add(&t, FP_WARNING, text, &e), 0);
	}
	EQ(fp_thresholds_add(&t, FP_WARNING, "more=1", &e), -E2BIG);
	EQ(fp_thresholds_add(&t, FP_WARNING, "f3=2", &e), 0);
	EQ(t.n, FP_THRESHOLDS);
}

/* ---- URIs */

static const struct {
	const char *uri, *host;
	int port; /* 0: none */
} uris[] = {
	{ "sip:192.0.2.21:5060", "192.0.2.21", 5060 },
	{ "sip:192.0.2.21", "192.0.2.21", 5060 },
	{ "SIPS:fs1.example.net", "fs1.example.net", 5061 },
	{ "sips:fs1.example.net:5070", "fs1.example.net", 5070 },
	{ "sip:fs1;transport=tls", "fs1", 5061 },
	{ "sip:fs1;lr;Transport=TLS", "fs1", 5061 },
	{ "sip:fs1:5080;transport=tls", "fs1", 5080 },
	{ "sip:fs1;transport=tlsx", "fs1", 5060 },
	{ "sip:fs1?h=;transport=tls", "fs1", 5060 },
	{ "sip:[2001:db8::1]:5062;transport=tcp", "2001:db8::1", 5062 },
	{ "sip:[2001:db8::1]", "2001:db8::1", 5060 },
	{ "sip:alice@192.0.2.21:5060", "192.0.2.21", 5060 },
	{ "sip:a;b?c:pw@192.0.2.21;x=1", "192.0.2.21", 5060 },
	{ "sip:+4912@[2001:db8::2]:5090", "2001:db8::2", 5090 },
	{ "192.0.2.21", "192.0.2.21", 5060 },
	{ "192.0.2.21:5080", "192.0.2.21", 5080 },
	{ "[2001:db8::1]:5080", "2001:db8::1", 5080 },
	{ "fs1.example.net", "fs1.example.net", 5060 },
	{ "udp:10.0.0.31:2223", "10.0.0.31", 2223 },
	{ "udp6:[2001:db8::31]:2223", "2001:db8::31", 2223 },
	{ "tls:10.0.0.31", "10.0.0.31", 5061 },
	{ "", NULL, 0 },
	{ "sip:", NULL, 0 },
	{ "sip:@", NULL, 0 },
	{ "sip:2001:db8::1", NULL, 0 },
	{ "sip:[2001:db8::1", NULL, 0 },
	{ "sip:[192.0.2.1]", NULL, 0 },
	{ "sip:[2001:db8::/32]", NULL, 0 },
	{ "sip:[]", NULL, 0 },
	{ "sip:[2001:db8::1]5060", NULL, 0 },
	{ "sip:h:", NULL, 0 },
	{ "sip:h:0", NULL, 0 },
	{ "sip:h:65536", NULL, 0 },
	{ "sip:h:+80", NULL, 0 },
	{ "sip:h:5060x", NULL, 0 },
	{ "sip:h h", NULL, 0 },
	{ "<sip:h>", NULL, 0 },
	{ "unix:/run/rtpengine.sock", NULL, 0 },
};

TEST(hosts_of_uris)
{
	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++) {
		char host[256] = "untouched";
		uint16_t port = 1;
		int r = fp_uri_host(uris[i].uri, host, &port);

		if (!EQ(r, uris[i].port ? 0 : -EINVAL))
			printf("# %s\n", uris[i].uri);
		STR(host, uris[i].host ? uris[i].host : "untouched");
		EQ(port, uris[i].port ? uris[i].port : 1);
	}
}

TEST(long_hosts)
{
	char uri[400] = "sip:", host[256];
	uint16_t port;

	memset(uri + 4, 'a', 255);
	EQ(fp_uri_host(uri, host, &port), 0);
	EQ(strlen(host), 255);
	memset(uri + 4, 'a', 256);
	EQ(fp_uri_host(uri, host, &port), -EINVAL);
}

TEST(where_uris_lead)
{
	OK(fp_uri_leads_to("sip:192.0.2.21", "192.0.2.21", 5060));
	OK(!fp_uri_leads_to("sip:192.0.2.21", "192.0.2.21", 5061));
	OK(!fp_uri_leads_to("sip:192.0.2.21", "192.0.2.2", 5060));
	OK(!fp_uri_leads_to("sip:192.0.2.2", "192.0.2.21", 5060));
	OK(fp_uri_leads_to("sip:FS1.example.net", "fs1.EXAMPLE.net", 5060));
	OK(fp_uri_leads_to("sip:[2001:DB8:0::1]", "2001:db8::1", 5060));
	OK(fp_uri_leads_to("sip:[2001:db8::1]", "[2001:db8:0:0::1]", 5060));
	OK(!fp_uri_leads_to("sip:[2001:db8::1]", "2001:db8::2", 5060));
	OK(fp_uri_leads_to("udp:10.0.0.31:2223", "10.0.0.31", 2223));
	OK(!fp_uri_leads_to("junk junk", "junk junk", 5060));
}

/* ---- weights: 60 and 5 are what a real OpenSIPS 3.6.8 showed */

TEST(weights_of_dispatcher)
{
	EQ(fp_weight_dispatcher(100, 25, 100, 80), 60);
	EQ(fp_weight_dispatcher(100, 90, 100, 50), 5);
	EQ(fp_weight_dispatcher(100, 0, 1000, 100), 100);
	/* it rounds: 45.5 up, 45.4 down */
	EQ(fp_weight_dispatcher(100, 9, 100, 50), 46);
	EQ(fp_weight_dispatcher(1000, 546, 1000, 10), 45);
	EQ(fp_weight_dispatcher(100, 1000, 1000, 100), 0);
	EQ(fp_weight_dispatcher(100, 1200, 1000, 100), 0);
	EQ(fp_weight_dispatcher(100, 0, 0, 100), 0);
	EQ(fp_weight_dispatcher(100, 0, 100, NAN), 0);
	EQ(fp_weight_dispatcher(100, 0, 100, -5), 0);
}

TEST(weights_of_load_balancer)
{
	EQ(fp_weight_load_balancer(25, 100, 80, 0), 60);
	EQ(fp_weight_load_balancer(90, 100, 50, 0), 5);
	/* it cuts off: 45.5 is 45 */
	EQ(fp_weight_load_balancer(9, 100, 50, 0), 45);
	/* its own calls are not the server's loss */
	EQ(fp_weight_load_balancer(25, 100, 100, 25), 100);
	EQ(fp_weight_load_balancer(25, 100, 100, 20), 95);
	EQ(fp_weight_load_balancer(25, 100, 50, 100), 50);
	/* in float, as there: 90 % of 100 is 90, not 89 */
	EQ(fp_weight_load_balancer(0, 100, 90, 0), 90);
	EQ(fp_weight_load_balancer(200, 100, 50, 0), 0);
	EQ(fp_weight_load_balancer(0, 0, 50, 0), 0);
	EQ(fp_weight_load_balancer(INT64_MAX, INT64_MAX, 1e300, INT64_MIN), 0);
	EQ(fp_weight_load_balancer(0, 100, NAN, 0), 0);
}
