/* SPDX-License-Identifier: Apache-2.0 */
/* From readings to states, with a clock that is turned by hand; state lines;
 * several observers. */
#include <stdint.h>
#include <stdlib.h>

#include "logic/health_state.h"
#include "test/unit/unit.h"

/* A row of readings: O W C U M; r before one: refusing ("rO").  States come out
 * in the same letters. */
struct bench {
	struct fp_judged j;
	struct fp_judge_opts o;
	int64_t now_ms, step_ms;
	struct fp_judged_change last;
	unsigned int n_changed;
};

static struct bench bench(unsigned int rise, unsigned int fall)
{
	return (struct bench){ .o = { rise, fall, 0, 0 },
			       .now_ms = 1000000,
			       .step_ms = 1000 };
}

static enum fp_health state_of(char c)
{
	switch (c) {
	case 'O':
		return FP_OK;
	case 'W':
		return FP_WARNING;
	case 'C':
		return FP_CRITICAL;
	case 'M':
		return FP_MAINT;
	default:
		return FP_UNKNOWN;
	}
}

static void feed(struct bench *b, char c, bool is_refusing, const char *run)
{
	struct fp_reading r;

	fp_reading_init(&r);
	r.state = state_of(c);
	r.is_refusing = is_refusing;
	snprintf(r.run, sizeof(r.run), "%s", run);
	fp_judge_feed(&b->j, &b->o, &r, b->now_ms, &b->last);
	b->n_changed += b->last.is_changed;
	b->now_ms += b->step_ms;
}

static const char *run(struct bench *b, const char *readings)
{
	static char out[512];
	size_t n = 0;

	for (; *readings; readings++) {
		bool is_refusing = *readings == 'r';

		if (is_refusing)
			readings++;
		feed(b, *readings, is_refusing, "");
		if (b->j.is_refusing)
			out[n++] = 'r';
		out[n++] = "OWCUM"[b->j.state];
	}
	out[n] = 0;
	return out;
}

static const struct {
	const char *what;
	unsigned int rise, fall;
	const char *readings, *states;
} rows[] = {
	{ "the first counts at once", 3, 3, "C", "C" },
	{ "... also a good one", 3, 3, "O", "O" },
	{ "at once", 1, 1, "OCOWCO", "OCOWCO" },
	{ "0 is 1", 0, 0, "OCO", "OCO" },
	{ "fall", 2, 3, "OCCOCCCC", "OOOOOOCC" },
	{ "rise", 3, 2, "COOCOOO", "CCCCCCO" },
	{ "the least of a row is what all of it says", 2, 2, "OWCO", "OOWW" },
	{ "... and the rest goes on from there", 2, 2, "OWCC", "OOWC" },
	{ "... upwards too", 2, 2, "COWO", "CCWW" },
	{ "... and on", 2, 2, "COWOO", "CCWWO" },
	{ "a row that turns begins anew", 3, 3, "WCCOOCCC", "WWWWWWWC" },
	{ "UNKNOWN does not fall", 2, 2, "OUOUOU", "OOOOOO" },
	{ "... until there is nothing else", 2, 2, "OUUU", "OOUU" },
	{ "... nor does it clear", 2, 3, "CUUOUCUUU", "CCCCCCCCU" },
	{ "... nor interrupt a row", 2, 2, "OCUC", "OOOC" },
	{ "... upwards too", 2, 2, "COUO", "CCCO" },
	{ "... nor confirm", 2, 2, "OCUO", "OOOO" },
	{ "out of UNKNOWN", 2, 3, "UOO", "UUO" },
	{ "... to the worse side", 2, 3, "UCCC", "UUUC" },
	{ "the first may be UNKNOWN", 2, 2, "UUOUO", "UUUUO" },
	{ "maintenance is told at once", 3, 3, "CMMOC", "CMMOO" },
	{ "refusing falls", 2, 3, "OrWrWrW", "OOOrW" },
	{ "... and rises", 2, 1, "rWWW", "rWrWW" },
	{ "... for a moment", 2, 2, "WrWWrWW", "WWWWW" },
	{ "... told with the state", 2, 2, "OrWrW", "OOrW" },
	{ "who dies does not take calls again", 1, 3, "rWCCCC", "rWrWrWrCrC" },
	{ "... nor comes back refusing without it", 1, 3, "CrWrW", "CrWrW" },
	{ "... and is back", 2, 2, "rWCCOO", "rWrWrCrCO" },
	{ "UNKNOWN says nothing of refusing", 1, 1, "rWUUW", "rWrUrUW" },
};

