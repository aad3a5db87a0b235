/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <netinet/in.h>
#include <string.h>

#include "codec/frame.h"
#include "io/clock.h"
#include "io/loop.h"
#include "packet.h"
#include "peer/maps_samples.h"

struct rec {
	int64_t time;
	const char *nic, *reason;
	char src[FP_PREFIX_STRLEN];
	uint64_t sport, dport;
	const char *proto;
	uint64_t len;
	char payload[FL_LINE_SIZE];
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, time, FP_F_TIME, NULL, "when it was dropped"),
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why, as in stats"),
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source address"),
	FL_FIELD(rec, sport, FP_F_U64, NULL, "source port"),
	FL_FIELD(rec, dport, FP_F_U64, NULL, "destination port"),
	FL_FIELD(rec, proto, FP_F_STR, NULL, "udp or tcp"),
	FL_FIELD(rec, len, FP_F_U64, "bytes", "length of the frame"),
	FL_FIELD(rec, payload, FP_F_TEXT, NULL,
		 "the payload's first line, as far as the sample goes"),
};
static const struct fp_type type = { "drop", fields, FL_COUNT(fields) };

struct watch {
	struct fp_cli *c;
	struct fp_maps *maps;
	struct fp_loop *loop;
	struct fp_samples *samples;
	struct fp_timer timer;
	int64_t wall_ms;
	uint64_t n, n_lost;
	int status;
};

/* The frame's head begins behind the Ethernet header: with IP, or with the rest
 * of up to two VLAN tags.  The source says which. */
static bool find_ip(const struct fp_sample *s, struct fp_frame *out)
{
	const struct fp_prefix src = { s->hi, s->lo, 128 };

	for (size_t at = 0; at <= 8 && at <= s->head_len; at += 4)
		if (!fp_frame_parse_ip(out, s->head + at, s->head_len - at) &&
		    !fp_prefix_cmp(&out->src, &src))
			return true;
	return false;
}

static void on_sample(void *ctx, const struct fp_sample *s)
{
	struct watch *w = ctx;
	const struct fp_conf *conf = fp_maps_conf(w->maps);
	const struct fp_prefix src = { s->hi, s->lo, 128 };
	int64_t at_ms = (int64_t)(s->time_ns / 1000000);
	struct rec rec = { .nic = conf->nic[s->nic % FP_NICS].name,
			   .reason = fl_reason_name(s->reason),
			   .sport = s->sport,
			   .dport = s->dport,
			   .proto = fl_proto_name(s->proto),
			   .len = s->len };
	struct fp_frame f;

	if (w->status)
		return;
	rec.time = (at_ms + w->wall_ms) / 1000;
	fp_prefix_print(&src, rec.src);
	if (find_ip(s, &f))
		fl_first_line(rec.payload, f.payload, f.payload_len);
	w->status = fl_record(w->c, &type, &rec);
	w->n++;
}

#define LOOK_MS 100

static void on_look(void *ctx)
{
	struct watch *w = ctx;

	w->n_lost += fp_samples_read(w->samples, on_sample, w);
	fp_out_flush(w->c->out);
	if (w->status ||
	    fp_loop_timer_arm(w->loop, &w->timer, fp_clock_ms() + LOOK_MS))
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
	return r ? r : fp_loop_run(w->loop);
}

static int open_all(struct watch *w, struct fp_err *e)
{
	char dir[4096];
	int r = fl_maps(w->c, &w->maps, e);

	if (r)
		return r;
	fp_maps_dir(w->c->pin_dir, dir, sizeof(dir));
	r = fp_samples_open(&w->samples, dir, false, e);
	return r ? r : fp_loop_open(&w->loop, e);
}

int fl_watch(struct fp_cli *c)
{
	struct watch w = { .c = c };
	struct fp_err e = { 0 };
	int64_t for_ms = 0;
	char json[64];
	int r;

	if (c->argc)
		return fp_cli_usage(c, "watch takes no \"%s\"", c->argv[0]);
	r = fl_duration(c, "for", &for_ms);
	if (r)
		return r;
	w.timer = (struct fp_timer){ .fire = on_look, .ctx = &w };
	w.wall_ms = fp_clock_unix_s() * 1000 - fp_clock_ms();
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = open_all(&w, &e);
	if (!r)
		r = run(&w, for_ms, &e);
	fp_samples_close(w.samples);
	fp_loop_close(w.loop);
	fp_maps_close(w.maps);
	if (r < 0)
		return fp_cli_fail(c, r, &e);
	snprintf(json, sizeof(json), "\"samples\":%llu",
		 (unsigned long long)w.n);
	fp_out_summary(c->out, false, json, NULL);
	return w.status;
}
