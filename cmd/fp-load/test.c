/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/progress.h"
#include "node/rehearse.h"
#include "packet.h"
#include "test.h"

struct rec {
	uint64_t n;
	int64_t time;
	char src[FP_PREFIX_STRLEN];
	uint64_t sport, dport;
	const char *proto;
	uint64_t len;
	const char *verdict, *reason, *observed;
	char dst[FP_PREFIX_STRLEN];
	bool cut;
	char payload[FL_LINE_SIZE];
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, n, FP_F_U64, NULL, "number of the packet, from 1"),
	FL_FIELD(rec, time, FP_F_TIME, NULL, "when it was captured"),
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source address"),
	FL_FIELD(rec, sport, FP_F_U64, NULL, "source port"),
	FL_FIELD(rec, dport, FP_F_U64, NULL, "destination port"),
	FL_FIELD(rec, proto, FP_F_STR, NULL, "udp, tcp, ..."),
	FL_FIELD(rec, len, FP_F_U64, "bytes", "length of the frame"),
	FL_FIELD(rec, verdict, FP_F_STR, NULL, "pass or drop"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why, as in stats"),
	FL_FIELD(rec, observed, FP_F_STR, NULL,
		 "what an observing check would have done"),
	FL_FIELD(rec, dst, FP_F_TEXT, NULL, "destination address"),
	FL_FIELD(rec, cut, FP_F_BOOL, NULL,
		 "the capture lacks bytes that could change the verdict"),
	FL_FIELD(rec, payload, FP_F_TEXT, NULL, "the payload's first line"),
};
static const struct fp_type type = { "packet", fields, FL_COUNT(fields) };

struct source_rec {
	char src[FP_PREFIX_STRLEN];
	uint64_t packets, dropped, observed;
	const char *reason;
	int64_t first, last, dialog;
	uint64_t error;
};

static const struct fp_field source_fields[] = {
	FL_FIELD(source_rec, src, FP_F_TEXT, NULL, "source address, or others"),
	FL_FIELD(source_rec, packets, FP_F_U64, NULL, "of it, for this reason"),
	FL_FIELD(source_rec, dropped, FP_F_U64, NULL, "of these"),
	FL_FIELD(source_rec, observed, FP_F_U64, NULL,
		 "of these, would be dropped if enforced"),
	FL_FIELD(source_rec, reason, FP_F_STR, NULL, "why, as in stats"),
	FL_FIELD(source_rec, first, FP_F_TIME, NULL, "the first of them"),
	FL_FIELD(source_rec, last, FP_F_TIME, NULL, "the last of them"),
	FL_FIELD(source_rec, dialog, FP_F_TIME, NULL,
		 "the last packet of it within a dialog"),
	FL_FIELD(source_rec, error, FP_F_U64, NULL,
		 "at most so many packets more, among the others"),
};
static const struct fp_type source_type = { "source", source_fields,
					    FL_COUNT(source_fields) };

/* A long run on a terminal: a table's widths are those of so many rows. */
#define PAGE_ROWS 1024

struct test {
	struct fp_cli *c;
	struct fl_since since;
	struct fp_capture *capture;
	struct fp_rehearsing *run;
	struct fp_progress progress;
	bool has_packets, has_sources; /* asked for, and with such fields */
	bool is_dropped_only;
	uint64_t n, n_early, n_rows;
	int status; /* of a record that could not be written */
};

/* ---- signals ---- */

/* In the middle of a read of stdin too, which they end. */
static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