TEST(rows_of_readings)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b = bench(rows[i].rise, rows[i].fall);

		if (!STR(run(&b, rows[i].readings), rows[i].states))
			printf("# %s\n", rows[i].what);
	}
}

TEST(changes_are_told_once)
{
	struct bench b = bench(2, 2);

	feed(&b, 'O', false, "");
	OK(b.last.is_changed);
	EQ(b.last.from, FP_UNKNOWN);
	EQ(b.last.to, FP_OK);
	EQ(b.j.since_ms, 1000000);
	run(&b, "OOCO");
	EQ(b.n_changed, 1);
	feed(&b, 'C', false, "");
	OK(!b.last.is_changed);
	feed(&b, 'C', false, "");
	OK(b.last.is_changed);
	EQ(b.last.from, FP_OK);
	EQ(b.last.to, FP_CRITICAL);
	EQ(b.j.since_ms, 1006000);
	run(&b, "CCCUCC");
	EQ(b.n_changed, 2);
	EQ(b.j.since_ms, 1006000);
	/* whether it takes calls is a change, and no new state */
	b = bench(1, 2);
	run(&b, "WWrW");
	EQ(b.n_changed, 1);
	run(&b, "rW");
	EQ(b.n_changed, 2);
	EQ(b.last.from, b.last.to);
	EQ(b.j.since_ms, 1000000);
}

TEST(a_restart_is_told_at_once)
{
	struct bench b = bench(2, 2);

	feed(&b, 'O', false, "a3fa");
	OK(!b.last.is_restarted);
	feed(&b, 'O', false, "");
	feed(&b, 'O', false, "a3fa");
	OK(!b.last.is_restarted);
	feed(&b, 'O', false, "b659");
	OK(b.last.is_restarted);
	OK(!b.last.is_changed);
	STR(b.j.run, "b659");
	STR(b.j.run_before, "a3fa");
	feed(&b, 'C', false, "");
	feed(&b, 'O', false, "b659");
	OK(!b.last.is_restarted);
}

/* ---- flapping */

static struct bench flapping(void)
{
	struct bench b = bench(2, 2);

	b.o.flap_max = 6;
	b.o.flap_window_ms = 60000;
	return b;
}

TEST(flapping_stays_at_the_worst)
{
	struct bench b = flapping();

	/* never two in a row: rise and fall alone would say OK for ever */
	STR(run(&b, "OCOCOCO"), "OOOOOOO");
	OK(!b.j.is_flapping);
	STR(run(&b, "C"), "C");
	OK(b.j.is_flapping);
	STR(run(&b, "OOOOOOOOOOOOOOOOOOOO"), "CCCCCCCCCCCCCCCCCCCC");
	b.now_ms += 60000;
	STR(run(&b, "O"), "O");
	OK(!b.j.is_flapping);
	EQ(b.n_changed, 3);
}

TEST(flapping_is_quiet_for_a_whole_window)
{
	struct bench b = flapping();
	int64_t last_ms;

	run(&b, "OCOCOCOC");
	last_ms = b.now_ms - b.step_ms;
	run(&b, "O");
	last_ms += b.step_ms; /* the last change */
	while (b.now_ms < last_ms + 60000)
		if (!STR(run(&b, "O"), "C"))
			break;
	STR(run(&b, "O"), "O");
}

TEST(flapping_remembers_the_worst_of_its_window)
{
	struct bench b = flapping();

	STR(run(&b, "OCOWOWOWO"), "OOOOOOOCC");
	b = flapping();
	STR(run(&b, "OWOWOWOWOWO"), "OOOOOOOWWWW");
	/* something worse while it flaps counts at once */
	STR(run(&b, "C"), "C");
	/* changes that are long ago do not count */
	b = flapping();
	b.step_ms = 20000;
	STR(run(&b, "OCOCOCOCOCOC"), "OOOOOOOOOOOO");
}

TEST(flapping_of_refusing_and_of_the_observer)
{
	struct bench b = flapping();

	STR(run(&b, "WrWWrWWrWWrW"), "WWWWWWWrW");
	STR(run(&b, "WWWW"), "rWrWrWrW");
	b.now_ms += 60000;
	STR(run(&b, "W"), "W");
	/* what we could not see is no change of theirs */
	b = flapping();
	STR(run(&b, "OUOUOUOUOUOUOUOUOU"), "OOOOOOOOOOOOOOOOOO");
	OK(!b.j.is_flapping);
	EQ(b.j.n_changes, 0);
	b.j.is_known = false;
	run(&b, "UUOO"); /* nor is the first that we saw */
	EQ(b.j.n_changes, 0);
	/* a flapping one that we do not see any more becomes UNKNOWN when it
	 * was quiet */
	run(&b, "OCOCOCOC");
	OK(b.j.is_flapping);
	STR(run(&b, "UUU"), "CCC");
	b.now_ms += 60000;
	STR(run(&b, "U"), "U");
}

