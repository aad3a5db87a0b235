/* SPDX-License-Identifier: Apache-2.0 */
/* What a FreeSWITCH's answers mean: the captured ones, and those at the edges. */
#include <math.h>

#include "health/esl_state.h"

#include "unit.h"

static void take(struct fp_esl_state *s, enum fp_esl_question q,
		 const char *body)
{
	struct fp_esl_frame f = { .kind = FP_ESL_RESPONSE,
				  .text = "",
				  .head = "",
				  .body = body,
				  .body_len = strlen(body) };

	fp_esl_state_take(s, q, &f, 1795252929000, 2000);
}

static void take_status(struct fp_esl_state *s, const char *status,
			long long active, long long limit, const char *minimum,
			const char *idle)
{
	char body[1024];

	snprintf(body, sizeof(body),
		 "{\"command\":\"status\",\"data\":\"\",\"status\":\"success\","
		 "\"response\":{\"systemStatus\":\"%s\",\"uptime\":{\"years\":1"
		 ",\"days\":2,\"hours\":3,\"minutes\":11,\"seconds\":22,"
		 "\"milliseconds\":994,\"microseconds\":136},\"version\":"
		 "\"1.10.12-release  64bit\",\"sessions\":{\"count\":{\"total\""
		 ":1238,\"active\":%lld,\"peak\":500,\"peak5Min\":500,"
		 "\"limit\":%lld},\"rate\":{\"current\":4,\"max\":300,\"peak\":"
		 "0,\"peak5Min\":0}},\"idleCPU\":{\"used\":%s,\"allowed\":%s},"
		 "\"stackSizeKB\":{\"current\":240,\"max\":240}}}",
		 status, active, limit, minimum, idle);
	take(s, FP_ESL_STATUS, body);
}

/* A ready one with 7 of 5000 sessions. */
static struct fp_esl_state ready(void)
{
	struct fp_esl_state s = { 0 };

	take(&s, FP_ESL_CLOCK, "1795252929596834");
	take_status(&s, "ready", 7, 5000, "0", "91.966666666666669");
	take(&s, FP_ESL_PAUSED_IN, "false");
	take(&s, FP_ESL_PAUSED_OUT, "false");
	take(&s, FP_ESL_RUN, "f4a7ad5e-7385-405e-9842-b13316a6e91f");
	take(&s, FP_ESL_SWITCHNAME, "fs1");
	take(&s, FP_ESL_VERSION,
	     "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n");
	return s;
}

/* "STATE[ refusing] DETAIL". */
static const char *judged(const struct fp_esl_state *s)
{
	static char text[512];
	struct fp_reading r;

	fp_reading_init(&r);
	fp_esl_state_judge(s, "fs1", &r);
	snprintf(text, sizeof(text), "%s%s %s", fp_health_name(r.state),
		 r.is_refusing ? " refusing" : "", r.detail);
	fp_reading_fini(&r);
	return text;
}

TEST(all_of_it)
{
	struct fp_esl_state s = ready();

	STR(judged(&s), "OK 7 sessions, at most 5000");
	STR(s.view.run, "f4a7ad5e-7385-405e-9842-b13316a6e91f");
	STR(s.view.switchname, "fs1");
	STR(s.view.version, "1.10.12-release~64bit");
	OK(s.view.is_ready && !s.view.is_paused);
	EQ(s.view.up_s, 367 * 86400 + 3 * 3600 + 11 * 60 + 22);
	EQ(s.view.sessions, 7);
	EQ(s.view.max_sessions, 5000);
	EQ(s.view.rate, 4);
	EQ(s.view.max_rate, 300);
	EQ(s.view.idle_percent * 10, 919);
	EQ(s.view.min_idle_percent, 0);
	EQ(s.view.now_s, 1795252929);
	/* asked at ...929000, half a round trip of 2 ms later */
	EQ(s.view.skew_ms, 595);
	EQ(s.round_us, 2000);
}

