/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the layout of the maps as fp-lists.5 freezes it: a test compares. */
#include <stddef.h>
#include <stdio.h>

#include "fp_maps.h"

static void print_at(size_t offset, size_t size, const char *name,
		     const char *what)
{
	printf("%6zu %6zu  %-*s%s\n", offset, size, *what ? 17 : 0, name, what);
}

#define AT(TYPE, FIELD, WHAT)                                                  \
	print_at(offsetof(struct TYPE, FIELD),                                 \
		 sizeof(((struct TYPE *)0)->FIELD), #FIELD, WHAT)
#define SIZE(TYPE, WHAT) printf("%s: %zu bytes\n", WHAT, sizeof(struct TYPE))

static void print_conf(void)
{
	SIZE(fp_conf, "conf");
	AT(fp_conf, lists, "0 off, 1 observe, 2 enforce");
	AT(fp_conf, stealth, "the same");
	AT(fp_conf, malformed, "the same");
	AT(fp_conf, sample_ticks, "jiffies between two samples; 0: all");
	AT(fp_conf, n_fence, "entries on fences");
	AT(fp_conf, n_lens4, "how many of lens4 count");
	AT(fp_conf, n_long6, "of long6");
	AT(fp_conf, n_short6, "of short6");
	AT(fp_conf, lens4, "lengths of IPv4 in prefix, of 128; 255: none");
	AT(fp_conf, long6, "of IPv6, 48 and more");
	AT(fp_conf, short6, "of IPv6, below 48");
	AT(fp_conf, nic, "64 NICs; here in every layout");
	AT(fp_conf, bypass_until_s, "observe until then, 0: not bypassed");
	AT(fp_conf, token, "of the lists compiled, 0: none");
	AT(fp_conf, wall_s, "CLOCK_REALTIME - CLOCK_MONOTONIC then");
	AT(fp_conf, look_stale, "LOOK and gate6 bits for nothing");
	AT(fp_conf, max_hashed, "most entries in prefix");
	AT(fp_conf, count, "slots in use, by length of 128");
	AT(fp_conf, count4, "of IPv4, by length of 32");
	AT(fp_conf, build, "of the program on the NIC; 0: not known");
	AT(fp_conf, loaded_s, "when it came there, CLOCK_BOOTTIME");
	AT(fp_conf, ask_build, "of ask");
	AT(fp_conf, observing_s, "since when stealth, malformed observe");
	AT(fp_conf, looking_s, "since when a NIC's packets are looked at");
	SIZE(fp_nic, "a NIC");
	AT(fp_nic, name, "");
	AT(fp_nic, ifindex, "");
	AT(fp_nic, confirm_until_s, "stops then; 0: does not");
	AT(fp_nic, generic, "1: in generic mode");
}

static void print_tables(void)
{
	SIZE(fp_ports, "ports");
	AT(fp_ports, sip_udp, "a bit a port");
	AT(fp_ports, sip_tcp, "");
	AT(fp_ports, guard_udp, "");
	AT(fp_ports, guard_tcp, "");
	AT(fp_ports, never, "sshd's");
	SIZE(fp_table_head, "value 0 of chunk and prefix");
	AT(fp_table_head, n, "values that follow");
	AT(fp_table_head, seed, "prefix: of the hash");
	AT(fp_table_head, live, "prefix: slots in use");
	AT(fp_table_head, dead, "prefix: slots not to be used again yet");
	AT(fp_table_head, fresh, "chunk: first number never used");
	AT(fp_table_head, free_head,
	   "chunk: first free one, next in its word 0");
	SIZE(fp_bucket, "a bucket of prefix");
	AT(fp_bucket, meta, "below");
	AT(fp_bucket, until_s, "CLOCK_MONOTONIC; 0xffffffff: never");
	AT(fp_bucket, key, "address, upper and lower half");
}

static void print_counted(void)
{
	SIZE(fp_counter, "a counter");
	AT(fp_counter, packets, "");
	AT(fp_counter, bytes, "");
	AT(fp_counter, next, "jiffies from which on one is sampled");
	SIZE(fp_sample, "a sample");
	AT(fp_sample, seq, "number, from 1; value 0: the newest");
	AT(fp_sample, time_ns, "CLOCK_MONOTONIC");
	AT(fp_sample, hi, "source");
	AT(fp_sample, lo, "");
	AT(fp_sample, count, "packets of this NIC, reason and CPU so far");
	AT(fp_sample, sport, "");
	AT(fp_sample, dport, "");
	AT(fp_sample, len, "of the frame");
	AT(fp_sample, reason, "");
	AT(fp_sample, proto, "");
	AT(fp_sample, nic, "row of counters");
	AT(fp_sample, cpu, "");
	AT(fp_sample, head_len, "bytes in head");
	AT(fp_sample, head, "the frame behind the Ethernet header");
	SIZE(fp_seen_key, "a key of seen");
	AT(fp_seen_key, hi, "source");
	AT(fp_seen_key, lo, "");
	AT(fp_seen_key, reason, "");
	SIZE(fp_seen, "a value of seen");
	AT(fp_seen, packets, "");
	AT(fp_seen, first_s, "CLOCK_MONOTONIC");
	AT(fp_seen, last_s, "");
	AT(fp_seen, dialog_s, "last request within a dialog, 0: none");
	SIZE(fp_query, "a question to ask");
	AT(fp_query, hi, "address");
	AT(fp_query, lo, "");
	AT(fp_query, verdict, "0 none, 1 block, 2 allow, 3 fence");
}

int main(void)
{
	int n = 0;

	printf("layout %d\n", FP_LAYOUT);
	print_conf();
	print_tables();
	print_counted();
#define X(name, is_drop, help) printf("%6d  %s\n", n++, #name);
	printf("reasons, %d to a NIC\n", FP_REASON_ROW);
	FP_REASONS(X)
#undef X
	return 0;
}