TEST(flapping_has_bounds)
{
	struct bench b = flapping();

	b.o.flap_max = 1000; /* counts as 7 */
	b.step_ms = 1;
	STR(run(&b, "OCOCOCOC"), "OOOOOOOO");
	STR(run(&b, "O"), "C");
	for (int i = 0; i < 1000; i++)
		run(&b, "CO");
	EQ(b.j.n_changes, 8);
	STR(run(&b, "O"), "C");
	b = flapping();
	b.o.flap_max = 0;
	STR(run(&b, "OCOCOCOCOCOCOC"), "OOOOOOOOOOOOOO");
}

/* ---- clocks and one-shot runs */

TEST(a_clock_that_jumps_back)
{
	struct bench b = flapping();

	run(&b, "OCC");
	EQ(b.j.since_ms, 1002000);
	b.now_ms -= 3600000;
	run(&b, "C");
	EQ(b.j.since_ms, 1003000 - 3600000);
	OK(b.j.since_ms <= b.j.read_ms);
	/* nothing hangs for an hour */
	run(&b, "OCOCOCOC");
	OK(b.j.is_flapping);
	b.now_ms -= 7200000;
	run(&b, "CC");
	b.now_ms += 60000;
	run(&b, "C");
	OK(!b.j.is_flapping);
	STR(run(&b, "OO"), "CO");
	/* far ends of the clock */
	b.now_ms = INT64_MIN;
	run(&b, "OC");
	b.now_ms = INT64_MAX - 5;
	b.step_ms = 1;
	run(&b, "OCO");
	b.now_ms = INT64_MIN;
	run(&b, "OCO");
}

TEST(one_shot_runs_keep_since)
{
	struct fp_buf line = { 0 };
	struct bench b = bench(1, 1);
	char node[256], check[32];

	b.step_ms = 300000;
	run(&b, "OC");
	for (int i = 0; i < 5; i++) {
		line.len = 0;
		fp_judged_print(&b.j, "sip1", "sip", &line);
		memset(&b.j, 0xaa, sizeof(b.j));
		EQ(fp_judged_parse(&b.j, node, check, line.data, line.len), 0);
		feed(&b, 'C', false, "");
		OK(!b.last.is_changed);
		EQ(b.j.since_ms, 1300000);
	}
	run(&b, "O");
	OK(b.last.is_changed);
	EQ(b.last.from, FP_CRITICAL);
	fp_buf_fini(&line);
}

/* Since when it is silent is known from run to run, whatever the states were. */
TEST(one_shot_runs_keep_silence)
{
	struct fp_judge_opts o = { .rise = 1, .fall = 3 };
	struct fp_judged j = { .is_known = false };
	struct fp_judged_change change;
	struct fp_buf line = { 0 };
	char node[256], check[32];
	struct fp_reading r;

	fp_reading_init(&r);
	fp_judge_feed(&j, &o, &r, 5000, &change);
	EQ(j.silent_ms, 0);
	r.is_silent = true;
	for (int64_t ms = 6000; ms < 9000; ms += 1000) {
		r.state = ms < 7000 ? FP_WARNING : FP_CRITICAL;
		fp_judge_feed(&j, &o, &r, ms, &change);
		line.len = 0;
		fp_judged_print(&j, "sip1", "sip", &line);
		memset(&j, 0xaa, sizeof(j));
		EQ(fp_judged_parse(&j, node, check, line.data, line.len), 0);
		OK(j.is_silent);
		EQ(j.silent_ms, 6000);
	}
	/* a clock that jumps back */
	fp_judge_feed(&j, &o, &r, 4000, &change);
	EQ(j.silent_ms, 2000);
	r.is_silent = false;
	fp_judge_feed(&j, &o, &r, 5000, &change);
	EQ(j.silent_ms, 0);
	fp_buf_fini(&line);
}

/* ---- state lines */

static bool is_same(const struct fp_judged *a, const struct fp_judged *b)
{
	struct fp_buf x = { 0 }, y = { 0 };
	bool is;

	fp_judged_print(a, "n", "c", &x);
	fp_judged_print(b, "n", "c", &y);
	is = x.len == y.len && !memcmp(x.data, y.data, x.len);
	fp_buf_fini(&x);
	fp_buf_fini(&y);
	return is;
}