TEST(figures)
{
	struct fp_esl_state s = ready();
	struct fp_reading r;

	fp_reading_init(&r);
	fp_esl_state_judge(&s, NULL, &r);
	EQ(r.n_figures, 5);
	STR(r.figure[1].name, "sessions_percent");
	EQ(r.figure[1].value * 1000, 140);
	STR(r.figure[4].name, "latency");
	STR(r.run, s.view.run);
	fp_reading_fini(&r);
	/* no limit, no percentage */
	s.view.max_sessions = 0;
	fp_reading_init(&r);
	fp_esl_state_judge(&s, NULL, &r);
	EQ(r.n_figures, 4);
	OK(isnan(r.figure[0].max));
	fp_reading_fini(&r);
}

TEST(sessions)
{
	struct fp_esl_state s = ready();

	take_status(&s, "ready", 4499, 5000, "0", "90");
	STR(judged(&s), "OK 4499 sessions, at most 5000");
	take_status(&s, "ready", 4500, 5000, "0", "90");
	STR(judged(&s), "WARNING nearly full: 4500 sessions, at most 5000");
	take_status(&s, "ready", 5000, 5000, "0", "90");
	STR(judged(&s), "CRITICAL refusing full: 5000 sessions, at most 5000");
	take_status(&s, "ready", 6, 5, "0", "90");
	STR(judged(&s), "CRITICAL refusing full: 6 sessions, at most 5");
	take_status(&s, "ready", 0, 0, "0", "90");
	STR(judged(&s), "OK 0 sessions, at most 0");
}

TEST(pauses)
{
	struct fp_esl_state s = ready();

	take(&s, FP_ESL_PAUSED_IN, "true");
	STR(judged(&s), "WARNING refusing paused for inbound calls; "
			"7 sessions, at most 5000");
	OK(s.view.is_paused);
	/* both ways FreeSWITCH is not ready too, and that is no news */
	take(&s, FP_ESL_PAUSED_OUT, "true");
	take_status(&s, "not ready", 7, 5000, "0", "90");
	STR(judged(&s), "WARNING refusing paused; 7 sessions, at most 5000");
	s = ready();
	take_status(&s, "not ready", 7, 5000, "0", "90");
	STR(judged(&s), "CRITICAL refusing it is not ready; "
			"7 sessions, at most 5000");
	take(&s, FP_ESL_PAUSED_OUT, "true");
	STR(judged(&s),
	    "CRITICAL refusing paused for outbound calls; it is not ready; "
	    "7 sessions, at most 5000");
}

TEST(idle_cpu)
{
	struct fp_esl_state s = ready();

	take_status(&s, "ready", 7, 5000, "20", "20");
	STR(judged(&s), "OK 7 sessions, at most 5000");
	take_status(&s, "ready", 7, 5000, "20", "19.9");
	STR(judged(&s), "WARNING refusing idle CPU 19.9 %, below its minimum "
			"20.0 %; 7 sessions, at most 5000");
}

TEST(what_says_nothing)
{
	static const struct {
		enum fp_esl_question q;
		const char *body, *said;
	} v[] = {
		{ FP_ESL_STATUS, "-ERR json Command not found!\n",
		  "UNKNOWN it does not tell its status: \"-ERR json Command "
		  "not found!\"" },
		{ FP_ESL_STATUS, "",
		  "UNKNOWN it does not tell its status: "
		  "\"\"" },
		{ FP_ESL_STATUS, "{\"response\":{\"systemStatus\":\"ready\"}}",
		  "UNKNOWN it does not tell its status: \"{\"response\":"
		  "{\"systemStatus\":\"ready\"}}\"" },
		{ FP_ESL_PAUSED_IN, "perhaps",
		  "UNKNOWN it does not tell whether it is paused: "
		  "\"perhaps\"" },
		{ FP_ESL_RUN, "-ERR no reply\n",
		  "UNKNOWN it does not tell its Core-UUID: \"-ERR no reply\"" },
		{ FP_ESL_RUN, "f4a7ad5e-7385-405e-9842-b13316a6e91", NULL },
		{ FP_ESL_RUN, "zzzzzzzz-7385-405e-9842-b13316a6e91f", NULL },
		{ FP_ESL_RUN, "f4a7ad5e-7385-405e-9842-b13316a6e91f0", NULL },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_esl_state s = ready();

		take(&s, v[i].q, v[i].body);
		if (v[i].said)
			STR(judged(&s), v[i].said);
		else
			HAS(judged(&s), "UNKNOWN it does not tell its Core");
	}
}

