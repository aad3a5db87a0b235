/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus itself: it is read whole, its frames are what their blocks say,
 * and the plain rule of reference.c agrees with every expectation. */
#include "test/corpus/corpus.c"
#include "test/corpus/packet.c"
#include "test/corpus/reference.c"
#include "test/unit/unit.h"

#include <arpa/inet.h>
#include <glob.h>
#include <netinet/in.h>
#include <sys/stat.h>

#define DIR "test/corpus"

static struct corpus corpus_open(void)
{
	struct corpus c = { 0 };
	char why[256] = "";

	OK(!corpus_read(&c, DIR, why));
	STR(why, "");
	return c;
}

TEST(every_block_is_read_and_every_verdict_is_there)
{
	struct corpus c = corpus_open();
	size_t count[CORPUS_UNREADABLE + 1] = { 0 };

	OK(c.n > 550);
	for (size_t i = 0; i < c.n; i++)
		count[c.v[i].expect]++;
	for (size_t i = 0; i <= CORPUS_UNREADABLE; i++)
		if (!OK(count[i] >= 10))
			printf("# few of %s\n",
			       corpus_verdict_name((enum corpus_verdict)i));
	corpus_free(&c);
}

TEST(every_message_of_rfc_4475_has_an_expectation)
{
	struct corpus c = corpus_open();
	glob_t g = { 0 };

	EQ(glob(DIR "/rfc4475/*.dat", 0, NULL, &g), 0);
	EQ(g.gl_pathc, 49);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char name[64];
		size_t n = 0;

		snprintf(name, sizeof(name), "rfc4475-%s",
			 strrchr(g.gl_pathv[i], '/') + 1);
		*strrchr(name, '.') = '\0';
		for (size_t k = 0; k < c.n; k++)
			n += !strcmp(c.v[k].name, name);
		if (!EQ(n, 1))
			printf("# %s\n", name);
	}
	globfree(&g);
	corpus_free(&c);
}

static void judge(const struct corpus_case *x)
{
	bool is_options, is_bad;

	is_bad = reference_judge(x->payload, x->len, &is_options) ==
		 REFERENCE_MALFORMED;
	if (is_bad == (x->line == CORPUS_LINE_BAD) &&
	    (x->expect != CORPUS_PASS || !is_options) &&
	    (x->expect != CORPUS_STEALTH || is_options))
		return;
	printf("# %s %s: %s%s\n", x->where, x->name, is_bad ? "bad" : "ok",
	       is_options ? ", OPTIONS" : "");
	unit_failed++;
}

TEST(the_plain_rule_agrees_with_every_expectation)
{
	struct corpus c = corpus_open();
	size_t n = 0;

	for (size_t i = 0; i < c.n; i++) {
		struct packet *p = &c.v[i].packet;

		/* what these say is true of a part of the payload only */
		if (c.v[i].line == CORPUS_LINE_UNKNOWN || p->cut >= 0 ||
		    p->udp_len > 0)
			continue;
		judge(&c.v[i]);
		n++;
	}
	OK(n > 300);
	corpus_free(&c);
}

static uint16_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A checksum over what carries it comes to 0xffff: RFC 1071. */
static void check_sums(const struct corpus_case *x, const uint8_t *frame,
		       size_t n)
{
	bool is_v6 = x->packet.is_v6;
	size_t head = is_v6 ? 40 : 20, at = 14 + head;
	uint32_t pseudo = (uint32_t)(n - at) + x->packet.proto;

	if (!is_v6)
		EQ(sum16(frame + 14, 20, 0), 0xffff);
	pseudo +=
		sum16(frame + 14 + head - (is_v6 ? 32 : 8), is_v6 ? 32 : 8, 0);
	if (!EQ(sum16(frame + at, n - at, pseudo), 0xffff))
		printf("# %s %s\n", x->where, x->name);
}

static bool is_plain(const struct packet *p)
{
	return !p->n_vlan && !p->ip_options && !p->is_frag && !p->n_ext &&
	       p->cut < 0 && p->udp_len < 0 && p->ip_len < 0 && p->ihl < 0 &&
	       p->trunc < 0 && p->ethertype < 0 && !p->trail && !p->has_pad &&
	       (p->proto == IPPROTO_UDP || p->proto == IPPROTO_TCP);
}

TEST(every_frame_is_built_and_plain_ones_have_right_checksums)
{
	static uint8_t frame[CORPUS_FRAME_MAX];
	struct corpus c = corpus_open();
	size_t n_plain = 0;

	for (size_t i = 0; i < c.n; i++) {
		size_t n = corpus_frame(&c.v[i], frame);

		if (!OK(n || !c.v[i].packet.trunc))
			printf("# %s\n", c.v[i].name);
		if (is_plain(&c.v[i].packet)) {
			check_sums(&c.v[i], frame, n);
			n_plain++;
		}
	}
	OK(n_plain > 200);
	corpus_free(&c);
}