static void catch_signals(void)
{
	const struct sigaction act = { .sa_handler = on_signal,
				       .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* ---- records ---- */

static bool is_observed(const struct fp_rehearsed *x)
{
	return x->verdict.observed < FP_R_N && !x->is_skipped;
}

static void describe(struct rec *rec, const struct fp_rehearsed *x)
{
	const struct fp_frame *f = &x->frame;

	rec->n = x->n;
	rec->time = x->unix_s;
	rec->len = x->wire_len;
	rec->cut = x->is_cut;
	if (!x->is_skipped) {
		rec->verdict = x->verdict.is_drop ? "drop" : "pass";
		rec->reason = fl_reason_name(x->verdict.reason);
	}
	if (is_observed(x))
		rec->observed = fl_reason_name(x->verdict.observed);
	if (!x->is_ip)
		return;
	fp_prefix_print(&f->src, rec->src);
	fp_prefix_print(&f->dst, rec->dst);
	rec->sport = f->sport;
	rec->dport = f->dport;
	rec->proto = fl_proto_name(f->proto);
	if (f->payload)
		fl_first_line(rec->payload, f->payload, f->payload_len);
}

static int on_packet(void *ctx, const struct fp_rehearsed *x)
{
	struct test *t = ctx;
	struct rec rec;

	if (!t->has_packets)
		return 0;
	if (t->is_dropped_only &&
	    (x->is_skipped || (!x->verdict.is_drop && !is_observed(x))))
		return 0;
	memset(&rec, 0, offsetof(struct rec, payload) + 1);
	rec.src[0] = rec.dst[0] = 0;
	describe(&rec, x);
	t->status = fl_record(t->c, &type, &rec);
	if (++t->n_rows % PAGE_ROWS == 0)
		fp_out_flush(t->c->out);
	return t->status ? -ECANCELED : 0;
}

static int print_source(struct test *t, const struct fp_sources_row *x,
			const char *others)
{
	struct source_rec rec = { .packets = x->packets,
				  .dropped = x->dropped,
				  .observed = x->observed,
				  .first = x->first_s,
				  .last = x->last_s,
				  .dialog = x->dialog_s,
				  .error = x->error };

	if (!x->packets || (t->is_dropped_only && !x->dropped && !x->observed))
		return 0;
	if (others)
		snprintf(rec.src, sizeof(rec.src), "%s", others);
	else
		fp_prefix_print(&x->src, rec.src);
	if (!others)
		rec.reason = fl_reason_name(x->reason);
	return fl_record(t->c, &source_type, &rec);
}

static int print_sources(struct test *t)
{
	struct fp_sources *s = fp_rehearsing_sources(t->run);
	const struct fp_sources_row *const *row;
	size_t n;
	int status = 0;

	if (!t->has_sources)
		return 0;
	row = fp_sources_sorted(s, &n);
	for (size_t i = 0; i < n && !status; i++)
		status = print_source(t, row[i], NULL);
	return status ? status
		      : print_source(t, fp_sources_others(s), "others");
}

static void print_summary(struct test *t)
{
	const struct fp_rehearsing_counts *n = fp_rehearsing_counts(t->run);
	struct fp_sources *s = fp_rehearsing_sources(t->run);
	char line[400];
	int at = snprintf(
		line, sizeof(line),
		"%llu packets, %llu of them for the filter: %llu dropped, %llu observed to be dropped if enforced",
		(unsigned long long)n->packets, (unsigned long long)n->judged,
		(unsigned long long)n->dropped,
		(unsigned long long)n->observed);

	if (n->cut)
		at += snprintf(
			line + at, sizeof(line) - (size_t)at,
			"; %llu were captured in part and might fare otherwise: what cannot be proven bad passes",
			(unsigned long long)n->cut);
	if (n->outgoing)
		at += snprintf(line + at, sizeof(line) - (size_t)at,
			       "; %llu went out and are not judged",
			       (unsigned long long)n->outgoing);
	if (n->skipped)
		snprintf(line + at, sizeof(line) - (size_t)at,
			 "; %llu are too short to be packets",
			 (unsigned long long)n->skipped);
	fp_out_counts(t->c->out, false, line, "packets", n->packets, "judged",
		      n->judged, "dropped", n->dropped, "observed", n->observed,
		      "sources", (uint64_t)fp_sources_count(s), "others",
		      fp_sources_others(s)->packets, "cut", n->cut, "skipped",
		      n->skipped, "earlier", t->n_early, "outgoing",
		      n->outgoing, "unconfirmed", n->unconfirmed, "bypass_s",
		      n->bypass_s, NULL);
}

/* ---- running ---- */

#define LOOK_EVERY 4096 /* packets; a look at the clock costs some 30 ns */

static void show_progress(struct test *t)
{
	uint64_t done, total;

	fp_capture_place(t->capture, &done, &total);
	fp_progress_at(&t->progress, total ? done : t->n);
}

static int walk(struct test *t, struct fp_err *e)
{
	struct fp_packet p;
	int r = 0;

	while (!is_stopped && !r &&
	       (r = fp_capture_next(t->capture, &p, e)) == 1) {
		r = 0;
		if (++t->n % LOOK_EVERY == 0)
			show_progress(t);
		if (fl_since_is_before(&t->since, p.unix_s, p.us))
			t->n_early++;
		else
			r = fp_rehearsing_packet(t->run, &p, t->n, e);
	}
	return is_stopped && r != -ECANCELED ? 0 : r;
}

/* What was judged of a damaged file is said before what is wrong with it. */
static int judge_all(struct test *t, struct fp_err *e)
{
	struct fp_err why;
	uint64_t done, total;
	int r, flushed;

	fp_capture_place(t->capture, &done, &total);
	fp_progress_start(&t->progress, "judging", total ? "bytes" : "packets",
			  total, t->c->is_quiet || t->c->is_json);
	r = walk(t, e);
	flushed = r == -ECANCELED ? 0 : fp_rehearsing_flush(t->run, &why);
	fp_progress_end(&t->progress);
	if (!r && flushed)
		*e = why;
	return r ? r : flushed;
}

static int say_nothing_judged(const struct test *t)
{
	const struct fp_rehearsing_counts *n = fp_rehearsing_counts(t->run);
	const char *what = "none of its packets is to a SIP or guarded port";

	if (!n->packets && t->n_early)
		what = "all of its packets are earlier";
	else if (!n->packets)
		what = "it holds no packet";
	else if (n->packets == n->outgoing)
		what = "all of its packets went out";
	fp_log(FP_LOG_ERR, "%s: nothing was judged: %s", t->c->argv[0], what);
	return FP_EXIT_NO;
}

static int finish(struct test *t, int r, const struct fp_err *e)
{
	int status = t->status;

	if (!status)
		status = print_sources(t);
	if (status)
		return status;
	print_summary(t);
	if (!fp_capture_has_direction(t->capture))
		fp_rehearsing_look_for_own(t->run);
	if (r)
		return fp_cli_fail(t->c, r, e);
	if (is_stopped) {
		fp_log(FP_LOG_WARN, "interrupted after packet %llu",
		       (unsigned long long)t->n);
		return FP_EXIT_PARTIAL;
	}
	return fp_rehearsing_counts(t->run)->judged ? FP_EXIT_OK
						    : say_nothing_judged(t);
}

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

/* With the operator's rights; nothing of it is read. */
static int open_file(const struct fp_cli *c, FILE **out, const char **name,
		     struct fp_err *e)
{
	uint64_t was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	int r = fp_capture_file(out, name, c->argv[0], e);

	fp_caps_use(was, NULL);
	return r;
}

static int open_all(struct test *t, struct fp_err *e)
{
	const struct fp_cli *c = t->c;
	const struct fp_rehearsing_opts o = {
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.lists = fp_cli_get(c, "lists"),
		.set = fp_cli_get(c, "set"),
		.cluster = c->cluster,
		.is_cluster_named = c->is_cluster_named,
		.is_broken_ok = fp_cli_overrides(c, "broken"),
		.notice = on_notice,
		.each = on_packet,
		.ctx = t,
	};
	const char *name;
	FILE *f = NULL;
	int r = fl_begin(c, e);

	if (!r)
		r = open_file(c, &f, &name, e);
	if (!r)
		r = fl_opened(c, fp_rehearsing_open(&t->run, &o, e), e);
	if (!r)
		r = fl_rest(c, e);
	if (!r) /* who sent what is in there is nobody's friend */
		return fp_capture_open_stream(&t->capture, f, name, e);
	if (f)
		fclose(f);
	return r;
}

/* -o chooses what has such fields. */
static int choose(struct test *t, struct fp_err *e)
{
	bool is_summary = fp_cli_get(t->c, "summary");
	int r;

	t->has_sources = !fp_out_check(t->c->out, &source_type, NULL);
	r = fp_out_check(t->c->out, &type, e);
	t->has_packets = !r && !is_summary;
	return t->has_sources || t->has_packets || !r ? 0 : r;
}

int fl_test(struct fp_cli *c)
{
	struct test t = { .c = c, .is_dropped_only = fp_cli_get(c, "dropped") };
	struct fp_err e = { 0 };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c,
				    "test needs one capture, or - for stdin");
	r = fl_since_read(c, &t.since);
	if (r)
		return r;
	catch_signals();
	r = choose(&t, &e);
	if (!r)
		r = open_all(&t, &e);
	if (r) {
		r = fp_cli_fail(c, r, &e);
	} else {
		r = judge_all(&t, &e);
		r = finish(&t, r, &e);
	}
	fp_rehearsing_close(t.run);
	fp_capture_close(t.capture);
	return r;
}
