/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sources.h"

#include <string.h>

#include "unit.h"

static struct fp_sources_packet from(uint32_t host, enum fp_reason reason)
{
	return (struct fp_sources_packet){
		.src = { 0, 0xffff00000000ull | host, 128 },
		.reason = reason,
		.is_dropped = reason == FP_R_drop_block,
		.is_observed = reason == FP_R_seen_stealth,
		.unix_s = 1000 + host,
	};
}

static void add(struct fp_sources *s, uint32_t host, enum fp_reason reason,
		int times)
{
	struct fp_sources_packet p = from(host, reason);

	while (times--) {
		fp_sources_add(s, &p);
		p.unix_s++;
	}
}

TEST(by_source_and_reason_who_lost_most_first)
{
	struct fp_sources *s = fp_sources_new(1);
	const struct fp_sources_row *const *row;
	size_t n;

	add(s, 1, FP_R_pass_request, 50);
	add(s, 2, FP_R_drop_block, 2);
	add(s, 3, FP_R_seen_stealth, 3);
	add(s, 1, FP_R_seen_stealth, 1);
	row = fp_sources_sorted(s, &n);
	EQ(n, 4);
	EQ(fp_sources_count(s), 3);
	EQ(row[0]->observed, 3);
	EQ(row[0]->first_s, 1003);
	EQ(row[0]->last_s, 1005);
	EQ(row[1]->dropped, 2);
	EQ(row[2]->src.lo & 0xff, 1);
	EQ(row[2]->reason, FP_R_seen_stealth);
	EQ(row[3]->packets, 50);
	EQ(fp_sources_others(s)->packets, 0);
	add(s, 2, FP_R_drop_block, 1); /* they were sorted meanwhile */
	row = fp_sources_sorted(s, &n);
	EQ(n, 4);
	EQ(row[1]->src.lo & 0xff, 3);
	EQ(row[0]->dropped, 3);
	fp_sources_free(s);
}

TEST(nothing_is_nothing)
{
	struct fp_sources *s = fp_sources_new(1);
	size_t n = 7;

	fp_sources_sorted(s, &n);
	EQ(n, 0);
	EQ(fp_sources_count(s), 0);
	EQ(fp_sources_others(s)->packets, 0);
	fp_sources_free(s);
	fp_sources_free(NULL);
}

/* More sources than fit: who sent more than sum / max has a row that is right to
 * within its error, and the sum is exact. */
TEST(a_flood_of_sources_is_bounded_and_counted)
{
	enum { FLOOD = 400000, TIMES = 50 };
	struct fp_sources *s = fp_sources_new(7);
	const struct fp_sources_row *others, *const *row;
	uint64_t packets = 0, dropped = 0, n_heavy = 0;
	size_t n;

	for (uint32_t i = 0; i < FLOOD; i++) {
		add(s, 1000 + i, FP_R_drop_block, 1);
		add(s, 1000 + i, FP_R_pass_request, 1);
		if (i % (FLOOD / TIMES) == 0)
			add(s, i % 7, FP_R_drop_block, 7);
	}
	row = fp_sources_sorted(s, &n);
	others = fp_sources_others(s);
	EQ(n, 2 * FP_SOURCES_MAX);
	for (size_t i = 0; i < n; i++) {
		packets += row[i]->packets;
		dropped += row[i]->dropped;
		OK(row[i]->error <= (FLOOD + 7 * TIMES) / FP_SOURCES_MAX);
		if ((row[i]->src.lo & 0xffffffff) >= 7)
			continue;
		n_heavy += row[i]->packets + row[i]->error;
		OK(i < 7);
	}
	OK(n_heavy >= 7 * TIMES);
	EQ(packets + others->packets, 2 * FLOOD + 7 * TIMES);
	EQ(dropped + others->dropped, FLOOD + 7 * TIMES);
	OK(others->first_s >= 1000 && others->last_s < 1001 + 1000 + FLOOD);
	fp_sources_free(s);
}

static void talk(struct fp_sources *s, uint32_t host, enum fp_reason reason,
		 int64_t unix_s)
{
	struct fp_sources_packet p = from(host, reason);

	p.is_dialog = true;
	p.unix_s = unix_s;
	fp_sources_add(s, &p);
}

/* A customer of whom one packet was lost, among a million who lost more. */
TEST(who_has_calls_stays_and_comes_first)
{
	struct fp_sources *s = fp_sources_new(9);
	const struct fp_sources_row *const *row;
	size_t n;

	add(s, 1, FP_R_seen_stealth, 1); /* then calls */
	talk(s, 1, FP_R_pass_reply, 50);
	talk(s, 2, FP_R_pass_request, 60); /* calls, then */
	for (uint32_t i = 0; i < 2 * FP_SOURCES_MAX; i++)
		add(s, 1000 + i, FP_R_drop_block, 3);
	add(s, 2, FP_R_seen_stealth, 2);
	for (uint32_t i = 0; i < 2 * FP_SOURCES_MAX; i++)
		add(s, 1000000 + i, FP_R_drop_block, 3);
	talk(s, 1, FP_R_pass_reply, 70);
	talk(s, 1, FP_R_pass_reply, 65);
	row = fp_sources_sorted(s, &n);
	EQ(row[0]->src.lo & 0xffffffff, 2);
	EQ(row[0]->packets, 2);
	OK(row[0]->has_dialog && row[0]->dialog_s == 60);
	EQ(row[1]->src.lo & 0xffffffff, 1);
	EQ(row[1]->packets, 1);
	EQ(row[1]->error, 0);
	OK(row[1]->has_dialog && row[1]->dialog_s == 70);
	OK(!row[2]->has_dialog && row[2]->dropped >= 3);
	EQ(row[n - 1]->reason, FP_R_pass_request);
	OK(fp_sources_has(s, &row[0]->src));
	EQ(fp_sources_count(s), FP_SOURCES_MAX);
	fp_sources_free(s);
}