/* An old FreeSWITCH: the rest is good without. */
TEST(what_is_not_needed)
{
	struct fp_esl_state s = { 0 };

	take(&s, FP_ESL_CLOCK, "-ERR strmicroepoch Command not found!\n");
	take_status(&s, "ready", 7, 5000, "0", "90");
	take(&s, FP_ESL_PAUSED_IN, "false");
	take(&s, FP_ESL_PAUSED_OUT, "false");
	take(&s, FP_ESL_RUN, "f4a7ad5e-7385-405e-9842-b13316a6e91f");
	take(&s, FP_ESL_SWITCHNAME, "-ERR switchname Command not found!\n");
	take(&s, FP_ESL_VERSION, "-ERR\n");
	STR(judged(&s), "OK 7 sessions, at most 5000");
	EQ(s.view.now_s, 0);
	STR(s.view.switchname, "");
	STR(s.view.version, "");
	take(&s, FP_ESL_CLOCK, "99999999999999999999999");
	EQ(s.view.now_s, 0);
	take(&s, FP_ESL_CLOCK, "-5");
	EQ(s.view.now_s, 0);
}

TEST(numbers_that_nobody_has)
{
	struct fp_esl_state s = { 0 };

	take(&s, FP_ESL_STATUS,
	     "{\"response\":{\"systemStatus\":\"ready\",\"uptime\":{\"years\":"
	     "1e300,\"days\":-4},\"sessions\":{\"count\":{\"active\":1e300,"
	     "\"limit\":-7},\"rate\":{\"current\":1e999}},\"idleCPU\":{}}}");
	EQ(s.view.up_s, 0);
	EQ(s.view.sessions, 0);
	EQ(s.view.max_sessions, 0);
	EQ(s.view.rate, 0);
	EQ(s.view.idle_percent, 0);
}

TEST(heartbeat)
{
	struct fp_esl_state s = ready();

	take(&s, FP_ESL_PAUSED_IN, "true");
	fp_esl_state_beat(&s, "Event-Name: HEARTBEAT\n"
			      "Event-Info: System%20Ready\n"
			      "Event-Date-Timestamp: 1795252934476827\n"
			      "Uptime-msec: 691811\nSession-Count: 12\n"
			      "Max-Sessions: 100\nSession-Per-Sec: 30\n"
			      "Session-Per-Sec-Last: 2\n"
			      "Idle-CPU: 91.466667\n\n");
	EQ(s.view.sessions, 12);
	EQ(s.view.max_sessions, 100);
	EQ(s.view.max_rate, 30);
	EQ(s.view.rate, 2);
	EQ(s.view.up_s, 691);
	EQ(s.view.now_s, 1795252934);
	EQ(s.view.idle_percent * 10, 914);
	/* it does not know that */
	OK(s.view.is_paused);
	/* what is missing or mad stays as it was */
	fp_esl_state_beat(&s, "Session-Count: x\nMax-Sessions: -1\n"
			      "Idle-CPU: nan\n");
	EQ(s.view.sessions, 12);
	EQ(s.view.max_sessions, 100);
	EQ(s.view.idle_percent * 10, 914);
}

TEST(ports)
{
	static const char *const bad[] = { "",      "5",    "5-",      "-5",
					   "9-1",   "0-5",  "1-65536", "a-b",
					   "1-2-3", " 1-2", "1- 2",    "+1-2" };
	uint16_t a = 0, b = 0;

	OK(fp_esl_ports("16384-32767", &a, &b));
	EQ(a, 16384);
	EQ(b, 32767);
	OK(fp_esl_ports("1-65535", &a, &b));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!OK(!fp_esl_ports(bad[i], &a, &b)))
			printf("# %s\n", bad[i]);
}
