/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "logic/rehome_memory.h"
#include "logic/rehome_move.h"
#include "unit.h"

#define MB (1024ull * 1024)
#define KB 1024ull

static const struct fp_mover_opts plain = { .window = 8, .retries = 3 };

static struct fp_mover *mover(const struct fp_mover_opts *o, size_t n)
{
	struct fp_mover *m = fp_mover_new(o, n);

	if (!OK(m))
		exit(1);
	fp_mover_allow(m, n);
	fp_mover_memory(m, 1000, 256 * MB, 244 * MB);
	return m;
}

static struct fp_move_answer sip(int code)
{
	return (struct fp_move_answer){ .sip_code = code };
}
static struct fp_move_answer rpc(int code)
{
	return (struct fp_move_answer){ .rpc_code = code };
}
static struct fp_move_answer none(int code)
{
	return (struct fp_move_answer){ .code = code };
}

/* ---- words and verdicts */

TEST(verdicts_have_names)
{
	enum fp_move_verdict v;

	for (unsigned int i = 0; i < FP_MOVE_VERDICTS; i++) {
		const char *name =
			fp_move_verdict_name((enum fp_move_verdict)i);

		OK(*name && !fp_move_verdict_parse(name, &v) && v == i);
	}
	EQ(fp_move_verdict_parse("", &v), -EINVAL);
	EQ(fp_move_verdict_parse("move", &v), -EINVAL);
	STR(fp_move_verdict_name(FP_MOVE_MOVED), "moved");
}

