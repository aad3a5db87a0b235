/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETH_SIZE 14
#define FRAME_MAX 262144 /* libpcap's largest snapshot */

/* Link-layer headers of https://www.tcpdump.org/linktypes.html: how long, and
 * where in them the EtherType is (-1: nowhere, it follows from the packet). */
static const struct fp_link_layer {
	int dlt;
	size_t size;
	int type_at;
} fp_link_layers[] = {
	{ DLT_EN10MB, 0, -1 }, /* as it is */
	{ DLT_RAW, 0, -1 },        { DLT_IPV4, 0, -1 },
	{ DLT_IPV6, 0, -1 },       { DLT_NULL, 4, -1 },
	{ DLT_LOOP, 4, -1 },       { DLT_LINUX_SLL, 16, 14 },
#ifdef DLT_LINUX_SLL2
	{ DLT_LINUX_SLL2, 20, 0 },
#endif
};

struct fp_capture {
	pcap_t *pcap;
	const char *file;
	const struct fp_link_layer *layer;
	unsigned char frame[ETH_SIZE + FRAME_MAX];
};

static int fp_capture_layer(struct fp_capture *c, struct fp_err *e)
{
	int dlt = pcap_datalink(c->pcap);
	const char *name = pcap_datalink_val_to_name(dlt);

	for (size_t i = 0; i < sizeof(fp_link_layers) / sizeof(*fp_link_layers);
	     i++)
		if (fp_link_layers[i].dlt == dlt) {
			c->layer = &fp_link_layers[i];
			return 0;
		}
	return fp_err(
		e, -EINVAL,
		"%s: captured on a link layer that is not supported: %s (%d)",
		c->file, name ? name : "unknown", dlt);
}

int fp_capture_open(struct fp_capture **out, const char *file, struct fp_err *e)
{
	struct fp_capture *c = calloc(1, sizeof(*c));
	char why[PCAP_ERRBUF_SIZE] = "";
	int r = 0;

	if (!c)
		return fp_err(e, -ENOMEM, "out of memory");
	c->file = file;
	c->pcap = pcap_open_offline(file, why);
	if (!c->pcap)
		r = strstr(why, file) ? fp_err(e, -EINVAL, "%s", why)
				      : fp_err(e, -EINVAL, "%s: %s", file, why);
	if (!r)
		r = fp_capture_layer(c, e);
	if (r)
		fp_capture_close(c);
	else
		*out = c;
	return r;
}

void fp_capture_close(struct fp_capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	free(c);
}

/* The EtherType of what is behind the link-layer header of n bytes. */
static uint16_t fp_ethertype(const struct fp_link_layer *l,
			     const unsigned char *p, size_t n)
{
	if (l->type_at >= 0)
		return (uint16_t)(p[l->type_at] << 8 | p[l->type_at + 1]);
	if (n > l->size && p[l->size] >> 4 == 4)
		return 0x0800;
	return n > l->size && p[l->size] >> 4 == 6 ? 0x86dd : 0;
}

/* An Ethernet header in place of the one that was captured. */
static void fp_capture_convert(struct fp_capture *c, const unsigned char *p,
			       size_t n, struct fp_packet *out)
{
	const struct fp_link_layer *l = c->layer;
	uint16_t type = n >= l->size ? fp_ethertype(l, p, n) : 0;
	size_t body = n >= l->size ? n - l->size : 0;

	if (body > FRAME_MAX)
		body = FRAME_MAX;
	c->frame[ETH_SIZE - 2] = (unsigned char)(type >> 8);
	c->frame[ETH_SIZE - 1] = (unsigned char)type;
	memcpy(c->frame + ETH_SIZE, p + l->size, body);
	out->frame = c->frame;
	out->len = ETH_SIZE + body;
	out->wire_len += ETH_SIZE;
	out->wire_len -= out->wire_len > l->size ? l->size : 0;
}

int fp_capture_next(struct fp_capture *c, struct fp_packet *out,
		    struct fp_err *e)
{
	struct pcap_pkthdr *h;
	const unsigned char *p;
	int r = pcap_next_ex(c->pcap, &h, &p);

	if (r == PCAP_ERROR_BREAK)
		return 0;
	if (r != 1)
		return fp_err(e, -EINVAL, "%s: %s", c->file,
			      pcap_geterr(c->pcap));
	*out = (struct fp_packet){ .frame = p,
				   .len = h->caplen,
				   .wire_len = h->len,
				   .unix_s = h->ts.tv_sec };
	if (c->layer->dlt != DLT_EN10MB)
		fp_capture_convert(c, p, h->caplen, out);
	return 1;
}
