/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_SETTINGS_PORTS_H
#define FP_MODEL_SETTINGS_PORTS_H

/* Sets of ports, for settings.c; not for others. */

#include "model/settings.h"

#define FP_P_UDP 1u
#define FP_P_TCP 2u
#define FP_P_BOTH (FP_P_UDP | FP_P_TCP)

/* In which protocols is the port in the set? */
unsigned int fp_ports_at(const struct fp_port_set *p, uint32_t port);
void fp_ports_add(struct fp_port_set *p, uint32_t from, uint32_t to,
		  unsigned int protos);
bool fp_ports_are_any(const struct fp_port_set *p);
/* "5060-5061,5080/udp", "any", "none".  0; -EINVAL: *out is unchanged. */
int fp_ports_parse(struct fp_port_set *out, const char *s);
/* The same set in its one canonical form. */
void fp_ports_print(const struct fp_port_set *p, struct fp_buf *b);

#endif
