/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of fp-health, with probes that ask nobody. */
#include "unit.h"

#include "health/engine.h"
#include "io/clock.h"

/* ---- a kind that answers after a while, as its host's port says: 0: at once,
 * 1 to 9999: after so many ms, 10000: never, 10001: init fails, 10002: news */

struct fake {
	struct fp_probe *p;
	struct fp_timer timer;
};

static void answer(void *ctx)
{
	struct fake *f = ctx;
	struct fp_reading r;

	fp_reading_init(&r);
	fp_reading_say(&r, FP_OK, "ok");
	fp_probe_done(f->p, &r);
}

static int fake_init(struct fp_probe *p, struct fp_err *e)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (p->to.port == 10001) {
		free(f);
		return fp_err(e, -ENOENT, "no secret file");
	}
	f->p = p;
	f->timer = (struct fp_timer){ .fire = answer, .ctx = f };
	p->data = f;
	return 0;
}

static void fake_fini(struct fp_probe *p)
{
	struct fake *f = p->data;

	fp_loop_timer_disarm(p->env->loop, &f->timer);
	free(f);
}

static void fake_start(struct fp_probe *p)
{
	struct fake *f = p->data;
	struct fp_reading r;

	if (p->to.port == 10002) {
		fp_reading_init(&r);
		fp_reading_say(&r, FP_WARNING, "news");
		fp_probe_news(p, &r);
	}
	if (!p->to.port)
		answer(f);
	else if (p->to.port < 10000 || p->to.port == 10002)
		fp_loop_timer_arm(p->env->loop, &f->timer,
				  fp_clock_ms() + p->to.port % 10000);
}

static void fake_expire(struct fp_probe *p, struct fp_reading *r)
{
	struct fake *f = p->data;

	fp_loop_timer_disarm(p->env->loop, &f->timer);
	fp_reading_say(r, FP_CRITICAL, "no answer");
	r->is_silent = true;
}

static const struct fp_probe_kind fake = {
	.name = "fake",
	.init = fake_init,
	.fini = fake_fini,
	.start = fake_start,
	.expire = fake_expire,
};

/* ---- an engine and what it told */

#define MAX 10000

struct rig {
	struct fp_loop *loop;
	struct fp_probe_env env;
	struct fp_engine *en;
	struct fp_timer end;
	unsigned int n[MAX], news[MAX];
	enum fp_health last[MAX];
	char detail[MAX][32];
	size_t n_readings, n_rounds, most;
	int64_t round_ms;
};

static void on_reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct rig *g = ctx;

	if (is_news)
		g->news[i]++;
	else
		g->n[i]++;
	g->last[i] = r->state;
	snprintf(g->detail[i], sizeof(g->detail[i]), "%s", r->detail);
	g->n_readings++;
}

static void on_round(void *ctx)
{
	struct rig *g = ctx;

	g->n_rounds++;
	g->round_ms = fp_clock_ms();
	fp_loop_stop(g->loop);
}

static void on_end(void *ctx)
{
	struct rig *g = ctx;

	fp_loop_stop(g->loop);
}

static struct rig *rig(int64_t interval_ms, int64_t timeout_ms,
		       unsigned int parallel)
{
	struct rig *g = calloc(1, sizeof(*g));
	const struct fp_engine_opts o = { .env = &g->env,
					  .interval_ms = interval_ms,
					  .timeout_ms = timeout_ms,
					  .parallel = parallel,
					  .reading = on_reading,
					  .round = on_round,
					  .ctx = g };

	fp_loop_open(&g->loop, NULL);
	g->env.loop = g->loop;
	g->end = (struct fp_timer){ .fire = on_end, .ctx = g };
	EQ(fp_engine_open(&g->en, &o, NULL), 0);
	return g;
}

static void add(struct rig *g, uint16_t port)
{
	const struct fp_endpoint to = { .port = port };

	EQ(fp_engine_add(g->en, &fake, NULL, &to, "fake", NULL), 0);
}

static void run_for(struct rig *g, int64_t ms)
{
	fp_loop_timer_arm(g->loop, &g->end, fp_clock_ms() + ms);
	fp_loop_run(g->loop);
}

static void done(struct rig *g)
{
	fp_loop_timer_disarm(g->loop, &g->end);
	fp_engine_close(g->en);
	fp_loop_close(g->loop);
	free(g);
}

/* ---- cases */

