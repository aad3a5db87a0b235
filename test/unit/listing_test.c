/* SPDX-License-Identifier: Apache-2.0 */
/* A listing of a server on the same loop, whose dialogs come and go between pages and
 * whose replies are late, doubled, cut, too long or lost, as a case wants. */
#include "listing.h"

/* ---- nothing changes */

TEST(two_passes)
{
	list(100, 0, NULL);
	is_whole();
	/* of 40, 39 and 22; twice */
	EQ(t.n_asked, 6);
	EQ(fp_dialogs_at(t.set, 99)->passes, 2);
	STR(fp_dialogs_at(t.set, 0)->callid, "c0");
	STR(fp_dialogs_at(t.set, 0)->tag, "a");
	EQ(t.done, 200);
	EQ(t.total, 200);
	close_all();
}

TEST(sizes)
{
	static const int sizes[] = { 0, 1, 2, 39, 40, 41, 79, 80 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memset(&t, 0, sizeof(t));
		list(sizes[i], 40, NULL);
		is_whole();
		close_all();
		memset(&t, 0, sizeof(t));
		list(sizes[i], 1, NULL);
		is_whole();
		close_all();
		memset(&t, 0, sizeof(t));
		list(sizes[i], 2, NULL);
		is_whole();
		close_all();
	}
}

/* ---- it changes under way */

/* Those at the start end, so that what a page would have begun with has gone by. */
static enum answer shifts(void)
{
	if (t.n_asked == 3)
		end(0, 7);
	if (t.n_asked == 7)
		end(10, 30);
	return GIVE;
}

TEST(calls_end_under_way)
{
	list(200, 40, shifts);
	is_whole();
	EQ(t.n, 173);
	close_all();
}

/* One ends and one begins before each page: a third of all in the end. */
static enum answer churns(void)
{
	if (t.n_asked % 40 < 30) {
		end(t.n_asked % 5, t.n_asked % 5 + 1);
		add(1);
	}
	return GIVE;
}

TEST(calls_come_and_go)
{
	list(300, 10, churns);
	EQ(t.code, 0);
	/* what was there all the while is not missed */
	for (int i = 0; i < t.n; i++)
		if (t.dialog[i] < 300 && !OK(has(t.dialog[i])))
			printf("# c%d is missing\n", t.dialog[i]);
	close_all();
}

static enum answer grows(void)
{
	if (t.index == 0 && t.n_asked > 1)
		add(1);
	return GIVE;
}

/* A new one in each pass: four passes, and no more. */
TEST(new_ones_in_each_pass)
{
	list(10, 40, grows);
	is_whole();
	EQ(t.n_asked, 4);
	EQ(t.n, 13);
	EQ(fp_dialogs_find(t.set, "c12")->passes, 1);
	close_all();
}

static enum answer empties(void)
{
	if (t.n_asked == 2)
		end(0, t.n);
	return GIVE;
}

TEST(all_end_under_way)
{
	list(100, 40, empties);
	EQ(t.code, 0);
	EQ(fp_dialogs_n(t.set), 0);
	close_all();
}

static enum answer flees(void)
{
	end(0, t.n);
	add(100);
	return GIVE;
}

TEST(it_changes_too_fast)
{
	list(100, 40, flees);
	EQ(t.code, -EAGAIN);
	HAS(t.text, "faster");
	OK(!t.set);
	close_all();
}

static enum answer endless(void)
{
	t.index %= 60;
	return GIVE;
}

TEST(it_does_not_end)
{
	list(100, 40, endless);
	EQ(t.code, -EOVERFLOW);
	HAS(t.text, "does not end");
	close_all();
}

/* ---- pages that are too long */

TEST(too_long_pages_are_halved)
{
	t.max = 7;
	list(100, 40, NULL);
	is_whole();
	close_all();
}

static enum answer one_is_long(void)
{
	bool has_it = t.index <= 3 && t.index + t.counter > 3;

	return has_it && t.counter > 2 ? BIG : GIVE;
}

TEST(one_long_dialog_is_not_paid_for_by_all)
{
	list(1000, 40, one_is_long);
	is_whole();
	/* 2 x 26 pages of 40 at best; 1000 of 2 at worst */
	OK(t.n_asked < 250);
	close_all();
}

static enum answer big(void)
{
	return BIG;
}

TEST(nothing_is_short_enough)
{
	list(100, 40, big);
	EQ(t.code, -EMSGSIZE);
	EQ(t.n_asked, 6);
	HAS(t.text, "too long");
	close_all();
}

/* ---- replies that are not as they should be */

static enum answer odd_ones(void)
{
	switch (t.n_asked) {
	case 2:
		return CUT;
	case 4:
		return LATE;
	case 6:
		return LOSE;
	default:
		return TWICE;
	}
}

TEST(late_doubled_cut_and_lost_replies)
{
	list(100, 40, odd_ones);
	is_whole();
	close_all();
}

static enum answer then_silent(void)
{
	return t.n_asked > 2 ? LOSE : GIVE;
}

TEST(it_goes_silent)
{
	long from_ms = unit_now_ms();

	list(200, 40, then_silent);
	EQ(t.code, -ETIMEDOUT);
	EQ(t.n_asked, 5);
	HAS(t.text, "dlg_list_ctx");
	OK(!t.set);
	/* three tries within the time of one */
	OK(unit_now_ms() - from_ms < 1000);
	close_all();
}

static enum answer no(void)
{
	return NO;
}

TEST(it_says_no)
{
	list(10, 40, no);
	EQ(t.code, -EREMOTEIO);
	STR(t.text, "dlg_list_ctx: 500 Server Internal Error");
	EQ(t.n_asked, 1);
	close_all();
}

static enum answer odd(void)
{
	return ODD;
}

TEST(no_listing_at_all)
{
	list(10, 40, odd);
	EQ(t.code, -EBADMSG);
	HAS(t.text, "\"Dialogs\" is missing");
	close_all();
}

TEST(nobody_there)
{
	open_all(10, NULL);
	fp_loop_fd_del(t.loop, t.fd);
	close(t.fd);
	start(0);
	fp_loop_run(t.loop);
	EQ(t.code, -ECONNREFUSED);
	close_all();
}

/* ---- given up */

static void stop(void *ctx)
{
	(void)ctx;
	fp_loop_stop(t.loop);
}

static enum answer second_is_late(void)
{
	return t.n_asked == 2 ? LATE : GIVE;
}

TEST(dropped_under_way)
{
	struct fp_timer timer = { .fire = stop };
	struct fp_listing *l;

	open_all(100, second_is_late);
	l = start(40);
	fp_loop_timer_arm(t.loop, &timer, fp_clock_ms() + 50);
	fp_loop_run(t.loop);
	fp_listing_drop(l);
	fp_listing_drop(NULL);
	fp_loop_timer_arm(t.loop, &timer, fp_clock_ms() + 200);
	fp_loop_run(t.loop);
	EQ(t.n_done, 0);
	close_all();
}
