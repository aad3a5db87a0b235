/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "io/loop.h"
#include "io/whole.h"
#include "packet.h"

struct rec {
	const char *nic, *reason, *action;
	uint64_t packets, bytes;
	const char *help;
	double pps, bps;
};

#define RATES                                                                  \
	FL_FIELD(rec, pps, FP_F_DOUBLE, NULL, "packets a second"),             \
		FL_FIELD(rec, bps, FP_F_DOUBLE, NULL, "bits a second")

static const struct fp_field fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why it was passed or dropped"),
	FL_FIELD(rec, action, FP_F_STR, NULL, "pass, drop or observe"),
	FL_FIELD(rec, packets, FP_F_U64, "packets", "since it was attached"),
	FL_FIELD(rec, bytes, FP_F_U64, "bytes", "since it was attached"),
	FL_FIELD(rec, help, FP_F_STR, NULL, "the reason in words"),
	RATES,
};
static const struct fp_type type = { "stats", fields, FL_COUNT(fields) };

/* As Prometheus wants them named, and no label that is prose. */
static const struct fp_field prom_fields[] = {
	FL_FIELD(rec, nic, FP_F_STR, NULL, "interface"),
	FL_FIELD(rec, reason, FP_F_STR, NULL, "why it was passed or dropped"),
	FL_FIELD(rec, action, FP_F_STR, NULL, "pass, drop or observe"),
	{ "packets_total", offsetof(struct rec, packets), FP_F_U64, "packets",
	  "packets by NIC and reason" },
	{ "bytes_total", offsetof(struct rec, bytes), FP_F_U64, "bytes",
	  "bytes by NIC and reason" },
};
static const struct fp_type prom_type = { "filter", prom_fields,
					  FL_COUNT(prom_fields) };

/* What one asks at night, Prometheus only. */
struct state {
	const char *check;
	uint64_t mode;
	bool is_attached;
	uint64_t bypass_s;
};
static const struct fp_field mode_fields[] = {
	{ "check", offsetof(struct state, check), FP_F_STR, NULL,
	  "lists, stealth or malformed" },
	{ "mode", offsetof(struct state, mode), FP_F_U64, NULL,
	  "what a check does: 0 off, 1 observe, 2 enforce" },
};
static const struct fp_type mode_type = { "filter", mode_fields,
					  FL_COUNT(mode_fields) };
static const struct fp_field state_fields[] = {
	{ "attached", offsetof(struct state, is_attached), FP_F_BOOL, NULL,
	  "does the filter act on a NIC" },
	{ "bypass_seconds", offsetof(struct state, bypass_s), FP_F_U64,
	  "seconds", "for how long nothing is dropped (fp-sync bypass)" },
};
static const struct fp_type state_type = { "filter", state_fields,
					   FL_COUNT(state_fields) };

struct stats {
	struct fp_cli *c;
	const struct fp_type *type;
	enum fp_format format;
	const char *output;   /* a file, or NULL */
	struct fp_maps *maps; /* with --every NULL while there is no filter */
	ino_t ino;
	bool is_reset;
	/* with --every */
	struct fp_loop *loop;
	struct fp_timer timer;
	int64_t every_ms, at_ms, next_ms;
	struct fp_counter last[FP_NICS][FP_R_N];
	int status;
};

/* over_s NaN: there is no round before. */
static int print_nic(struct stats *s, const char *nic, struct fp_counter *last,
		     const struct fp_counter *now, double over_s)
{
	int r = 0;

	for (size_t i = 0; i < FP_R_N && !r; i++) {
		struct rec rec = { .nic = nic,
				   .reason = fl_reason_name(i),
				   .action = fl_reason_action(i),
				   .packets = now[i].packets,
				   .bytes = now[i].bytes,
				   .help = fl_reason_help(i) };

		rec.pps = (double)(now[i].packets - last[i].packets) / over_s;
		rec.bps = (double)(now[i].bytes - last[i].bytes) * 8 / over_s;
		if (rec.pps < 0 || now[i].packets < last[i].packets)
			rec.pps = rec.bps = NAN; /* set to zero meanwhile */
		/* a series that begins late loses its first step */
		if (now[i].packets || s->type == &prom_type)
			r = fl_record(s->c, s->type, &rec);
		last[i] = now[i];
	}
	return r;
}