TEST(what_an_answer_means)
{
	static const struct {
		struct fp_move_answer a;
		enum fp_move_verdict v;
	} table[] = {
		{ { .sip_code = 200 }, FP_MOVE_MOVED },
		{ { .sip_code = 202 }, FP_MOVE_MOVED },
		{ { .sip_code = 481 }, FP_MOVE_GONE },
		{ { .sip_code = 404 }, FP_MOVE_GONE },
		{ { .sip_code = 408 }, FP_MOVE_SILENT },
		{ { .sip_code = 488 }, FP_MOVE_REFUSED },
		{ { .sip_code = 405 }, FP_MOVE_REFUSED },
		{ { .sip_code = 501 }, FP_MOVE_REFUSED },
		{ { .sip_code = 505 }, FP_MOVE_REFUSED },
		{ { .sip_code = 603 }, FP_MOVE_REFUSED },
		{ { .sip_code = 606 }, FP_MOVE_REFUSED },
		{ { .sip_code = 302 }, FP_MOVE_REFUSED },
		{ { .sip_code = 400, .reason = "OK" }, FP_MOVE_REFUSED },
		{ { .sip_code = 491 }, FP_MOVE_FAILED },
		{ { .sip_code = 500 }, FP_MOVE_FAILED },
		{ { .sip_code = 503 }, FP_MOVE_FAILED },
		{ { .rpc_code = 404 }, FP_MOVE_GONE },
		{ { .rpc_code = 408 }, FP_MOVE_SILENT },
		{ { .rpc_code = 500 }, FP_MOVE_FAILED },
		{ { .rpc_code = 406 }, FP_MOVE_FAILED },
		{ { .rpc_code = -32602 }, FP_MOVE_FAILED },
		{ { .code = -ETIMEDOUT }, FP_MOVE_UNKNOWN },
		{ { .code = -ECONNREFUSED }, FP_MOVE_UNKNOWN },
		{ { .code = -EBADMSG }, FP_MOVE_UNKNOWN },
		{ { .code = -E2BIG }, FP_MOVE_FAILED },
		{ { .code = 0 }, FP_MOVE_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!EQ(fp_move_classify(&table[i].a), table[i].v))
			printf("# row %zu\n", i);
}

/* ---- which is next */

TEST(a_window_of_calls)
{
	struct fp_mover *m = mover(&plain, 20);
	struct fp_move_answer ok = sip(200);
	int64_t wake_ms;
	size_t i;

	for (size_t k = 0; k < 8; k++) {
		EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
		EQ(i, k);
	}
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(wake_ms, 0);
	EQ(fp_mover_why(m), FP_MOVER_ANSWERS);
	EQ(fp_mover_count(m, FP_MOVE_ASKED), 8);
	OK(fp_mover_answer(m, 1001, 3, &ok));
	EQ(fp_mover_verdict(m, 3), FP_MOVE_MOVED);
	/* a second answer to the same changes nothing */
	ok = sip(481);
	OK(fp_mover_answer(m, 1001, 3, &ok));
	EQ(fp_mover_verdict(m, 3), FP_MOVE_MOVED);
	EQ(fp_mover_next(m, 1001, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 8);
	EQ(fp_mover_next(m, 1001, &i, &wake_ms), FP_MOVER_WAIT);
	fp_mover_free(m);
}

TEST(nothing_to_do)
{
	struct fp_mover *m = mover(&plain, 0);
	int64_t wake_ms;
	size_t i;

	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_END);
	fp_mover_free(m);
	fp_mover_free(NULL);
}

TEST(an_earlier_run)
{
	static const enum fp_move_verdict was[] = {
		FP_MOVE_WAITING, FP_MOVE_ASKED,   FP_MOVE_MOVED,
		FP_MOVE_GONE,    FP_MOVE_REFUSED, FP_MOVE_SILENT,
		FP_MOVE_FAILED,  FP_MOVE_UNKNOWN, FP_MOVE_SKIPPED,
		FP_MOVE_DONE,
	};
	static const size_t asked[] = { 0, 1, 7, 8 };
	struct fp_mover *m = mover(&plain, 10);
	struct fp_move_answer ok = sip(200);
	int64_t wake_ms;
	size_t i;

	for (size_t k = 0; k < 10; k++)
		fp_mover_was(m, k, was[k]);
	for (size_t k = 0; k < 4; k++) {
		EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
		EQ(i, asked[k]);
		fp_mover_answer(m, 1000, i, &ok);
	}
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_END);
	EQ(fp_mover_verdict(m, 2), FP_MOVE_DONE);
	EQ(fp_mover_verdict(m, 5), FP_MOVE_SILENT);
	EQ(fp_mover_count(m, FP_MOVE_MOVED), 4);
	EQ(fp_mover_count(m, FP_MOVE_DONE), 2);
	fp_mover_free(m);
}

TEST(intents_come_first)
{
	struct fp_mover *m = fp_mover_new(&plain, 4);
	int64_t wake_ms;
	size_t i;

	fp_mover_memory(m, 1000, 256 * MB, 244 * MB);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_ALLOW);
	fp_mover_allow(m, 2);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	fp_mover_allow(m, 1); /* never fewer */
	fp_mover_allow(m, 4);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 2);
	fp_mover_free(m);
}

TEST(held_and_stopped)
{
	struct fp_mover *m = mover(&plain, 4);
	struct fp_move_answer busy = sip(491), ok = sip(200);
	int64_t wake_ms;
	size_t i;

	fp_mover_hold(m, true);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_HELD);
	fp_mover_hold(m, false);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	OK(!fp_mover_answer(m, 1000, 0, &busy));
	fp_mover_stop(m);
	EQ(fp_mover_verdict(m, 0), FP_MOVE_FAILED);
	EQ(fp_mover_verdict(m, 2), FP_MOVE_SKIPPED);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	OK(fp_mover_answer(m, 1000, 1, &busy)); /* not again */
	EQ(fp_mover_verdict(m, 1), FP_MOVE_FAILED);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_END);
	OK(fp_mover_answer(m, 1000, 3, &ok)); /* was not asked */
	EQ(fp_mover_verdict(m, 3), FP_MOVE_SKIPPED);
	fp_mover_free(m);
}

