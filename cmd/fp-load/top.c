/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "codec/frame.h"
#include "drops.h"
#include "io/clock.h"
#include "io/loop.h"
#include "packet.h"

#define SOURCES 4096 /* what memory holds */
#define ROUND_MS 10000
#define LIMIT 20

struct rec {
	uint64_t rank;
	char src[FP_PREFIX_STRLEN];
	const char *reason, *nic;
	uint64_t samples, drops;
	double share;
	int64_t dport, last;
	char payload[FL_LINE_SIZE];
	uint64_t error;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, rank, FP_F_U64, NULL, "1: most drops"),
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source address"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why, as in stats"),
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, samples, FP_F_U64, NULL, "samples seen"),
	FL_FIELD(rec, drops, FP_F_U64, "packets",
		 "drops that these samples stand for"),
	FL_FIELD(rec, share, FP_F_DOUBLE, NULL, "of all drops: 0 to 1"),
	FL_FIELD(rec, dport, FP_F_COUNT, NULL, "destination port, the newest"),
	FL_FIELD(rec, last, FP_F_TIME, NULL, "when the newest was dropped"),
	FL_FIELD(rec, payload, FP_F_TEXT, NULL,
		 "the first line of the newest's payload"),
	FL_FIELD(rec, error, FP_F_U64, "packets",
		 "at most so many drops more, among the others"),
};
static const struct fp_type type = { "top", fields, FL_COUNT(fields) };

/* What one round saw. */
struct round {
	int64_t time;
	double seconds;
	uint64_t dropped, attributed, others, unsampled, samples, lost;
	double pps;
};

static const struct fp_field round_fields[] = {
	FL_FIELD(round, time, FP_F_TIME, NULL, "its end"),
	FL_FIELD(round, seconds, FP_F_DOUBLE, "seconds", "how long it was"),
	FL_FIELD(round, dropped, FP_F_U64, "packets", "of all sources"),
	FL_FIELD(round, attributed, FP_F_U64, "packets", "to sources"),
	FL_FIELD(round, others, FP_F_U64, "packets",
		 "to sources that the table has no room for"),
	FL_FIELD(round, unsampled, FP_F_U64, "packets",
		 "that no sample stands for yet"),
	FL_FIELD(round, samples, FP_F_U64, NULL, "seen"),
	FL_FIELD(round, lost, FP_F_U64, NULL, "overwritten before"),
	FL_FIELD(round, pps, FP_F_DOUBLE, NULL, "drops a second"),
};
static const struct fp_type round_type = { "round", round_fields,
					   FL_COUNT(round_fields) };

struct newest {
	struct fp_sample sample;
	const char *nic;
	int64_t unix_s;
};

struct top {
	struct fp_cli *c;
	struct fl_drops *drops;
	struct fp_drops_top *table;
	struct newest newest[SOURCES]; /* by place in the table */
	size_t place[SOURCES];
	uint64_t limit;
	bool is_screen;
	struct fp_loop *loop;
	struct fp_timer look, round;
	int64_t every_ms, at_ms; /* when this round began */
	struct fl_drops_sums was;
	uint64_t attributed, others; /* of the rounds before */
	int status, error;
	struct fp_err e;
};

static void on_drop(void *ctx, const struct fl_drop *drop)
{
	struct top *t = ctx;
	const struct fp_sample *s = drop->sample;
	const struct fp_drops_key k = { s->hi, s->lo, s->reason, drop->nic_id };
	size_t i = fp_drops_top_add(t->table, &k, drop->weight.drops);

	t->newest[i] = (struct newest){ *s, drop->nic, drop->unix_s };
}

/* ---- a screen */

static void screen_size(unsigned int *rows, unsigned int *columns)
{
	struct winsize w = { 0 };

	*rows = 24;
	*columns = 80;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col) {
		*rows = w.ws_row;
		*columns = w.ws_col;
	}
}

/* Cleared, and its head.  A table of its own follows: its columns fit it. */
static int screen(struct top *t, const struct round *r)
{
	char time[FP_TIME_STRLEN];
	struct fp_err e = { 0 };
	int code = fp_out_close(t->c->out, &e);

	t->c->out = NULL;
	if (!code)
		code = fp_out_open(&t->c->out, stdout, FP_TEXT, t->c->fields);
	if (code)
		return fp_cli_fail(t->c, code, &e);
	fp_print_time(r->time, time);
	printf("\033[H\033[Jfp-load top  %s  last %.3gs: %llu dropped, %.0f/s, of %llu samples%s\n",
	       time, r->seconds, (unsigned long long)r->dropped, r->pps,
	       (unsigned long long)r->samples,
	       r->lost ? ", more were lost" : "");
	printf("others %llu, not sampled %llu; in all %s%llu dropped, %llu samples lost\n\n",
	       (unsigned long long)r->others, (unsigned long long)r->unsampled,
	       fl_drops_sums(t->drops).is_exact ? "" : "at least ",
	       (unsigned long long)fl_drops_sums(t->drops).all.dropped,
	       (unsigned long long)fl_drops_sums(t->drops).lost);
	return 0;
}

