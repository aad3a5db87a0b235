/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_PACKET_H
#define FP_CMD_PACKET_H

#include "load.h"

/* How packets and the reasons for their fate are written. */

/* "drop_block"; "-" for a number that is none. */
const char *fl_reason_name(size_t reason);
const char *fl_reason_help(size_t reason);
/* "pass", "drop" or "observe". */
const char *fl_reason_action(size_t reason);
/* "udp"; NULL for one that has no name here. */
const char *fl_proto_name(uint8_t proto);

/* The first line that is not empty, of n bytes: of a sample all of it, three bytes
 * for each that is zero. */
#define FL_LINE_SIZE (3 * FP_SAMPLE_HEAD + 4)
void fl_first_line(char out[FL_LINE_SIZE], const unsigned char *p, size_t n);

#endif
