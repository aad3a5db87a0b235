/* SPDX-License-Identifier: Apache-2.0 */
/* In whose name a BYE goes to FreeSWITCH, by which CSeq, and where to. */
#include "unit.h"

#include "recover/takeover_priv.h"

#define CALLER "\"caller1\" <sip:caller1@192.0.2.50>;tag=c"
#define SWITCH "<sip:2001@192.0.2.21>;tag=s"

static struct fp_fsrow row_of(bool is_inbound, unsigned int traits)
{
	return (struct fp_fsrow){
		.call_id = "1-24@192.0.2.50",
		.full_from = CALLER,
		.full_to = SWITCH,
		.is_inbound = is_inbound,
		.traits = traits,
		.has_cseq = true,
		.cseq = 7,
	};
}

static void check_dialog(bool is_inbound, unsigned int traits, bool is_other,
			 const char *from, const char *to)
{
	const struct fp_fsrow row = row_of(is_inbound, traits);
	struct fp_sip_bye bye;
	struct fp_err e;

	EQ(fp_takeover_dialog(&row, is_other, &bye, &e), 0);
	STR(bye.from, from);
	STR(bye.to, to);
	STR(bye.call_id, "1-24@192.0.2.50");
	OK(!bye.uri);
}

/* facts: inbound and not swapped: sip_full_from is the far end's; inbound and swapped,
 * and outbound: sip_full_to; outbound and swapped: sip_full_from. */
TEST(the_far_end)
{
	check_dialog(true, 0, false, CALLER, SWITCH);
	check_dialog(true, FP_FSROW_IS_SWAPPED, false, SWITCH, CALLER);
	check_dialog(false, 0, false, SWITCH, CALLER);
	check_dialog(false, FP_FSROW_IS_SWAPPED, false, CALLER, SWITCH);
}

TEST(the_other_way_round)
{
	check_dialog(true, 0, true, SWITCH, CALLER);
	check_dialog(false, 0, true, CALLER, SWITCH);
}

TEST(no_dialog)
{
	struct fp_fsrow row = row_of(true, 0);
	struct fp_sip_bye bye;
	struct fp_err e;

	row.call_id = "";
	EQ(fp_takeover_dialog(&row, false, &bye, &e), -ENODATA);
	row = row_of(true, 0);
	row.full_to = "";
	EQ(fp_takeover_dialog(&row, false, &bye, &e), -ENODATA);
}

/* ---- CSeq */

/* Each above the one before, from where the far end is: what is refused must not
 * outrun its own next request. */
TEST(cseq_of_a_first_node)
{
	const struct fp_fsrow row = row_of(true, 0);
	uint32_t last = 0, next;
	unsigned int n = 0;

	EQ(fp_takeover_cseq(&row, 0), 7);
	while ((next = fp_takeover_cseq(&row, n))) {
		OK(next > last && next <= 0x7fffffff);
		last = next;
		n++;
	}
	EQ(n, 6);
	OK(last >= 900000000);
}

/* What such rows have is FreeSWITCH's own. */
TEST(cseq_that_is_not_known)
{
	struct fp_fsrow row = row_of(false, 0);

	EQ(fp_takeover_cseq(&row, 0), 1);
	row = row_of(true, FP_FSROW_IS_SWAPPED);
	row.cseq = 123072435;
	EQ(fp_takeover_cseq(&row, 0), 1);
	row = row_of(true, 0);
	row.has_cseq = false;
	EQ(fp_takeover_cseq(&row, 0), 1);
}

/* RFC 3261 8.1.1.5: below 2^31. */
TEST(cseq_that_is_large)
{
	struct fp_fsrow row = row_of(true, 0);

	row.cseq = 0x7ffffff0;
	EQ(fp_takeover_cseq(&row, 0), 0x7ffffff0);
	EQ(fp_takeover_cseq(&row, 1), 0x7ffffffa);
	EQ(fp_takeover_cseq(&row, 2), 0);
	row.cseq = 0xffffffff;
	EQ(fp_takeover_cseq(&row, 0), 0);
}

/* ---- where to */

static struct fp_fsprofile profiles[] = {
	{ .name = "internal", .sip_ip = "10.0.0.21", .sip_port = 5060 },
	{ .name = "external", .sip_ip = "10.0.0.21", .sip_port = 5080 },
	{ .name = "six", .sip_ip = "2001:db8::21", .sip_port = 5062 },
	{ .name = "nowhere" },
};

static int where(const char *vars, const char *profile,
		 char out[FP_ENDPOINT_STRLEN], struct fp_err *e)
{
	struct fp_switch x = { .name = "fs1" };
	struct fp_inventory *inv;
	const struct fp_host *h;
	struct fp_endpoint at;
	char text[200];
	int r;

	x.conf.profile = profiles;
	x.conf.n_profiles = sizeof(profiles) / sizeof(*profiles);
	snprintf(text, sizeof(text), "fs1 ansible_host=192.0.2.21 %s\n", vars);
	if (!EQ(fp_inventory_parse(&inv, "c.ini", text, strlen(text), e), 0))
		return -EINVAL;
	fp_inventory_hosts(inv, &h);
	x.host = h;
	*out = 0;
	r = fp_takeover_where(&x, profile, &at, e);
	if (!r)
		fp_endpoint_print(&at, out);
	fp_inventory_free(inv);
	return r;
}

/* What the cluster file names is known to be reached; another profile's port would
 * know no such dialog. */
TEST(where_it_listens)
{
	char at[FP_ENDPOINT_STRLEN];
	struct fp_err e;

	EQ(where("fp_sip=udp:192.0.2.21:5060", "internal", at, &e), 0);
	STR(at, "udp:192.0.2.21:5060");
	EQ(where("fp_sip=udp:192.0.2.21", "internal", at, &e), 0);
	STR(at, "udp:192.0.2.21");
	EQ(where("fp_sip=udp:192.0.2.21:5060", "external", at, &e), 0);
	STR(at, "udp:10.0.0.21:5080");
	EQ(where("fp_sip=udp:192.0.2.21:5060,tcp:192.0.2.21:5080", "external",
		 at, &e),
	   0);
	STR(at, "tcp:192.0.2.21:5080");
	EQ(where("", "six", at, &e), 0);
	STR(at, "udp:[2001:db8::21]:5062");
	EQ(where("fp_sip=tls:192.0.2.21:5060", "internal", at, &e), 0);
	STR(at, "udp:10.0.0.21:5060");
}

TEST(nothing_tells_where)
{
	char at[FP_ENDPOINT_STRLEN];
	struct fp_err e;

	EQ(where("", "nowhere", at, &e), -ENOENT);
	HAS(e.text, "fs1: nothing tells where profile \"nowhere\" listens");
	EQ(where("", "unknown", at, &e), -ENOENT);
}