TEST(a_round)
{
	struct rig *g = rig(0, 200, 0);
	int64_t start_ms;

	add(g, 0);
	add(g, 30);
	add(g, 10000);
	add(g, 10001);
	add(g, 10002);
	start_ms = fp_clock_ms();
	fp_engine_round(g->en, NULL);
	fp_loop_run(g->loop);
	EQ(g->n_rounds, 1);
	for (size_t i = 0; i < 5; i++)
		EQ(g->n[i], 1);
	EQ(g->last[0], FP_OK);
	EQ(g->last[1], FP_OK);
	EQ(g->last[2], FP_CRITICAL);
	STR(g->detail[2], "no answer");
	EQ(g->last[3], FP_UNKNOWN);
	STR(g->detail[3], "no secret file");
	EQ(g->news[4], 1);
	EQ(g->last[4], FP_OK);
	OK(g->round_ms - start_ms >= 200 && g->round_ms - start_ms < 400);
	done(g);
}

TEST(a_round_of_nobody)
{
	struct rig *g = rig(0, 200, 0);

	fp_engine_round(g->en, NULL);
	fp_loop_run(g->loop);
	EQ(g->n_rounds, 1);
	done(g);
}

static bool want_odd(void *ctx, size_t i)
{
	(void)ctx;
	return i % 2;
}

TEST(a_second_round_of_some)
{
	struct rig *g = rig(0, 200, 0);

	for (int i = 0; i < 10; i++)
		add(g, 0);
	fp_engine_round(g->en, NULL);
	fp_loop_run(g->loop);
	fp_engine_round(g->en, want_odd);
	fp_loop_run(g->loop);
	EQ(g->n_rounds, 2);
	for (size_t i = 0; i < 10; i++)
		EQ(g->n[i], 1 + i % 2);
	done(g);
}

/* All the silent ones cost one deadline, not one each. */
TEST(silent_ones_cost_one_deadline)
{
	struct rig *g = rig(0, 300, 0);
	int64_t start_ms = fp_clock_ms();

	for (int i = 0; i < 3000; i++)
		add(g, i % 50 ? 0 : 10000);
	fp_engine_round(g->en, NULL);
	fp_loop_run(g->loop);
	EQ(g->n_readings, 3000);
	OK(g->round_ms - start_ms < 900);
	done(g);
}

TEST(parallel_is_kept)
{
	struct rig *g = rig(0, 1000, 4);
	int64_t start_ms = fp_clock_ms();

	for (int i = 0; i < 20; i++)
		add(g, 40);
	fp_engine_round(g->en, NULL);
	fp_loop_run(g->loop);
	EQ(g->n_readings, 20);
	/* five times four of them */
	OK(g->round_ms - start_ms >= 200);
	done(g);
}

TEST(ten_thousand_a_second)
{
	struct rig *g = rig(1000, 500, 0);
	struct fp_lateness late;
	size_t n_bad = 0;

	for (int i = 0; i < MAX; i++)
		add(g, (uint16_t)(i % 20));
	fp_engine_start(g->en);
	run_for(g, 3050);
	fp_engine_lateness(g->en, &late);
	printf("# %zu readings; late by %lld ms (median), %lld (p99), %lld (max)\n",
	       g->n_readings, (long long)late.p50_ms, (long long)late.p99_ms,
	       (long long)late.max_ms);
	for (size_t i = 0; i < MAX; i++)
		n_bad += g->n[i] < 3 || g->n[i] > 4;
	EQ(n_bad, 0);
#ifndef __SANITIZE_ADDRESS__
	OK(late.p99_ms <= 20);
#endif
	fp_engine_lateness(g->en, &late);
	EQ(late.n, 0);
	done(g);
}

/* A reading that takes longer than the interval is not begun twice. */
TEST(one_reading_at_a_time)
{
	struct rig *g = rig(50, 1000, 0);

	add(g, 120);
	add(g, 10000);
	fp_engine_start(g->en);
	run_for(g, 640);
	OK(g->n[0] >= 3 && g->n[0] <= 5);
	EQ(g->n[1], 0);
	done(g); /* with readings under way */
}

TEST(deadlines_go_on_in_a_watch)
{
	struct rig *g = rig(100, 50, 0);

	add(g, 10000);
	add(g, 0);
	fp_engine_start(g->en);
	run_for(g, 560);
	OK(g->n[0] >= 4 && g->n[0] <= 6);
	OK(g->n[1] >= 5 && g->n[1] <= 7);
	EQ(g->last[0], FP_CRITICAL);
	done(g);
}