static int print_modes(struct stats *s, const struct fp_conf *conf)
{
	const struct state v[] = {
		{ .check = "lists", .mode = conf->lists },
		{ .check = "stealth", .mode = conf->stealth },
		{ .check = "malformed", .mode = conf->malformed },
	};
	int r = 0;

	for (size_t i = 0; i < FL_COUNT(v) && !r; i++)
		r = fl_record(s->c, &mode_type, &v[i]);
	return r;
}

/* conf NULL: there is no filter */
static int print_state(struct stats *s, const struct fp_conf *conf)
{
	const struct state all = {
		.is_attached = conf && fp_maps_is_attached(s->maps),
		.bypass_s = conf ? fp_filter_bypass_s(conf) : 0,
	};
	int r = fl_record(s->c, &state_type, &all);

	return !r && conf ? print_modes(s, conf) : r;
}

static int print_all(struct stats *s, double over_s)
{
	struct fp_counter now[FP_R_N];
	struct fp_err e = { 0 };
	struct fp_conf *conf = s->maps ? fp_maps_conf(s->maps) : NULL;
	int r = 0;

	for (unsigned int i = 0; i < FP_NICS && conf && !r; i++) {
		if (!conf->nic[i].name[0])
			continue;
		r = fp_maps_counters(s->maps, i, now, &e);
		if (r == -ENOENT && s->every_ms) /* taken away just now */
			return 0;
		if (r)
			return fp_cli_fail(s->c, -EIO, &e);
		r = print_nic(s, conf->nic[i].name, s->last[i], now, over_s);
	}
	if (!r && s->type == &prom_type && !s->c->fields)
		r = print_state(s, conf);
	return r;
}

/* Into the file: made in memory, so that what is wrong with it is not in it. */
static int write_all(struct stats *s, double over_s)
{
	struct fp_out *out = s->c->out;
	struct fp_err e = { 0 };
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r = f ? fp_out_open(&s->c->out, f, s->format, s->c->fields)
		  : -ENOMEM;
	int status = 0;

	if (!r) {
		status = print_all(s, over_s);
		if (!status && s->format == FP_JSON)
			fp_out_summary(s->c->out, s->is_reset, NULL, NULL);
		r = fp_out_close(s->c->out, &e);
	}
	s->c->out = out;
	if (f && fclose(f) && !r)
		r = -ENOMEM;
	if (!r && !status)
		r = fp_whole_write(s->output, text, n, 0644, &e);
	free(text);
	return r ? fp_cli_fail(s->c, r, &e) : status;
}

static int put_all(struct stats *s, double over_s)
{
	return s->output ? write_all(s, over_s) : print_all(s, over_s);
}

static int reset_all(struct stats *s)
{
	const struct fp_conf *conf = fp_maps_conf(s->maps);
	struct fp_err e = { 0 };

	for (unsigned int i = 0; i < FP_NICS; i++)
		if (conf->nic[i].name[0] &&
		    fp_maps_counters_reset(s->maps, i, &e))
			return fp_cli_fail(s->c, -EIO, &e);
	fp_log_change(NULL, "stats --reset");
	return 0;
}

static int open_maps(struct stats *s, struct fp_err *e)
{
	s->ino = fl_maps_ino(s->c);
	return fl_maps(s->c, &s->maps, e);
}

/* The maps as they are now, as watch and top have them.  0, or exit status. */
static int follow(struct stats *s)
{
	struct fp_err e = { 0 };
	int r;

	if (s->maps && fl_maps_ino(s->c) == s->ino)
		return 0;
	if (s->maps) {
		fp_log(FP_LOG_WARN, FL_MAPS_GONE);
		fp_maps_close(s->maps);
		s->maps = NULL;
		memset(s->last, 0, sizeof(s->last));
	}
	r = open_maps(s, &e);
	if (!r)
		fp_log(FP_LOG_NOTICE, FL_MAPS_BACK);
	return r && r != -ENOENT ? fp_cli_fail(s->c, r, &e) : 0;
}

