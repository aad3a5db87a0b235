/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_NOTIFY_H
#define FP_CLI_NOTIFY_H

#include <stdint.h>

/* What a service tells systemd, as one datagram to $NOTIFY_SOCKET; nothing when
 * there is none.  Source: sd_notify(3), "READY=1", "STATUS=...", "WATCHDOG=1",
 * "STOPPING=1", one assignment a line. */
void fp_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often to say WATCHDOG=1: half of what the unit allows ($WATCHDOG_USEC),
 * when $WATCHDOG_PID is us or not set.  0: never. */
int64_t fp_notify_watchdog_ms(void);

#endif