/* A line that is longer than the screen would be two. */
#define COLUMNS_BEFORE 120
static void fit_line(char payload[FL_LINE_SIZE])
{
	unsigned int rows, columns, n = 16;

	screen_size(&rows, &columns);
	if (columns > COLUMNS_BEFORE + n)
		n = columns - COLUMNS_BEFORE;
	if (n < FL_LINE_SIZE)
		payload[n] = 0;
}

static uint64_t lines(const struct top *t)
{
	unsigned int rows, columns;

	if (!t->is_screen)
		return t->limit;
	screen_size(&rows, &columns);
	rows = rows > 6 ? rows - 5 : 1;
	return t->limit < rows ? t->limit : rows;
}

/* ---- a round */

static int print_source(struct top *t, uint64_t rank, size_t place,
			uint64_t dropped)
{
	const struct fp_drops_source *s = fp_drops_top_at(t->table, place);
	const struct newest *n = &t->newest[place];
	const struct fp_prefix src = { s->key.hi, s->key.lo, 128 };
	struct rec rec = { .rank = rank,
			   .reason = fl_reason_name(s->key.reason),
			   .nic = n->nic,
			   .samples = s->samples,
			   .drops = s->drops,
			   .error = s->error,
			   .dport = n->sample.dport,
			   .last = n->unix_s };
	struct fp_frame f;

	/* what is read as a number of four digits */
	if (dropped)
		rec.share = (double)(uint64_t)((double)s->drops /
						       (double)dropped * 1e4 +
					       0.5) /
			    1e4;
	fp_prefix_print(&src, rec.src);
	fl_drop_line(&n->sample, &f, rec.payload);
	if (!n->sample.sport && !n->sample.dport)
		rec.dport = -1;
	if (t->is_screen)
		fit_line(rec.payload);
	return fl_record(t->c, &type, &rec);
}

static struct round measure(struct top *t)
{
	struct fl_drops_sums now = fl_drops_sums(t->drops);
	int64_t now_ms = fp_clock_ms();
	struct round r = {
		.time = fp_clock_unix_s(),
		.seconds = (double)(now_ms - t->at_ms) / 1000,
		.dropped = now.all.dropped - t->was.all.dropped,
		.attributed = fp_drops_top_drops(t->table),
		.others = fp_drops_top_others(t->table),
		.unsampled = now.all.dropped - now.all.weight,
		.samples = now.all.sampled - t->was.all.sampled,
		.lost = now.lost - t->was.lost,
	};

	r.pps = (double)r.dropped / r.seconds;
	t->at_ms = now_ms;
	t->was = now;
	t->attributed += r.attributed;
	t->others += r.others;
	return r;
}

static int print_round(struct top *t)
{
	struct round r = measure(t);
	size_t n = fp_drops_top_rank(t->table, t->place);
	uint64_t max = lines(t);
	int status = 0;

	if (t->is_screen)
		status = screen(t, &r);
	else if (t->c->is_json && t->every_ms && !t->c->fields)
		status = fl_record(t->c, &round_type, &r);
	for (size_t i = 0; i < n && i < max && !status; i++)
		status = print_source(t, i + 1, t->place[i], r.dropped);
	fp_drops_top_clear(t->table);
	fp_out_flush(t->c->out);
	return status;
}

/* ---- again and again */

static void look(struct top *t)
{
	t->error = fl_drops_look(t->drops, on_drop, t, &t->e);
	if (t->error)
		fp_loop_stop(t->loop);
}

static void on_look(void *ctx)
{
	struct top *t = ctx;
	int64_t at_ms = fp_clock_ms() + fl_drops_pause_ms(t->drops);

	look(t);
	if (!t->error && fp_loop_timer_arm(t->loop, &t->look, at_ms))
		fp_loop_stop(t->loop);
}

