/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/esl_state.h"

/* Source: mod_commands and mod_event_socket of FreeSWITCH 1.10.12.  "fsctl
 * pause_check" alone is true only when both directions are paused. */
static const char *const commands[FP_ESL_QUESTIONS] = {
	[FP_ESL_CLOCK] = "api strmicroepoch",
	[FP_ESL_STATUS] = "api json {\"command\":\"status\",\"data\":\"\"}",
	[FP_ESL_PAUSED_IN] = "api fsctl pause_check inbound",
	[FP_ESL_PAUSED_OUT] = "api fsctl pause_check outbound",
	[FP_ESL_RUN] = "api global_getvar core_uuid",
	[FP_ESL_SWITCHNAME] = "api switchname",
	[FP_ESL_VERSION] = "api version",
};

const char *fp_esl_question(enum fp_esl_question q)
{
	return commands[q];
}

bool fp_esl_ports(const char *text, uint16_t *first, uint16_t *last)
{
	char *end;
	unsigned long a, b;

	if (!isdigit((unsigned char)*text))
		return false;
	a = strtoul(text, &end, 10);
	if (*end != '-' || !isdigit((unsigned char)end[1]))
		return false;
	b = strtoul(end + 1, &end, 10);
	if (*end || !a || a > b || b > 65535)
		return false;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return true;
}

/* ---- answers */

/* The first line of a body, cut to size. */
static void first_line(char *to, size_t size, const char *body)
{
	snprintf(to, size, "%.*s", (int)strcspn(body, "\r\n"), body);
}

static void note_trouble(struct fp_esl_state *s, const char *what,
			 const char *body)
{
	if (s->trouble)
		return;
	s->trouble = what;
	first_line(s->said, sizeof(s->said), body);
}

static int64_t whole(double v)
{
	return v >= 0 && v < 9e15 ? (int64_t)v : 0;
}

static double fraction(double v)
{
	return isfinite(v) ? v : 0;
}

/* Months and weeks there are none: years of 365 days.
 * Source: switch_core_measure_time. */
static int64_t up_s(const char *body)
{
	static const struct {
		const char *path;
		int64_t s;
	} parts[] = {
		{ "response.uptime.years", 365 * 86400 },
		{ "response.uptime.days", 86400 },
		{ "response.uptime.hours", 3600 },
		{ "response.uptime.minutes", 60 },
		{ "response.uptime.seconds", 1 },
	};
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		sum += whole(fp_esl_json_number(body, parts[i].path)) %
		       1000000 * parts[i].s;
	return sum;
}

/* "used" holds the minimum of idle CPU and "allowed" what is idle: the names are
 * the other way round.  Source: mod_commands.c, json_status_function. */
static void take_status(struct fp_esl_state *s, const char *body)
{
	struct fp_view_freeswitch *v = &s->view;
	double sessions =
		fp_esl_json_number(body, "response.sessions.count.active");
	char status[32];

	if (!fp_esl_json_text(body, "response.systemStatus", status,
			      sizeof(status)) ||
	    isnan(sessions)) {
		note_trouble(s, "its status", body);
		return;
	}
	v->is_ready = !strcmp(status, "ready");
	v->up_s = up_s(body);
	v->sessions = whole(sessions);
	v->max_sessions =
		whole(fp_esl_json_number(body,
					 "response.sessions.count.limit"));
	v->rate =
		fraction(fp_esl_json_number(body,
					    "response.sessions.rate.current"));
	v->max_rate =
		fraction(fp_esl_json_number(body,
					    "response.sessions.rate.max"));
	v->min_idle_percent =
		fraction(fp_esl_json_number(body, "response.idleCPU.used"));
	v->idle_percent =
		fraction(fp_esl_json_number(body, "response.idleCPU.allowed"));
}

/* Its clock, when it answered: about the middle between question and answer. */
static void take_clock(struct fp_esl_state *s, const char *body,
		       int64_t asked_ms, int64_t round_us)
{
	char *end;
	long long us = strtoll(body, &end, 10);

	s->round_us = round_us;
	if (us < 1000000 || us > INT64_C(4000000000000000) ||
	    (*end && *end != '\n'))
		return; /* it is of no other use: an old one cannot say it */
	s->view.now_s = us / 1000000;
	s->view.skew_ms = us / 1000 - asked_ms - round_us / 2000;
}

static void take_pause(struct fp_esl_state *s, const char *body, bool *out)
{
	if (!strncmp(body, "true", 4))
		*out = true;
	else if (strncmp(body, "false", 5) != 0)
		note_trouble(s, "whether it is paused", body);
}

