/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks for and against a move: facts in, a judgement out. */
#include "logic/rehome_calls.h"
#include "logic/rehome_check.h"
#include "unit.h"

#define MB ((int64_t)1 << 20)
#define N(V) (sizeof(V) / sizeof(*(V)))

/* "OK Ok", "REFUSE in-sync not synced": state, rule, value. */
static const char *said(const struct fp_check *c)
{
	static const char *const states[] = { "OK", "WARN", "REFUSE" };
	static char text[400];

	snprintf(text, sizeof(text), "%s %s%s%s", states[c->state], c->rule,
		 *c->rule ? " " : "", c->value);
	return text;
}

TEST(replication_is_ok_or_refuses)
{
	static const struct {
		struct fp_check_capability in;
		const char *says;
	} t[] = {
		{ { true, true, true, false, false, 5, 5 }, "OK Ok" },
		{ { true, true, true, false, false, -1, 5 }, "OK Ok" },
		{ { true, true, true, false, false, 0, 0 }, "OK Ok" },
		{ { true, true, true, false, false, 0, 5 },
		  "WARN Ok, 0 chunks" },
		{ { true, true, true, false, true, -1, 5 },
		  "WARN Ok, of no donor" },
		{ { true, true, true, false, true, -1, 0 }, "OK Ok" },
		{ { false, false, false, false, false, -1, 5 },
		  "REFUSE in-sync none" },
		{ { true, false, true, false, false, -1, 5 },
		  "REFUSE in-sync not synced" },
		{ { true, true, false, false, false, 5, 5 },
		  "REFUSE in-sync disabled" },
		{ { true, true, true, true, false, 5, 5 },
		  "REFUSE in-sync a sync goes on" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_capability(&c, &t[i].in);
		STR(said(&c), t[i].says);
		STR(c.name, "capability");
	}
}

TEST(tags)
{
	static const struct {
		struct fp_check_tag in;
		const char *says;
	} t[] = {
		/* owner other known there from to failover */
		{ { "a", "n2", "n1", NULL, true, true, true, false, false },
		  "OK a: active on n1" },
		{ { "a", "n2", NULL, NULL, true, true, false, false, true },
		  "OK a: active on nobody that answers" },
		{ { "a", "n2", NULL, NULL, true, true, false, false, false },
		  "WARN a: active on nobody that answers" },
		{ { "a", "n2", "n2", NULL, true, true, false, true, true },
		  "OK a: active on n2 already" },
		{ { "a", "n2", "n3", NULL, true, true, false, false, true },
		  "REFUSE active a: active on n3" },
		{ { "a", "n2", "n3", NULL, true, true, false, false, false },
		  "REFUSE active a: active on n3" },
		/* the node to fail over owns it by its own word: it lives */
		{ { "a", "n2", "n1", NULL, true, true, true, false, true },
		  "REFUSE active a: active on n1" },
		{ { "a", "n2", "n1", "n3", true, true, true, false, false },
		  "REFUSE split a: active on n1 and on n3" },
		{ { "a", "n2", "n2", "n3", true, true, false, true, true },
		  "REFUSE split a: active on n2 and on n3" },
		{ { "a", "n2", NULL, NULL, false, false, false, false, true },
		  "REFUSE tag a: no node knows it" },
		{ { "a", "n2", "n1", NULL, true, false, true, false, false },
		  "REFUSE tag a: n2 does not know it" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_tag(&c, &t[i].in);
		STR(said(&c), t[i].says);
	}
}

TEST(links_of_the_living)
{
	static const struct {
		struct fp_check_link in;
		bool is_needed;
		const char *says;
	} t[] = {
		{ { "n1", "Up", 1, 1 }, true, "OK Up to n1" },
		{ { "n1", "Up", 3, 1 },
		  true,
		  "REFUSE link Up to n1 by way of node 3" },
		{ { "n1", "Probe", 3, 1 },
		  true,
		  "REFUSE link Probe to n1 by way of node 3" },
		{ { "n1", "Probe", 3, 1 },
		  false,
		  "WARN Probe to n1 by way of node 3" },
		{ { "n1", "Down", 0, 1 }, true, "REFUSE link Down to n1" },
		{ { "n1", "", 0, 1 }, true, "REFUSE link none to n1" },
		{ { "n1", "", 0, 1 }, false, "WARN none to n1" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_link(&c, &t[i].in, t[i].is_needed);
		STR(said(&c), t[i].says);
	}
}

TEST(links_to_the_dead)
{
	static const struct {
		struct fp_check_link in;
		const char *says;
		bool may_change;
	} t[] = {
		{ { "n1", "Down", 0, 1 }, "OK Down to n1", false },
		{ { "n1", "", 0, 1 }, "OK none to n1", false },
		{ { "n1", "Probe", 0, 1 }, "WARN Probe to n1", true },
		{ { "n1", "Probe", 3, 1 },
		  "REFUSE alive Probe to n1 by way of node 3",
		  true },
		{ { "n1", "Up", 1, 1 }, "REFUSE alive Up to n1", true },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_link_dead(&c, &t[i].in, false);
		STR(said(&c), t[i].says);
		EQ(fp_check_link_wait(&t[i].in), t[i].may_change);
	}
	fp_check_link_dead(&c, &t[4].in, true); /* a fence command decides */
	STR(said(&c), "WARN Up to n1");
	fp_check_link_dead(&c, &t[0].in, true);
	STR(said(&c), "OK Down to n1");
}

TEST(is_it_dead)
{
	static const struct {
		struct fp_check_alive in;
		const char *says, *detail;
	} t[] = {
		{ { false, false, "refused", "silent" },
		  "OK MI and SIP are silent",
		  "refused; silent" },
		{ { false, false, "refused", NULL },
		  "WARN MI is silent",
		  "no fp_sip" },
		{ { true, false, "", "silent" },
		  "REFUSE alive MI answers",
		  "drained" },
		{ { false, true, "refused", "OPTIONS: 503" },
		  "REFUSE alive SIP answers",
		  "OPTIONS: 503" },
		{ { true, true, "", "OPTIONS: 200 OK" },
		  "REFUSE alive MI and SIP answer",
		  "200 OK" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_alive(&c, &t[i].in);
		STR(said(&c), t[i].says);
		HAS(c.detail, t[i].detail);
	}
}

static size_t endpoints(const char *list, struct fp_endpoint *v)
{
	size_t n = 0;

	while (n < 4 && fp_endpoint_list(list, n, &v[n], NULL) > 0)
		n++;
	return n;
}

TEST(sockets)
{
	static const struct {
		const char *own, *others, *bound[4], *says;
	} t[] = {
		{ "udp:192.0.2.2:5060",
		  "192.0.2.1",
		  { "udp:192.0.2.2:5060", "udp:192.0.2.2:5060" },
		  "OK udp:192.0.2.2:5060" },
		/* the port that is not said is SIP's; another transport there */
		{ "192.0.2.2",
		  "192.0.2.1",
		  { "tcp:192.0.2.2:5060" },
		  "OK tcp:192.0.2.2:5060" },
		{ "tls:192.0.2.2",
		  "",
		  { "tls:192.0.2.2:5061" },
		  "OK tls:192.0.2.2:5061" },
		{ "udp:192.0.2.2:5060",
		  "",
		  { "tls:192.0.2.2:5061" },
		  "WARN tls:192.0.2.2:5061" },
		/* the peer's: the tag of the socket does not map */
		{ "udp:192.0.2.2:5060",
		  "udp:192.0.2.1:5060",
		  { "udp:192.0.2.2:5060", "udp:192.0.2.1:5060" },
		  "REFUSE bind 1 of 2: udp:192.0.2.1:5060" },
		/* two nodes at one address */
		{ "udp:192.0.2.1:5062",
		  "udp:192.0.2.1:5060",
		  { "udp:192.0.2.1:5062", "udp:192.0.2.1:5062" },
		  "OK udp:192.0.2.1:5062" },
		{ "udp:192.0.2.1:5062",
		  "udp:192.0.2.1:5060",
		  { "udp:192.0.2.1:5060", "udp:192.0.2.1:5062" },
		  "REFUSE bind 1 of 2: udp:192.0.2.1:5060" },
		/* nobody's that is known */
		{ "udp:192.0.2.2:5060",
		  "udp:192.0.2.1:5060",
		  { "udp:198.51.100.1:5060" },
		  "REFUSE bind 1 of 1: udp:198.51.100.1:5060" },
		{ "[2001:db8::2]",
		  "",
		  { "udp:[2001:db8::2]:5060" },
		  "OK udp:[2001:db8::2]:5060" },
		/* fp_sip unsaid: one and the same on all, not another's */
		{ "",
		  "192.0.2.1",
		  { "udp:192.0.2.2:5060", "udp:10.0.0.2:5060",
		    "udp:192.0.2.2:5060", "udp:10.0.0.2:5060" },
		  "OK udp:192.0.2.2:5060" },
		{ "",
		  "192.0.2.1",
		  { "udp:192.0.2.2:5060", "", "udp:192.0.2.3:5060" },
		  "REFUSE bind 1 of 2: udp:192.0.2.3:5060" },
		{ "",
		  "192.0.2.1",
		  { "udp:192.0.2.1:5060" },
		  "REFUSE bind 1 of 1: udp:192.0.2.1:5060" },
		{ "192.0.2.2", "", { "" }, "OK no dialog" },
		{ "192.0.2.2", "", { "?:" }, "REFUSE bind 1 of 1: ?:" },
	};
	struct fp_endpoint own[4], others[4];
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		struct fp_check_bind b = { .own = own, .others = others };

		b.n_own = endpoints(t[i].own, own);
		b.n_others = endpoints(t[i].others, others);
		for (size_t k = 0; k < 4 && t[i].bound[k]; k++)
			fp_check_bind_add(&b, k % 2, t[i].bound[k]);
		fp_check_bind(&c, &b);
		STR(said(&c), t[i].says);
	}
}

TEST(dialogs_of_all_are_compared)
{
	static const struct {
		struct fp_check_counts in; /* n peer_n peer owner lacking */
		const char *says;
		bool again;
	} t[] = {
		{ { 200, 200, "n3", false, 0, "", 99 }, "OK 200", false },
		{ { 200, -1, NULL, false, 0, "", 99 }, "OK 200", false },
		{ { 201, 200, "n3", false, 0, "", 99 }, "OK 201", false },
		{ { 198, 200, "n3", false, 0, "", 99 },
		  "WARN 198, n3 has 200",
		  true },
		{ { 150, 450, "n3", false, 0, "", 99 },
		  "REFUSE in-sync 150, n3 has 450",
		  true },
		/* empty beside full ones, however few they have */
		{ { 0, 1, "n3", false, 0, "", 99 },
		  "REFUSE in-sync 0, n3 has 1",
		  true },
		{ { 0, 0, "n3", false, 0, "", 99 }, "OK 0", false },
		{ { -1, 9, "n3", false, 0, "", 99 },
		  "REFUSE in-sync not known",
		  false },
		/* the owner's own set counts for more than figures */
		{ { 100, 150, "n3", true, 0, "", 99 },
		  "WARN 100, n3 has 150",
		  true },
		{ { 150, 150, "n3", true, 1, "call-1", 99 },
		  "REFUSE in-sync 150, lacks 1 of the owner's",
		  true },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_counts(&c, &t[i].in);
		STR(said(&c), t[i].says);
		EQ(fp_check_counts_again(&t[i].in), t[i].again);
	}
}

TEST(the_rule_at_ack)
{
	static const struct {
		struct fp_check_ack in; /* cfg n state3 create update */
		const char *says;
	} t[] = {
		{ { 1, 9, 9, 100, 100 }, "OK yes" },
		{ { 0, 9, 0, 100, 200 }, "WARN no" },
		{ { -1, 9, 2, 100, 200 }, "WARN no" },
		{ { -1, 9, 0, 1000, 1000 }, "WARN no: 1.0 updates a call" },
		{ { -1, 9, 0, 1000, 2000 }, "OK 2.0 updates a call" },
		{ { -1, 9, 0, 5, 5 }, "OK not known" },
		{ { -1, 9, 0, -1, -1 }, "OK not known" },
		{ { -1, 9, 0, 0, 7 }, "OK not known" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_ack(&c, &t[i].in);
		STR(said(&c), t[i].says);
	}
}

TEST(states_and_copies)
{
	struct fp_check c;

	fp_check_state3(&c, 5, 0);
	STR(said(&c), "OK 0 of 5");
	fp_check_state3(&c, 5, 2);
	STR(said(&c), "WARN 2 of 5");
	fp_check_early(&c, 0, true);
	STR(said(&c), "OK 0");
	fp_check_early(&c, 3, true);
	STR(said(&c), "WARN 3");
	HAS(c.detail, "lost");
	fp_check_early(&c, 3, false);
	HAS(c.detail, "left alone");
	fp_check_sdp(&c, 7, 0, false);
	STR(said(&c), "OK 0 of 7 differ");
	fp_check_sdp(&c, 7, 2, false);
	STR(said(&c), "WARN 2 of 7 differ");
	HAS(c.detail, "refreshed");
	fp_check_sdp(&c, 7, 2, true);
	HAS(c.detail, "set-up");
}

TEST(memory_is_not_gone_below_its_floor)
{
	static const struct {
		int64_t total_mb, free_mb;
		double wanted;
		const char *says, *detail;
	} t[] = {
		{ 256, 244, 50, "OK 244.0 of 256.0 MB free, floor 64.0 MB",
		  "carries 1189 calls a second (31 kB each for 5 s)" },
		/* the built-in size of memory */
		{ 32, 20, 50, "OK 20.0 of 32.0 MB free, floor 8.0 MB",
		  "carries 79 calls" },
		{ 32, 12, 50, "WARN 12.0 of 32.0 MB free, floor 8.0 MB",
		  "slow: carries 26 calls" },
		{ 32, 12, 0, "OK 12.0 of 32.0 MB free, floor 8.0 MB",
		  "carries 26 calls" },
		{ 32, 8, 0, "REFUSE memory 8.0 of 32.0 MB free, floor 8.0 MB",
		  "too little: carries 0" },
		{ 32, 1, 0, "REFUSE memory 1.0 of 32.0 MB free, floor 8.0 MB",
		  "room for 0 more" },
		{ 32, -1, 0, "REFUSE memory not known", "shmem" },
		{ 0, 0, 0, "REFUSE memory not known", "shmem" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		const struct fp_check_memory in = {
			.total = t[i].total_mb * MB,
			.free = t[i].free_mb < 0 ? -1 : t[i].free_mb * MB,
			.floor = 0.25,
			.cost = (size_t)31 * 1024,
			.dialog = 3900,
			.wt_ms = 5000,
			.rate = t[i].wanted,
		};

		fp_check_memory(&c, &in);
		STR(said(&c), t[i].says);
		HAS(c.detail, t[i].detail);
	}
}

TEST(versions)
{
	struct fp_check c;

	fp_check_version(&c, "3.6.8", "n1", "3.6.8", true);
	STR(said(&c), "OK 3.6.8");
	fp_check_version(&c, "3.6.8", "n1", "3.5.1", true);
	STR(said(&c), "REFUSE version 3.6.8");
	HAS(c.detail, "n1 has 3.5.1");
	/* the dead one's is not known: a peer's is a hint */
	fp_check_version(&c, "3.6.8", "n3", "3.5.1", false);
	STR(said(&c), "WARN 3.6.8");
	fp_check_version(&c, "3.6.8", "", NULL, false);
	STR(said(&c), "OK 3.6.8");
	fp_check_version(&c, "", "n1", "3.6.8", true);
	STR(said(&c), "OK not known");
}

TEST(a_node_and_its_settings)
{
	struct fp_check c;

	fp_check_uptime(&c, 7);
	STR(said(&c), "WARN 7s");
	fp_check_uptime(&c, 700);
	STR(said(&c), "OK 700s");
	fp_check_uptime(&c, -1);
	STR(said(&c), "OK not known");
	fp_check_maintenance(&c, NULL, NULL);
	STR(said(&c), "OK no");
	fp_check_maintenance(&c, "new disk", "ann");
	STR(said(&c), "REFUSE maintenance yes");
	HAS(c.detail, "new disk (by ann)");
	fp_check_maintenance(&c, "", "");
	HAS(c.detail, "no reason given (by nobody that is known)");
	fp_check_active_tag(&c, "", 0);
	STR(said(&c), "OK none");
	fp_check_active_tag(&c, "a", 0);
	STR(said(&c), "WARN a");
	fp_check_active_tag(&c, "a", 17);
	STR(said(&c), "WARN a, line 17");
	fp_check_auto_sync(&c, 0, false);
	STR(said(&c), "OK off");
	fp_check_auto_sync(&c, 1, false);
	STR(said(&c), "WARN on");
	fp_check_auto_sync(&c, -1, false);
	STR(said(&c), "WARN not known");
	HAS(c.detail, "--config");
	fp_check_topology(&c, 1, true);
	STR(said(&c), "OK yes");
	fp_check_topology(&c, 0, true);
	STR(said(&c), "WARN no");
	fp_check_transport(&c, false, "udp:192.0.2.1:8080");
	STR(said(&c), "OK udp:192.0.2.1:8080");
	fp_check_transport(&c, true, "http://192.0.2.1/mi");
	STR(said(&c), "WARN http://192.0.2.1/mi");
	HAS(c.detail, "2 calls a second");
}

TEST(the_body_that_is_right)
{
	static const struct {
		struct fp_check_body in;
		const char *says;
	} t[] = {
		{ { "auto", 2, 3 }, "OK auto: 2 inbound, 3 outbound" },
		{ { "outbound", 0, 3 }, "OK outbound: 0 inbound, 3 outbound" },
		{ { "outbound", 2, 3 },
		  "REFUSE body outbound is wrong for 2 of 5" },
		{ { "inbound", 2, 0 }, "OK inbound: 2 inbound, 0 outbound" },
		{ { "inbound", 2, 3 }, "WARN inbound, 3 are not anchored" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_body(&c, &t[i].in);
		STR(said(&c), t[i].says);
	}
	fp_check_local_route(&c, -1, 0);
	STR(said(&c), "OK not needed");
	fp_check_local_route(&c, -1, 2);
	STR(said(&c), "WARN not known");
	fp_check_local_route(&c, 0, 2);
	STR(said(&c), "REFUSE local-route no");
	fp_check_local_route(&c, 1, 2);
	STR(said(&c), "OK it calls rtpengine_offer");
}

TEST(policies)
{
	static const struct {
		struct fp_check_policy in; /* known in_step failover */
		const char *says, *detail;
	} t[] = {
		{ { true, true, false, "0123456789abcdef", "" },
		  "OK 0123456789ab",
		  "" },
		{ { true, false, false, "0123456789abcdef", "list a differs" },
		  "REFUSE policy 0123456789ab",
		  "list a differs: fp-sync push" },
		{ { true, false, true, "0123456789abcdef", "" },
		  "WARN 0123456789ab",
		  "fp-sync push" },
		{ { false, false, false, "", "no answer" },
		  "REFUSE policy not known",
		  "no answer" },
		{ { false, false, true, "", "no answer" },
		  "WARN not known",
		  "no answer" },
	};
	struct fp_check c;

	for (size_t i = 0; i < N(t); i++) {
		fp_check_policy(&c, &t[i].in);
		STR(said(&c), t[i].says);
		HAS(c.detail, t[i].detail);
	}
}
