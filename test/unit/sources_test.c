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
	const struct fp_sources_row *row;
	size_t n;

	add(s, 1, FP_R_pass_request, 50);
	add(s, 2, FP_R_drop_block, 2);
	add(s, 3, FP_R_seen_stealth, 3);
	add(s, 1, FP_R_seen_stealth, 1);
	row = fp_sources_sorted(s, &n);
	EQ(n, 4);
	EQ(fp_sources_count(s), 3);
	EQ(row[0].observed, 3);
	EQ(row[0].first_s, 1003);
	EQ(row[0].last_s, 1005);
	EQ(row[1].dropped, 2);
	EQ(row[2].src.lo & 0xff, 1);
	EQ(row[2].reason, FP_R_seen_stealth);
	EQ(row[3].packets, 50);
	EQ(fp_sources_others(s)->packets, 0);
	add(s, 2, FP_R_drop_block, 1); /* they were sorted meanwhile */
	row = fp_sources_sorted(s, &n);
	EQ(n, 4);
	EQ(row[1].src.lo & 0xff, 3);
	EQ(row[0].dropped, 3);
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

/* More sources than fit: the heavy ones stay, and the sum is exact. */
TEST(a_flood_of_sources_is_bounded_and_counted)
{
	struct fp_sources *s = fp_sources_new(7);
	const struct fp_sources_row *row, *others;
	uint64_t packets = 0, dropped = 0;
	size_t n;

	for (uint32_t i = 0; i < 100000; i++) {
		add(s, 1000 + i, FP_R_drop_block, 1);
		if (i % 100 == 0)
			add(s, i / 100 % 10, FP_R_drop_block, 3);
	}
	row = fp_sources_sorted(s, &n);
	others = fp_sources_others(s);
	OK(n <= FP_SOURCES_MAX && n >= FP_SOURCES_MAX / 2);
	for (size_t i = 0; i < n; i++) {
		packets += row[i].packets;
		dropped += row[i].dropped;
		if (i < 10)
			OK((row[i].src.lo & 0xffffffff) < 10 &&
			   row[i].packets == 300);
	}
	EQ(packets + others->packets, 103000);
	EQ(dropped + others->dropped, 103000);
	OK(others->first_s >= 2000 && others->last_s < 102000);
	fp_sources_free(s);
}
