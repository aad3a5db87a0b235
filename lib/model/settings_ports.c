/* SPDX-License-Identifier: Apache-2.0 */
#include "model/settings_ports.h"

#include <errno.h>
#include <string.h>

unsigned int fp_ports_at(const struct fp_port_set *p, uint32_t port)
{
	uint32_t bit = port & 31;

	return (p->udp[port >> 5] >> bit & 1) * FP_P_UDP |
	       (p->tcp[port >> 5] >> bit & 1) * FP_P_TCP;
}

void fp_ports_add(struct fp_port_set *p, uint32_t from, uint32_t to,
		  unsigned int protos)
{
	for (uint32_t port = from; port <= to; port++) {
		if (protos & FP_P_UDP)
			p->udp[port >> 5] |= 1u << (port & 31);
		if (protos & FP_P_TCP)
			p->tcp[port >> 5] |= 1u << (port & 31);
	}
}

/* Up to five digits, no leading zero. false: not a port. */
static bool fp_port_read(const char **s, uint32_t *port)
{
	const char *p = *s;
	uint32_t v = 0;

	for (; *p >= '0' && *p <= '9' && p - *s < 5; p++)
		v = v * 10 + (uint32_t)(*p - '0');
	if (p == *s || v > 65535 || (**s == '0' && p - *s > 1))
		return false;
	*s = p;
	*port = v;
	return true;
}

/* "5060", "5060-5061", "5080/udp": one item, *s is left behind it. */
static bool fp_ports_item(struct fp_port_set *p, const char **s)
{
	unsigned int protos = FP_P_BOTH;
	uint32_t from, to;

	if (!fp_port_read(s, &from))
		return false;
	to = from;
	if (**s == '-') {
		++*s;
		if (!fp_port_read(s, &to) || to < from)
			return false;
	}
	if (**s == '/') {
		bool is_udp = !strncmp(*s, "/udp", 4);

		if (!is_udp && strncmp(*s, "/tcp", 4))
			return false;
		protos = is_udp ? FP_P_UDP : FP_P_TCP;
		*s += 4;
	}
	fp_ports_add(p, from, to, protos);
	return **s == ',' || !**s;
}

int fp_ports_parse(struct fp_port_set *out, const char *s)
{
	struct fp_port_set p = { 0 };

	if (!strcmp(s, "any")) {
		fp_ports_add(&p, 0, 65535, FP_P_BOTH);
	} else if (strcmp(s, "none")) {
		for (;; s++) {
			if (!fp_ports_item(&p, &s))
				return -EINVAL;
			if (!*s)
				break;
		}
	}
	*out = p;
	return 0;
}

/* One past the last port of the run that begins at from. */
static uint32_t fp_ports_run(const struct fp_port_set *p, uint32_t from)
{
	unsigned int protos = fp_ports_at(p, from);

	while (from <= 65535 && fp_ports_at(p, from) == protos)
		from++;
	return from;
}

bool fp_ports_are_any(const struct fp_port_set *p)
{
	return fp_ports_at(p, 0) == FP_P_BOTH && fp_ports_run(p, 0) == 65536;
}

void fp_ports_print(const struct fp_port_set *p, struct fp_buf *b)
{
	static const char *const suffix[] = { "", "/udp", "/tcp", "" };
	const char *comma = "";

	if (fp_ports_are_any(p)) {
		fp_buf_str_add(b, "any");
		return;
	}
	for (uint32_t at = 0, end; at <= 65535; at = end) {
		unsigned int protos = fp_ports_at(p, at);

		end = fp_ports_run(p, at);
		if (!protos)
			continue;
		fp_buf_printf(b, "%s%u", comma, at);
		if (end - at > 1)
			fp_buf_printf(b, "-%u", end - 1);
		fp_buf_str_add(b, suffix[protos]);
		comma = ",";
	}
	if (!*comma)
		fp_buf_str_add(b, "none");
}
