/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <netinet/in.h>
#include <string.h>

static const struct {
	const char *name, *help;
	bool is_drop;
} reasons[] = {
#define X(name, is_drop, help) { #name, help, is_drop },
	FP_REASONS(X)
#undef X
};

const char *fl_reason_name(size_t reason)
{
	return reason < FP_R_N ? reasons[reason].name : "-";
}

const char *fl_reason_help(size_t reason)
{
	return reason < FP_R_N ? reasons[reason].help : "-";
}

const char *fl_reason_action(size_t reason)
{
	if (reason < FP_R_N && reasons[reason].is_drop)
		return "drop";
	return strncmp(fl_reason_name(reason), "seen_", 5) ? "pass" : "observe";
}

const char *fl_proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

/* A NUL would end the string; the renderers escape the rest. */
#define NUL_SHOWN "\xe2\x90\x80" /* U+2400 */

void fl_first_line(char out[FL_LINE_SIZE], const unsigned char *p, size_t n)
{
	size_t at = 0;

	while (n && (*p == '\r' || *p == '\n')) {
		p++;
		n--;
	}
	for (; n && *p != '\r' && *p != '\n'; p++, n--) {
		if (at + sizeof(NUL_SHOWN) > FL_LINE_SIZE)
			break;
		if (*p) {
			out[at++] = (char)*p;
		} else {
			memcpy(out + at, NUL_SHOWN, sizeof(NUL_SHOWN) - 1);
			at += sizeof(NUL_SHOWN) - 1;
		}
	}
	out[at] = 0;
}