static size_t build(struct packet *p, uint8_t frame[256])
{
	return packet_build(p, "abcdefgh", 8, frame, 256);
}

TEST(a_frame_says_what_its_block_says)
{
	uint8_t f[256];
	struct packet p;

	packet_init(&p);
	p.dport = 5061;
	p.n_vlan = 2;
	p.vlan[0] = 20;
	p.vlan[1] = 10;
	p.ip_options = 8;
	EQ(build(&p, f), 14 + 8 + 28 + 8 + 8);
	OK(!memcmp(f + 12, "\x88\xa8\0\x14\x81\0\0\x0a\x08\0\x47", 11));
	OK(!memcmp(f + 22 + 28, "\x9c\x40\x13\xc5\0\x10", 6));

	packet_init(&p);
	p.is_v6 = true;
	p.n_ext = 2;
	p.ext[0] = (struct packet_ext){ .type = IPPROTO_HOPOPTS, .extra = 1 };
	p.ext[1] = (struct packet_ext){ .type = IPPROTO_FRAGMENT,
					.frag_off = 3,
					.has_more = true };
	EQ(build(&p, f), 14 + 40 + 16 + 8 + 8); /* no UDP header */
	EQ(f[14 + 6], IPPROTO_HOPOPTS);
	OK(!memcmp(f + 54, "\x2c\x01\x01\x0c", 4));
	OK(!memcmp(f + 70, "\x11\0\0\x19", 4));
	OK(!memcmp(f + 78, "abcdefgh", 8));

	packet_init(&p);
	p.cut = 3;
	p.udp_len = 7;
	p.has_pad = true;
	p.pad = 'x';
	EQ(build(&p, f), 60);
	EQ(ntohs(*(uint16_t *)(f + 16)), 20 + 8 + 3);
	EQ(f[39], 7);
	OK(!memcmp(f + 42, "abcxxx", 6));
	EQ(packet_build(&p, "abcdefgh", 8, f, 59), 0);
}

/* Read one corpus file of this text; returns the message. */
static const char *read_text(const char *text, struct corpus *out)
{
	static char why[256];
	char dir[] = "/tmp/fp-corpus-XXXXXX", path[64];
	FILE *f;

	why[0] = '\0';
	if (!OK(mkdtemp(dir)))
		return "";
	snprintf(path, sizeof(path), "%s/x.corpus", dir);
	f = fopen(path, "we");
	fputs(text, f);
	fclose(f);
	corpus_read(out, dir, why);
	unlink(path);
	rmdir(dir);
	return why;
}

TEST(a_bad_block_is_an_error_with_its_line)
{
	static const char *const bad[][2] = {
		{ "name a\nexpect pas\n", "x.corpus:2: pas: no verdict" },
		{ "name a\n\n", "x.corpus:2: a expects nothing" },
		{ "name a\nexpect pass\n\nname a\n", "x.corpus:4: a is also" },
		{ "expect pass\n", "x.corpus:1: a block begins with" },
		{ "name a\npayload \"x\n", "x.corpus:2: bad escape" },
		{ "name a\npayload \"\\q\"\n", "x.corpus:2: bad escape" },
		{ "name a\npacket from=me\n", "x.corpus:2: from=me" },
		{ "name a\npacket vlam=1\n", "x.corpus:2: packet word vlam" },
		{ "name a\npacket ext=dst,foo\n", "x.corpus:2: ext foo" },
		{ "name a\nfile nosuch\n", "x.corpus:2: nosuch: cannot open" },
		{ "name a\nrepeat 9999 \"x\"\n", "x.corpus:2: payload over" },
	};
	struct corpus c = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		HAS(read_text(bad[i][0], &c), bad[i][1]);
	EQ(c.n, 0);
}

TEST(escapes_repeats_and_sizes_make_the_payload)
{
	struct corpus c = { 0 };

	STR(read_text(
		    "name a\nexpect pass\n# note\npayload \"\\r\\n\\0\\x7f\"\n"
		    "repeat 2 \"ab\"\nsize 10\n",
		    &c),
	    "");
	if (!EQ(c.n, 1) || !EQ(c.v[0].len, 10))
		return;
	OK(!memcmp(c.v[0].payload,
		   "\r\n\0\x7f"
		   "ababpp",
		   10));
	corpus_free(&c);
}
