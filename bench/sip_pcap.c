/* SPDX-License-Identifier: Apache-2.0 */
/* sip_pcap BYTES SOURCES: a capture of SIP over UDP, frames of 300 to 1400 bytes,
 * on stdout; how many on stderr. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADS 42 /* Ethernet, IPv4, UDP */

static uint64_t state = 88172645463325252ull;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void put16(unsigned char *p, size_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static void put_heads(unsigned char *p, size_t n, uint32_t host)
{
	const uint32_t from = htonl(203u << 24 | host);
	const uint32_t to = htonl(0xc0000201); /* 192.0.2.1 */

	memset(p, 0, HEADS);
	p[12] = 8;
	p[14] = 0x45;
	put16(p + 16, n - 14);
	p[22] = 64;
	p[23] = 17;
	memcpy(p + 26, &from, 4);
	memcpy(p + 30, &to, 4);
	put16(p + 34, 5060);
	put16(p + 36, 5060);
	put16(p + 38, n - 34);
}

static void put_message(unsigned char *p, size_t n)
{
	static const char *const methods[] = { "INVITE", "REGISTER", "OPTIONS",
					       "BYE", "ACK" };
	unsigned int k = next() % 6;
	char text[1600];
	int at;

	if (k == 5)
		at = sprintf(text, "SIP/2.0 200 OK\r\n");
	else
		at = sprintf(
			text,
			"%s sip:user%u@192.0.2.1:5060;transport=udp SIP/2.0\r\n",
			methods[k], next() % 100000);
	while ((size_t)at < n)
		at += sprintf(
			text + at,
			"Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK%08x\r\n",
			next());
	memcpy(p, text, n);
}

int main(int argc, char **argv)
{
	const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1 };
	unsigned char p[1500];
	uint64_t left;
	uint32_t sources, n = 0;

	if (argc != 3)
		return 2;
	left = strtoull(argv[1], NULL, 10);
	sources = (uint32_t)strtoul(argv[2], NULL, 10);
	fwrite(head, 1, sizeof(head), stdout);
	while (left > 1500 && sources) {
		uint32_t size = 300 + next() % 1101;
		uint32_t rec[4] = { 1767323045 + n / 5000, n % 5000 * 200, size,
				    size };

		put_heads(p, size, next() % sources);
		put_message(p + HEADS, size - HEADS);
		fwrite(rec, 1, sizeof(rec), stdout);
		fwrite(p, 1, size, stdout);
		left -= sizeof(rec) + size;
		n++;
	}
	fprintf(stderr, "%u\n", n);
	return fflush(stdout) ? 1 : 0;
}