TEST(one_that_is_skipped)
{
	struct fp_mover *m = mover(&plain, 2);
	int64_t wake_ms;
	size_t i;

	fp_mover_skip(m, 0);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 1);
	fp_mover_free(m);
}

/* ---- again */

/* Ask the only call again until its verdict; when[] is what lay between. */
static int tries_of(const struct fp_mover_opts *o, struct fp_move_answer a,
		    int64_t when[8], enum fp_move_verdict *v)
{
	struct fp_mover *m = mover(o, 1);
	int64_t wake_ms, now_ms = 1000, last_ms = 1000;
	enum fp_mover_step s;
	int n = 0;
	size_t i;

	while ((s = fp_mover_next(m, now_ms, &i, &wake_ms)) != FP_MOVER_END &&
	       n < 8) {
		if (s == FP_MOVER_WAIT) {
			if (!OK(wake_ms > now_ms))
				break;
			now_ms = wake_ms;
			fp_mover_memory(m, now_ms, 256 * MB, 244 * MB);
			continue;
		}
		when[n++] = now_ms - last_ms;
		last_ms = now_ms;
		fp_mover_answer(m, now_ms, i, &a);
	}
	EQ(fp_mover_tries(m, 0), n);
	*v = fp_mover_verdict(m, 0);
	fp_mover_free(m);
	return n;
}

TEST(glare_is_asked_again)
{
	struct fp_mover_opts o = plain;
	bool is_same = true;
	enum fp_move_verdict v;
	int64_t when[8], first = 0;

	for (o.seed = 0; o.seed < 200; o.seed++) {
		EQ(tries_of(&o, sip(491), when, &v), 4);
		EQ(v, FP_MOVE_FAILED);
		for (int i = 1; i < 4; i++)
			OK(when[i] >= 2100 && when[i] <= 4000);
		first = first ? first : when[1];
		is_same = is_same && when[1] == first;
	}
	OK(!is_same);
	o.retries = 0;
	EQ(tries_of(&o, sip(491), when, &v), 1);
}

TEST(what_else_is_asked_again)
{
	struct fp_mover_opts o = plain;
	enum fp_move_verdict v;
	int64_t when[8];

	EQ(tries_of(&o, sip(503), when, &v), 2);
	EQ(when[1], 2000);
	EQ(v, FP_MOVE_FAILED);
	EQ(tries_of(&o, rpc(500), when, &v), 2);
	EQ(tries_of(&o, rpc(406), when, &v), 1);
	EQ(tries_of(&o, sip(501), when, &v), 1);
	EQ(tries_of(&o, sip(488), when, &v), 1);
	EQ(tries_of(&o, rpc(408), when, &v), 1);
	EQ(v, FP_MOVE_SILENT);
	EQ(tries_of(&o, none(-ETIMEDOUT), when, &v), 2);
	EQ(v, FP_MOVE_UNKNOWN);
	EQ(tries_of(&o, none(-E2BIG), when, &v), 1);
	EQ(v, FP_MOVE_FAILED);
	o.silent_retries = 2;
	EQ(tries_of(&o, rpc(408), when, &v), 3);
	o.retries = 0;
	EQ(tries_of(&o, sip(503), when, &v), 1);
}

