/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "codec/frame.h"
#include "packet.h"
#include "peer/capture.h"

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
	struct fp_xdp *xdp;
	struct fp_counter last[FP_R_N];
	uint64_t n, n_dropped, n_observed;
};

/* A slot that no deadline applies to. */
static unsigned int confirmed_slot(const struct fp_conf *conf)
{
	unsigned int i = 0;

	while (i + 1 < FP_NICS && conf->nic[i].confirm_until_s)
		i++;
	return i;
}

/* Which counters moved? */
static int read_reason(struct test *t, struct rec *rec, struct fp_err *e)
{
	struct fp_counter now[FP_R_N];
	int r = fp_xdp_counters(t->xdp, now, e);

	if (r)
		return r;
	for (size_t i = 0; i < FP_R_N; i++) {
		if (now[i].packets == t->last[i].packets)
			continue;
		if (!strcmp(fl_reason_action(i), "observe"))
			rec->observed = fl_reason_name(i);
		else
			rec->reason = fl_reason_name(i);
	}
	memcpy(t->last, now, sizeof(now));
	return 0;
}

static int test_packet(struct test *t, const struct fp_packet *p,
		       struct rec *rec, struct fp_err *e)
{
	uint32_t verdict = XDP_PASS;
	struct fp_frame f;
	int r;

	rec->n = ++t->n;
	rec->time = p->unix_s;
	rec->len = p->wire_len;
	if (!fp_frame_parse(&f, p->frame, p->len)) {
		fp_prefix_print(&f.src, rec->src);
		rec->sport = f.sport;
		rec->dport = f.dport;
		rec->proto = fl_proto_name(f.proto);
	}
	rec->verdict = "pass";
	if (p->len < 14) /* no frame: no NIC gives it to a program */
		return 0;
	r = fp_xdp_run(t->xdp, p->frame, (uint32_t)p->len, &verdict, e);
	if (!r)
		r = read_reason(t, rec, e);
	if (verdict == XDP_DROP)
		rec->verdict = "drop";
	t->n_dropped += verdict == XDP_DROP;
	t->n_observed += verdict != XDP_DROP && rec->observed;
	return r;
}

static int test_all(struct test *t)
{
	struct fp_packet p;
	struct fp_err e = { 0 };
	int r, status = 0;

	while (!status && (r = fp_capture_next(t->capture, &p, &e)) == 1) {
		struct rec rec = { 0 };

		r = test_packet(t, &p, &rec, &e);
		if (r)
			break;
		status = fl_record(t->c, &type, &rec);
	}
	return r < 0 ? fp_cli_fail(t->c, r, &e) : status;
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
	unsigned int slot;
	char dir[4096];
	int r = fl_maps(t->c, &maps, e);

	if (r)
		return r;
	slot = confirmed_slot(fp_maps_conf(maps));
	fp_maps_close(maps);
	fp_maps_dir(t->c->pin_dir, dir, sizeof(dir));
	r = fp_capture_open(&t->capture, t->c->argv[0], e);
	return r ? r : fp_xdp_load_private(&t->xdp, dir, slot, e);
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
	fp_xdp_close(t.xdp);
	return r;
}
