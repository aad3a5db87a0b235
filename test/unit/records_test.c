/* SPDX-License-Identifier: Apache-2.0 */
/* What watch says, and FreeSWITCH's gateways. */
#include "unit.h"

#include "codec/gateways.h"
#include "codec/records.h"

static struct fp_record rec;
static struct fp_err e;

static int parse(const char *line)
{
	/* exactly as long, so that a sanitizer sees a read past it */
	size_t n = strlen(line);
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, line, n);
	e.text[0] = 0;
	r = fp_record_parse(&rec, copy, n, &e);
	free(copy);
	return r;
}

TEST(transition)
{
	EQ(parse("{\"type\":\"transition\",\"at\":\"2026-01-02T03:04:05Z\","
		 "\"node\":\"fs1\",\"check\":\"sip\",\"from\":\"OK\","
		 "\"to\":\"CRITICAL\",\"takes_calls\":false,"
		 "\"detail\":\"no answer\",\"observer\":\"ctl1\"}"),
	   0);
	EQ(rec.kind, FP_RECORD_TRANSITION);
	EQ(rec.at_s, 1767323045);
	STR(rec.node, "fs1");
	STR(rec.check, "sip");
	STR(rec.to, "CRITICAL");
	STR(rec.detail, "no answer");
	STR(rec.observer, "ctl1");
	OK(rec.is_refusing);
}

TEST(transition_of_the_cluster_has_no_node)
{
	EQ(parse("{\"type\":\"transition\",\"check\":\"tags\",\"to\":\"OK\"}"),
	   0);
	STR(rec.node, "");
	OK(!rec.is_refusing);
}

TEST(transition_that_lacks_something)
{
	EQ(parse("{\"type\":\"transition\",\"node\":\"a\"}"), -EBADMSG);
	HAS(e.text, "\"to\"");
	EQ(parse("{\"type\":\"transition\",\"node\":\"a\",\"check\":\"sip\","
		 "\"to\":3}"),
	   -EBADMSG);
	HAS(e.text, "\"to\"");
}

TEST(alive)
{
	EQ(parse("{\"type\":\"alive\",\"at\":\"2026-01-02T03:04:05Z\","
		 "\"interval_s\":2}"),
	   0);
	EQ(rec.kind, FP_RECORD_ALIVE);
	EQ(rec.interval_ms, 2000);
	EQ(parse("{\"type\":\"alive\",\"interval_ms\":500}"), 0);
	EQ(rec.interval_ms, 500);
	EQ(parse("{\"type\":\"alive\",\"interval_s\":1e300}"), 0);
	EQ(rec.interval_ms, 0);
	EQ(parse("{\"type\":\"alive\",\"interval_s\":-1}"), 0);
	EQ(rec.interval_ms, 0);
	EQ(rec.at_s, 0);
}

TEST(others_are_passed_over)
{
	EQ(parse("{\"type\":\"summary\",\"changed\":true}"), 0);
	EQ(rec.kind, FP_RECORD_OTHER);
	EQ(parse("{\"type\":\"restart\",\"node\":\"fs1\"}"), 0);
	EQ(rec.kind, FP_RECORD_RESTART);
}

TEST(what_is_no_record)
{
	EQ(parse(""), -EBADMSG);
	EQ(parse("fs1 sip CRITICAL"), -EBADMSG);
	EQ(parse("[1]"), -EBADMSG);
	HAS(e.text, "no JSON object");
	EQ(parse("{}"), -EBADMSG);
	HAS(e.text, "\"type\"");
}

TEST(texts_are_cut_and_stay_a_line)
{
	char line[2000], name[1000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	snprintf(line, sizeof(line),
		 "{\"type\":\"transition\",\"node\":\"%s\",\"check\":\"a\\nb\","
		 "\"to\":\"OK\"}",
		 name);
	EQ(parse(line), 0);
	EQ(strlen(rec.node), sizeof(rec.node) - 1);
	STR(rec.check, "a?b");
}

/* ---- gateways */

static char seen[400];

static int see(void *ctx, const struct fp_gateway *g)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%s/%s=%s;", g->profile, g->name,
		 g->proxy);
	return 0;
}

static int gateways(const char *s)
{
	size_t n = strlen(s);
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, s, n);
	seen[0] = e.text[0] = 0;
	r = fp_gateways_parse(copy, n, see, NULL, &e);
	free(copy);
	return r;
}

#define HEAD "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<gateways>\n"
#define ONE                                                                    \
	"  <gateway>\n    <name>carrier</name>\n"                              \
	"    <profile>external</profile>\n    <scheme>Digest</scheme>\n"       \
	"    <from>&lt;sip:u@h;transport=udp&gt;</from>\n"                     \
	"    <to>sip:u@realm.example.net</to>\n"                               \
	"    <proxy>sip:192.0.2.7:5080;a=1&b</proxy>\n  </gateway>\n"

TEST(gateways_of_freeswitch)
{
	EQ(gateways(HEAD ONE ONE "</gateways>\n"), 0);
	STR(seen, "external/carrier=sip:192.0.2.7:5080;a=1&b;"
		  "external/carrier=sip:192.0.2.7:5080;a=1&b;");
	EQ(gateways(HEAD "</gateways>\n"), 0);
	STR(seen, "");
}

TEST(gateways_that_break_off)
{
	EQ(gateways(HEAD ONE), -EBADMSG);
	HAS(e.text, "breaks off");
	EQ(gateways(HEAD "  <gateway>\n    <name>x</name>\n</gateways>\n"),
	   -EBADMSG);
	EQ(gateways("-ERR sofia Command not found!\n"), -EBADMSG);
	HAS(e.text, "no list");
	EQ(gateways(""), -EBADMSG);
	EQ(gateways(HEAD "<gateway>\n<name>x</name>\n</gateway>\n"
			 "</gateways>\n"),
	   -EBADMSG);
	HAS(e.text, "without <proxy>");
}