TEST(lines_read_back)
{
	static const char letters[] = "OWCU";
	struct fp_buf line = { 0 };
	struct bench b = flapping(), c;
	char node[256], check[32], id[16];

	srandom(4);
	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "run-%ld", random() % 50 / 49);
		b.step_ms = random() % 30000;
		feed(&b, letters[random() % 4], random() % 4 == 0, id);
		line.len = 0;
		fp_judged_print(&b.j, "sip1.example.net", "sip-2", &line);
		EQ(memchr(line.data, '\n', line.len) ==
			   line.data + line.len - 1,
		   1);
		c = b;
		EQ(fp_judged_parse(&c.j, node, check, line.data, line.len), 0);
		STR(node, "sip1.example.net");
		STR(check, "sip-2");
		OK(is_same(&b.j, &c.j));
		/* what was kept judges as what was not */
		feed(&b, 'C', false, id);
		feed(&c, 'C', false, id);
		OK(is_same(&b.j, &c.j));
	}
	fp_buf_fini(&line);
}

TEST(lines_of_the_cluster_and_of_nothing)
{
	struct fp_buf line = { 0 };
	struct bench b = bench(1, 1);
	char node[256] = "x", check[32];

	fp_judged_print(&b.j, "sip1", "sip", &line);
	EQ(line.len, 0); /* nothing is known of it */
	feed(&b, 'O', false, "a\tb\nc");
	fp_judged_print(&b.j, "", "tags", &line);
	EQ(fp_judged_parse(&b.j, node, check, line.data, line.len), 0);
	STR(node, "");
	STR(check, "tags");
	STR(b.j.run, "a?b?c");
	fp_buf_fini(&line);
}

#define GOOD                                                                   \
	"sip1\tsip\tOK\t5\t6\t-\t-\t0\t0\t0\tOK\tOK\t0\t0\tOK\t0\t0\t"         \
	"9:CRITICAL:0,5:OK:1"

TEST(lines_that_are_none)
{
	static const char *const bad[] = {
		"",
		"\n",
		"sip1",
		"sip1\tsip\tOK\t5\t6",
		GOOD "\tmore",
		GOOD "\t",
		GOOD ",",
		GOOD ",4",
		GOOD ",4:OK",
		GOOD ",4:OK:2",
		GOOD ",6:OK:1",
		GOOD ",-4:OK:1",
		GOOD ",5:OK:0,5:OK:0,5:OK:0,5:OK:0,5:OK:0,5:OK:0,5:OK:0",
		"sip1\tsip\tok\t5\t6\t-\t-\t0\t0\t0\tOK\tOK\t0\t0\tOK\t0\t0\t-",
		"sip1\tsip\tOK\tx\t6\t-\t-\t0\t0\t0\tOK\tOK\t0\t0\tOK\t0\t0\t-",
		"sip1\tsip\tOK\t5\t9223372036854775808\t-\t-\t0\t0\t0\tOK\tOK\t"
		"0\t0\tOK\t0\t0\t-",
		"sip1\tsip\tOK\t5\t6\t-\t-\t2\t0\t0\tOK\tOK\t0\t0\tOK\t0\t0\t-",
		"sip1\tsip\tOK\t5\t6\t-\t-\t0\t0\t0\tOK\tOK\t0\t4294967296\tOK"
		"\t0\t0\t-",
		"sip1\tsip\tOK\t5\t6\t\t-\t0\t0\t0\tOK\tOK\t0\t0\tOK\t0\t0\t-",
		"sip1\ta-check-whose-name-is-far-too-long\tOK\t5\t6\t-\t-\t0\t0"
		"\t0\tOK\tOK\t0\t0\tOK\t0\t0\t-",
	};
	struct fp_judged j = { .since_ms = 77 };
	char node[256] = "a", check[32] = "b";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t n = strlen(bad[i]);
		char *copy = malloc(n ? n : 1);

		memcpy(copy, bad[i], n); /* no byte more */
		if (!EQ(fp_judged_parse(&j, node, check, copy, n), -EINVAL))
			printf("# %s\n", bad[i]);
		free(copy);
	}
	EQ(j.since_ms, 77);
	STR(node, "a");
	STR(check, "b");
	EQ(fp_judged_parse(&j, node, check, GOOD, strlen(GOOD)), 0);
	EQ(j.n_changes, 2);
	EQ(j.change_worst[0], FP_CRITICAL);
	OK(j.change_refusing[1]);
}

