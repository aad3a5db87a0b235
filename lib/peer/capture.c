/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/capture.h"

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETH_SIZE 14
#define FRAME_MAX 262144 /* libpcap's largest snapshot */
#define BUFFER_SIZE (256 << 10)

/* Link-layer headers of https://www.tcpdump.org/linktypes.html: how long, where in
 * them the EtherType is (-1: nowhere, it follows from the packet), and where the
 * last byte of the packet type (-1: they have none). */
static const struct fp_link_layer {
	int dlt;
	size_t size;
	int type_at, way_at;
} fp_link_layers[] = {
	{ DLT_EN10MB, 0, -1, -1 }, /* as it is */
	{ DLT_RAW, 0, -1, -1 },        { DLT_IPV4, 0, -1, -1 },
	{ DLT_IPV6, 0, -1, -1 },       { DLT_NULL, 4, -1, -1 },
	{ DLT_LOOP, 4, -1, -1 },       { DLT_LINUX_SLL, 16, 14, 1 },
#ifdef DLT_LINUX_SLL2
	{ DLT_LINUX_SLL2, 20, 0, 10 },
#endif
};

#define SENT_BY_US 4 /* LINUX_SLL_OUTGOING */

struct fp_capture {
	pcap_t *pcap;
	FILE *file; /* the pcap's own */
	const char *name;
	const struct fp_link_layer *layer;
	uint64_t n, total;
	unsigned char frame[ETH_SIZE + FRAME_MAX];
};

/* ---- opening ---- */

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
		"%s: captured on a link layer that is not supported: %s (%d); these are: Ethernet, raw IP, Linux cooked (any), BSD loopback",
		c->name, name ? name : "unknown", dlt);
}

/* What people hand over in place of a capture, by its first bytes. */
static const struct fp_magic {
	unsigned char v[4];
	size_t n;
	const char *name, *tool;
} fp_magics[] = {
	{ { 0x1f, 0x8b }, 2, "gzip", "gzip" },
	{ { 0xfd, '7', 'z', 'X' }, 4, "xz", "xz" },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd", "zstd" },
	{ { 'B', 'Z', 'h' }, 3, "bzip2", "bzip2" },
	{ { 0x04, 0x22, 0x4d, 0x18 }, 4, "lz4", "lz4" },
};

static int fp_capture_magic(struct fp_capture *c, const unsigned char *p,
			    size_t n, struct fp_err *e)
{
	if (!n)
		return fp_err(e, -EINVAL, "%s: empty: not a capture", c->name);
	for (size_t i = 0; i < sizeof(fp_magics) / sizeof(*fp_magics); i++) {
		const struct fp_magic *m = &fp_magics[i];

		if (n >= m->n && !memcmp(p, m->v, m->n))
			return fp_err(
				e, -EINVAL,
				"%s: compressed (%s): %s -dc FILE | fp-load test -",
				c->name, m->name, m->tool);
	}
	return 0;
}

/* Look at the first bytes and put them back. */
static int fp_capture_peek(struct fp_capture *c, struct fp_err *e)
{
	unsigned char p[4];
	size_t n = fread(p, 1, sizeof(p), c->file);

	if (ferror(c->file))
		return fp_err_sys(e, -errno, "%s", c->name);
	for (size_t i = n; i; i--)
		if (ungetc(p[i - 1], c->file) == EOF)
			return fp_err(e, -EIO, "%s: cannot be read", c->name);
	return fp_capture_magic(c, p, n, e);
}

static int fp_capture_start(struct fp_capture *c, struct fp_err *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct stat st;
	int r;

	setvbuf(c->file, NULL, _IOFBF, BUFFER_SIZE);
	__fsetlocking(c->file, FSETLOCKING_BYCALLER);
	if (!fstat(fileno(c->file), &st) && S_ISREG(st.st_mode))
		c->total = (uint64_t)st.st_size;
	r = fp_capture_peek(c, e);
	if (r)
		return r;
	c->pcap = pcap_fopen_offline(c->file, why);
	if (!c->pcap)
		return fp_err(e, -EINVAL, "%s: not a capture: %s", c->name,
			      why);
	return fp_capture_layer(c, e);
}

int fp_capture_open_stream(struct fp_capture **out, FILE *f, const char *name,
			   struct fp_err *e)
{
	struct fp_capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		fclose(f);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	c->file = f;
	c->name = name;
	r = fp_capture_start(c, e);
	if (r)
		fp_capture_close(c);
	else
		*out = c;
	return r;
}

int fp_capture_file(FILE **out, const char **name, const char *file,
		    struct fp_err *e)
{
	bool is_stdin = !strcmp(file, "-");

	*name = is_stdin ? "stdin" : file;
	*out = is_stdin ? fdopen(dup(STDIN_FILENO), "rb") : fopen(file, "rbe");
	return *out ? 0 : fp_err_sys(e, -errno, "%s", *name);
}

void fp_capture_close(struct fp_capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap); /* and the file */
	else
		fclose(c->file);
	free(c);
}

/* ---- reading ---- */

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
static void fp_capture_convert(struct fp_capture *c, struct fp_packet *x)
{
	const struct fp_link_layer *l = c->layer;
	const unsigned char *p = x->frame;
	size_t body;
	uint16_t type;

	if (x->len < l->size) {
		x->len = 0;
		return;
	}
	x->is_outgoing = l->way_at >= 0 && p[l->way_at] == SENT_BY_US;
	type = fp_ethertype(l, p, x->len);
	body = x->len - l->size;
	if (body > FRAME_MAX)
		body = FRAME_MAX;
	c->frame[ETH_SIZE - 2] = (unsigned char)(type >> 8);
	c->frame[ETH_SIZE - 1] = (unsigned char)type;
	memcpy(c->frame + ETH_SIZE, p + l->size, body);
	x->frame = c->frame;
	x->len = ETH_SIZE + body;
	x->wire_len = x->wire_len - l->size + ETH_SIZE;
}

static int fp_capture_failed(struct fp_capture *c, struct fp_err *e)
{
	return fp_err(e, -EINVAL, "%s: packet %llu: %s", c->name,
		      (unsigned long long)c->n, pcap_geterr(c->pcap));
}

int fp_capture_next(struct fp_capture *c, struct fp_packet *out,
		    struct fp_err *e)
{
	struct pcap_pkthdr *h;
	const unsigned char *p;
	int r = pcap_next_ex(c->pcap, &h, &p);

	if (r == PCAP_ERROR_BREAK)
		return 0;
	c->n++;
	if (r != 1)
		return fp_capture_failed(c, e);
	/* a file may say that less was sent than was captured */
	*out = (struct fp_packet){ .frame = p,
				   .len = h->caplen,
				   .wire_len = h->len > h->caplen ? h->len
								  : h->caplen,
				   .unix_s = h->ts.tv_sec,
				   .us = (uint32_t)h->ts.tv_usec };
	if (c->layer->dlt != DLT_EN10MB)
		fp_capture_convert(c, out);
	return 1;
}

bool fp_capture_has_direction(const struct fp_capture *c)
{
	return c->layer->way_at >= 0;
}

void fp_capture_place(const struct fp_capture *c, uint64_t *done,
		      uint64_t *total)
{
	off_t at = c->total ? ftello(c->file) : -1;

	*done = at > 0 ? (uint64_t)at : 0;
	*total = c->total;
}