static void on_round(void *ctx)
{
	struct stats *s = ctx;
	int64_t now_ms = fp_clock_ms();

	s->status = follow(s);
	if (!s->status)
		s->status = put_all(s, (double)(now_ms - s->at_ms) / 1000);
	s->at_ms = now_ms;
	fp_out_flush(s->c->out);
	s->next_ms += s->every_ms;
	if (s->next_ms < now_ms) /* we were stopped for a while */
		s->next_ms = now_ms + s->every_ms;
	if (s->status || fp_loop_timer_arm(s->loop, &s->timer, s->next_ms))
		fp_loop_stop(s->loop);
}

static int repeat(struct stats *s)
{
	struct fp_err e = { 0 };
	int r = fp_loop_open(&s->loop, &e);

	if (r)
		return fp_cli_fail(s->c, r, &e);
	r = fp_loop_signals(s->loop, NULL, NULL, &e);
	s->at_ms = fp_clock_ms();
	s->next_ms = s->at_ms + s->every_ms;
	s->timer = (struct fp_timer){ .fire = on_round, .ctx = s };
	if (!r)
		r = fp_loop_timer_arm(s->loop, &s->timer, s->next_ms);
	fp_out_flush(s->c->out);
	if (!r)
		r = fp_loop_run(s->loop);
	fp_loop_close(s->loop);
	return r < 0 ? fp_cli_fail(s->c, r, &e) : s->status;
}

static int run(struct stats *s)
{
	int r = put_all(s, NAN);

	if (!r && s->every_ms)
		r = repeat(s);
	if (!r && s->is_reset && !s->c->is_dry_run)
		r = reset_all(s);
	if (r)
		return r;
	if (s->type == &type && !s->output)
		fp_out_summary(s->c->out, s->is_reset, NULL, NULL);
	return s->is_reset && s->c->is_dry_run ? FP_EXIT_NO : FP_EXIT_OK;
}

/* --format takes the place of the output that --json chose. */
static int set_format(struct stats *s)
{
	static const char *const names[] = { [FP_TEXT] = "text",
					     [FP_JSON] = "json",
					     [FP_PROMETHEUS] = "prometheus" };
	const char *word = fp_cli_get(s->c, "format");
	struct fp_err e = { 0 };
	size_t i = 0;
	int r;

	s->format = s->c->is_json ? FP_JSON : FP_TEXT;
	if (!word)
		return 0;
	while (i < FL_COUNT(names) && strcmp(word, names[i]))
		i++;
	if (i == FL_COUNT(names))
		return fp_cli_usage(
			s->c,
			"--format: \"%s\" is not text, json or prometheus",
			word);
	s->format = (enum fp_format)i;
	if (i == FP_PROMETHEUS)
		s->type = &prom_type;
	fp_out_close(s->c->out, &e);
	s->c->out = NULL;
	r = fp_out_open(&s->c->out, stdout, (enum fp_format)i, s->c->fields);
	return r ? fp_cli_fail(s->c, r, &e) : 0;
}

int fl_stats(struct fp_cli *c)
{
	struct stats s = { .c = c, .type = &type };
	struct fp_err e = { 0 };
	int r;

	if (c->argc)
		return fp_cli_usage(c, "stats takes no \"%s\"", c->argv[0]);
	s.is_reset = fp_cli_get(c, "reset");
	s.output = fp_cli_get(c, "output");
	r = fl_duration(c, "every", &s.every_ms);
	if (!r && s.is_reset && s.every_ms)
		r = fp_cli_usage(c, "--reset and --every do not go together");
	if (!r && s.output && !*s.output)
		r = fp_cli_usage(c, "--output: no file is named");
	if (!r)
		r = set_format(&s);
	if (r)
		return r;
	r = fp_out_check(c->out, s.type, &e);
	if (!r)
		r = open_maps(&s, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	r = run(&s);
	fp_maps_close(s.maps);
	return r;
}
