/* SPDX-License-Identifier: Apache-2.0 */
/* Where something listens. */
#include "unit.h"

#include "base/endpoint.h"

static const struct {
	const char *word;
	enum fp_transport transport;
	const char *host;
	unsigned int port;
	const char *path;
	bool is_address;
} good[] = {
	{ "udp:192.0.2.11:5060", FP_T_UDP, "192.0.2.11", 5060, "", true },
	{ "tcp:[2001:db8::1]:5060", FP_T_TCP, "2001:db8::1", 5060, "", true },
	{ "tls:sip1.example.net", FP_T_TLS, "sip1.example.net", 0, "", false },
	{ "sctp:192.0.2.1", FP_T_SCTP, "192.0.2.1", 0, "", true },
	{ "ws:192.0.2.1:80", FP_T_WS, "192.0.2.1", 80, "", true },
	{ "wss:[::1]", FP_T_WSS, "::1", 0, "", true },
	{ "10.0.0.21:8021", FP_T_NONE, "10.0.0.21", 8021, "", true },
	{ "10.0.0.21", FP_T_NONE, "10.0.0.21", 0, "", true },
	{ "2001:db8::1", FP_T_NONE, "2001:db8::1", 0, "", true },
	{ "[2001:db8::1]:1", FP_T_NONE, "2001:db8::1", 1, "", true },
	{ "fs1", FP_T_NONE, "fs1", 0, "", false },
	{ "udp", FP_T_NONE, "udp", 0, "", false },
	{ "fs_1:65535", FP_T_NONE, "fs_1", 65535, "", false },
	{ "http://10.0.0.11:8888/mi", FP_T_HTTP, "10.0.0.11", 8888, "/mi",
	  true },
	{ "http://[::1]:8888/mi", FP_T_HTTP, "::1", 8888, "/mi", true },
	{ "https://mi.example.net", FP_T_HTTPS, "mi.example.net", 0, "",
	  false },
	{ "https://mi.example.net/a:b?c=d", FP_T_HTTPS, "mi.example.net", 0,
	  "/a:b?c=d", false },
	{ "unix:/run/opensips/mi.sock", FP_T_UNIX, "", 0,
	  "/run/opensips/mi.sock", false },
	{ "fifo:/run/opensips/fifo", FP_T_FIFO, "", 0, "/run/opensips/fifo",
	  false },
};

TEST(good_ones_read_back)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char text[FP_ENDPOINT_STRLEN];
		struct fp_endpoint p;
		struct fp_err e;
		int r = fp_endpoint_parse(&p, good[i].word,
					  strlen(good[i].word), &e);

		if (!EQ(r, 0)) {
			printf("# %s\n", e.text);
			continue;
		}
		EQ(p.transport, good[i].transport);
		STR(p.host, good[i].host);
		EQ(p.port, good[i].port);
		STR(p.path, good[i].path);
		EQ(p.addr.len, good[i].is_address ? 128 : 0);
		EQ(fp_endpoint_print(&p, text), strlen(good[i].word));
		STR(text, good[i].word);
	}
}

static const struct {
	const char *word, *why;
} bad[] = {
	{ "", "\"\": no host" },
	{ "udp:", "\"udp:\": no host" },
	{ "udp:[]:5060", "no host" },
	{ "http://", "no host" },
	{ "http:///mi", "no host" },
	{ ":5060", "no host" },
	{ "udp:192.0.2.1:", "the port is not 1 to 65535" },
	{ "udp:192.0.2.1:0", "the port is not 1 to 65535" },
	{ "udp:192.0.2.1:05060", "the port is not 1 to 65535" },
	{ "udp:192.0.2.1:65536", "the port is not 1 to 65535" },
	{ "udp:192.0.2.1:999999999999999999999", "the port is not" },
	{ "UDP:192.0.2.1:5060", "more after" },
	{ "sip:a@192.0.2.1", "the port is not" },
	{ "udp:2001:db8::1", "not an address" },
	{ "udp:192.0.2.1:5060x", "more after the host and port" },
	{ "udp:192.0.2.1/24", "more after" },
	{ "udp:192.0.2.1:5060/mi", "more after" },
	{ "192.0.2.0/24", "a prefix, not a host" },
	{ "999.0.2.1", "not an address" },
	{ "192.0.2", "not an address" },
	{ "[192.0.2.1]:5060", "[] are for IPv6" },
	{ "[2001:db8::x]:1", "not an address" },
	{ "[2001:db8::1", "no ] after the address" },
	{ "[sip1]:1", "not an address" },
	{ "http://user@h/", "neither an address nor a host name" },
	{ "a b", "neither an address nor a host name" },
	{ "unix:mi.sock", "a path begins with /" },
	{ "fifo:", "a path begins with /" },
	{ "fifo:/a b", "unprintable" },
	{ "http://h/\n", "\"http://h/?\": a space or another unprintable" },
};

TEST(bad_ones_are_named)
{
	struct fp_endpoint p;
	struct fp_err e;
	char longest[600];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&e, 0, sizeof(e));
		EQ(fp_endpoint_parse(&p, bad[i].word, strlen(bad[i].word), &e),
		   -EINVAL);
		HAS(e.text, bad[i].why);
	}
	memset(longest, 'a', sizeof(longest));
	EQ(fp_endpoint_parse(&p, longest, 256, &e), -EINVAL);
	HAS(e.text, "aaa...\": the host name is too long");
	memcpy(longest, "unix:/", 6);
	EQ(fp_endpoint_parse(&p, longest, 5 + 255, &e), 0);
	EQ(fp_endpoint_parse(&p, longest, 5 + 256, &e), -EINVAL);
	HAS(e.text, "the path is too long");
	EQ(fp_endpoint_parse(&p, "a\0b", 3, &e), -EINVAL);
}

TEST(lists)
{
	static const char several[] = "udp:192.0.2.1:5060 , tcp:h:1,  ::1 ";
	struct fp_endpoint p;
	struct fp_err e;

	EQ(fp_endpoint_list(several, 0, &p, &e), 1);
	STR(p.host, "192.0.2.1");
	EQ(fp_endpoint_list(several, 1, &p, &e), 1);
	STR(p.host, "h");
	EQ(p.port, 1);
	EQ(fp_endpoint_list(several, 2, &p, &e), 1);
	STR(p.host, "::1");
	EQ(fp_endpoint_list(several, 3, &p, &e), 0);
	EQ(fp_endpoint_list("a,", 1, &p, &e), -EINVAL);
	EQ(fp_endpoint_list("", 0, &p, &e), -EINVAL);
	EQ(fp_endpoint_list("", 1, &p, &e), 0);
}
