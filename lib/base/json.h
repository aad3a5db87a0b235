/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_JSON_H
#define FP_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Writing JSON (cJSON parses it), and a look at a text before it is parsed. */

/* Append s as a JSON string with its quotes (RFC 8259 7).  Each byte that is no
 * UTF-8 becomes U+FFFD.  Everybody takes what comes out, jsonb of PostgreSQL too: it
 * has no U+0000 and no half of a surrogate pair; and a terminal that shows it obeys
 * none of it (fp_utf8_is_control). */
void fp_json_str_add(struct fp_buf *b, const char *s);
/* The same, but bytes that are no UTF-8 stay: for a peer that gave them to us and
 * knows its things by them (a call-id, of OpenSIPS). */
void fp_json_bytes_add(struct fp_buf *b, const char *s);

/* Is it nested at most so deep, and has it at most so many values?  cJSON recurses,
 * and a value of two bytes costs it 64. */
bool fp_json_is_bounded(const char *s, size_t n, size_t depth, size_t values);

#endif