TEST(a_retry_takes_no_slot_and_no_turn)
{
	struct fp_mover_opts o = plain;
	struct fp_move_answer busy = sip(491), ok = sip(200),
			      lost = none(-ETIMEDOUT);
	struct fp_mover *m;
	int64_t wake_ms;
	size_t i;

	o.window = 1;
	m = mover(&o, 3);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	fp_mover_answer(m, 1000, 0, &busy);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 1);
	fp_mover_answer(m, 1000, 1, &lost);
	/* lost: at the end; glare: when its time has come, before others */
	fp_mover_memory(m, 5000, 256 * MB, 244 * MB);
	EQ(fp_mover_next(m, 5000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 0);
	fp_mover_answer(m, 5000, 0, &ok);
	EQ(fp_mover_next(m, 5000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 2);
	fp_mover_answer(m, 5000, 2, &ok);
	EQ(fp_mover_next(m, 5000, &i, &wake_ms), FP_MOVER_ASK);
	EQ(i, 1);
	fp_mover_free(m);
}

/* ---- the rate */

TEST(rate_without_bursts)
{
	struct fp_mover_opts o = { .window = 100, .rate = 50 };
	struct fp_mover *m = mover(&o, 1000);
	int64_t wake_ms, now_ms = 1000;
	int n = 0;
	size_t i;

	/* after a pause, too */
	for (int turn = 0; turn < 2; turn++, now_ms += 1500) {
		int64_t end_ms = now_ms + 1000;

		fp_mover_memory(m, now_ms, 256 * MB, 244 * MB);
		for (n = 0; now_ms < end_ms;) {
			if (fp_mover_next(m, now_ms, &i, &wake_ms) ==
			    FP_MOVER_ASK) {
				struct fp_move_answer ok = sip(200);

				n++;
				fp_mover_answer(m, now_ms, i, &ok);
				continue;
			}
			EQ(fp_mover_why(m), FP_MOVER_TIME);
			if (!OK(wake_ms > now_ms))
				return;
			now_ms = wake_ms;
		}
		OK(n >= 50 && n <= 51);
	}
	fp_mover_free(m);
}

/* ---- memory */

TEST(without_a_sample_nothing_begins)
{
	struct fp_mover *m = fp_mover_new(&plain, 4);
	int64_t wake_ms;
	size_t i;

	fp_mover_allow(m, 4);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_SAMPLE);
	OK(fp_mover_wants_sample(m, 1000));
	fp_mover_sampling(m, 1000);
	OK(!fp_mover_wants_sample(m, 1100));
	fp_mover_memory(m, 1100, 256 * MB, 244 * MB);
	EQ(fp_mover_next(m, 3100, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 3101, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_SAMPLE);
	fp_mover_free(m);
}

TEST(the_floor)
{
	/* room for 10 calls, half of it until the next sample */
	uint64_t free = 16 * MB + 10 * 31 * KB;
	struct fp_mover *m = fp_mover_new(&plain, 40);
	int64_t wake_ms;
	size_t i;

	fp_mover_allow(m, 40);
	fp_mover_memory(m, 1000, 64 * MB, 16 * MB);
	EQ(fp_mover_next(m, 1000, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_MEMORY);
	EQ((int)fp_mover_memory_rate(m, 5000), 0);
	fp_mover_memory(m, 1200, 64 * MB, free);
	EQ((int)(fp_mover_memory_rate(m, 5000) * 10 + 0.5), 20);
	for (int k = 0; k < 5; k++)
		EQ(fp_mover_next(m, 1200, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 1200, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_MEMORY);
	/* of those that began after it was asked for it knows nothing; of the
	 * ones under way then perhaps not either */
	fp_mover_sampling(m, 1400);
	fp_mover_memory(m, 1401, 64 * MB, free);
	for (int k = 0; k < 3; k++)
		EQ(fp_mover_next(m, 1401, &i, &wake_ms), FP_MOVER_ASK);
	EQ(fp_mover_next(m, 1401, &i, &wake_ms), FP_MOVER_WAIT);
	fp_mover_free(m);
}

TEST(calls_between_a_sample_and_its_answer)
{
	uint64_t free = 16 * MB + 8 * 31 * KB;
	struct fp_mover *m = fp_mover_new(&plain, 40);
	int64_t wake_ms;
	size_t i;

	fp_mover_allow(m, 40);
	fp_mover_memory(m, 1000, 64 * MB, free);
	fp_mover_sampling(m, 1200);
	for (int k = 0; k < 4; k++)
		EQ(fp_mover_next(m, 1200, &i, &wake_ms), FP_MOVER_ASK);
	/* it may be of before them: no more than 4 of its 4 have begun */
	fp_mover_memory(m, 1205, 64 * MB, free);
	EQ(fp_mover_next(m, 1205, &i, &wake_ms), FP_MOVER_WAIT);
	EQ(fp_mover_why(m), FP_MOVER_MEMORY);
	fp_mover_free(m);
}

/* A target whose calls hold memory: n begin a turn of 200 ms. */
static size_t learnt_with(size_t true_cost, double noise_mb,
			  unsigned int a_turn, uint64_t seed)
{
	struct fp_memory m;
	uint64_t held[100] = { 0 };

	fp_memory_init(&m, 0, 0.25);
	for (int t = 0; t < 100; t++) {
		uint64_t used = 20 * MB, n = 0;

		for (int k = t > 25 ? t - 25 : 0; k < t; k++)
			n += held[k];
		used += n * true_cost;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		used += (uint64_t)(noise_mb * (double)MB *
				   ((double)(seed >> 40) / (1 << 24)));
		fp_memory_ask(&m, 1000 + 200 * t, 0);
		fp_memory_sample(&m, 1000 + 200 * t, 512 * MB, 512 * MB - used);
		held[t] = t % 50 < 30 ? a_turn : 0;
		m.begun += held[t];
	}
	return m.cost / 1024;
}

static size_t learnt(size_t true_cost, double noise_mb, unsigned int a_turn)
{
	return learnt_with(true_cost, noise_mb, a_turn, 7);
}

TEST(what_a_call_costs_is_learnt)
{
	EQ(learnt(10 * KB, 0, 20), 31); /* never less than measured */
	EQ(learnt(31 * KB, 0, 20), 31);
	OK(learnt(62 * KB, 0, 20) >= 60 && learnt(62 * KB, 0, 20) <= 64);
	OK(learnt(124 * KB, 2, 20) >= 115 && learnt(124 * KB, 2, 20) <= 135);
	EQ(learnt(1000 * KB, 0, 20), 248); /* at most 8 times */
	/* other traffic, and hardly any of ours */
	for (uint64_t seed = 1; seed <= 20; seed++)
		EQ(learnt_with(31 * KB, 100, 20, seed), 31);
	EQ(learnt(62 * KB, 0, 1), 31);
}

/* ---- all of it, against a target that is made up */

#define CALLS 600
#define HOLD_MS 5000

struct sim {
	uint64_t seed;
	struct fp_mover *m;
	struct fp_mover_opts o;
	size_t n;
	bool is_under[CALLS];
	int64_t answer_ms[CALLS];
	struct fp_move_answer answer[CALLS];
	/* of all tries: when its memory comes free; 0: it is under way */
	int64_t free_ms[CALLS * 10], begun_ms[CALLS * 10];
	size_t try[CALLS], n_tries;
	uint64_t total, base, cost;
	unsigned int under;
};

static uint64_t any(struct sim *s, uint64_t below)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return (s->seed >> 11) % below;
}

static uint64_t free_now(const struct sim *s, int64_t now_ms)
{
	uint64_t used = s->base;

	for (size_t i = 0; i < s->n_tries; i++)
		if (!s->free_ms[i] || s->free_ms[i] > now_ms)
			used += s->cost;
	return used > s->total ? 0 : s->total - used;
}

static struct fp_move_answer some_answer(struct sim *s)
{
	static const int codes[] = { 200, 200, 200, 200, 200, 200, 200,
				     491, 481, 488, 503, 400, 500, 603 };

	switch (any(s, 20)) {
	case 0:
		return rpc(408);
	case 1:
		return none(-ETIMEDOUT);
	case 2:
		return rpc(404);
	default:
		return sip(codes[any(s, sizeof(codes) / sizeof(*codes))]);
	}
}

static void sim_ask(struct sim *s, size_t i, int64_t now_ms)
{
	int64_t took_ms = 1 + (int64_t)any(s, 40);

	OK(i < s->n && !s->is_under[i]);
	OK(++s->under <= s->o.window);
	s->is_under[i] = true;
	s->answer[i] = some_answer(s);
	if (s->answer[i].rpc_code == 408 || s->answer[i].code)
		took_ms = 5000;
	s->answer_ms[i] = now_ms + took_ms;
	s->try[i] = s->n_tries;
	s->begun_ms[s->n_tries] = now_ms;
	s->free_ms[s->n_tries++] = 0;
	OK(free_now(s, now_ms) >= s->total / 4);
}

static void sim_answers(struct sim *s, int64_t now_ms)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->is_under[i] || s->answer_ms[i] > now_ms)
			continue;
		s->is_under[i] = false;
		s->under--;
		s->free_ms[s->try[i]] = now_ms + HOLD_MS;
		fp_mover_answer(s->m, now_ms, i, &s->answer[i]);
	}
}

