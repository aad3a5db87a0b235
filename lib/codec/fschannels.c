/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/fschannels.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "codec/member.h"

static int each_row(const cJSON *rows,
		    int (*each)(void *ctx, const struct fp_fschannel *c),
		    void *ctx)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		struct fp_fschannel c = {
			.uuid = fp_member_text(row, "uuid"),
			.name = fp_member_text(row, "name"),
			.callstate = fp_member_text(row, "callstate"),
			.created_s =
				strtoll(fp_member_text(row, "created_epoch"),
					NULL, 10),
		};
		int r = *c.uuid ? each(ctx, &c) : 0;

		if (r)
			return r;
	}
	return 0;
}

int fp_fschannels_read(const char *body,
		       int (*each)(void *ctx, const struct fp_fschannel *c),
		       void *ctx, struct fp_err *e)
{
	cJSON *all = cJSON_Parse(body);
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(all, "rows");
	int r;

	if (!cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(all,
							     "row_count")) ||
	    (rows && !cJSON_IsArray(rows)))
		r = fp_err(e, -EBADMSG, "show channels: not as expected");
	else
		r = each_row(rows, each, ctx);
	cJSON_Delete(all);
	return r;
}
