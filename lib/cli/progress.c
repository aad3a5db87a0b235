/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/progress.h"
#include "io/clock.h"

#define BAR_STEP_MS 100
#define LINE_STEP_MS 10000
#define BAR_WIDTH 30

void fp_progress_start(struct fp_progress *p, const char *what,
		       const char *unit, uint64_t total, bool is_quiet)
{
	*p = (struct fp_progress){
		.what = what, .unit = unit, .total = total, .is_quiet = is_quiet
	};
	p->is_bar = isatty(STDERR_FILENO);
	p->start_ms = fp_clock_ms();
	p->next_ms = p->start_ms + (p->is_bar ? BAR_STEP_MS : LINE_STEP_MS);
}

/* ", 48/s, 31 s left", or nothing while nothing is known. */
static void pace(const struct fp_progress *p, uint64_t done, char *out,
		 size_t size)
{
	double took_s = (double)(fp_clock_ms() - p->start_ms) / 1000;
	double rate;

	*out = 0;
	if (!done || took_s < 1 || done > p->total)
		return;
	rate = (double)done / took_s;
	snprintf(out, size, ", %.3g/s, %.0f s left", rate,
		 (double)(p->total - done) / rate);
}

static void draw(struct fp_progress *p, uint64_t done)
{
	char bar[BAR_WIDTH + 1];
	char more[64];
	double part = p->total ? (double)done / (double)p->total : 0;
	int filled = (int)((part < 1 ? part : 1) * BAR_WIDTH);

	p->is_drawn = true;
	if (!p->total) {
		dprintf(STDERR_FILENO, "\r%s: %llu %s", p->what,
			(unsigned long long)done, p->unit);
		return;
	}
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = 0;
	pace(p, done, more, sizeof(more));
	dprintf(STDERR_FILENO, "\r%s: [%s] %llu/%llu %s%s\033[K", p->what, bar,
		(unsigned long long)done, (unsigned long long)p->total, p->unit,
		more);
}

static void say(const struct fp_progress *p, uint64_t done)
{
	char more[64];

	pace(p, done, more, sizeof(more));
	if (p->total)
		fp_log(FP_LOG_NOTICE, "%s: %llu of %llu %s%s", p->what,
		       (unsigned long long)done, (unsigned long long)p->total,
		       p->unit, more);
	else
		fp_log(FP_LOG_NOTICE, "%s: %llu %s", p->what,
		       (unsigned long long)done, p->unit);
}

void fp_progress_at(struct fp_progress *p, uint64_t done)
{
	int64_t now_ms;

	if (p->is_quiet)
		return;
	now_ms = fp_clock_ms();
	if (now_ms < p->next_ms)
		return;
	p->next_ms = now_ms + (p->is_bar ? BAR_STEP_MS : LINE_STEP_MS);
	if (p->is_bar)
		draw(p, done);
	else
		say(p, done);
}

/* Take the bar away: what follows on the terminal starts on a clean line. */
void fp_progress_end(struct fp_progress *p)
{
	if (p->is_drawn)
		dprintf(STDERR_FILENO, "\r\033[K");
	p->is_drawn = false;
}