/* ---- observers */

TEST(cut_off)
{
	static const struct fp_node_round silent[] = { { 2, 2 },
						       { 1, 1 },
						       { 0, 0 } };
	static const struct fp_node_round one[] = { { 2, 2 }, { 2, 1 } };

	OK(fp_observer_is_cut_off(silent, 3));
	OK(fp_observer_is_cut_off(silent, 2));
	OK(!fp_observer_is_cut_off(silent, 1)); /* one node may be dead */
	OK(!fp_observer_is_cut_off(silent + 1, 2));
	OK(!fp_observer_is_cut_off(silent + 2, 1));
	OK(!fp_observer_is_cut_off(one, 2));
	OK(!fp_observer_is_cut_off(NULL, 0));
}

static enum fp_health quorum(const char *words, size_t n_observers)
{
	enum fp_health v[16];
	size_t n = strlen(words);

	for (size_t i = 0; i < n; i++)
		v[i] = state_of(words[i]);
	return fp_quorum(v, n, n_observers);
}

TEST(quorums)
{
	static const struct {
		const char *words;
		size_t n;
		char is;
	} v[] = {
		{ "", 0, 'U' },     { "", 3, 'U' },     { "O", 1, 'O' },
		{ "C", 1, 'C' },    { "C", 2, 'U' },    { "C", 3, 'U' },
		{ "CC", 3, 'C' },   { "CCO", 3, 'C' },  { "COO", 3, 'O' },
		{ "CWO", 3, 'W' },  { "WWO", 3, 'W' },  { "WOO", 3, 'O' },
		{ "CO", 2, 'U' },   { "CCOO", 4, 'U' }, { "CCWO", 4, 'U' },
		{ "CCCO", 4, 'C' }, { "OO", 3, 'O' },   { "OO", 4, 'U' },
		{ "CU", 2, 'U' },   { "UUO", 3, 'U' },  { "UUU", 3, 'U' },
		{ "CM", 5, 'M' },   { "CCMC", 4, 'M' }, { "CCC", 1, 'C' },
		{ "CO", 1, 'U' },   { "WU", 3, 'U' },   { "WWU", 3, 'W' },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		if (!EQ(quorum(v[i].words, v[i].n), state_of(v[i].is)))
			printf("# %s of %zu\n", v[i].words, v[i].n);
}

/* Two halves of observers that cannot reach one another never both say
 * CRITICAL, nor one CRITICAL and the other OK. */
TEST(quorums_never_contradict)
{
	static const char letters[] = "OWCU";

	for (size_t n = 1; n <= 6; n++)
		for (int i = 0; i < 4096; i++) {
			char a[8] = "", b[8] = "";
			enum fp_health x, y;

			for (size_t k = 0, at = (size_t)i; k < n; k++) {
				char *to = k < n / 2 ? a : b;

				to[strlen(to)] = letters[at % 4];
				at /= 4;
			}
			x = quorum(a, n);
			y = quorum(b, n);
			if (!OK(x == FP_UNKNOWN || y == FP_UNKNOWN))
				return;
		}
}

TEST(contradictions)
{
	enum fp_dest_state a = FP_DEST_ACTIVE, i = FP_DEST_INACTIVE,
			   p = FP_DEST_PROBING;
	enum fp_dest_state aa[] = { a, a }, ap[] = { a, p }, ai[] = { a, i },
			   ii[] = { i, i };

	/* within the window, and after it */
	EQ(fp_contradicted(aa, 2, false, 1000, 20000), FP_WARNING);
	EQ(fp_contradicted(aa, 2, false, 19999, 20000), FP_WARNING);
	EQ(fp_contradicted(aa, 2, false, 20000, 20000), FP_UNKNOWN);
	/* another check agrees with us */
	EQ(fp_contradicted(aa, 2, true, 1000, 20000), FP_CRITICAL);
	EQ(fp_contradicted(aa, 2, true, 90000, 20000), FP_CRITICAL);
	/* a proxy does */
	EQ(fp_contradicted(ap, 2, false, 1000, 20000), FP_CRITICAL);
	/* what is Inactive is not probed and says nothing */
	EQ(fp_contradicted(ai, 2, false, 90000, 20000), FP_UNKNOWN);
	EQ(fp_contradicted(ii, 2, false, 1000, 20000), FP_CRITICAL);
	EQ(fp_contradicted(NULL, 0, false, 1000, 20000), FP_CRITICAL);
}
