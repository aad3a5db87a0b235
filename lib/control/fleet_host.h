/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_FLEET_HOST_H
#define FP_CONTROL_FLEET_HOST_H

#include "control/fleet.h"
#include "peer/remote.h"

/* How a node is reached, by its variables in the cluster file: fp_ssh_user or
 * ansible_user, ansible_host, ansible_port, fp_ssh_key_file or
 * ansible_ssh_private_key_file, fp_ssh_known_hosts, and in *command
 * fp_sync_command ("fp-sync receive").  0; -EINVAL: a value that cannot be. */
int fp_fleet_config(struct fp_remote_config *out, const char **command,
		    const struct fp_host *h, const struct fp_fleet_opts *o,
		    struct fp_err *e);

#endif
