/* SPDX-License-Identifier: Apache-2.0 */
#include "drops.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "codec/frame.h"
#include "io/clock.h"
#include "packet.h"
#include "peer/maps_samples.h"

/* The coarse clock of samples is behind by a tick: 10 ms at CONFIG_HZ=100. */
#define TICK_NS 10000000u
#define PAUSE_MAX_MS 100
#define PAUSE_MIN_MS 5
#define NAMES 256

struct row {
	bool is_on;
	unsigned int nic_id;
	uint64_t zeroed_ns;
	/* of the look under way */
	uint64_t now_ns; /* zeroed_ns as it is now */
	bool is_new;     /* behind the moment when they were set to zero */
	int n_back;      /* looks in which counters were behind */
};

struct fl_drops {
	struct fp_cli *c;
	char dir[PATH_MAX];
	ino_t ino; /* of the pin of the samples; 0: no filter is loaded */
	struct fp_maps *maps;
	struct fp_samples *samples;
	struct fp_counts *counts;
	struct fp_drops *sums;
	struct row row[FP_NICS];
	uint64_t *count; /* of all rows, n_count each */
	size_t n_count;
	struct fp_sample buf[FP_SAMPLES];
	size_t n_buf;
	char name[NAMES][FP_IFNAME];
	unsigned int n_names;
	int64_t pause_ms, wall_ms;
	uint64_t lost;
	bool is_inexact, is_lost_said;
};

/* ---- names: a NIC's stays when the NIC is gone */

static unsigned int name_id(struct fl_drops *d, const char *name)
{
	unsigned int i = 0;

	while (i < d->n_names && strncmp(d->name[i], name, FP_IFNAME) != 0)
		i++;
	if (i == NAMES)
		return NAMES - 1; /* the last ones share it */
	if (i == d->n_names) {
		memcpy(d->name[i], name, FP_IFNAME - 1);
		d->n_names++;
	}
	return i;
}

/* ---- opening, and again when the tables were taken away and made anew */

static void close_maps(struct fl_drops *d)
{
	fp_samples_close(d->samples);
	fp_counts_close(d->counts);
	fp_maps_close(d->maps);
	d->samples = NULL;
	d->counts = NULL;
	d->maps = NULL;
	d->ino = 0;
	for (int i = 0; i < FP_NICS; i++)
		d->row[i] = (struct row){ 0 };
}

