/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>
#include <string.h>

#include "codec/frame.h"
#include "packet.h"
#include "peer/capture.h"
#include "peer/xdp_rehearsal.h"

struct rec {
	uint64_t n;
	int64_t time;
	char src[FP_PREFIX_STRLEN];
	uint64_t sport, dport;
	const char *proto;
	uint64_t len;
	const char *verdict, *reason, *observed;
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
};
static const struct fp_type type = { "packet", fields, FL_COUNT(fields) };

struct test {
	struct fp_cli *c;
	struct fp_capture *capture;
	struct fp_rehearsal *rehearsal;
	struct rec queued[FP_REHEARSE_MAX]; /* are being judged, in order */
	size_t n_queued;
	uint64_t n, n_dropped, n_observed;
};

static int print(struct test *t, struct rec *rec,
		 const struct fp_rehearsal_verdict *v)
{
	rec->verdict = v->is_drop ? "drop" : "pass";
	rec->reason = fl_reason_name(v->reason);
	if (v->observed < FP_R_N)
		rec->observed = fl_reason_name(v->observed);
	t->n_dropped += v->is_drop;
	t->n_observed += !v->is_drop && rec->observed;
	return fl_record(t->c, &type, rec);
}

static int judge(struct test *t)
{
	struct fp_rehearsal_verdict v[FP_REHEARSE_MAX];
	struct fp_err e = { 0 };
	int r, status = 0;
	size_t n;

	r = fp_rehearsal_run(t->rehearsal, v, &n, &e);
	if (r)
		return fp_cli_fail(t->c, r, &e);
	for (size_t i = 0; i < n && !status; i++)
		status = print(t, &t->queued[i], &v[i]);
	t->n_queued = 0;
	return status;
}

static void describe(struct test *t, const struct fp_packet *p, struct rec *rec)
{
	struct fp_frame f;

	*rec = (struct rec){ .n = ++t->n,
			     .time = p->unix_s,
			     .len = p->wire_len };
	if (fp_frame_parse(&f, p->frame, p->len))
		return;
	fp_prefix_print(&f.src, rec->src);
	rec->sport = f.sport;
	rec->dport = f.dport;
	rec->proto = fl_proto_name(f.proto);
}

static int queue(struct test *t, const struct fp_packet *p)
{
	struct rec rec;
	int status = 0;

	describe(t, p, &rec);
	if (p->len < 14) { /* no frame: no NIC gives it to a program */
		status = t->n_queued ? judge(t) : 0;
		rec.verdict = "pass";
		return status ? status : fl_record(t->c, &type, &rec);
	}
	if (!fp_rehearsal_put(t->rehearsal, p->frame, p->len)) {
		status = judge(t);
		if (!status)
			fp_rehearsal_put(t->rehearsal, p->frame, p->len);
	}
	if (!status)
		t->queued[t->n_queued++] = rec;
	return status;
}

static int test_all(struct test *t)
{
	struct fp_packet p;
	struct fp_err e = { 0 };
	int r, status = 0;

	while (!status && (r = fp_capture_next(t->capture, &p, &e)) == 1)
		status = queue(t, &p);
	if (!status)
		status = judge(t);
	return !status && r < 0 ? fp_cli_fail(t->c, r, &e) : status;
}

static void summary(const struct test *t)
{
	char json[128], line[128];

	snprintf(json, sizeof(json),
		 "\"packets\":%llu,\"dropped\":%llu,\"observed\":%llu",
		 (unsigned long long)t->n, (unsigned long long)t->n_dropped,
		 (unsigned long long)t->n_observed);
	snprintf(
		line, sizeof(line),
		"%llu packets: %llu dropped, %llu observed to be dropped if enforced",
		(unsigned long long)t->n, (unsigned long long)t->n_dropped,
		(unsigned long long)t->n_observed);
	fp_out_summary(t->c->out, false, json, line);
}

static int open_all(struct test *t, struct fp_err *e)
{
	struct fp_maps *maps;
	char dir[4096];
	int r = fl_maps(t->c, &maps, e);

	if (r)
		return r;
	fp_maps_close(maps);
	fp_maps_dir(t->c->pin_dir, dir, sizeof(dir));
	r = fp_capture_open(&t->capture, t->c->argv[0], e);
	if (!r)
		r = fp_rehearsal_open(&t->rehearsal, dir, e);
	return r ? r : fl_rest(t->c, e);
}

int fl_test(struct fp_cli *c)
{
	struct test t = { .c = c };
	struct fp_err e = { 0 };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c,
				    "test needs one capture, or - for stdin");
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = open_all(&t, &e);
	if (r) {
		r = fp_cli_fail(c, r, &e);
	} else {
		r = test_all(&t);
		if (!r)
			summary(&t);
	}
	fp_capture_close(t.capture);
	fp_rehearsal_close(t.rehearsal);
	return r;
}
