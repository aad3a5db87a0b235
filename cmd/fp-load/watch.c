/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/frame.h"
#include "drops.h"
#include "io/clock.h"
#include "io/loop.h"
#include "packet.h"

struct rec {
	int64_t time;
	const char *nic, *reason;
	char src[FP_PREFIX_STRLEN];
	int64_t sport, dport;
	const char *proto;
	uint64_t len;
	char payload[FL_LINE_SIZE];
	int64_t skipped;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, time, FP_F_TIME, NULL, "when it was dropped"),
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why, as in stats"),
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source address"),
	FL_FIELD(rec, sport, FP_F_COUNT, NULL, "source port"),
	FL_FIELD(rec, dport, FP_F_COUNT, NULL, "destination port"),
	FL_FIELD(rec, proto, FP_F_STR, NULL, "udp or tcp"),
	FL_FIELD(rec, len, FP_F_U64, "bytes", "length of the frame"),
	FL_FIELD(rec, payload, FP_F_TEXT, NULL,
		 "the payload's first line, as far as the sample goes"),
	FL_FIELD(rec, skipped, FP_F_COUNT, NULL,
		 "drops before it that were not sampled"),
};
static const struct fp_type type = { "drop", fields, FL_COUNT(fields) };

struct watch {
	struct fp_cli *c;
	struct fl_drops *drops;
	struct fp_loop *loop;
	struct fp_timer timer;
	int status; /* of the output */
	int error;
	struct fp_err e;
};

static void on_drop(void *ctx, const struct fl_drop *drop)
{
	struct watch *w = ctx;
	const struct fp_sample *s = drop->sample;
	const struct fp_prefix src = { s->hi, s->lo, 128 };
	struct rec rec = { .time = drop->unix_s,
			   .nic = drop->nic,
			   .reason = fl_reason_name(s->reason),
			   .sport = s->sport,
			   .dport = s->dport,
			   .proto = fl_proto_name(s->proto),
			   .len = s->len,
			   .skipped = (int64_t)drop->weight.drops - 1 };
	struct fp_frame f;

	if (w->status)
		return;
	fp_prefix_print(&src, rec.src);
	fl_drop_line(s, &f, rec.payload);
	if (f.proto) /* of a later fragment the program does not say it */
		rec.proto = fl_proto_name(f.proto);
	if (!s->sport && !s->dport)
		rec.sport = rec.dport = -1;
	if (drop->weight.is_first)
		rec.skipped = -1;
	w->status = fl_record(w->c, &type, &rec);
}

static void look(struct watch *w)
{
	w->error = fl_drops_look(w->drops, on_drop, w, &w->e);
	fp_out_flush(w->c->out);
}

static void on_look(void *ctx)
{
	struct watch *w = ctx;
	int64_t at_ms = fp_clock_ms() + fl_drops_pause_ms(w->drops);

	look(w);
	if (w->status || w->error ||
	    fp_loop_timer_arm(w->loop, &w->timer, at_ms))
		fp_loop_stop(w->loop);
}

static void on_end(void *ctx)
{
	fp_loop_stop(ctx);
}

static int run(struct watch *w, int64_t for_ms, struct fp_err *e)
{
	struct fp_timer end = { .fire = on_end, .ctx = w->loop };
	int r = fp_loop_signals(w->loop, NULL, NULL, e);

	if (!r)
		r = fp_loop_timer_arm(w->loop, &w->timer, fp_clock_ms());
	if (!r && for_ms)
		r = fp_loop_timer_arm(w->loop, &end, fp_clock_ms() + for_ms);
	if (!r)
		r = fp_loop_run(w->loop);
	if (r < 0)
		return r;
	if (!w->status && !w->error)
		look(w); /* so that the sums are of now */
	*e = w->e;
	return w->error;
}

static void summary(struct watch *w)
{
	struct fl_drops_sums s = fl_drops_sums(w->drops);
	uint64_t not_shown = s.all.dropped - s.all.sampled;
	char line[256], json[256];

	snprintf(line, sizeof(line),
		 "%s%llu dropped: %llu shown, %llu not; %llu samples lost",
		 s.is_exact ? "" : "at least ",
		 (unsigned long long)s.all.dropped,
		 (unsigned long long)s.all.sampled,
		 (unsigned long long)not_shown, (unsigned long long)s.lost);
	snprintf(
		json, sizeof(json),
		"\"dropped\":%llu,\"shown\":%llu,\"not_shown\":%llu,\"lost\":%llu,\"exact\":%s",
		(unsigned long long)s.all.dropped,
		(unsigned long long)s.all.sampled,
		(unsigned long long)not_shown, (unsigned long long)s.lost,
		s.is_exact ? "true" : "false");
	fp_out_summary(w->c->out, false, json, line);
}

int fl_watch(struct fp_cli *c)
{
	struct watch w = { .c = c };
	struct fp_err e = { 0 };
	int64_t for_ms = 0;
	int r;

	if (c->argc)
		return fp_cli_usage(c, "watch takes no \"%s\"", c->argv[0]);
	r = fl_duration(c, "for", &for_ms);
	if (r)
		return r;
	w.timer = (struct fp_timer){ .fire = on_look, .ctx = &w };
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = fl_drops_open(&w.drops, c, fp_cli_get(c, "recent"), &e);
	if (!r)
		r = fp_loop_open(&w.loop, &e);
	if (!r)
		r = run(&w, for_ms, &e);
	if (!r && !w.status)
		summary(&w);
	fl_drops_close(w.drops);
	fp_loop_close(w.loop);
	return r < 0 ? fp_cli_fail(c, r, &e) : w.status;
}