static bool is_uuid(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

static void take_run(struct fp_esl_state *s, const char *body)
{
	char run[64];

	first_line(run, sizeof(run), body);
	if (is_uuid(run))
		memcpy(s->view.run, run, 37);
	else
		note_trouble(s, "its Core-UUID", body);
}

/* "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)": the part that a HEARTBEAT
 * has too. */
static void take_version(struct fp_esl_state *s, const char *body)
{
	static const char before[] = "FreeSWITCH Version ";

	if (strncmp(body, before, strlen(before)) != 0)
		return;
	body += strlen(before);
	snprintf(s->view.version, sizeof(s->view.version), "%.*s",
		 (int)strcspn(body, " \r\n"), body);
}

void fp_esl_state_take(struct fp_esl_state *s, enum fp_esl_question q,
		       const struct fp_esl_frame *f, int64_t asked_ms,
		       int64_t round_us)
{
	/* what is no api command is refused by a command/reply */
	const char *body = f->kind == FP_ESL_REPLY ? f->text : f->body;

	switch (q) {
	case FP_ESL_CLOCK:
		take_clock(s, body, asked_ms, round_us);
		break;
	case FP_ESL_STATUS:
		take_status(s, body);
		break;
	case FP_ESL_PAUSED_IN:
		take_pause(s, body, &s->is_paused_in);
		break;
	case FP_ESL_PAUSED_OUT:
		take_pause(s, body, &s->is_paused_out);
		break;
	case FP_ESL_RUN:
		take_run(s, body);
		break;
	case FP_ESL_SWITCHNAME:
		if (*body != '-')
			first_line(s->view.switchname,
				   sizeof(s->view.switchname), body);
		break;
	case FP_ESL_VERSION:
		take_version(s, body);
		break;
	case FP_ESL_QUESTIONS:
		break;
	}
	s->view.is_paused = s->is_paused_in || s->is_paused_out;
}

/* ---- heartbeats */

static double number_of(const char *event, const char *name, double before)
{
	char text[64], *end;
	double v;

	if (!fp_esl_header(event, name, true, text, sizeof(text)))
		return before;
	v = strtod(text, &end);
	return end == text || !isfinite(v) || v < 0 ? before : v;
}

static int64_t count_of(const char *event, const char *name, int64_t before)
{
	return whole(number_of(event, name, (double)before));
}

void fp_esl_state_beat(struct fp_esl_state *s, const char *event)
{
	struct fp_view_freeswitch *v = &s->view;

	v->up_s = count_of(event, "Uptime-msec", v->up_s * 1000) / 1000;
	v->now_s = count_of(event, "Event-Date-Timestamp", v->now_s * 1000000) /
		   1000000;
	v->sessions = count_of(event, "Session-Count", v->sessions);
	v->max_sessions = count_of(event, "Max-Sessions", v->max_sessions);
	v->rate = number_of(event, "Session-Per-Sec-Last", v->rate);
	v->max_rate = number_of(event, "Session-Per-Sec", v->max_rate);
	v->idle_percent = number_of(event, "Idle-CPU", v->idle_percent);
}

/* ---- what it means */

#define NEAR_PERCENT 90

static void say_sessions(const struct fp_view_freeswitch *v,
			 struct fp_reading *r)
{
	long long n = v->sessions, max = v->max_sessions;

	if (max > 0 && n >= max) {
		fp_reading_say(r, FP_CRITICAL,
			       "full: %lld sessions, at most %lld", n, max);
		r->is_refusing = true;
	} else if (max > 0 && (double)n * 100 >= (double)max * NEAR_PERCENT) {
		fp_reading_say(r, FP_WARNING,
			       "nearly full: %lld sessions, at most %lld", n,
			       max);
	} else {
		fp_reading_say(r, FP_OK, "%lld sessions, at most %lld", n, max);
	}
}

/* Source: switch_core_session_request_uuid refuses below the minimum. */
static void say_idle(const struct fp_view_freeswitch *v, struct fp_reading *r)
{
	if (v->min_idle_percent > 0 && v->idle_percent < v->min_idle_percent) {
		fp_reading_say(r, FP_WARNING,
			       "idle CPU %.1f %%, below its minimum %.1f %%",
			       v->idle_percent, v->min_idle_percent);
		r->is_refusing = true;
	}
}

static void say_ready(const struct fp_esl_state *s, struct fp_reading *r)
{
	bool is_both = s->is_paused_in && s->is_paused_out;

	if (s->view.is_paused) {
		fp_reading_say(r, FP_WARNING, "paused%s",
			       is_both           ? ""
			       : s->is_paused_in ? " for inbound calls"
						 : " for outbound calls");
		r->is_refusing = true;
	}
	/* paused both ways is "not ready" too; it shuts down otherwise */
	if (!s->view.is_ready && !is_both) {
		fp_reading_say(r, FP_CRITICAL, "it is not ready");
		r->is_refusing = true;
	}
}

static void add_figures(const struct fp_esl_state *s, struct fp_reading *r)
{
	const struct fp_view_freeswitch *v = &s->view;
	double max = (double)v->max_sessions;

	fp_reading_figure(r, "sessions", (double)v->sessions, "",
			  max > 0 ? max : NAN);
	if (max > 0)
		fp_reading_figure(r, "sessions_percent",
				  (double)v->sessions * 100 / max, "%", 100);
	fp_reading_figure(r, "rate", v->rate, "",
			  v->max_rate > 0 ? v->max_rate : NAN);
	fp_reading_figure(r, "idle_cpu", v->idle_percent, "%", 100);
	if (s->round_us > 0)
		fp_reading_figure(r, "latency", (double)s->round_us / 1e6, "s",
				  NAN);
}

void fp_esl_state_judge(const struct fp_esl_state *s, const char *switchname,
			struct fp_reading *r)
{
	const struct fp_view_freeswitch *v = &s->view;

	if (s->trouble) {
		fp_reading_say(r, FP_UNKNOWN, "it does not tell %s: \"%s\"",
			       s->trouble, s->said);
		return;
	}
	say_ready(s, r);
	if (switchname && *v->switchname && strcmp(switchname, v->switchname))
		fp_reading_say(r, FP_WARNING,
			       "it calls itself %s, the cluster file %s",
			       v->switchname, switchname);
	say_idle(v, r);
	say_sessions(v, r);
	add_figures(s, r);
	memcpy(r->run, v->run, sizeof(r->run));
}
