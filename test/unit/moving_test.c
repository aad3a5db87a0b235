/* SPDX-License-Identifier: Apache-2.0 */
/* The mover against a target that does what a case wants: replies that are lost,
 * late, twice, cut, errors; what dies in the middle; a journal that fails. */
#include "moving_fake.h"

static struct fp_moving_call call[CALLS];
static struct fp_moving_sum sum;
static struct fp_err err;

static int check(void *ctx, struct fp_err *e)
{
	(void)ctx;
	if (++f.n_checks != f.check_at)
		return 0;
	return fp_err(e, f.check_code, "the tag is sip3's now");
}

static void verdict(void *ctx, const struct fp_moving_call *c)
{
	(void)ctx;
	OK(c->verdict > FP_MOVE_ASKED);
	f.n_verdicts += !c->is_verified;
	f.n_verified += c->is_verified;
}

static void progress(void *ctx, size_t done, size_t total, double rate,
		     int64_t left_s)
{
	(void)ctx;
	OK(done <= total && rate >= 0 && left_s >= -1);
	f.n_progress++;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	strncat(f.said, text, sizeof(f.said) - strlen(f.said) - 2);
	strcat(f.said, "\n");
}

static struct fp_moving_opts opts(void)
{
	fake_open();
	return (struct fp_moving_opts){ .edges = &f.edges,
					.to = &f.edges.v[0],
					.mover = { .window = 8, .retries = 3 },
					.call_timeout_ms = 500,
					.check = check,
					.verdict = verdict,
					.progress = progress,
					.say = say };
}

/* n more calls that do so. */
static void calls(const char *word, size_t n)
{
	for (size_t k = 0; k < n; k++, f.n_calls++) {
		struct fake_call *c = &f.call[f.n_calls];

		snprintf(c->callid, sizeof(c->callid), "%s.%zu", word,
			 f.n_calls);
		call[f.n_calls] = (struct fp_moving_call){
			.callid = c->callid,
			.tag = "sip1.0",
			.body = FP_BODY_OUTBOUND,
		};
	}
}

static int run(const struct fp_moving_opts *o)
{
	int r;

	f.n_verdicts = 0;
	r = fp_moving_run(o, call, f.n_calls, &sum, &err);
	for (size_t i = 0; i < f.n_calls; i++)
		OK(call[i].verdict > FP_MOVE_ASKED);
	return r;
}

static void is(size_t i, enum fp_move_verdict v, unsigned int tries)
{
	if (!EQ(call[i].verdict, v) || !EQ(call[i].tries, tries))
		printf("# %s: %s\n", call[i].callid, call[i].reason);
	/* the journal has it */
	if (v != FP_MOVE_SKIPPED)
		STR(f.call[i].state, fp_move_verdict_name(v));
}

TEST(all_are_moved)
{
	struct fp_moving_opts o = opts();

	calls("200", 2000);
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 2000);
	EQ(f.n_asked, 2000);
	EQ(f.n_verdicts, 2000);
	OK(f.under_max <= 8);
	OK(f.n_progress > 0);
	is(7, FP_MOVE_MOVED, 1);
	EQ(call[7].code, 200);
	STR(call[7].reason, "OK");
	EQ(sum.cost_bytes, 31 * 1024);
	EQ(sum.shm_min_free, 240 * MB);
	HAS(f.said, "sip2: shared memory: 240 of 256 MB are free");
	fake_close();
}

TEST(what_endpoints_say)
{
	static const struct {
		const char *word;
		enum fp_move_verdict v;
		unsigned int tries;
		int code;
		const char *reason;
	} table[] = {
		{ "200", FP_MOVE_MOVED, 1, 200, "OK" },
		{ "481", FP_MOVE_GONE, 1, 481, "No" },
		{ "none", FP_MOVE_GONE, 1, 404, "Dialog Not Found" },
		{ "488", FP_MOVE_REFUSED, 1, 488, "No" },
		{ "nosdp", FP_MOVE_REFUSED, 1, 400, "OK, without SDP" },
		{ "silent", FP_MOVE_SILENT, 1, 408, "Request Timeout" },
		{ "491+200", FP_MOVE_MOVED, 2, 200, "OK" },
		{ "491", FP_MOVE_FAILED, 4, 491, "No" },
		{ "503+200", FP_MOVE_MOVED, 2, 200, "OK" },
		{ "503+491+200", FP_MOVE_MOVED, 3, 200, "OK" },
		{ "500", FP_MOVE_FAILED, 2, 500, "No" },
		{ "err500+200", FP_MOVE_MOVED, 2, 200, "OK" },
	};
	struct fp_moving_opts o = opts();

	fake_hurry();
	o.mover.window = 2; /* retries take no slot */
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		calls(table[i].word, 1);
	EQ(run(&o), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		is(i, table[i].v, table[i].tries);
		EQ(call[i].code, table[i].code);
		STR(call[i].reason, table[i].reason);
	}
	OK(f.n_checks >= 1);
	fake_close();
}

