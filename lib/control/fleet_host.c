/* SPDX-License-Identifier: Apache-2.0 */
#include "control/fleet_host.h"

#include <stdlib.h>

#define DEFAULT_COMMAND "fp-sync receive"

/* Ours wins over Ansible's. */
static const char *var(const struct fp_host *h, const char *ours,
		       const char *theirs)
{
	const char *s = fp_inventory_var(h, ours);

	return s ? s : theirs ? fp_inventory_var(h, theirs) : NULL;
}

static int read_port(const struct fp_host *h, uint16_t *out, struct fp_err *e)
{
	const char *s = var(h, "ansible_port", "ansible_ssh_port");
	unsigned long port;
	char *end;

	*out = 0;
	if (!s)
		return 0;
	port = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || !port || port > 65535)
		return fp_err(e, -EINVAL, "ansible_port=%s: a port is 1-65535",
			      s);
	*out = (uint16_t)port;
	return 0;
}

int fp_fleet_config(struct fp_remote_config *out, const char **command,
		    const struct fp_host *h, const struct fp_fleet_opts *o,
		    struct fp_err *e)
{
	struct fp_remote_hints hints = {
		.name = h->name,
		.address = h->address,
		.user = var(h, "fp_ssh_user", "ansible_user"),
		.key = var(h, "fp_ssh_key_file",
			   "ansible_ssh_private_key_file"),
		.known_hosts = var(h, "fp_ssh_known_hosts", NULL),
		.agent = o->agent,
		.home = o->home,
		.ssh = o->ssh,
	};
	int r = read_port(h, &hints.port, e);

	*command = var(h, "fp_sync_command", NULL);
	if (!*command)
		*command = DEFAULT_COMMAND;
	return r ? r : fp_remote_config(out, &hints, e);
}
