/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/frame.h"

#include <netinet/in.h>

#include "test/corpus/packet.h"
#include "unit.h"

static uint8_t frame[4096];

/* Build p and parse it; what it says as text. */
static const char *said(const struct packet *p, const char *payload)
{
	size_t n =
		packet_build(p, payload, strlen(payload), frame, sizeof(frame));
	static char text[256];
	char src[FP_PREFIX_STRLEN];
	struct fp_frame f;

	if (!n)
		return "too big";
	if (fp_frame_parse(&f, frame, n))
		return "not IP";
	fp_prefix_print(&f.src, src);
	snprintf(text, sizeof(text), "%s %u %s %u %u %.*s", src, f.proto,
		 f.has_ports ? "ports" : "-", f.sport, f.dport,
		 (int)f.payload_len, f.payload ? (const char *)f.payload : "");
	return text;
}

static struct packet udp4(void)
{
	struct packet p;

	packet_init(&p);
	p.proto = IPPROTO_UDP;
	p.from = PACKET_BLOCKED;
	p.sport = 5080;
	p.dport = 5060;
	return p;
}

static const char *expect(const struct packet *p, const char *rest)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s %u %s",
		 packet_address(p->from, p->is_v6), p->proto, rest);
	return text;
}

TEST(udp_and_tcp_over_both)
{
	struct packet p = udp4();

	STR(said(&p, "hello"), expect(&p, "ports 5080 5060 hello"));
	p.is_v6 = true;
	STR(said(&p, "hello"), expect(&p, "ports 5080 5060 hello"));
	p.proto = IPPROTO_TCP;
	STR(said(&p, "hello"), expect(&p, "ports 5080 5060 hello"));
	p.is_v6 = false;
	STR(said(&p, "hello"), expect(&p, "ports 5080 5060 hello"));
}

TEST(tags_and_options)
{
	struct packet p = udp4();

	p.vlan[0] = 5;
	p.n_vlan = 1;
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
	p.vlan[1] = 6;
	p.n_vlan = 2;
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
	p.vlan[2] = 7;
	p.n_vlan = 3;
	STR(said(&p, "x"), "not IP");
	p.n_vlan = 0;
	p.ip_options = 40;
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
}

TEST(padding_is_no_payload)
{
	struct packet p = udp4();

	p.has_pad = true;
	p.pad = 'z';
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
}

TEST(later_fragments_have_no_ports)
{
	struct packet p = udp4();

	p.is_frag = true;
	p.frag_off = 100;
	STR(said(&p, "x"), expect(&p, "- 0 0 "));
	p.frag_off = 0;
	p.has_more = true;
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
}

TEST(extension_headers_are_skipped)
{
	struct packet p = udp4();

	p.is_v6 = true;
	p.ext[0] = (struct packet_ext){ .type = IPPROTO_HOPOPTS, .extra = 2 };
	p.ext[1] = (struct packet_ext){ .type = IPPROTO_AH, .extra = 1 };
	p.ext[2] = (struct packet_ext){ .type = IPPROTO_FRAGMENT,
					.has_more = true };
	p.ext[3] = (struct packet_ext){ .type = IPPROTO_DSTOPTS };
	p.n_ext = 4;
	STR(said(&p, "x"), expect(&p, "ports 5080 5060 x"));
}

TEST(every_cut_is_survived)
{
	struct packet p = udp4();
	struct fp_frame f;
	size_t n, cut;

	p.is_v6 = true;
	p.ext[0] = (struct packet_ext){ .type = IPPROTO_HOPOPTS };
	p.n_ext = 1;
	n = packet_build(&p, "hello", 5, frame, sizeof(frame));
	for (cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		if (!copy)
			return;
		memcpy(copy, frame, cut);
		if (!fp_frame_parse(&f, copy, cut))
			OK(cut >= 54);
		free(copy);
	}
}

TEST(what_is_not_ip)
{
	struct packet p = udp4();

	p.ethertype = 0x0806;
	STR(said(&p, "x"), "not IP");
	p = udp4();
	p.ihl = 4;
	STR(said(&p, "x"), "not IP");
}
