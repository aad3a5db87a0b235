/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/capture.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

/* https://www.tcpdump.org/linktypes.html: a link-layer header, and what of an
 * Ethernet header stands for it. */
static const struct {
	const char *name;
	uint32_t linktype;
	size_t n;
	unsigned char head[24], want[6]; /* from the EtherType on */
	size_t n_want;
	bool has_direction, is_outgoing;
} cases[] = {
	{ "raw", 101, 0, { 0 }, { 8, 0 }, 2, false, false },
	{ "ipv4", 228, 0, { 0 }, { 8, 0 }, 2, false, false },
	{ "null", 0, 4, { 2 }, { 8, 0 }, 2, false, false },
	{ "loop", 108, 4, { 0, 0, 0, 2 }, { 8, 0 }, 2, false, false },
	{ "sll, to us", 113, 16, { [14] = 8 }, { 8, 0 }, 2, true, false },
	{ "sll, by us",
	  113,
	  16,
	  { [1] = 4, [14] = 8 },
	  { 8, 0 },
	  2,
	  true,
	  true },
	{ "sll, vlan",
	  113,
	  20,
	  { [14] = 0x81, 0, 0, 5, 8 },
	  { 0x81, 0, 0, 5, 8, 0 },
	  6,
	  true,
	  false },
	{ "sll2, to others",
	  276,
	  20,
	  { 8, [10] = 3 },
	  { 8, 0 },
	  2,
	  true,
	  false },
	{ "sll2, by us", 276, 20, { 8, [10] = 4 }, { 8, 0 }, 2, true, true },
	{ "ethernet, vlan",
	  1,
	  18,
	  { [12] = 0x81, 0, 0, 5, 8 },
	  { 0x81, 0, 0, 5, 8, 0 },
	  6,
	  false,
	  false },
	{ "ethernet, qinq",
	  1,
	  22,
	  { [12] = 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8 },
	  { 0x88, 0xa8, 0, 5, 0x81, 0 },
	  6,
	  false,
	  false },
};

static size_t put32(unsigned char *to, size_t at, uint32_t v)
{
	memcpy(to + at, &v, 4);
	return at + 4;
}

/* nsec: of the magic number and the time. */
static size_t file(unsigned char *f, size_t i, bool is_nsec)
{
	uint32_t n = (uint32_t)cases[i].n + 20;
	size_t at = put32(f, 0, is_nsec ? 0xa1b23c4d : 0xa1b2c3d4);

	at = put32(f, at, 4u << 16 | 2);
	at = put32(f, put32(f, at, 0), 0);
	at = put32(f, put32(f, at, 262144), cases[i].linktype);
	at = put32(f, put32(f, at, 1700000000), is_nsec ? 7000 : 7);
	at = put32(f, put32(f, at, n), n);
	memcpy(f + at, cases[i].head, cases[i].n);
	memset(f + at + cases[i].n, 0, 20);
	f[at + cases[i].n] = 0x45;
	return at + n;
}

TEST(all_comes_as_ethernet_and_says_what_went_out)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char f[128];
		FILE *in = fmemopen(f, file(f, i, i & 1), "rb");
		struct fp_capture *c;
		struct fp_packet p;
		struct fp_err e = { .text = "" };

		if (!EQ(fp_capture_open_stream(&c, in, cases[i].name, &e), 0)) {
			printf("%s: %s\n", cases[i].name, e.text);
			continue;
		}
		EQ(fp_capture_next(c, &p, &e), 1);
		if (!OK(p.len >= 34 && p.len == p.wire_len &&
			!memcmp(p.frame + 12, cases[i].want, cases[i].n_want) &&
			p.frame[p.len - 20] == 0x45) ||
		    !EQ(p.is_outgoing, cases[i].is_outgoing))
			printf("%s\n", cases[i].name);
		EQ(p.unix_s, 1700000000);
		EQ(p.us, 7);
		EQ(fp_capture_has_direction(c), cases[i].has_direction);
		EQ(fp_capture_next(c, &p, &e), 0);
		fp_capture_close(c);
	}
}