TEST(replies_that_go_wrong)
{
	struct fp_moving_opts o = opts();

	calls("lost+200", 1);
	calls("lost", 1);
	calls("late+200", 1);
	calls("cut+200", 1);
	calls("odd", 1);
	calls("twice", 4);
	calls("200", 20);
	EQ(run(&o), 0);
	is(0, FP_MOVE_MOVED, 2);
	is(1, FP_MOVE_UNKNOWN, 2);
	EQ(call[1].code, -ETIMEDOUT);
	is(2, FP_MOVE_MOVED, 2);
	is(3, FP_MOVE_MOVED, 2);
	is(4, FP_MOVE_UNKNOWN, 2);
	EQ(call[4].code, -EBADMSG);
	for (size_t i = 5; i < f.n_calls; i++)
		is(i, FP_MOVE_MOVED, 1);
	fake_close();
}

/* The last of what was asked is UNKNOWN, what was not is SKIPPED. */
static void has_ended_early(size_t asked_max)
{
	OK(sum.count[FP_MOVE_MOVED] > 0 && sum.count[FP_MOVE_SKIPPED] > 0);
	OK(sum.count[FP_MOVE_UNKNOWN] <= 8);
	OK(f.n_asked <= asked_max);
	EQ(f.n_verdicts, f.n_calls);
}

TEST(the_target_dies)
{
	struct fp_moving_opts o = opts();
	int64_t start_ms = fp_clock_ms();

	f.die_at = 100;
	f.took_ms = 5;
	calls("200", 500);
	EQ(run(&o), -EHOSTUNREACH);
	HAS(err.text, "sip2 went silent");
	has_ended_early(100);
	OK(sum.count[FP_MOVE_UNKNOWN] > 0);
	OK(fp_clock_ms() - start_ms < 4000);
	fake_close();
}

TEST(the_target_goes_mute)
{
	struct fp_moving_opts o = opts();

	fake_hurry();
	o.call_timeout_ms = 60000; /* is not waited for */
	f.mute_at = 100;
	f.took_ms = 5;
	calls("200", 500);
	EQ(run(&o), -EHOSTUNREACH);
	HAS(err.text, "8 calls are under way there and not answered");
	has_ended_early(100);
	EQ(sum.count[FP_MOVE_UNKNOWN], 8);
	fake_close();
}

TEST(a_signal)
{
	struct fp_moving_opts o = opts();

	f.stop_at = 100;
	f.took_ms = 50;
	calls("491", 3);
	calls("200", 500);
	EQ(run(&o), -EINTR);
	has_ended_early(108);
	is(0, FP_MOVE_FAILED, 1);
	EQ(sum.count[FP_MOVE_UNKNOWN], 0); /* they were waited for */
	EQ(f.under, 0);
	fake_close();
}

TEST(somebody_else_took_the_tag)
{
	struct fp_moving_opts o = opts();

	o.mover.rate = 50;
	f.check_at = 1;
	f.check_code = -EPERM;
	calls("200", 500);
	EQ(run(&o), -EBUSY);
	STR(err.text, "the tag is sip3's now");
	has_ended_early(120);
	EQ(sum.count[FP_MOVE_UNKNOWN], 0);
	fake_close();
}

/* ---- the journal */

TEST(fp_db_is_away_for_a_while)
{
	struct fp_moving_opts o = opts();

	f.n_fail = 2;
	f.flush_code = -ETIMEDOUT;
	calls("200", 300);
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 300);
	HAS(f.said, "the journal cannot be written");
	HAS(f.said, "the journal is written again");
	fake_close();
}

TEST(the_job_is_somebody_elses)
{
	struct fp_moving_opts o = opts();

	f.n_fail = 100;
	f.flush_code = -EBUSY;
	calls("200", 300);
	EQ(run(&o), -EBUSY);
	EQ(f.n_asked, 0);
	EQ(sum.count[FP_MOVE_SKIPPED], 300);
	fake_close();
}

TEST(the_copy_cannot_be_written)
{
	struct fp_moving_opts o = opts();

	f.add_at = 150;
	f.add_code = -ENOSPC;
	calls("200", 500);
	EQ(run(&o), -ENOSPC);
	has_ended_early(150);
	fake_close();
}

/* Intents are on their way while calls go: a slow fp_db costs little. */
TEST(a_slow_journal)
{
	struct fp_moving_opts o = opts();

	f.flush_ms = 30;
	f.took_ms = 2;
	calls("200", 2000);
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 2000);
	OK(f.n_flushes < 30);
	fake_close();
}

