/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/opensips_priv.h"

int64_t fp_os_statistic(const struct cJSON *result, const char *name)
{
	return fp_os_number(result, name);
}

/* What ctime(3) prints: "Sat Nov 21 09:05:55 2026", taken as UTC; 0: it is
 * something else.  Not strptime(3): that reads the locale's names. */
static int64_t ctime_read(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *m;
	struct tm t = { 0 };
	char month[4];
	time_t at;

	if (sscanf(s, "%*3s %3s %2d %2d:%2d:%2d %4d", month, &t.tm_mday,
		   &t.tm_hour, &t.tm_min, &t.tm_sec, &t.tm_year) != 6)
		return 0;
	m = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!m || (m - months) % 3 || t.tm_year < 1970 || t.tm_mday < 1 ||
	    t.tm_mday > 31 || t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 ||
	    t.tm_min > 59 || t.tm_sec < 0 || t.tm_sec > 60)
		return 0;
	t.tm_mon = (int)(m - months) / 3;
	t.tm_year -= 1900;
	at = timegm(&t);
	return at > 0 ? at : 0;
}

void fp_os_uptime(const struct cJSON *result, int64_t *up_s, int64_t *now_s)
{
	const char *up = fp_os_text(result, "Up time");
	int64_t n;

	*up_s = sscanf(up, "%15" SCNd64 " [sec]", &n) == 1 && n >= 0 ? n : -1;
	*now_s = ctime_read(fp_os_text(result, "Now"));
}

bool fp_os_offset(const struct cJSON *result, int64_t *offset_s)
{
	const cJSON *v, *last = NULL;
	int64_t local_s, unix_s;

	if (!cJSON_IsArray(result))
		return false;
	cJSON_ArrayForEach(v, result) last = v;
	if (!last)
		return false;
	local_s = ctime_read(fp_os_text(last, "Date"));
	unix_s = fp_os_number(last, "Timestamp");
	if (!local_s || unix_s <= 0 || local_s - unix_s > 86400 ||
	    unix_s - local_s > 86400)
		return false;
	*offset_s = local_s - unix_s;
	return true;
}

void fp_os_version(const struct cJSON *result, char out[64])
{
	size_t n = 0;

	for (const char *s = fp_os_text(result, "Server"); *s && n < 63; s++)
		out[n++] = *s >= ' ' && *s < 127 ? *s : '?';
	out[n] = 0;
}
