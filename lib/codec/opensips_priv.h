/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_OPENSIPS_PRIV_H
#define FP_CODEC_OPENSIPS_PRIV_H

#include <cjson/cJSON.h>

#include "codec/opensips.h"

/* Members of an object: the text or "", the number or -1 (cut to what is exact in
 * a double). */
const char *fp_os_text(const cJSON *o, const char *name);
int64_t fp_os_number(const cJSON *o, const char *name);
/* A number, also when it stands there as a text ("2"); -1 for anything else. */
int64_t fp_os_digits(const cJSON *o, const char *name);
/* The member of that name when it is an array, else NULL and e says so. */
const cJSON *fp_os_array(const cJSON *o, const char *command, const char *name,
			 struct fp_err *e);

#endif