TEST(an_earlier_run)
{
	struct fp_moving_opts o = opts();

	calls("200", 10);
	call[0].was = FP_MOVE_MOVED;
	call[1].was = FP_MOVE_GONE;
	call[2].was = FP_MOVE_ASKED;
	EQ(run(&o), 0);
	EQ(f.n_asked, 8);
	EQ(f.call[0].n_asked, 0);
	EQ(call[0].verdict, FP_MOVE_DONE);
	EQ(call[1].verdict, FP_MOVE_GONE);
	EQ(call[2].verdict, FP_MOVE_MOVED);
	EQ(f.n_verdicts, 8);
	fake_close();
}

TEST(one_call_twice)
{
	struct fp_moving_opts o = opts();

	calls("200", 10);
	call[9].callid = call[2].callid;
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 9);
	EQ(call[9].verdict, FP_MOVE_SKIPPED);
	STR(call[9].reason, "named twice");
	EQ(f.n_verdicts, 10);
	fake_close();
}

/* ---- memory */

static void more_memory(void *ctx)
{
	(void)ctx;
	EQ(f.n_asked, 0);
	f.free = 240 * MB;
}

TEST(memory_at_its_floor)
{
	struct fp_timer later = { .fire = more_memory };
	struct fp_moving_opts o = opts();

	f.free = 64 * MB;
	fp_loop_timer_arm(f.loop, &later, fp_clock_ms() + 1600);
	calls("200", 20);
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 20);
	HAS(f.said, "sip2: waits for shared memory: 64 of 256 MB are free");
	EQ(sum.shm_min_free, 64 * MB);
	fake_close();
}

/* It comes free by nothing: what fits is asked. */
TEST(memory_is_not_gone_below)
{
	struct fp_moving_opts o = opts();

	f.cost = 60 * 1024;
	f.free = 64 * MB + 200 * f.cost;
	f.stop_at = 190;
	f.took_ms = 1;
	calls("200", 1000);
	EQ(run(&o), -EINTR);
	OK(f.free >= 64 * MB);
	fake_close();
}

/* It is read while a large piece is being split. */
TEST(a_sample_that_says_nothing_is_free)
{
	struct fp_moving_opts o = opts();

	o.mover.rate = 100;
	f.odd_every = 2;
	calls("200", 60);
	EQ(run(&o), 0);
	EQ(sum.count[FP_MOVE_MOVED], 60);
	OK(f.n_samples > 4);
	EQ(sum.shm_min_free, 240 * MB);
	OK(!strstr(f.said, "waits") && !strstr(f.said, "shrinks"));
	fake_close();
}

TEST(no_figures_of_memory)
{
	struct fp_moving_opts o = opts();

	f.total = 0;
	calls("200", 10);
	EQ(run(&o), -EBADMSG);
	STR(err.text, "sip2 does not tell its shared memory");
	EQ(f.n_asked, 0);
	fake_close();
}

/* ---- verification */

TEST(verified_by_listing)
{
	struct fp_moving_opts o = opts();

	o.verify = FP_VERIFY_LIST;
	calls("200", 100);
	calls("gone", 3);
	calls("488", 2);
	EQ(run(&o), 0);
	EQ(sum.n_verified, 100);
	EQ(sum.n_lost, 3);
	EQ(f.n_verified, 100);
	OK(call[0].is_verified && !call[100].is_verified);
	fake_close();
}

TEST(verified_by_traffic)
{
	struct fp_moving_opts o = opts();

	o.verify = FP_VERIFY_TRAFFIC;
	calls("200", 50);
	calls("half", 2);
	calls("gone", 3);
	calls("488", 2);
	calls("odd5", 1); /* 503 to OPTIONS: it is there */
	EQ(run(&o), 0);
	EQ(sum.n_verified, 51);
	EQ(sum.n_lost, 3);
	EQ(f.n_verified, 51);
	EQ(sum.count[FP_MOVE_MOVED], 56);
	OK(call[0].is_verified && !call[50].is_verified);
	EQ(f.call[0].n_caller, 1);
	EQ(f.call[0].n_callee, 1);
	EQ(f.call[52].n_callee, 0);
	EQ(f.call[55].n_caller, 0);
	fake_close();
}

TEST(a_signal_before_it_is_verified)
{
	struct fp_moving_opts o = opts();

	o.verify = FP_VERIFY_TRAFFIC;
	o.mover.rate = 40;
	f.stop_at = 20;
	calls("200", 20);
	EQ(run(&o), -EINTR);
	EQ(sum.count[FP_MOVE_MOVED], 20);
	EQ(sum.n_verified, 0);
	fake_close();
}
