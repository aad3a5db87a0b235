/* SPDX-License-Identifier: Apache-2.0 */
/* RTP ports that legs get at a node. */
#include "unit.h"

#include "logic/recover_place.h"

#define IP "192.0.2.2"

static struct fp_ports *opened(void)
{
	struct fp_ports *p = NULL;
	struct fp_err e;

	EQ(fp_ports_open(&p, &e), 0);
	return p;
}

static uint16_t given(struct fp_ports *p, const struct fp_ports_opts *o,
		      uint16_t had)
{
	struct fp_fsrow row = { .media_port = had };
	uint16_t media = 0, video = 1, text = 1;
	int rc = fp_ports_give(p, o, IP, &row, &media, &video, &text);

	if (rc != 0)
		return 0;
	EQ(video, 0);
	EQ(text, 0);
	OK(fp_ports_is_used(p, IP, media));
	return media;
}

TEST(a_port_is_in_use_with_rtcps)
{
	struct fp_ports *p = opened();

	EQ(fp_ports_use(p, IP, 20000), 0);
	OK(fp_ports_is_used(p, IP, 20000));
	OK(fp_ports_is_used(p, IP, 20001));
	/* its RTCP would be there */
	OK(fp_ports_is_used(p, IP, 19999));
	OK(!fp_ports_is_used(p, IP, 20002));
	OK(!fp_ports_is_used(p, IP, 19998));
	OK(!fp_ports_is_used(p, "192.0.2.3", 20000));
	EQ(fp_ports_use(p, IP, 65535), 0);
	OK(fp_ports_is_used(p, IP, 65535));
	EQ(fp_ports_use(p, IP, 0), 0);
	OK(!fp_ports_is_used(p, IP, 0));
	fp_ports_close(p);
	fp_ports_close(NULL);
}

TEST(a_free_port_stays)
{
	struct fp_ports_opts o = { .spare_first = 20000,
				   .spare_last = 24000,
				   .own_first = 24384,
				   .own_last = 28383 };
	struct fp_ports *p = opened();

	EQ(given(p, &o, 21884), 21884);
	fp_ports_close(p);
}

TEST(a_port_that_a_live_call_has_is_not_bound_twice)
{
	struct fp_ports_opts o = { .spare_first = 20001,
				   .spare_last = 24000,
				   .own_first = 24384,
				   .own_last = 28383 };
	struct fp_ports *p = opened();

	fp_ports_use(p, IP, 21884);
	EQ(given(p, &o, 21884), 20002);
	EQ(given(p, &o, 21884), 20004);
	/* a leg that comes later has lost its own */
	EQ(given(p, &o, 20002), 20006);
	fp_ports_close(p);
}

/* Its own pool is what the target gives to its next call. */
TEST(a_port_of_the_targets_pool_is_left_when_there_is_another)
{
	struct fp_ports_opts o = { .spare_first = 20000,
				   .spare_last = 30000,
				   .own_first = 20100,
				   .own_last = 40000 };
	struct fp_ports *p = opened();

	EQ(given(p, &o, 21884), 20000);
	for (int i = 1; i < 50; i++)
		EQ(given(p, &o, 21884), 20000 + 2 * i);
	/* the spare ones end where its pool begins; free, it is better than none */
	EQ(given(p, &o, 21884), 21884);
	EQ(given(p, &o, 21884), 20100);
	fp_ports_close(p);
}

TEST(the_restarted_node_keeps_its_own)
{
	struct fp_ports_opts o = { .own_first = 20000,
				   .own_last = 24000,
				   .is_self = true };
	struct fp_ports *p = opened();

	EQ(given(p, &o, 21884), 21884);
	EQ(given(p, &o, 21884), 20000); /* it may be given again: not lost */
	o.spare_first = 30000;
	o.spare_last = 30999;
	EQ(given(p, &o, 21884), 30000);
	fp_ports_close(p);
}