static int make_room(struct fl_drops *d, struct fp_err *e)
{
	if (d->sums)
		return 0;
	d->n_count = fp_counts_n(d->counts);
	d->count = calloc(FP_NICS * d->n_count, sizeof(*d->count));
	d->sums = fp_drops_new(FP_NICS, d->n_count);
	return d->count && d->sums ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static int open_maps(struct fl_drops *d, struct fp_err *e)
{
	int r;

	d->ino = fl_maps_ino(d->c);
	r = fl_maps(d->c, &d->maps, e);
	if (r)
		return r;
	r = fp_counts_open(&d->counts, d->dir, e);
	return r ? r : make_room(d, e);
}

static uint64_t *counts_of(struct fl_drops *d, unsigned int i)
{
	return d->count + i * d->n_count;
}

static const char *conf_name(const struct fl_drops *d, unsigned int i)
{
	return fp_maps_conf(d->maps)->nic[i].name;
}

/* A NIC's account begins: from what is counted now, or from zero when it came
 * while we looked. */
static int begin_row(struct fl_drops *d, unsigned int i, bool is_from_zero,
		     bool is_early, struct fp_err *e)
{
	struct row *row = &d->row[i];
	int r = fp_counts_read(d->counts, i, counts_of(d, i), &row->zeroed_ns,
			       e);

	if (!r)
		r = fp_drops_begin(d->sums, i,
				   is_from_zero ? NULL : counts_of(d, i),
				   is_early);
	row->is_on = !r;
	row->nic_id = name_id(d, conf_name(d, i));
	return r;
}

/* The counters first, then the place in the ring: what is sampled in between is
 * not shown, and counted as that. */
static int begin(struct fl_drops *d, bool is_from_zero, bool is_early,
		 struct fp_err *e)
{
	int r = 0;

	for (unsigned int i = 0; i < FP_NICS && !r; i++)
		if (conf_name(d, i)[0])
			r = begin_row(d, i, is_from_zero, is_early, e);
	return r ? r
		 : fp_samples_open(&d->samples, d->dir,
				   is_from_zero || is_early, e);
}

int fl_drops_open(struct fl_drops **out, struct fp_cli *c, bool is_recent,
		  struct fp_err *e)
{
	struct fl_drops *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return fp_err(e, -ENOMEM, "out of memory");
	d->c = c;
	d->pause_ms = PAUSE_MAX_MS;
	fp_maps_dir(c->pin_dir, d->dir, sizeof(d->dir));
	r = open_maps(d, e);
	if (!r)
		r = begin(d, false, is_recent, e);
	if (r)
		fl_drops_close(d);
	else
		*out = d;
	return r;
}

void fl_drops_close(struct fl_drops *d)
{
	if (!d)
		return;
	close_maps(d);
	fp_drops_free(d->sums);
	free(d->count);
	free(d);
}

/* ---- looking */

static void keep(void *ctx, const struct fp_sample *s)
{
	struct fl_drops *d = ctx;

	if (d->n_buf < FP_SAMPLES)
		d->buf[d->n_buf++] = *s;
}

static void collect(struct fl_drops *d)
{
	uint64_t lost;

	d->n_buf = 0;
	lost = fp_samples_read(d->samples, keep, d);
	if (lost && !d->is_lost_said)
		fp_log(FP_LOG_WARN,
		       "%llu samples were overwritten before they were read; they are counted as lost, and so are more of them",
		       (unsigned long long)lost);
	d->is_lost_said |= lost > 0;
	d->lost += lost;
	if (lost || d->n_buf > FP_SAMPLES / 2)
		d->pause_ms /= 2;
	else if (d->n_buf < FP_SAMPLES / 8)
		d->pause_ms *= 2;
	if (d->pause_ms < PAUSE_MIN_MS)
		d->pause_ms = PAUSE_MIN_MS;
	if (d->pause_ms > PAUSE_MAX_MS)
		d->pause_ms = PAUSE_MAX_MS;
}

static void inexact(struct fl_drops *d, const struct row *row, const char *what)
{
	d->is_inexact = true;
	fp_log(FP_LOG_WARN,
	       "%s: %s: what it dropped in the moment before is in no sum",
	       d->name[row->nic_id], what);
}

/* The counters were set to zero: their account begins anew. */
static void row_zeroed(struct fl_drops *d, unsigned int i)
{
	struct row *row = &d->row[i];

	fp_drops_begin(d->sums, i, NULL, false);
	row->is_new = true;
	row->n_back = 0;
}

/* Is it of the account as it is now?  Of those within a tick of the moment when
 * counters were set to zero nobody can tell. */
static bool is_in_account(struct fl_drops *d, unsigned int i, uint64_t at_ns)
{
	const struct row *row = &d->row[i];

	if (row->now_ns == row->zeroed_ns)
		return at_ns >= row->zeroed_ns;
	if (at_ns >= row->now_ns) {
		if (!row->is_new)
			row_zeroed(d, i);
		return true;
	}
	return at_ns + TICK_NS < row->now_ns && at_ns >= row->zeroed_ns;
}

static void share_out(struct fl_drops *d, fl_drops_each *each, void *ctx)
{
	for (size_t k = 0; k < d->n_buf; k++) {
		const struct fp_sample *s = &d->buf[k];
		unsigned int i = s->nic % FP_NICS;
		struct fl_drop drop = { .sample = s };

		if (!d->row[i].is_on || s->reason >= FP_R_N ||
		    !is_in_account(d, i, s->time_ns))
			continue;
		if (!fp_drops_sample(d->sums, i,
				     fp_counts_at(d->counts, s->reason, s->cpu),
				     s->count, &drop.weight))
			continue;
		drop.nic_id = d->row[i].nic_id;
		drop.nic = d->name[drop.nic_id];
		drop.unix_s =
			((int64_t)(s->time_ns / 1000000) + d->wall_ms) / 1000;
		each(ctx, &drop);
	}
}

/* The NIC has another name, or none: it was detached. */
static bool is_other(const struct fl_drops *d, unsigned int i)
{
	return strncmp(conf_name(d, i), d->name[d->row[i].nic_id], FP_IFNAME);
}

static void settle_row(struct fl_drops *d, unsigned int i)
{
	struct row *row = &d->row[i];
	bool is_zeroed = row->now_ns != row->zeroed_ns,
	     is_gone = is_other(d, i);

	if (is_zeroed && !row->is_new)
		row_zeroed(d, i);
	if (is_zeroed)
		inexact(d, row,
			is_gone ? "detached" : "counters were set to zero");
	row->zeroed_ns = row->now_ns;
	row->is_new = false;
	if (fp_drops_counters(d->sums, i, counts_of(d, i))) {
		row->n_back = 0;
	} else if (++row->n_back > 1) { /* and nobody wrote down when */
		inexact(d, row, "counters went back");
		row_zeroed(d, i);
		row->is_new = false;
		fp_drops_counters(d->sums, i, counts_of(d, i));
	}
	row->is_on = !is_gone;
}

/* NICs that came since. */
static int find_new(struct fl_drops *d, struct fp_err *e)
{
	int r = 0;

	for (unsigned int i = 0; i < FP_NICS && !r; i++)
		if (!d->row[i].is_on && conf_name(d, i)[0])
			r = begin_row(d, i, true, false, e);
	return r;
}

static int look(struct fl_drops *d, fl_drops_each *each, void *ctx,
		struct fp_err *e)
{
	int r = 0;

	/* before the samples, so that theirs are among them */
	r = find_new(d, e);
	collect(d);
	for (unsigned int i = 0; i < FP_NICS && !r; i++)
		if (d->row[i].is_on)
			r = fp_counts_read(d->counts, i, counts_of(d, i),
					   &d->row[i].now_ns, e);
	if (r)
		return r;
	share_out(d, each, ctx);
	for (unsigned int i = 0; i < FP_NICS; i++)
		if (d->row[i].is_on)
			settle_row(d, i);
	return 0;
}

/* The tables were taken away with the last NIC, or put elsewhere by an upgrade. */
static void tables_gone(struct fl_drops *d)
{
	for (unsigned int i = 0; i < FP_NICS; i++)
		if (d->row[i].is_on)
			d->is_inexact = true;
	fp_log(FP_LOG_WARN, FL_MAPS_GONE);
	close_maps(d);
}

static int look_for_tables(struct fl_drops *d, struct fp_err *e)
{
	int r;

	if (!fl_maps_ino(d->c) && !fp_maps_layout(d->c->pin_dir))
		return 0;
	r = open_maps(d, e);
	if (!r)
		r = begin(d, true, false, e);
	if (!r)
		fp_log(FP_LOG_NOTICE, FL_MAPS_BACK);
	else
		close_maps(d);
	return r == -ENOENT ? 0 : r;
}

int fl_drops_look(struct fl_drops *d, fl_drops_each *each, void *ctx,
		  struct fp_err *e)
{
	bool is_gone;
	int r;

	d->wall_ms = fp_clock_unix_ms() - fp_clock_ms();
	if (!d->ino) {
		r = look_for_tables(d, e);
		if (r || !d->ino)
			return r;
	}
	is_gone = fl_maps_ino(d->c) != d->ino;
	r = look(d, each, ctx, e);
	if (!r && is_gone)
		tables_gone(d);
	return r;
}

int64_t fl_drops_pause_ms(const struct fl_drops *d)
{
	return d->pause_ms;
}

struct fl_drops_sums fl_drops_sums(const struct fl_drops *d)
{
	return (struct fl_drops_sums){ fp_drops_sums(d->sums), d->lost,
				       !d->is_inexact };
}

/* ---- what was dropped */

/* The frame's head begins behind the Ethernet header: with IP, or with the rest
 * of up to two VLAN tags.  The source says which. */
void fl_drop_line(const struct fp_sample *s, struct fp_frame *f,
		  char line[FL_LINE_SIZE])
{
	const struct fp_prefix src = { s->hi, s->lo, 128 };

	line[0] = 0;
	for (size_t at = 0; at <= 8 && at <= s->head_len; at += 4) {
		if (fp_frame_parse_ip(f, s->head + at, s->head_len - at) ||
		    fp_prefix_cmp(&f->src, &src))
			continue;
		if (f->payload)
			fl_first_line(line, f->payload, f->payload_len);
		return;
	}
	memset(f, 0, sizeof(*f));
}
