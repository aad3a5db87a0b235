/* SPDX-License-Identifier: Apache-2.0 */
/* RTP ports in use at a node: of each address a bit a port, and RTCP's after it.
 * Why it must be known here: FreeSWITCH's RTP sockets have SO_REUSEADDR, a second bind
 * succeeds and the later socket gets the packets (switch_rtp.c). */
#include <stdlib.h>
#include <string.h>

#include "logic/recover_place.h"

#define PORTS 65536
#define IPS_MAX 256 /* a host has no more addresses that media comes to */

struct ip_ports {
	char ip[64];
	uint64_t bits[PORTS / 64];
	/* where the search of a range goes on: ports are never given back */
	struct range {
		uint16_t first, last;
		uint32_t next;
	} range[3];
};
struct fp_ports {
	struct ip_ports *ip[IPS_MAX];
	size_t n;
};

int fp_ports_open(struct fp_ports **out, struct fp_err *e)
{
	struct fp_ports *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return fp_err(e, -ENOMEM, "ports in use: no memory");
	*out = p;
	return 0;
}

void fp_ports_close(struct fp_ports *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->ip[i]);
	free(p);
}

static struct ip_ports *find(const struct fp_ports *p, const char *ip)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->ip[i]->ip, ip) == 0)
			return p->ip[i];
	return NULL;
}

static struct ip_ports *find_or_add(struct fp_ports *p, const char *ip)
{
	struct ip_ports *x = find(p, ip);

	if (x != NULL || p->n == IPS_MAX || strlen(ip) >= sizeof(x->ip))
		return x;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return NULL;
	memcpy(x->ip, ip, strlen(ip) + 1);
	p->ip[p->n++] = x;
	return x;
}

static bool is_set(const struct ip_ports *x, uint32_t port)
{
	return port < PORTS && x->bits[port / 64] >> (port % 64) & 1;
}

static void set(struct ip_ports *x, uint32_t port)
{
	if (port < PORTS)
		x->bits[port / 64] |= 1ULL << (port % 64);
}

static void use(struct ip_ports *x, uint32_t port)
{
	set(x, port);
	set(x, port + 1);
}

static bool is_used(const struct ip_ports *x, uint32_t port)
{
	return is_set(x, port) || is_set(x, port + 1);
}

int fp_ports_use(struct fp_ports *p, const char *ip, uint16_t port)
{
	struct ip_ports *x = find_or_add(p, ip);

	if (x == NULL)
		return p->n == IPS_MAX ? -ENOSPC : -ENOMEM;
	if (port != 0)
		use(x, port);
	return 0;
}

bool fp_ports_is_used(const struct fp_ports *p, const char *ip, uint16_t port)
{
	const struct ip_ports *x = find(p, ip);

	return x != NULL && is_used(x, port);
}

/* The next even port of r that is free, with RTCP's within it, and not in the
 * target's own pool unless may_own; 0: none. */
static uint16_t next_free(const struct ip_ports *x, struct range *r,
			  uint16_t first, uint16_t last,
			  const struct fp_ports_opts *avoid)
{
	if (first == 0 || last <= first)
		return 0;
	if (r->first != first || r->last != last)
		*r = (struct range){ first, last, (first + 1u) & ~1u };
	for (; r->next + 1 <= last; r->next += 2) {
		if (avoid != NULL && r->next + 1 >= avoid->own_first &&
		    r->next <= avoid->own_last)
			continue;
		if (!is_used(x, r->next))
			return (uint16_t)r->next;
	}
	return 0;
}

static bool is_own(const struct fp_ports_opts *o, uint32_t port)
{
	return o->own_first != 0 && port + 1 >= o->own_first &&
	       port <= o->own_last;
}

/* A port for one that was `had`; 0: none is free. */
static uint16_t give(struct ip_ports *x, const struct fp_ports_opts *o,
		     uint16_t had)
{
	uint16_t port = next_free(x, &x->range[0], o->recovery_first,
				  o->recovery_last, NULL);
	bool is_free = !is_used(x, had);

	if (port != 0)
		return port;
	/* a port of the target's own pool is one that it gives to its next call:
	 * it looks only with rtp-port-usage-robustness */
	if (is_free && (o->is_self || !is_own(o, had)))
		return had;
	port = next_free(x, &x->range[1], o->spare_first, o->spare_last, o);
	if (port != 0)
		return port;
	if (is_free)
		return had;
	/* all have one range, which is FreeSWITCH's default: a port that may be given
	 * once more one day is better than none, which loses the call now.  It gives
	 * an even last one as well, with RTCP beyond (switch_core_port_allocator.c) */
	return next_free(x, &x->range[2], o->own_first, o->own_last | 1, NULL);
}

/* What was given of a leg that does not get all. */
static void take_back(struct ip_ports *x, const uint16_t *port, int n)
{
	for (int i = 0; i < n; i++)
		for (uint32_t b = port[i]; port[i] != 0 && b < port[i] + 2u;
		     b++)
			if (b < PORTS)
				x->bits[b / 64] &= ~(1ULL << (b % 64));
	x->range[0].last = 0; /* from its beginning again */
	x->range[1].last = 0;
	x->range[2].last = 0;
}

int fp_ports_give(struct fp_ports *p, const struct fp_ports_opts *o,
		  const char *ip, const struct fp_fsrow *row, uint16_t *media,
		  uint16_t *video, uint16_t *text)
{
	const uint16_t had[3] = { row->media_port, row->video_port,
				  row->text_port };
	uint16_t now[3] = { 0, 0, 0 };
	struct ip_ports *x = find_or_add(p, ip);

	if (x == NULL)
		return p->n == IPS_MAX ? -ENOSPC : -ENOMEM;
	for (int i = 0; i < 3; i++) {
		if (had[i] == 0)
			continue;
		now[i] = give(x, o, had[i]);
		if (now[i] == 0) {
			take_back(x, now, i);
			return -ENOSPC;
		}
		use(x, now[i]);
	}
	*media = now[0];
	*video = now[1];
	*text = now[2];
	return 0;
}