TEST(a_recovery_range_is_for_all)
{
	struct fp_ports_opts o = { .recovery_first = 40000,
				   .recovery_last = 40005,
				   .own_first = 20000,
				   .own_last = 24000,
				   .is_self = true };
	struct fp_ports *p = opened();

	fp_ports_use(p, IP, 40002);
	EQ(given(p, &o, 21884), 40000);
	EQ(given(p, &o, 21886), 40004);
	/* it is full: what is free stays, what collides is in the pool */
	EQ(given(p, &o, 21888), 21888);
	EQ(given(p, &o, 21888), 20000);
	fp_ports_close(p);
}

TEST(video_and_text_too_or_none)
{
	struct fp_ports_opts o = { .recovery_first = 40000,
				   .recovery_last = 40005 };
	struct fp_fsrow row = { .media_port = 20000,
				.video_port = 20002,
				.text_port = 20004 };
	struct fp_ports *p = opened();
	uint16_t media = 7, video = 7, text = 7;

	fp_ports_use(p, IP, 40002);
	fp_ports_use(p, IP, 20004);
	EQ(fp_ports_give(p, &o, IP, &row, &media, &video, &text), -ENOSPC);
	EQ(media, 7);
	OK(!fp_ports_is_used(p, IP, 40000));
	OK(!fp_ports_is_used(p, IP, 40004));
	o.recovery_last = 40007;
	EQ(fp_ports_give(p, &o, IP, &row, &media, &video, &text), 0);
	EQ(media, 40000);
	EQ(video, 40004);
	EQ(text, 40006);
	fp_ports_close(p);
}

TEST(the_end_of_the_range_and_of_ports)
{
	struct fp_ports_opts o = { .recovery_first = 65533,
				   .recovery_last = 65535 };
	struct fp_ports *p = opened();

	EQ(given(p, &o, 20000), 65534);
	EQ(given(p, &o, 20000), 20000);
	o.recovery_first = 40000;
	o.recovery_last = 40000; /* no room for RTCP */
	EQ(given(p, &o, 20002), 20002);
	fp_ports_close(p);
}

/* FreeSWITCH's default: all hosts have one range. */
TEST(one_range_of_all_hosts)
{
	struct fp_ports_opts o = { .spare_first = 20000,
				   .spare_last = 20004,
				   .own_first = 20000,
				   .own_last = 20004 };
	struct fp_fsrow row = { .media_port = 20002 };
	struct fp_ports *p = opened();
	uint16_t media, video, text;

	fp_ports_use(p, IP, 20002);
	EQ(fp_ports_give(p, &o, IP, &row, &media, &video, &text), 0);
	EQ(media, 20000);
	EQ(fp_ports_give(p, &o, IP, &row, &media, &video, &text), 0);
	EQ(media, 20004);
	EQ(fp_ports_give(p, &o, IP, &row, &media, &video, &text), -ENOSPC);
	fp_ports_close(p);
}

TEST(addresses_are_bounded)
{
	struct fp_ports *p = opened();
	char ip[80];
	int rc = 0;

	for (int i = 0; i < 300 && rc == 0; i++) {
		snprintf(ip, sizeof(ip), "192.0.%d.%d", i / 200, i % 200);
		rc = fp_ports_use(p, ip, 20000);
	}
	EQ(rc, -ENOSPC);
	memset(ip, 'x', sizeof(ip) - 1);
	ip[sizeof(ip) - 1] = '\0';
	OK(fp_ports_use(p, ip, 20000) < 0);
	fp_ports_close(p);
}

TEST(five_thousand_legs)
{
	struct fp_ports_opts o = { .recovery_first = 30000,
				   .recovery_last = 39999,
				   .spare_first = 20000,
				   .spare_last = 24000,
				   .own_first = 24384,
				   .own_last = 28383 };
	struct fp_ports *p = opened();
	long start = unit_now_ms();
	uint16_t last = 0;

	for (int i = 0; i < 5000; i++) {
		uint16_t port = given(p, &o, 21884);

		if (port <= last) {
			EQ(port, last + 2);
			break;
		}
		last = port;
	}
	/* then one stays, and the spare ones come; 2,000 of them fail in vain */
	for (int i = 0; i < 5000; i++)
		given(p, &o, 21884);
	printf("# %ld ms\n", unit_now_ms() - start);
	OK(unit_now_ms() - start < 1000);
	fp_ports_close(p);
}