static void check_rate(const struct sim *s)
{
	double max = s->o.rate * 1.01 + 1;

	for (size_t i = 0, first = 0; i < s->n_tries; i++) {
		while (s->begun_ms[i] - s->begun_ms[first] >= 1000)
			first++;
		if (!OK((double)(i - first + 1) <= max))
			return;
	}
}

static void check_end(const struct sim *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		enum fp_move_verdict v = fp_mover_verdict(s->m, i);

		OK(v != FP_MOVE_WAITING && v != FP_MOVE_ASKED);
		OK(fp_mover_tries(s->m, i) <= 9);
	}
	for (int v = 0; v < FP_MOVE_VERDICTS; v++)
		n += fp_mover_count(s->m, (enum fp_move_verdict)v);
	EQ(n, s->n);
	EQ(s->under, 0);
	if (s->o.rate > 0)
		check_rate(s);
}

static void simulate(uint64_t seed)
{
	static struct sim s;
	int64_t now_ms = 1000, asked_ms = 0, told_ms = 0, wake_ms;
	uint64_t told = 0;
	size_t i;

	memset(&s, 0, sizeof(s));
	s.seed = seed * 0x9e3779b97f4a7c15u + 1;
	s.o = (struct fp_mover_opts){ .window = 1 + (unsigned int)any(&s, 64),
				      .rate = any(&s, 2) ? 1 + any(&s, 700) : 0,
				      .retries = (unsigned int)any(&s, 4),
				      .silent_retries = any(&s, 2) != 0,
				      .seed = seed };
	s.n = 1 + any(&s, CALLS);
	s.total = 32 * MB;
	s.base = 4 * MB + any(&s, 18 * MB);
	s.cost = 20 * KB + any(&s, 42 * KB);
	s.m = fp_mover_new(&s.o, s.n);
	fp_mover_allow(s.m, s.n);
	for (;; now_ms++) {
		enum fp_mover_step step;

		sim_answers(&s, now_ms);
		if (told_ms && now_ms >= told_ms) {
			fp_mover_memory(s.m, now_ms, s.total, told);
			told_ms = 0;
		}
		while ((step = fp_mover_next(s.m, now_ms, &i, &wake_ms)) ==
		       FP_MOVER_ASK)
			sim_ask(&s, i, now_ms);
		if (step == FP_MOVER_END)
			break;
		if (!told_ms && (now_ms - asked_ms >= 200 ||
				 fp_mover_wants_sample(s.m, now_ms))) {
			fp_mover_sampling(s.m, now_ms);
			asked_ms = now_ms;
			told = free_now(&s, now_ms);
			told_ms = now_ms + 1 + (int64_t)any(&s, 5);
		}
		if (!OK(now_ms < 4000000))
			break;
	}
	check_end(&s);
	fp_mover_free(s.m);
	if (unit_failed) {
		printf("# seed %llu\n", (unsigned long long)seed);
		exit(1);
	}
}

TEST(a_made_up_target)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		simulate(seed);
}