static void on_round(void *ctx)
{
	struct top *t = ctx;

	look(t);
	if (!t->error)
		t->status = print_round(t);
	if (t->status || t->error ||
	    fp_loop_timer_arm(t->loop, &t->round, t->at_ms + t->every_ms))
		fp_loop_stop(t->loop);
}

static void on_end(void *ctx)
{
	fp_loop_stop(ctx);
}

static int run(struct top *t, int64_t for_ms, struct fp_err *e)
{
	struct fp_timer end = { .fire = on_end, .ctx = t->loop };
	int r = fp_loop_signals(t->loop, NULL, NULL, e);

	t->at_ms = fp_clock_ms();
	if (!r)
		r = fp_loop_timer_arm(t->loop, &t->look, t->at_ms);
	if (!r && t->every_ms)
		r = fp_loop_timer_arm(t->loop, &t->round,
				      t->at_ms + t->every_ms);
	if (!r && for_ms)
		r = fp_loop_timer_arm(t->loop, &end, t->at_ms + for_ms);
	if (!r)
		r = fp_loop_run(t->loop);
	if (r < 0)
		return r;
	if (!t->status && !t->error)
		look(t);
	*e = t->e;
	/* the last round, as far as it came */
	if (!t->status && !t->error)
		t->status = print_round(t);
	return t->error;
}

static void summary(struct top *t)
{
	struct fl_drops_sums s = fl_drops_sums(t->drops);
	uint64_t rest = s.all.dropped - s.all.weight;
	char line[256], json[256];

	snprintf(
		line, sizeof(line),
		"%s%llu dropped: %llu by sources in the table, %llu by others, %llu behind the last sample; %llu samples lost",
		s.is_exact ? "" : "at least ",
		(unsigned long long)s.all.dropped,
		(unsigned long long)t->attributed,
		(unsigned long long)t->others, (unsigned long long)rest,
		(unsigned long long)s.lost);
	snprintf(
		json, sizeof(json),
		"\"dropped\":%llu,\"attributed\":%llu,\"others\":%llu,\"unsampled\":%llu,\"lost\":%llu,\"exact\":%s",
		(unsigned long long)s.all.dropped,
		(unsigned long long)t->attributed,
		(unsigned long long)t->others, (unsigned long long)rest,
		(unsigned long long)s.lost, s.is_exact ? "true" : "false");
	fp_out_summary(t->c->out, false, json, line);
}

static int read_limit(struct fp_cli *c, uint64_t *limit)
{
	const char *s = fp_cli_get(c, "limit");
	char *end;

	*limit = LIMIT;
	if (!s)
		return 0;
	*limit = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || !*limit || *limit > SOURCES)
		return fp_cli_usage(c, "--limit: \"%s\" is not 1 to %d", s,
				    SOURCES);
	return 0;
}

static int open_all(struct top *t, struct fp_err *e)
{
	int r = fp_out_check(t->c->out, &type, e);

	if (!r)
		r = fl_drops_open(&t->drops, t->c, fp_cli_get(t->c, "recent"),
				  e);
	t->table = fp_drops_top_new(SOURCES);
	if (!r && !t->table)
		r = fp_err(e, -ENOMEM, "out of memory");
	return r ? r : fp_loop_open(&t->loop, e);
}

int fl_top(struct fp_cli *c)
{
	struct top *t = calloc(1, sizeof(*t));
	struct fp_err e = { 0 };
	int64_t for_ms = 0;
	int r;

	if (!t)
		return fp_cli_fail(c, -ENOMEM, &e);
	t->c = c;
	t->look = (struct fp_timer){ .fire = on_look, .ctx = t };
	t->round = (struct fp_timer){ .fire = on_round, .ctx = t };
	r = c->argc ? fp_cli_usage(c, "top takes no \"%s\"", c->argv[0])
		    : read_limit(c, &t->limit);
	if (!r)
		r = fl_duration(c, "every", &t->every_ms);
	if (!r)
		r = fl_duration(c, "for", &for_ms);
	if (r) {
		free(t);
		return r;
	}
	if (!for_ms && !t->every_ms)
		for_ms = ROUND_MS;
	t->is_screen = t->every_ms && !c->is_json && isatty(STDOUT_FILENO);
	r = open_all(t, &e);
	if (!r)
		r = run(t, for_ms, &e);
	if (!r && !t->status)
		summary(t);
	r = r < 0 ? fp_cli_fail(c, r, &e) : t->status;
	fl_drops_close(t->drops);
	fp_drops_top_free(t->table);
	fp_loop_close(t->loop);
	free(t);
	return r;
}
