/* SPDX-License-Identifier: Apache-2.0 */
/* RTP addresses out of documents that stay at the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/percent.h"
#include "recover/store_priv.h"

/* Only channel variables have these names.  Source: facts 2.1. */
#define ELEMENT(name) "substring(metadata from '<" name ">([^<]*)')"

static uint16_t port(const struct fp_pg_rows *rows, size_t row, size_t column)
{
	int64_t v = fp_pg_int(rows, row, column);

	return v > 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
}

static int fill(const struct fp_pg_rows *rows, struct fp_store_port **out,
		size_t *n, struct fp_err *e)
{
	struct fp_store_port *v = calloc(fp_pg_n(rows) + 1, sizeof(*v));

	if (!v)
		return fp_store_oom(e);
	for (size_t i = 0; i < fp_pg_n(rows); i++) {
		const char *uuid = fp_pg_value(rows, i, 0);
		const char *ip = fp_pg_value(rows, i, 1);

		snprintf(v[i].uuid, sizeof(v[i].uuid), "%s", uuid ? uuid : "");
		/* IPv6 is percent-encoded there */
		snprintf(v[i].ip, sizeof(v[i].ip), "%s", ip ? ip : "");
		fp_percent_decode(v[i].ip);
		v[i].media = port(rows, i, 2);
		v[i].video = port(rows, i, 3);
		v[i].text = port(rows, i, 4);
	}
	*out = v;
	*n = fp_pg_n(rows);
	return 0;
}

/* What has no audio address has no other either. */
#define PORTS                                                                      \
	"select " FP_STORE_UUID("r.") ", " ELEMENT("local_media_ip") ", " ELEMENT( \
		"local_media_port") ", " ELEMENT("local_video_port") ", " ELEMENT("local_text_port") " from recovery r where hostname = $1"

int fp_store_ports(struct fp_store *s, const char *hostname,
		   struct fp_store_port **out, size_t *n, struct fp_err *e)
{
	const char *params[] = { hostname, s->job };
	struct fp_pg_rows *rows;
	int r;

	if (*s->job)
		r = fp_pg_do(s->pg,
			     PORTS
			     " and not (uuid like 'fp:%' and exists"
			     " (select 1 from fp_stage st where st.job = $2"
			     "  and st.uuid = substr(r.uuid, 4)))",
			     params, 2, &rows, NULL, e);
	else
		r = fp_pg_do(s->pg, PORTS, params, 1, &rows, NULL, e);
	if (r)
		return r;
	r = fill(rows, out, n, e);
	fp_pg_rows_free(rows);
	return r;
}
